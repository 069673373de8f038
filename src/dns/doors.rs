//! Before each address: how many questions go to it at once, and whether it was found dead.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::view::Failure;

/// Questions under way to one address: 6,400 a second where a round trip takes 20 ms, which any name server bears, and
/// which a fleet of domains at one provider needs.
const AT_ONCE: usize = 128;
/// So many questions in a row without an answer, and an address that has answered before is taken for dead. One that never
/// has, after [`MISSES_OF_A_STRANGER`].
const MISSES: u32 = 12;
const MISSES_OF_A_STRANGER: u32 = 2;
/// Beyond so many doors those that nobody needs are forgotten.
const MANY: usize = 4096;

/// How a question travels. An address may be dead for one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Doors {
    /// How long silence is remembered; zero is not at all.
    age: Duration,
    doors: Mutex<HashMap<(SocketAddr, Transport), Arc<Door>>>,
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
    /// Since when it is silent, and how that shows.
    silent: Option<(Instant, Failure)>,
}

/// A place before an address, with the duty to say how it went.
#[derive(Debug)]
pub(super) struct Place {
    door: Arc<Door>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Doors {
    pub(super) fn new(age: Duration) -> Self {
        Self {
            age,
            doors: Mutex::default(),
        }
    }

    /// Whether the last question there got no answer.
    pub(super) fn is_silent(&self, address: SocketAddr) -> bool {
        let doors = lock(&self.doors);
        let Some(door) = doors.get(&(address, Transport::Udp)) else {
            return false;
        };
        let known = lock(&door.known);
        known
            .silent
            .as_ref()
            .is_some_and(|(since, _)| since.elapsed() < self.age)
    }

    /// Waits for a place. Not `async`, so that what it is given is not held.
    ///
    /// # Errors
    /// What was found before, where the address was found dead: a dead address costs its time-out once.
    pub(super) fn enter(
        &self,
        address: SocketAddr,
        transport: Transport,
    ) -> impl Future<Output = Result<Place, Failure>> + Send + '_ {
        let door = self.door(address, transport);
        async move {
            self.refuse_if_dead(&door)?;
            // Never closed, so there is a place in the end.
            let place = Arc::clone(&door.places).acquire_owned().await.ok();
            self.refuse_if_dead(&door)?;
            Ok(Place {
                door,
                _place: place,
            })
        }
    }

    fn refuse_if_dead(&self, door: &Door) -> Result<(), Failure> {
        let known = lock(&door.known);
        let most = match known.answered {
            true => MISSES,
            false => MISSES_OF_A_STRANGER,
        };
        match &known.silent {
            Some((since, failure)) if known.misses >= most && since.elapsed() < self.age => {
                Err(failure.clone())
            }
            _ => Ok(()),
        }
    }

    fn door(&self, address: SocketAddr, transport: Transport) -> Arc<Door> {
        let mut doors = lock(&self.doors);
        let key = (address, transport);
        if doors.len() >= MANY && !doors.contains_key(&key) {
            doors.retain(|_, door| {
                Arc::strong_count(door) > 1 || lock(&door.known).silent.is_some()
            });
        }
        let door = doors.entry(key).or_insert_with(|| {
            Arc::new(Door {
                places: Arc::new(Semaphore::new(AT_ONCE)),
                known: Mutex::default(),
            })
        });
        Arc::clone(door)
    }
}

impl Place {
    /// How it went: with a failure, if nobody was met.
    pub(super) fn leave(self, failure: Option<&Failure>) {
        let mut known = lock(&self.door.known);
        match failure {
            Some(failure @ Failure::Timeout) => {
                known.misses = known.misses.saturating_add(1);
                known.silent = Some((Instant::now(), failure.clone()));
            }
            // These cost no time: they are worth asking again, only later than others.
            Some(failure @ (Failure::NoRoute { .. } | Failure::ConnectionRefused)) => {
                known.silent = Some((Instant::now(), failure.clone()));
            }
            _ => {
                known.answered = true;
                known.misses = 0;
                known.silent = None;
            }
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

    const TIMEOUT: Option<&Failure> = Some(&Failure::Timeout);

    fn at(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 53))
    }

    async fn went(doors: &Doors, failure: Option<&Failure>) {
        let place = doors.enter(at(1), Transport::Udp).await;
        place.expect("not dead yet").leave(failure);
    }

    async fn is_dead(doors: &Doors, transport: Transport) -> bool {
        doors.enter(at(1), transport).await.is_err()
    }

    #[tokio::test]
    async fn a_stranger_is_dead_sooner_than_one_that_has_answered() {
        let doors = Doors::new(Duration::from_secs(60));
        went(&doors, TIMEOUT).await;
        assert!(doors.is_silent(at(1)));
        assert!(!is_dead(&doors, Transport::Udp).await, "a lost packet");
        went(&doors, None).await;
        assert!(!doors.is_silent(at(1)));
        for _ in 0..MISSES {
            went(&doors, TIMEOUT).await;
        }
        assert!(is_dead(&doors, Transport::Udp).await);
        assert!(!is_dead(&doors, Transport::Tcp).await, "another way");
        let stranger = Doors::new(Duration::from_secs(60));
        went(&stranger, TIMEOUT).await;
        went(&stranger, TIMEOUT).await;
        assert!(is_dead(&stranger, Transport::Udp).await);
    }

    #[tokio::test]
    async fn what_costs_no_time_is_asked_again() {
        let doors = Doors::new(Duration::from_secs(60));
        for _ in 0..20 {
            went(&doors, Some(&Failure::ConnectionRefused)).await;
        }
        assert!(doors.is_silent(at(1)));
    }

    #[tokio::test]
    async fn without_age_nothing_is_held_against_anybody() {
        let doors = Doors::new(Duration::ZERO);
        for _ in 0..20 {
            went(&doors, TIMEOUT).await;
        }
        assert!(!doors.is_silent(at(1)));
    }

    #[tokio::test]
    async fn who_waits_for_a_place_at_a_dead_address_is_told() {
        let doors = Doors::new(Duration::from_secs(60));
        let mut inside = Vec::new();
        for _ in 0..AT_ONCE {
            inside.push(doors.enter(at(1), Transport::Udp).await.expect("a place"));
        }
        let waits = doors.enter(at(1), Transport::Udp);
        let others = async {
            tokio::task::yield_now().await;
            for place in inside {
                place.leave(TIMEOUT);
            }
        };
        let (waited, ()) = tokio::join!(waits, others);
        assert_eq!(waited.err(), Some(Failure::Timeout));
    }
}
