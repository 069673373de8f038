//! What a zone holds before it is signed: plain text, as its administrators write it.

use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde::{Deserialize, Serialize};

use super::keys::StoredKey;
use crate::error::LabError;

/// A record set in text form: absolute names with a final dot, contents as in a zone file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Owner, with a final dot.
    pub name: String,
    /// Type mnemonic in capitals.
    #[serde(rename = "type")]
    pub rtype: String,
    /// TTL in seconds.
    pub ttl: u32,
    /// One entry per record.
    pub contents: Vec<String>,
}

impl RecordSet {
    /// A record set; the name gets its final dot if it has none.
    pub fn new<C: Into<String>>(
        name: &str,
        rtype: &str,
        ttl: u32,
        contents: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            name: dotted(name),
            rtype: rtype.to_ascii_uppercase(),
            ttl,
            contents: contents.into_iter().map(Into::into).collect(),
        }
    }

    /// The records on the wire's terms.
    pub(crate) fn records(&self) -> Result<Vec<Record>, LabError> {
        let owner = super::name(&self.name)?;
        self.contents
            .iter()
            .map(|content| {
                let rdata = parse(&self.rtype, content).map_err(|reason| LabError::Record {
                    name: self.name.clone(),
                    rtype: self.rtype.clone(),
                    content: content.clone(),
                    reason,
                })?;
                Ok(Record::from_rdata(owner.clone(), self.ttl, rdata))
            })
            .collect()
    }
}

/// One record's content from text. Names in it must be absolute, text must be quoted.
pub(crate) fn parse(rtype: &str, content: &str) -> Result<RData, String> {
    let kind: RecordType = rtype.parse().map_err(|_| format!("unknown type {rtype}"))?;
    if kind == RecordType::TXT && !content.trim_start().starts_with('"') {
        return Err("text must be in double quotes".to_owned());
    }
    let names_last = matches!(
        kind,
        RecordType::MX | RecordType::CNAME | RecordType::NS | RecordType::SRV | RecordType::PTR
    );
    if names_last && !content.trim_end().ends_with('.') {
        return Err("the host name must end with a dot".to_owned());
    }
    if kind == RecordType::MX && content.split_whitespace().count() != 2 {
        return Err("an MX holds a preference and a host name".to_owned());
    }
    RData::try_from_str(kind, content).map_err(|e| e.to_string())
}

/// The contents of one zone, its keys and settings; what a save file keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ZoneContent {
    /// Name of the zone, with a final dot (`.` for the root).
    pub(crate) origin: String,
    /// Serial of the SOA; grows with every change.
    pub(crate) serial: u32,
    /// TTL of the SOA and its last field: how long absence is cached.
    pub(crate) negative_ttl: u32,
    /// TTL of the DNSKEY set.
    pub(crate) dnskey_ttl: u32,
    /// Name in the SOA.
    pub(crate) primary: String,
    /// Everything but SOA, DNSKEY, CDS, CDNSKEY, NSEC and RRSIG, which are made.
    pub(crate) sets: Vec<RecordSet>,
    /// Signing keys; none means unsigned.
    pub(crate) keys: Vec<StoredKey>,
    /// Digest types offered as CDS; empty is none.
    pub(crate) cds_digests: Vec<u8>,
    /// Whether CDNSKEY is offered.
    pub(crate) cdnskey: bool,
}

impl ZoneContent {
    /// An empty, unsigned zone.
    pub(crate) fn new(origin: &str, primary: &str, negative_ttl: u32, dnskey_ttl: u32) -> Self {
        Self {
            origin: dotted(origin),
            serial: 1,
            negative_ttl,
            dnskey_ttl,
            primary: dotted(primary),
            sets: Vec::new(),
            keys: Vec::new(),
            cds_digests: Vec::new(),
            cdnskey: false,
        }
    }

    /// The zone's name.
    pub(crate) fn name(&self) -> Result<Name, LabError> {
        super::name(&self.origin)
    }

    /// The record set of this name and type.
    pub(crate) fn get(&self, name: &str, rtype: &str) -> Option<&RecordSet> {
        self.sets
            .iter()
            .find(|s| s.name.eq_ignore_ascii_case(name) && s.rtype.eq_ignore_ascii_case(rtype))
    }

    /// Puts a record set in the place of whatever its name and type held.
    pub(crate) fn replace(&mut self, set: RecordSet) {
        self.remove(&set.name.clone(), &set.rtype.clone());
        if !set.contents.is_empty() {
            // Sorted already but for the new one: a zone may have thousands.
            let place = self
                .sets
                .partition_point(|s| (&s.name, &s.rtype) < (&set.name, &set.rtype));
            self.sets.insert(place, set);
        }
    }

    /// Takes a record set away; whether there was one.
    pub(crate) fn remove(&mut self, name: &str, rtype: &str) -> bool {
        let before = self.sets.len();
        self.sets.retain(|s| {
            !(s.name.eq_ignore_ascii_case(name) && s.rtype.eq_ignore_ascii_case(rtype))
        });
        self.sets.len() != before
    }

    /// Adds a record set given by its parts.
    pub(crate) fn set<C: Into<String>>(
        &mut self,
        name: &str,
        rtype: &str,
        ttl: u32,
        contents: impl IntoIterator<Item = C>,
    ) {
        self.replace(RecordSet::new(name, rtype, ttl, contents));
    }

    /// The SOA's text.
    pub(crate) fn soa(&self) -> RecordSet {
        RecordSet::new(
            &self.origin,
            "SOA",
            self.negative_ttl,
            [format!(
                "{} hostmaster.{} {} 10800 3600 604800 {}",
                self.primary,
                if self.origin == "." {
                    "root-servers.net."
                } else {
                    &self.origin
                },
                self.serial,
                self.negative_ttl
            )],
        )
    }
}

/// The name with exactly one final dot.
pub(crate) fn dotted(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if lower.ends_with('.') {
        lower
    } else {
        format!("{lower}.")
    }
}
