//! What was found to be wrong.

use crate::scenario::Ms;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Ms,
    /// The rule: an invariant I1 to I7, or a rule of safety S1 to S9, or `end` and `time`.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
}

/// Collects what is wrong. It knows nothing of the engine's reasoning.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// The first few violations.
    pub violations: Vec<Violation>,
    /// How many there were.
    pub count: u64,
    /// Deliveries that were tried.
    pub attempts: u64,
    /// Mail that arrived.
    pub delivered: u64,
    /// Mail that arrived protected by DANE.
    pub protected: u64,
    /// Attempts that failed because of a host's or a server's passing failure.
    pub put_off: u64,
    /// Certificates that do not fit are Microsoft's doing, after DANE was enabled.
    pub unfit_is_theirs: bool,
    /// Whether every violation is kept in words as a line of the protocol.
    pub protocol: Option<Vec<String>>,
}

impl Oracle {
    /// Notes a violation.
    pub fn violation(&mut self, at: Ms, rule: &'static str, what: String) {
        self.count += 1;
        if let Some(lines) = &mut self.protocol {
            lines.push(format!("{} VIOLATION {rule}: {what}", clock(at)));
        }
        if self.violations.len() < 8 {
            self.violations.push(Violation { at, rule, what });
        }
    }

    /// Adds a line to the protocol, if one is kept.
    pub fn say(&mut self, at: Ms, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.protocol {
            lines.push(format!("{} {}", clock(at), what()));
        }
    }
}

/// An instant of a run for people.
#[must_use]
pub fn clock(at: Ms) -> String {
    let seconds = at / 1000;
    format!(
        "{}d {:02}:{:02}:{:02}.{:03}",
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        at % 1000
    )
}
