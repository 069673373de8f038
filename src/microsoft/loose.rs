//! Reading values whose JSON form is not documented.
//!
//! Exchange serialises .NET objects: an enum may come as a string, a number or `{"Value": …}`, a nested object as JSON, as
//! a string of JSON, or as nothing but its type name when the depth is cut (`microsoft.md` 2.2). Each reader here says what
//! it found, and says so when the content is lost; none of them guesses.

use serde_json::{Map, Value};

use super::answer::FeatureState;
use super::duplicates;
use super::redact;

/// One object of an answer; keys are compared without case, as PowerShell does.
pub type Row = Map<String, Value>;

/// The value of a property, if it is there and not null.
#[must_use]
pub fn get<'a>(row: &'a Row, name: &str) -> Option<&'a Value> {
    row.get(name)
        .or_else(|| {
            row.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

/// Takes the wrapper off: `{"Value": x}`, a string of JSON, or an array of one become what they hold.
#[must_use]
pub fn unwrap(value: &Value) -> Value {
    let mut value = value.clone();
    // A wrapper in a wrapper in a wrapper is possible; more is not worth following.
    for _ in 0..3 {
        value = match value {
            Value::Array(mut items) if items.len() == 1 => items.remove(0),
            Value::Object(ref map) if map.len() <= 2 => match get(map, "Value") {
                Some(inner) => inner.clone(),
                None => return value,
            },
            Value::String(ref text) if text.trim_start().starts_with(['{', '[']) => {
                match duplicates::parse(text.as_bytes()) {
                    Some(inner) => without_sidecars(inner),
                    None => return value,
                }
            }
            other => return other,
        };
    }
    value
}

/// A text, from a string, a wrapper, a number or a boolean. `None` when there is none or it is empty.
#[must_use]
pub fn text(value: Option<&Value>) -> Option<String> {
    let text = match unwrap(value?) {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A boolean, also written as a string.
#[must_use]
pub fn flag(value: Option<&Value>) -> Option<bool> {
    match unwrap(value?) {
        Value::Bool(flag) => Some(flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An `Enabled`/`Disabled` value. A number is not translated: its meaning is not documented.
#[must_use]
pub fn state(value: Option<&Value>) -> FeatureState {
    let Some(value) = value else {
        return FeatureState::could_not_tell("no value");
    };
    match unwrap(value) {
        Value::String(text) if text.trim().eq_ignore_ascii_case("enabled") => FeatureState::Enabled,
        Value::String(text) if text.trim().eq_ignore_ascii_case("disabled") => {
            FeatureState::Disabled
        }
        other => FeatureState::could_not_tell(&redact::excerpt(other.to_string().as_bytes())),
    }
}

/// What became of a nested object.
#[derive(Clone, Debug, PartialEq)]
pub enum Nested {
    /// Missing or null: the service says nothing.
    Absent,
    /// The object.
    Object(Row),
    /// The object was there, but its content did not survive serialisation.
    Lost(String),
}

/// A nested object, from JSON, a string of JSON or an array of one.
#[must_use]
pub fn nested(value: Option<&Value>) -> Nested {
    let Some(value) = value else {
        return Nested::Absent;
    };
    match unwrap(value) {
        Value::Object(map) => Nested::Object(map),
        Value::Null => Nested::Absent,
        Value::Array(items) if items.is_empty() => Nested::Absent,
        Value::String(text) if text.trim().is_empty() => Nested::Absent,
        other => Nested::Lost(redact::excerpt(other.to_string().as_bytes())),
    }
}

/// A list of texts, from an array, a single text, a string of JSON, or null. `Err` when the content is lost.
///
/// # Errors
/// What came instead, when it is the name of a .NET collection type.
pub fn texts(value: Option<&Value>) -> Result<Vec<String>, String> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) if text.trim_start().starts_with('[') => {
            match duplicates::parse(text.as_bytes()) {
                Some(Value::Array(items)) => items,
                _ => vec![value.clone()],
            }
        }
        // An empty .NET collection sometimes comes as an empty object.
        Value::Object(map) if map.is_empty() => Vec::new(),
        Value::Object(map) => match get(map, "value").or_else(|| get(map, "$values")) {
            Some(Value::Array(items)) => items.clone(),
            _ => vec![value.clone()],
        },
        other => vec![other.clone()],
    };
    let mut found = Vec::new();
    for item in &items {
        let one = match unwrap(item) {
            Value::Null => continue,
            Value::String(one) if one.trim().is_empty() => continue,
            Value::String(one) if is_type_name(&one) => return Err(redact::plain(&one)),
            Value::String(one) => one.trim().to_owned(),
            Value::Object(map) => match text(
                get(&map, "Message")
                    .or_else(|| get(&map, "Record"))
                    .or_else(|| get(&map, "Text")),
            ) {
                Some(one) => match text(get(&map, "Code").or_else(|| get(&map, "ErrorCode"))) {
                    Some(code) if !one.starts_with(&code) => format!("{code}: {one}"),
                    _ => one,
                },
                None => Value::Object(map).to_string(),
            },
            other => other.to_string(),
        };
        found.push(redact::plain(&one));
    }
    Ok(found)
}

/// Whether a text is nothing but the name of a .NET type, which is what an object prints as when its depth is cut.
#[must_use]
pub fn is_type_name(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("System.")
        || text.starts_with("Microsoft.")
        || text.starts_with("Deserialized."))
        && !text.contains(char::is_whitespace)
        && text.matches('.').count() >= 2
}

/// Removes the `Name@data.type` and `Name@odata.type` keys that sit beside values, at every depth.
#[must_use]
pub fn without_sidecars(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| !key.contains('@'))
                .map(|(key, value)| (key, without_sidecars(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_sidecars).collect()),
        other => other,
    }
}
