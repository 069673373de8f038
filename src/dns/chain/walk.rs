//! Asks for every link of the chain.

use futures::future::join_all;
use hickory_proto::dnssec::PublicKey as _;
use hickory_proto::dnssec::rdata::DNSKEY;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name as LibraryName, Record as LibraryRecord, RecordType};
use jiff::Timestamp;

use super::{ChainDs, ChainKey, ChainOfTrust, Entry, Role, ZoneLink, kinds_at};
use crate::dns::Dns;
use crate::dns::checked::Checked;
use crate::dns::convert::{from_library, records_at, signatures, soa, to_library};
use crate::dns::denial::{Link, how_no_ds};
use crate::dns::engine::Said;
use crate::dns::judge::{Judge, is_left_open};
use crate::dns::keys::{DsFit, dnskeys, fit, signs_keys};
use crate::dns::record::{Data, Dnskey, Ds, Kind, Name, Soa, normal, parent_of};
use crate::dns::settings::Origin;
use crate::dns::text::hex;
use crate::dns::view::{Failure, Status};

/// A zone on the way down and its servers.
struct Place {
    zone: LibraryName,
    servers: Vec<Name>,
}

impl Dns {
    /// The chain of trust from the root to `name`, and the record sets that matter there.
    pub async fn chain_of_trust(&self, name: &str) -> ChainOfTrust {
        self.chain_of_trust_to(name, kinds_at(&normal(name))).await
    }

    /// The chain of trust from the root to `name`, and these record sets there.
    pub async fn chain_of_trust_to(&self, name: &str, kinds: &[Kind]) -> ChainOfTrust {
        let dns = self.remembering();
        let at = Timestamp::now();
        let (places, sets) = tokio::join!(
            dns.places_to(name),
            join_all(kinds.iter().map(|kind| dns.validate(name, *kind)))
        );
        let (places, trouble) = match places {
            Ok(places) => (places, None),
            Err(failure) => (
                Vec::new(),
                Some(format!(
                    "the zones above {:?} could not be found out: {failure}",
                    normal(name)
                )),
            ),
        };
        let mut zones = join_all(places.into_iter().map(|place| dns.zone_link(place))).await;
        // What is broken or open further up is so further down.
        let mut above = Status::Secure;
        for link in &mut zones {
            if !above.is_secure() {
                link.status = above.clone();
            }
            above = link.status.clone();
        }
        ChainOfTrust {
            name: normal(name),
            zones,
            sets,
            trouble,
            at,
        }
    }

    async fn places_to(&self, name: &str) -> Result<Vec<Place>, Failure> {
        let owner = to_library(&normal(name))?;
        if let Origin::Roots(_) = &self.inner.settings.source {
            let path = self.path_to(&owner, false, 0).await?;
            return Ok(path
                .into_iter()
                .map(|zone| Place {
                    servers: zone.servers.iter().map(|(n, _)| from_library(n)).collect(),
                    zone: zone.name,
                })
                .collect());
        }
        // Through a resolver: upwards, by the SOA that comes with each answer.
        let mut places = Vec::new();
        let mut next = Some(normal(name));
        while let Some(current) = next {
            let apex = self.apex_by_soa(&current).await?;
            let zone = to_library(&apex)?;
            let reply = self.resolve(&zone, RecordType::NS).await?;
            let servers = records_at(&reply.message.answers, &zone, RecordType::NS)
                .into_iter()
                .filter_map(|r| match r.data {
                    Data::Ns(name) => Some(name),
                    _ => None,
                });
            places.push(Place {
                zone,
                servers: servers.collect(),
            });
            next = parent_of(&apex);
        }
        places.reverse();
        Ok(places)
    }

    /// One zone, as if all above it were well.
    async fn zone_link(&self, place: Place) -> ZoneLink {
        let Place { zone, servers } = place;
        let keys = self.resolve(&zone, RecordType::DNSKEY).await;
        let section: &[LibraryRecord] = match &keys {
            Ok(reply) => &reply.message.answers,
            Err(_) => &[],
        };
        let (entry, status) = if zone.is_root() {
            let tags = anchored(self, section, &zone);
            (Entry::Anchor { tags }, self.keys_status(&zone).await)
        } else {
            let link = self.link(&zone).await;
            let status = match &link {
                Link::Secure => self.keys_status(&zone).await,
                Link::Insecure => Status::Insecure,
                Link::Bogus(why) => Status::Bogus { why: why.clone() },
                Link::Unknown(why) => Status::Indeterminate { why: why.clone() },
                Link::NotACut | Link::Nothing => Status::Bogus {
                    why: format!(
                        "{:?} has a SOA of its own, but the zone above proves that it is no delegation",
                        from_library(&zone)
                    ),
                },
            };
            (self.entry(&zone, section).await, status)
        };
        ZoneLink {
            servers,
            entry,
            keys: chain_keys(section, &zone, &self.inner.checked),
            keys_ttl: records_at(section, &zone, RecordType::DNSKEY)
                .iter()
                .map(|r| r.ttl)
                .max(),
            keys_signatures: signatures(section, &zone, RecordType::DNSKEY),
            status,
            zone: from_library(&zone),
        }
    }

    async fn keys_status(&self, zone: &LibraryName) -> Status {
        let limit = self.patience();
        let judge = Judge::open(self.clone());
        match tokio::time::timeout(limit, judge.below(&Link::Secure, zone, Kind::Dnskey)).await {
            Ok(found) => found.status,
            Err(_) => Status::Indeterminate {
                why: format!(
                    "the keys of {:?} could not be validated within {} s",
                    from_library(zone),
                    limit.as_secs()
                ),
            },
        }
    }

    /// The DS set, as served, or the proof that there is none.
    async fn entry(&self, zone: &LibraryName, keys: &[LibraryRecord]) -> Entry {
        let Ok(reply) = self.resolve(zone, RecordType::DS).await else {
            return Entry::Unknown;
        };
        let set = ds_set(&reply.message, zone);
        if !set.is_empty() {
            let records = records_at(&reply.message.answers, zone, RecordType::DS);
            return Entry::Ds {
                set: set
                    .into_iter()
                    .map(|ds| {
                        let (how, key) = fit(&ds, keys, zone);
                        ChainDs {
                            ds,
                            key: key
                                .filter(|_| how == DsFit::Fits)
                                .and_then(|key| key.calculate_key_tag().ok()),
                        }
                    })
                    .collect(),
                ttl: records.iter().map(|r| r.ttl).max(),
                signatures: signatures(&reply.message.answers, zone, RecordType::DS),
            };
        }
        let ttl = soa(&reply.message.authorities)
            .as_ref()
            .map(Soa::negative_ttl);
        let heard = Judge::open(self.clone())
            .verdict(zone, RecordType::DS)
            .await;
        match heard.verdict {
            Said::Secure(message) => match how_no_ds(&message.authorities, zone) {
                Some(proof) => Entry::NoDs { proof, ttl },
                None => Entry::Unknown,
            },
            Said::Insecure(_) => Entry::NoDs {
                proof: "the zone above is unsigned itself, so that nothing below it can be signed"
                    .into(),
                ttl,
            },
            Said::Bogus(message) if is_left_open(&message, zone) => Entry::NoDs {
                proof:
                    "an NSEC3 spans a name above it with opt-out: delegations there are unsigned"
                        .into(),
                ttl,
            },
            Said::Bogus(_) | Said::Unknown(_) => Entry::Unknown,
        }
    }
}

fn ds_set(message: &Message, zone: &LibraryName) -> Vec<Ds> {
    records_at(&message.answers, zone, RecordType::DS)
        .into_iter()
        .filter_map(|r| match r.data {
            Data::Ds(ds) => Some(ds),
            _ => None,
        })
        .collect()
}

/// The tags of the keys in `section` that are trust anchors.
fn anchored(dns: &Dns, section: &[LibraryRecord], zone: &LibraryName) -> Vec<u16> {
    let mut tags: Vec<u16> = dnskeys(section, zone)
        .filter(|key| dns.inner.anchors.trusts(key))
        .filter_map(|key| key.calculate_key_tag().ok())
        .collect();
    tags.sort_unstable();
    tags
}

fn chain_keys(section: &[LibraryRecord], zone: &LibraryName, checked: &Checked) -> Vec<ChainKey> {
    let mut keys: Vec<ChainKey> = dnskeys(section, zone)
        .map(|key| ChainKey {
            key: Dnskey {
                flags: key.flags(),
                algorithm: key.public_key().algorithm().into(),
                key_tag: key.calculate_key_tag().unwrap_or_default(),
                public_key: hex(key.public_key().public_bytes()),
            },
            role: role(key),
            signs_keys: signs_keys(section, zone, key, checked),
        })
        .collect();
    keys.sort_by_key(|k| (k.role != Role::Ksk, k.key.algorithm, k.key.key_tag));
    keys
}

fn role(key: &DNSKEY) -> Role {
    if !key.zone_key() {
        Role::NotAZoneKey
    } else if key.revoke() {
        Role::Revoked
    } else if key.secure_entry_point() {
        Role::Ksk
    } else {
        Role::Zsk
    }
}
