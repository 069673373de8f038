//! The stand-in for OVHcloud, as host and as registrar.

mod records;
mod stories;

use std::{collections::BTreeMap, net::SocketAddr};

use aws_lc_rs::digest;
use rollout_providers::{DelegationKey, FieldValue, Name, RecordData, Rrset};
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use crate::{
    bed::APEX,
    fakes::{FakeBed, Record, Shelf, Vendor, bearer, here, query, split},
};

const APPLICATION: &str = "7kbG7Bk7S9Nt7ZSV";
const SECRET: &str = "synthetic-application-secret-for-tests";
const CONSUMER: &str = "synthetic-consumer-key-for-tests";
const CLIENT: &str = "synthetic-service-account";
const CLIENT_SECRET: &str = "synthetic-client-secret-for-tests";
const TOKEN: &str = "synthetic-access-token-for-tests";
/// How far its clock is ahead, in seconds.
const AHEAD: i64 = 3600;
/// How often somebody looks before a task has run.
const LOOKS: u32 = 4;

pub async fn start() -> Option<FakeBed<Ovh>> {
    let bed = FakeBed::start(Ovh::default()).await;
    bed.with(|_, shelf| {
        for zone in &mut shelf.zones {
            // As the control panel makes them: types of their own, without quotes.
            let spf = zone
                .records
                .iter_mut()
                .find(|record| record.data.starts_with("\"v=spf1"));
            spf.unwrap().extra = json!("SPF");
            let id = zone.records.iter().map(|record| record.id).max().unwrap() + 1000;
            zone.records.push(Record {
                id,
                name: format!("sel._domainkey.{}", zone.name),
                rtype: "TXT".to_owned(),
                ttl: 300,
                data: "\"v=DKIM1;k=rsa;p=c3ludGhldGlj;\"".to_owned(),
                extra: json!("DKIM"),
            });
            zone.served = Some(zone.records.clone());
        }
    });
    Some(bed)
}

#[derive(Default)]
pub struct Ovh {
    dnssec: Dnssec,
    /// Signing is on its way for this many looks more.
    looks: u32,
    tasks: Vec<Task>,
    /// Tasks do not run.
    stopped: bool,
    /// The domain is on OVHcloud's own name servers.
    hosted: bool,
    /// The next refresh fails.
    fail_refresh: bool,
    /// It says that the zone is deployed, whatever is in it.
    blind: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Dnssec {
    #[default]
    Disabled,
    EnableInProgress,
    Enabled,
    DisableInProgress,
}

struct Task {
    keys: Vec<DelegationKey>,
    looks: u32,
    status: &'static str,
}

type Refusal = (u16, Value);
type Answer = Result<ResponseTemplate, Refusal>;

fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    let reason = if status == 400 {
        "Bad Request"
    } else {
        "Forbidden"
    };
    (
        status,
        json!({ "errorCode": code, "httpCode": format!("{status} {reason}"), "message": message }),
    )
}

fn not_found(what: &str) -> Refusal {
    (404, json!({ "class": "Client::NotFound", "message": what }))
}

fn invalid(message: &str) -> Refusal {
    (
        400,
        json!({ "class": "Client::BadRequest", "message": message }),
    )
}

fn told(body: impl serde::Serialize) -> Answer {
    Ok(ResponseTemplate::new(200).set_body_json(body))
}

impl Vendor for Ovh {
    const SLUG: &'static str = "ovh";
    const REGISTRAR: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/1.0")),
            ),
            ("application-key".to_owned(), APPLICATION.into()),
            (
                "application-secret".to_owned(),
                FieldValue::Secret(SECRET.to_owned().into()),
            ),
            (
                "consumer-key".to_owned(),
                FieldValue::Secret(CONSUMER.to_owned().into()),
            ),
        ])
    }

    fn holds(set: &Rrset) -> bool {
        let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"' && *byte != b'\\';
        set.values().iter().all(|value| match value {
            RecordData::Txt(bytes) => bytes.iter().all(plain),
            _ => true,
        })
    }

    /// Tasks run later, signing takes its time.
    fn passes(&mut self, shelf: &mut Shelf) {
        if self.stopped {
            return;
        }
        self.looks = self.looks.saturating_sub(1);
        if self.looks == 0 {
            self.dnssec = match self.dnssec {
                Dnssec::EnableInProgress => Dnssec::Enabled,
                Dnssec::DisableInProgress => Dnssec::Disabled,
                settled => settled,
            };
        }
        for task in self
            .tasks
            .iter_mut()
            .filter(|task| matches!(task.status, "todo" | "doing"))
        {
            task.status = "doing";
            task.looks = task.looks.saturating_sub(1);
            if task.looks == 0 {
                task.status = "done";
                shelf.zone_mut(APEX).unwrap().on_file.clone_from(&task.keys);
            }
        }
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        let answer = match self.route(shelf, request) {
            Ok(answer) => answer,
            Err((status, body)) => ResponseTemplate::new(status).set_body_json(body),
        };
        answer.insert_header("x-ovh-queryid", "EU.ext-3.synthetic")
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_secs()).unwrap() + AHEAD
}

/// A token of the service account, or application, consumer key, a fresh time and the right signature.
fn admitted(request: &Request) -> Result<(), Refusal> {
    if bearer(request, &format!("Bearer {TOKEN}")) {
        return Ok(());
    }
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if header("x-ovh-application") != APPLICATION {
        return Err(refusal(
            403,
            "INVALID_KEY",
            "This application key is invalid",
        ));
    }
    let Ok(time) = header("x-ovh-timestamp").parse::<i64>() else {
        return Err(refusal(400, "MISSING_TIME", "Missing X-Ovh-Timestamp"));
    };
    if (time - now()).abs() > 30 {
        return Err(refusal(400, "QUERY_TIME_OUT", "Query out of time"));
    }
    let consumer = header("x-ovh-consumer");
    let body = std::str::from_utf8(&request.body).unwrap();
    let signed = format!(
        "{SECRET}+{consumer}+{}+{}+{body}+{time}",
        request.method,
        here(request)
    );
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if header("x-ovh-signature") != format!("$1${hex}") {
        return Err(refusal(400, "INVALID_SIGNATURE", "Invalid signature"));
    }
    if consumer != CONSUMER {
        return Err(refusal(
            403,
            "INVALID_CREDENTIAL",
            "This credential does not exist",
        ));
    }
    Ok(())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

impl Ovh {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Answer {
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        match (method, path.as_slice()) {
            ("GET", ["1.0", "auth", "time"]) => return told(now()),
            ("POST", ["auth", "oauth2", "token"]) => return token(request),
            _ => {}
        }
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return Err((
                429,
                json!({ "class": "Client::TooManyRequests", "message": "Too many requests" }),
            ));
        }
        admitted(request)?;
        match (method, path.as_slice()) {
            ("GET", ["1.0", "auth", "currentCredential"]) => told(
                json!({ "status": "validated", "expiration": "2027-01-01T00:00:00+01:00", "credentialId": 1, "rules": [] }),
            ),
            (_, ["1.0", "domain", "zone", zone, below @ ..]) => {
                shelf
                    .zone(zone)
                    .ok_or_else(|| not_found("This service does not exist"))?;
                self.zone(shelf, zone, below, request)
            }
            (_, ["1.0", "domain", domain, below @ ..]) => {
                shelf
                    .zone(domain)
                    .ok_or_else(|| not_found("This service does not exist"))?;
                self.domain(shelf, domain, below, request)
            }
            _ => Err(not_found("Got an invalid (or empty) URL")),
        }
    }

    fn zone(
        &mut self,
        shelf: &mut Shelf,
        domain: &str,
        below: &[&str],
        request: &Request,
    ) -> Answer {
        let zone = shelf.zone(domain).unwrap();
        match (request.method.as_str(), below) {
            ("GET", []) => told(json!({
                "name": zone.name, "dnssecSupported": true, "hasDnsAnycast": false, "lastUpdate": "2026-01-01T00:00:00+01:00",
                "nameServers": ["dns10.ovh.net", "ns10.ovh.net"],
            })),
            ("GET", ["soa"]) => told(json!({
                "server": "dns10.ovh.net.", "email": "tech.ovh.net.", "serial": 2_026_010_100, "refresh": 86_400, "expire": 3_600_000,
                "nxDomainTtl": 60, "ttl": 3600,
            })),
            ("GET", ["status"]) => {
                let deployed = self.blind || zone.served.as_ref() == Some(&zone.records);
                told(json!({ "isDeployed": deployed, "errors": [], "warnings": [] }))
            }
            ("POST", ["refresh"]) => {
                if std::mem::take(&mut self.fail_refresh) {
                    return Err((
                        500,
                        json!({ "class": "Server::InternalServerError", "message": "Internal server error" }),
                    ));
                }
                let zone = shelf.zone_mut(domain).unwrap();
                zone.served = Some(zone.records.clone());
                told(Value::Null)
            }
            (_, ["dnssec"]) => self.dnssec(request.method.as_ref()),
            (_, ["record", below @ ..]) => records::answer(shelf, domain, below, request),
            _ => Err(not_found("Got an invalid (or empty) URL")),
        }
    }

    fn dnssec(&mut self, method: &str) -> Answer {
        let (on, off) = (Dnssec::EnableInProgress, Dnssec::DisableInProgress);
        match (method, self.dnssec) {
            ("GET", state) => {
                let status = match state {
                    Dnssec::Disabled => "disabled",
                    Dnssec::EnableInProgress => "enableInProgress",
                    Dnssec::Enabled => "enabled",
                    Dnssec::DisableInProgress => "disableInProgress",
                };
                return told(json!({ "status": status }));
            }
            ("POST", Dnssec::Disabled) => self.dnssec = on,
            ("DELETE", Dnssec::Enabled) => self.dnssec = off,
            _ => {
                return Err((
                    409,
                    json!({ "class": "Client::Conflict", "message": "Dnssec is already in this state" }),
                ));
            }
        }
        self.looks = LOOKS;
        told(Value::Null)
    }

    /// The registrar.
    fn domain(
        &mut self,
        shelf: &mut Shelf,
        domain: &str,
        below: &[&str],
        request: &Request,
    ) -> Answer {
        let zone = shelf.zone(domain).unwrap();
        match (request.method.as_str(), below) {
            ("GET", []) => {
                let kind = if self.hosted { "hosted" } else { "external" };
                told(
                    json!({ "domain": domain, "nameServerType": kind, "dnssecSupported": true, "offer": "gold" }),
                )
            }
            ("GET", ["dsRecord"]) => told(
                (0..zone.on_file.len())
                    .map(|at| 501 + at)
                    .collect::<Vec<_>>(),
            ),
            ("GET", ["dsRecord", id]) => {
                let at = id.parse::<usize>().unwrap() - 501;
                let key = &zone.on_file[at];
                let dnskey = key.dnskey.as_ref().unwrap().to_string();
                let [flags, _, algorithm, public] = dnskey.split(' ').collect::<Vec<_>>()[..]
                else {
                    panic!("{dnskey}")
                };
                let number = |text: &str| text.parse::<u64>().unwrap();
                let tag = key.preferred_ds().unwrap().key_tag;
                told(json!({
                    "id": 501 + at, "flags": number(flags), "algorithm": number(algorithm), "publicKey": public, "tag": tag,
                    "status": "published",
                }))
            }
            ("POST", ["dsRecord"]) => {
                assert!(
                    !self.hosted,
                    "the keys of a hosted domain are not ours to give"
                );
                let (apex, keys): (Name, _) =
                    (domain.parse().unwrap(), body(request)["keys"].clone());
                let mut made = Vec::new();
                for key in keys.as_array().unwrap() {
                    assert_eq!(key.as_object().unwrap().len(), 4, "{key}");
                    let line = format!(
                        "{} 3 {} {}",
                        key["flags"],
                        key["algorithm"],
                        key["publicKey"].as_str().unwrap()
                    );
                    let key_of = DelegationKey::from_dnskey(&apex, line.parse().unwrap()).unwrap();
                    if key["tag"] != key_of.preferred_ds().unwrap().key_tag {
                        return Err(invalid("Invalid tag"));
                    }
                    made.push(key_of);
                }
                self.tasks.push(Task {
                    keys: made,
                    looks: LOOKS,
                    status: "todo",
                });
                told(self.task(self.tasks.len() - 1))
            }
            ("GET", ["task"]) => {
                let of_ours = query(request, "function")
                    .is_none_or(|wanted| "DomainDsUpdate".contains(&wanted));
                told(
                    (0..if of_ours { self.tasks.len() } else { 0 })
                        .map(|at| 414_283_125 + at)
                        .collect::<Vec<_>>(),
                )
            }
            ("GET", ["task", id]) => told(self.task(id.parse::<usize>().unwrap() - 414_283_125)),
            _ => Err(not_found("Got an invalid (or empty) URL")),
        }
    }

    fn task(&self, at: usize) -> Value {
        json!({
            "id": 414_283_125 + at, "function": "DomainDsUpdate", "status": self.tasks[at].status, "comment": null,
            "canAccelerate": false, "canCancel": true, "canRelaunch": false, "creationDate": "2026-01-01T00:00:00+01:00",
            "todoDate": "2026-01-01T00:00:00+01:00", "lastUpdate": "2026-01-01T00:00:00+01:00", "doneDate": null,
        })
    }
}

fn token(request: &Request) -> Answer {
    let sent: BTreeMap<String, String> = reqwest::Url::parse(&format!(
        "http://x/?{}",
        std::str::from_utf8(&request.body).unwrap()
    ))
    .unwrap()
    .query_pairs()
    .into_owned()
    .collect();
    let right = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", CLIENT_SECRET),
        ("scope", "all"),
    ];
    if right
        .iter()
        .any(|(key, value)| sent.get(*key).map(String::as_str) != Some(value))
    {
        let error = json!({ "error": "invalid_client", "error_description": "client authentication failed" });
        return Err((401, error));
    }
    told(
        json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3599, "scope": "all" }),
    )
}
