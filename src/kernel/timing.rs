//! How long a cache may keep what it was given, and the least time a whole move can take.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much longer than its TTL a record may live in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Resolvers that raise small TTLs keep a record at least this long (300 s unless set).
    pub resolver_floor: Duration,
    /// Rounding per forwarding hop, clock error, and anycast nodes that nobody can see (5 s unless set).
    pub margin: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            resolver_floor: Duration::from_secs(300),
            margin: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// How long a correct cache may hold a record served with `ttl` seconds: never less than the floor.
    #[must_use]
    pub fn lifetime(&self, ttl: u32) -> Duration {
        Duration::from_secs(u64::from(ttl)).max(self.resolver_floor) + self.margin
    }

    /// The instant after which no correct cache holds a version last served at `last_served`.
    #[must_use]
    pub fn expiry(&self, last_served: Timestamp, ttl: u32) -> Timestamp {
        last_served
            .checked_add(self.lifetime(ttl))
            .unwrap_or(Timestamp::MAX)
    }
}

/// An instant for people: absolute UTC, to the second.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What the least possible duration of a move is computed from; every field is a duration.
///
/// The chains that can run side by side are the MX set, the delegation, the MTA-STS policy and Exchange
/// Online; they join where protection is claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowerBound {
    /// From the start until a lower MX TTL is written: zero when it is a write of its own.
    pub lowered_after: Duration,
    /// `Enable-DnssecForVerifiedDomain` and the direct proof of the new host.
    pub enable: Duration,
    /// From the API's answer until every authoritative address serves a change.
    pub visible: Duration,
    /// Chosen soak after adding the new MX.
    pub soak_added: Duration,
    /// Chosen soak after the swap.
    pub soak_swapped: Duration,
    /// How long a cache may hold the MX set as it was found.
    pub found_lifetime: Duration,
    /// How long a cache may hold the MX set once its TTL is lowered.
    pub lowered_lifetime: Duration,
    /// Until the MTA-STS policy admits the new host everywhere; zero without an enforcing one.
    pub policy: Duration,
    /// From enabling inbound DANE until the TLSA records are served.
    pub tlsa_published: Duration,
    /// How long "no TLSA" may be cached.
    pub tlsa_negative: Duration,
    /// Signing, expiry of unsigned answers, the DS and its visibility; zero when the chain is secure.
    pub delegation: Duration,
    /// Steps of the MX chain that are already behind: 0 none, 1 added, 2 swapped, 3 removed.
    pub mx_steps_done: u8,
}

impl LowerBound {
    /// The least time in which the move can end without a moment of risk.
    ///
    /// The dominating term is usually physical: a resolver that fetched the old MX set just before it
    /// was replaced keeps it for its whole TTL, and nobody outside can flush it.
    #[must_use]
    pub fn total(&self) -> Duration {
        let zero = Duration::ZERO;
        let at = |stage: u8, when: Duration| {
            if self.mx_steps_done >= stage {
                zero
            } else {
                when
            }
        };
        let added = at(1, self.enable);
        let swapped = at(2, added + at(1, self.visible) + self.soak_added);
        let removed = at(
            3,
            (swapped + at(2, self.visible) + self.soak_swapped).max(self.policy),
        );
        let enabled = removed + at(3, self.visible);
        let expiry = |stage: u8, when: Duration, lifetime: Duration| {
            if self.mx_steps_done >= stage {
                zero
            } else {
                when + self.visible + lifetime
            }
        };
        [
            expiry(1, self.lowered_after.min(self.enable), self.found_lifetime),
            expiry(2, swapped, self.lowered_lifetime),
            expiry(3, removed, self.lowered_lifetime),
            enabled + self.tlsa_published + self.tlsa_negative,
            self.delegation,
        ]
        .into_iter()
        .max()
        .unwrap_or(zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Propagation 60 s, lowered TTL 60 s, cmdlet 180 s, TLSA 1,800 s, its negative TTL 300 s, soak 60 s.
    fn example(found: u64, delegation: u64) -> LowerBound {
        LowerBound {
            lowered_after: s(180),
            enable: s(180),
            visible: s(60),
            soak_added: s(60),
            soak_swapped: s(60),
            found_lifetime: s(found),
            lowered_lifetime: s(60),
            policy: s(0),
            tlsa_published: s(1800),
            tlsa_negative: s(300),
            delegation: s(delegation),
            mx_steps_done: 0,
        }
    }

    #[test]
    fn the_worked_cases() {
        let unsigned = 60 + 86_400 + 3_600 + 900 + 900;
        for (found, delegation, total) in [
            (300, 0, 2_580),
            (3_600, 0, 3_840),
            (14_400, 0, 14_640),
            (86_400, 0, 86_640),
            (3_600, unsigned, 91_860),
            (86_400, unsigned, 91_860),
        ] {
            assert_eq!(example(found, delegation).total(), s(total), "{found}");
        }
    }

    #[test]
    fn lowering_first_starts_the_clock_earlier() {
        let mut early = example(86_400, 0);
        early.lowered_after = s(0);
        assert_eq!(early.total(), s(86_460));
    }

    #[test]
    fn what_is_behind_costs_nothing() {
        let mut done = example(86_400, 0);
        done.mx_steps_done = 3;
        done.tlsa_published = s(0);
        done.tlsa_negative = s(0);
        assert_eq!(done.total(), s(0));
    }

    #[test]
    fn a_small_ttl_lives_as_long_as_the_floor() {
        let timing = Timing::default();
        assert_eq!(timing.lifetime(30), s(305));
        assert_eq!(timing.lifetime(3600), s(3605));
    }
}
