//! What an access token says about itself.
//!
//! Only for telling a person what is missing: the signature is not checked, so nothing here may decide about access. A
//! resource may change the form of its tokens at any time ("Access tokens in the Microsoft identity platform"), so a token
//! that cannot be read is no error.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::redact;

/// The claims that say who the token speaks for and what it may do. Ids that are no UUIDs are left out; texts are made
/// safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `roles`: application permissions.
    pub roles: Vec<String>,
    /// `scp`: delegated permissions; `None` in an app-only token.
    pub scopes: Option<Vec<String>>,
    /// `wids`: template ids of the directory roles; `None` where the token does not tell them.
    pub wids: Option<Vec<Uuid>>,
    /// `oid`: the object id of the service principal or person.
    pub object: Option<Uuid>,
    /// `appid` or `azp`: the application (client) id.
    pub app: Option<Uuid>,
    /// `upn`: the person's sign-in name.
    pub upn: Option<String>,
    /// `tid`: the tenant.
    pub tenant: Option<Uuid>,
    /// `exp`: when it ends.
    pub expires: Option<Timestamp>,
    /// `idtyp` is `app`.
    pub says_app: bool,
}

impl Claims {
    /// Reads a token; `None` when it is opaque or none of ours.
    #[must_use]
    pub fn of(token: &SecretString) -> Option<Self> {
        let mut parts = token.expose_secret().split('.');
        let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next())
        else {
            return None;
        };
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let id = |name: &str| text(name).and_then(|text| Uuid::try_parse(text).ok());
        let list = |name: &str| -> Option<Vec<&str>> {
            let items = claims.get(name)?.as_array()?;
            Some(items.iter().filter_map(Value::as_str).collect())
        };
        Some(Self {
            roles: list("roles")
                .unwrap_or_default()
                .into_iter()
                .map(redact::plain)
                .collect(),
            scopes: text("scp").map(|text| text.split_whitespace().map(redact::plain).collect()),
            wids: list("wids").map(|ids| {
                ids.into_iter()
                    .filter_map(|id| Uuid::try_parse(id).ok())
                    .collect()
            }),
            object: id("oid"),
            app: id("appid").or_else(|| id("azp")),
            upn: text("upn")
                .or_else(|| text("preferred_username"))
                .map(redact::plain),
            tenant: id("tid"),
            expires: claims
                .get("exp")
                .and_then(Value::as_i64)
                .and_then(|seconds| Timestamp::from_second(seconds).ok()),
            says_app: text("idtyp") == Some("app"),
        })
    }

    /// Whether the token speaks for a person. A token for an application has no `scp`.
    #[must_use]
    pub fn is_delegated(&self) -> bool {
        !self.says_app && self.scopes.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> SecretString {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"typ": "JWT"}));
        SecretString::from(format!("{head}.{}.c2ln", part(claims)))
    }

    #[test]
    fn the_claims_of_an_application_are_read() {
        let claims = Claims::of(&token(&json!({
            "roles": ["Exchange.ManageAsApp", 7, "Exchange.ManageAsAppV2"],
            "wids": ["29232CDF-9323-42FD-ADE2-1D097AF3E4DE", "no id"],
            "oid": "33333333-0000-0000-0000-000000000003",
            "appid": "11111111-0000-0000-0000-000000000001",
            "tid": "22222222-0000-0000-0000-000000000002",
            "exp": 1_700_000_000, "idtyp": "app",
        })))
        .unwrap();
        assert_eq!(
            claims.roles,
            ["Exchange.ManageAsApp", "Exchange.ManageAsAppV2"]
        );
        let role = Uuid::try_parse("29232cdf-9323-42fd-ade2-1d097af3e4de").unwrap();
        assert_eq!(claims.wids, Some(vec![role]));
        assert!(claims.object.is_some() && claims.app.is_some() && claims.tenant.is_some());
        assert_eq!(claims.expires.unwrap().as_second(), 1_700_000_000);
        assert!(!claims.is_delegated());
    }

    #[test]
    fn a_person_has_scopes_and_a_name() {
        let claims = Claims::of(&token(&json!({
            "scp": "Domain.Read.All  User.Read", "upn": "admin@contoso.com",
        })))
        .unwrap();
        assert!(claims.is_delegated());
        assert_eq!(claims.scopes.unwrap(), ["Domain.Read.All", "User.Read"]);
        assert_eq!(claims.upn.as_deref(), Some("admin@contoso.com"));
        assert_eq!(claims.wids, None);
    }

    #[test]
    fn what_is_opaque_or_odd_is_not_read() {
        for text in [
            "",
            "opaque",
            "a.b",
            "a.b.c",
            "a.bnVsbA.c",
            "a.W10.c",
            "e30.e30.e30.e30",
        ] {
            assert_eq!(Claims::of(&SecretString::from(text)), None, "{text:?}");
        }
        let odd = json!({"roles": "x", "scp": 5, "wids": {}, "oid": "'; rm -rf /", "exp": "soon"});
        assert_eq!(Claims::of(&token(&odd)), Some(Claims::default()));
    }

    #[test]
    fn ids_and_names_cannot_drive_a_terminal() {
        let hostile = json!({"upn": "a\u{1b}[2Jb", "roles": ["x\u{7}y"], "oid": "\u{1b}"});
        let claims = Claims::of(&token(&hostile)).unwrap();
        assert!(!claims.upn.unwrap().contains('\u{1b}'));
        assert!(!claims.roles[0].contains('\u{7}'));
        assert_eq!(claims.object, None);
    }
}
