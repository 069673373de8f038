//! Remembers, for seconds, what many questions share: delegations, keys, DS sets, addresses of name servers.
//!
//! What is being found out already is waited for, not asked again. Final answers are kept for one look at most, except
//! about hosts that serve many domains, so that a look at the DNS is a look at the DNS.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};
use tokio::sync::OnceCell;

use super::alike::Alike;
use super::denial::Link;
use super::pin::Pin;
use super::resolve::Later;
use super::view::{Failure, Source};

/// A readable answer (NOERROR or NXDOMAIN) by someone entitled to give it.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) message: Arc<Message>,
    pub(super) from: Source,
    /// Of a DNSKEY set: whether one of its keys validly signs it, found out when first needed.
    pub(super) self_signed: Arc<OnceLock<bool>>,
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
    /// The parent would not say. Not remembered.
    NotTold,
}

/// Answers to questions.
pub(super) type Replies = Kept<(Name, RecordType), Result<Reply, Failure>>;

/// All of it. Cheap to share; each entry ages by itself.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) cuts: Kept<Name, Result<Cut, Failure>>,
    /// Keys, DS and NS sets.
    pub(super) replies: Replies,
    pub(super) links: Kept<Name, Link>,
    pub(super) addresses: Kept<Name, Result<Vec<IpAddr>, Failure>>,
}

impl Memory {
    pub(super) fn new(age: Duration) -> Self {
        Self {
            cuts: Kept::new(age),
            replies: Kept::new(age),
            links: Kept::new(age),
            addresses: Kept::new(age),
        }
    }

    /// How long it lasts.
    pub(super) const fn age(&self) -> Duration {
        self.links.age
    }
}

/// Answers about one domain while it is looked at: the parts of a look that need the same set see the same answer.
#[derive(Debug)]
pub(super) struct Look {
    domain: Name,
    own: Replies,
    /// Answers about names elsewhere, such as hosts that serve many domains: shared by the looks of one run.
    elsewhere: Arc<Replies>,
    /// The servers of its zone and of the parent that were asked so far.
    pins: Mutex<Vec<Arc<Pin>>>,
    pub(super) alike: Alike,
}

impl Look {
    pub(super) fn new(domain: Name, age: Duration, elsewhere: Arc<Replies>) -> Self {
        Self {
            domain,
            own: Kept::new(age),
            elsewhere,
            pins: Mutex::default(),
            alike: Alike::default(),
        }
    }

    /// Whether each server of `zone` is asked this anyway: then it is asked once, whoever needs the answer.
    pub(super) fn asks_all(&self, zone: &Name, name: &Name, kind: RecordType) -> bool {
        *name == self.domain
            && match kind {
                RecordType::MX | RecordType::TXT => true,
                RecordType::NS | RecordType::DNSKEY => *zone == self.domain,
                RecordType::DS => *zone != self.domain,
                _ => false,
            }
    }

    /// One address of one server of the zone `apex`, the same for all parts of the look.
    pub(super) fn pin(&self, apex: &Name, server: &str, address: SocketAddr) -> Arc<Pin> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pins
            .iter()
            .find(|pin| pin.from().address == address && pin.apex() == apex);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let pin = Arc::new(Pin::new(apex.clone(), server, address));
        pins.push(Arc::clone(&pin));
        pin
    }

    /// Lets go of what the servers said, once all that is to be found out from it is.
    pub(super) fn forget_pins(&self) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        *pins = Vec::new();
    }

    /// Where answers about `name` are kept.
    pub(super) fn replies(&self, name: &Name) -> &Replies {
        match self.domain.zone_of(name) {
            true => &self.own,
            false => &self.elsewhere,
        }
    }
}

/// A map whose entries are forgotten after a while, and in which what is being found out is found out once.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    age: Duration,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    /// In boxes, because a table has up to twice the places that it needs.
    known: HashMap<K, Box<Known<V>>>,
    under_way: HashMap<K, Arc<OnceCell<V>>>,
}

#[derive(Debug)]
struct Known<V> {
    since: Instant,
    used: Instant,
    value: V,
}

/// More entries are never kept: a few for each of the domains looked at side by side, and what they share.
const MOST: usize = 1024;

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    pub(super) fn new(age: Duration) -> Self {
        Self {
            age,
            entries: Mutex::new(Entries {
                known: HashMap::new(),
                under_way: HashMap::new(),
            }),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, or what `ask` finds out. Who comes while somebody is asking gets the same, be it a failure; only what
    /// is worth keeping (`keeps`) is kept for those who come later.
    ///
    /// `ask` must never come back here for the same key, nor wait for somebody who does. It is made only where it is needed,
    /// and in a box, so that who waits for somebody else holds no room for it.
    pub(super) async fn once<'a>(
        &self,
        key: &K,
        keeps: impl Fn(&V) -> bool,
        ask: impl FnOnce() -> Later<'a, V>,
    ) -> V {
        if self.age.is_zero() {
            return ask().await;
        }
        let cell = {
            let mut entries = self.entries();
            if let Some(value) = self.value(&mut entries, key) {
                return value;
            }
            Arc::clone(entries.under_way.entry(key.clone()).or_default())
        };
        // Who gives up waiting leaves the asking to the next.
        let value = cell.get_or_init(ask).await.clone();
        let mut entries = self.entries();
        let is_last = entries
            .under_way
            .get(key)
            .is_some_and(|known| Arc::ptr_eq(known, &cell));
        if is_last {
            entries.under_way.remove(key);
            if keeps(&value) {
                self.insert(&mut entries, key.clone(), value.clone());
            }
        }
        value
    }

    /// What is known.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.value(&mut self.entries(), key)
    }

    fn value(&self, entries: &mut Entries<K, V>, key: &K) -> Option<V> {
        let known = entries.known.get_mut(key)?;
        let now = Instant::now();
        known.used = now;
        (now.duration_since(known.since) < self.age).then(|| known.value.clone())
    }

    /// Keeps `value` from now on.
    pub(super) fn put(&self, key: K, value: V) {
        if !self.age.is_zero() {
            self.insert(&mut self.entries(), key, value);
        }
    }

    fn insert(&self, entries: &mut Entries<K, V>, key: K, value: V) {
        let known = &mut entries.known;
        if known.len() >= MOST {
            known.retain(|_, entry| entry.since.elapsed() < self.age);
        }
        if known.len() >= MOST {
            // What is used again and again stays, whatever its age.
            let mut used: Vec<Instant> = known.values().map(|entry| entry.used).collect();
            let (_, middle, _) = used.select_nth_unstable(MOST / 2);
            let middle = *middle;
            known.retain(|_, entry| entry.used > middle);
        }
        let now = Instant::now();
        let entry = Known {
            since: now,
            used: now,
            value,
        };
        known.insert(key, Box::new(entry));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_comes_while_somebody_asks_gets_the_same() {
        let kept: Kept<u8, Result<usize, ()>> = Kept::new(MINUTE);
        let asked = AtomicUsize::new(0);
        let asked = &asked;
        let once = |fails: bool| {
            kept.once(&1, Result::is_ok, move || {
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    let n = asked.fetch_add(1, Ordering::Relaxed);
                    if fails { Err(()) } else { Ok(n) }
                })
            })
        };
        assert_eq!(tokio::join!(once(true), once(false)), (Err(()), Err(())));
        // A failure is shared but not kept.
        assert_eq!(tokio::join!(once(false), once(true)), (Ok(1), Ok(1)));
        assert_eq!(once(true).await, Ok(1));
        assert_eq!(kept.get(&1), Some(Ok(1)));
        assert!(kept.entries().under_way.is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_asking_to_the_next() {
        let kept: Kept<u8, usize> = Kept::new(MINUTE);
        let never = kept.once(&1, |_| true, || Box::pin(std::future::pending()));
        let other = async {
            tokio::task::yield_now().await;
            kept.once(&1, |_| true, || Box::pin(async { 7 })).await
        };
        let first = tokio::time::timeout(Duration::from_millis(20), never);
        let (first, second) = tokio::join!(first, other);
        assert!(first.is_err());
        assert_eq!(second, 7);
    }

    #[tokio::test]
    async fn without_age_everybody_asks() {
        let kept: Kept<u8, usize> = Kept::new(Duration::ZERO);
        assert_eq!(kept.once(&1, |_| true, || Box::pin(async { 1 })).await, 1);
        assert_eq!(kept.once(&1, |_| true, || Box::pin(async { 2 })).await, 2);
        kept.put(1, 3);
        assert_eq!(kept.get(&1), None);
    }

    #[test]
    fn never_more_than_so_many_and_what_is_used_stays() {
        let kept: Kept<usize, usize> = Kept::new(MINUTE);
        for n in 0..=MOST {
            kept.put(n, n);
            assert_eq!(kept.get(&1), (n > 0).then_some(1));
        }
        let size = kept.entries().known.len();
        assert!((2..=MOST).contains(&size), "{size}");
        assert_eq!(kept.get(&MOST), Some(MOST));
        assert_eq!(kept.get(&0), None);
    }
}
