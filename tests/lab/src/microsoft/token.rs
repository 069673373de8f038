//! Access tokens: JWTs signed with a key of the laboratory, so that a restarted one still knows them.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::places::random;
use crate::state::guid;
use crate::world::World;

/// Who a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Graph,
    Exchange,
}

impl Audience {
    /// The audience of a scope such as `https://graph.microsoft.com/.default`; the laboratory's own addresses count too.
    pub(crate) fn of_scope(world: &World, scope: &str) -> Option<Self> {
        let resource = scope.strip_suffix("/.default")?.trim_end_matches('/');
        [Self::Graph, Self::Exchange]
            .into_iter()
            .find(|a| resource == a.resource() || resource == a.address(world))
    }

    fn resource(self) -> &'static str {
        match self {
            Self::Graph => "https://graph.microsoft.com",
            Self::Exchange => "https://outlook.office365.com",
        }
    }

    fn address(self, world: &World) -> String {
        world.layout.api(match self {
            Self::Graph => 1,
            Self::Exchange => 2,
        })
    }
}

/// What tokens hold instead of what they should.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenFaults {
    /// The application permissions in tokens for Graph; `None` is `Domain.Read.All`.
    pub graph_roles: Option<Vec<String>>,
    /// The application permissions in tokens for Exchange; `None` is `Exchange.ManageAsApp`.
    pub exchange_roles: Option<Vec<String>>,
    /// The directory roles (`wids`); `None` is Exchange Administrator. With none at all every cmdlet is refused.
    pub directory_roles: Option<Vec<String>>,
    /// Tokens do not tell directory roles, though the roles are there.
    pub without_wids: bool,
    /// Tokens are for this tenant.
    pub tenant: Option<String>,
}

impl TokenFaults {
    fn roles(&self, audience: Audience) -> Vec<String> {
        let (given, right) = match audience {
            Audience::Graph => (&self.graph_roles, "Domain.Read.All"),
            Audience::Exchange => (&self.exchange_roles, "Exchange.ManageAsApp"),
        };
        given.clone().unwrap_or_else(|| vec![right.to_owned()])
    }

    fn wids(&self) -> Vec<String> {
        let right = || vec!["29232cdf-9323-42fd-ade2-1d097af3e4de".to_owned()];
        self.directory_roles.clone().unwrap_or_else(right)
    }

    /// Whether the identity has a directory role at all.
    pub(crate) fn has_directory_role(&self) -> bool {
        !self.wids().is_empty()
    }

    /// Whether the identity has the permission that the service wants (reference 3.3 and 4.1): look-alikes do not serve.
    pub(crate) fn permits(&self, audience: Audience) -> bool {
        self.roles(audience).iter().any(|role| match audience {
            Audience::Graph => matches!(
                role.as_str(),
                "Domain.Read.All" | "Domain.ReadWrite.All" | "Directory.Read.All"
            ),
            Audience::Exchange => role == "Exchange.ManageAsApp",
        })
    }
}

/// The object id of the application's service principal: another id than the application's own.
fn object_id(client_id: &str) -> String {
    let (first, rest) = client_id.split_once('-').unwrap_or((client_id, ""));
    format!("{}-{rest}", first.chars().rev().collect::<String>())
}

/// A new token.
pub(crate) fn issue(world: &World, audience: Audience) -> String {
    let now = Timestamp::now().as_second();
    let life = i64::try_from(world.options.timing.token.as_secs()).unwrap_or(3600);
    let credentials = &world.credentials;
    let faults = world.faults().token.clone();
    let tenant = faults.tenant.as_ref().unwrap_or(&credentials.tenant_id);
    let mut claims = json!({
        "aud": audience.resource(),
        "iss": format!("https://sts.windows.net/{}/", credentials.tenant_id),
        "iat": now, "nbf": now, "exp": now + life,
        "appid": credentials.client_id, "oid": object_id(&credentials.client_id), "tid": tenant,
        "idtyp": "app", "roles": faults.roles(audience), "ver": "1.0",
        // No two tokens are the same, also within a second.
        "uti": guid(random()),
    });
    if !faults.without_wids {
        claims["wids"] = json!(faults.wids());
    }
    sign(world, &claims)
}

/// Why a token is refused, in a few words, or nothing if it is good for this audience.
pub(crate) fn check(
    world: &World,
    token: Option<&str>,
    audience: Audience,
) -> Result<(), &'static str> {
    let token = token.ok_or("Access token is empty.")?;
    let (body, tag) = token.rsplit_once('.').ok_or("Access token is malformed.")?;
    let tag = BASE64
        .decode(tag)
        .map_err(|_| "Access token is malformed.")?;
    hmac::verify(&key(world), body.as_bytes(), &tag)
        .map_err(|_| "Access token signature is invalid.")?;
    let claims: Value = body
        .split_once('.')
        .and_then(|(_, claims)| BASE64.decode(claims).ok())
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .ok_or("Access token is malformed.")?;
    if claims["aud"] != audience.resource() {
        return Err("Access token validation failure. Invalid audience.");
    }
    if claims["exp"].as_i64().unwrap_or(0) <= Timestamp::now().as_second() {
        return Err("Access token has expired or is not yet valid.");
    }
    Ok(())
}

fn key(world: &World) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, world.credentials.token_key.as_bytes())
}

/// A JWT of the laboratory with these claims.
pub(crate) fn sign(world: &World, claims: &Value) -> String {
    let header = BASE64.encode(json!({"typ": "JWT", "alg": "HS256"}).to_string());
    let body = format!("{header}.{}", BASE64.encode(claims.to_string()));
    let tag = hmac::sign(&key(world), body.as_bytes());
    format!("{body}.{}", BASE64.encode(tag.as_ref()))
}

/// The claims of a JWT of the laboratory; `None` when somebody else signed it.
pub(crate) fn verified(world: &World, token: &str) -> Option<Value> {
    let (body, tag) = token.rsplit_once('.')?;
    let tag = BASE64.decode(tag).ok()?;
    hmac::verify(&key(world), body.as_bytes(), &tag).ok()?;
    let (_, claims) = body.split_once('.')?;
    serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
}

/// A new access token in a person's name.
pub(crate) fn issue_delegated(
    world: &World,
    audience: Audience,
    client_id: &str,
    user: &str,
) -> String {
    let now = Timestamp::now().as_second();
    let life = i64::try_from(world.options.timing.token.as_secs()).unwrap_or(3600);
    let scope = match audience {
        Audience::Graph => "Domain.Read.All",
        Audience::Exchange => "Exchange.Manage",
    };
    sign(
        world,
        &json!({
            "aud": audience.resource(),
            "iss": format!("https://sts.windows.net/{}/", world.credentials.tenant_id),
            "iat": now, "nbf": now, "exp": now + life,
            "appid": client_id, "tid": world.credentials.tenant_id,
            "idtyp": "user", "scp": scope, "upn": user, "ver": "1.0",
            "uti": crate::state::guid(crate::places::random()),
        }),
    )
}
