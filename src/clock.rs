//! What time it is, and waiting until a time: real, or virtual for plans and simulations.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// The time, as absolute UTC (T5).
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Return at `until` or later; at once when it has passed.
    async fn sleep_until(&self, until: Timestamp);

    /// How far the clock was set forward (or back, when negative) since this was last asked, beyond what correcting a
    /// slow or fast clock explains. A finding: deadlines may have come too early or too late. A machine that slept
    /// looks the same as a clock set forward.
    fn jumped(&self) -> Option<SignedDuration>;
}

/// The machine's clock. Clones share what they saw of it.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
    drift: Arc<Mutex<Drift>>,
}

impl SystemClock {
    /// The machine's clock, watched from now on.
    pub fn new() -> Self {
        let started = Instant::now();
        Self {
            started,
            drift: Arc::new(Mutex::new(Drift::new(Timestamp::now(), started.elapsed()))),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, until: Timestamp) {
        // Timers run on the monotonic clock; looking again keeps to the wall clock when that is set meanwhile.
        const LONGEST: Duration = Duration::from_secs(30);
        while let Ok(left) = Duration::try_from(until.duration_since(self.now())) {
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(left.min(LONGEST)).await;
        }
    }

    fn jumped(&self) -> Option<SignedDuration> {
        let mut drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
        drift.look(Timestamp::now(), self.started.elapsed())
    }
}

/// Compares the wall clock with the monotonic clock, from look to look.
#[derive(Debug, Clone, Copy)]
struct Drift {
    wall: Timestamp,
    monotonic: Duration,
}

impl Drift {
    /// Below this, reading two clocks one after the other explains the difference.
    const SMALLEST: SignedDuration = SignedDuration::from_secs(2);
    /// Time services slew by at most 500 parts in a million; twice that is no jump.
    const SLEW_DIVISOR: i32 = 1000;

    fn new(wall: Timestamp, monotonic: Duration) -> Self {
        Self { wall, monotonic }
    }

    fn look(&mut self, wall: Timestamp, monotonic: Duration) -> Option<SignedDuration> {
        let passed = SignedDuration::try_from(monotonic.saturating_sub(self.monotonic))
            .unwrap_or(SignedDuration::MAX);
        let jump = wall.duration_since(self.wall).saturating_sub(passed);
        *self = Self { wall, monotonic };
        (jump.abs() > Self::SMALLEST.saturating_add(passed / Self::SLEW_DIVISOR)).then_some(jump)
    }
}

/// A clock on which waits pass at once: waiting moves it. Clones share the time.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    state: Arc<Mutex<VirtualState>>,
}

#[derive(Debug)]
struct VirtualState {
    now: Timestamp,
    jumped: SignedDuration,
}

impl VirtualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            state: Arc::new(Mutex::new(VirtualState {
                now: start,
                jumped: SignedDuration::ZERO,
            })),
        }
    }

    /// Let time pass, as the work of others does.
    pub fn advance(&self, by: Duration) {
        self.with(|state| state.now = later(state.now, by));
    }

    /// Set the clock by a jump that [`Clock::jumped`] then reports.
    pub fn jump(&self, by: SignedDuration) {
        self.with(|state| {
            state.now = state.now.checked_add(by).unwrap_or(state.now);
            state.jumped = state.jumped.saturating_add(by);
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut VirtualState) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.with(|state| state.now = state.now.max(until));
        // Others may have something to do at this new time.
        tokio::task::yield_now().await;
    }

    fn jumped(&self) -> Option<SignedDuration> {
        let jumped = self.with(|state| std::mem::replace(&mut state.jumped, SignedDuration::ZERO));
        (!jumped.is_zero()).then_some(jumped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_clock_that_keeps_time_has_not_jumped() {
        let mut drift = Drift::new(at(0), Duration::ZERO);
        assert_eq!(drift.look(at(3600), Duration::from_secs(3600)), None);
        // Slewed by 500 parts in a million over a day: 43 seconds.
        assert_eq!(
            drift.look(at(3600 + 86_400 + 43), Duration::from_secs(3600 + 86_400)),
            None
        );
    }

    #[test]
    fn a_jump_is_reported_once_with_its_size() {
        let mut drift = Drift::new(at(0), Duration::ZERO);
        assert_eq!(
            drift.look(at(610), Duration::from_secs(10)),
            Some(SignedDuration::from_secs(600))
        );
        assert_eq!(drift.look(at(611), Duration::from_secs(11)), None);
        assert_eq!(
            drift.look(at(-49), Duration::from_secs(21)),
            Some(SignedDuration::from_secs(-670))
        );
    }

    #[tokio::test]
    async fn the_system_clock_waits_for_the_wall_clock() {
        let clock = SystemClock::new();
        let until = later(clock.now(), Duration::from_millis(60));
        clock.sleep_until(until).await;
        assert!(clock.now() >= until);
        clock.sleep_until(later(until, Duration::ZERO)).await;
        assert_eq!(clock.jumped(), None);
    }

    #[tokio::test]
    async fn virtual_waits_pass_at_once_for_every_clone() {
        let clock = VirtualClock::new(at(0));
        let other = clock.clone();
        let began = Instant::now();
        clock.sleep_until(at(86_400)).await;
        assert_eq!(other.now(), at(86_400));
        other.sleep_until(at(60)).await;
        assert_eq!(clock.now(), at(86_400), "a wait for the past moves nothing");
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(clock.jumped(), None);
        clock.jump(SignedDuration::from_hours(-2));
        assert_eq!(
            (other.jumped(), clock.jumped()),
            (Some(SignedDuration::from_hours(-2)), None)
        );
        assert_eq!(other.now(), at(86_400 - 7200));
    }
}
