//! One value that is good for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Holds at most one value, and forgets it at the given age. At an age of zero nothing is ever held.
#[derive(Debug)]
pub(super) struct Held<T> {
    age: Duration,
    slot: Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> Held<T> {
    pub(super) const fn new(age: Duration) -> Self {
        Self {
            age,
            slot: Mutex::new(None),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<T>> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref()
            .filter(|(since, _)| since.elapsed() < self.age)
            .map(|(_, value)| Arc::clone(value))
    }

    /// The value held, or a new one, held from now on.
    pub(super) fn get_or(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some((since, value)) if since.elapsed() < self.age => Arc::clone(value),
            _ => {
                let value = Arc::new(make());
                *slot = Some((Instant::now(), Arc::clone(&value)));
                value
            }
        }
    }

    /// Lets go of `value`, if it is the one held.
    pub(super) fn drop_this(&self, value: &Arc<T>) {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot
            .as_ref()
            .is_some_and(|(_, held)| Arc::ptr_eq(held, value))
        {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_in_time() {
        let held = Held::new(Duration::from_secs(60));
        assert!(held.get().is_none());
        let first = held.get_or(|| 1);
        assert_eq!(*held.get_or(|| 2), 1);
        held.drop_this(&Arc::new(1));
        assert!(held.get().is_some(), "another value of the same content");
        held.drop_this(&first);
        assert_eq!(*held.get_or(|| 3), 3);

        let never = Held::new(Duration::ZERO);
        assert_eq!(*never.get_or(|| 1), 1);
        assert!(never.get().is_none());
        assert_eq!(*never.get_or(|| 2), 2);
    }
}
