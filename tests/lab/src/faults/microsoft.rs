//! What can go wrong at Microsoft: one variant for each behaviour that the transport is known or feared to have.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Shape;

/// One fault of Microsoft's APIs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicrosoftFault {
    /// The cmdlet or Graph operation as the log names it (`Enable-SmtpDaneInbound`, `GET domains`); `None` is any.
    pub operation: Option<String>,
    /// What goes wrong.
    pub kind: MicrosoftFaultKind,
    /// How often it still happens; `None` is until switched off.
    pub times: Option<u32>,
}

/// What can go wrong at Microsoft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MicrosoftFaultKind {
    /// 403 with a body of NUL bytes (Exchange) or `Authorization_RequestDenied` (Graph).
    MissingRole,
    /// 401 although the token is right.
    Unauthorized,
    /// 401 with nothing to go by: the application lacks the app role `Exchange.ManageAsApp`.
    NoAppRole,
    /// 401 that demands claims (continuous access evaluation); only a token that was asked for with them passes.
    ClaimsChallenge,
    /// The token shown is revoked and stays so; another one passes.
    TokenRevoked,
    /// 429 with `Retry-After` in seconds, which may be a fraction.
    Throttled {
        /// The header's text.
        retry_after: String,
    },
    /// Too busy, with another sort of hint or none.
    Busy {
        /// 429 or 503.
        status: u16,
        /// How it says when to come back.
        hint: RetryHint,
    },
    /// The cmdlet takes effect, then the gateway gives up with 504.
    TimesOutAfterEffect,
    /// The connection breaks after the effect, without an answer.
    ReplyLost,
    /// The connection breaks before any effect.
    RequestLost,
    /// HTTP 200 whose body holds an error; no effect.
    OkWithError,
    /// 500 without an effect.
    ServerError,
    /// A front end's 5xx in place of the cmdlet's answer.
    Gateway {
        /// 500, 502, 503 or 504.
        status: u16,
        /// Whether the cmdlet runs all the same.
        after_effect: bool,
    },
    /// The cmdlet takes this long. Past [`crate::Timing::cmdlet_limit`] the front end gives up with 504; the cmdlet goes on.
    Slow {
        /// How long.
        takes: Duration,
        /// Whether it takes effect in the end.
        effect: bool,
    },
    /// A redirect, as the front end gives to a regional host.
    Redirected {
        /// 301, 302, 307 or 308.
        status: u16,
        /// Where to.
        to: RedirectTo,
    },
    /// A proxy's page in place of the answer; no effect.
    Html {
        /// 200, 403, 407, ...
        status: u16,
    },
    /// The cmdlet runs, and the answer has no body.
    NoBody {
        /// 200 or 204.
        status: u16,
    },
    /// The cmdlet runs, and its answer comes in another shape.
    Reshaped(Shape),
    /// The cmdlet fails without an effect.
    Fails(CmdletFailure),
    /// The cmdlet takes effect, and answers that the state was there already.
    SaysAlready,
    /// HTTP 200 and a row whose `Result` is not `Success`; no effect.
    ResultNot {
        /// The word.
        result: String,
        /// `ErrorData`.
        data: String,
    },
    /// `Get-DnssecStatusForVerifiedDomain` says these too, each a code and a text; the code's second letter says where.
    Says(Vec<String>),
    /// Graph: the domain does not exist in the tenant.
    NotFound,
}

/// How a service that is too busy says when to come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryHint {
    /// `Retry-After` with this text.
    Seconds(String),
    /// `Retry-After` with an HTTP date this far ahead, beside the `Date` of now.
    Date(Duration),
    /// Nothing.
    Nothing,
    /// `Rate-Limit-Limit`, `Rate-Limit-Remaining` and `Rate-Limit-Reset` (RFC 3339) this far ahead, no `Retry-After`.
    Reset(Duration),
}

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectTo {
    /// The laboratory's other front end, which answers as this one does.
    OtherHost,
    /// A host that is not one of Exchange's.
    ForeignHost,
    /// The same host over plain HTTP on another network.
    PlainHttp,
    /// From one front end to the other and back, without end.
    Loop,
    /// Nowhere: no `Location`.
    Nowhere,
}

/// How a cmdlet fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CmdletFailure {
    /// 400, 403, 404, 500, or 200: a body can report failure with any status.
    pub status: u16,
    /// The exception's type, dotted.
    pub exception: String,
    /// The text that matters.
    pub message: String,
    /// In which of the envelopes.
    pub envelope: Envelope,
}

/// The envelopes of an error (reference 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Envelope {
    /// `Invalid Operation`, with `innererror.internalexception` and `|Type|text`.
    Internal,
    /// `Error executing cmdlet`, with JSON as text in `details[0].message`.
    Context,
    /// The same, with the reason in an inner error of the inner text.
    ContextNested,
    /// `details[0].message` alone.
    Details,
    /// Nothing but the useless constant; the type is in the `x-ExceptionType` header.
    Bare,
}

impl MicrosoftFaultKind {
    /// A failure of this type.
    #[must_use]
    pub fn fails(status: u16, exception: &str, message: &str, envelope: Envelope) -> Self {
        Self::Fails(CmdletFailure {
            status,
            exception: exception.to_owned(),
            message: message.to_owned(),
            envelope,
        })
    }
}
