//! Secrets never reach the journal (S10): every text is passed through a [`Redactor`] before it is written.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands in a text instead of a secret.
const REPLACEMENT: &str = "[secret]";

/// Shorter secrets occur in ordinary text by chance; replacing them would shred the journal.
const SHORTEST: usize = 6;

/// A secret is too short to be told from ordinary text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret of fewer than {SHORTEST} characters cannot be kept out of the journal; use a longer one"
)]
pub struct SecretTooShort;

/// Knows this process's secrets and replaces them in texts. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    // Every spelling in which a secret may turn up, longest first.
    spellings: Arc<RwLock<Vec<SecretString>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor that knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replace this secret from now on: as it is, and as base64, percent-encoding and JSON spell it.
    /// Register a composed secret (`user:password` of an HTTP header) as well as its parts.
    ///
    /// # Errors
    /// [`SecretTooShort`] when it could not be told from ordinary text.
    pub fn register(&self, secret: &SecretString) -> Result<(), SecretTooShort> {
        let plain = secret.expose_secret().trim();
        if plain.chars().count() < SHORTEST {
            return Err(SecretTooShort);
        }
        let mut all = vec![plain.to_owned(), percent(plain), json_inside(plain)];
        all.extend(
            [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
                .map(|engine| engine.encode(plain)),
        );
        let mut spellings = self
            .spellings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for spelling in all {
            if !spellings
                .iter()
                .any(|known| known.expose_secret() == spelling)
            {
                spellings.push(SecretString::from(spelling));
            }
        }
        // The longest first: a secret that holds another one is replaced whole.
        spellings.sort_by_key(|known| std::cmp::Reverse(known.expose_secret().len()));
        Ok(())
    }

    /// The text with every known secret replaced.
    pub fn redact(&self, text: &str) -> String {
        let spellings = self
            .spellings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        spellings.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), REPLACEMENT)
            } else {
                text
            }
        })
    }

    /// The value with every known secret replaced, in names as well as in texts and numbers.
    pub fn redact_value(&self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => {
                let text = number.to_string();
                if self.holds_secret(&text) {
                    Value::String(self.redact(&text))
                } else {
                    value.clone()
                }
            }
            Value::String(text) => Value::String(self.redact(text)),
            Value::Array(items) => items.iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (self.redact(name), self.redact_value(value)))
                .collect(),
        }
    }

    /// Whether a known secret is in the text.
    pub fn holds_secret(&self, text: &str) -> bool {
        let spellings = self
            .spellings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        spellings
            .iter()
            .any(|secret| text.contains(secret.expose_secret()))
    }
}

/// As in a URL (RFC 3986 section 2.1).
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// As inside a JSON string, for answers that were kept as text.
fn json_inside(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted
        .trim_start_matches('"')
        .strip_suffix('"')
        .unwrap_or(&quoted)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn knowing(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::new();
        for secret in secrets {
            redactor.register(&SecretString::from(*secret)).unwrap();
        }
        redactor
    }

    #[test]
    fn replaces_every_spelling() {
        let redactor = knowing(&["p\"a s/s+word?"]);
        for spelling in [
            "p\"a s/s+word?".to_owned(),
            "p%22a%20s%2Fs%2Bword%3F".to_owned(),
            "p\\\"a s/s+word?".to_owned(),
            STANDARD.encode("p\"a s/s+word?"),
            URL_SAFE_NO_PAD.encode("p\"a s/s+word?"),
        ] {
            assert_eq!(
                redactor.redact(&format!("<{spelling}>")),
                "<[secret]>",
                "{spelling}"
            );
        }
    }

    #[test]
    fn replaces_in_names_texts_and_numbers_at_any_depth() {
        let redactor = knowing(&["hunter2hunter2", "123456789"]);
        let value =
            json!({"hunter2hunter2": [{"a": "x hunter2hunter2 y"}, 123456789, 1, null, true]});
        assert_eq!(
            redactor.redact_value(&value),
            json!({"[secret]": [{"a": "x [secret] y"}, "[secret]", 1, null, true]})
        );
    }

    #[test]
    fn a_secret_that_holds_another_is_replaced_whole() {
        assert_eq!(
            knowing(&["secret-one", "user:secret-one"]).redact("user:secret-one"),
            "[secret]"
        );
        assert_eq!(
            knowing(&["user:secret-one", "secret-one"]).redact("user:secret-one"),
            "[secret]"
        );
    }

    #[test]
    fn refuses_a_secret_too_short_to_find() {
        assert_eq!(
            Redactor::new().register(&SecretString::from("  ab  ")),
            Err(SecretTooShort)
        );
    }

    #[test]
    fn shows_nothing_in_debug() {
        assert_eq!(format!("{:?}", knowing(&["hunter2hunter2"])), "Redactor");
    }

    proptest! {
        #[test]
        fn no_secret_survives(secret in "[ -~]{6,20}", before in "[a-z]{0,9}", after in "[a-z]{0,9}") {
            prop_assume!(secret.trim().len() >= SHORTEST && !REPLACEMENT.contains(secret.trim()));
            let redactor = knowing(&[&secret]);
            let value = redactor.redact_value(&json!([format!("{before}{secret}{after}")]));
            prop_assert!(!value[0].as_str().unwrap().contains(secret.trim()));
        }
    }
}
