//! The stand-in for Google: Cloud DNS, Cloud Domains, and where service accounts sign in.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Url;
use rollout_providers::{DelegationKey, FieldValue};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::fakes::{FakeBed, Record, Shelf, Vendor, Zone, bearer, here, query, split};

const PROJECT: &str = "synthetic-project";
const EMAIL: &str = "rollout@synthetic-project.iam.gserviceaccount.test";
const KEY_ID: &str = "0123456789abcdef";
const DNS_SCOPE: &str = "https://www.googleapis.com/auth/ndev.clouddns.readwrite";
const CLOUD_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const DNS_TOKEN: &str = "ya29.synthetic-dns-token";
const CLOUD_TOKEN: &str = "ya29.synthetic-cloud-token";
/// Items on one page of a list.
const PAGE: usize = 3;

pub async fn start() -> Option<FakeBed<Google>> {
    Some(FakeBed::start(Google::default()).await)
}

#[derive(Default)]
pub struct Google {
    tasks: Vec<Task>,
}

/// What was taken and is not done before somebody looked at it.
struct Task {
    done: bool,
    zone: String,
    work: Work,
}

#[derive(Clone)]
enum Work {
    Sign(bool),
    Delegate(Vec<DelegationKey>),
}

/// A private key in PEM and its public half.
struct Pair {
    private: String,
    public: Vec<u8>,
}

impl Pair {
    fn make() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = pair.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        Self {
            private: format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                lines.join("\n")
            ),
            public: pair.public_key().as_ref().to_vec(),
        }
    }

    /// The account's, and one that Google does not know.
    fn known() -> &'static [Self; 2] {
        static PAIRS: OnceLock<[Pair; 2]> = OnceLock::new();
        PAIRS.get_or_init(|| [Self::make(), Self::make()])
    }
}

fn fields_with(address: SocketAddr, pair: &Pair) -> BTreeMap<String, FieldValue> {
    let key = json!({
        "type": "service_account", "project_id": PROJECT, "private_key_id": KEY_ID, "private_key": pair.private, "client_email": EMAIL,
        "client_id": "1", "token_uri": format!("http://{address}/token"), "universe_domain": "googleapis.com",
    });
    BTreeMap::from([
        (
            "service-account".to_owned(),
            FieldValue::Secret(key.to_string().into()),
        ),
        (
            "url".to_owned(),
            FieldValue::Plain(format!("http://{address}/dns/v1")),
        ),
        (
            "domains-url".to_owned(),
            FieldValue::Plain(format!("http://{address}/v1")),
        ),
    ])
}

type Refusal = (u16, Value);

fn refuse(status: u16, name: &str, reason: &str, message: &str) -> Refusal {
    let errors = json!([{ "message": message, "domain": "global", "reason": reason }]);
    (
        status,
        json!({ "error": { "code": status, "message": message, "errors": errors, "status": name } }),
    )
}

fn invalid(message: &str) -> Refusal {
    refuse(400, "INVALID_ARGUMENT", "invalid", message)
}

fn not_found(what: &str, name: &str) -> Refusal {
    let message = format!("The '{what}' resource named '{name}' does not exist.");
    refuse(404, "NOT_FOUND", "notFound", &message)
}

impl Vendor for Google {
    const SLUG: &'static str = "google";
    const REGISTRAR: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        fields_with(address, &Pair::known()[0])
    }

    fn wrong_fields(&self, address: SocketAddr) -> Option<BTreeMap<String, FieldValue>> {
        Some(fields_with(address, &Pair::known()[1]))
    }

    fn secrets() -> Vec<String> {
        let line = Pair::known()[0].private.lines().nth(1).unwrap().to_owned();
        vec![DNS_TOKEN.to_owned(), CLOUD_TOKEN.to_owned(), line]
    }

    fn is_write() -> fn(&[u8]) -> bool {
        // Signing in is a POST, too, and changes nothing.
        |sent| {
            let line = String::from_utf8_lossy(sent.split(|byte| *byte == b'\r').next().unwrap());
            line.starts_with("PATCH ")
                || line.starts_with("POST ")
                    && (line.contains("/changes ") || line.contains(":configureDnsSettings "))
        }
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        match self.route(shelf, request) {
            Ok(body) => ResponseTemplate::new(200).set_body_json(body),
            Err((status, body)) => ResponseTemplate::new(status).set_body_json(body),
        }
    }
}

impl Google {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Result<Value, Refusal> {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err(refuse(
                403,
                "PERMISSION_DENIED",
                "rateLimitExceeded",
                "Quota exceeded for quota metric 'Queries'.",
            ));
        }
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let may = |scopes: &[&str]| {
            let known = scopes
                .iter()
                .any(|token| bearer(request, &format!("Bearer {token}")));
            let message = "Request had invalid authentication credentials.";
            known
                .then_some(())
                .ok_or_else(|| refuse(401, "UNAUTHENTICATED", "authError", message))
        };
        match path.as_slice() {
            ["token"] => sign_in(request),
            ["dns", "v1", "projects", project, "managedZones", below @ ..] => {
                may(&[DNS_TOKEN, CLOUD_TOKEN])?;
                check_project(project)?;
                self.dns(shelf, request, below)
            }
            ["v1", "projects", project, "locations", "global", below @ ..] => {
                may(&[CLOUD_TOKEN])?;
                check_project(project)?;
                self.domains(shelf, request, below)
            }
            _ => Err(not_found("url", request.url.path())),
        }
    }

    fn dns(
        &mut self,
        shelf: &mut Shelf,
        request: &Request,
        below: &[&str],
    ) -> Result<Value, Refusal> {
        let [name, below @ ..] = below else {
            let wanted = query(request, "dnsName");
            if wanted.as_ref().is_some_and(|name| !name.ends_with('.')) {
                return Err(invalid("Invalid value for 'parameters.dnsName'"));
            }
            let public = shelf.zones.iter().map(|zone| show_zone(zone, "public"));
            // Each name is a private zone as well, which is none of ours.
            let private = shelf.zones.iter().map(|zone| show_zone(zone, "private"));
            let listed = private
                .chain(public)
                .filter(|zone| wanted.is_none() || zone["dnsName"].as_str() == wanted.as_deref());
            return Ok(page(request, "managedZones", listed.collect()));
        };
        let held = shelf
            .zones
            .iter()
            .find(|zone| name_of(zone) == *name)
            .ok_or_else(|| not_found("parameters.managedZone", name))?;
        let zone = held.name.clone();
        match (request.method.as_str(), below) {
            ("GET", []) => Ok(show_zone(held, "public")),
            ("PATCH", []) => {
                let body: Value = serde_json::from_slice(&request.body)
                    .map_err(|_| invalid("Invalid JSON payload received."))?;
                let on = match body["dnssecConfig"]["state"].as_str() {
                    Some("on") => true,
                    Some("off") => false,
                    _ => {
                        return Err(invalid(
                            "Invalid value for 'entity.managedZone.dnssecConfig.state'",
                        ));
                    }
                };
                let id = self.take(zone, Work::Sign(on));
                Ok(
                    json!({ "kind": "dns#operation", "id": id, "type": "update", "status": "pending" }),
                )
            }
            ("GET", ["operations", id]) => {
                let done = self.look(shelf, id)?;
                let status = if done { "done" } else { "pending" };
                Ok(json!({ "kind": "dns#operation", "id": id, "type": "update", "status": status }))
            }
            ("GET", ["dnsKeys"]) => {
                let wanted = query(request, "digestType") == Some("sha256".to_owned());
                let digests = |zone: &Zone| match wanted {
                    true => json!([{ "type": "sha256", "digest": zone.digest() }]),
                    false => json!([]),
                };
                let key = |kind: &str, active: bool, digests: Value| {
                    json!({
                        "kind": "dns#dnsKey", "id": "0", "algorithm": "ecdsap256sha256", "keyLength": 256, "publicKey": held.key(), "type": kind,
                        "isActive": active, "keyTag": held.key_tag(), "digests": digests, "creationTime": "2026-01-01T00:00:00.000Z",
                    })
                };
                let keys = match held.signed {
                    true => vec![
                        key("zoneSigning", true, json!([])),
                        key("keySigning", false, digests(held)),
                        key("zoneSigning", false, json!([])),
                        key("keySigning", true, digests(held)),
                    ],
                    false => Vec::new(),
                };
                Ok(page(request, "dnsKeys", keys))
            }
            ("GET", ["rrsets"]) => {
                let (name, rtype) = (query(request, "name"), query(request, "type"));
                if name.as_ref().is_some_and(|name| !name.ends_with('.'))
                    || (rtype.is_some() && name.is_none())
                {
                    return Err(invalid("Invalid value for 'parameters.name'"));
                }
                let listed = sets(held).into_iter().filter(|set| {
                    name.as_ref().is_none_or(|name| set["name"] == **name)
                        && rtype.as_ref().is_none_or(|rtype| set["type"] == **rtype)
                });
                Ok(page(request, "rrsets", listed.collect()))
            }
            ("POST", ["changes"]) => change(shelf, &zone, request),
            _ => Err(not_found("url", request.url.path())),
        }
    }

    fn domains(
        &mut self,
        shelf: &mut Shelf,
        request: &Request,
        below: &[&str],
    ) -> Result<Value, Refusal> {
        let place = format!("projects/{PROJECT}/locations/global");
        let show_task = |id: usize, task: &Task| {
            json!({
                "name": format!("{place}/operations/{id}"), "done": task.done,
                "metadata": { "target": format!("{place}/registrations/{}", task.zone), "verb": "configureDns", "apiVersion": "v1" },
            })
        };
        match (request.method.as_str(), below) {
            ("GET", ["operations"]) => {
                let tasks = self.tasks.iter().enumerate();
                Ok(page(
                    request,
                    "operations",
                    tasks.map(|(id, task)| show_task(id, task)).collect(),
                ))
            }
            ("GET", ["operations", id]) => {
                self.look(shelf, id)?;
                let id = id.parse().unwrap();
                Ok(show_task(id, &self.tasks[id]))
            }
            ("GET", ["registrations", domain]) => {
                let zone = shelf
                    .zone(domain)
                    .ok_or_else(|| not_found("registration", domain))?;
                Ok(registration(&place, zone))
            }
            ("POST", ["registrations", call]) => {
                let domain = call
                    .strip_suffix(":configureDnsSettings")
                    .ok_or_else(|| not_found("method", call))?;
                let zone = shelf
                    .zone(domain)
                    .ok_or_else(|| not_found("registration", domain))?;
                let keys = settings(zone, request)?;
                if self
                    .tasks
                    .iter()
                    .any(|task| !task.done && task.zone == domain)
                {
                    return Err(refuse(
                        400,
                        "FAILED_PRECONDITION",
                        "failedPrecondition",
                        "Another operation is in progress.",
                    ));
                }
                let id = self.take(domain.to_owned(), Work::Delegate(keys));
                let id = id.parse().unwrap();
                Ok(show_task(id, &self.tasks[id]))
            }
            _ => Err(not_found("url", request.url.path())),
        }
    }

    fn take(&mut self, zone: String, work: Work) -> String {
        self.tasks.push(Task {
            done: false,
            zone,
            work,
        });
        (self.tasks.len() - 1).to_string()
    }

    /// Whether it was done before; it is from now on.
    fn look(&mut self, shelf: &mut Shelf, id: &str) -> Result<bool, Refusal> {
        let task = id
            .parse::<usize>()
            .ok()
            .and_then(|id| self.tasks.get_mut(id));
        let task = task.ok_or_else(|| not_found("operation", id))?;
        if std::mem::replace(&mut task.done, true) {
            return Ok(true);
        }
        let zone = shelf.zone_mut(&task.zone).unwrap();
        match task.work.clone() {
            Work::Sign(on) => zone.signed = on,
            Work::Delegate(keys) => zone.on_file = keys,
        }
        Ok(false)
    }
}

fn check_project(project: &str) -> Result<(), Refusal> {
    match project {
        PROJECT => Ok(()),
        other => Err(refuse(
            403,
            "PERMISSION_DENIED",
            "forbidden",
            &format!("Permission denied on resource project {other}."),
        )),
    }
}

/// A statement signed by the account, for exactly this place and not long ago, becomes a token of its scope.
fn sign_in(request: &Request) -> Result<Value, Refusal> {
    let wrong = |why: &str| {
        (
            400,
            json!({ "error": "invalid_grant", "error_description": why }),
        )
    };
    let form: BTreeMap<String, String> = Url::parse(&format!(
        "http://form/?{}",
        String::from_utf8_lossy(&request.body)
    ))
    .unwrap()
    .query_pairs()
    .into_owned()
    .collect();
    let content = request.headers.get("content-type").unwrap();
    if request.method.as_str() != "POST"
        || content != "application/x-www-form-urlencoded"
        || form.get("grant_type").map(String::as_str)
            != Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
        || form.len() != 2
    {
        return Err((
            400,
            json!({ "error": "unsupported_grant_type", "error_description": "Invalid grant_type." }),
        ));
    }
    let statement = form
        .get("assertion")
        .ok_or_else(|| wrong("There is no assertion."))?;
    let (signed, signature) = statement
        .rsplit_once('.')
        .ok_or_else(|| wrong("Bad Request"))?;
    let (head, claims) = signed.split_once('.').ok_or_else(|| wrong("Bad Request"))?;
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| wrong("Invalid JWT: not base64."))
    };
    let json = |part: &str| {
        serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| wrong("Invalid JWT: not JSON."))
    };
    let (head, claims) = (json(head)?, json(claims)?);
    if head != json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID }) {
        return Err(wrong("Invalid JWT header."));
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &Pair::known()[0].public);
    if key.verify(signed.as_bytes(), &decode(signature)?).is_err() {
        return Err(wrong("Invalid JWT Signature."));
    }
    let mut here = here(request);
    here.set_query(None);
    if claims["iss"] != EMAIL || claims["aud"] != here.as_str() {
        return Err(wrong("Invalid JWT: iss or aud is wrong."));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let (begin, end) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    if begin.abs_diff(now) > 300 || end <= now || end - begin > 3600 {
        return Err(wrong(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        ));
    }
    let token = match claims["scope"].as_str() {
        Some(DNS_SCOPE) => DNS_TOKEN,
        Some(CLOUD_SCOPE) => CLOUD_TOKEN,
        _ => {
            return Err((
                400,
                json!({ "error": "invalid_scope", "error_description": "Invalid OAuth scope or ID token audience provided." }),
            ));
        }
    };
    Ok(json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }))
}

/// A name for a zone that is not its DNS name.
fn name_of(zone: &Zone) -> String {
    format!("zone-{}", zone.id)
}

fn show_zone(zone: &Zone, visibility: &str) -> Value {
    let name = match visibility {
        "public" => name_of(zone),
        _ => format!("internal-{}", zone.id),
    };
    json!({
        "kind": "dns#managedZone", "id": zone.id, "name": name, "dnsName": format!("{}.", zone.name), "description": "", "visibility": visibility,
        "nameServers": ["ns-cloud-e1.googledomains.com.", "ns-cloud-e2.googledomains.com."], "creationTime": "2026-01-01T00:00:00.000Z",
        "dnssecConfig": { "kind": "dns#managedZoneDnsSecConfig", "state": if zone.signed { "on" } else { "off" }, "nonExistence": "nsec3" },
    })
}

/// All sets, each once.
fn sets(zone: &Zone) -> Vec<Value> {
    let names: BTreeSet<_> = zone
        .records
        .iter()
        .map(|record| (&record.name, &record.rtype))
        .collect();
    let show = |(name, rtype): (&String, &String)| {
        let records = zone
            .records
            .iter()
            .filter(|record| record.name == *name && record.rtype == *rtype);
        let data: Vec<_> = records.clone().map(|record| &record.data).collect();
        let ttl = records.map(|record| record.ttl).next();
        json!({ "kind": "dns#resourceRecordSet", "name": format!("{name}."), "type": rtype, "ttl": ttl, "rrdatas": data, "signatureRrdatas": [] })
    };
    names.into_iter().map(show).collect()
}

/// Makes a change as one step: what it removes must be exactly there, what it adds must not be.
fn change(shelf: &mut Shelf, zone: &str, request: &Request) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| invalid("Invalid JSON payload received."))?;
    let part = |key: &str| body[key].as_array().cloned().unwrap_or_default();
    let (additions, deletions) = (part("additions"), part("deletions"));
    if additions.is_empty() && deletions.is_empty() {
        return Err(invalid(
            "The 'entity.change' parameter is required but was missing.",
        ));
    }
    let held = shelf.zone(zone).unwrap();
    let there = sets(held);
    let find = |set: &Value| {
        there
            .iter()
            .find(|other| other["name"] == set["name"] && other["type"] == set["type"])
    };
    let named = |set: &Value| {
        format!(
            "'{} ({})'",
            set["name"].as_str().unwrap_or_default(),
            set["type"].as_str().unwrap_or_default()
        )
    };
    for (at, set) in deletions.iter().enumerate() {
        let Some(other) = find(set) else {
            return Err(not_found(
                &format!("entity.change.deletions[{at}]"),
                &named(set),
            ));
        };
        if other["ttl"] != set["ttl"] || other["rrdatas"] != set["rrdatas"] {
            let message = format!("Precondition not met for 'entity.change.deletions[{at}]'");
            return Err(refuse(
                412,
                "FAILED_PRECONDITION",
                "conditionNotMet",
                &message,
            ));
        }
    }
    let mut records = Vec::new();
    for (at, set) in additions.iter().enumerate() {
        records.extend(check(held, at, set)?);
        let goes = deletions
            .iter()
            .any(|gone| gone["name"] == set["name"] && gone["type"] == set["type"]);
        if find(set).is_some() && !goes {
            let message = format!(
                "The resource 'entity.change.additions[{at}]' named {} already exists",
                named(set)
            );
            return Err(refuse(409, "ALREADY_EXISTS", "alreadyExists", &message));
        }
    }
    for record in &mut records {
        record.id = shelf.new_id();
    }
    shelf.change(zone, |zone| {
        zone.records.retain(|record| {
            !deletions.iter().any(|set| {
                set["name"] == format!("{}.", record.name) && set["type"] == record.rtype
            })
        });
        zone.records.extend(records);
    });
    Ok(
        json!({ "kind": "dns#change", "id": "7", "status": "pending", "startTime": "2026-01-01T00:00:00.000Z", "additions": additions, "deletions": deletions }),
    )
}

/// What Google checks of a set that is added.
fn check(zone: &Zone, at: usize, set: &Value) -> Result<Vec<Record>, Refusal> {
    let wrong = |what: &str| {
        invalid(&format!(
            "Invalid value for 'entity.change.additions[{at}].{what}'"
        ))
    };
    if let Some(unknown) = set
        .as_object()
        .into_iter()
        .flat_map(|set| set.keys())
        .find(|key| !["kind", "name", "type", "ttl", "rrdatas"].contains(&key.as_str()))
    {
        return Err(invalid(&format!(
            "Invalid JSON payload received. Unknown name \"{unknown}\""
        )));
    }
    let name = set["name"]
        .as_str()
        .and_then(|name| name.strip_suffix('.'))
        .filter(|name| name.ends_with(&zone.name));
    let name = name.ok_or_else(|| wrong("name"))?;
    let rtype = set["type"].as_str().ok_or_else(|| wrong("type"))?;
    let ttl = set["ttl"]
        .as_u64()
        .and_then(|ttl| i32::try_from(ttl).ok())
        .ok_or_else(|| wrong("ttl"))?;
    let data = set["rrdatas"]
        .as_array()
        .filter(|data| !data.is_empty() && data.len() <= 100);
    let data = data.ok_or_else(|| wrong("rrdata"))?;
    let others = zone
        .records
        .iter()
        .any(|record| record.name == name && (record.rtype == "CNAME") != (rtype == "CNAME"));
    if others || (rtype == "CNAME" && (name == zone.name || data.len() > 1)) {
        return Err(refuse(
            400,
            "INVALID_ARGUMENT",
            "cnameResourceRecordSetConflict",
            "A CNAME record cannot be beside other records.",
        ));
    }
    let record = |data: &Value| {
        let data = data.as_str().ok_or_else(|| wrong("rrdata"))?;
        let right = match rtype {
            "MX" => data
                .split_once(' ')
                .is_some_and(|(number, host)| number.parse::<u16>().is_ok() && host.ends_with('.')),
            "CNAME" => data.ends_with('.'),
            "TXT" => data.starts_with('"') && data.ends_with('"') && data.len() > 1,
            _ => false,
        };
        right
            .then(|| Record {
                id: 0,
                name: name.to_owned(),
                rtype: rtype.to_owned(),
                ttl: u32::try_from(ttl).unwrap(),
                data: data.to_owned(),
                extra: Value::Null,
            })
            .ok_or_else(|| wrong("rrdata"))
    };
    data.iter().map(record).collect()
}

fn registration(place: &str, zone: &Zone) -> Value {
    let ds = zone.on_file.iter().map(|key| {
        let ds = key.preferred_ds().unwrap().to_string();
        let [tag, "13", "2", digest] = ds.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{ds}")
        };
        json!({ "keyTag": tag.parse::<u16>().unwrap(), "algorithm": "ECDSAP256SHA256", "digestType": "SHA256", "digest": digest })
    });
    json!({
        "name": format!("{place}/registrations/{}", zone.name), "domainName": zone.name, "state": "ACTIVE", "labels": {},
        "dnsSettings": { "customDns": { "nameServers": ["ns-cloud-e1.googledomains.com"], "dsRecords": ds.collect::<Vec<_>>() } },
    })
}

/// What the settings in a body put on file, or the complaint.
fn settings(zone: &Zone, request: &Request) -> Result<Vec<DelegationKey>, Refusal> {
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| invalid("Invalid JSON payload received."))?;
    let custom = &body["dnsSettings"]["customDns"];
    if custom["nameServers"]
        .as_array()
        .is_none_or(|servers| servers.is_empty())
    {
        return Err(invalid("Name servers are required."));
    }
    if body["updateMask"] != "customDns.dsRecords" {
        return Err(invalid("This stand-in knows only one mask."));
    }
    let records = custom["dsRecords"]
        .as_array()
        .ok_or_else(|| invalid("DS records are missing."))?;
    records
        .iter()
        .map(|ds| {
            if ds["algorithm"] != "ECDSAP256SHA256" || ds["digestType"] != "SHA256" {
                return Err(invalid("The algorithm is not supported for this domain."));
            }
            let text = format!(
                "{} 13 2 {}",
                ds["keyTag"],
                ds["digest"].as_str().unwrap_or_default()
            );
            let ds = text
                .parse()
                .map_err(|_| invalid("The DS record is malformed."))?;
            DelegationKey::checked(&zone.name.parse().unwrap(), None, vec![ds])
                .map_err(|_| invalid("The DS record is malformed."))
        })
        .collect()
}

/// A page of a list, and the token of the next.
fn page(request: &Request, word: &str, all: Vec<Value>) -> Value {
    let begin: usize = query(request, "pageToken").map_or(0, |token| token.parse().unwrap());
    let mut body = json!({});
    if !all.is_empty() {
        body[word] = all.iter().skip(begin).take(PAGE).cloned().collect();
    }
    if begin + PAGE < all.len() {
        body["nextPageToken"] = (begin + PAGE).to_string().into();
    }
    body
}
