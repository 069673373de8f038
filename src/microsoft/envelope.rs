//! From the bytes of an Exchange answer to rows or a failure (`microsoft.md` 3.4 and 3.5). Pure.

use serde_json::Value;

use super::duplicates;
use super::error::CmdletFailure;
use super::loose::{Row, get, is_type_name, text, texts, without_sidecars};
use super::redact;

/// Rows and what came with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The objects, without sidecar keys.
    pub rows: Vec<Row>,
    /// `@adminapi.warnings`, redacted.
    pub warnings: Vec<String>,
    /// Whether there is more (`@odata.nextLink`). It is not followed: a replay without affinity fails.
    pub truncated: bool,
    /// Whether nothing at all came, as after a change that went well. It is no answer to a question.
    pub silent: bool,
}

/// What a body complains of, when it is an envelope with an error, whatever the status.
#[must_use]
pub fn complaint(body: &[u8]) -> Option<String> {
    let value = duplicates::parse(body)?;
    failure(&value, None, false).map(|failure| failure.to_string())
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// The cmdlet ran.
    Rows(Answer),
    /// The cmdlet failed.
    Failed(CmdletFailure),
    /// This identity may not run the cmdlet; with what the service said about it, if anything.
    MissingRole(Option<String>),
    /// Neither: the excerpt, redacted.
    Unreadable(String),
}

/// Reads an answer whose status is neither a redirect, nor 401, 429 or 5xx.
///
/// `exception_type` is the `x-ExceptionType` header; it helps when the body names no type.
#[must_use]
pub fn read(status: u16, exception_type: Option<&str>, body: &[u8]) -> Reading {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // A run of NUL bytes, or nothing at all, is how a cmdlet is refused that the identity's role does not hold.
    if status == 403
        && body
            .iter()
            .all(|byte| *byte == 0 || byte.is_ascii_whitespace())
    {
        return Reading::MissingRole(None);
    }
    let success = (200..300).contains(&status);
    if body.iter().all(u8::is_ascii_whitespace) {
        return match (success, exception_type) {
            (true, _) => Reading::Rows(Answer {
                silent: true,
                ..Answer::default()
            }),
            (false, Some(exception)) => failed(CmdletFailure {
                exception: Some(redact::plain(exception)),
                message: format!("the service answered HTTP {status} without a text"),
            }),
            (false, None) => Reading::Unreadable(format!("HTTP {status} with an empty body")),
        };
    }
    let unreadable = || Reading::Unreadable(format!("HTTP {status}, {}", redact::excerpt(body)));
    let Some(value) = duplicates::parse(body) else {
        return unreadable();
    };
    if let Some(failure) = failure(&value, exception_type, success) {
        return failed(failure);
    }
    if !success {
        return unreadable();
    }
    rows(value).map_or_else(unreadable, Reading::Rows)
}

fn failed(failure: CmdletFailure) -> Reading {
    let names_a_role = failure.exception.as_deref().is_some_and(|name| {
        let short = name.rsplit('.').next().unwrap_or(name);
        [
            "CommandNotFoundException",
            "UnauthorizedAccessException",
            "AuthorizationException",
            "AccessDeniedException",
        ]
        .iter()
        .any(|known| short.ends_with(known))
    });
    if names_a_role {
        Reading::MissingRole(Some(failure.to_string()))
    } else {
        Reading::Failed(failure)
    }
}

/// The failure inside a body, whatever the status: an `error` member counts even with HTTP 200.
fn failure(value: &Value, exception_type: Option<&str>, success: bool) -> Option<CmdletFailure> {
    let top = value.as_object()?;
    let error = match get(top, "error") {
        Some(error) => error,
        // Some front ends send the inside of the envelope alone.
        None if !success && (get(top, "message").is_some() || get(top, "code").is_some()) => value,
        None => return None,
    };
    let mut exception = None;
    let message;
    if let Some(error) = error.as_object() {
        let inner = get(error, "innererror").and_then(Value::as_object);
        let internal = inner
            .and_then(|inner| get(inner, "internalexception"))
            .and_then(Value::as_object);
        for part in [internal, inner].into_iter().flatten() {
            exception = exception.or_else(|| text(get(part, "type")));
        }
        let mut said = internal.and_then(|part| text(get(part, "message")));
        if let Some(detail) = first_detail(error) {
            let (kind, text) = split_detail(&detail);
            exception = exception.or(kind);
            said = said.or(text);
        }
        message = said
            .or_else(|| inner.and_then(|part| text(get(part, "message"))))
            .or_else(|| text(get(error, "message")))
            .or_else(|| text(get(error, "code")));
    } else {
        message = text(Some(error));
    }
    let exception = exception.or_else(|| exception_type.map(str::to_owned));
    Some(CmdletFailure {
        exception: exception.map(|name| redact::excerpt(name.as_bytes())),
        message: redact::excerpt(message.unwrap_or_else(|| error.to_string()).as_bytes()),
    })
}

fn first_detail(error: &Row) -> Option<String> {
    let details = match get(error, "details")? {
        Value::Array(items) => items.first()?.as_object()?,
        Value::Object(map) => map,
        _ => return None,
    };
    text_as_is(get(details, "message"))
}

/// Without taking wrappers off: a detail's message may itself be JSON.
fn text_as_is(value: Option<&Value>) -> Option<String> {
    value
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Splits `|Dotted.Type|text`, or reads `{"Message": …, "TypeName": …}`.
fn split_detail(detail: &str) -> (Option<String>, Option<String>) {
    if let Some((kind, said)) = detail
        .strip_prefix('|')
        .and_then(|rest| rest.split_once('|'))
    {
        let said = said.trim();
        return (
            Some(kind.trim().to_owned()),
            (!said.is_empty()).then(|| said.to_owned()),
        );
    }
    if detail.starts_with('{')
        && let Some(Value::Object(map)) = duplicates::parse(detail.as_bytes())
    {
        // The innermost error says why; the outer ones say that something failed.
        let mut part = &map;
        for _ in 0..8 {
            match get(part, "InnerError").and_then(Value::as_object) {
                Some(inner) if text(get(inner, "Message")).is_some() => part = inner,
                _ => break,
            }
        }
        return (
            text(get(part, "TypeName")).or_else(|| text(get(&map, "TypeName"))),
            text(get(part, "Message")).or_else(|| text(get(&map, "Message"))),
        );
    }
    (None, Some(detail.to_owned()))
}

/// The rows of a successful answer: `value` may be missing, null, a single object, or spelled `Value`.
fn rows(value: Value) -> Option<Answer> {
    let mut answer = Answer::default();
    let content = match value {
        Value::Null => {
            answer.silent = true;
            return Some(answer);
        }
        Value::Array(_) => value,
        Value::Object(map) => {
            for key in ["@adminapi.warnings", "adminapi.warnings"] {
                if let Ok(lines) = texts(get(&map, key)) {
                    answer.warnings.extend(lines);
                }
            }
            answer.truncated = ["@odata.nextLink", "odata.nextLink"]
                .iter()
                .any(|key| text(get(&map, key)).is_some());
            content(map)
        }
        _ => return None,
    };
    answer.rows = match without_sidecars(content) {
        Value::Null => Vec::new(),
        Value::Object(map) => vec![map],
        Value::Array(items) => items.into_iter().filter_map(row).collect(),
        Value::String(said) if said.trim().is_empty() => Vec::new(),
        Value::String(said) if is_type_name(&said) => return None,
        Value::String(said) => match duplicates::parse(said.as_bytes()) {
            Some(Value::Object(map)) => vec![map],
            Some(Value::Array(items)) => items.into_iter().filter_map(row).collect(),
            _ => row(Value::String(said)).into_iter().collect(),
        },
        other => row(other).into_iter().collect(),
    };
    Some(answer)
}

/// What an envelope holds, or the object itself when it is no envelope.
fn content(map: Row) -> Value {
    let value = map
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("value"))
        .map(|(_, value)| value.clone());
    let own: Row = map
        .into_iter()
        .filter(|(key, _)| {
            !key.contains('@') && key != "adminapi.warnings" && key != "odata.nextLink"
        })
        .collect();
    match value {
        // A scalar beside other properties is one of the properties of an object.
        Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) if own.len() > 1 => {
            Value::Object(own)
        }
        Some(value) => value,
        None if own.is_empty() => Value::Null,
        None => Value::Object(own),
    }
}

/// An element of `value`; something that is no object becomes `{"Value": …}`, so that nothing is dropped.
fn row(item: Value) -> Option<Row> {
    match item {
        Value::Null => None,
        Value::Object(map) => Some(map),
        other => Some(Row::from_iter([("Value".to_owned(), other)])),
    }
}
