//! PowerDNS Authoritative with its HTTP API and a SQLite database.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Server, folder};
use crate::programs::{find, run};
use crate::{ServerError, ask, ports, zone};

/// What must be installed.
pub const PROGRAMS: [&str; 3] = ["pdns_server", "pdnsutil", "sqlite3"];

const SCHEMA: &str = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/// A running PowerDNS.
#[derive(Debug)]
pub struct PowerDns {
    /// Base address of the API's server resource: `http://127.0.0.1:PORT`.
    pub api_url: String,
    /// The value of the header `X-API-Key`.
    pub api_key: String,
    /// Where it answers DNS.
    pub dns_addr: SocketAddr,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl PowerDns {
    /// Starts it at 127.0.0.1 on free ports with unsigned `zones`: an apex and records in zone file format (see [`zone::file`]).
    /// Returns when it answers for each zone and the API answers.
    pub fn start(zones: &[(&str, &str)]) -> Result<Self, ServerError> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::start_at(SocketAddr::new(address, ports::free(address)?), zones)
    }

    /// The same, answering DNS at `dns_addr`; the API stays at 127.0.0.1.
    pub fn start_at(dns_addr: SocketAddr, zones: &[(&str, &str)]) -> Result<Self, ServerError> {
        Self::start_with(dns_addr, zones, false)
    }

    /// The same with every zone signed from its first answer on, absence being proven by NSEC3 records made for the question
    /// (RFC 7129 appendix B, "white lies").
    pub fn start_signed_at(
        dns_addr: SocketAddr,
        zones: &[(&str, &str)],
    ) -> Result<Self, ServerError> {
        Self::start_with(dns_addr, zones, true)
    }

    fn start_with(
        dns_addr: SocketAddr,
        zones: &[(&str, &str)],
        signed: bool,
    ) -> Result<Self, ServerError> {
        let folder = folder("pdns")?;
        let path = folder.path();
        let database = path.join("zones.sqlite");
        let api = SocketAddr::new(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports::free(IpAddr::V4(Ipv4Addr::LOCALHOST))?,
        );
        let api_key = crate::tsig::TsigKey::random("api").secret;
        run(Command::new(find("sqlite3")?)
            .arg(&database)
            .arg(format!(".read {SCHEMA}")))?;
        let configuration = format!(
            "launch=gsqlite3\n\
             gsqlite3-database={database}\n\
             gsqlite3-dnssec=yes\n\
             gsqlite3-pragma-synchronous=0\n\
             api=yes\n\
             api-key={api_key}\n\
             webserver=yes\n\
             webserver-address={}\n\
             webserver-port={}\n\
             webserver-allow-from=127.0.0.0/8\n\
             local-address={}\n\
             local-port={}\n\
             socket-dir={folder}\n\
             daemon=no\n\
             guardian=no\n\
             write-pid=no\n\
             security-poll-suffix=\n\
             zone-cache-refresh-interval=0\n\
             loglevel=4\n",
            api.ip(),
            api.port(),
            dns_addr.ip(),
            dns_addr.port(),
            database = database.display(),
            folder = path.display(),
        );
        std::fs::write(path.join("pdns.conf"), configuration)
            .map_err(ServerError::io("writing pdns.conf"))?;
        let folder_option = format!("--config-dir={}", path.display());
        for (apex, records) in zones {
            let file = path.join(format!("{}.zone", zone::file_name(apex)));
            std::fs::write(&file, zone::file(apex, records, dns_addr.ip()))
                .map_err(ServerError::io(format!("writing {}", file.display())))?;
            let pdnsutil = find("pdnsutil")?;
            run(Command::new(&pdnsutil)
                .args([&folder_option, "load-zone", apex])
                .arg(&file))?;
            // Without it a change by the API leaves the serial, and so secondaries and watchers, where they were.
            run(Command::new(&pdnsutil).args([
                &folder_option,
                "set-meta",
                apex,
                "SOA-EDIT-API",
                "DEFAULT",
            ]))?;
            if signed {
                let lies = ["set-nsec3", apex, "1 0 0 -", "narrow"];
                for order in [&["secure-zone", apex][..], &lies] {
                    run(Command::new(&pdnsutil).arg(&folder_option).args(order))?;
                }
            }
        }
        let mut command = Command::new(find("pdns_server")?);
        command.arg(&folder_option);
        let mut server = Server::spawn("PowerDNS", command, path)?;
        server.wait_until("answered for every zone", || {
            zones.iter().all(|(apex, _)| ask::serves(dns_addr, apex))
        })?;
        server.wait_until("opened its API", || {
            std::net::TcpStream::connect(api).is_ok()
        })?;
        Ok(Self {
            api_url: format!("http://{api}"),
            api_key,
            dns_addr,
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
