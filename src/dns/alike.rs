//! Answers that are the same octet by octet: read once, and held once.
//!
//! The servers of a zone nearly always say the same, over UDP as over TCP. Only the number of a message tells two of them
//! apart, and whose answer it is was settled by then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_lc_rs::digest::{SHA256, digest};
use hickory_proto::op::Message;

use super::text::safe;
use super::view::Failure;

/// So many at most. Who sends more has the older ones read again.
const MOST: usize = 1024;

/// A digest over all octets but the number. Strangers choose the octets, so it is one that nobody can find a second for.
type Fingerprint = [u8; 32];

/// What one look at a domain has read and still holds somewhere.
#[derive(Debug, Default)]
pub(super) struct Alike(Mutex<HashMap<Fingerprint, Weak<Message>>>);

impl Alike {
    /// What `octets` say: the very same message where it was read before, whose number may then be another.
    pub(super) fn read(&self, octets: &[u8]) -> Result<Arc<Message>, Failure> {
        let fingerprint = fingerprint(octets);
        let known = self.known().get(&fingerprint).and_then(Weak::upgrade);
        if let Some(message) = known {
            return Ok(message);
        }
        // Not under the lock: two may read the same at the same time, and each holds his own.
        let message = read(octets)?;
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(fingerprint, Arc::downgrade(&message));
        Ok(message)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Fingerprint, Weak<Message>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `octets` say.
pub(super) fn read(octets: &[u8]) -> Result<Arc<Message>, Failure> {
    match Message::from_vec(octets) {
        Ok(mut message) => {
            // It is held for long, and the library makes room for the OPT record, which it then keeps elsewhere.
            message.additionals.shrink_to_fit();
            Ok(Arc::new(message))
        }
        Err(error) => Err(Failure::Malformed {
            detail: safe(error.to_string().as_bytes()),
        }),
    }
}

fn fingerprint(octets: &[u8]) -> Fingerprint {
    let mut out = Fingerprint::default();
    out.copy_from_slice(digest(&SHA256, octets.get(2..).unwrap_or_default()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Query;
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::*;

    fn octets(id: u16, name: &str, ttl: u32) -> Vec<u8> {
        let name = Name::from_ascii(name).unwrap();
        let mut message = Message::query();
        message.metadata.id = id;
        message.add_query(Query::query(name.clone(), RecordType::A));
        let data = RData::A(A::new(192, 0, 2, 1));
        message.add_answer(Record::from_rdata(name, ttl, data));
        message.to_vec().unwrap()
    }

    #[test]
    fn the_same_octets_are_one_message_and_any_other_octet_makes_another() {
        let alike = Alike::default();
        let first = alike.read(&octets(1, "zone.test.", 60)).unwrap();
        let second = alike.read(&octets(2, "zone.test.", 60)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        // The library calls these equal: it compares neither TTL nor case.
        for (name, ttl) in [("zone.test.", 61), ("Zone.test.", 60)] {
            let other = alike.read(&octets(1, name, ttl)).unwrap();
            assert!(!Arc::ptr_eq(&first, &other), "{name} {ttl}");
            assert_eq!(other.answers[0].ttl, ttl);
            assert_eq!(other.answers[0].name.to_string(), name);
        }
    }

    #[test]
    fn what_nobody_holds_is_let_go_and_what_cannot_be_read_is_not_known() {
        let alike = Alike::default();
        let first = alike.read(&octets(1, "zone.test.", 60)).unwrap();
        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none());
        assert!(alike.read(&octets(1, "zone.test.", 60)).is_ok());
        for bad in [&[][..], &[1], &octets(1, "zone.test.", 60)[..20]] {
            for _ in 0..2 {
                let said = alike.read(bad);
                assert!(matches!(said, Err(Failure::Malformed { .. })), "{said:?}");
            }
        }
        assert_eq!(alike.known().len(), 1);
    }

    #[test]
    fn never_more_than_so_many() {
        let alike = Alike::default();
        let mut full = alike.known();
        for n in 0..MOST {
            let mut fingerprint = Fingerprint::default();
            fingerprint[..8].copy_from_slice(&n.to_be_bytes());
            full.insert(fingerprint, Weak::new());
        }
        drop(full);
        assert!(alike.read(&octets(1, "zone.test.", 60)).is_ok());
        assert_eq!(alike.known().len(), 1);
    }
}
