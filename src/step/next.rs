//! The answer of a step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::world::{Action, Instructions};

/// What a step says to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The goal state is there; the sentence says how it was seen.
    Done(String),
    /// Make this change (after the kernel and the gate were asked).
    Act(Action),
    /// Right, but not yet.
    Wait(Wait),
    /// A person has to do or say something.
    Ask(Question),
    /// Not like this; each finding says why and what to do.
    Blocked(Vec<Finding>),
}

/// What kind of event a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitFor {
    /// A cached version to expire: the instant is computed, nothing is asked meanwhile.
    Expiry,
    /// Every authoritative or parent address to serve a change.
    Visible,
    /// Somebody else's service to do its part.
    Service,
    /// A chosen time of good behaviour.
    Soak,
    /// A change window to open, or a freeze to end.
    Window,
    /// The stop file to be taken away.
    Stop,
}

impl WaitFor {
    /// Whether looking earlier than `until` can end the wait.
    #[must_use]
    pub fn worth_polling(self) -> bool {
        matches!(self, Self::Visible | Self::Service)
    }
}

/// Until when, because of what, and what would end it sooner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// What is waited for.
    pub kind: WaitFor,
    /// The computed end; for [`WaitFor::Visible`] and [`WaitFor::Service`] the expected one, if any.
    pub until: Option<Timestamp>,
    /// Which record, seen on which server.
    pub why: Vec<String>,
    /// What would end it sooner.
    pub sooner: String,
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum Question {
    /// An approval before an effect.
    Approve {
        /// The gate's name.
        gate: String,
        /// What is agreed to.
        about: String,
        /// The effect in words.
        effect: String,
    },
    /// Something to be done by hand, then observed.
    ByHand {
        /// What to do.
        instructions: Instructions,
    },
}

/// The finding of a host that refuses mail for good.
pub(super) const HOST_REJECTS: &str = "host.rejects";
/// The finding of a kind of sender whose mail does not arrive.
pub(super) const SENDER_LOSES_MAIL: &str = "sender.loses-mail";

impl Next {
    /// Whether it is known that mail is lost: not merely waited for, could not be told, or stopped for another reason.
    #[must_use]
    pub fn loses_mail(&self) -> bool {
        let Self::Blocked(findings) = self else {
            return false;
        };
        findings
            .iter()
            .any(|finding| [HOST_REJECTS, SENDER_LOSES_MAIL].contains(&finding.id.as_str()))
    }

    /// Blocked by one finding.
    #[must_use]
    pub fn blocked(finding: Finding) -> Self {
        Self::Blocked(vec![finding])
    }

    /// Waits for others to serve or do something.
    #[must_use]
    pub fn wait(kind: WaitFor, why: impl Into<String>, sooner: impl Into<String>) -> Self {
        Self::Wait(Wait {
            kind,
            until: None,
            why: vec![why.into()],
            sooner: sooner.into(),
        })
    }
}
