//! Cloudflare's interface as far as it is used: endpoints, what goes over the wire, what its error codes mean.
//!
//! Requests are built with the `cloudflare` crate (address, method, credentials); they are sent and their answers are read here.
//! The crate keeps error codes in 16 bits, and all codes about records (81044, 81058 and so on) are larger: it would lose
//! the reason of every refusal, and with it the response headers that say when to come back.

use std::borrow::Cow;

use ::cloudflare::framework::{
    Environment,
    endpoint::{RequestBody, serialize_query, spec::EndpointSpec},
    response::{ApiResult, ApiSuccess},
};
use reqwest::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Call, DelegationKey, Ds, Dnskey, Error, Kind, KeyError, Name, RecordData, RecordType, Result,
    http::{Explained, Http, Request},
    text,
};

/// Records or zones asked for at a time.
const PAGE: u32 = 100;
/// Pages read before something must be wrong.
const PAGES: u32 = 2000;
/// What "automatic" is served as, in seconds.
const AUTOMATIC: u32 = 300;

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
    let body = match endpoint.body() {
        Some(RequestBody::Json(json)) => Some(json),
        _ => None,
    };
    let request = Request {
        call,
        operation: operation.to_owned(),
        method: endpoint.method(),
        url: endpoint.url(environment),
        body,
    };
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

/// Zones of one name.
#[derive(Serialize)]
pub(super) struct Zones {
    name: String,
    page: u32,
    per_page: u32,
}

impl Zones {
    pub(super) fn named(apex: &Name, page: u32) -> Self {
        Self { name: apex.to_string(), page, per_page: 50 }
    }
}

impl EndpointSpec for Zones {
    type JsonResponse = List<WireZone>;
    type ResponseType = ApiSuccess<List<WireZone>>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> String {
        "zones".to_owned()
    }

    fn query(&self) -> Option<String> {
        serialize_query(self)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireZone {
    pub(super) id: Id,
    pub(super) name: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name_servers: Vec<String>,
    pub(super) plan: Option<Plan>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) legacy_id: Option<String>,
}

/// An id fit for a path: letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Id(pub(super) String);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let fit = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if fit { Ok(Self(id)) } else { Err("an id with characters that no id has") }
    }
}

/// Records of a zone, all or those of one name and type.
pub(super) struct Records<'a> {
    pub(super) zone: &'a str,
    pub(super) of: Option<(&'a Name, RecordType)>,
    pub(super) page: u32,
}

impl EndpointSpec for Records<'_> {
    type JsonResponse = List<WireRecord>;
    type ResponseType = ApiSuccess<List<WireRecord>>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> String {
        format!("zones/{}/dns_records", self.zone)
    }

    fn query(&self) -> Option<String> {
        let mut query = vec![("page", self.page.to_string()), ("per_page", PAGE.to_string())];
        if let Some((name, rtype)) = self.of {
            query.extend([("type", rtype.to_string()), ("name.exact", name.to_string())]);
        }
        serialize_query(&query)
    }
}

/// A record of any type; only what is needed of it.
#[derive(Debug, Deserialize)]
pub(super) struct WireRecord {
    pub(super) id: Id,
    #[serde(rename = "type")]
    pub(super) rtype: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) content: String,
    pub(super) priority: Option<u16>,
    pub(super) ttl: u32,
    #[serde(default)]
    pub(super) proxied: bool,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    #[serde(default)]
    read_only: bool,
}

impl WireRecord {
    /// The TTL that is served, in seconds.
    pub(super) const fn served_ttl(&self) -> u32 {
        if self.ttl == 1 { AUTOMATIC } else { self.ttl }
    }

    /// Kept by Cloudflare for another of its services.
    pub(super) fn is_read_only(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| meta.read_only)
    }

    pub(super) fn is_of(&self, name: &Name, rtype: RecordType) -> bool {
        self.rtype == rtype.as_str() && Name::parse(&self.name).as_ref() == Ok(name)
    }

    /// Its value. TXT comes quoted or, from older records, bare.
    pub(super) fn value(&self, rtype: RecordType) -> Result<RecordData, String> {
        let host = || Name::parse(&self.content).map_err(|error| error.to_string());
        Ok(match rtype {
            RecordType::Mx => {
                let preference = self.priority.ok_or_else(|| "an MX record without a priority".to_owned())?;
                RecordData::mx(preference, host()?)
            }
            RecordType::Cname => RecordData::Cname(host()?),
            RecordType::Txt => {
                RecordData::Txt(text::unquoted(&self.content).unwrap_or_else(|| self.content.as_bytes().to_vec()))
            }
        })
    }
}

/// Several changes in one transaction. Whatever the order they are listed in, deletions are carried out first.
#[derive(Debug, Default, Serialize)]
pub(super) struct Batch {
    #[serde(skip)]
    pub(super) zone: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) deletes: Vec<Delete>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) patches: Vec<Patch>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) posts: Vec<Post>,
}

#[derive(Debug, Serialize)]
pub(super) struct Delete {
    pub(super) id: Id,
}

/// Only what is ours: comment, tags and settings are left out and so stay.
#[derive(Debug, Serialize)]
pub(super) struct Patch {
    pub(super) id: Id,
    #[serde(flatten)]
    pub(super) record: Body,
}

#[derive(Debug, Serialize)]
pub(super) struct Post {
    #[serde(flatten)]
    pub(super) record: Body,
    /// A new record is served as it is.
    pub(super) proxied: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Body {
    name: String,
    #[serde(rename = "type")]
    rtype: &'static str,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
    ttl: u32,
}

impl Body {
    pub(super) fn new(name: &Name, ttl: u32, value: &RecordData) -> Self {
        let (content, priority) = match value {
            RecordData::Mx { preference, exchange } => (exchange.to_string(), Some(*preference)),
            RecordData::Cname(target) => (target.to_string(), None),
            RecordData::Txt(bytes) => (text::quoted(bytes), None),
        };
        Self { name: name.to_string(), rtype: value.rtype().as_str(), content, priority, ttl }
    }
}

impl EndpointSpec for Batch {
    type JsonResponse = Ignored;
    type ResponseType = ApiSuccess<Ignored>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> String {
        format!("zones/{}/dns_records/batch", self.zone)
    }

    fn body(&self) -> Option<RequestBody<'_>> {
        serde_json::to_string(self).ok().map(RequestBody::Json)
    }

    fn content_type(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed("application/json"))
    }
}

/// A result that is looked up by reading instead.
#[derive(Debug, Deserialize)]
pub(super) struct Ignored {}

impl ApiResult for Ignored {}

/// Signing of a zone: asked for, or set.
pub(super) struct Dnssec<'a> {
    pub(super) zone: &'a str,
    pub(super) set: Option<&'static str>,
}

impl EndpointSpec for Dnssec<'_> {
    type JsonResponse = WireDnssec;
    type ResponseType = ApiSuccess<WireDnssec>;

    fn method(&self) -> Method {
        if self.set.is_some() { Method::PATCH } else { Method::GET }
    }

    fn path(&self) -> String {
        format!("zones/{}/dnssec", self.zone)
    }

    fn body(&self) -> Option<RequestBody<'_>> {
        self.set.map(|status| RequestBody::Json(serde_json::json!({ "status": status }).to_string()))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireDnssec {
    pub(super) status: String,
    ds: Option<String>,
    flags: Option<u16>,
    algorithm: Option<String>,
    public_key: Option<String>,
}

impl ApiResult for WireDnssec {}

impl WireDnssec {
    /// The key with its digest, checked against each other; `None` while there is none yet.
    pub(super) fn key(&self, apex: &Name) -> Result<Option<DelegationKey>, KeyError> {
        let ds: Vec<Ds> = match self.ds.as_deref().filter(|ds| !ds.is_empty()) {
            Some(ds) => vec![ds.parse()?],
            None => Vec::new(),
        };
        let dnskey: Option<Dnskey> = match (self.flags, &self.algorithm, &self.public_key) {
            (Some(flags), Some(algorithm), Some(key)) if !key.is_empty() => {
                Some(format!("{flags} 3 {algorithm} {key}").parse()?)
            }
            _ => None,
        };
        if ds.is_empty() && dnskey.is_none() {
            return Ok(None);
        }
        DelegationKey::checked(apex, dnskey, ds).map(Some)
    }
}
