//! A failed sign-in, and how it is read from Entra ID's answer.

use serde::Deserialize;

use super::redact;
pub use super::sign_in_reason::SignInReason;
use super::sign_in_reason::of_code;

/// A failed sign-in. Its Display is a sentence that says what to do; it never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", self.reason, self.trace_text())]
pub struct SignInError {
    /// What kind of failure.
    pub reason: SignInReason,
    /// The AADSTS number, if there was one.
    pub code: Option<u32>,
    /// What it was about.
    pub about: Box<SignInIds>,
}

/// The ids by which an admin, or Microsoft's support, finds a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInIds {
    /// The application (client) id that signed in, where it is known.
    pub application: Option<String>,
    /// The tenant it signed in to.
    pub tenant: Option<String>,
    /// Entra's correlation id.
    pub correlation_id: Option<String>,
    /// Entra's trace id.
    pub trace_id: Option<String>,
}

impl SignInError {
    /// A failure without an answer from Entra ID.
    #[must_use]
    pub fn new(reason: SignInReason) -> Self {
        Self {
            reason,
            code: None,
            about: Box::default(),
        }
    }

    fn trace_text(&self) -> String {
        let mut text = String::new();
        if let Some(code) = self.code {
            text.push_str(&format!(" AADSTS{code}"));
        }
        for (name, id) in [
            ("application", &self.about.application),
            ("tenant", &self.about.tenant),
            ("correlation id", &self.about.correlation_id),
            ("trace id", &self.about.trace_id),
        ] {
            if let Some(id) = id {
                text.push_str(&format!(", {name} {id}"));
            }
        }
        if text.is_empty() {
            text
        } else {
            format!(" ({})", text.trim_start_matches([' ', ',']))
        }
    }

    /// Whether the same sign-in may work later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.reason,
            SignInReason::AuthorityDown { .. } | SignInReason::AuthorityBusy { .. }
        )
    }

    /// Whether somebody must grant or allow something first.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(
            self.reason,
            SignInReason::ConsentMissing
                | SignInReason::NotPreauthorized
                | SignInReason::ConditionalAccess { .. }
                | SignInReason::NotAssigned
                | SignInReason::Disabled
                | SignInReason::UserDisabled
        )
    }

    /// Whether a person's new sign-in may mend it. A policy that blocks is not mended by it.
    #[must_use]
    pub fn wants_a_person(&self) -> bool {
        match &self.reason {
            SignInReason::GrantOver { .. } | SignInReason::ConsentMissing => true,
            SignInReason::ConditionalAccess { .. } => !self
                .code
                .is_some_and(|code| matches!(code, 53_000..=53_011 | 530_003..=530_036)),
            _ => false,
        }
    }
}

/// The body of a failed token request (RFC 6749 section 5.2 with Entra's additions).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Option<String>,
    error_description: Option<String>,
    error_codes: Vec<u32>,
    suberror: Option<String>,
    correlation_id: Option<String>,
    trace_id: Option<String>,
}

/// Reads a failed token answer. `None` when the body is not Entra ID's.
#[must_use]
pub fn from_answer(status: u16, body: &[u8]) -> Option<SignInError> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let description = body.error_description.unwrap_or_default();
    if body.error.is_none() && description.is_empty() {
        return None;
    }
    let code = body
        .error_codes
        .first()
        .copied()
        .or_else(|| code_in(&description));
    let mut detail = headline(&description);
    if detail.is_empty() {
        detail = redact::plain(body.error.as_deref().unwrap_or_default());
    }
    if let Some(suberror) = body.suberror.filter(|text| !text.is_empty()) {
        detail = format!("{detail}; {}", redact::plain(&suberror));
    }
    Some(SignInError {
        reason: of_code(
            code,
            status,
            body.error.as_deref().unwrap_or_default(),
            detail,
        ),
        code,
        about: Box::new(SignInIds {
            correlation_id: body.correlation_id.map(|id| redact::plain(&id)),
            trace_id: body.trace_id.map(|id| redact::plain(&id)),
            ..SignInIds::default()
        }),
    })
}

/// Reads a failure that is known by its text alone, as a tool prints it. `None` without an AADSTS code.
#[must_use]
pub fn from_text(text: &str) -> Option<SignInError> {
    let code = code_in(text)?;
    let start = text.find("AADSTS").unwrap_or_default();
    Some(SignInError {
        code: Some(code),
        ..SignInError::new(of_code(Some(code), 400, "", headline(&text[start..])))
    })
}

/// The number in `AADSTS7000215: …`, for answers without `error_codes`.
pub(crate) fn code_in(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The first line without the trace lines that Entra ID appends, without the final dot.
fn headline(description: &str) -> String {
    let line = description.split(" Trace ID:").next().unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    redact::excerpt(line.as_bytes())
        .replace("(empty)", "")
        .trim()
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u32, text: &str) -> String {
        format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS{code}: {text} Trace ID: t-1 Correlation ID: c-1 Timestamp: 2026-01-01 00:00:00Z","error_codes":[{code}],"timestamp":"2026-01-01 00:00:00Z","trace_id":"t-1","correlation_id":"c-1"}}"#
        )
    }

    #[test]
    fn every_named_code_has_its_reason() {
        for (code, expected) in [
            (7_000_215, SignInReason::WrongSecret),
            (7_000_222, SignInReason::ExpiredSecret),
            (700_016, SignInReason::UnknownClient),
            (90_002, SignInReason::UnknownTenant),
            (65_001, SignInReason::ConsentMissing),
            (501_051, SignInReason::NotAssigned),
            (7_000_112, SignInReason::Disabled),
        ] {
            let error = from_answer(401, answer(code, "Something.").as_bytes()).unwrap();
            assert_eq!(error.reason, expected, "{code}");
            assert_eq!(error.code, Some(code));
            let text = error.to_string();
            assert!(text.starts_with("Sign-in failed: "), "{text}");
            assert!(
                text.ends_with(&format!("(AADSTS{code}, correlation id c-1, trace id t-1)")),
                "{text}"
            );
        }
        for code in [53_003, 50_076] {
            let error =
                from_answer(400, answer(code, "Access has been blocked.").as_bytes()).unwrap();
            assert!(
                matches!(error.reason, SignInReason::ConditionalAccess { .. }),
                "{error}"
            );
            assert!(error.is_permission());
        }
    }

    #[test]
    fn the_code_is_found_in_the_text_alone() {
        let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found"}"#;
        assert_eq!(
            from_answer(400, body.as_bytes()).unwrap().reason,
            SignInReason::UnknownClient
        );
    }

    #[test]
    fn unknown_codes_keep_what_entra_said() {
        let error =
            from_answer(400, answer(123_456, "Something new happened.").as_bytes()).unwrap();
        assert!(
            error.to_string().contains("Something new happened"),
            "{error}"
        );
        assert!(!error.to_string().contains("Timestamp"), "{error}");
    }

    #[test]
    fn a_busy_authority_is_transient() {
        let body = r#"{"error":"temporarily_unavailable","error_description":"try later"}"#;
        assert!(from_answer(503, body.as_bytes()).unwrap().is_transient());
        assert!(
            from_answer(400, answer(90_033, "A transient error.").as_bytes())
                .unwrap()
                .is_transient()
        );
    }

    #[test]
    fn other_bodies_are_not_entra() {
        for body in ["", "<html>", "{}", "[]", "null", "{\"error_codes\":\"x\"}"] {
            assert!(from_answer(400, body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        let body = r#"{"error":"x","error_description":"AADSTS1: a\u001b[2Jb eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovLw.c2ln"}"#;
        let text = from_answer(400, body.as_bytes()).unwrap().to_string();
        assert!(!text.contains('\u{1b}') && !text.contains("eyJ"), "{text}");
    }
}
