//! Signatures that were checked already: the same signature over the same data by the same key is not checked twice.
//!
//! Every server of a zone serves its keys with the same signature, and several parts of a look want to know whether it holds.
//! Whether it does hangs on these bytes alone, so nothing that changes is remembered; dates are for the caller to look at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use hickory_proto::dnssec::rdata::{DNSKEY, RRSIG};
use hickory_proto::dnssec::{PublicKey as _, TBS, Verifier as _};

/// So many at most. Who sends more has the older ones checked again.
const MOST: usize = 4096;

/// A digest over all that the outcome hangs on.
type Fingerprint = [u8; 32];

/// All of them, with their outcome.
#[derive(Debug, Default)]
pub(super) struct Checked(Mutex<HashMap<Fingerprint, bool>>);

impl Checked {
    /// Whether `signature` is that of `key` over `data`, dates aside. The key's algorithm must be one that the library knows.
    pub(super) fn holds(&self, key: &DNSKEY, signature: &RRSIG, data: &TBS) -> bool {
        let fingerprint = fingerprint(key, signature, data);
        if let Some(known) = self.known().get(&fingerprint) {
            return *known;
        }
        // Not under the lock: two may do it at the same time, with the same outcome.
        let holds = key.verify(data.as_ref(), signature.sig()).is_ok();
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(fingerprint, holds);
        holds
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Fingerprint, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(key: &DNSKEY, signature: &RRSIG, data: &TBS) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    context.update(&[u8::from(key.public_key().algorithm())]);
    for part in [
        key.public_key().public_bytes(),
        signature.sig(),
        data.as_ref(),
    ] {
        // With its length, so that no two lists of parts read the same.
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut out = Fingerprint::default();
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::crypto::EcdsaSigningKey;
    use hickory_proto::dnssec::rdata::{DNSSECRData, SigInput};
    use hickory_proto::dnssec::{Algorithm, SigningKey as _};
    use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};

    use super::*;

    #[test]
    fn the_same_is_checked_once_and_nothing_else_passes_for_it() {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        let signer = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm).unwrap();
        let public = signer.to_public_key().unwrap();
        let key = DNSKEY::new(true, true, false, public.clone());
        let name = Name::from_ascii("zone.test.").unwrap();
        let data = |ttl: u32| {
            let input = SigInput {
                type_covered: RecordType::DNSKEY,
                algorithm,
                num_labels: 2,
                original_ttl: ttl,
                sig_expiration: SerialNumber::new(2),
                sig_inception: SerialNumber::new(1),
                key_tag: key.calculate_key_tag().unwrap(),
                signer_name: name.clone(),
            };
            let data = RData::DNSSEC(DNSSECRData::DNSKEY(key.clone()));
            let record = Record::from_rdata(name.clone(), 60, data);
            let tbs = TBS::from_input(&name, DNSClass::IN, &input, std::iter::once(&record));
            (tbs.unwrap(), input)
        };
        let (good, input) = data(60);
        let sig = signer.sign(&good).unwrap();
        let signature = RRSIG::from_sig(input.clone(), sig.clone());
        let checked = Checked::default();
        for _ in 0..2 {
            assert!(checked.holds(&key, &signature, &good));
            assert_eq!(checked.known().len(), 1);
        }
        // Each part that is another one makes it another question.
        let mut bent = sig.clone();
        bent[5] ^= 1;
        assert!(!checked.holds(&key, &RRSIG::from_sig(input, bent), &good));
        assert!(!checked.holds(&key, &signature, &data(61).0));
        let other = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        let other = EcdsaSigningKey::from_pkcs8(&other, algorithm).unwrap();
        let other = DNSKEY::new(true, true, false, other.to_public_key().unwrap());
        assert!(!checked.holds(&other, &signature, &good));
        assert_eq!(checked.known().len(), 4);
        assert!(checked.holds(&key, &signature, &good), "still");
    }

    #[test]
    fn never_more_than_so_many() {
        let checked = Checked::default();
        let mut full = checked.known();
        for n in 0..MOST {
            let mut fingerprint = Fingerprint::default();
            fingerprint[..8].copy_from_slice(&n.to_be_bytes());
            full.insert(fingerprint, true);
        }
        drop(full);
        let key = hickory_proto::dnssec::PublicKeyBuf::new(vec![7; 64], Algorithm::ECDSAP256SHA256);
        let key = DNSKEY::new(true, true, false, key);
        let name = Name::root();
        let input = SigInput {
            type_covered: RecordType::DNSKEY,
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: 0,
            original_ttl: 1,
            sig_expiration: SerialNumber::new(2),
            sig_inception: SerialNumber::new(1),
            key_tag: 1,
            signer_name: name.clone(),
        };
        let tbs = TBS::from_input(&name, DNSClass::IN, &input, std::iter::empty()).unwrap();
        assert!(!checked.holds(&key, &RRSIG::from_sig(input, vec![0; 64]), &tbs));
        assert_eq!(checked.known().len(), 1);
    }
}
