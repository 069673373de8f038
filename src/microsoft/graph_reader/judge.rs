//! What Graph's answers mean. Pure.

use serde_json::Value;

use crate::microsoft::duplicates;
use crate::microsoft::error::{Call, CmdletFailure, MicrosoftError, Result, Service};
use crate::microsoft::redact;

pub(super) fn could_not_tell(call: &Call, what: &str, body: &[u8]) -> MicrosoftError {
    MicrosoftError::CouldNotTell {
        call: Box::new(call.clone()),
        what: what.to_owned(),
        excerpt: redact::excerpt(body),
    }
}

/// The failure in a Graph error body: `{"error": {"code": …, "message": …}}`.
pub(super) fn failure(body: &[u8]) -> Option<CmdletFailure> {
    let value = duplicates::parse(body)?;
    let error = value.get("error")?;
    let part = |name: &str| {
        error
            .get(name)
            .and_then(Value::as_str)
            .map(|text| redact::excerpt(text.as_bytes()))
    };
    let message =
        part("message").or_else(|| error.as_str().map(|text| redact::excerpt(text.as_bytes())))?;
    Some(CmdletFailure {
        exception: part("code"),
        message,
    })
}

/// The body of a good answer, or what a bad one means. 404 is a failure here; the caller knows what was looked for.
pub(super) fn judge(status: u16, body: &[u8], call: &Call) -> Result<Value> {
    let parsed = duplicates::parse(body);
    match (status, failure(body), parsed) {
        (200..=299, None, Some(value)) => Ok(value),
        (403, failure, _) => Err(MicrosoftError::MissingRole {
            call: Box::new(call.clone()),
            service: Service::Graph,
            detail: failure.map(|failure| failure.message),
        }),
        (_, Some(failure), _) => Err(MicrosoftError::Failed {
            call: Box::new(call.clone()),
            failure,
        }),
        (_, None, _) => Err(could_not_tell(call, "what was asked", body)),
    }
}

/// Whether Graph itself, and not some proxy, says that there is no such object.
pub(super) fn is_absent(error: &MicrosoftError) -> bool {
    let MicrosoftError::Failed { call, failure } = error else {
        return false;
    };
    call.status == Some(404)
        && failure
            .exception
            .as_deref()
            .is_some_and(|code| code.to_ascii_lowercase().contains("notfound"))
}
