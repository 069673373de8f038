//! What a stand-in holds: zones, records, and what is on file at the registrar.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hickory_proto::{
    dnssec::{Algorithm, DigestType, PublicKeyBuf, rdata::DNSKEY},
    rr::Name as WireName,
};
use rollout_providers::{DelegationKey, Name, RecordData, RecordType, Rrset};
use serde_json::Value;

use crate::cases::KEY;

/// A record as its vendor holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: u64,
    /// Without final dot.
    pub name: String,
    pub rtype: String,
    pub ttl: u32,
    /// Zone file text: `10 mx.example.`, `"v=spf1 -all"`.
    pub data: String,
    /// What the vendor keeps beside it, such as a comment.
    pub extra: Value,
}

impl Record {
    /// Preference and host without final dot of an MX record.
    pub fn mx(&self) -> (u16, &str) {
        let (preference, host) = self.data.split_once(' ').unwrap();
        (preference.parse().unwrap(), host.strip_suffix('.').unwrap())
    }

    fn is_of(&self, name: &Name, rtype: RecordType) -> bool {
        self.name == name.as_str() && self.rtype == rtype.as_str()
    }
}

#[derive(Debug, Default)]
pub struct Zone {
    pub id: String,
    /// Without final dot.
    pub name: String,
    pub records: Vec<Record>,
    /// What is served, at a vendor who serves a change only when told to; else the records are.
    pub served: Option<Vec<Record>>,
    pub signed: bool,
    /// The registrar's: keys on file.
    pub on_file: Vec<DelegationKey>,
}

impl Zone {
    /// The DNSKEY it is signed with, in base64.
    pub fn key(&self) -> &'static str {
        KEY
    }

    fn dnskey() -> DNSKEY {
        let key = PublicKeyBuf::new(STANDARD.decode(KEY).unwrap(), Algorithm::ECDSAP256SHA256);
        DNSKEY::with_flags(257, key)
    }

    pub fn key_tag(&self) -> u16 {
        Self::dnskey().calculate_key_tag().unwrap()
    }

    /// The SHA-256 digest of its key in upper-case hexadecimal, by hickory's code and not ours.
    pub fn digest(&self) -> String {
        let owner = WireName::from_ascii(format!("{}.", self.name)).unwrap();
        let digest = Self::dnskey()
            .to_digest(&owner, DigestType::SHA256)
            .unwrap();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    }

    /// `tag algorithm type digest`.
    pub fn ds(&self) -> String {
        format!("{} 13 2 {}", self.key_tag(), self.digest())
    }

    /// A name in it as many vendors write it: relative, `@` at the apex.
    pub fn relative<'a>(&self, name: &'a str) -> &'a str {
        match name.strip_suffix(self.name.as_str()) {
            Some("") => "@",
            Some(below) => below.strip_suffix('.').unwrap(),
            None => panic!("{name} is not in {}", self.name),
        }
    }

    /// The way back.
    pub fn absolute(&self, relative: &str) -> String {
        match relative {
            "@" | "" => self.name.clone(),
            below => format!("{below}.{}", self.name),
        }
    }

    /// The set as it is served; its TTL is that of its first record.
    pub fn set(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        let records: Vec<_> = self
            .served
            .as_ref()
            .unwrap_or(&self.records)
            .iter()
            .filter(|record| record.is_of(name, rtype))
            .collect();
        let values = records
            .iter()
            .map(|record| RecordData::parse(rtype, &record.data).unwrap());
        Some(Rrset::new(name.clone(), rtype, records.first()?.ttl, values).unwrap())
    }

    fn sets(&self) -> BTreeSet<(String, String)> {
        self.records
            .iter()
            .map(|record| (record.name.clone(), record.rtype.clone()))
            .collect()
    }
}

/// Everything a stand-in holds.
#[derive(Debug, Default)]
pub struct Shelf {
    pub zones: Vec<Zone>,
    /// How many requests more are answered with "too many".
    pub throttle: u32,
    /// Stores this TTL whatever was asked.
    pub stores_ttl: Option<u32>,
    next_id: u64,
    vanished: BTreeSet<(String, String)>,
    emptied: BTreeSet<(String, String)>,
}

impl Shelf {
    /// A zone with the records of [`crate::beds::RECORDS`].
    pub fn add_zone(&mut self, name: &str) {
        let mut zone = Zone {
            id: format!("{}", 7001 + self.zones.len()),
            name: name.to_owned(),
            ..Zone::default()
        };
        for line in crate::beds::RECORDS.lines() {
            let [owner, ttl, rtype, data] = line.trim().splitn(4, ' ').collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            self.next_id += 1;
            zone.records.push(Record {
                id: self.next_id,
                name: zone.absolute(owner),
                rtype: rtype.to_owned(),
                ttl: ttl.parse().unwrap(),
                data: data.to_owned(),
                extra: Value::Null,
            });
        }
        self.zones.push(zone);
    }

    pub fn zone(&self, name: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.name == name)
    }

    pub fn zone_of(&self, name: &Name) -> &Zone {
        self.zones
            .iter()
            .find(|zone| name.is_within(&zone.name.parse().unwrap()))
            .unwrap()
    }

    pub fn zone_mut(&mut self, name: &str) -> Option<&mut Zone> {
        self.zones.iter_mut().find(|zone| zone.name == name)
    }

    /// A number that no record has yet.
    pub fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Changes the records of a zone as one step that others can see the end of, and takes note of sets that vanish and come
    /// back.
    pub fn change<T>(&mut self, zone: &str, work: impl FnOnce(&mut Zone) -> T) -> T {
        let stores = self.stores_ttl;
        let zone = self
            .zones
            .iter_mut()
            .find(|held| held.name == zone)
            .unwrap();
        let (before, old) = (zone.sets(), zone.records.clone());
        let done = work(zone);
        if let Some(ttl) = stores {
            zone.records
                .iter_mut()
                .filter(|record| !old.contains(record))
                .for_each(|record| record.ttl = ttl);
        }
        let after = zone.sets();
        self.vanished.extend(before.difference(&after).cloned());
        for back in after.difference(&before) {
            if self.vanished.remove(back) {
                self.emptied.insert(back.clone());
            }
        }
        done
    }

    /// Makes a set what it shall be, as somebody else does: records whose value stays keep what is beside them.
    pub fn put(&mut self, zone: &str, name: &Name, rtype: RecordType, set: Option<&Rrset>) {
        let wanted: Vec<String> = set
            .iter()
            .flat_map(|set| set.values())
            .map(ToString::to_string)
            .collect();
        let ids: Vec<u64> = wanted.iter().map(|_| self.new_id()).collect();
        self.change(zone, |zone| {
            zone.records
                .retain(|record| !record.is_of(name, rtype) || wanted.contains(&record.data));
            for (id, data) in ids.into_iter().zip(wanted) {
                let ttl = set.map_or(0, Rrset::ttl);
                match zone
                    .records
                    .iter_mut()
                    .find(|record| record.is_of(name, rtype) && record.data == data)
                {
                    Some(record) => record.ttl = ttl,
                    None => zone.records.push(Record {
                        id,
                        name: name.to_string(),
                        rtype: rtype.to_string(),
                        ttl,
                        data,
                        extra: Value::Null,
                    }),
                }
            }
        });
        if let Some(zone) = self.zone_mut(zone)
            && zone.served.is_some()
        {
            zone.served = Some(zone.records.clone());
        }
        // What somebody else removes and brings back is not the provider's doing.
        self.vanished.remove(&(name.to_string(), rtype.to_string()));
    }

    pub(super) fn was_ever_empty(&mut self, name: &Name, rtype: RecordType) -> bool {
        self.emptied.remove(&(name.to_string(), rtype.to_string()))
    }
}
