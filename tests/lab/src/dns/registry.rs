//! All zones as they are served right now: which server holds which version, and which version comes when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};

use super::answer::{Reply, answer};
use super::signed::ServedZone;

/// One server's copy of a zone and the versions on their way to it.
#[derive(Debug)]
struct Replica {
    address: IpAddr,
    /// How far this server is behind a change.
    lag: Duration,
    current: Arc<ServedZone>,
    coming: VecDeque<(Instant, Arc<ServedZone>)>,
}

#[derive(Debug)]
struct Zone {
    replicas: Vec<Replica>,
    /// Types that its servers do not know: NOTIMP, and no EDNS (reference 1.8).
    old_software: bool,
}

/// Types for which the legacy mail zone's servers answer NOTIMP.
const UNKNOWN_TO_OLD_SOFTWARE: [RecordType; 4] = [
    RecordType::TLSA,
    RecordType::DS,
    RecordType::DNSKEY,
    RecordType::SVCB,
];

/// Every zone and its servers.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    zones: BTreeMap<Name, Zone>,
}

impl Registry {
    /// Adds a zone with its servers and how far each lags; it is served at once everywhere.
    pub(crate) fn add(
        &mut self,
        zone: Arc<ServedZone>,
        servers: &[(IpAddr, Duration)],
        old_software: bool,
    ) {
        let replicas = servers
            .iter()
            .map(|&(address, lag)| Replica {
                address,
                lag,
                current: Arc::clone(&zone),
                coming: VecDeque::new(),
            })
            .collect();
        self.zones.insert(
            zone.origin.clone(),
            Zone {
                replicas,
                old_software,
            },
        );
    }

    /// Sends a new version on its way to the zone's servers, `delay` from now plus each one's lag.
    pub(crate) fn publish(&mut self, version: &Arc<ServedZone>, now: Instant, delay: Duration) {
        let Some(zone) = self.zones.get_mut(&version.origin) else {
            return;
        };
        for replica in &mut zone.replicas {
            let due = now + delay + replica.lag;
            replica.coming.push_back((due, Arc::clone(version)));
        }
    }

    /// Lets every version that is due be served, except on second servers of stale zones.
    pub(crate) fn advance(&mut self, now: Instant, stale: &BTreeSet<String>) {
        for (origin, zone) in &mut self.zones {
            let origin = origin.to_ascii();
            let is_stale = stale.contains(origin.trim_end_matches('.'));
            for (position, replica) in zone.replicas.iter_mut().enumerate() {
                if is_stale && position > 0 {
                    continue;
                }
                // A delayed version can be overtaken; the newest due one counts.
                while replica.coming.front().is_some_and(|(due, _)| *due <= now) {
                    if let Some((_, version)) = replica.coming.pop_front()
                        && version.serial >= replica.current.serial
                    {
                        replica.current = version;
                    }
                }
            }
        }
    }

    /// The zone that a question belongs to: the deepest one at or above the name; for DS the parent.
    pub(crate) fn zone_of(&self, name: &Name, kind: RecordType) -> Option<&Name> {
        let mut candidate = if kind == RecordType::DS && !name.is_root() {
            name.base_name()
        } else {
            name.clone()
        };
        loop {
            if let Some((origin, _)) = self.zones.get_key_value(&candidate) {
                return Some(origin);
            }
            if candidate.is_root() {
                return None;
            }
            candidate = candidate.base_name();
        }
    }

    /// The zone above this one.
    pub(crate) fn parent_of(&self, zone: &Name) -> Option<&Name> {
        if zone.is_root() {
            return None;
        }
        self.zone_of(&zone.base_name(), RecordType::SOA)
    }

    /// The addresses of a zone's servers.
    pub(crate) fn servers_of(&self, zone: &Name) -> Vec<IpAddr> {
        self.zones
            .get(zone)
            .map(|z| z.replicas.iter().map(|r| r.address).collect())
            .unwrap_or_default()
    }

    /// The versions that a zone's servers serve now, in the order of the servers.
    pub(crate) fn versions_of(&self, zone: &Name) -> Vec<Arc<ServedZone>> {
        self.zones
            .get(zone)
            .map(|z| z.replicas.iter().map(|r| Arc::clone(&r.current)).collect())
            .unwrap_or_default()
    }

    /// What the server at this address answers, and whether it knows EDNS for it.
    pub(crate) fn ask(
        &self,
        address: IpAddr,
        name: &Name,
        kind: RecordType,
        dnssec: bool,
    ) -> (Reply, bool) {
        let refused = || (Reply::code(ResponseCode::Refused), true);
        let Some(first) = self.zone_held(address, name, kind) else {
            return refused();
        };
        let (zone, replica) = first;
        if zone.old_software {
            if UNKNOWN_TO_OLD_SOFTWARE.contains(&kind) {
                return (Reply::code(ResponseCode::NotImp), false);
            }
            return (answer(&replica.current, name, kind, false), false);
        }
        (answer(&replica.current, name, kind, dnssec), true)
    }

    /// The deepest zone this address serves for the question; for DS the parent, if it serves that too.
    fn zone_held(
        &self,
        address: IpAddr,
        name: &Name,
        kind: RecordType,
    ) -> Option<(&Zone, &Replica)> {
        let held = |origin: &Name| {
            let zone = self.zones.get(origin)?;
            let replica = zone.replicas.iter().find(|r| r.address == address)?;
            Some((zone, replica))
        };
        if kind == RecordType::DS
            && let Some(above) = self.zone_of(name, kind)
            && let Some(found) = held(above)
        {
            return Some(found);
        }
        let mut candidate = name.clone();
        loop {
            if let Some(found) = held(&candidate) {
                return Some(found);
            }
            if candidate.is_root() {
                return None;
            }
            candidate = candidate.base_name();
        }
    }
}
