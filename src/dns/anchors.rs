//! Trust anchors: keys of the root zone, or digests of such keys, in the form that each validator wants.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::base::iana::Class;
use domain::base::{Name as WireName, ToName as _};
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKeyBuf, TrustAnchors};
use hickory_proto::rr::{Name, RData, RecordType};

use super::Dns;
use super::text::{hex, safe};
use super::view::Failure;

/// The root's two keys by digest, as IANA publishes them (root-anchors.xml): the second validator's own source,
/// where the first has the keys themselves built in.
const IANA: &str = "\
. 3600 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. 3600 IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// Whom validation trusts, read and checked.
#[derive(Clone)]
pub(super) struct Anchors {
    /// Keys given as such.
    keys: Arc<TrustAnchors>,
    /// Keys given by digest: which keys these are, only the root zone can say.
    digests: Vec<DS>,
    /// All of it in zone-file form.
    zone_file: String,
}

impl Anchors {
    /// Those of IANA.
    pub(super) fn built_in() -> Self {
        Self {
            keys: Arc::new(TrustAnchors::default()),
            digests: Vec::new(),
            zone_file: IANA.to_owned(),
        }
    }

    /// Reads DNSKEY and DS records of the root in zone-file form. The error is half a sentence.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut file = Zonefile::new();
        file.set_default_class(Class::IN);
        file.extend_from_slice(text.as_bytes());
        file.extend_from_slice(b"\n");
        let mut keys = TrustAnchors::empty();
        let mut digests = Vec::new();
        let mut zone_file = String::new();
        for entry in file {
            let record = match entry {
                Ok(Entry::Record(record)) => record,
                Ok(Entry::Include { .. }) => return Err("it includes another file".into()),
                Err(error) => return Err(safe(error.to_string().as_bytes())),
            };
            // Our walk starts at the root, so an anchor below it would never be reached.
            if !record
                .owner()
                .to_name::<Vec<u8>>()
                .name_eq(&WireName::root_vec())
            {
                continue;
            }
            match record.data() {
                ZoneRecordData::Dnskey(key) => {
                    let algorithm = key.algorithm().to_int();
                    keys.insert(&PublicKeyBuf::new(
                        key.public_key().to_vec(),
                        Algorithm::from_u8(algorithm),
                    ));
                    // Writing to a String cannot fail.
                    let _ = writeln!(
                        zone_file,
                        ". 3600 IN DNSKEY {} {} {algorithm} {}",
                        key.flags(),
                        key.protocol(),
                        BASE64.encode(key.public_key())
                    );
                }
                ZoneRecordData::Ds(ds) => {
                    let kind = ds.digest_type().to_int();
                    let length = match kind {
                        1 => 20,
                        2 => 32,
                        4 => 48,
                        _ => return Err(format!("nobody here knows DS digests of type {kind}")),
                    };
                    if ds.digest().len() != length {
                        return Err(format!(
                            "a DS digest of type {kind} has {length} bytes, not {}",
                            ds.digest().len()
                        ));
                    }
                    let algorithm = ds.algorithm().to_int();
                    digests.push(DS::new(
                        ds.key_tag(),
                        Algorithm::from_u8(algorithm),
                        DigestType::from(kind),
                        ds.digest().to_vec(),
                    ));
                    let _ = writeln!(
                        zone_file,
                        ". 3600 IN DS {} {algorithm} {kind} {}",
                        ds.key_tag(),
                        hex(ds.digest())
                    );
                }
                _ => {}
            }
        }
        if zone_file.is_empty() {
            return Err("it holds no key of the root zone".into());
        }
        Ok(Self {
            keys: Arc::new(keys),
            digests,
            zone_file,
        })
    }

    /// All of it in zone-file form.
    pub(super) fn zone_file(&self) -> &str {
        &self.zone_file
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> &TrustAnchors {
        &self.keys
    }

    /// Whether a key of the root zone is trusted.
    pub(super) fn trusts(&self, key: &DNSKEY) -> bool {
        self.keys.contains(key.public_key()) || self.is_digested(key)
    }

    fn is_digested(&self, key: &DNSKEY) -> bool {
        key.zone_key()
            && !key.revoke()
            && self
                .digests
                .iter()
                .any(|ds| ds.covers(&Name::root(), key).unwrap_or(false))
    }

    /// The keys trusted, given those that the root zone serves.
    fn among<'a>(&self, served: impl Iterator<Item = &'a DNSKEY>) -> TrustAnchors {
        let mut all = (*self.keys).clone();
        for key in served.filter(|key| self.is_digested(key)) {
            all.insert(key.public_key());
        }
        if all.is_empty() {
            // None of the root's keys is trusted: it is bogus. Without any anchor at all the validator would not
            // say so; so it gets one that nobody can have signed with.
            all.insert(&PublicKeyBuf::new(vec![0; 64], Algorithm::ECDSAP256SHA256));
        }
        all
    }
}

impl Dns {
    /// The anchors as keys. Where they were given as digests the root zone is asked for its keys first.
    ///
    /// # Errors
    /// When the root's keys cannot be fetched: then nothing can be told about anything.
    pub(super) async fn anchors(&self) -> Result<Arc<TrustAnchors>, Failure> {
        let anchors = &self.inner.anchors;
        if anchors.digests.is_empty() {
            return Ok(Arc::clone(&anchors.keys));
        }
        if let Some(known) = self.inner.root_keys.get() {
            return Ok(known);
        }
        let reply = self.resolve(&Name::root(), RecordType::DNSKEY).await?;
        let served = reply.message.answers.iter().filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) if r.name.is_root() => Some(key),
            _ => None,
        });
        let keys = anchors.among(served);
        Ok(self.inner.root_keys.get_or(|| keys))
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::PublicKey as _;

    use super::*;

    fn built_in_keys() -> Vec<DNSKEY> {
        let anchors = Anchors::built_in();
        let keys = anchors.keys();
        (0..keys.len())
            .map(|i| {
                let key = keys.get(i).expect("in range").clone();
                assert_eq!(key.algorithm(), Algorithm::RSASHA256);
                DNSKEY::new(true, true, false, key)
            })
            .collect()
    }

    #[test]
    fn the_published_digests_are_those_of_the_built_in_keys() {
        let digests = Anchors::read(IANA).expect("digests");
        assert_eq!(digests.digests.len(), 2);
        let keys = built_in_keys();
        let trusted = digests.among(keys.iter());
        assert_eq!(trusted.len(), 2);
        for key in &keys {
            assert!(trusted.contains(key.public_key()));
        }
        // One digest, one key.
        let one = Anchors::read(IANA.lines().next().expect("a line")).expect("a digest");
        assert_eq!(one.among(keys.iter()).len(), 1);
    }

    #[test]
    fn a_key_that_no_digest_fits_or_that_is_revoked_is_not_trusted() {
        let digests = Anchors::read(IANA).expect("digests");
        let other = DNSKEY::new(
            true,
            true,
            false,
            PublicKeyBuf::new(vec![7; 64], Algorithm::ECDSAP256SHA256),
        );
        let trusted = digests.among([&other].into_iter());
        assert!(!trusted.contains(other.public_key()));
        assert_eq!(trusted.len(), 1, "never empty");
        for key in built_in_keys() {
            let revoked = DNSKEY::new(true, true, true, key.public_key().clone());
            assert!(
                !digests
                    .among([&revoked].into_iter())
                    .contains(key.public_key())
            );
        }
    }

    #[test]
    fn what_was_read_reads_again() {
        let both = format!(
            "; a comment\n. 172800 DNSKEY 257 3 13 (\n  {} )\n{IANA}example. DS 1 13 2 00\n",
            BASE64.encode([9; 64])
        );
        let read = Anchors::read(&both).expect("anchors");
        assert_eq!((read.keys.len(), read.digests.len()), (1, 2));
        let again = Anchors::read(read.zone_file()).expect("anchors");
        assert_eq!(again.zone_file(), read.zone_file());
        assert_eq!(again.zone_file().lines().count(), 3);
    }
}
