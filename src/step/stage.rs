//! Where in the move an MX set stands.

use serde::{Deserialize, Serialize};

use crate::kernel::{Host, MxSet};

/// The stages of the MX set, in the order the move passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Without the new host.
    Original,
    /// The new host is listed, worse than every other.
    Added,
    /// The new host is preferred, the others are still listed.
    Swapped,
    /// The new host alone.
    Removed,
}

impl Stage {
    /// Which stage `set` is, given the set as it was found and the new host once it is known.
    ///
    /// `None` when it is no stage of the move: a host that was not there before, or an equal preference.
    #[must_use]
    pub fn of(set: &MxSet, original: &MxSet, new_host: Option<&Host>) -> Option<Self> {
        let known = |host: &Host| original.hosts().any(|h| h == host) || Some(host) == new_host;
        if set.is_empty() || !set.hosts().all(known) {
            return None;
        }
        let Some((new, preference)) =
            new_host.and_then(|host| Some((host, set.preference_of(host)?)))
        else {
            return Some(Self::Original);
        };
        let mut others = set.iter().filter(|mx| mx.host != *new).peekable();
        if others.peek().is_none() {
            return Some(Self::Removed);
        }
        let others: Vec<_> = others.map(|mx| mx.preference).collect();
        if others.iter().all(|other| preference > *other) {
            Some(Self::Added)
        } else if others.iter().all(|other| preference < *other) {
            Some(Self::Swapped)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_by_composition() {
        let old = MxSet::new([(10, "old")]);
        let new = Host::new("new");
        let of =
            |set: &[(u16, &str)]| Stage::of(&MxSet::new(set.iter().copied()), &old, Some(&new));
        assert_eq!(of(&[(10, "old")]), Some(Stage::Original));
        assert_eq!(of(&[(5, "old")]), Some(Stage::Original));
        assert_eq!(of(&[(10, "old"), (20, "new")]), Some(Stage::Added));
        assert_eq!(of(&[(0, "new"), (30, "old")]), Some(Stage::Swapped));
        assert_eq!(of(&[(0, "new")]), Some(Stage::Removed));
        assert_eq!(of(&[(10, "new"), (10, "old")]), None);
        assert_eq!(of(&[(0, "new"), (5, "backup")]), None);
        assert_eq!(of(&[]), None);
        assert_eq!(Stage::of(&MxSet::new([(0, "new")]), &old, None), None);
    }
}
