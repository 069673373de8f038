//! What a run has seen: each examination once, whoever asks for it and however many at the same time.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::certificate::Certificate;
use super::examination::Examined;
use super::probe::{Probe, ProbeResult};

type Key = (SocketAddr, String);

/// A memory of bounded size.
#[derive(Debug)]
pub(super) struct Memory {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    seen: HashMap<Key, Arc<OnceCell<Seen>>>,
    /// Oldest first.
    order: VecDeque<Key>,
    /// Chains by the digests of their certificates: most hosts show the same one at every address.
    chains: HashMap<String, Weak<[Certificate]>>,
}

#[derive(Debug)]
struct Seen {
    examined: Examined,
    /// For whom the recipient was asked.
    domain: String,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            kept: Mutex::default(),
        }
    }

    /// What was seen of this address with this name as SNI; `examine` is run by the first who asks, others wait for it.
    pub(super) async fn once(
        &self,
        address: SocketAddr,
        sni: &str,
        domain: &str,
        examine: impl Future<Output = Examined>,
    ) -> Examined {
        let cell = self.cell((address, sni.to_owned()));
        let mut fresh = false;
        let first = &mut fresh;
        let seen = cell
            .get_or_init(|| async move {
                let mut examined = examine.await;
                for probe in examined.probes_mut() {
                    self.share_chain(probe);
                }
                *first = true;
                Seen {
                    examined,
                    domain: domain.to_owned(),
                }
            })
            .await;
        let mut examined = seen.examined.clone();
        if !fresh {
            for probe in examined.probes_mut() {
                probe.remembered = true;
                // What became of one domain's recipient says nothing of another's.
                if let ProbeResult::Ok { rcpt, .. } = &mut probe.result
                    && seen.domain != domain
                {
                    *rcpt = None;
                }
            }
        }
        examined
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Seen>> {
        let mut kept = self.lock();
        if let Some(cell) = kept.seen.get(&key) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(OnceCell::new());
        kept.order.push_back(key.clone());
        kept.seen.insert(key, Arc::clone(&cell));
        kept.forget(self.most);
        cell
    }

    /// Replaces the chain by the same one that was seen before.
    fn share_chain(&self, probe: &mut Probe) {
        let Some(chain) = probe.result.shared_chain_mut() else {
            return;
        };
        let key: String = chain.iter().map(|c| c.sha256.as_str()).collect();
        let mut kept = self.lock();
        if let Some(same) = kept.chains.get(&key).and_then(Weak::upgrade) {
            *chain = same;
            return;
        }
        if kept.chains.len() >= self.most {
            kept.chains.retain(|_, chain| chain.strong_count() > 0);
        }
        kept.chains.insert(key, Arc::downgrade(chain));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().seen.len()
    }
}

impl Kept {
    /// Forgets the oldest that are done; those under way are still waited for.
    fn forget(&mut self, most: usize) {
        let mut tries = self.order.len();
        while self.seen.len() > most && tries > 0 {
            tries -= 1;
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if self.seen.get(&oldest).is_some_and(|c| c.initialized()) {
                self.seen.remove(&oldest);
            } else {
                self.order.push_back(oldest);
            }
        }
    }
}

impl Examined {
    fn probes_mut(&mut self) -> impl Iterator<Item = &mut Probe> {
        std::iter::once(&mut self.main).chain(&mut self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dane::probe::Hello;

    fn seen(address: SocketAddr) -> Examined {
        Examined {
            main: Probe::of(address, Hello::default(), ProbeResult::Refused),
            others: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_oldest_are_forgotten_and_those_under_way_are_not() {
        let memory = Memory::new(3);
        let at = SocketAddr::from(([192, 0, 2, 1], 25));
        // One that is under way is waited for by others.
        let pending = memory.cell((at, "pending".into()));
        for name in ["a", "b", "c", "d"] {
            let examined = memory.once(at, name, "d.test", async { seen(at) }).await;
            assert!(!examined.main.remembered);
        }
        assert_eq!(memory.len(), 3);
        assert!(Arc::ptr_eq(&pending, &memory.cell((at, "pending".into()))));
        let ask = async |name| {
            let examined = memory.once(at, name, "d.test", async { seen(at) }).await;
            examined.main.remembered
        };
        assert!(ask("d").await);
        assert!(!ask("a").await);
    }
}
