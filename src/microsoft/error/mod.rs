//! What can go wrong with Microsoft's services, each as a sentence that says what to do.

mod call;
mod failure;
mod service;

use std::time::Duration;

use super::host::HostError;
use super::pwsh::PwshError;
use super::settings::SettingsError;
use super::sign_in_error::SignInError;

pub use call::Call;
pub use failure::{CmdletFailure, UnknownWhy};
pub use service::Service;

/// Shorthand for the results of this module.
pub type Result<T> = std::result::Result<T, MicrosoftError>;

/// Every failure of this module. Its Display is a sentence: what happened, in which call, why, what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MicrosoftError {
    /// The settings cannot be used; nothing was sent.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No token.
    #[error(transparent)]
    SignIn(#[from] Box<SignInError>),
    /// A domain or host name that is none; nothing was sent.
    #[error(transparent)]
    Name(#[from] HostError),
    /// The official module cannot be used; nothing was sent.
    #[error(transparent)]
    Pwsh(#[from] Box<PwshError>),
    /// No connection; nothing was sent.
    #[error(
        "{call} was not sent: {} cannot be reached ({detail}). Check the network, the proxy and the firewall for HTTPS to that host.",
        .call.host
    )]
    Unreachable {
        /// The call.
        call: Box<Call>,
        /// What the connection said.
        detail: String,
    },
    /// A reading call got no complete answer.
    #[error(
        "{call} got no answer: {why}. It only reads, so run again. For support: {}",
        .call.support_line()
    )]
    NoAnswer {
        /// The call.
        call: Box<Call>,
        /// Why not.
        why: UnknownWhy,
    },
    /// Too many calls.
    #[error(
        "{call} was throttled by {} (HTTP 429){}. Run again later. For support: {}",
        .call.host,
        .retry_after.map_or_else(String::new, |wait| format!("; it asks to wait {} seconds", wait.as_secs_f64().ceil())),
        .call.support_line()
    )]
    Throttled {
        /// The call.
        call: Box<Call>,
        /// How long the service asks to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// A reading call met a 5xx each time.
    #[error(
        "{call} failed because the service has trouble: {why}. It only reads, so run again later. For support: {}",
        .call.support_line()
    )]
    ServiceTrouble {
        /// The call.
        call: Box<Call>,
        /// The last answer.
        why: UnknownWhy,
    },
    /// A change whose outcome nobody knows. Read the state back; never send it again blindly (S6).
    #[error(
        "Whether {call} took effect is unknown: {why}. The change is not sent again; its state must be read back first. For support: {}",
        .call.support_line()
    )]
    Unknown {
        /// The call.
        call: Box<Call>,
        /// Why it is unknown.
        why: UnknownWhy,
    },
    /// 401 with a fresh token.
    #[error(
        "{call} was refused although the sign-in worked (HTTP 401{}). {} For support: {}",
        .detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}")),
        .service.grant(),
        .call.support_line()
    )]
    Unauthorized {
        /// The call.
        call: Box<Call>,
        /// Which service refused.
        service: Service,
        /// What it said, redacted.
        detail: Option<String>,
    },
    /// 403 that means: this identity lacks a role.
    #[error(
        "{call} was refused: this identity may not run it (HTTP 403{}). {} For support: {}",
        .detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}")),
        .service.role(),
        .call.support_line()
    )]
    MissingRole {
        /// The call.
        call: Box<Call>,
        /// Which service refused.
        service: Service,
        /// What it said, redacted.
        detail: Option<String>,
    },
    /// The service took the request and said no.
    #[error("{call} failed: {failure}. For support: {}", .call.support_line())]
    Failed {
        /// The call.
        call: Box<Call>,
        /// What the service said.
        failure: CmdletFailure,
    },
    /// Graph does not know the domain.
    #[error(
        "{call}: the domain is not in this tenant. Check the tenant id, or add and verify the domain in the Microsoft 365 admin center."
    )]
    NotInTenant {
        /// The call.
        call: Box<Call>,
    },
    /// The service sent us somewhere we do not go.
    #[error(
        "{call} was redirected to {to}, and {why}. Nothing was sent there. If a proxy rewrites traffic to {}, exempt that host.",
        .call.host
    )]
    RedirectRefused {
        /// The call.
        call: Box<Call>,
        /// Where to, redacted.
        to: String,
        /// Why we do not follow.
        why: String,
    },
    /// An answer that could not be understood. Never to be read as "no" (S7).
    #[error(
        "{call} could not tell {what}: the answer has an unexpected shape: {excerpt}. Please report it. For support: {}",
        .call.support_line()
    )]
    CouldNotTell {
        /// The call.
        call: Box<Call>,
        /// What was asked.
        what: String,
        /// The answer, redacted and shortened.
        excerpt: String,
    },
    /// A client could not be built.
    #[error("The HTTP client cannot be set up: {detail}. Check the system's certificate store.")]
    Client {
        /// Why not.
        detail: String,
    },
    /// The witness for a destructive cmdlet names another domain.
    #[error("{call} was not sent: the person asked for it for {asked}, not for this domain.")]
    WrongWitness {
        /// The call.
        call: Box<Call>,
        /// The domain that the person named.
        asked: String,
    },
}

impl MicrosoftError {
    /// Whether a change may or may not have happened. Then the state is read back and the change is not repeated (S6).
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether the same call may work later without anybody doing anything. An unknown outcome is not transient.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Throttled { .. }
            | Self::ServiceTrouble { .. } => true,
            Self::SignIn(error) => error.is_transient(),
            Self::Pwsh(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Whether somebody must grant something first.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::MissingRole { .. } => true,
            Self::SignIn(error) => error.is_permission(),
            _ => false,
        }
    }

    /// Whether the answer was not understood, or did not come: a question without an answer, never a "no" (S7).
    #[must_use]
    pub fn is_could_not_tell(&self) -> bool {
        matches!(self, Self::CouldNotTell { .. } | Self::Unknown { .. }) || self.is_transient()
    }

    /// Whether the service claims that the wished state is already there; read it back to be sure.
    #[must_use]
    pub fn says_already(&self) -> bool {
        matches!(self, Self::Failed { failure, .. } if failure.says_already())
    }

    /// When to come back, if the service said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What kind of failure it is, in words that name nobody's data.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Settings(_) | Self::Name(_) | Self::Client { .. } => "not sent",
            Self::SignIn(_) | Self::Pwsh(_) => "no sign-in",
            Self::Unreachable { .. } => "not reached",
            Self::NoAnswer { .. } => "no answer",
            Self::Throttled { .. } => "throttled",
            Self::ServiceTrouble { .. } => "the service has trouble",
            Self::Unknown { .. } => "unknown whether it took effect",
            Self::Unauthorized { .. } => "unauthorized",
            Self::MissingRole { .. } => "missing role",
            Self::Failed { .. } => "failed",
            Self::NotInTenant { .. } => "not in the tenant",
            Self::RedirectRefused { .. } => "redirect refused",
            Self::CouldNotTell { .. } => "could not tell",
            Self::WrongWitness { .. } => "not asked for by a person",
        }
    }

    /// The call with its ids for a support case, if one was made.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Unreachable { call, .. }
            | Self::NoAnswer { call, .. }
            | Self::Throttled { call, .. }
            | Self::ServiceTrouble { call, .. }
            | Self::Unknown { call, .. }
            | Self::Unauthorized { call, .. }
            | Self::MissingRole { call, .. }
            | Self::Failed { call, .. }
            | Self::NotInTenant { call }
            | Self::RedirectRefused { call, .. }
            | Self::CouldNotTell { call, .. }
            | Self::WrongWitness { call, .. } => Some(call),
            Self::Settings(_)
            | Self::SignIn(_)
            | Self::Name(_)
            | Self::Pwsh(_)
            | Self::Client { .. } => None,
        }
    }
}

impl From<PwshError> for MicrosoftError {
    fn from(error: PwshError) -> Self {
        Self::Pwsh(Box::new(error))
    }
}

impl From<SignInError> for MicrosoftError {
    fn from(error: SignInError) -> Self {
        Self::SignIn(Box::new(error))
    }
}
