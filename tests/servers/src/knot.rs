//! Knot DNS as a primary that takes updates and transfers signed with TSIG, and signs zones by itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Server, folder, wait_for};
use crate::tsig::TsigKey;
use crate::{ServerError, ask, ports, programs, zone};

/// What must be installed.
pub const PROGRAMS: [&str; 1] = ["knotd"];

/// One zone to serve.
#[derive(Clone, Debug)]
pub struct KnotZone {
    /// Its name; empty or `.` is the root.
    pub apex: String,
    /// Its records in zone file format (see [`zone::file`]).
    pub records: String,
    /// Whether Knot signs it, with one ECDSA P-256 key, from its first answer on.
    pub signed: bool,
}

impl KnotZone {
    /// A zone that Knot does not sign.
    pub fn unsigned(apex: &str, records: impl Into<String>) -> Self {
        Self {
            apex: apex.to_owned(),
            records: records.into(),
            signed: false,
        }
    }

    /// A zone that Knot signs.
    pub fn signed(apex: &str, records: impl Into<String>) -> Self {
        Self {
            signed: true,
            ..Self::unsigned(apex, records)
        }
    }
}

/// A running Knot.
#[derive(Debug)]
pub struct Knot {
    /// Where it answers DNS, by UDP and TCP.
    pub dns_addr: SocketAddr,
    /// The key that its zones' updates and transfers need.
    pub key: TsigKey,
    zones: Mutex<Vec<KnotZone>>,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    folder: TempDir,
}

impl Knot {
    /// Starts it at 127.0.0.1 on a free port; without a key a new one is made. Returns when it answers for each zone.
    pub fn start(zones: &[KnotZone], tsig: Option<TsigKey>) -> Result<Self, ServerError> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self::start_at(SocketAddr::new(address, ports::free(address)?), zones, tsig)
    }

    /// The same at `dns_addr`.
    pub fn start_at(
        dns_addr: SocketAddr,
        zones: &[KnotZone],
        tsig: Option<TsigKey>,
    ) -> Result<Self, ServerError> {
        let folder = folder("knot")?;
        let path = folder.path();
        let key = tsig.unwrap_or_else(|| TsigKey::random("rollout-test"));
        // Knot does not make it and then cannot open its key database.
        std::fs::create_dir(path.join("db")).map_err(ServerError::io("making Knot's folder"))?;
        for wanted in zones {
            let file = path.join(format!("{}.zone", zone::file_name(&wanted.apex)));
            std::fs::write(
                &file,
                zone::file(&wanted.apex, &wanted.records, dns_addr.ip()),
            )
            .map_err(ServerError::io(format!("writing {}", file.display())))?;
        }
        let file = path.join("knot.conf");
        write(&file, &configuration(path, dns_addr, &key, zones))?;
        let mut command = Command::new(programs::find("knotd")?);
        command.arg("-c").arg(&file);
        let mut server = Server::spawn("Knot", command, path)?;
        server.wait_until("answered for every zone", || {
            zones.iter().all(|zone| {
                if zone.signed {
                    ask::serves_signed(dns_addr, &zone.apex)
                } else {
                    ask::serves(dns_addr, &zone.apex)
                }
            })
        })?;
        Ok(Self {
            dns_addr,
            key,
            zones: Mutex::new(zones.to_vec()),
            server,
            folder,
        })
    }

    /// Has it sign `apex` from now on, as an administrator would: by its configuration, which it reads again. Returns when it serves
    /// a DNSKEY and a signed SOA for the zone.
    pub fn sign(&self, apex: &str) -> Result<(), ServerError> {
        let mut zones = self.zones.lock().unwrap();
        for zone in zones.iter_mut().filter(|zone| zone.apex == apex) {
            zone.signed = true;
        }
        let path = self.folder.path();
        write(
            &path.join("knot.conf"),
            &configuration(path, self.dns_addr, &self.key, &zones),
        )?;
        self.server.signal(Signal::HUP)?;
        let complete = wait_for(|| {
            let keys = ask::authoritative(self.dns_addr, apex, RecordType::DNSKEY);
            !keys.is_empty() && ask::serves_signed(self.dns_addr, apex)
        });
        if complete {
            return Ok(());
        }
        Err(self.server.failure(&format!("has not signed {apex}")))
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

fn write(file: &Path, text: &str) -> Result<(), ServerError> {
    std::fs::write(file, text).map_err(ServerError::io(format!("writing {}", file.display())))
}

fn configuration(folder: &Path, dns_addr: SocketAddr, key: &TsigKey, zones: &[KnotZone]) -> String {
    let mut configuration = format!(
        "server:\n\
         \x20   rundir: \"{folder}\"\n\
         \x20   listen: \"{address}@{port}\"\n\
         \x20   udp-workers: 1\n\
         \x20   tcp-workers: 1\n\
         \x20   background-workers: 1\n\
         log:\n\
         \x20 - target: stderr\n\
         \x20   any: info\n\
         database:\n\
         \x20   storage: \"{folder}/db\"\n\
         \x20   journal-db-max-size: 50M\n\
         \x20   kasp-db-max-size: 50M\n\
         \x20   timer-db-max-size: 10M\n\
         key:\n\
         \x20 - id: \"{key}\"\n\
         \x20   algorithm: {algorithm}\n\
         \x20   secret: {secret}\n\
         acl:\n\
         \x20 - id: holder\n\
         \x20   key: \"{key}\"\n\
         \x20   action: [ update, transfer ]\n\
         policy:\n\
         \x20 - id: short\n\
         \x20   algorithm: ecdsap256sha256\n\
         \x20   single-type-signing: on\n\
         \x20   dnskey-ttl: {ttl}\n\
         \x20   cds-cdnskey-publish: none\n\
         template:\n\
         \x20 - id: default\n\
         \x20   storage: \"{folder}\"\n\
         \x20   acl: holder\n\
         \x20   zonefile-load: difference\n\
         zone:\n",
        folder = folder.display(),
        address = dns_addr.ip(),
        port = dns_addr.port(),
        key = key.name,
        algorithm = key.algorithm,
        secret = key.secret,
        ttl = zone::SHORT_TTL,
    );
    for zone in zones {
        configuration.push_str(&format!(
            "  - domain: \"{}.\"\n    file: \"{}.zone\"\n",
            zone.apex.trim_end_matches('.'),
            zone::file_name(&zone.apex),
        ));
        if zone.signed {
            configuration.push_str("    dnssec-signing: on\n    dnssec-policy: short\n");
        }
    }
    configuration
}
