//! The routing hint `X-AnchorMailbox`: the mailbox in whose place a cmdlet runs (`microsoft.md` 3.1).

use secrecy::SecretString;
use uuid::Uuid;

use super::claims::Claims;
use super::sign_in::user;

const SYSTEM: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";

/// The header's value. What the token says about itself counts before what the sign-in method lets expect, because behind
/// the Azure CLI can be a person or an application.
pub(crate) fn anchor(tenant: &str, app_only: bool, token: &SecretString) -> String {
    let is_id = Uuid::try_parse(tenant).is_ok();
    let claims = Claims::of(token);
    let person = match &claims {
        Some(claims) if claims.is_delegated() => Some(user::of_token(token)),
        Some(claims) if claims.says_app => None,
        _ => (!app_only).then_some(None),
    };
    match person {
        Some(Some(name)) => format!("UPN:{name}"),
        Some(None) if is_id => format!("TID:{tenant}"),
        None if is_id => format!("APP:{SYSTEM}@{tenant}"),
        // What Microsoft's own module sends for an application.
        None if tenant.to_ascii_lowercase().ends_with(".onmicrosoft.com") => {
            format!("UPN:OAuthUser@{tenant}")
        }
        Some(None) | None => format!("UPN:{SYSTEM}@{tenant}"),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "11111111-2222-3333-4444-555555555555";

    fn token(claims: &Value) -> SecretString {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        SecretString::from(format!("{}.{}.c2ln", part(&json!({})), part(claims)))
    }

    #[test]
    fn every_form() {
        let opaque = SecretString::from("opaque");
        let app = token(&json!({"idtyp": "app", "roles": []}));
        let person = token(&json!({"scp": "user_impersonation", "upn": "ann@contoso.com"}));
        let nameless = token(&json!({"scp": "user_impersonation"}));
        let system = format!("APP:{SYSTEM}@{ID}");
        for (tenant, app_only, token, expected) in [
            (ID, true, &opaque, system.as_str()),
            (ID, false, &app, &system),
            (ID, false, &opaque, &format!("TID:{ID}")),
            (ID, true, &nameless, &format!("TID:{ID}")),
            (ID, true, &person, "UPN:ann@contoso.com"),
            ("contoso.com", false, &person, "UPN:ann@contoso.com"),
            (
                "contoso.com",
                true,
                &opaque,
                &format!("UPN:{SYSTEM}@contoso.com"),
            ),
            (
                "Contoso.onmicrosoft.com",
                true,
                &app,
                "UPN:OAuthUser@Contoso.onmicrosoft.com",
            ),
        ] {
            assert_eq!(anchor(tenant, app_only, token), expected);
        }
    }

    #[test]
    fn a_name_that_fits_no_header_is_left_out() {
        for name in [
            "ann",
            "än@contoso.com",
            "a n@contoso.com",
            "a\r\nX: y@contoso.com",
        ] {
            let token = token(&json!({"scp": "x", "upn": name}));
            assert_eq!(anchor(ID, false, &token), format!("TID:{ID}"), "{name:?}");
        }
    }
}
