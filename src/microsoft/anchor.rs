//! The routing hint `X-AnchorMailbox`: the mailbox in whose place a cmdlet runs (`microsoft.md` 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

const SYSTEM: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";

/// Longer than any user principal name (RFC 5321 section 4.5.3.1).
const LONGEST_NAME: usize = 320;

/// Whom a token speaks for, as far as it says; only a hint for routing, so nothing is verified.
#[derive(Debug, PartialEq, Eq)]
enum Speaker {
    App,
    Person(Option<String>),
    Unsaid,
}

/// The header's value. What the token says about itself counts before what the sign-in method lets expect, because behind
/// the Azure CLI can be a person or an application.
pub(crate) fn anchor(tenant: &str, app_only: bool, token: &SecretString) -> String {
    let is_id = Uuid::try_parse(tenant).is_ok();
    let person = match speaker(token) {
        Speaker::App => None,
        Speaker::Person(name) => Some(name),
        Speaker::Unsaid => (!app_only).then_some(None),
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

/// Reads the payload of a JSON web token (RFC 7519); an opaque token says nothing.
fn speaker(token: &SecretString) -> Speaker {
    let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .unwrap_or_default();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("idtyp") == Some("app") {
        return Speaker::App;
    }
    if text("idtyp") != Some("user") && text("scp").is_none() {
        return Speaker::Unsaid;
    }
    let name = ["upn", "preferred_username", "unique_name"]
        .into_iter()
        .find_map(text)
        .filter(|name| fits_a_header(name));
    Speaker::Person(name.map(str::to_owned))
}

/// A name with `@` in printable ASCII; another one is left to the tenant's id.
fn fits_a_header(name: &str) -> bool {
    name.len() <= LONGEST_NAME && name.contains('@') && name.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let nameless = token(&json!({"idtyp": "user"}));
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
        let guest = token(&json!({"scp": "x", "upn": "ann_fabrikam.com#EXT#@contoso.com"}));
        assert_eq!(
            anchor(ID, false, &guest),
            "UPN:ann_fabrikam.com#EXT#@contoso.com"
        );
    }
}
