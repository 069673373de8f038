//! moto's server: others' work of what Amazon's interfaces do, Route 53 among them.
//!
//! It checks signatures once told to, with Amazon's own code, and serves no DNS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Server, folder};
use crate::{ServerError, ports, programs};

/// Names the folder of the Python environment that has it, where that is not `target/tools/moto`.
pub const HOME: &str = "ROLLOUT_MOTO";

const PROGRAM: &str = "moto_server";

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    /// Where it answers HTTP, for all of Amazon's interfaces.
    pub address: SocketAddr,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl Moto {
    /// Starts it at 127.0.0.1 on a free port, with nothing in it. Returns when it takes connections.
    pub fn start() -> Result<Self, ServerError> {
        let folder = folder("moto")?;
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = SocketAddr::new(ip, ports::free(ip)?);
        let mut command = Command::new(program()?);
        command
            .args(["-H", &ip.to_string()])
            .args(["-p", &address.port().to_string()]);
        let mut server = Server::spawn("moto", command, folder.path())?;
        server.wait_until("took connections", || TcpStream::connect(address).is_ok())?;
        Ok(Self {
            address,
            server,
            _folder: folder,
        })
    }

    /// Whether it is installed; prints what is left out otherwise.
    pub fn available(purpose: &str) -> bool {
        let missing = program().is_err();
        if missing {
            let reason = format!("not installed: {PROGRAM} (tests/install-servers.sh installs it)");
            programs::leave_out(purpose, &reason);
        }
        !missing
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// All it wrote so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

fn program() -> Result<PathBuf, ServerError> {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/moto");
    let home = std::env::var_os(HOME).map_or_else(built, PathBuf::from);
    let own = home.join("bin").join(PROGRAM);
    if own.is_file() {
        return Ok(own);
    }
    programs::find(PROGRAM)
}
