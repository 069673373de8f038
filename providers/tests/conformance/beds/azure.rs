//! The stand-in for Azure DNS.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
};

use rollout_providers::{FieldValue, RecordData, Rrset};
use serde_json::{Map, Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::{
    bed::ENTRA_TOKEN,
    fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, here, query, split},
};

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const GROUP: &str = "rg-dns";
/// Zones or sets on one page of a list.
const PAGE: usize = 2;

pub async fn start() -> Option<FakeBed<Azure>> {
    Some(FakeBed::start(Azure::default()).await)
}

/// Signing of each zone: its state, and how many looks it stays in it.
#[derive(Default)]
pub struct Azure {
    signing: BTreeMap<String, (&'static str, u32)>,
}

type Refusal = (u16, Value);

/// An error of Azure as a whole.
fn of_azure(status: u16, code: &str, message: &str) -> Refusal {
    (
        status,
        json!({ "error": { "code": code, "message": message } }),
    )
}

/// An error of its DNS.
fn of_dns(status: u16, code: &str, message: &str) -> Refusal {
    (status, json!({ "code": code, "message": message }))
}

fn bad(message: &str) -> Refusal {
    of_dns(400, "BadRequest", message)
}

impl Vendor for Azure {
    const SLUG: &'static str = "azure";
    const KEEPS: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        [
            ("subscription", SUBSCRIPTION.to_owned()),
            ("url", format!("http://{address}")),
        ]
        .map(|(key, text)| (key.to_owned(), FieldValue::Plain(text)))
        .into()
    }

    fn secrets() -> Vec<String> {
        vec![ENTRA_TOKEN.to_owned()]
    }

    fn holds(set: &Rrset) -> bool {
        set.values().iter().all(|value| match value {
            RecordData::Mx { exchange, .. } => !exchange.is_root(),
            RecordData::Txt(text) => {
                !text.is_empty() && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
            }
            RecordData::Cname(_) => true,
        })
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match self.route(shelf, request) {
            Ok(answer) => answer,
            Err((status, body)) => {
                let answer = ResponseTemplate::new(status).set_body_json(body);
                if status == 429 {
                    answer.insert_header("retry-after", "17")
                } else {
                    answer
                }
            }
        }
    }
}

impl Azure {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Result<ResponseTemplate, Refusal> {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err(of_azure(
                429,
                "TooManyRequests",
                "The request is being throttled.",
            ));
        }
        if !bearer(request, &format!("Bearer {ENTRA_TOKEN}")) {
            return Err(of_azure(
                401,
                "InvalidAuthenticationToken",
                "The access token is invalid.",
            ));
        }
        let Some(version) = query(request, "api-version") else {
            return Err(of_azure(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            ));
        };
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["subscriptions", subscription, rest @ ..] = path.as_slice() else {
            return Err(of_azure(404, "NotFound", "No such resource."));
        };
        if *subscription != SUBSCRIPTION {
            let message = format!("The subscription '{subscription}' could not be found.");
            return Err(of_azure(404, "SubscriptionNotFound", &message));
        }
        match rest {
            ["providers", "Microsoft.Network", "dnsZones"] if version == "2018-05-01" => {
                Ok(page(request, shelf.zones.iter().map(show_zone).collect()))
            }
            [
                "resourceGroups",
                group,
                "providers",
                "Microsoft.Network",
                "dnsZones",
                zone,
                below @ ..,
            ] => {
                if !group.eq_ignore_ascii_case(GROUP) {
                    let message = format!("Resource group '{group}' could not be found.");
                    return Err(of_azure(404, "ResourceGroupNotFound", &message));
                }
                if shelf.zone(zone).is_none() {
                    let message = format!(
                        "The Resource 'Microsoft.Network/dnsZones/{zone}' under resource group '{group}' was not found."
                    );
                    return Err(of_azure(404, "ResourceNotFound", &message));
                }
                self.in_zone(shelf, request, zone, below, &version)
            }
            _ => Err(of_azure(
                404,
                "InvalidResourceType",
                "The resource type could not be found.",
            )),
        }
    }

    fn in_zone(
        &mut self,
        shelf: &mut Shelf,
        request: &Request,
        zone: &str,
        below: &[&str],
        version: &str,
    ) -> Result<ResponseTemplate, Refusal> {
        let held = shelf.zone(zone).unwrap();
        match (request.method.as_str(), below, version) {
            ("GET", [], "2018-05-01") => {
                Ok(ResponseTemplate::new(200).set_body_json(show_zone(held)))
            }
            ("GET", ["recordsets"], "2018-05-01") => {
                let mut sets: Vec<_> = held
                    .records
                    .iter()
                    .map(|record| (&record.name, &record.rtype))
                    .collect();
                sets.sort_unstable();
                sets.dedup();
                let shown = sets
                    .into_iter()
                    .map(|(name, rtype)| show(held, name, rtype).unwrap());
                Ok(page(request, shown.collect()))
            }
            ("GET", [rtype @ ("MX" | "TXT" | "CNAME"), owner], "2018-05-01") => {
                let shown = show(held, &held.absolute(owner), rtype);
                let shown = shown.ok_or_else(|| {
                    let message = format!(
                        "The resource record '{owner}' does not exist in resource group '{GROUP}' of subscription '{SUBSCRIPTION}'."
                    );
                    of_dns(404, "NotFound", &message)
                })?;
                Ok(ResponseTemplate::new(200).set_body_json(shown))
            }
            (
                method @ ("PUT" | "DELETE"),
                [rtype @ ("MX" | "TXT" | "CNAME"), owner],
                "2018-05-01",
            ) => {
                let name = held.absolute(owner);
                let etag =
                    show(held, &name, rtype).map(|set| set["etag"].as_str().unwrap().to_owned());
                precondition(request, etag.as_deref())?;
                let wanted = match method {
                    "PUT" => Some(check(held, &name, rtype, request)?),
                    _ => None,
                };
                let (ttl, metadata, data) = wanted.unwrap_or_default();
                let extra = metadata.get("note").cloned().unwrap_or_default();
                let ids: Vec<u64> = data.iter().map(|_| shelf.new_id()).collect();
                shelf.change(zone, |zone| {
                    zone.records
                        .retain(|record| record.name != name || record.rtype != *rtype);
                    zone.records
                        .extend(ids.into_iter().zip(data).map(|(id, data)| Record {
                            id,
                            name: name.clone(),
                            rtype: (*rtype).to_owned(),
                            ttl,
                            data,
                            extra: extra.clone(),
                        }));
                });
                let shown = show(shelf.zone(zone).unwrap(), &name, rtype);
                Ok(match (shown, etag) {
                    (Some(set), None) => ResponseTemplate::new(201).set_body_json(set),
                    (Some(set), Some(_)) => ResponseTemplate::new(200).set_body_json(set),
                    (None, Some(_)) => ResponseTemplate::new(200),
                    (None, None) => ResponseTemplate::new(204),
                })
            }
            (method, ["dnssecConfigs", below @ ..], "2023-07-01-preview") => {
                self.sign(shelf, request, method, zone, below)
            }
            _ => Err(of_azure(
                404,
                "InvalidResourceType",
                "The resource type could not be found for this api-version.",
            )),
        }
    }

    fn sign(
        &mut self,
        shelf: &mut Shelf,
        request: &Request,
        method: &str,
        zone: &str,
        below: &[&str],
    ) -> Result<ResponseTemplate, Refusal> {
        if let Some((state, looks)) = self.signing.get_mut(zone) {
            match (*state, looks.checked_sub(1)) {
                (_, Some(left)) => *looks = left,
                ("Deleting", None) => {
                    self.signing.remove(zone);
                }
                (_, None) => *state = "Succeeded",
            }
        }
        let state = self.signing.get(zone).map(|(state, _)| *state);
        let shown = state.map(|state| signing(shelf.zone(zone).unwrap(), state));
        let etag = shown
            .as_ref()
            .map(|shown| shown["etag"].as_str().unwrap().to_owned());
        let asynchronous = |answer: ResponseTemplate| {
            answer.insert_header(
                "azure-asyncoperation",
                format!("{}operations/1", request.url).as_str(),
            )
        };
        match (method, below) {
            ("GET", []) => Ok(page(request, shown.into_iter().collect())),
            ("GET", ["default"]) => shown
                .map(|shown| ResponseTemplate::new(200).set_body_json(shown))
                .ok_or_else(|| of_dns(404, "NotFound", "There is no DNSSEC configuration.")),
            ("PUT", ["default"]) => {
                if !request.headers.contains_key("content-length") {
                    return Err((411, json!("Length Required")));
                }
                precondition(request, etag.as_deref())?;
                if !request.body.is_empty() {
                    return Err(bad("The request takes no body."));
                }
                self.signing.insert(zone.to_owned(), ("Creating", 2));
                shelf.zone_mut(zone).unwrap().signed = true;
                let shown = signing(shelf.zone(zone).unwrap(), "Creating");
                Ok(asynchronous(
                    ResponseTemplate::new(201).set_body_json(shown),
                ))
            }
            ("DELETE", ["default"]) => {
                precondition(request, etag.as_deref())?;
                if state.is_none() {
                    return Ok(ResponseTemplate::new(204));
                }
                self.signing.insert(zone.to_owned(), ("Deleting", 1));
                shelf.zone_mut(zone).unwrap().signed = false;
                Ok(asynchronous(ResponseTemplate::new(202)))
            }
            _ => Err(of_azure(
                405,
                "MethodNotAllowed",
                "The method is not allowed.",
            )),
        }
    }
}

/// `If-Match` and `If-None-Match` against what is there.
fn precondition(request: &Request, etag: Option<&str>) -> Result<(), Refusal> {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let (wanted, unwanted) = (header("if-match"), header("if-none-match"));
    let broken = match (wanted, unwanted) {
        (None, None) => return Err(bad("This stand-in refuses a write that nobody compares.")),
        (Some(wanted), _) => etag != Some(wanted),
        (None, Some(unwanted)) => unwanted == "*" && etag.is_some(),
    };
    let message = format!(
        "The condition in the request's header was not satisfied. The current was {etag:?}."
    );
    match broken {
        true => Err(of_dns(412, "PreconditionFailed", &message)),
        false => Ok(()),
    }
}

type Wanted = (u32, Map<String, Value>, Vec<String>);

/// What Azure checks of a set in a body: TTL, metadata, and the records as zone file text, or the complaint.
fn check(zone: &Zone, name: &str, rtype: &str, request: &Request) -> Result<Wanted, Refusal> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| bad("The request content was invalid and could not be deserialized."))?;
    let properties = body["properties"]
        .as_object()
        .ok_or_else(|| bad("The properties are missing."))?;
    let records = match rtype {
        "MX" => "MXRecords",
        "TXT" => "TXTRecords",
        _ => "CNAMERecord",
    };
    if let Some(unknown) = properties
        .keys()
        .find(|key| !["TTL", "metadata", records].contains(&key.as_str()))
    {
        return Err(bad(&format!("Could not find member '{unknown}'.")));
    }
    let ttl = properties
        .get("TTL")
        .and_then(Value::as_u64)
        .filter(|ttl| (1..=0x7fff_ffff).contains(ttl));
    let ttl = ttl.ok_or_else(|| bad("The TTL must be between 1 and 2147483647."))?;
    let listed = |of: &Value| match of {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let items = listed(properties.get(records).unwrap_or(&Value::Null));
    if items.is_empty() || items.len() > 20 {
        return Err(bad("A record set has between 1 and 20 records."));
    }
    let host = |value: &Value| {
        let host = value.as_str().unwrap_or_default().trim_end_matches('.');
        match host.is_empty() || host.contains("..") {
            true => Err(bad("The value '.' is not a valid domain name.")),
            false => Ok(format!("{host}.")),
        }
    };
    let mut data = Vec::new();
    for item in &items {
        data.push(match rtype {
            "MX" => format!(
                "{} {}",
                item["preference"]
                    .as_u64()
                    .ok_or_else(|| bad("The preference is missing."))?,
                host(&item["exchange"])?
            ),
            "TXT" => {
                let strings = item["value"]
                    .as_array()
                    .filter(|strings| !strings.is_empty());
                let strings = strings.ok_or_else(|| bad("A TXT record is empty."))?;
                let strings: Vec<&str> = strings
                    .iter()
                    .map(|text| text.as_str().unwrap_or_default())
                    .collect();
                if strings
                    .iter()
                    .any(|text| text.is_empty() || text.chars().count() > 255)
                {
                    return Err(bad(
                        "A string of a TXT record has between 1 and 255 characters.",
                    ));
                }
                let quoted = strings
                    .iter()
                    .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
                quoted.collect::<Vec<_>>().join(" ")
            }
            _ => host(&item["cname"])?,
        });
    }
    if rtype == "TXT" && data.iter().map(String::len).sum::<usize>() > 4096 {
        return Err(bad(
            "The combined length of all TXT records in a record set may not exceed 4096 characters.",
        ));
    }
    let others = zone
        .records
        .iter()
        .any(|record| record.name == name && (record.rtype == "CNAME") != (rtype == "CNAME"));
    if others || (rtype == "CNAME" && name == zone.name) {
        return Err(bad(
            "The record could not be created because a CNAME record cannot be beside other records.",
        ));
    }
    let metadata = properties
        .get("metadata")
        .and_then(Value::as_object)
        .cloned();
    Ok((
        u32::try_from(ttl).unwrap(),
        metadata.unwrap_or_default(),
        data,
    ))
}

fn show_zone(zone: &Zone) -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/dnszones/{}", zone.name),
        "name": zone.name, "type": "Microsoft.Network/dnszones", "location": "global", "etag": "00000000-0000-0000-0000-000000000000", "tags": {},
        "properties": {
            "maxNumberOfRecordSets": 10000, "maxNumberOfRecordsPerRecordSet": null, "numberOfRecordSets": zone.records.len(), "zoneType": "Public",
            "nameServers": ["ns1-07.azure-dns.com.", "ns2-07.azure-dns.net.", "ns3-07.azure-dns.org.", "ns4-07.azure-dns.info."],
        },
    })
}

fn show(zone: &Zone, name: &str, rtype: &str) -> Option<Value> {
    let records: Vec<&Record> = zone
        .records
        .iter()
        .filter(|record| record.name == name && record.rtype == rtype)
        .collect();
    let first = records.first()?;
    let mut properties = json!({
        "fqdn": format!("{name}."), "TTL": first.ttl, "provisioningState": "Succeeded", "targetResource": {}, "trafficManagementProfile": {},
    });
    if !first.extra.is_null() {
        properties["metadata"] = json!({ "note": first.extra });
    }
    let data = records.iter().map(|record| record.data.as_str());
    let host = |text: &str| text.strip_suffix('.').unwrap().to_owned();
    match rtype {
        "MX" => {
            let all = records
                .iter()
                .map(|record| json!({ "preference": record.mx().0, "exchange": record.mx().1 }));
            properties["MXRecords"] = all.collect();
        }
        "TXT" => {
            properties["TXTRecords"] = data.map(|text| json!({ "value": strings(text) })).collect();
        }
        "CNAME" => properties["CNAMERecord"] = json!({ "cname": host(&first.data) }),
        "A" => {
            properties["ARecords"] = data
                .map(|address| json!({ "ipv4Address": address }))
                .collect();
        }
        other => panic!("{other}"),
    }
    let mut hasher = DefaultHasher::new();
    format!("{records:?}").hash(&mut hasher);
    Some(json!({
        "id": format!("{}/{rtype}/{}", show_zone(zone)["id"].as_str().unwrap(), zone.relative(name)), "name": zone.relative(name),
        "type": format!("Microsoft.Network/dnszones/{rtype}"), "etag": format!("{:016x}", hasher.finish()), "properties": properties,
    }))
}

/// The strings of a TXT record in zone file text.
fn strings(text: &str) -> Vec<String> {
    let (mut all, mut rest) = (Vec::new(), text.chars());
    while rest.by_ref().any(|c| c == '"') {
        let mut one = String::new();
        while let Some(c) = rest.next().filter(|c| *c != '"') {
            one.push(if c == '\\' { rest.next().unwrap() } else { c });
        }
        all.push(one);
    }
    all
}

fn signing(zone: &Zone, state: &str) -> Value {
    let key = |flags: u16, digests: Value| {
        json!({
            "flags": flags, "keyTag": zone.key_tag(), "protocol": 3, "publicKey": zone.key(), "securityAlgorithmType": 13, "delegationSignerInfo": digests,
        })
    };
    let digest =
        json!([{ "digestAlgorithmType": 2, "digestValue": zone.digest(), "record": zone.ds() }]);
    let keys = match state {
        "Succeeded" => json!([key(256, json!([])), key(257, digest)]),
        _ => json!([]),
    };
    json!({
        "id": format!("{}/dnssecConfigs/default", show_zone(zone)["id"].as_str().unwrap()), "name": "default",
        "type": "Microsoft.Network/dnszones/dnssecConfigs", "etag": format!("signing-{state}"),
        "properties": { "provisioningState": state, "signingKeys": keys },
    })
}

/// A page of a list; where there is more, it says where.
fn page(request: &Request, all: Vec<Value>) -> ResponseTemplate {
    let begin: usize = query(request, "$skiptoken").map_or(0, |token| token.parse().unwrap());
    let shown: Vec<_> = all.iter().skip(begin).take(PAGE).collect();
    let mut body = json!({ "value": shown });
    if begin + PAGE < all.len() {
        let mut next = here(request);
        next.query_pairs_mut()
            .clear()
            .append_pair("api-version", &query(request, "api-version").unwrap())
            .append_pair("$skiptoken", &(begin + PAGE).to_string());
        body["nextLink"] = next.to_string().into();
    }
    ResponseTemplate::new(200).set_body_json(body)
}
