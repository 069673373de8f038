//! A DNS tree of what is rare or wrong: old and new algorithms, odd DS sets, answers twisted on the way.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::programs;
use tempfile::TempDir;
use tokio::net::UdpSocket;

use super::tree::{NEEDED, Place, Sign, Signed, sign_with};
use crate::dns::{DnsSettings, Origin, TrustAnchor};

/// The running tree; its servers end with it.
pub(super) struct Odd {
    place: Place,
    root: Signed,
    pub(super) proxy: Arc<Proxy>,
    task: tokio::task::JoinHandle<()>,
    _servers: Vec<Knot>,
    _folder: TempDir,
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const LEAF: &str =
    "@ 30 MX 10 mail\nmail 30 A 192.0.2.1\n_25._tcp.mail 45 TLSA 3 1 1 00\n*.wild 30 A 192.0.2.7\n";

/// Zones below `test`: how they are signed, with what, and what the parent says in its DS set.
const ZONES: [(&str, Sign, &str, Link); 20] = [
    ("rsa8", Sign::Nsec, "RSASHA256", Link::Right),
    ("rsa10", Sign::Nsec3, "RSASHA512", Link::Right),
    ("sha5", Sign::Nsec, "RSASHA1", Link::Right),
    ("sha7", Sign::Nsec3, "NSEC3RSASHA1", Link::Right),
    ("p384", Sign::Nsec, "ECDSAP384SHA384", Link::Right),
    ("ed", Sign::Nsec, "ED25519", Link::Right),
    ("ed448", Sign::Nsec, "ED448", Link::Right),
    ("onlysha1", Sign::Nsec, P256, Link::OldDigest),
    ("halfsha1", Sign::Nsec, P256, Link::OldRightNewWrong),
    ("besides", Sign::Nsec, P256, Link::RightAndUnknown),
    ("newdigest", Sign::Nsec, P256, Link::UnknownDigest),
    ("oo", Sign::OptOut, P256, Link::Right),
    ("iter", Sign::Iterated, P256, Link::Right),
    ("nodenial", Sign::Nsec, P256, Link::Right),
    ("nodenial3", Sign::Nsec3, P256, Link::Right),
    ("nosoa", Sign::Nsec, P256, Link::Right),
    ("forged", Sign::Nsec, P256, Link::Right),
    ("flap", Sign::Nsec, P256, Link::Right),
    ("bare", Sign::No, "", Link::None),
    ("par", Sign::Nsec, P256, Link::Right),
];

/// Served through the proxy.
const TWISTED: [&str; 7] = [
    "nodenial",
    "nodenial3",
    "nosoa",
    "forged",
    "flap",
    "bare",
    "par",
];

const P256: &str = "ECDSAP256SHA256";

/// What the parent's DS set holds.
#[derive(Clone, Copy)]
enum Link {
    None,
    Right,
    OldDigest,
    OldRightNewWrong,
    RightAndUnknown,
    UnknownDigest,
}

impl Link {
    fn records(self, label: &str, signed: &Signed) -> String {
        let (right, old) = (&signed.ds, &signed.old_ds);
        let all = match self {
            Self::None => vec![],
            Self::Right => vec![right.clone()],
            Self::OldDigest => vec![old.clone()],
            Self::OldRightNewWrong => {
                let head: Vec<&str> = right.split(' ').take(3).collect();
                vec![
                    old.clone(),
                    format!("{} {}", head.join(" "), "ab".repeat(32)),
                ]
            }
            Self::RightAndUnknown => vec![format!("1 200 2 {}", "cd".repeat(32)), right.clone()],
            Self::UnknownDigest => vec![format!("1 13 99 {}", "cd".repeat(32))],
        };
        all.iter()
            .map(|ds| format!("{label} 40 DS {ds}\n"))
            .collect()
    }
}

impl Odd {
    /// Builds and starts it; `None` where the programs are missing.
    pub(super) async fn start(place: Place) -> Option<Self> {
        if !programs::available("validation of odd zones", &NEEDED) {
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
        let mut here = Vec::new();
        let mut delegations = head(2);
        for (label, how, algorithm, link) in ZONES {
            let host = if TWISTED.contains(&label) { 5 } else { 3 };
            let apex = format!("{label}.test");
            let mut text = format!("{}{LEAF}", head(host));
            match label {
                // A zone below, with an algorithm that both know.
                "ed" => {
                    let sub = zone(path, "sub.ed.test", &head(host), Sign::Nsec, P256);
                    text.push_str(&delegation("sub", host, place));
                    text.push_str(&format!("sub 40 DS {}\n", sub.ds));
                    let sub2 = zone(path, "sub2.ed.test", &head(host), Sign::Nsec, "ED25519");
                    text.push_str(&delegation("sub2", host, place));
                    text.push_str(&format!("sub2 40 DS {}\n", sub2.ds));
                    text.push_str(&delegation("plain", host, place));
                    here.push(KnotZone::unsigned("sub.ed.test", sub.text));
                    here.push(KnotZone::unsigned("sub2.ed.test", sub2.text));
                    here.push(KnotZone::unsigned(
                        "plain.ed.test",
                        format!("{}{LEAF}", head(host)),
                    ));
                }
                "oo" | "par" => {
                    text.push_str(&delegation("kid", host, place));
                    text.push_str(&delegation("kid.ent", host, place));
                    for kid in ["kid", "kid.ent"] {
                        here.push(KnotZone::unsigned(
                            &format!("{kid}.{apex}"),
                            format!("{}{LEAF}", head(host)),
                        ));
                    }
                }
                "forged" => {
                    text.push_str("old 30 DNAME new\nx.new 30 A 192.0.2.9\nown 30 A 192.0.2.8\n")
                }
                _ => {}
            }
            let signed = sign_with(path, &apex, &text, how, algorithm);
            delegations.push_str(&delegation(label, host, place));
            delegations.push_str(&link.records(label, &signed));
            here.push(KnotZone::unsigned(&apex, signed.text));
        }
        let test = sign_with(path, "test", &delegations, Sign::Nsec, P256);
        let root = format!(
            "@ 60 SOA ns h 1 60 30 3600 20\n@ 60 NS ns.root-servers.\nns.root-servers. 60 A {}\n{}test. 60 DS {}\n",
            place.address(1),
            delegation("test", 2, place),
            test.ds
        );
        let root = sign_with(path, ".", &root, Sign::Nsec, P256);
        let start = |host, zones: &[KnotZone]| Knot::start_at(at(host), zones, None).expect("Knot");
        let servers = vec![
            start(1, &[KnotZone::unsigned(".", root.text.clone())]),
            start(2, &[KnotZone::unsigned("test", test.text)]),
            start(3, &here),
        ];
        let proxy = Arc::new(Proxy::default());
        let task = tokio::spawn(Arc::clone(&proxy).serve(at(5), at(3)));
        Some(Self {
            place,
            root,
            proxy,
            task,
            _servers: servers,
            _folder: folder,
        })
    }

    pub(super) fn settings(&self) -> DnsSettings {
        DnsSettings {
            source: Origin::Roots(vec![("ns.root-servers".into(), self.place.address(1))]),
            port: self.place.port(),
            trust_anchor: TrustAnchor::Text(self.root.dnskey.clone()),
            timeout: std::time::Duration::from_millis(700),
            attempts: 1,
            ..DnsSettings::default()
        }
    }

    /// The root's key as a DS record, with SHA-256.
    pub(super) fn root_ds(&self) -> String {
        format!(". IN DS {}", self.root.ds)
    }

    pub(super) fn nowhere(&self) -> DnsSettings {
        DnsSettings {
            source: Origin::Roots(vec![("ns.root-servers".into(), self.place.address(9))]),
            ..self.settings()
        }
    }
}

fn zone(folder: &Path, apex: &str, head: &str, how: Sign, algorithm: &str) -> Signed {
    sign_with(folder, apex, &format!("{head}{LEAF}"), how, algorithm)
}

fn delegation(label: &str, host: u8, place: Place) -> String {
    format!(
        "{label} 60 NS ns1.{label}\nns1.{label} 60 A {}\n",
        place.address(host)
    )
}

/// Stands before the servers, counts questions for keys, and twists some answers.
#[derive(Default)]
pub(super) struct Proxy {
    pub(super) keys_of_nosoa: AtomicUsize,
    /// How many answers about the DS set of `kid.par` are forged.
    pub(super) forged_ds: AtomicUsize,
    flapped: AtomicUsize,
}

impl Proxy {
    async fn serve(self: Arc<Self>, listen: SocketAddr, upstream: SocketAddr) {
        let socket = Arc::new(UdpSocket::bind(listen).await.expect("bind"));
        let mut buffer = vec![0; 4096];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.expect("receive");
            let question = buffer[..length].to_vec();
            let (socket, proxy) = (Arc::clone(&socket), Arc::clone(&self));
            tokio::spawn(async move {
                let out = UdpSocket::bind((listen.ip(), 0)).await.expect("bind");
                out.send_to(&question, upstream).await.expect("send");
                let mut answer = vec![0; 4096];
                let (length, _) = out.recv_from(&mut answer).await.expect("receive");
                let mut answer = Message::from_vec(&answer[..length]).expect("a message");
                proxy.twist(&mut answer);
                let answer = answer.to_vec().expect("a message");
                socket.send_to(&answer, peer).await.expect("send");
            });
        }
    }

    fn twist(&self, answer: &mut Message) {
        let name = answer.queries[0].name.to_lowercase();
        let kind = answer.queries[0].query_type;
        let text = name.to_ascii();
        let is = |zone: &str| name_of(zone).zone_of(&name);
        if is("nosoa.test") && kind == RecordType::DNSKEY {
            self.keys_of_nosoa.fetch_add(1, Ordering::Relaxed);
        }
        if is("flap.test")
            && kind == RecordType::DNSKEY
            && self.flapped.fetch_add(1, Ordering::Relaxed) == 0
        {
            answer.metadata.response_code = ResponseCode::ServFail;
            answer.answers.clear();
        }
        if is("nodenial.test") || is("nodenial3.test") {
            // One proof is missing: for an absent name all but the last, for a wildcard or absent type all.
            let mut kept = 0;
            answer.authorities.retain(|r| {
                let proof = is_about(r, RecordType::NSEC) || is_about(r, RecordType::NSEC3);
                kept += usize::from(proof && rrsig(r).is_none());
                !proof || text.starts_with("none.") && kept > 1
            });
        }
        if is("nosoa.test") || is("bare.test") {
            answer.authorities.retain(|r| !is_about(r, RecordType::SOA));
        }
        if is("forged.test") {
            let signer = match text.split('.').next() {
                // A signature by a zone that nobody signs, which has no business here.
                Some("mail") => Some("bare.test"),
                Some("own") => Some("own.forged.test"),
                _ => None,
            };
            for r in &mut answer.answers {
                match &mut r.data {
                    RData::A(a) if text.starts_with("mail.") => {
                        *a = std::net::Ipv4Addr::new(203, 0, 113, 9).into()
                    }
                    RData::CNAME(to) => to.0 = name_of("x.elsewhere.test"),
                    RData::DNSSEC(DNSSECRData::RRSIG(old)) => {
                        if let Some(signer) = signer {
                            *old = signed_by(old, signer);
                        }
                    }
                    _ => {}
                }
            }
        }
        // The parent's own servers are asked directly; this stands for a DS set smuggled in above the child.
        if is("kid.par.test")
            && kind == RecordType::DS
            && self
                .forged_ds
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
        {
            answer.metadata.response_code = ResponseCode::NoError;
            answer.authorities.clear();
            let ds = hickory_proto::dnssec::rdata::DS::new(
                1,
                hickory_proto::dnssec::Algorithm::ECDSAP256SHA256,
                hickory_proto::dnssec::DigestType::SHA256,
                vec![7; 32],
            );
            answer.answers = vec![Record::from_rdata(
                name,
                40,
                RData::DNSSEC(DNSSECRData::DS(ds)),
            )];
        }
    }
}

fn name_of(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

fn rrsig(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}

fn is_about(record: &Record, kind: RecordType) -> bool {
    rrsig(record).map_or_else(|| record.record_type(), |s| s.input().type_covered) == kind
}

fn signed_by(old: &RRSIG, signer: &str) -> RRSIG {
    let mut input = old.input().clone();
    input.signer_name = name_of(signer);
    RRSIG::from_sig(input, old.sig().to_vec())
}
