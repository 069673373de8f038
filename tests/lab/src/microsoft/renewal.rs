//! Which tokens were asked for with which claims, and which are revoked: continuous access evaluation (reference 3.5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::http::{Api, HttpReply, HttpRequest};
use crate::world::World;

/// What is known of tokens beyond what stands in them.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Claims that a token was asked for with.
    renewed: BTreeMap<String, String>,
    revoked: BTreeSet<String>,
}

impl Tokens {
    pub(crate) fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }

    pub(crate) fn is_revoked(&self, token: &str) -> bool {
        self.revoked.contains(token)
    }

    /// Whether a token was asked for with the claims of our challenge.
    pub(crate) fn meets_challenge(&self, world: &World, token: &str) -> bool {
        self.renewed
            .get(token)
            .and_then(|claims| serde_json::from_str::<Value>(claims).ok())
            .is_some_and(|claims| claims == claims_wanted(world))
    }
}

/// What the challenge demands: a token made after an instant that the service names.
fn claims_wanted(world: &World) -> Value {
    // Any value that nobody can guess will do; it changes with each laboratory.
    let mark = world
        .credentials
        .token_key
        .chars()
        .filter(char::is_ascii_digit);
    let value: String = mark.take(10).collect();
    json!({"access_token": {"nbf": {"essential": true, "value": value}}})
}

/// The challenge: 401 with the claims in Base64.
pub(crate) fn challenge(world: &World) -> HttpReply {
    let claims = BASE64.encode(claims_wanted(world).to_string());
    HttpReply::empty(401).with(
        "www-authenticate",
        format!(
            "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", error=\"insufficient_claims\", error_description=\"Continuous access evaluation resulted in challenge.\", claims=\"{claims}\"",
            world.layout.api(0),
        ),
    )
}

/// Sign-in, with a note of every token that was asked for with claims.
pub(crate) struct Noting<A> {
    pub(crate) inner: A,
    pub(crate) world: Arc<World>,
}

#[async_trait]
impl<A: Api> Api for Noting<A> {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        let claims = request.form().remove("claims");
        let reply = self.inner.handle(request).await;
        if let (Some(claims), HttpReply::Answer { body, .. }) = (claims, &reply)
            && let Ok(body) = serde_json::from_slice::<Value>(body)
            && let Some(token) = body["access_token"].as_str()
        {
            self.world.tokens().renewed.insert(token.to_owned(), claims);
        }
        reply
    }
}
