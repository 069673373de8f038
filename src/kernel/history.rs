//! The versions of one record set that caches may hold.

use std::borrow::Borrow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Timing;

/// Where and when a version was seen, so that a wait can name its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The server, as name and address.
    pub server: Arc<str>,
    /// When it answered.
    pub at: Timestamp,
    /// The TTL it answered with, in seconds.
    pub ttl: u32,
}

/// One value of a record set, and until when a cache may hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version<T> {
    /// The value.
    pub value: T,
    /// The TTL some authoritative address serves it with now, or may serve it with because it was just
    /// written; `None` once every address was seen serving something else.
    pub served: Option<u32>,
    /// Until when a copy fetched *earlier* (under another TTL, or before it was replaced) may live.
    pub cached_until: Option<Timestamp>,
    /// Written by us and not yet seen on every address.
    pub written: bool,
    /// The last sighting, with the TTL that decides `cached_until`.
    pub seen: Sighting,
}

impl<T> Version<T> {
    /// Whether some cache may hold this version at `at`.
    #[must_use]
    pub fn possible(&self, at: Timestamp) -> bool {
        self.served.is_some() || self.cached_until.is_some_and(|until| at < until)
    }

    /// When the last copy ends; `None` while some server may hand out more of them.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.cached_until.filter(|_| self.served.is_none())
    }
}

/// Every version of one record set that is, or may still be, in a cache.
///
/// Time only ever extends what may be cached: a large TTL used in the recent past outlives its own
/// replacement, so the mark is a running maximum per value, not the TTL that is served now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<T> {
    versions: Vec<Version<T>>,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self {
            versions: Vec::new(),
        }
    }
}

impl<T: Clone + PartialEq> History<T> {
    /// All versions kept, oldest first; some may have expired since.
    #[must_use]
    pub fn versions(&self) -> &[Version<T>] {
        &self.versions
    }

    /// The versions a cache may hold at `at`.
    pub fn possible(&self, at: Timestamp) -> impl Iterator<Item = &Version<T>> {
        self.versions.iter().filter(move |v| v.possible(at))
    }

    /// The version of this value, if any cache or server may have it.
    #[must_use]
    pub fn get(&self, value: &T) -> Option<&Version<T>> {
        self.versions.iter().find(|v| v.value == *value)
    }

    /// Whether nothing has been recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Takes in what the authoritative addresses answered at `at`.
    ///
    /// `complete` says that *every* address answered: only then is a version that nobody served known to
    /// be replaced, and only then does its last lifetime start (the change was seen everywhere; what the
    /// API said does not count).
    pub fn observe<A: Borrow<T>>(
        &mut self,
        answers: &[(A, Sighting)],
        complete: bool,
        at: Timestamp,
        timing: &Timing,
    ) {
        for version in &mut self.versions {
            let largest = answers
                .iter()
                .filter(|(value, _)| *value.borrow() == version.value)
                .max_by_key(|(_, seen)| seen.ttl);
            match (largest, version.served) {
                (Some((_, seen)), served) => {
                    if let Some(old) = served.filter(|old| *old > seen.ttl) {
                        // Lowered. Copies under the old TTL live on, and until every address answers,
                        // one of them may still hand out the old TTL.
                        version.cached_until =
                            version.cached_until.max(Some(timing.expiry(at, old)));
                        if complete {
                            version.served = Some(seen.ttl);
                        }
                    } else {
                        version.served = Some(seen.ttl);
                        version.seen = seen.clone();
                    }
                    version.written = version.written && !complete;
                }
                (None, Some(old)) if complete && !version.written => {
                    version.served = None;
                    version.cached_until = version.cached_until.max(Some(timing.expiry(at, old)));
                }
                (None, _) => {}
            }
        }
        for (value, seen) in answers {
            let value = value.borrow();
            match self.versions.iter_mut().find(|v| v.value == *value) {
                Some(known) => {
                    if known.served.is_some_and(|ttl| ttl < seen.ttl) {
                        known.served = Some(seen.ttl);
                        known.seen = seen.clone();
                    }
                }
                None => self.versions.push(Version {
                    value: value.clone(),
                    served: Some(seen.ttl),
                    cached_until: None,
                    written: false,
                    seen: seen.clone(),
                }),
            }
        }
        self.versions.retain(|v| v.possible(at));
    }

    /// Takes in a copy seen in somebody's cache, with the lifetime it has left there.
    pub fn observe_cached(&mut self, value: &T, seen: &Sighting, timing: &Timing) {
        let until = seen
            .at
            .checked_add(std::time::Duration::from_secs(u64::from(seen.ttl)) + timing.margin)
            .unwrap_or(Timestamp::MAX);
        match self.versions.iter_mut().find(|v| v.value == *value) {
            // What is served now explains this copy; an older, larger TTL does not end with it (T1).
            Some(version)
                if version
                    .served
                    .is_some_and(|ttl| until <= timing.expiry(seen.at, ttl)) => {}
            Some(version) => version.cached_until = version.cached_until.max(Some(until)),
            None => self.versions.push(Version {
                value: value.clone(),
                served: None,
                cached_until: Some(until),
                written: false,
                seen: seen.clone(),
            }),
        }
    }

    /// Notes that a write is known not to come any more: what it would have made lives as long as a copy of it may.
    pub fn not_coming(&mut self, value: &T) {
        for version in &mut self.versions {
            if version.value == *value {
                version.written = false;
            }
        }
    }

    /// Notes that a value was written (or may have been: an answer that never came counts as written), so
    /// that it is possible from now on although no server has been seen with it.
    ///
    /// An earlier write that never became visible stops counting as *about to appear*; it stays possible
    /// for its own lifetime.
    pub fn wrote(&mut self, value: &T, ttl: u32, at: Timestamp, timing: &Timing) {
        for other in &mut self.versions {
            if other.written && other.value != *value {
                other.written = false;
            }
        }
        let seen = Sighting {
            server: "our own write".into(),
            at,
            ttl,
        };
        match self.versions.iter_mut().find(|v| v.value == *value) {
            Some(known) => {
                if let Some(old) = known.served.filter(|old| *old > ttl) {
                    known.cached_until = known.cached_until.max(Some(timing.expiry(at, old)));
                }
                // Also when it was served until now: that copy may be replaced before ours arrives.
                known.written = true;
                known.served = Some(known.served.map_or(ttl, |old| old.max(ttl)));
            }
            None => self.versions.push(Version {
                value: value.clone(),
                served: Some(ttl),
                cached_until: None,
                written: true,
                seen,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn seen(second: i64, ttl: u32) -> Sighting {
        Sighting {
            server: "ns1".into(),
            at: at(second),
            ttl,
        }
    }

    const TIMING: Timing = Timing {
        resolver_floor: std::time::Duration::ZERO,
        margin: std::time::Duration::ZERO,
    };

    fn values(history: &History<char>, second: i64) -> String {
        history.possible(at(second)).map(|v| v.value).collect()
    }

    #[test]
    fn a_replaced_version_lives_for_its_own_ttl_from_when_all_were_seen_with_the_new_one() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 100))], true, at(0), &TIMING);
        h.wrote(&'b', 10, at(5), &TIMING);
        assert_eq!(
            values(&h, 5),
            "ab",
            "a write is possible before it is visible"
        );
        // One of two addresses still serves the old version: no clock starts.
        h.observe(
            &[('a', seen(20, 100)), ('b', seen(20, 10))],
            true,
            at(20),
            &TIMING,
        );
        h.observe(&[('b', seen(30, 10))], true, at(30), &TIMING);
        assert_eq!(values(&h, 129), "ab");
        assert_eq!(values(&h, 130), "b");
    }

    #[test]
    fn an_address_that_did_not_answer_starts_no_clock() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 100))], true, at(0), &TIMING);
        h.observe(&[('b', seen(10, 10))], false, at(10), &TIMING);
        assert_eq!(values(&h, 100_000), "ab");
    }

    #[test]
    fn the_old_ttl_is_remembered_after_it_was_lowered() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 3600))], true, at(0), &TIMING);
        h.observe(&[('a', seen(10, 60))], true, at(10), &TIMING);
        assert_eq!(h.get(&'a').unwrap().served, Some(60));
        h.observe(&[('b', seen(20, 60))], true, at(20), &TIMING);
        // Waiting the TTL that was served last (60 s) would be the classic mistake.
        assert_eq!(values(&h, 3609), "ab");
        assert_eq!(values(&h, 3610), "b");
    }

    #[test]
    fn a_lowered_ttl_counts_only_once_every_address_answered() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 3600))], true, at(0), &TIMING);
        h.observe(&[('a', seen(10, 60))], false, at(10), &TIMING);
        assert_eq!(h.get(&'a').unwrap().served, Some(3600));
    }

    #[test]
    fn one_server_with_the_larger_ttl_decides() {
        let mut h = History::default();
        h.observe(
            &[('a', seen(0, 60)), ('a', seen(0, 600))],
            true,
            at(0),
            &TIMING,
        );
        assert_eq!(h.get(&'a').unwrap().served, Some(600));
    }

    #[test]
    fn a_version_that_returns_is_possible_again() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 10))], true, at(0), &TIMING);
        h.observe(&[('b', seen(1, 10))], true, at(1), &TIMING);
        h.observe(&[('a', seen(5, 10))], true, at(5), &TIMING);
        assert_eq!(values(&h, 14), "ab");
        assert_eq!(values(&h, 15), "a");
    }

    #[test]
    fn a_copy_in_a_cache_extends_what_is_possible() {
        let mut h = History::default();
        h.observe(&[('b', seen(0, 10))], true, at(0), &TIMING);
        h.observe_cached(&'a', &seen(0, 500), &TIMING);
        assert_eq!(values(&h, 499), "ba");
        assert_eq!(values(&h, 500), "b");
    }

    #[test]
    fn a_write_that_was_lost_is_forgotten_as_a_copy_of_it_would_be() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 10))], true, at(0), &TIMING);
        h.wrote(&'b', 10, at(1), &TIMING);
        h.not_coming(&'b');
        assert_eq!(values(&h, 1000), "ab");
        h.observe(&[('a', seen(20, 10))], true, at(20), &TIMING);
        assert_eq!(values(&h, 29), "ab");
        assert_eq!(values(&h, 30), "a");
    }

    #[test]
    fn an_unknown_write_stays_possible_until_another_is_visible() {
        let mut h = History::default();
        h.observe(&[('a', seen(0, 10))], true, at(0), &TIMING);
        h.wrote(&'b', 10, at(1), &TIMING);
        h.observe(&[('a', seen(2, 10))], true, at(2), &TIMING);
        assert_eq!(values(&h, 1000), "ab", "it may still be applied late");
        h.wrote(&'c', 10, at(3), &TIMING);
        h.observe(&[('c', seen(4, 10))], true, at(4), &TIMING);
        assert_eq!(values(&h, 14), "c");
    }
}
