//! BIND 9 as a primary that takes updates and transfers signed with TSIG.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Server, folder};
use crate::programs::{run, unconfined};
use crate::tsig::TsigKey;
use crate::{ServerError, ask, ports, programs, zone};

/// What must be installed.
pub const PROGRAMS: [&str; 2] = ["named", "named-checkconf"];

/// A running BIND.
#[derive(Debug)]
pub struct Bind {
    /// Where it answers DNS, by UDP and TCP.
    pub dns_addr: SocketAddr,
    /// The TSIG key's name, without the final dot.
    pub key_name: String,
    /// The TSIG secret in base64.
    pub key_secret_base64: String,
    /// The TSIG algorithm: `hmac-sha256`.
    pub algorithm: String,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl Bind {
    /// Starts it at 127.0.0.1 on a free port with unsigned `zones`: an apex and records in zone file format (see
    /// [`zone::file`]). Updates and transfers need the key; without one a new key is made. Returns when it answers for each zone.
    pub fn start(zones: &[(&str, &str)], tsig: Option<TsigKey>) -> Result<Self, ServerError> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::start_at(SocketAddr::new(address, ports::free(address)?), zones, tsig)
    }

    /// The same at `dns_addr`, whose address an interface must carry.
    pub fn start_at(
        dns_addr: SocketAddr,
        zones: &[(&str, &str)],
        tsig: Option<TsigKey>,
    ) -> Result<Self, ServerError> {
        let folder = folder("bind")?;
        let path = folder.path();
        let key = tsig.unwrap_or_else(|| TsigKey::random("rollout-test"));
        for (apex, records) in zones {
            let file = path.join(format!("{}.zone", zone::file_name(apex)));
            std::fs::write(&file, zone::file(apex, records, dns_addr.ip()))
                .map_err(ServerError::io(format!("writing {}", file.display())))?;
        }
        let file = path.join("named.conf");
        std::fs::write(&file, configuration(path, dns_addr, zones, &key))
            .map_err(ServerError::io("writing named.conf"))?;
        run(Command::new(programs::find("named-checkconf")?).arg(&file))?;
        let mut command = Command::new(unconfined("named", path)?);
        command.arg("-g").arg("-n1").arg("-c").arg(&file);
        let mut server = Server::spawn("BIND", command, path)?;
        server.wait_until("answered for every zone", || {
            zones.iter().all(|(apex, _)| ask::serves(dns_addr, apex))
        })?;
        Ok(Self {
            dns_addr,
            key_name: key.name,
            key_secret_base64: key.secret,
            algorithm: key.algorithm,
            server,
            _folder: folder,
        })
    }

    /// Whether its programs are installed; prints what is left out otherwise.
    pub fn available(purpose: &str) -> bool {
        crate::programs::available(purpose, &PROGRAMS)
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

fn configuration(
    folder: &Path,
    dns_addr: SocketAddr,
    zones: &[(&str, &str)],
    key: &TsigKey,
) -> String {
    let mut text = key.bind_clause();
    text.push_str(&format!(
        "options {{\n\
         \tdirectory \"{folder}\";\n\
         \tlisten-on port {} {{ {}; }};\n\
         \tlisten-on-v6 {{ none; }};\n\
         \tpid-file none;\n\
         \tlock-file none;\n\
         \tsession-keyfile \"{folder}/session.key\";\n\
         \trecursion no;\n\
         \tdnssec-validation no;\n\
         \tnotify no;\n\
         \tempty-zones-enable no;\n\
         }};\n\
         controls {{ }};\n",
        dns_addr.port(),
        dns_addr.ip(),
        folder = folder.display(),
    ));
    for (apex, _) in zones {
        text.push_str(&format!(
            "zone \"{apex}\" {{\n\
             \ttype primary;\n\
             \tfile \"{}.zone\";\n\
             \tallow-update {{ key \"{key}\"; }};\n\
             \tallow-transfer {{ key \"{key}\"; }};\n\
             }};\n",
            zone::file_name(apex),
            key = key.name,
        ));
    }
    text
}
