//! Zones with two servers, of which the second may be out of date, signed otherwise, or bent on the way.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::programs;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::tree::{NEEDED, Place};
use crate::dns::{Dns, DnsSettings, Origin, TrustAnchor};

/// Changes an answer on the way, by the type asked for; the flag says whether it goes over TCP.
pub(super) type Bend = fn(RecordType, bool, &mut Message);

/// The second server of a zone.
pub(super) enum Second {
    /// Serves the same.
    Same,
    /// Serves this instead: the zone's text, and how it is signed; with the same key, or another one.
    Other(String, Signing, bool),
    /// Serves the same, bent; without TCP where `false`.
    Bent(Bend, bool),
}

/// How a zone is signed: further arguments of `dnssec-signzone`. `None`: not at all.
pub(super) type Signing = Option<Vec<&'static str>>;

/// A zone below `test`.
pub(super) struct Zone {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) signing: Signing,
    /// Whether the parent has its DS, and what stands beside it.
    pub(super) ds: bool,
    pub(super) more_ds: Option<&'static str>,
    pub(super) second: Second,
}

/// The questions that bent servers were asked: name, type, over TCP.
pub(super) type Asked = Arc<Mutex<Vec<(String, RecordType, bool)>>>;

/// The servers of the zones: the root at host 1, `test` at 2, first servers at 3, second ones at 4, bent ones above 20.
pub(super) struct Scene {
    place: Place,
    anchor: String,
    _servers: Vec<Knot>,
    proxies: Vec<JoinHandle<()>>,
    asked: Asked,
    _folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.proxies.iter().for_each(JoinHandle::abort);
    }
}

struct Keys {
    file: String,
    ds: String,
    dnskey: String,
}

impl Scene {
    pub(super) async fn start(place: Place, zones: Vec<Zone>) -> Option<Self> {
        if !programs::available("a zone by each of its servers", &NEEDED) {
            return None;
        }
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path();
        let at = |host: u8| SocketAddr::new(place.address(host), place.port());
        let head = |host: u8| {
            format!(
                "@ 60 SOA ns1 h 7 60 30 3600 20\n@ 60 NS ns1\nns1 60 A {}\n",
                place.address(host)
            )
        };
        let mut proxies = Vec::new();
        let asked = Asked::default();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut delegations = head(2);
        for (i, zone) in zones.into_iter().enumerate() {
            let apex = format!("{}.test", zone.label);
            let keys = key(path, &apex);
            let host = match zone.second {
                Second::Bent(..) => 20 + u8::try_from(i).expect("few"),
                _ => 4,
            };
            let top = |serial: u32| {
                format!(
                    "@ 60 SOA ns1 h {serial} 60 30 3600 20\n@ 60 NS ns1\n@ 60 NS ns2\n\
                     ns1 60 A {}\nns2 60 A {}\n",
                    place.address(3),
                    place.address(host)
                )
            };
            let text = sign(path, &apex, &(top(7) + &zone.text), &zone.signing, &keys);
            first.push(KnotZone::unsigned(&apex, text.clone()));
            match zone.second {
                Second::Same => second.push(KnotZone::unsigned(&apex, text)),
                Second::Other(other, signing, same_key) => {
                    let keys = if same_key {
                        keys.clone()
                    } else {
                        key(path, &apex)
                    };
                    let text = sign(path, &apex, &(top(6) + &other), &signing, &keys);
                    second.push(KnotZone::unsigned(&apex, text));
                }
                Second::Bent(bend, tcp) => {
                    proxies.extend(proxy(at(host), at(3), bend, tcp, &asked).await);
                }
            }
            let label = zone.label;
            delegations.push_str(&format!(
                "{label} 60 NS ns1.{label}\nns1.{label} 60 A {}\n\
                 {label} 60 NS ns2.{label}\nns2.{label} 60 A {}\n",
                place.address(3),
                place.address(host)
            ));
            if zone.ds {
                delegations.push_str(&format!("{label} 40 DS {}\n", keys.ds));
            }
            if let Some(more) = zone.more_ds {
                delegations.push_str(&format!("{label} 40 DS {more}\n"));
            }
        }
        let test = key(path, "test");
        let delegations = sign(path, "test", &delegations, &Some(vec![]), &test);
        let root = key(path, ".");
        let text = format!(
            "@ 60 SOA ns h 1 60 30 3600 20\n@ 60 NS ns.root-servers.\nns.root-servers. 60 A {}\n\
             test. 60 NS ns1.test.\nns1.test. 60 A {}\ntest. 60 DS {}\n",
            place.address(1),
            place.address(2),
            test.ds
        );
        let text = sign(path, ".", &text, &Some(vec![]), &root);
        let start = |host, zones: &[KnotZone]| Knot::start_at(at(host), zones, None).expect("Knot");
        let servers = vec![
            start(1, &[KnotZone::unsigned(".", text)]),
            start(2, &[KnotZone::unsigned("test", delegations)]),
            start(3, &first),
            start(4, &second),
        ];
        Some(Self {
            place,
            anchor: root.dnskey,
            _servers: servers,
            proxies,
            asked,
            _folder: folder,
        })
    }

    /// What bent servers were asked about names in this zone.
    pub(super) fn asked(&self, apex: &str) -> Vec<(String, RecordType, bool)> {
        let all = self.asked.lock().expect("lock");
        let within = |name: &str| name.trim_end_matches('.').ends_with(apex);
        all.iter().filter(|a| within(&a.0)).cloned().collect()
    }

    pub(super) fn dns(&self) -> Dns {
        Dns::new(DnsSettings {
            source: Origin::Roots(vec![("ns.root-servers".into(), self.place.address(1))]),
            port: self.place.port(),
            trust_anchor: TrustAnchor::Text(self.anchor.clone()),
            timeout: Duration::from_millis(700),
            attempts: 1,
            ..DnsSettings::default()
        })
        .expect("settings")
    }
}

impl Clone for Keys {
    fn clone(&self) -> Self {
        Self {
            file: self.file.clone(),
            ds: self.ds.clone(),
            dnskey: self.dnskey.clone(),
        }
    }
}

fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let program = programs::find(program).expect("installed");
    programs::run(Command::new(program).current_dir(folder).args(args)).expect("ran")
}

fn key(folder: &Path, apex: &str) -> Keys {
    let args = ["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", apex];
    let file = run(folder, "dnssec-keygen", &args).trim().to_owned();
    let ds = run(folder, "dnssec-dsfromkey", &["-2", &format!("{file}.key")]);
    let ds = ds.split_once(" DS ").expect("a DS").1.trim().to_owned();
    let text = std::fs::read_to_string(folder.join(format!("{file}.key"))).expect("key");
    let dnskey = text.lines().find(|l| !l.starts_with(';')).expect("a key");
    Keys {
        file,
        ds,
        dnskey: dnskey.to_owned(),
    }
}

fn sign(folder: &Path, apex: &str, text: &str, how: &Signing, keys: &Keys) -> String {
    let Some(how) = how else {
        return text.to_owned();
    };
    let origin = apex.trim_matches('.');
    let file = format!("{origin}.unsigned");
    let whole = format!("$ORIGIN {origin}.\n$TTL 60\n{text}\n{}\n", keys.dnskey);
    std::fs::write(folder.join(&file), whole).expect("written");
    let mut args = vec!["-z", "-P", "-O", "full", "-o", apex, "-f", "signed.tmp"];
    args.extend(how);
    args.push(&file);
    args.push(&keys.file);
    run(folder, "dnssec-signzone", &args);
    std::fs::read_to_string(folder.join("signed.tmp")).expect("signed")
}

/// Passes questions on and bends the answers.
async fn proxy(
    listen: SocketAddr,
    upstream: SocketAddr,
    bend: Bend,
    tcp: bool,
    asked: &Asked,
) -> Vec<JoinHandle<()>> {
    let (asked, over_tcp) = (Arc::clone(asked), Arc::clone(asked));
    let socket = Arc::new(UdpSocket::bind(listen).await.expect("bind"));
    let mut tasks = vec![tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.expect("receive");
            let question = buffer[..length].to_vec();
            let (socket, asked) = (Arc::clone(&socket), Arc::clone(&asked));
            tokio::spawn(async move {
                let answer = bent(upstream, &question, bend, false, &asked).await;
                socket.send_to(&answer, peer).await.expect("send");
            });
        }
    })];
    if tcp {
        let listener = TcpListener::bind(listen).await.expect("bind");
        tasks.push(tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accept");
                let asked = Arc::clone(&over_tcp);
                tokio::spawn(async move {
                    while let Some(question) = framed(&mut stream).await {
                        let answer = bent(upstream, &question, bend, true, &asked).await;
                        send_framed(&mut stream, &answer).await;
                    }
                });
            }
        }));
    }
    tasks
}

async fn bent(
    upstream: SocketAddr,
    question: &[u8],
    bend: Bend,
    over_tcp: bool,
    asked: &Asked,
) -> Vec<u8> {
    let mut stream = TcpStream::connect(upstream).await.expect("upstream");
    send_framed(&mut stream, question).await;
    let answer = framed(&mut stream).await.expect("an answer");
    let mut message = Message::from_vec(&answer).expect("a message");
    let kind = message.queries[0].query_type;
    let name = message.queries[0].name.to_ascii();
    asked.lock().expect("lock").push((name, kind, over_tcp));
    bend(kind, over_tcp, &mut message);
    message.to_vec().expect("encoded")
}

async fn framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).await.ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

async fn send_framed(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).expect("short").to_be_bytes();
    let framed = [&length[..], message].concat();
    stream.write_all(&framed).await.expect("sent");
}
