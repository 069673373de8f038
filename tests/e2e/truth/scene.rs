//! Everything of [`super::world`] running: real servers, one resolver, the judges' trust anchors.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use hickory_proto::rr::RecordType;
use rollout_servers::bind::Bind;
use rollout_servers::crooked::{self, Fault};
use rollout_servers::internet::write_anchors;
use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::nsd::Nsd;
use rollout_servers::pdns::PowerDns;
use rollout_servers::postfix::Postfix;
use rollout_servers::signer::{SignedZone, Signer};
use rollout_servers::unbound::{Options, Start, Unbound};
use rollout_servers::{ServerError, ask, namespace, process, update};
use tempfile::TempDir;

use super::world::{At, BIND, CROOKED, Ds, KNOT, NSD, NSD_V6, POWERDNS, TOP, World, Zone, v4};

pub const ROOT: IpAddr = v4(127, 1, 0, 1);
const TOP_LEVEL: IpAddr = v4(127, 1, 0, 2);
pub const RESOLVER: IpAddr = v4(127, 0, 0, 53);
pub const SMTP_PORT: u16 = 25;

/// What must be installed, judges included.
pub const PROGRAMS: &[&str] = &[
    "named",
    "named-checkconf",
    "rndc",
    "knotd",
    "nsd",
    "pdns_server",
    "pdnsutil",
    "sqlite3",
    "unbound",
    "unbound-control",
    "postfix",
    "postmap",
    "dnssec-dsfromkey",
    "dnssec-keygen",
    "dnssec-signzone",
    "delv",
    "posttls-finger",
    "danetool",
    "ldns-dane",
    "openssl",
    "timeout",
];

/// The running scene. Fields end in their order: the folder last.
pub struct Scene {
    pub postfix: Postfix,
    _servers: (Nsd, Bind, PowerDns, [Knot; 3], Unbound),
    folder: TempDir,
}

impl Scene {
    pub fn start(world: World) -> Self {
        Self::try_start(world).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_start(mut world: World) -> Result<Self, ServerError> {
        let domains = world.domains();
        for host in &mut world.hosts {
            host.accepts.clone_from(&domains);
        }
        let folder = process::folder("truth")?;
        for address in [BIND, NSD_V6] {
            namespace::add_address(address)?;
        }
        let addresses = world.hosts.iter().flat_map(|host| &host.addresses);
        for address in addresses.filter(|address| address.is_ipv6()) {
            namespace::add_address(*address)?;
        }
        for address in &world.mute {
            crooked::mute(SocketAddr::new(*address, SMTP_PORT))?;
        }
        // Mail hosts start while names are signed.
        let (postfix, names) = std::thread::scope(|threads| {
            let postfix = threads.spawn(|| Postfix::start(&world.hosts, SMTP_PORT));
            let names = Names::start(&world, folder.path());
            (postfix.join().expect("it does not panic"), names)
        });
        Ok(Self {
            postfix: postfix?,
            _servers: names?,
            folder,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The resolver.
    pub fn resolver(&self) -> SocketAddr {
        at(RESOLVER)
    }

    /// The trust anchor as DNSKEY records, for `rollout`.
    pub fn key_file(&self) -> PathBuf {
        self.folder().join("root.key")
    }

    /// The trust anchor as DS records, for `ldns-dane`.
    pub fn ds_file(&self) -> PathBuf {
        self.folder().join("root.ds")
    }

    /// The trust anchor for `delv`.
    pub fn bind_anchor_file(&self) -> PathBuf {
        self.folder().join("bind.keys")
    }

    /// Who issued the hosts' certificates.
    pub fn authority_file(&self) -> PathBuf {
        self.folder().join("authority.pem")
    }
}

struct Names;

impl Names {
    fn start(
        world: &World,
        folder: &Path,
    ) -> Result<(Nsd, Bind, PowerDns, [Knot; 3], Unbound), ServerError> {
        let mut served: BTreeMap<IpAddr, Vec<(String, String)>> = BTreeMap::new();
        let mut ds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for zone in &world.zones {
            let now = zone.file(2, &zone.records);
            let signed = signed_versions(zone, &now)?;
            let mut give = |server: IpAddr, text: &str| {
                let pair = (zone.apex.clone(), text.to_owned());
                served.entry(server).or_default().push(pair);
            };
            match zone.at {
                At::Nsd | At::NsdBoth | At::NsdV6 | At::NsdAndNobody | At::Crooked(_) => {
                    give(NSD, &signed[0].text)
                }
                At::Knot => give(KNOT, &signed[0].text),
                At::Bind => give(BIND, &signed[0].text),
                At::PowerDns => give(POWERDNS, &now),
                At::NsdAndStaleBind => {
                    give(NSD, &signed[0].text);
                    give(BIND, &signed[1].text);
                }
            }
            ds.insert(&zone.apex, signed[0].ds.clone());
        }
        let of = |server: IpAddr| served.get(&server).map_or(&[][..], Vec::as_slice);
        let nsd = Nsd::start_at(&[at(NSD), at(NSD_V6)], &borrowed(of(NSD)))?;
        let bind = Bind::start_at(at(BIND), &borrowed(of(BIND)), None)?;
        let powerdns = PowerDns::start_signed_at(at(POWERDNS), &borrowed(of(POWERDNS)))?;
        let knots: Vec<KnotZone> = of(KNOT)
            .iter()
            .map(|(apex, text)| KnotZone::unsigned(apex, text))
            .collect();
        let knot = Knot::start_at(at(KNOT), &knots, None)?;
        let faults: Vec<(&str, Fault)> = world
            .zones
            .iter()
            .filter_map(|zone| match zone.at {
                At::Crooked(fault) => Some((zone.apex.as_str(), fault)),
                _ => None,
            })
            .collect();
        crooked::spoil(at(CROOKED), at(NSD), RecordType::TLSA, &faults)?;

        let mut top = format!(
            "@ IN SOA a.nic.{TOP}. hostmaster 1 60 30 3600 2\n@ NS a.nic.{TOP}.\na.nic A {TOP_LEVEL}\n"
        );
        for zone in &world.zones {
            let label = zone.apex.split('.').next().unwrap_or_default();
            top.push_str(&zone.delegation(label, &zone.servers()));
            let published = match zone.ds {
                Ds::None => Vec::new(),
                Ds::Wrong => vec![format!("12345 13 2 {}", "cd".repeat(32))],
                Ds::Right if zone.at == At::PowerDns => {
                    update::ds_records(at(POWERDNS), &zone.apex)?
                }
                Ds::Right => ds.remove(zone.apex.as_str()).unwrap_or_default(),
            };
            for data in published {
                top.push_str(&format!("{label} DS {data}\n"));
            }
        }
        let top = Knot::start_at(at(TOP_LEVEL), &[KnotZone::signed(TOP, top)], None)?;
        let mut root = format!(
            "@ IN SOA a.root-servers. hostmaster 1 60 30 3600 2\n@ NS a.root-servers.\na.root-servers. A {ROOT}\n\
             {TOP}. NS a.nic.{TOP}.\na.nic.{TOP}. A {TOP_LEVEL}\n"
        );
        for data in update::ds_records(at(TOP_LEVEL), TOP)? {
            root.push_str(&format!("{TOP}. DS {data}\n"));
        }
        let root = Knot::start_at(at(ROOT), &[KnotZone::signed("", root)], None)?;
        let anchor = update::ds_records(at(ROOT), "")?;
        let keys: Vec<String> = ask::authoritative(at(ROOT), ".", RecordType::DNSKEY)
            .iter()
            .map(ToString::to_string)
            .collect();
        write_anchors(folder, &anchor, &keys, &world.authority)?;
        let resolver = Unbound::start(&Options {
            listen: Some(at(RESOLVER)),
            start: Start::RootHints(vec![ROOT]),
            trust_anchors: anchor.iter().map(|ds| format!(". IN DS {ds}")).collect(),
            settings: vec![
                // Each question is to reach the server that the row is about.
                "aggressive-nsec: no".to_owned(),
                "qname-minimisation: no".to_owned(),
            ],
        })?;
        namespace::use_resolver(RESOLVER, folder)?;
        Ok((nsd, bind, powerdns, [knot, top, root], resolver))
    }
}

/// The zone as it is, and as it was for a stale server, by one key.
fn signed_versions(zone: &Zone, now: &str) -> Result<[SignedZone; 2], ServerError> {
    let plain = |text: &str| SignedZone {
        text: text.to_owned(),
        ds: Vec::new(),
    };
    let before = zone.file(1, &zone.stale);
    let Some(how) = &zone.signing else {
        return Ok([plain(now), plain(&before)]);
    };
    let signer = Signer::new(&zone.apex, how.clone())?;
    let current = signer.sign(now)?;
    if zone.stale.is_empty() {
        return Ok([current, plain(&before)]);
    }
    Ok([current, signer.sign(&before)?])
}

fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 53)
}

fn borrowed(zones: &[(String, String)]) -> Vec<(&str, &str)> {
    zones
        .iter()
        .map(|(apex, text)| (apex.as_str(), text.as_str()))
        .collect()
}
