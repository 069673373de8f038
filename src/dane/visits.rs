//! Goes to addresses as a polite guest: few at a time, and not again where nobody opens.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::probe::{Hello, Probe, ProbeResult, SmtpSettings};
use super::talk::{CONNECTING, GREETING, converse};

/// An address that had answered before is taken for dead after this many time-outs in a row; one that never did, after
/// the first.
const MISSES: u32 = 3;
/// Beyond this many doors, those that nobody needs are forgotten.
const MANY_DOORS: usize = 1024;

/// Who is where at the moment, and which addresses are dead.
#[derive(Debug)]
pub(super) struct Visits {
    settings: SmtpSettings,
    everywhere: Arc<Semaphore>,
    doors: Mutex<HashMap<IpAddr, Arc<Door>>>,
    /// Whether a dead address is remembered.
    remembers: bool,
}

#[derive(Debug)]
struct Door {
    places: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    answered: bool,
    misses: u32,
    /// The conversation that found it dead.
    dead: Option<Probe>,
}

impl Visits {
    pub(super) fn new(settings: SmtpSettings, remembers: bool) -> Self {
        Self {
            everywhere: Arc::new(Semaphore::new(settings.at_once.max(1))),
            doors: Mutex::default(),
            settings,
            remembers,
        }
    }

    pub(super) const fn settings(&self) -> &SmtpSettings {
        &self.settings
    }

    /// One conversation, as soon as there is a place. Where an address was found dead before, what was found then.
    pub(super) async fn visit(
        &self,
        address: SocketAddr,
        hello: Hello<'_>,
        recipient: Option<&str>,
    ) -> Probe {
        let door = self.door(address.ip());
        // The semaphores are never closed, so there is always a place in the end.
        let place = Arc::clone(&door.places).acquire_owned().await.ok();
        if let Some(dead) = door.dead(address, hello) {
            return dead;
        }
        let slot = Arc::clone(&self.everywhere).acquire_owned().await.ok();
        if let Some(dead) = door.dead(address, hello) {
            return dead;
        }
        // The door itself is held too, lest a second one be made for the same address while somebody takes leave.
        let hold = Box::new((place, slot, Arc::clone(&door)));
        let probe = converse(&self.settings, address, hello, recipient, hold).await;
        if self.remembers {
            door.learn(&probe);
        }
        probe
    }

    fn door(&self, address: IpAddr) -> Arc<Door> {
        let mut doors = lock(&self.doors);
        if doors.len() >= MANY_DOORS && !doors.contains_key(&address) {
            doors.retain(|_, door| Arc::strong_count(door) > 1 || lock(&door.known).dead.is_some());
        }
        let door = doors.entry(address).or_insert_with(|| {
            Arc::new(Door {
                places: Arc::new(Semaphore::new(self.settings.per_address.max(1))),
                known: Mutex::default(),
            })
        });
        Arc::clone(door)
    }
}

impl Door {
    fn dead(&self, address: SocketAddr, hello: Hello<'_>) -> Option<Probe> {
        let known = lock(&self.known);
        let dead = known.dead.as_ref()?;
        Some(Probe {
            at: dead.at,
            took_ms: dead.took_ms,
            remembered: true,
            ..Probe::of(address, hello, dead.result.clone())
        })
    }

    fn learn(&self, probe: &Probe) {
        let mut known = lock(&self.known);
        // Before the first word nothing depends on the name that would be asked for, so it holds for all names.
        let silent = matches!(&probe.result,
            ProbeResult::Timeout { stage } if stage == CONNECTING || stage == GREETING);
        if !silent {
            known.answered = true;
            known.misses = 0;
            return;
        }
        known.misses += 1;
        if known.dead.is_none() && (!known.answered || known.misses >= MISSES) {
            known.dead = Some(probe.clone());
        }
    }
}

/// Nothing panics while one of these is held, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 25))
    }

    /// What is known of a door after these results, a letter each: `c`onnecting or `g`reeting timed out, a later `s`tep
    /// timed out, `r`efused.
    fn is_dead_after(results: &str) -> bool {
        let door = Door {
            places: Arc::new(Semaphore::new(1)),
            known: Mutex::default(),
        };
        for result in results.chars() {
            let timeout = |stage: &str| ProbeResult::Timeout {
                stage: stage.to_owned(),
            };
            let result = match result {
                'c' => timeout(CONNECTING),
                'g' => timeout(GREETING),
                's' => timeout("EHLO"),
                _ => ProbeResult::Refused,
            };
            door.learn(&Probe::of(at(), Hello::default(), result));
        }
        let dead = door.dead(at(), Hello::default());
        assert!(dead.iter().all(|probe| probe.remembered));
        dead.is_some()
    }

    #[test]
    fn only_silence_is_death_and_one_that_answered_before_gets_more_tries() {
        for dead in ["c", "g", "cc", "rccc", "scgc"] {
            assert!(is_dead_after(dead), "{dead}");
        }
        for alive in ["", "r", "s", "rc", "scg", "rccrcc", "ss"] {
            assert!(!is_dead_after(alive), "{alive}");
        }
    }

    #[test]
    fn doors_that_nobody_needs_are_forgotten() {
        let visits = Visits::new(SmtpSettings::default(), true);
        let ip = |n: usize| IpAddr::from(u32::try_from(n).expect("small").to_be_bytes());
        let kept = visits.door(ip(0));
        let dead = visits.door(ip(1));
        dead.learn(&Probe::of(
            at(),
            Hello::default(),
            ProbeResult::Timeout {
                stage: CONNECTING.into(),
            },
        ));
        drop(dead);
        for n in 2..=MANY_DOORS {
            visits.door(ip(n));
        }
        assert_eq!(lock(&visits.doors).len(), 3, "in use, dead, and the last");
        assert!(Arc::ptr_eq(&kept, &visits.door(ip(0))));
        assert!(visits.door(ip(1)).dead(at(), Hello::default()).is_some());
    }
}
