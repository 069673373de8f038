//! What stands in front of a service and answers in its place: throttling, gateways, proxies, redirects, refused tokens.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cmdlets::CmdletError;
use super::envelope::{error_body, failure, nul_bytes, unauthorized};
use super::renewal;
use crate::faults::{MicrosoftFaultKind as Kind, RedirectTo, RetryHint};
use crate::http::HttpReply;
use crate::world::World;

/// Which of the two front ends of Exchange admin somebody reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// The one in the endpoints.
    Main,
    /// The one that redirects lead to.
    Other,
}

/// Whether a fault leaves this request alone: a challenge that its token meets, a redirect that it has followed.
pub(crate) fn spares(world: &World, kind: &Kind, token: Option<&str>, front: Front) -> bool {
    match kind {
        Kind::ClaimsChallenge => {
            token.is_some_and(|token| world.tokens().meets_challenge(world, token))
        }
        Kind::Redirected { to, .. } => front == Front::Other && *to != RedirectTo::Loop,
        _ => false,
    }
}

/// What a fault of Exchange admin answers without letting the cmdlet run; nothing for those that strike later.
pub(crate) fn before_effect(
    world: &World,
    fault: &Kind,
    token: Option<&str>,
    front: Front,
) -> Option<HttpReply> {
    Some(match fault {
        Kind::MissingRole => nul_bytes(),
        Kind::Unauthorized => unauthorized("The token was revoked."),
        Kind::NoAppRole => HttpReply::empty(401).with("www-authenticate", "Bearer"),
        Kind::ClaimsChallenge => renewal::challenge(world),
        Kind::TokenRevoked => {
            if let Some(token) = token {
                world.tokens().revoke(token);
            }
            unauthorized("The token was revoked.")
        }
        Kind::Throttled { retry_after } => busy(429, &RetryHint::Seconds(retry_after.clone())),
        Kind::Busy { status, hint } => busy(*status, hint),
        Kind::RequestLost => HttpReply::Broken,
        Kind::ServerError => gateway(500),
        Kind::Gateway {
            status,
            after_effect: false,
        } => gateway(*status),
        Kind::Redirected { status, to } => redirected(world, *status, *to, front),
        Kind::Html { status } => html(*status),
        Kind::OkWithError => {
            let error = CmdletError::server("The request could not be completed.");
            HttpReply::json(200, &error_body(&error))
        }
        Kind::Fails(how) => failure(&how.clone().into()),
        Kind::NotFound => failure(&CmdletError::not_found("the domain")),
        Kind::TimesOutAfterEffect
        | Kind::ReplyLost
        | Kind::Gateway {
            after_effect: true, ..
        }
        | Kind::Slow { .. }
        | Kind::NoBody { .. }
        | Kind::Reshaped(_)
        | Kind::SaysAlready
        | Kind::ResultNot { .. }
        | Kind::Says(_) => return None,
    })
}

/// Too many requests, or too busy.
pub(crate) fn busy(status: u16, hint: &RetryHint) -> HttpReply {
    let body = json!({"error": {"code": "TooManyRequests", "message": "Too many requests."}});
    let reply = HttpReply::json(status, &body);
    let ahead = |after: std::time::Duration| {
        let now = Timestamp::now();
        now.checked_add(after).unwrap_or(now)
    };
    match hint {
        RetryHint::Seconds(text) => reply.with("retry-after", text.clone()),
        RetryHint::Date(after) => reply
            .with("retry-after", http_date(ahead(*after)))
            .with("date", http_date(Timestamp::now())),
        RetryHint::Nothing => reply,
        RetryHint::Reset(after) => reply
            .with("rate-limit-limit", "600")
            .with("rate-limit-remaining", "0")
            .with("rate-limit-reset", ahead(*after).to_string()),
    }
}

/// RFC 9110 section 5.6.7.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A front end's 5xx.
pub(crate) fn gateway(status: u16) -> HttpReply {
    let words = match status {
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => {
            let body: Value = json!({"error": {"code": "InternalServerError", "message": "An unexpected error occurred."}});
            return HttpReply::json(status, &body);
        }
    };
    let page =
        format!("<html><head><title>{status} {words}</title></head><body>{words}</body></html>");
    HttpReply::text(status, "text/html", page)
}

/// A page of somebody in between.
pub(crate) fn html(status: u16) -> HttpReply {
    HttpReply::text(
        status,
        "text/html; charset=utf-8",
        "<!DOCTYPE html><html><head><title>Access to the Internet</title></head><body>\
         <h1>Please sign in to the proxy of your organisation</h1></body></html>",
    )
}

fn redirected(world: &World, status: u16, to: RedirectTo, front: Front) -> HttpReply {
    let reply = HttpReply::empty(status);
    let path = format!(
        "/adminapi/beta/{}/InvokeCommand",
        world.credentials.tenant_id
    );
    let address = match (to, front) {
        (RedirectTo::OtherHost, _) | (RedirectTo::Loop, Front::Main) => world.other_front(),
        (RedirectTo::Loop, Front::Other) => world.layout.api(2),
        (RedirectTo::ForeignHost, _) => "https://outlook.office365.com.attacker.example".to_owned(),
        (RedirectTo::PlainHttp, _) => "http://192.0.2.80".to_owned(),
        (RedirectTo::Nowhere, _) => return reply,
    };
    reply.with("location", format!("{address}{path}"))
}
