//! A domain on real servers, with the tenant that it belongs to.
//!
//! Microsoft's APIs are the laboratory's; what they bring about is carried over to the real servers.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rollout_lab::{DomainSeed, Lab, Options, Service};
use rollout_servers::internet::{
    Customer, DnsHost, Internet, RESOLVER, ROOT, SECOND_RESOLVER, SMTP_PORT,
};
use rollout_servers::sender::Poller;
use rollout_servers::update::update;

use super::counting::Relay;
use super::program::{Ended, Program};
use crate::support::{install_crypto, quick};

/// From the cmdlet's effect to the new host's address, and to the TLSA records.
const MICROSOFT_TAKES: Duration = Duration::from_millis(1500);

/// One domain, its servers, its tenant, its files.
pub struct Scene {
    pub domain: &'static str,
    pub internet: Arc<Internet>,
    pub lab: Arc<Lab>,
    pub relay: Relay,
    host: DnsHost,
    bridge: Bridge,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Starts everything for one domain, unsigned and on the legacy MX. Inside `run_inside` only.
    pub fn start(domain: &'static str, host: DnsHost) -> Self {
        install_crypto();
        let internet = Arc::new(Internet::start(&[Customer::new(domain, host)]).unwrap());
        let lab = Arc::new(
            Lab::start(Options {
                timing: quick(),
                // The partition whose zone the real servers have.
                partition: Some('o'),
                ..Options::with_domains([DomainSeed::ordinary(domain)])
            })
            .unwrap(),
        );
        let bridge = Bridge::start(Arc::clone(&lab), Arc::clone(&internet));
        let relay = Relay::before(&internet.powerdns.api_url);
        let folder = tempfile::tempdir().unwrap();
        let scene = Self {
            domain,
            internet,
            lab,
            relay,
            host,
            bridge,
            folder,
        };
        scene.write_domain_file();
        scene
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join(format!("{}.yml", self.domain))
    }

    /// Starts `rollout` with these arguments; `FILE` stands for the domain file.
    pub fn rollout(&self, arguments: &[&str]) -> Program {
        let file = self.file().display().to_string();
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|argument| {
                if *argument == "FILE" {
                    &file
                } else {
                    *argument
                }
            })
            .collect();
        println!("$ rollout {}", arguments.join(" "));
        Program::start(&self.folder.path().join("state"), &arguments)
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.rollout(arguments).end()
    }

    /// A sender behind a resolver whose cache it shares with nobody who judges.
    pub fn sender(&self) -> Poller {
        let resolver = self.internet.resolvers[1].dns_addr;
        Poller::start(resolver, self.domain, SMTP_PORT, Duration::from_millis(50))
    }

    /// The MX record set of the authoritative server as `preference host`, sorted.
    pub fn mx(&self) -> Vec<String> {
        let server = self.internet.server_of(self.domain);
        let kind = hickory_proto::rr::RecordType::MX;
        let mut found: Vec<String> = rollout_servers::ask::authoritative(server, self.domain, kind)
            .iter()
            .map(|data| data.to_string().trim_end_matches('.').to_owned())
            .collect();
        found.sort();
        found
    }

    /// An administrator changes the zone past `rollout`: lines of `nsupdate`.
    pub fn edit(&self, changes: &[String]) {
        let bind = &self.internet.bind;
        update(bind.dns_addr, bind.key(), self.domain, changes).unwrap();
    }

    /// An administrator writes the MX set, `preference host` each, by PowerDNS's API past `rollout`.
    pub fn set_mx(&self, values: &[String]) {
        let records: Vec<_> = values
            .iter()
            .map(|value| serde_json::json!({"content": format!("{value}."), "disabled": false}))
            .collect();
        let name = format!("{}.", self.domain);
        let body = serde_json::json!({"rrsets": [
            {"name": name, "type": "MX", "ttl": 2, "changetype": "REPLACE", "records": records}
        ]})
        .to_string();
        let answer = self.powerdns("PATCH", &body);
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    /// The zone as PowerDNS's API gives it.
    pub fn powerdns_zone(&self) -> serde_json::Value {
        let answer = self.powerdns("GET", "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// A request about the zone to PowerDNS's API, past `rollout`.
    fn powerdns(&self, method: &str, body: &str) -> String {
        let powerdns = &self.internet.powerdns;
        let host = powerdns.api_url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} /api/v1/servers/localhost/zones/{}. HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.domain,
            powerdns.api_key,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Requests to APIs so far, by kind. Of BIND only updates are known: reading it is DNS.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for entry in self.lab.log() {
            let service = match entry.service {
                Service::Entra => "sign-in",
                Service::Graph => "graph",
                Service::Exchange => "exchange",
                _ => continue,
            };
            *calls.entry(service.to_owned()).or_default() += 1;
        }
        match self.host {
            DnsHost::PowerDns => {
                for line in self.relay.requests() {
                    let method = line.split(' ').next().unwrap_or_default();
                    *calls.entry(format!("powerdns {method}")).or_default() += 1;
                }
            }
            DnsHost::Bind => {
                calls.insert("bind update".to_owned(), self.updates());
            }
        }
        calls
    }

    /// How often anything was changed anywhere: cmdlets with an effect, and writes at the DNS host.
    pub fn writes(&self) -> usize {
        let effects = self.lab.log().iter().filter(|entry| entry.effect).count();
        effects
            + match self.host {
                DnsHost::PowerDns => self.relay.writes().len(),
                DnsHost::Bind => self.updates(),
            }
    }

    /// Cmdlets that changed something, in order.
    pub fn cmdlets(&self) -> Vec<String> {
        let mut log = self.lab.log();
        log.retain(|entry| entry.service == Service::Exchange && entry.effect);
        log.into_iter().map(|entry| entry.operation).collect()
    }

    /// Update messages that BIND took, as its log counts them.
    fn updates(&self) -> usize {
        let log = self.internet.bind.log();
        let of_zone = format!("updating zone '{}/IN'", self.domain);
        let mut messages: Vec<&str> = log
            .lines()
            .filter(|line| line.contains(&of_zone))
            .filter_map(|line| {
                // `... client @0x7f01 127.0.0.1#40000/key rollout-test: updating zone ...`: a port for each message.
                let (_, client) = line.split_once("client ")?;
                client.split(' ').nth(1)
            })
            .collect();
        messages.dedup();
        messages.len()
    }

    /// Times are short, but with the margin that resolvers need which count in whole seconds, as Unbound does.
    fn write_domain_file(&self) {
        let endpoints = self.lab.endpoints().unwrap();
        let secret = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        secret("client-secret", &endpoints.client_secret);
        let dns = match self.host {
            DnsHost::PowerDns => {
                secret("dns-secret", &self.internet.powerdns.api_key);
                format!(
                    "provider: powerdns\n  url: {}\n  api_key: file:dns-secret",
                    self.relay.url
                )
            }
            DnsHost::Bind => {
                let bind = &self.internet.bind;
                secret("dns-secret", &bind.key_secret_base64);
                format!(
                    "provider: rfc2136\n  server: {}\n  key_name: {}\n  key_secret: file:dns-secret\n  algorithm: {}",
                    bind.dns_addr, bind.key_name, bind.algorithm
                )
            }
        };
        let text = format!(
            "domain: {domain}\n\
             microsoft:\n\
             \x20 tenant: {tenant}\n\
             \x20 sign_in: {{ method: client-secret, client_id: {client}, secret: file:client-secret }}\n\
             \x20 endpoints: {{ authority: \"{authority}\", graph: \"{graph}\", exchange: \"{exchange}\" }}\n\
             dns:\n  {dns}\n\
             resolve:\n\
             \x20 trust_anchor: file:{anchor}\n\
             \x20 roots: [{{ name: a.root-servers, address: {ROOT} }}]\n\
             \x20 resolvers:\n\
             \x20   - {{ name: unbound-1, address: {RESOLVER} }}\n\
             \x20   - {{ name: unbound-2, address: {SECOND_RESOLVER} }}\n\
             https: {{ roots: file:{authority_file} }}\n\
             settings: {{ ttl: 2, final_ttl: 5, added_soak: 0, swapped_soak: 0 }}\n\
             timing:\n\
             \x20 resolver_floor: 0s\n\
             \x20 margin: 1s\n\
             \x20 zone_largest_ttl: 5s\n\
             \x20 poll: 1s\n\
             \x20 usual_cmdlet: 2s\n\
             \x20 usual_tlsa: 2s\n\
             \x20 usual_propagation: 1s\n\
             \x20 usual_delegation: 1s\n\
             # Nobody has smart hosts here.\n\
             approve: [smart-hosts]\n",
            domain = self.domain,
            tenant = endpoints.tenant_id,
            client = endpoints.client_id,
            authority = endpoints.authority,
            graph = endpoints.graph,
            exchange = endpoints.exchange,
            anchor = self.internet.key_file().display(),
            authority_file = self.internet.authority_file().display(),
        );
        std::fs::write(self.file(), text).unwrap();
    }

    /// What the bridge carried over, or why it could not.
    pub fn end(mut self) -> Vec<String> {
        self.bridge.end()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let internet = &self.internet;
            for (name, log) in [
                ("BIND", internet.bind.log()),
                ("PowerDNS", internet.powerdns.log()),
            ] {
                println!("--- {name} ---\n{log}");
            }
        }
    }
}

/// Carries what the fake of Exchange Online did over to the real servers.
struct Bridge {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Bridge {
    fn start(lab: Arc<Lab>, internet: Arc<Internet>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut carried = Vec::new();
            let mut seen = 0;
            while !stopped.load(Ordering::Relaxed) {
                for entry in lab.log().iter().skip(seen) {
                    seen += 1;
                    let Some(domain) = entry.domain.as_deref().filter(|_| entry.effect) else {
                        continue;
                    };
                    std::thread::sleep(MICROSOFT_TAKES);
                    match entry.operation.as_str() {
                        "Enable-DnssecForVerifiedDomain" => {
                            let host = internet.new_mx_appears(domain).unwrap();
                            carried.push(host);
                        }
                        "Enable-SmtpDaneInbound" => {
                            internet.tlsa_appears(domain).unwrap();
                            carried.push("TLSA".to_owned());
                        }
                        other => panic!("nobody expects {other} here"),
                    }
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            carried
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    fn end(&mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is ended once");
        thread.join().unwrap()
    }
}
