//! A small DNS tree on loopback: Knot serves zones that BIND's tools signed, rightly and wrongly.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::{ports, programs};
use tempfile::TempDir;
use tokio::net::UdpSocket;

use crate::dns::{Dns, DnsSettings, Origin, TrustAnchor};

pub(super) const NEEDED: [&str; 4] = [
    "knotd",
    "dnssec-keygen",
    "dnssec-signzone",
    "dnssec-dsfromkey",
];

/// A corner of 127/8 that no other test process uses, and a port for name servers.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    network: [u8; 3],
    port: u16,
}

impl Place {
    /// `corner` tells the tests of one process apart.
    pub(crate) fn find(corner: u8) -> Self {
        let pid = std::process::id();
        let octet = |n: u32| u8::try_from(n % 125).expect("small");
        let network = [127, octet(pid) + 1 + corner % 2 * 125, octet(pid / 125) + 1];
        let [a, b, c] = network;
        let port = ports::free(IpAddr::V4(Ipv4Addr::new(a, b, c, 1))).expect("port");
        Self { network, port }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self, host: u8) -> IpAddr {
        let [a, b, c] = self.network;
        IpAddr::V4(Ipv4Addr::new(a, b, c, host))
    }
}

/// The running tree; its servers end with it.
pub(crate) struct Tree {
    place: Place,
    pub(crate) port: u16,
    pub(crate) anchor: String,
    servers: Vec<Knot>,
    proxy: tokio::task::JoinHandle<()>,
    folder: TempDir,
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

/// How a zone is signed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Sign {
    No,
    Nsec,
    Nsec3,
    /// With 150 iterations, more than a validator may bother about (RFC 9276, 3.2).
    Iterated,
    OptOut,
    Expired,
}

pub(super) struct Signed {
    pub(super) text: String,
    pub(super) ds: String,
    /// With SHA-1.
    pub(super) old_ds: String,
    pub(super) dnskey: String,
}

impl Tree {
    pub(crate) fn address(&self, host: u8) -> IpAddr {
        self.place.address(host)
    }

    pub(crate) fn socket(&self, host: u8) -> SocketAddr {
        SocketAddr::new(self.address(host), self.port)
    }

    pub(crate) fn settings(&self) -> DnsSettings {
        DnsSettings {
            source: Origin::Roots(vec![("ns.root-servers".into(), self.address(1))]),
            port: self.port,
            trust_anchor: TrustAnchor::Text(self.anchor.clone()),
            timeout: Duration::from_millis(700),
            attempts: 1,
            ..DnsSettings::default()
        }
    }

    pub(crate) fn dns(&self) -> Dns {
        Dns::new(self.settings()).expect("settings")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.servers.iter().map(Knot::pid).collect()
    }

    /// Builds and starts it; `None` where the programs are missing. `secure`, `plain` and `expired` are added to the
    /// zones of these names.
    pub(crate) async fn start(place: Place, [secure, plain, expired]: [&str; 3]) -> Option<Self> {
        if !programs::available("validation against real name servers", &NEEDED) {
            return None;
        }
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path();
        let ip = |host: u8| place.address(host);
        let port = place.port;
        let at = |host: u8| SocketAddr::new(ip(host), port);
        let head = |host: u8| {
            format!(
                "@ 60 SOA ns1 h 7 60 30 3600 20\n@ 60 NS ns1\nns1 60 A {}\n",
                ip(host)
            )
        };
        let sign = |apex: &str, text: &str, how| sign(path, apex, text, how);

        let leaf = "@ 30 MX 10 mail\nmail 30 A 192.0.2.1\n_25._tcp.mail 45 TLSA 3 1 1 00\n";
        let children: Vec<(&str, Sign, String)> = vec![
            (
                "secure.test",
                Sign::Nsec,
                format!(
                    "{}{leaf}*.wild 30 A 192.0.2.7\nalias 30 CNAME mail\nout 30 CNAME mail.plain.test.\n\
                     circle 30 CNAME circle2\ncircle2 30 CNAME circle\nold 30 DNAME new\nx.new 30 A 192.0.2.9\n\
                     big 30 TXT {}\nloose 30 NS ns1.loose\nns1.loose 30 A {}\n\
                     to-bogus 30 CNAME mail.expired.test.\n{secure}",
                    head(3),
                    (0..10)
                        .map(|i| format!("\"{}{i}\" ", "x".repeat(240)))
                        .collect::<String>(),
                    ip(3)
                ),
            ),
            (
                "n3.test",
                Sign::Nsec3,
                format!("{}{leaf}*.wild 30 A 192.0.2.7\n", head(3)),
            ),
            ("plain.test", Sign::No, format!("{}{leaf}{plain}", head(3))),
            ("wrongds.test", Sign::Nsec, format!("{}{leaf}", head(3))),
            (
                "expired.test",
                Sign::Expired,
                format!("{}{leaf}{expired}", head(3)),
            ),
            ("stripped.test", Sign::No, format!("{}{leaf}", head(3))),
            ("flaky.test", Sign::Nsec, format!("{}{leaf}", head(5))),
            (
                "stale.test",
                Sign::Nsec,
                format!(
                    "{}@ 60 NS ns2\nns2 60 A {}\n@ 60 NS extra\nextra 60 A {}\n{leaf}",
                    head(3),
                    ip(4),
                    ip(3)
                ),
            ),
            (
                "loose.secure.test",
                Sign::No,
                format!("{}www 30 A 192.0.2.3\n", head(3)),
            ),
            (
                "island.plain.test",
                Sign::Nsec,
                format!("{}{leaf}", head(3)),
            ),
        ];
        let mut here = Vec::new();
        let mut delegations = head(2);
        for (apex, how, text) in &children {
            let signed = sign(apex, text, *how);
            here.push(KnotZone::unsigned(apex, signed.text));
            let Some(label) = apex.strip_suffix(".test").filter(|l| !l.contains('.')) else {
                continue;
            };
            let host = if label == "flaky" { 5 } else { 3 };
            delegations.push_str(&format!(
                "{label} 60 NS ns1.{label}\nns1.{label} 60 A {}\n",
                ip(host)
            ));
            if label == "stale" {
                delegations.push_str(&format!(
                    "{label} 60 NS ns2.{label}\nns2.{label} 60 A {}\n",
                    ip(4)
                ));
            }
            match label {
                "plain" => {}
                "wrongds" | "stripped" => {
                    delegations.push_str(&format!("{label} 40 DS 4711 13 2 {}\n", "ab".repeat(32)))
                }
                _ => delegations.push_str(&format!("{label} 40 DS {}\n", signed.ds)),
            }
        }
        // Served by nobody, refused, and with an algorithm that nobody knows.
        delegations.push_str(&format!("dead 60 NS ns1.dead\nns1.dead 60 A {}\n", ip(9)));
        delegations.push_str(&format!("lame 60 NS ns1.lame\nns1.lame 60 A {}\n", ip(3)));
        delegations.push_str(&format!(
            "odd 60 NS ns1.odd\nns1.odd 60 A {}\nodd 60 DS 1 200 2 {}\n",
            ip(3),
            "cd".repeat(32)
        ));
        here.push(KnotZone::unsigned("odd.test", format!("{}{leaf}", head(3))));
        let test = sign("test", &delegations, Sign::Nsec);
        let optout = sign(
            "opt",
            &format!(
                "{}plain 60 NS ns1.plain\nns1.plain 60 A {}\n",
                head(2),
                ip(3)
            ),
            Sign::OptOut,
        );
        here.push(KnotZone::unsigned(
            "plain.opt",
            format!("{}{leaf}", head(3)),
        ));
        let root = sign(
            ".",
            &format!(
                "@ 60 SOA ns h 1 60 30 3600 20\n@ 60 NS ns.root-servers.\nns.root-servers. 60 A {}\n\
                 test. 60 NS ns1.test.\nns1.test. 60 A {}\ntest. 60 DS {}\n\
                 opt. 60 NS ns1.opt.\nns1.opt. 60 A {}\nopt. 60 DS {}\n",
                ip(1),
                ip(2),
                test.ds,
                ip(2),
                optout.ds
            ),
            Sign::Nsec,
        );
        let stale = KnotZone::unsigned(
            "stale.test",
            format!(
                "@ 60 SOA ns1 h 6 60 30 3600 20\n@ 60 NS ns1\n@ 3600 MX 10 legacy\nns1 60 A {}\n",
                ip(3)
            ),
        );
        let start = |host, zones: &[KnotZone]| Knot::start_at(at(host), zones, None).expect("Knot");
        let servers = vec![
            start(1, &[KnotZone::unsigned(".", root.text)]),
            start(
                2,
                &[
                    KnotZone::unsigned("test", test.text),
                    KnotZone::unsigned("opt", optout.text),
                ],
            ),
            start(3, &here),
            start(4, &[stale]),
        ];
        let proxy = tokio::spawn(no_keys(at(5), at(3)));
        Some(Self {
            place,
            port,
            anchor: root.dnskey,
            servers,
            proxy,
            folder,
        })
    }
}

/// Passes questions on, but answers SERVFAIL to any about DNSKEY.
async fn no_keys(listen: SocketAddr, upstream: SocketAddr) {
    let socket = Arc::new(UdpSocket::bind(listen).await.expect("bind"));
    let mut buffer = vec![0; 4096];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await.expect("receive");
        let mut packet = buffer[..length].to_vec();
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            // The type DNSKEY (48), class IN, ends the question.
            if packet.windows(5).any(|w| w == [0, 0, 48, 0, 1]) {
                packet[2] |= 0x80;
                packet[3] = (packet[3] & 0xf0) | 2;
                socket.send_to(&packet, peer).await.expect("send");
                return;
            }
            let out = UdpSocket::bind((listen.ip(), 0)).await.expect("bind");
            out.send_to(&packet, upstream).await.expect("send");
            let mut answer = vec![0; 4096];
            let (length, _) = out.recv_from(&mut answer).await.expect("receive");
            socket.send_to(&answer[..length], peer).await.expect("send");
        });
    }
}

fn sign(folder: &Path, apex: &str, text: &str, how: Sign) -> Signed {
    sign_with(folder, apex, text, how, "ECDSAP256SHA256")
}

/// Signs with one key of BIND's name for an algorithm.
pub(super) fn sign_with(
    folder: &Path,
    apex: &str,
    text: &str,
    how: Sign,
    algorithm: &str,
) -> Signed {
    if how == Sign::No {
        return Signed {
            text: text.to_owned(),
            ds: String::new(),
            old_ds: String::new(),
            dnskey: String::new(),
        };
    }
    let run = |program: &str, args: &[&str]| {
        let program: PathBuf = programs::find(program).expect("installed");
        programs::run(Command::new(program).current_dir(folder).args(args)).expect("ran")
    };
    let size: &[&str] = if algorithm.contains("RSA") {
        &["-b", "2048"]
    } else {
        &[]
    };
    let key = run(
        "dnssec-keygen",
        &[&["-q", "-a", algorithm, "-f", "KSK"][..], size, &[apex]].concat(),
    );
    let key = key.trim().to_owned();
    let digest = |kind| {
        let ds = run("dnssec-dsfromkey", &[kind, &format!("{key}.key")]);
        ds.split_once(" DS ").expect("a DS").1.trim().to_owned()
    };
    let (ds, old_ds) = (digest("-2"), digest("-1"));
    let dnskey = std::fs::read_to_string(folder.join(format!("{key}.key"))).expect("key");
    let dnskey = dnskey
        .lines()
        .find(|l| !l.starts_with(';'))
        .expect("a key")
        .to_owned();
    let file = format!("{}.unsigned", apex.trim_matches('.'));
    std::fs::write(
        folder.join(&file),
        format!(
            "$ORIGIN {}.\n$TTL 60\n{text}\n{dnskey}\n",
            apex.trim_matches('.')
        ),
    )
    .expect("written");
    let mut args = vec!["-z", "-P", "-O", "full", "-o", apex, "-f", "signed.tmp"];
    match how {
        Sign::Nsec3 => args.extend(["-3", "-"]),
        Sign::Iterated => args.extend(["-3", "-", "-H", "150"]),
        Sign::OptOut => args.extend(["-3", "-", "-A"]),
        Sign::Expired => args.extend(["-s", "20240101000000", "-e", "20240201000000"]),
        Sign::No | Sign::Nsec => {}
    }
    args.push(&file);
    args.push(&key);
    run("dnssec-signzone", &args);
    Signed {
        text: std::fs::read_to_string(folder.join("signed.tmp")).expect("signed"),
        ds,
        old_ds,
        dnskey,
    }
}
