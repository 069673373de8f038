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
