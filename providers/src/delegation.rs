//! What a parent zone is told about a key.

use serde::{Deserialize, Serialize};

use crate::{DigestType, Dnskey, Ds, KeyError, Name};

/// What a registrar needs for one key: some take the digest, some the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DelegationKey {
    /// The key, where it is known.
    pub dnskey: Option<Dnskey>,
    /// Its digests.
    pub ds: Vec<Ds>,
}

impl DelegationKey {
    /// A key with its SHA-256 digest, derived here.
    ///
    /// # Errors
    /// [`KeyError::NotUsable`] for a key that no DS may point to.
    pub fn from_dnskey(zone: &Name, key: Dnskey) -> Result<Self, KeyError> {
        Self::checked(zone, Some(key), Vec::new())
    }

    /// A key and the digests that were reported with it: each one that can be computed here is, and must agree.
    /// A missing SHA-256 digest is added, an SHA-1 digest dropped (RFC 8624, section 3.3).
    ///
    /// # Errors
    /// [`KeyError::Mismatch`] or [`KeyError::Length`] when a digest is wrong, [`KeyError::NotUsable`] for the key,
    /// [`KeyError::Nothing`] when there is neither.
    pub fn checked(zone: &Name, dnskey: Option<Dnskey>, ds: Vec<Ds>) -> Result<Self, KeyError> {
        let mut ds: Vec<Ds> = ds.into_iter().filter(|ds| ds.digest_type != 1).collect();
        if let Some(wrong) = ds.iter().find(|ds| !ds.has_right_length()) {
            return Err(KeyError::Length(wrong.clone()));
        }
        if let Some(key) = &dnskey {
            let (zone, key_tag) = (zone.clone(), key.key_tag());
            if !key.is_usable() {
                return Err(KeyError::NotUsable { zone, key_tag });
            }
            let alien = |ds: &&Ds| {
                ds.key_tag != key_tag
                    || ds.algorithm != key.algorithm
                    || ds.covers(&zone, key) == Some(false)
            };
            if let Some(wrong) = ds.iter().find(alien) {
                return Err(KeyError::Mismatch {
                    ds: wrong.clone(),
                    zone,
                    key_tag,
                });
            }
            ds.push(key.ds(&zone, DigestType::Sha256));
        }
        ds.sort_by(|a, b| (a.digest_type, a).cmp(&(b.digest_type, b)));
        ds.dedup();
        if ds.is_empty() {
            return Err(KeyError::Nothing(zone.clone()));
        }
        Ok(Self { dnskey, ds })
    }

    /// The digest to publish when one is enough: SHA-256 where there is one, all validators know it.
    #[must_use]
    pub fn preferred_ds(&self) -> Option<&Ds> {
        self.ds
            .iter()
            .find(|ds| ds.digest_type == DigestType::Sha256.number())
            .or_else(|| self.ds.first())
    }
}
