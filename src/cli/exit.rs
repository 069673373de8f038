//! Exit codes: the same meaning in every command.

use std::process::ExitCode;

use crate::engine::Ending;
use crate::engine::plan::Plan;
use crate::engine::store::Brake;
use crate::verify::Verdict;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or safe, or nothing to do.
    Done,
    /// 1: blocked, failed, or a finding forbids it.
    Failed,
    /// 2: usage or configuration.
    Usage,
    /// 3: could not tell.
    CouldNotTell,
    /// 4: right but not yet: a wait or an open gate; the time is printed; run again.
    NotYet,
    /// 5: `plan --detailed-exitcode`, `dns diff`: changes are pending.
    Changes,
}

impl Exit {
    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::CouldNotTell => 3,
            Self::NotYet => 4,
            Self::Changes => 5,
        }
    }

    /// How urgently a person has to know it, of several.
    const fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 1,
            Self::NotYet => 2,
            Self::CouldNotTell => 3,
            Self::Failed => 4,
            Self::Usage => 5,
        }
    }

    /// The graver of two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        if other.weight() > self.weight() {
            other
        } else {
            self
        }
    }

    /// How a walk ended.
    pub const fn of_ending(ending: &Ending) -> Self {
        match ending {
            Ending::Done => Self::Done,
            Ending::NotYet { .. } | Ending::Interrupted | Ending::Braked(Brake::Pause) => {
                Self::NotYet
            }
            Ending::Blocked {
                could_not_tell: true,
                ..
            } => Self::CouldNotTell,
            Ending::Blocked { .. } | Ending::Braked(Brake::Abort) => Self::Failed,
        }
    }

    /// A verdict's exit code.
    pub const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Safe => Self::Done,
            Verdict::NotYet { .. } => Self::NotYet,
            Verdict::CouldNotTell => Self::CouldNotTell,
            Verdict::Forbidden => Self::Failed,
        }
    }

    /// What a plan says, when it is only looked at.
    pub fn of_plan(plan: &Plan, detailed: bool) -> Self {
        if plan.could_not_tell() {
            Self::CouldNotTell
        } else if plan.blocked() {
            Self::Failed
        } else if detailed && plan.changes() {
            Self::Changes
        } else {
            Self::Done
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn codes_are_those_of_the_design() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::CouldNotTell,
            Exit::NotYet,
            Exit::Changes,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn every_ending_has_its_code() {
        let blocked = |could_not_tell| Ending::Blocked {
            pending: BTreeMap::new(),
            could_not_tell,
        };
        let not_yet = Ending::NotYet {
            pending: BTreeMap::new(),
            wake: None,
        };
        for (ending, code) in [
            (Ending::Done, 0),
            (not_yet, 4),
            (blocked(false), 1),
            (blocked(true), 3),
            (Ending::Braked(Brake::Pause), 4),
            (Ending::Braked(Brake::Abort), 1),
            (Ending::Interrupted, 4),
        ] {
            assert_eq!(Exit::of_ending(&ending).code(), code, "{ending:?}");
        }
    }

    #[test]
    fn every_verdict_has_its_code() {
        let from = jiff::Timestamp::UNIX_EPOCH;
        for (verdict, code) in [
            (Verdict::Safe, 0),
            (Verdict::Forbidden, 1),
            (Verdict::CouldNotTell, 3),
            (Verdict::NotYet { from }, 4),
        ] {
            assert_eq!(Exit::of_verdict(verdict).code(), code, "{verdict:?}");
        }
    }

    #[test]
    fn the_graver_of_several_wins() {
        assert_eq!(Exit::Done.and(Exit::NotYet), Exit::NotYet);
        assert_eq!(Exit::Failed.and(Exit::CouldNotTell), Exit::Failed);
        assert_eq!(Exit::CouldNotTell.and(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Usage.and(Exit::Failed), Exit::Usage);
        assert_eq!(Exit::Changes.and(Exit::Done), Exit::Changes);
    }
}
