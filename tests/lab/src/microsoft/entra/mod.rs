//! Sign-in: the v2 token endpoint, what a person sees of it, and the documents that describe it.

mod assertion;
pub(crate) mod directory;
mod neighbours;
mod person;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use self::directory::SignInFault;
use super::token::{Audience, issue};
use crate::http::{Api, HttpReply, HttpRequest};
use crate::log::Service;
use crate::places::random;
use crate::state::guid;
use crate::world::World;

/// The sign-in service.
pub(crate) struct Entra(pub(crate) Arc<World>);

#[async_trait]
impl Api for Entra {
    async fn handle(&self, request: HttpRequest) -> HttpReply {
        match (request.method.as_str(), request.parts().as_slice()) {
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => self.token(tenant, &request),
            ("POST", [tenant, "oauth2", "v2.0", "devicecode"]) if self.knows(tenant) => {
                let reply = self.device_code(&request);
                let outcome = reply.status().to_string();
                self.0
                    .record(Service::Entra, "devicecode", None, false, outcome);
                reply
            }
            ("GET", [tenant, "oauth2", "v2.0", "authorize"]) if self.knows(tenant) => {
                self.authorize(&request)
            }
            ("GET", ["msi", "token"]) => self.identity(&request),
            ("GET", ["github", "token"]) => self.github(&request),
            ("GET", ["common", "discovery", "instance"]) => self.instance(),
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                self.configuration(tenant)
            }
            ("GET", [tenant, ".well-known", "openid-configuration"]) => self.configuration(tenant),
            _ => HttpReply::empty(404),
        }
    }
}

impl Entra {
    fn knows(&self, tenant: &str) -> bool {
        let credentials = &self.0.credentials;
        tenant.eq_ignore_ascii_case(&credentials.tenant_id)
            || tenant.eq_ignore_ascii_case(&credentials.initial_domain)
            || self
                .0
                .state()
                .domains
                .get(&tenant.to_ascii_lowercase())
                .is_some_and(crate::state::MailDomain::accepted)
    }

    fn token(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        let reply = self.decide(tenant, request);
        let outcome = format!("{}", reply.status());
        self.0.record(Service::Entra, "token", None, false, outcome);
        reply
    }

    fn decide(&self, tenant: &str, request: &HttpRequest) -> HttpReply {
        let form = request.form();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let credentials = &self.0.credentials;
        if !self.knows(tenant) {
            let text = format!(
                "AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
            );
            return refused(400, "invalid_request", 90_002, &text);
        }
        match field("grant_type") {
            "client_credentials" => {}
            grant @ ("refresh_token"
            | "authorization_code"
            | "urn:ietf:params:oauth:grant-type:device_code") => {
                return self.person_token(grant, request);
            }
            _ => {
                let text = "AADSTS70003: The app requested an unsupported grant type.";
                return refused(400, "unsupported_grant_type", 70_003, text);
            }
        }
        if let Some(wrong) = self.0.directory().fault {
            return fault(wrong);
        }
        if !field("client_id").eq_ignore_ascii_case(&credentials.client_id) {
            let text = format!(
                "AADSTS700016: Application with identifier '{}' was not found in the directory '{tenant}'.",
                field("client_id")
            );
            return refused(400, "unauthorized_client", 700_016, &text);
        }
        if !field("client_assertion").is_empty() {
            let checked = assertion::check(
                &self.0,
                tenant,
                field("client_id"),
                field("client_assertion_type"),
                field("client_assertion"),
            );
            if let Err((code, text)) = checked {
                return refused(401, "invalid_client", code, &text);
            }
        } else if field("client_secret") != credentials.client_secret {
            let text = format!(
                "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
                credentials.client_id
            );
            return refused(401, "invalid_client", 7_000_215, &text);
        }
        let Some(audience) = Audience::of_scope(&self.0, field("scope")) else {
            let text = format!(
                "AADSTS500011: The resource principal named {} was not found in the tenant.",
                field("scope").trim_end_matches("/.default")
            );
            return refused(400, "invalid_resource", 500_011, &text);
        };
        let life = self.0.options.timing.token.as_secs();
        HttpReply::json(
            200,
            &json!({
                "token_type": "Bearer", "expires_in": life, "ext_expires_in": life,
                "access_token": issue(&self.0, audience),
            }),
        )
    }

    fn instance(&self) -> HttpReply {
        let base = self.0.layout.api(0);
        let host = base.trim_start_matches("http://");
        HttpReply::json(
            200,
            &json!({
                "tenant_discovery_endpoint":
                    format!("{base}/{}/v2.0/.well-known/openid-configuration", self.0.credentials.tenant_id),
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }),
        )
    }

    fn configuration(&self, tenant: &str) -> HttpReply {
        if !self.knows(tenant) && tenant != "common" && tenant != "organizations" {
            let text = format!("AADSTS90002: Tenant '{tenant}' not found.");
            return refused(400, "invalid_tenant", 90_002, &text);
        }
        let base = self.0.layout.api(0);
        let id = &self.0.credentials.tenant_id;
        HttpReply::json(
            200,
            &json!({
                "issuer": format!("{base}/{id}/v2.0"),
                "token_endpoint": format!("{base}/{id}/oauth2/v2.0/token"),
                "authorization_endpoint": format!("{base}/{id}/oauth2/v2.0/authorize"),
                "tenant_region_scope": "EU",
            }),
        )
    }
}

/// What a fault of the sign-in looks like.
fn fault(kind: SignInFault) -> HttpReply {
    let (status, error, code, text) = match kind {
        SignInFault::SecretExpired => (
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys for app are expired.",
        ),
        SignInFault::ConsentMissing => (
            400,
            "invalid_grant",
            65_001,
            "The user or administrator has not consented to use the application.",
        ),
        SignInFault::NotPreauthorized => (
            400,
            "invalid_request",
            65_002,
            "Consent between first party application and first party resource must be configured via preauthorization.",
        ),
        SignInFault::Blocked => (
            400,
            "invalid_grant",
            53_003,
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        ),
        SignInFault::InteractionRequired => (
            400,
            "interaction_required",
            50_076,
            "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.",
        ),
        SignInFault::ApplicationDisabled => (
            400,
            "unauthorized_client",
            7_000_112,
            "Application is disabled.",
        ),
        SignInFault::UserDisabled => (
            400,
            "invalid_grant",
            50_057,
            "The user account is disabled.",
        ),
        SignInFault::SessionOver => (
            400,
            "invalid_grant",
            700_082,
            "The refresh token has expired due to inactivity.",
        ),
        SignInFault::Throttled => {
            return HttpReply::json(429, &json!({"error": "temporarily_unavailable"}))
                .with("retry-after", "1");
        }
        SignInFault::Down => {
            return HttpReply::text(
                503,
                "text/html",
                "<html><title>Service Unavailable</title></html>",
            );
        }
        SignInFault::ProxyPage => {
            return HttpReply::text(
                200,
                "text/html",
                "<!DOCTYPE html><html><head><title>Web proxy sign-in</title></head><body>Please sign in</body></html>",
            );
        }
        SignInFault::NoToken => return HttpReply::json(200, &json!({"hello": "world"})),
        SignInFault::Breaks => return HttpReply::Broken,
    };
    refused(status, error, code, &format!("AADSTS{code}: {text}"))
}

fn refused(status: u16, error: &str, code: u32, text: &str) -> HttpReply {
    let trace = guid(random());
    let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    HttpReply::json(
        status,
        &json!({
            "error": error,
            "error_description": format!("{text} Trace ID: {trace} Correlation ID: {} Timestamp: {now}", guid(random())),
            "error_codes": [code],
            "timestamp": now, "trace_id": trace, "correlation_id": guid(random()),
        }),
    )
}
