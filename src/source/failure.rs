//! What can go wrong in decoding, in plain words.

use std::fmt::{self, Display};
use std::ops::Range;

use serde::de::{self, Expected, Unexpected};

use super::problem::{Code, Problem};
use super::shown::quoted;
use super::suggest::one_of;

/// A mistake, before and after its place is known.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) text: String,
    /// The key that the mistake is about, when the mapping around it must find it.
    pub(super) key: Option<String>,
    pub(super) missing: Option<&'static str>,
    pub(super) span: Option<Range<usize>>,
}

impl Failure {
    pub(super) fn new(code: Code, text: String) -> Self {
        Self {
            code,
            text,
            key: None,
            missing: None,
            span: None,
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        let problem = Problem::new(self.code, self.span.unwrap_or_default(), &self.text);
        if self.code == Code::LiteralSecret {
            problem.hiding()
        } else {
            problem
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: Display>(message: T) -> Self {
        let text = message.to_string();
        let code = if text.starts_with("a secret must not") {
            Code::LiteralSecret
        } else {
            Code::BadValue
        };
        let text = match text.as_str() {
            "invalid IP address syntax" => {
                "this is no IP address\nwrite it as 192.0.2.1 or 2001:db8::1".to_owned()
            }
            "invalid socket address syntax" => {
                "this is no address with a port\nwrite it as 192.0.2.1:443 or [2001:db8::1]:443"
                    .to_owned()
            }
            _ => text,
        };
        Self::new(code, text)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, help) = match found {
            Unexpected::Unit => (
                "nothing",
                "\nwrite a value after the colon, or remove the key",
            ),
            Unexpected::Bool(_) => ("true or false", "\nput it in quotes if a text is meant"),
            Unexpected::Unsigned(_) => ("a number", "\nput it in quotes if a text is meant"),
            Unexpected::Signed(_) => ("a negative number", ""),
            Unexpected::Float(_) => ("a number with a fraction", ""),
            Unexpected::Str(_) => ("text", ""),
            Unexpected::Seq => ("a list", ""),
            Unexpected::Map => ("a mapping", ""),
            _ => ("something else", ""),
        };
        let expected = plain(expected);
        // Quotes help only where text is expected.
        let help = if help.contains("quotes") && expected != "text" {
            ""
        } else {
            help
        };
        Self::new(
            Code::WrongType,
            format!("expected {expected}, found {found}{help}"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            _ => "this".to_owned(),
        };
        Self::new(
            Code::OutOfRange,
            format!("{found} is out of range\nexpected {}", plain(expected)),
        )
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(
            Code::UnknownValue,
            format!(
                "{} is not known here\n{}",
                quoted(variant),
                one_of(variant, expected)
            ),
        )
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            key: Some(field.to_owned()),
            ..unknown_key(field, expected)
        }
    }

    fn missing_field(field: &'static str) -> Self {
        let text = format!("the key {} is missing\nadd it here", quoted(field));
        Self {
            missing: Some(field),
            ..Self::new(Code::MissingKey, text)
        }
    }
}

/// A key that is not in the closed list.
pub(super) fn unknown_key(field: &str, expected: &[&str]) -> Failure {
    Failure::new(
        Code::UnknownKey,
        format!(
            "the key {} is not known here\n{}",
            quoted(field),
            one_of(field, expected)
        ),
    )
}

/// The words of serde and of Rust types in plain ones.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" => "a whole number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "IP address" => "an IP address".to_owned(),
        "socket address" => "an address with a port".to_owned(),
        _ if text.starts_with("struct ") => "a mapping".to_owned(),
        _ if text.starts_with("enum ") || text == "variant identifier" => "a word".to_owned(),
        _ => text,
    }
}
