//! BIND 9 as a primary that takes updates and transfers signed with TSIG.
//!
//! Zones start unsigned. [`Bind::sign`] switches one of them to inline signing as an administrator would: the policy
//! goes into `named.conf` and `rndc reconfig` takes it up.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use hickory_proto::rr::RecordType;
use tempfile::TempDir;

use crate::process::{Server, folder, wait_for};
use crate::programs::{find, run, unconfined};
use crate::tsig::TsigKey;
use crate::{ServerError, ask, ports, zone};

/// What must be installed.
pub const PROGRAMS: [&str; 3] = ["named", "named-checkconf", "rndc"];

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
    configuration: Configuration,
    signed: Mutex<BTreeSet<String>>,
    // Before the folder, so that the server is gone when its files go.
    server: Server,
    _folder: TempDir,
}

impl Bind {
    /// Starts it at 127.0.0.1 on a free port with unsigned `zones`: an apex and records in zone file format (see
    /// [`zone::file`]). Updates and transfers need the key; without one a new key is made. Returns when it answers for each
    /// zone.
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
        let key = tsig.unwrap_or_else(|| TsigKey::random("rollout-test"));
        for (apex, records) in zones {
            let file = folder
                .path()
                .join(format!("{}.zone", zone::file_name(apex)));
            std::fs::write(&file, zone::file(apex, records, dns_addr.ip()))
                .map_err(ServerError::io(format!("writing {}", file.display())))?;
        }
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let configuration = Configuration {
            folder: folder.path().to_owned(),
            dns_addr,
            control: SocketAddr::new(local, ports::free(local)?),
            control_key: TsigKey::random("rndc"),
            zones: zones.iter().map(|(apex, _)| (*apex).to_owned()).collect(),
            key: key.clone(),
        };
        let signed = BTreeSet::new();
        configuration.write(&signed)?;
        let mut command = Command::new(unconfined("named", folder.path())?);
        command
            .arg("-g")
            .args(["-n", "1"])
            .arg("-c")
            .arg(configuration.file());
        let mut server = Server::spawn("BIND", command, folder.path())?;
        server.wait_until("answered for every zone", || {
            zones.iter().all(|(apex, _)| ask::serves(dns_addr, apex))
        })?;
        Ok(Self {
            dns_addr,
            key_name: key.name,
            key_secret_base64: key.secret,
            algorithm: key.algorithm,
            configuration,
            signed: Mutex::new(signed),
            server,
            _folder: folder,
        })
    }

    /// Whether its programs are installed; prints what is left out otherwise.
    pub fn available(purpose: &str) -> bool {
        crate::programs::available(purpose, &PROGRAMS)
    }

    /// The key that its zones' updates and transfers need.
    pub fn key(&self) -> &TsigKey {
        &self.configuration.key
    }

    /// Switches inline signing on for `apex` and returns when the server serves a DNSKEY and a signed SOA for it.
    ///
    /// BIND itself publishes CDS only about a day later, when its policy's largest TTL has passed.
    pub fn sign(&self, apex: &str) -> Result<(), ServerError> {
        let mut signed = self.signed.lock().unwrap();
        signed.insert(apex.to_owned());
        self.configuration.write(&signed)?;
        // A journal of earlier updates would be applied twice: the log then says "receive_secure_serial: not exact",
        // and no later update reaches the signed zone.
        self.rndc(&["sync", "-clean", apex])?;
        self.rndc(&["reconfig"])?;
        let complete = wait_for(|| {
            let keys = ask::authoritative(self.dns_addr, apex, RecordType::DNSKEY);
            !keys.is_empty() && ask::serves_signed(self.dns_addr, apex)
        });
        if complete {
            return Ok(());
        }
        Err(self.server.failure(&format!("has not signed {apex}")))
    }

    /// Runs `rndc` against this server; its output.
    pub fn rndc(&self, arguments: &[&str]) -> Result<String, ServerError> {
        run(Command::new(find("rndc")?)
            .arg("-k")
            .arg(self.configuration.control_key_file())
            .args(["-s", &self.configuration.control.ip().to_string()])
            .args(["-p", &self.configuration.control.port().to_string()])
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

#[derive(Debug)]
struct Configuration {
    folder: PathBuf,
    dns_addr: SocketAddr,
    control: SocketAddr,
    control_key: TsigKey,
    zones: Vec<String>,
    key: TsigKey,
}

impl Configuration {
    fn file(&self) -> PathBuf {
        self.folder.join("named.conf")
    }

    fn control_key_file(&self) -> PathBuf {
        self.folder.join("rndc.key")
    }

    /// Writes it and has BIND's own checker read it.
    fn write(&self, signed: &BTreeSet<String>) -> Result<(), ServerError> {
        std::fs::write(self.control_key_file(), self.control_key.bind_clause())
            .map_err(ServerError::io("writing rndc.key"))?;
        std::fs::write(self.file(), self.text(signed))
            .map_err(ServerError::io("writing named.conf"))?;
        run(Command::new(find("named-checkconf")?).arg(self.file()))?;
        Ok(())
    }

    fn text(&self, signed: &BTreeSet<String>) -> String {
        let mut text = self.key.bind_clause() + &self.control_key.bind_clause();
        text.push_str(&format!(
            "options {{\n\
             \tdirectory \"{folder}\";\n\
             \tlisten-on port {port} {{ {address}; }};\n\
             \tlisten-on-v6 {{ none; }};\n\
             \tpid-file none;\n\
             \tlock-file none;\n\
             \tsession-keyfile \"{folder}/session.key\";\n\
             \trecursion no;\n\
             \tdnssec-validation no;\n\
             \tnotify no;\n\
             \tempty-zones-enable no;\n\
             }};\n\
             controls {{ inet {control} port {control_port} allow {{ 127.0.0.0/8; }} keys {{ \"{control_key}\"; }}; }};\n\
             dnssec-policy \"short\" {{\n\
             \tkeys {{ csk lifetime unlimited algorithm ecdsap256sha256; }};\n\
             \tdnskey-ttl {ttl};\n\
             }};\n",
            folder = self.folder.display(),
            port = self.dns_addr.port(),
            address = self.dns_addr.ip(),
            control = self.control.ip(),
            control_port = self.control.port(),
            control_key = self.control_key.name,
            ttl = zone::SHORT_TTL,
        ));
        for apex in &self.zones {
            let signing = if signed.contains(apex) {
                "\tdnssec-policy \"short\";\n\tinline-signing yes;\n"
            } else {
                ""
            };
            text.push_str(&format!(
                "zone \"{apex}\" {{\n\
                 \ttype primary;\n\
                 \tfile \"{file}.zone\";\n\
                 \tallow-update {{ key \"{key}\"; }};\n\
                 \tallow-transfer {{ key \"{key}\"; }};\n\
                 {signing}\
                 }};\n",
                file = zone::file_name(apex),
                key = self.key.name,
            ));
        }
        text
    }
}
