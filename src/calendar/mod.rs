//! When changes may be made: windows by the week, and freezes. Pure: `now` is given.
//!
//! Whether a change is *safe* is the kernel's question; whether it is *wanted now* is this one's. So it holds up the
//! start of effects and nothing else: checks go on, and by default neither the way back nor first aid waits for it.

mod freeze;
#[cfg(test)]
mod tests;
mod window;
mod zone;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use freeze::{Freeze, FreezeError, Moment, MomentError};
pub use window::{Day, DayTime, DayTimeError, Window};
pub use zone::{Zone, ZoneError};

/// What a domain file says about when changes may be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calendar {
    /// Changes are made in these only; none: at any time.
    pub windows: Vec<Window>,
    /// No change is made in these.
    pub freezes: Vec<Freeze>,
    /// Freezes stand in a file beside these, which is read anew at each look.
    pub freeze_file: bool,
    /// Whether the way back and first aid wait, too.
    pub rollback: bool,
}

/// Whether a change may be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Open,
    /// Not yet.
    Closed {
        /// When it may; `None` when no window opens any more.
        opens: Option<Timestamp>,
        /// What closes it, each in a phrase.
        because: Vec<String>,
    },
}

impl Calendar {
    /// Whether anything is said at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.freezes.is_empty() && !self.freeze_file
    }

    /// Whether a change may be made now, when at the earliest, and what closes it. `from_file` are the freezes of the
    /// freeze file.
    #[must_use]
    pub fn standing(&self, from_file: &[Freeze], now: Timestamp) -> Standing {
        let freezes: Vec<&Freeze> = self.freezes.iter().chain(from_file).collect();
        if self.is_open(&freezes, now) {
            return Standing::Open;
        }
        let mut because: Vec<String> = freezes
            .iter()
            .filter(|freeze| freeze.covers(now))
            .map(ToString::to_string)
            .collect();
        let opens = self.next_opening(&freezes, now);
        let zone = self.windows.iter().find_map(|window| {
            let at = opens.filter(|opens| window.contains(*opens))?;
            Some(window.zone().shown(at))
        });
        match (zone, because.is_empty()) {
            (Some(at), true) => because.push(format!("the change window opens {at}")),
            (Some(at), false) => because.push(format!("after it, the change window opens {at}")),
            (None, _) if opens.is_none() => {
                because.push("no change window opens any more".to_owned())
            }
            (None, _) => {}
        }
        Standing::Closed { opens, because }
    }

    fn is_open(&self, freezes: &[&Freeze], at: Timestamp) -> bool {
        !freezes.iter().any(|freeze| freeze.covers(at)) && self.in_window(at)
    }

    fn in_window(&self, at: Timestamp) -> bool {
        self.windows.is_empty() || self.windows.iter().any(|window| window.contains(at))
    }

    /// The first instant from `now` on that is in a window and in no freeze.
    fn next_opening(&self, freezes: &[&Freeze], now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        // Each turn either ends, or goes past the end of a freeze, with at most one turn to a window between two.
        for _ in 0..=2 * (freezes.len() + 1) {
            let frozen = freezes.iter().filter(|freeze| freeze.covers(at));
            if let Some(end) = frozen.map(|freeze| freeze.to).max() {
                at = end;
            } else if self.in_window(at) {
                return Some(at);
            } else {
                at = self
                    .windows
                    .iter()
                    .filter_map(|window| window.next_opening(at))
                    .min()?;
            }
        }
        None
    }
}
