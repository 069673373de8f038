//! Who a token speaks for, from its claims. Nothing is decided by it but where a request is routed and what is shown:
//! the services alone judge a token.

use secrecy::SecretString;

use crate::microsoft::claims::Claims;

/// The person's name in an access token; `None` for an application, or a token that does not tell.
#[must_use]
pub(crate) fn of_token(token: &SecretString) -> Option<String> {
    let claims = Claims::of(token)?;
    let delegated = claims.is_delegated();
    // It becomes a header: `live.com#someone` of a guest is no mailbox here, and nor is what has blanks.
    claims.upn.filter(|name| {
        delegated
            && name.len() <= 320
            && name.contains('@')
            && !name.contains('#')
            && name.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

    use super::*;

    fn token(claims: &str) -> SecretString {
        format!("eyJhbGciOiJub25lIn0.{}.c2ln", BASE64.encode(claims)).into()
    }

    #[test]
    fn a_person_has_a_name_and_an_application_has_none() {
        for (claims, expected) in [
            (
                r#"{"scp":"x","upn":"a@contoso.com"}"#,
                Some("a@contoso.com"),
            ),
            (
                r#"{"scp":"x","preferred_username":"b@contoso.com"}"#,
                Some("b@contoso.com"),
            ),
            (r#"{"idtyp":"app","scp":"x","upn":"a@contoso.com"}"#, None),
            (r#"{"roles":["x"],"upn":"a@contoso.com"}"#, None),
            (r#"{"scp":"x","upn":"a\r\nx: y@contoso.com"}"#, None),
            (r#"{"scp":"x","upn":"a#ext#@contoso.com"}"#, None),
            (r#"{"appid":"1"}"#, None),
            ("[]", None),
        ] {
            assert_eq!(of_token(&token(claims)).as_deref(), expected, "{claims}");
        }
        for opaque in ["", "abc", "a.b.c", "a.!!.c"] {
            assert_eq!(of_token(&SecretString::from(opaque)), None);
        }
    }
}
