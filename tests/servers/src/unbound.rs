//! Unbound as a caching, validating resolver.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tempfile::TempDir;

use crate::process::{Server, folder};
use crate::programs::{find, run, unconfined};
use crate::{ServerError, ask, ports};

/// What must be installed.
pub const PROGRAMS: [&str; 2] = ["unbound", "unbound-control"];

/// Where Unbound begins to look.
#[derive(Clone, Debug)]
pub enum Start {
    /// Addresses of root servers; every server is then asked on port 53, as on the internet.
    RootHints(Vec<IpAddr>),
    /// The server of each zone, with its port. Delegations below these zones lead to port 53.
    Stubs(Vec<(String, SocketAddr)>),
}

/// How Unbound behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; none: 127.0.0.1 on a free port.
    pub listen: Option<SocketAddr>,
    /// Where it begins to look.
    pub start: Start,
    /// Trust anchors as DS or DNSKEY records in presentation form. None: nothing is validated.
    pub trust_anchors: Vec<String>,
    /// Further lines of the `server:` clause, for example `cache-max-negative-ttl: 1`.
    pub settings: Vec<String>,
}

/// A running Unbound.
#[derive(Debug)]
pub struct Unbound {
    /// Where it answers DNS, by UDP and TCP.
    pub dns_addr: SocketAddr,
    configuration: PathBuf,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl Unbound {
    /// Starts it and returns when it has an answer from the first of its sources.
    pub fn start(options: &Options) -> Result<Self, ServerError> {
        let local = IpAddr::from([127, 0, 0, 1]);
        let dns_addr = match options.listen {
            Some(listen) => listen,
            None => SocketAddr::new(local, ports::free(local)?),
        };
        let folder = folder("unbound")?;
        let path = folder.path();
        let configuration = path.join("unbound.conf");
        std::fs::write(&configuration, text(options, dns_addr, &folder))
            .map_err(ServerError::io("writing unbound.conf"))?;
        if let Start::RootHints(addresses) = &options.start {
            std::fs::write(path.join("root.hints"), hints(addresses))
                .map_err(ServerError::io("writing root.hints"))?;
        }
        let mut command = Command::new(unconfined("unbound", path)?);
        command.arg("-d").arg("-p").arg("-c").arg(&configuration);
        let mut server = Server::spawn("Unbound", command, path)?;
        let first = match &options.start {
            Start::RootHints(_) => String::from("."),
            Start::Stubs(stubs) => stubs
                .first()
                .map_or_else(|| String::from("."), |(zone, _)| zone.clone()),
        };
        server.wait_until("found an answer", || {
            ask::Ask::default()
                .send(dns_addr, &first, RecordType::SOA)
                .is_ok_and(|answer| answer.metadata.response_code == ResponseCode::NoError)
        })?;
        Ok(Self {
            dns_addr,
            configuration,
            server,
            _folder: folder,
        })
    }

    /// Whether its programs are installed; prints what is left out otherwise.
    pub fn available(purpose: &str) -> bool {
        crate::programs::available(purpose, &PROGRAMS)
    }

    /// Runs `unbound-control` against this server, for example `["flush_zone", "example.com"]`; its output.
    pub fn control(&self, arguments: &[&str]) -> Result<String, ServerError> {
        run(Command::new(find("unbound-control")?)
            .arg("-c")
            .arg(&self.configuration)
            .args(arguments))
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

fn text(options: &Options, dns_addr: SocketAddr, folder: &TempDir) -> String {
    let folder = folder.path().display();
    let mut text = format!(
        "server:\n\
         \tdirectory: \"{folder}\"\n\
         \tchroot: \"\"\n\
         \tusername: \"\"\n\
         \tpidfile: \"\"\n\
         \tuse-syslog: no\n\
         \tlogfile: \"\"\n\
         \tverbosity: 1\n\
         \tval-log-level: 2\n\
         \tlog-servfail: yes\n\
         \tnum-threads: 1\n\
         \tinterface: {address}@{port}\n\
         \taccess-control: 127.0.0.0/8 allow\n\
         \tdo-not-query-localhost: no\n\
         \ttrust-anchor-signaling: no\n\
         \troot-key-sentinel: no\n\
         \tlocal-zone: \"test.\" nodefault\n\
         \tlocal-zone: \"invalid.\" nodefault\n",
        address = dns_addr.ip(),
        port = dns_addr.port(),
    );
    for anchor in &options.trust_anchors {
        text.push_str(&format!("\ttrust-anchor: \"{anchor}\"\n"));
    }
    if options.trust_anchors.is_empty() {
        text.push_str("\tmodule-config: \"iterator\"\n");
    }
    if matches!(options.start, Start::RootHints(_)) {
        text.push_str("\troot-hints: \"root.hints\"\n");
    }
    for setting in &options.settings {
        text.push_str(&format!("\t{setting}\n"));
    }
    text.push_str(&format!(
        "remote-control:\n\
         \tcontrol-enable: yes\n\
         \tcontrol-interface: \"{folder}/control\"\n\
         \tcontrol-use-cert: no\n"
    ));
    if let Start::Stubs(stubs) = &options.start {
        for (zone, server) in stubs {
            text.push_str(&format!(
                "stub-zone:\n\tname: \"{zone}\"\n\tstub-addr: {}@{}\n",
                server.ip(),
                server.port()
            ));
        }
    }
    text
}

fn hints(addresses: &[IpAddr]) -> String {
    let mut text = String::new();
    for (number, address) in addresses.iter().enumerate() {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        text.push_str(&format!(
            ". 3600 NS hint{number}.root-servers.\nhint{number}.root-servers. 3600 {kind} {address}\n"
        ));
    }
    text
}
