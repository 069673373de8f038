//! What came of a check.

use serde::Serialize;

use super::snippet::Snippet;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// This machine and the domain file.
    Here,
    /// Signing in to Microsoft, and what the identity may do there.
    Microsoft,
    /// The DNS provider.
    Provider,
    /// What can be reached from here.
    Reach,
}

impl Area {
    /// All of them, in the order shown.
    pub const ALL: [Self; 4] = [Self::Here, Self::Microsoft, Self::Provider, Self::Reach];

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Here => "This machine",
            Self::Microsoft => "Microsoft",
            Self::Provider => "DNS provider",
            Self::Reach => "Reach",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// What is needed is there.
    Passed,
    /// It is not there.
    Failed,
    /// Nobody knows: never to be read as either of the two (S7).
    CouldNotTell,
    /// This domain file does not need it.
    NotNeeded,
}

/// One check, done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable id.
    pub id: &'static str,
    /// What it belongs to.
    pub area: Area,
    /// Which of several things of the kind: a resolver, a host, a key of the domain file; empty for the domain.
    pub about: String,
    /// How it ended.
    pub state: State,
    /// What was found, as a sentence.
    pub what: String,
    /// Why it is needed.
    pub why: &'static str,
    /// The check that has to pass before this one can be made.
    pub because: Option<&'static str>,
    /// What to do; only where something is to be done.
    pub mend: Option<Mend>,
    /// What is worth knowing although nothing is missing.
    pub remarks: Vec<String>,
    /// Where it is written that this is needed.
    pub source: &'static str,
}

/// Who has to do what where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// Who: a role by its exact name.
    pub who: String,
    /// What, with exact names and ids.
    pub what: String,
    /// The same to copy, for each tool that can do it.
    pub snippets: Vec<Snippet>,
}

impl Mend {
    /// Who has to do what.
    #[must_use]
    pub fn new(who: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            what: what.into(),
            snippets: Vec::new(),
        }
    }

    /// With commands to copy.
    #[must_use]
    pub fn with(mut self, snippets: impl IntoIterator<Item = Snippet>) -> Self {
        self.snippets.extend(snippets);
        self
    }
}

impl Check {
    /// The same with what to do.
    #[must_use]
    pub fn mend(mut self, mend: Mend) -> Self {
        self.mend = Some(mend);
        self
    }

    /// The same with something worth knowing.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remarks.push(remark.into());
        self
    }
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`State::Passed`].
    pub passed: usize,
    /// [`State::Failed`].
    pub failed: usize,
    /// [`State::CouldNotTell`].
    pub could_not_tell: usize,
    /// [`State::NotNeeded`].
    pub not_needed: usize,
}

impl Tally {
    /// Of these checks.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let mut tally = Self::default();
        for check in checks {
            *match check.state {
                State::Passed => &mut tally.passed,
                State::Failed => &mut tally.failed,
                State::CouldNotTell => &mut tally.could_not_tell,
                State::NotNeeded => &mut tally.not_needed,
            } += 1;
        }
        tally
    }
}
