//! What can go wrong with Microsoft's services, each as a sentence that says what to do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host::HostError;
use super::settings::SettingsError;
use super::sign_in_error::SignInError;

/// Shorthand for the results of this module.
pub type Result<T> = std::result::Result<T, MicrosoftError>;

/// The call that went wrong, with all that Microsoft's support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The cmdlet, or the Graph request (`GET /domains/{id}`).
    pub name: String,
    /// The domain it was about.
    pub domain: Option<String>,
    /// The host that answered, or that should have.
    pub host: String,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// `request-id` of the last answer.
    pub request_id: Option<String>,
    /// The `client-request-id` we sent.
    pub client_request_id: Option<String>,
    /// `x-ExceptionType` of the last answer.
    pub exception_type: Option<String>,
    /// `x-ExceptionTargetType` of the last answer.
    pub exception_target: Option<String>,
    /// `Date` of the last answer: the service's clock.
    pub date: Option<String>,
}

impl Call {
    /// A call that has not been answered yet.
    #[must_use]
    pub fn new(name: impl Into<String>, domain: Option<&str>) -> Self {
        Self {
            name: name.into(),
            domain: domain.map(str::to_owned),
            ..Self::default()
        }
    }

    /// One line for a support case: every id that is known.
    #[must_use]
    pub fn support_line(&self) -> String {
        let mut parts = Vec::new();
        let mut add = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                parts.push(format!("{name} {value}"));
            }
        };
        add("request-id", &self.request_id);
        add("client-request-id", &self.client_request_id);
        add("exception", &self.exception_type);
        add("target", &self.exception_target);
        add("date", &self.date);
        if let Some(status) = self.status {
            parts.insert(0, format!("HTTP {status}"));
        }
        parts.join(", ")
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(domain) = &self.domain {
            write!(f, " for {domain}")?;
        }
        Ok(())
    }
}

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
    #[error("{call} got no answer: {why}. It only reads, so run again.")]
    NoAnswer {
        /// The call.
        call: Box<Call>,
        /// Why not.
        why: UnknownWhy,
    },
    /// Too many calls.
    #[error(
        "{call} was throttled by {} (HTTP 429){}. Run again later.",
        .call.host,
        .retry_after.map_or_else(String::new, |wait| format!("; it asks to wait {} seconds", wait.as_secs_f64().ceil()))
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

/// A service with its own permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Microsoft Graph.
    Graph,
    /// Exchange Online.
    Exchange,
}

impl Service {
    /// What a 401 with a fresh token lacks (`microsoft.md` 3.3).
    fn grant(self) -> &'static str {
        match self {
            Self::Exchange => {
                "Usually the application lacks the app role Exchange.ManageAsApp (dc50a0fb-09a3-484d-be87-e023b12c6440) on \
                 Office 365 Exchange Online, or admin consent for it; Exchange.ManageAsAppV2 and \
                 Exchange.AdminAPI.ManageAsApp look alike and do not serve. Grant it in the Entra admin center under \
                 App registrations, API permissions."
            }
            Self::Graph => {
                "Check that the tenant and the cloud are right and that the application is enabled in the Entra admin center \
                 under Enterprise applications."
            }
        }
    }

    /// What a 403 lacks (`microsoft.md` 3.3 and 4.1).
    fn role(self) -> &'static str {
        match self {
            Self::Exchange => {
                "Assign the Entra role Exchange Administrator to its service principal (reading alone needs Global Reader), \
                 or put it into an Exchange role group that holds these cmdlets; it can take an hour to work."
            }
            Self::Graph => {
                "Grant the application permission Domain.Read.All on Microsoft Graph with admin consent (a person needs the \
                 role Domain Name Administrator or Global Reader as well)."
            }
        }
    }
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
            Self::Settings(_) | Self::SignIn(_) | Self::Name(_) | Self::Client { .. } => None,
        }
    }
}

impl From<SignInError> for MicrosoftError {
    fn from(error: SignInError) -> Self {
        Self::SignIn(Box::new(error))
    }
}
