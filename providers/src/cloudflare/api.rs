//! Cloudflare's endpoints as far as they are used, and what goes over the wire.

use std::borrow::Cow;

use ::cloudflare::framework::{
    endpoint::{RequestBody, serialize_query, spec::EndpointSpec},
    response::{ApiResult, ApiSuccess},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::call::List;
use crate::{DelegationKey, Dnskey, Ds, KeyError, Name, RecordData, RecordType, text};

/// Records or zones asked for at a time.
const PAGE: u32 = 100;
/// What "automatic" is served as, in seconds.
const AUTOMATIC: u32 = 300;

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

/// How the token itself stands.
pub(super) struct VerifyToken;

impl EndpointSpec for VerifyToken {
    type JsonResponse = WireToken;
    type ResponseType = ApiSuccess<WireToken>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> String {
        "user/tokens/verify".to_owned()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireToken {
    pub(super) status: String,
    #[serde(default)]
    pub(super) expires_on: Option<String>,
}

impl ApiResult for WireToken {}

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
