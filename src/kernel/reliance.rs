//! How much an MX set relies on one of its hosts.

use super::{Accepts, Actors, Host, MxSet};

/// How much senders that hold an MX set rely on one host of it, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reliance {
    /// The set does not name it.
    None,
    /// A host that takes the mail is tried before it.
    Fallback,
    /// It may be tried before every host that takes the mail (equal preferences are tried in any order, RFC 5321 section 5.1).
    First,
    /// No other host of the set is known to take the mail.
    Only,
}

/// How much senders that hold `set` rely on `host`.
#[must_use]
pub fn reliance(set: &MxSet, host: &Host, actors: &Actors) -> Reliance {
    let Some(own) = set
        .iter()
        .filter(|mx| mx.host == *host)
        .map(|mx| mx.preference)
        .min()
    else {
        return Reliance::None;
    };
    let best = set
        .iter()
        .filter(|mx| mx.host != *host && actors.get(&mx.host).accepts == Accepts::Yes)
        .map(|mx| mx.preference)
        .min();
    match best {
        None => Reliance::Only,
        Some(best) if best < own => Reliance::Fallback,
        Some(_) => Reliance::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::HostState;

    #[test]
    fn by_place_and_by_who_else_takes_mail() {
        let actors = |new| {
            let state = HostState {
                accepts: new,
                ..HostState::unknown()
            };
            Actors([(Host::new("new"), state)].into())
        };
        let old = Host::new("old");
        for (set, new, expected) in [
            (&[(0, "old")][..], Accepts::Yes, Reliance::Only),
            (&[(0, "old"), (20, "new")], Accepts::Yes, Reliance::First),
            (&[(0, "old"), (0, "new")], Accepts::Yes, Reliance::First),
            (&[(0, "new"), (30, "old")], Accepts::Yes, Reliance::Fallback),
            (&[(0, "new")], Accepts::Yes, Reliance::None),
            // Whoever is not known to take the mail is nobody to rely on.
            (&[(0, "new"), (30, "old")], Accepts::Unknown, Reliance::Only),
            (&[(0, "new"), (30, "old")], Accepts::Down, Reliance::Only),
            (&[(0, "new")], Accepts::Rejects, Reliance::None),
        ] {
            let set = MxSet::new(set.iter().copied());
            assert_eq!(reliance(&set, &old, &actors(new)), expected, "{set}");
        }
    }
}
