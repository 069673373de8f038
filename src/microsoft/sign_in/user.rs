//! Who a token speaks for, from its claims. Nothing is decided by it but where a request is routed and what is shown:
//! the services alone judge a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;

/// The claims that name a person ("Access token claims reference" on learn.microsoft.com).
#[derive(Deserialize)]
struct Claims {
    idtyp: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    preferred_username: Option<String>,
}

/// The person's name in an access token; `None` for an application, or a token that does not tell.
#[must_use]
pub(crate) fn of_token(token: &str) -> Option<String> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    if claims.idtyp.as_deref() == Some("app") {
        return None;
    }
    [claims.upn, claims.preferred_username, claims.unique_name]
        .into_iter()
        .flatten()
        // It becomes a header: `live.com#someone` of a guest is no mailbox here, and nor is what has blanks.
        .find(|name| {
            name.len() <= 320
                && name.contains('@')
                && !name.contains('#')
                && name.bytes().all(|byte| byte.is_ascii_graphic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("eyJhbGciOiJub25lIn0.{}.c2ln", BASE64.encode(claims))
    }

    #[test]
    fn a_person_has_a_name_and_an_application_has_none() {
        for (claims, expected) in [
            (r#"{"upn":"a@contoso.com"}"#, Some("a@contoso.com")),
            (
                r#"{"preferred_username":"b@contoso.com","ver":"2.0"}"#,
                Some("b@contoso.com"),
            ),
            (r#"{"idtyp":"app","upn":"a@contoso.com"}"#, None),
            (r#"{"upn":"a\r\nx: y@contoso.com"}"#, None),
            (r#"{"unique_name":"live.com#a@contoso.com"}"#, None),
            (r#"{"appid":"1"}"#, None),
            ("[]", None),
        ] {
            assert_eq!(of_token(&token(claims)).as_deref(), expected, "{claims}");
        }
        for opaque in ["", "abc", "a.b.c", "a.!!.c"] {
            assert_eq!(of_token(opaque), None);
        }
    }
}
