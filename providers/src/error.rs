//! What can go wrong with a provider, and what to do about it.

use std::{borrow::Cow, fmt, time::Duration};

use serde::Serialize;

/// The result of a call to a provider.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the terms in which a caller decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The provider does not know these credentials.
    Auth,
    /// The credentials are known, but may not do this.
    Forbidden,
    /// No such zone, or no such thing in it.
    NotFound,
    /// What is live is not what the caller believed. Nothing was overwritten; look again and plan again.
    Conflict,
    /// The request itself is wrong and would be wrong again.
    Rejected,
    /// Too many requests; the provider may say when to come back.
    Throttled(Option<Duration>),
    /// Nothing was changed and the same request may work later.
    Transient,
    /// A write was sent and no answer came: it may or may not have been made. Look before anything else; never send it again blindly.
    Unknown,
    /// This provider cannot do this at all.
    Unsupported,
    /// The answer made no sense.
    Protocol,
}

impl Kind {
    /// What to do about it, as a sentence.
    #[must_use]
    pub fn advice(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Auth => {
                "Check the credentials: are they complete, not expired, and for this account?"
            }
            Self::Forbidden => {
                "Give these credentials the rights that `rollout providers` lists, or use others."
            }
            Self::NotFound => {
                "Check the name and that these credentials see the account that holds the zone."
            }
            Self::Conflict => "Look at what is live now and plan again.",
            Self::Rejected => "Change the request; sending the same again will not help.",
            Self::Throttled(Some(wait)) => {
                return Cow::Owned(format!("Wait {} s and run again.", wait.as_secs().max(1)));
            }
            Self::Throttled(None) => "Wait some minutes and run again.",
            Self::Transient => "Nothing was changed. Run again later.",
            Self::Unknown => {
                "It may or may not have been made: look at what is live before anything else."
            }
            Self::Unsupported => "This has to be done or looked up in another way.",
            Self::Protocol => {
                "Check that the address is right and that the provider's interface has not changed."
            }
        })
    }
}

/// A failed call: whose, what for, what kind, and what the provider said.
///
/// It holds no secret: what came from outside was cleaned before it got here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Error {
    /// Slug of the provider.
    pub provider: &'static str,
    /// What was being done, as words after "could not": `read MX at example.com`.
    pub operation: String,
    /// What went wrong.
    pub kind: Kind,
    /// HTTP status or DNS response code, where there was one.
    pub status: Option<u16>,
    /// The provider's own code, where it gave one.
    pub code: Option<Box<str>>,
    /// What happened, as a clause without a full stop.
    pub message: String,
    /// What the provider's support asks for.
    pub request_id: Option<Box<str>>,
}

impl Error {
    /// An error without details of a protocol.
    pub fn new(
        provider: &'static str,
        operation: impl Into<String>,
        kind: Kind,
        message: impl Into<String>,
    ) -> Self {
        Self {
            provider,
            operation: operation.into(),
            kind,
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
        }
    }

    /// A write may have been made: look, do not repeat.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unknown)
    }

    /// Somebody else changed what this call was to change.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self.kind, Kind::Conflict)
    }

    /// No such zone or thing.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self.kind, Kind::NotFound)
    }

    /// The provider cannot do it at all.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.kind, Kind::Unsupported)
    }

    /// A person has to mend credentials or rights.
    #[must_use]
    pub const fn is_about_access(&self) -> bool {
        matches!(self.kind, Kind::Auth | Kind::Forbidden)
    }

    /// The same call may work later and nothing was changed.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Transient | Kind::Throttled(_))
    }

    /// How long the provider asked us to stay away.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Throttled(wait) => wait,
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: could not {}: {}",
            self.provider, self.operation, self.message
        )?;
        let details: Vec<String> = [
            self.status.map(|status| format!("status {status}")),
            self.code.as_ref().map(|code| format!("code {code}")),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        write!(f, ". {}", self.kind.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence_with_what_to_do() {
        let mut error = Error::new(
            "powerdns",
            "read MX at example.com",
            Kind::Auth,
            "the key was refused",
        );
        error.status = Some(401);
        error.request_id = Some("7f".into());
        assert_eq!(
            error.to_string(),
            "powerdns: could not read MX at example.com: the key was refused (status 401, request 7f). \
             Check the credentials: are they complete, not expired, and for this account?"
        );
    }

    #[test]
    fn a_wait_is_told_in_seconds() {
        let error = Error::new(
            "x",
            "y",
            Kind::Throttled(Some(Duration::from_secs(90))),
            "slow down",
        );
        assert!(
            error.to_string().ends_with("Wait 90 s and run again."),
            "{error}"
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
        assert!(error.is_temporary() && !error.is_unknown());
    }
}
