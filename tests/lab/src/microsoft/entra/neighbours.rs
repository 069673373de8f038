//! What signs in for others, on the same address: App Service's identity endpoint, and GitHub's issuer for a job.

use jiff::Timestamp;
use serde_json::json;

use super::Entra;
use super::directory::{Federated, GITHUB_JOB, GITHUB_REQUEST_TOKEN, IDENTITY_HEADER};
use crate::http::{HttpReply, HttpRequest};
use crate::log::Service;
use crate::microsoft::token::{Audience, issue, sign};

impl Entra {
    /// App Service's identity endpoint ("How to use managed identities for App Service", REST endpoint reference).
    pub(super) fn identity(&self, request: &HttpRequest) -> HttpReply {
        let reply = self.decide_identity(request);
        let outcome = reply.status().to_string();
        self.0
            .record(Service::Entra, "identity", None, false, outcome);
        reply
    }

    fn decide_identity(&self, request: &HttpRequest) -> HttpReply {
        let refused = |status: u16, text: &str| {
            HttpReply::json(status, &json!({"statusCode": status, "message": text}))
        };
        if request.header("x-identity-header") != Some(IDENTITY_HEADER) {
            return refused(403, "The X-IDENTITY-HEADER is missing or wrong.");
        }
        let query = |name: &str| request.query.get(name).map_or("", String::as_str);
        if query("api-version") != "2019-08-01" {
            return refused(400, "The api-version is not supported.");
        }
        let wanted = query("client_id");
        if !wanted.is_empty() && !self.0.directory().identities.contains(wanted) {
            return refused(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            );
        }
        let scope = format!("{}/.default", query("resource").trim_end_matches('/'));
        let Some(audience) = Audience::of_scope(&self.0, &scope) else {
            return refused(500, "The resource principal was not found in the tenant.");
        };
        let life = self.0.options.timing.token.as_secs();
        let end = Timestamp::now().as_second() + i64::try_from(life).unwrap_or(3600);
        HttpReply::json(
            200,
            &json!({
                "access_token": issue(&self.0, audience), "expires_on": end.to_string(),
                "resource": query("resource"), "token_type": "Bearer", "client_id": wanted,
            }),
        )
    }

    /// GitHub's issuer for a job ("OpenID Connect reference" on docs.github.com).
    pub(super) fn github(&self, request: &HttpRequest) -> HttpReply {
        if request.bearer() != Some(GITHUB_REQUEST_TOKEN) {
            return HttpReply::json(401, &json!({"message": "The token is not valid."}));
        }
        let audience = request.query.get("audience").cloned().unwrap_or_default();
        let (issuer, subject) = GITHUB_JOB;
        let now = Timestamp::now().as_second();
        let of = Federated {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience,
        };
        let value = sign(
            &self.0,
            &json!({
                "iss": of.issuer, "sub": of.subject, "aud": of.audience,
                "iat": now, "nbf": now - 300, "exp": now + 300,
            }),
        );
        HttpReply::json(200, &json!({"count": value.len(), "value": value}))
    }
}
