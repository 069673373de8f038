//! Sending a request to Cloudflare and reading the envelope of its answer.
//!
//! Requests are built with the `cloudflare` crate (address, method, credentials); they are sent and their answers are read
//! here. The crate keeps error codes in 16 bits, and all codes about records (81044, 81058 and so on) are larger: it would
//! lose the reason of every refusal, and with it the response headers that say when to come back.

use ::cloudflare::framework::{
    Environment,
    endpoint::{RequestBody, spec::EndpointSpec},
    response::ApiResult,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    Call, Error, Kind, Result,
    http::{Explained, Http, Request},
    text,
};

/// Pages read before something must be wrong.
const PAGES: u32 = 2000;

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    #[serde(default)]
    errors: Vec<Complaint>,
    result: Option<T>,
    result_info: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    total_pages: Option<u32>,
}

#[derive(Deserialize)]
struct Complaint {
    code: u64,
    message: String,
    #[serde(default)]
    error_chain: Vec<Self>,
}

impl Complaint {
    /// The code and those below it: `1004/9021`.
    fn codes(&self) -> String {
        self.error_chain.iter().fold(self.code.to_string(), |codes, below| format!("{codes}/{}", below.codes()))
    }

    fn words(&self) -> String {
        self.error_chain.iter().fold(self.message.clone(), |words, below| format!("{words}: {}", below.words()))
    }

    fn all(&self) -> Vec<u64> {
        self.error_chain.iter().fold(vec![self.code], |mut all, below| {
            all.extend(below.all());
            all
        })
    }
}

/// Reads an error body.
pub(super) fn explain(status: u16, body: &[u8]) -> Explained {
    let Ok(Envelope::<serde::de::IgnoredAny> { errors, .. }) = serde_json::from_slice(body) else {
        return Explained::default();
    };
    explained(status, &errors)
}

fn explained(status: u16, errors: &[Complaint]) -> Explained {
    let codes: Vec<u64> = errors.iter().flat_map(Complaint::all).collect();
    let has = |wanted: &[u64]| codes.iter().any(|code| wanted.contains(code));
    let unknown_token = || errors.iter().any(|error| error.message.contains("Invalid access token"));
    let kind = if has(&[6003, 6111]) && status == 400 || has(&[9109]) && unknown_token() {
        // A token of the wrong form, or one that is not known; 9109 is also used where only the rights are missing.
        Some(Kind::Auth)
    } else if has(&[81044, 81057, 81058]) {
        // The record is gone, or an identical one exists: somebody else was here since we looked.
        Some(Kind::Conflict)
    } else {
        None
    };
    let join = |part: fn(&Complaint) -> String, between: &str| {
        (!errors.is_empty()).then(|| errors.iter().map(part).collect::<Vec<_>>().join(between))
    };
    Explained { kind, code: join(Complaint::codes, ", ").map(Into::into), message: join(Complaint::words, "; ") }
}

/// Sends one endpoint's request.
async fn send<E: EndpointSpec>(
    http: &Http,
    environment: &Environment,
    call: Call,
    operation: &str,
    endpoint: &E,
) -> Result<Envelope<E::JsonResponse>>
where
    E::JsonResponse: DeserializeOwned,
{
    let mut request = Request::new(call, operation, endpoint.method(), endpoint.url(environment));
    if let Some(RequestBody::Json(json)) = endpoint.body() {
        request = request.body("application/json", json);
    }
    let envelope: Envelope<E::JsonResponse> = http.json(&request).await?;
    if envelope.success {
        return Ok(envelope);
    }
    let Explained { kind, code, message } = explained(200, &envelope.errors);
    let message = message.unwrap_or_else(|| "it says that it failed, but not why".to_owned());
    let error = Error::new(super::INFO.slug, operation, kind.unwrap_or(Kind::Rejected), text::harmless(&message, 500));
    Err(Error { code, ..error })
}

/// Sends the request of an endpoint with one result.
pub(super) async fn one<E: EndpointSpec>(
    http: &Http,
    environment: &Environment,
    call: Call,
    operation: &str,
    endpoint: &E,
) -> Result<E::JsonResponse>
where
    E::JsonResponse: DeserializeOwned,
{
    let envelope = send(http, environment, call, operation, endpoint).await?;
    envelope.result.ok_or_else(|| {
        let kind = if call.is_write() { Kind::Unknown } else { Kind::Protocol };
        Error::new(super::INFO.slug, operation, kind, "the answer has no result")
    })
}

/// Follows the pages of a list to the end.
pub(super) async fn all<T, E>(
    http: &Http,
    environment: &Environment,
    call: Call,
    operation: &str,
    endpoint: impl Fn(u32) -> E,
) -> Result<Vec<T>>
where
    E: EndpointSpec<JsonResponse = List<T>>,
    T: DeserializeOwned,
{
    let mut items = Vec::new();
    for page in 1..=PAGES {
        let envelope = send(http, environment, call, operation, &endpoint(page)).await?;
        let List(part) = envelope.result.unwrap_or_else(|| List(Vec::new()));
        let empty = part.is_empty();
        items.extend(part);
        let pages = envelope.result_info.and_then(|info| info.total_pages);
        if pages.map_or(empty, |pages| page >= pages) {
            return Ok(items);
        }
    }
    Err(Error::new(super::INFO.slug, operation, Kind::Protocol, "the list has no end"))
}

/// A list of results.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct List<T>(Vec<T>);

impl<T: DeserializeOwned + std::fmt::Debug> ApiResult for List<T> {}

