//! Why a sign-in failed, from the AADSTS code in Entra ID's answer.
//!
//! Codes: "Microsoft Entra authentication and authorization error codes" on learn.microsoft.com.

use serde::Deserialize;

use super::redact;

/// A failed sign-in. Its Display is a sentence that says what to do; it never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", self.reason, self.trace_text())]
pub struct SignInError {
    /// What kind of failure.
    pub reason: SignInReason,
    /// The AADSTS number, if there was one.
    pub code: Option<u32>,
    /// Entra's correlation id, for a support case.
    pub correlation_id: Option<String>,
    /// Entra's trace id, for a support case.
    pub trace_id: Option<String>,
}

impl SignInError {
    /// A failure without an answer from Entra ID.
    #[must_use]
    pub fn new(reason: SignInReason) -> Self {
        Self {
            reason,
            code: None,
            correlation_id: None,
            trace_id: None,
        }
    }

    fn trace_text(&self) -> String {
        let mut text = String::new();
        if let Some(code) = self.code {
            text.push_str(&format!(" AADSTS{code}"));
        }
        if let Some(id) = &self.correlation_id {
            text.push_str(&format!(", correlation id {id}"));
        }
        if let Some(id) = &self.trace_id {
            text.push_str(&format!(", trace id {id}"));
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
                | SignInReason::ConditionalAccess { .. }
                | SignInReason::NotAssigned
                | SignInReason::Disabled
        )
    }
}

/// The kinds of failed sign-ins that an admin can tell apart and mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInReason {
    /// AADSTS7000215.
    #[error(
        "Sign-in failed: the client secret is wrong. Give the secret's value, not its id; make a new one in the Entra \
         admin center under App registrations, Certificates & secrets, if the value is lost."
    )]
    WrongSecret,
    /// AADSTS7000222.
    #[error(
        "Sign-in failed: the client secret has expired. Make a new one in the Entra admin center under App registrations, \
         Certificates & secrets, and give its value."
    )]
    ExpiredSecret,
    /// AADSTS700016.
    #[error(
        "Sign-in failed: the tenant has no application with this client id. Check the client id, and that the tenant is \
         the one in which the application was registered or consented to."
    )]
    UnknownClient,
    /// AADSTS90002 and its kin.
    #[error(
        "Sign-in failed: there is no such tenant in this cloud. Check the tenant id (Entra admin center, Overview) and the cloud."
    )]
    UnknownTenant,
    /// AADSTS65001 and its kin.
    #[error(
        "Sign-in failed: nobody has consented to the permissions. An administrator grants admin consent in the Entra admin \
         center under App registrations, API permissions."
    )]
    ConsentMissing,
    /// AADSTS53003, 50076 and their kin.
    #[error(
        "Sign-in failed: Conditional Access does not allow it ({detail}). Exclude this identity from the policy or meet it \
         (location, device, second factor); the sign-in log in the Entra admin center names the policy."
    )]
    ConditionalAccess {
        /// What Entra ID asked for, redacted.
        detail: String,
    },
    /// AADSTS501051 and its kin.
    #[error(
        "Sign-in failed: the application requires an assignment and this identity has none. Assign it in the Entra admin \
         center under Enterprise applications, Users and groups."
    )]
    NotAssigned,
    /// AADSTS7000112, 50057, 700005.
    #[error(
        "Sign-in failed: the application or account is disabled. Enable it in the Entra admin center under Enterprise applications."
    )]
    Disabled,
    /// AADSTS500011, 500341, 650057.
    #[error(
        "Sign-in failed: the tenant has no service principal for the service ({detail}). Usually the tenant has no Exchange \
         Online, or the cloud is the wrong one."
    )]
    UnknownResource {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS700027, 700024, 70021 and their kin: a certificate or federated token was not accepted.
    #[error(
        "Sign-in failed: Entra ID did not accept the certificate or federated token ({detail}). Check that it is registered \
         with the application and not expired, and that this machine's clock is right."
    )]
    BadAssertion {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS90033, 50196, HTTP 429 or 5xx.
    #[error("Sign-in failed: Entra ID is busy ({detail}). Run again later.")]
    AuthorityBusy {
        /// What it said, redacted.
        detail: String,
    },
    /// No connection to the authority.
    #[error(
        "Sign-in failed: {authority} cannot be reached ({detail}). Check the network, the proxy and the firewall for HTTPS to that host."
    )]
    AuthorityDown {
        /// The authority's address.
        authority: String,
        /// What the connection said.
        detail: String,
    },
    /// Something answered, but not as Entra ID does.
    #[error(
        "Sign-in failed: {authority} did not answer like Entra ID ({detail}). Check the authority's address and the proxy."
    )]
    NotEntra {
        /// The authority's address.
        authority: String,
        /// What came, redacted.
        detail: String,
    },
    /// The machine, tool or file that should supply the identity does not.
    #[error("Sign-in with the {method} failed: {detail}.")]
    Source {
        /// The name of the method.
        method: &'static str,
        /// What it said, redacted.
        detail: String,
    },
    /// Any other code.
    #[error(
        "Sign-in failed: {detail}. Look the AADSTS code up at https://login.microsoftonline.com/error."
    )]
    Other {
        /// What Entra ID said, redacted.
        detail: String,
    },
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
        reason: reason(
            code,
            status,
            body.error.as_deref().unwrap_or_default(),
            detail,
        ),
        code,
        correlation_id: body.correlation_id.map(|id| redact::plain(&id)),
        trace_id: body.trace_id.map(|id| redact::plain(&id)),
    })
}

fn reason(code: Option<u32>, status: u16, error: &str, detail: String) -> SignInReason {
    match code {
        Some(7_000_215) => SignInReason::WrongSecret,
        Some(7_000_222) => SignInReason::ExpiredSecret,
        Some(700_016) => SignInReason::UnknownClient,
        Some(90_002 | 900_023 | 50_020 | 900_382 | 90_051) => SignInReason::UnknownTenant,
        Some(65_001 | 65_004 | 90_094 | 650_052 | 650_056) => SignInReason::ConsentMissing,
        Some(
            53_000..=53_011
            | 50_076
            | 50_079
            | 50_005
            | 50_158
            | 50_072
            | 50_074
            | 530_032..=530_036,
        ) => SignInReason::ConditionalAccess { detail },
        Some(501_051 | 50_105) => SignInReason::NotAssigned,
        Some(7_000_112 | 50_057 | 700_005) => SignInReason::Disabled,
        Some(500_011 | 500_341 | 650_057 | 500_014) => SignInReason::UnknownResource { detail },
        Some(
            700_027
            | 700_024
            | 700_021..=700_023
            | 70_021
            | 700_211..=700_214
            | 50_027
            | 50_012
            | 700_030,
        ) => SignInReason::BadAssertion { detail },
        Some(90_033 | 50_196 | 90_006 | 90_012 | 90_020) => SignInReason::AuthorityBusy { detail },
        _ if status == 429 || status >= 500 || error == "temporarily_unavailable" => {
            SignInReason::AuthorityBusy { detail }
        }
        _ if error == "interaction_required" => SignInReason::ConditionalAccess { detail },
        _ if error == "consent_required" => SignInReason::ConsentMissing,
        _ => SignInReason::Other { detail },
    }
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
