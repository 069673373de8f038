//! Reasoning with inputs that are not known: sets of what may be the case.
//!
//! An unknown input is the set of all its values. Sets are combined value by value, so the result holds every end that
//! some combination leads to. Replacing a known input by an unknown one can only add ends, never take one away: so it
//! can turn an answer into "could not tell" and never into another answer.

use std::collections::BTreeSet;

use super::{Arrives, Protection};

/// What part of the attempts succeeds. Combined by "or": of the addresses of a host, of the hosts of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share {
    /// Some attempt succeeds.
    some: bool,
    /// Some attempt fails.
    fails: bool,
}

impl Share {
    /// Every attempt succeeds.
    pub(super) const ALL: Self = Self::new(true, false);
    /// Some succeed, some fail; or all succeed, but late.
    pub(super) const PART: Self = Self::new(true, true);
    /// Every attempt fails.
    pub(super) const NONE: Self = Self::new(false, true);
    /// Nothing was attempted.
    pub(super) const NOTHING: Self = Self::new(false, false);

    const EVERY: [Self; 4] = [Self::ALL, Self::PART, Self::NONE, Self::NOTHING];

    const fn new(some: bool, fails: bool) -> Self {
        Self { some, fails }
    }

    const fn or(self, other: Self) -> Self {
        Self::new(self.some || other.some, self.fails || other.fails)
    }

    const fn arrives(self) -> Arrives {
        match (self.some, self.fails) {
            (true, false) => Arrives::Yes,
            (true, true) => Arrives::Degraded,
            // Where nothing was attempted nothing arrives.
            (false, _) => Arrives::No,
        }
    }
}

/// The shares that are possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shares(BTreeSet<Share>);

impl Shares {
    pub(super) fn known(share: Share) -> Self {
        Self(BTreeSet::from([share]))
    }

    pub(super) fn unknown() -> Self {
        Self(BTreeSet::from(Share::EVERY))
    }

    /// All of it together.
    pub(super) fn together<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts
            .into_iter()
            .fold(Self::known(Share::NOTHING), |sum, part| {
                Self(
                    sum.0
                        .iter()
                        .flat_map(|a| part.0.iter().map(|b| a.or(*b)))
                        .collect(),
                )
            })
    }

    /// Either of two.
    pub(super) fn either(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn is_known(&self, share: Share) -> bool {
        self.0.len() == 1 && self.0.contains(&share)
    }

    /// The answer, where all possibilities agree.
    pub(super) fn arrives(&self) -> Arrives {
        let mut ends = self.0.iter().map(|share| share.arrives());
        match ends.next() {
            Some(first) if ends.all(|end| end == first) => first,
            _ => Arrives::CouldNotTell,
        }
    }
}

/// The protections that are possible; `None` in it: nothing is ever sent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protections(BTreeSet<Option<Protection>>);

impl Protections {
    pub(super) fn known(protection: Protection) -> Self {
        Self(BTreeSet::from([Some(protection)]))
    }

    /// One of these.
    pub(super) fn one_of(all: impl IntoIterator<Item = Protection>) -> Self {
        Self(all.into_iter().map(Some).collect())
    }

    /// Nothing is ever sent there.
    pub(super) fn nothing_sent() -> Self {
        Self(BTreeSet::from([None]))
    }

    pub(super) fn unknown() -> Self {
        Self(BTreeSet::from([
            None,
            Some(Protection::Dane),
            Some(Protection::MtaSts),
            Some(Protection::Opportunistic),
            Some(Protection::None),
        ]))
    }

    /// The weakest of all.
    pub(super) fn together<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts.into_iter().fold(Self::nothing_sent(), |sum, part| {
            // `None` is the smallest, and a weaker protection is larger.
            Self(
                sum.0
                    .iter()
                    .flat_map(|a| part.0.iter().map(|b| *a.max(b)))
                    .collect(),
            )
        })
    }

    /// Either of two.
    pub(super) fn either(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The answer, where all possibilities agree.
    pub(super) fn answer(&self) -> Protection {
        let mut ends = self.0.iter().map(|p| p.unwrap_or(Protection::None));
        match ends.next() {
            Some(first) if ends.all(|end| end == first) => first,
            _ => Protection::CouldNotTell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let rows = [
            (vec![], Arrives::No),
            (vec![Share::ALL, Share::ALL], Arrives::Yes),
            (vec![Share::ALL, Share::NONE], Arrives::Degraded),
            (vec![Share::PART], Arrives::Degraded),
            (vec![Share::NONE, Share::NONE], Arrives::No),
            (vec![Share::NOTHING, Share::ALL], Arrives::Yes),
            (vec![Share::NOTHING, Share::NOTHING], Arrives::No),
        ];
        for (parts, expected) in rows {
            let known: Vec<Shares> = parts.iter().map(|s| Shares::known(*s)).collect();
            assert_eq!(Shares::together(&known).arrives(), expected, "{parts:?}");
            // One more that is not known: never a plain yes or no.
            let more = Shares::together(known.iter().chain([&Shares::unknown()])).arrives();
            let still = if parts.contains(&Share::PART) || expected == Arrives::Degraded {
                Arrives::Degraded
            } else {
                Arrives::CouldNotTell
            };
            assert_eq!(more, still, "{parts:?}");
        }
    }

    #[test]
    fn the_weakest_protection_counts() {
        let known = Protections::known;
        let both = |a: Protections, b: Protections| Protections::together([&a, &b]).answer();
        assert_eq!(
            both(known(Protection::Dane), known(Protection::Opportunistic)),
            Protection::Opportunistic
        );
        assert_eq!(
            both(known(Protection::Dane), Protections::nothing_sent()),
            Protection::Dane
        );
        assert_eq!(
            both(known(Protection::Dane), Protections::unknown()),
            Protection::CouldNotTell
        );
        // Nothing is weaker than nothing, so here the answer is known all the same.
        assert_eq!(
            both(known(Protection::None), Protections::unknown()),
            Protection::None
        );
        assert_eq!(Protections::together([]).answer(), Protection::None);
    }
}
