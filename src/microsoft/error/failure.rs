//! What a service said when it failed, and why an outcome can stay unknown.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a failed cmdlet said. The type is the only stable mark; the text is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CmdletFailure {
    /// The .NET type of the exception, when the answer named one.
    pub exception: Option<String>,
    /// The useful message, redacted.
    pub message: String,
}

impl CmdletFailure {
    /// Whether the cmdlet looked for an object that does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.exception
            .as_deref()
            .is_some_and(|name| name.ends_with("ManagementObjectNotFoundException"))
    }

    /// Whether the exception's type says that it may pass (`ADTransientException` and its kin).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.exception.as_deref().is_some_and(|name| {
            [
                "TransientException",
                "TimeoutException",
                "ServerBusyException",
                "OverBudgetException",
            ]
            .iter()
            .any(|kind| name.ends_with(kind))
        })
    }

    /// Whether the text claims that the wished state is already there. Only a hint to read the state back: the text is
    /// not documented, so it never counts as success.
    #[must_use]
    pub fn says_already(&self) -> bool {
        self.message.to_ascii_lowercase().contains("already")
    }
}

impl std::fmt::Display for CmdletFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message.trim_end_matches('.'))?;
        match &self.exception {
            Some(exception) => write!(f, " ({exception})"),
            None => Ok(()),
        }
    }
}

/// Why nobody knows whether a change happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownWhy {
    /// No answer within the time limit.
    #[error("no answer came within {} seconds", .after.as_secs())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The connection broke after the request was sent.
    #[error("the connection broke before the answer was complete ({detail})")]
    ReplyLost {
        /// What the connection said.
        detail: String,
    },
    /// A 5xx answer: a front end may have given up on a cmdlet that goes on.
    #[error("the service answered HTTP {status} ({detail})")]
    ServerError {
        /// The status.
        status: u16,
        /// What it said, redacted.
        detail: String,
    },
    /// The cmdlet broke off with a passing fault, perhaps after its effect.
    #[error("the cmdlet broke off: {failure}")]
    BrokeOff {
        /// What it said.
        failure: CmdletFailure,
    },
    /// An answer that says neither success nor failure.
    #[error("the answer says neither success nor failure: {excerpt}")]
    Unreadable {
        /// The answer, redacted and shortened.
        excerpt: String,
    },
}
