//! Remembers, for seconds, what many questions share: delegations, keys, DS sets, addresses that do not answer.
//!
//! Final answers are never kept, so that a look at the DNS is a look at the DNS.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::denial::Link;
use super::view::Source;

/// A readable answer (NOERROR or NXDOMAIN) by someone entitled to give it.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) from: Source,
}

/// A zone and whom to ask about it.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) name: Name,
    /// Names and the addresses that came as glue (or as root hints); without glue they are looked up when needed.
    pub(super) servers: Arc<Vec<(Name, Vec<IpAddr>)>>,
}

/// Whether a name is the top of a zone.
#[derive(Debug, Clone)]
pub(super) enum Cut {
    Zone(Zone),
    Not,
}

/// All of it. Cheap to share; each entry ages by itself.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) cuts: Kept<Name, Cut>,
    pub(super) replies: Kept<(Name, RecordType), Reply>,
    pub(super) links: Kept<Name, Link>,
    pub(super) addresses: Kept<Name, Vec<IpAddr>>,
    pub(super) silent: Kept<SocketAddr, ()>,
}

impl Memory {
    pub(super) fn new(age: Duration) -> Self {
        Self {
            cuts: Kept::new(age),
            replies: Kept::new(age),
            links: Kept::new(age),
            addresses: Kept::new(age),
            silent: Kept::new(age),
        }
    }
}

/// A map whose entries are forgotten after a while.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    age: Duration,
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

/// Above this many entries the old ones are swept out on insertion.
const SWEEP_ABOVE: usize = 4096;

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn new(age: Duration) -> Self {
        Self {
            age,
            entries: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .filter(|(since, _)| since.elapsed() < self.age)
            .map(|(_, value)| value.clone())
    }

    /// Keeps `value` from now on.
    pub(super) fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() > SWEEP_ABOVE {
            entries.retain(|_, (since, _)| since.elapsed() < self.age);
        }
        entries.insert(key, (Instant::now(), value));
    }
}
