//! The stand-in for Route 53 and for Route 53 Domains.

mod domains;
mod records;

use std::{collections::BTreeMap, net::SocketAddr};

use rollout_providers::FieldValue;
use wiremock::{Request, ResponseTemplate};

use self::domains::Task;
use crate::{
    bed::APEX,
    fakes::{
        FakeBed, Shelf, Vendor, Zone,
        aws::{self, AccessKey},
        query, split,
        xml::{Element, leaf, node},
    },
};

/// Zones, and record sets, on one page.
const ZONES: usize = 2;
const SETS: usize = 10;

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
const KMS_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-1111-2222-3333-444455556666";

pub async fn start() -> Option<FakeBed<Route53>> {
    let key = AccessKey {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        token: Some("FwoGZXIvYXdzEXAMPLETOKEN//==".to_owned()),
    };
    let vendor = Route53 {
        key,
        keys: Vec::new(),
        ending: 0,
        tasks: Vec::new(),
    };
    Some(FakeBed::start(vendor).await)
}

pub struct Route53 {
    key: AccessKey,
    /// Key-signing keys of [`APEX`].
    keys: Vec<SigningKey>,
    /// How many looks more the end of signing takes.
    ending: u32,
    tasks: Vec<Task>,
}

struct SigningKey {
    name: String,
    kms_key: String,
    active: bool,
}

/// Status, code, message.
type Refusal = (u16, &'static str, String);

impl Vendor for Route53 {
    const SLUG: &'static str = "route53";
    const REGISTRAR: bool = true;

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        let plain = |text: &str| FieldValue::Plain(text.to_owned());
        let secret = |text: &str| FieldValue::Secret(text.to_owned().into());
        let url = format!("http://{address}");
        BTreeMap::from([
            ("access-key-id".to_owned(), plain(&self.key.id)),
            ("secret-access-key".to_owned(), secret(&self.key.secret)),
            (
                "session-token".to_owned(),
                secret(self.key.token.as_ref().unwrap()),
            ),
            ("kms-key".to_owned(), plain(KMS_KEY)),
            ("url".to_owned(), plain(&url)),
            ("domains-url".to_owned(), plain(&url)),
        ])
    }

    fn passes(&mut self, shelf: &mut Shelf) {
        self.work(shelf);
    }

    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate {
        if request.headers.contains_key("x-amz-target") {
            return self.domains(shelf, request);
        }
        let answer = self.route(shelf, request);
        let (status, body) = answer.unwrap_or_else(|(status, code, message)| {
            let error = leaf("Type", "Sender") + &leaf("Code", code) + &leaf("Message", &message);
            let body = node("Error", error) + &leaf("RequestId", "0f1e2d3c-synthetic");
            (status, document("ErrorResponse", body))
        });
        ResponseTemplate::new(status).set_body_raw(body, "text/xml")
    }
}

/// A whole answer.
fn document(name: &str, content: impl AsRef<str>) -> String {
    let content = content.as_ref();
    format!("<?xml version=\"1.0\"?>\n<{name} xmlns=\"{NAMESPACE}\">{content}</{name}>")
}

fn refuse<T>(status: u16, code: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err((status, code, message.into()))
}

/// What a change is answered with: it is on its way to the name servers.
fn pending(name: &str) -> String {
    let info = leaf("Id", "/change/C2682N5HXP0BZ4") + &leaf("Status", "PENDING");
    document(
        name,
        node(
            "ChangeInfo",
            info + &leaf("SubmittedAt", "2026-11-21T21:00:00Z"),
        ),
    )
}

/// A name as it is written here: with a final dot, and all but letters, digits, hyphen and underscore in octal.
fn name_text(name: &str) -> String {
    let octal = |c: char| match c {
        'a'..='z' | '0'..='9' | '-' | '_' | '.' => c.to_string(),
        other => format!("\\{:03o}", u32::from(other)),
    };
    name.chars().map(octal).collect::<String>() + "."
}

/// A name as the shelf has it, from one with or without a final dot, and with `*` in either form.
fn name_from(text: &str) -> String {
    text.replace("\\052", "*")
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

/// The order in which names are listed: by labels from the end.
fn order(name: &str) -> String {
    let labels: Vec<&str> = name.rsplit('.').collect();
    labels.join(".") + "."
}

fn zone_id(zone: &Zone) -> String {
    format!("Z{}SYNTHETIC", zone.id)
}

impl Route53 {
    fn route(&mut self, shelf: &mut Shelf, request: &Request) -> Result<(u16, String), Refusal> {
        if shelf.throttle > 0 {
            shelf.throttle -= 1;
            return refuse(400, "Throttling", "Rate exceeded");
        }
        if let Some((code, message)) = aws::refused(request, &self.key, "route53") {
            return refuse(403, code, message);
        }
        let path = split(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["2013-04-01", below @ ..] = path.as_slice() else {
            return refuse(404, "UnknownOperationException", "");
        };
        let body = || {
            Element::parse(&request.body)
                .ok_or_else(|| (400, "InvalidInput", "Invalid XML".to_owned()))
        };
        let find = |shelf: &Shelf, id: &str| {
            let found = shelf.zones.iter().find(|zone| zone_id(zone) == id);
            let none = || {
                (
                    404,
                    "NoSuchHostedZone",
                    format!("No hosted zone found with ID: {id}"),
                )
            };
            found.map(|zone| zone.name.clone()).ok_or_else(none)
        };
        match (request.method.as_str(), below) {
            ("GET", ["hostedzonesbyname"]) => Ok((200, zones(shelf, request))),
            ("GET", ["hostedzone", id]) => {
                let servers = ["ns-2048.awsdns-64.com", "ns-2049.awsdns-65.net"]
                    .map(|server| leaf("NameServer", server));
                let name = find(shelf, id)?;
                let zone = node("HostedZone", hosted(id, &name, false));
                let set = node("DelegationSet", node("NameServers", servers.concat()));
                Ok((200, document("GetHostedZoneResponse", zone + &set)))
            }
            ("GET", ["hostedzone", id, "rrset"]) => {
                records::list(shelf.zone(&find(shelf, id)?).unwrap(), request)
            }
            ("POST", ["hostedzone", id, "rrset", ""]) => {
                let zone = find(shelf, id)?;
                records::change(shelf, &zone, &body()?)?;
                Ok((200, pending("ChangeResourceRecordSetsResponse")))
            }
            ("GET", ["hostedzone", id, "dnssec"]) => {
                let zone = find(shelf, id)?;
                Ok((200, self.dnssec(shelf.zone_mut(&zone).unwrap())))
            }
            ("POST", ["keysigningkey"]) => self.create_key(shelf, &body()?),
            ("POST", ["keysigningkey", id, name, "activate"]) => {
                find(shelf, id)?;
                let key = self
                    .keys
                    .iter_mut()
                    .find(|key| key.name == *name && !key.active);
                let none = || {
                    (
                        400,
                        "InvalidKeySigningKeyStatus",
                        "no such inactive key".to_owned(),
                    )
                };
                key.ok_or_else(none)?.active = true;
                Ok((200, pending("ActivateKeySigningKeyResponse")))
            }
            ("POST", ["hostedzone", id, "enable-dnssec"]) => {
                let zone = find(shelf, id)?;
                let zone = shelf.zone_mut(&zone).unwrap();
                if zone.signed || self.ending > 0 {
                    return refuse(
                        400,
                        "InvalidSigningStatus",
                        "Your hosted zone status isn't valid for this operation.",
                    );
                }
                if zone.name != APEX || !self.keys.iter().any(|key| key.active) {
                    return refuse(
                        400,
                        "KeySigningKeyWithActiveStatusNotFound",
                        "A key-signing key (KSK) with ACTIVE status wasn't found.",
                    );
                }
                zone.signed = true;
                Ok((200, pending("EnableHostedZoneDNSSECResponse")))
            }
            ("POST", ["hostedzone", id, "disable-dnssec"]) => {
                let zone = find(shelf, id)?;
                let zone = shelf.zone_mut(&zone).unwrap();
                if !zone.signed {
                    return refuse(
                        400,
                        "DNSSECNotFound",
                        "The hosted zone doesn't have any DNSSEC resources.",
                    );
                }
                if !zone.on_file.is_empty() {
                    return refuse(
                        400,
                        "KeySigningKeyInParentDSRecord",
                        "The key-signing key (KSK) is specified in a parent DS record.",
                    );
                }
                (zone.signed, self.ending) = (false, 2);
                Ok((200, pending("DisableHostedZoneDNSSECResponse")))
            }
            _ => refuse(404, "UnknownOperationException", ""),
        }
    }

    fn dnssec(&mut self, zone: &mut Zone) -> String {
        let state = match (zone.signed, self.ending) {
            (true, _) => "SIGNING",
            (false, 0) => "NOT_SIGNING",
            (false, _) => "DELETING",
        };
        self.ending = self.ending.saturating_sub(1);
        let keys = self.keys.iter().filter(|_| zone.name == APEX).map(|key| {
            let status = if key.active { "ACTIVE" } else { "INACTIVE" };
            let parts = [
                leaf("Name", &key.name),
                leaf("KmsArn", &key.kms_key),
                leaf("Flag", "257"),
                leaf("SigningAlgorithmMnemonic", "ECDSAP256SHA256"),
                leaf("SigningAlgorithmType", "13"),
                leaf("DigestAlgorithmMnemonic", "SHA-256"),
                leaf("DigestAlgorithmType", "2"),
                leaf("KeyTag", &zone.key_tag().to_string()),
                leaf("DigestValue", &zone.digest()),
                leaf("PublicKey", zone.key()),
                leaf("DSRecord", &zone.ds()),
                leaf("DNSKEYRecord", &format!("257 3 13 {}", zone.key())),
                leaf("Status", status),
            ];
            node("KeySigningKey", parts.concat())
        });
        let keys = node("KeySigningKeys", keys.collect::<String>());
        document(
            "GetDNSSECResponse",
            node("Status", leaf("ServeSignature", state)) + &keys,
        )
    }

    fn create_key(&mut self, shelf: &Shelf, body: &Element) -> Result<(u16, String), Refusal> {
        let names: Vec<&str> = body
            .children
            .iter()
            .map(|child| child.name.as_str())
            .collect();
        let wanted = [
            "CallerReference",
            "HostedZoneId",
            "KeyManagementServiceArn",
            "Name",
            "Status",
        ];
        if body.name != "CreateKeySigningKeyRequest" || names != wanted {
            return refuse(
                400,
                "InvalidInput",
                format!("unexpected elements: {names:?}"),
            );
        }
        let [reference, zone, kms_key, name, status] = wanted.map(|part| body.text_at(&[part]));
        if zone_id(shelf.zone(APEX).unwrap()) != zone {
            return refuse(
                404,
                "NoSuchHostedZone",
                format!("No hosted zone found with ID: {zone}"),
            );
        }
        if reference.is_empty() || reference.len() > 128 {
            return refuse(400, "InvalidInput", "CallerReference");
        }
        if !(3..=128).contains(&name.len())
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return refuse(
                400,
                "InvalidKeySigningKeyName",
                "The key-signing key (KSK) name that you specified isn't a valid name.",
            );
        }
        if kms_key != KMS_KEY {
            return refuse(
                400,
                "InvalidKMSArn",
                "The KeyManagementServiceArn that you specified isn't valid to use with DNSSEC signing.",
            );
        }
        if self
            .keys
            .iter()
            .any(|key| key.name == name || key.kms_key == kms_key)
        {
            return refuse(
                409,
                "KeySigningKeyAlreadyExists",
                "You've already created a key-signing key (KSK) with this name.",
            );
        }
        self.keys.push(SigningKey {
            name: name.to_owned(),
            kms_key: kms_key.to_owned(),
            active: status == "ACTIVE",
        });
        Ok((201, pending("CreateKeySigningKeyResponse")))
    }
}

fn hosted(id: &str, name: &str, private: bool) -> String {
    let config = leaf("PrivateZone", if private { "true" } else { "false" });
    let parts = [
        leaf("Id", &format!("/hostedzone/{id}")),
        leaf("Name", &name_text(name)),
        leaf("CallerReference", "synthetic"),
        node("Config", config),
        leaf("ResourceRecordSetCount", "8"),
    ];
    parts.concat()
}

/// Every zone from the asked name on; beside [`APEX`] there is a private zone of the same name.
fn zones(shelf: &Shelf, request: &Request) -> String {
    let public = shelf
        .zones
        .iter()
        .map(|zone| (zone.name.clone(), zone_id(zone), false));
    let mut all: Vec<_> = public
        .chain([(APEX.to_owned(), "Z0PRIVATE".to_owned(), true)])
        .collect();
    all.sort_by_key(|(name, id, _)| (order(name), id.clone()));
    let from = query(request, "dnsname").map(|name| order(&name_from(&name)));
    let from = (
        from.unwrap_or_default(),
        query(request, "hostedzoneid").unwrap_or_default(),
    );
    all.retain(|(name, id, _)| (order(name), id.clone()) >= from);
    let rest = all.split_off(all.len().min(ZONES));
    let zones = all
        .iter()
        .map(|(name, id, private)| node("HostedZone", hosted(id, name, *private)));
    let mut content = node("HostedZones", zones.collect::<String>());
    content += &leaf(
        "IsTruncated",
        if rest.is_empty() { "false" } else { "true" },
    );
    if let Some((name, id, _)) = rest.first() {
        content += &(leaf("NextDNSName", &name_text(name)) + &leaf("NextHostedZoneId", id));
    }
    document(
        "ListHostedZonesByNameResponse",
        content + &leaf("MaxItems", "100"),
    )
}
