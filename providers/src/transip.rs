//! TransIP, host and registrar.
//!
//! The interface signs nothing: TransIP signs domains on its own name servers without being asked. One entry can be added or
//! deleted, but no TTL changed in place, and two entries that differ in the TTL alone are not known to be possible; so the list
//! of entries is read and put back with the one set changed. Entries of others stay word for word.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Access, Call, Capabilities, Change, Counts, Delegation, DelegationKey, DigestType, Dnskey, Ds, Error, Field, HandsOver, Info, Kind,
    Limit, Name, Outcome, Provider, RecordData, RecordType, Registrar, Result, Right, Rrset, ShownBy, TTL_MAX, Takes, Token,
    Writes, Zone,
    auth::{Bearer, Issuer, secret_header, sign_sha512},
    guard::{self, Verdict},
    http::{Explained, Http, Request},
    text,
};

pub(crate) static INFO: Info = Info {
    slug: "transip",
    title: "TransIP",
    docs: "https://api.transip.nl/rest/docs.html",
    nameservers: &["transip.net", "transip.nl", "transip.eu"],
    fields: &[
        Field { key: "login", meaning: "the name of the account", env: "TRANSIP_LOGIN", secret: false, default: None },
        Field {
            key: "private-key",
            meaning: "the private key of an API key pair, in PEM",
            env: "TRANSIP_PRIVATE_KEY",
            secret: true,
            default: None,
        },
        Field {
            key: "global-key",
            meaning: "whether the key pair may be used from any address, not only from those on the account's list",
            env: "TRANSIP_GLOBAL_KEY",
            secret: false,
            default: Some("true"),
        },
        Field {
            key: "url",
            meaning: "address of the interface",
            env: "TRANSIP_URL",
            secret: false,
            default: Some("https://api.transip.nl/v6"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: false,
        writes: Writes::WholeZone,
        delegation: Delegation::ByHand,
        registrar: Some(Takes::Dnskey),
        ttl_floor: "none is documented; 60 s is the least in its control panel",
    },
    // https://api.transip.nl/rest/docs.html#header-rate-limit
    limits: &[Limit::of_credential(Counts::All, 1000, Duration::from_secs(900))],
    rights: "An API key pair. It opens the whole account; limit it to this machine's address where that stays the same.",
    access: Access {
        rights: &[
            Right { name: "an API key pair", purpose: "find the domain and read its entries", shown_by: ShownBy::Reading },
            Right {
                name: "the API switched on for the account",
                purpose: "change the MX and MTA-STS records and publish the DS",
                shown_by: ShownBy::Write,
            },
        ],
        made_at: "TransIP control panel, My account, API: switch it on, then Key pairs, Add.",
        told: "TransIP knows no rights of a key pair but reading only, which is asked for with each token.",
    },
    connect: |fields, options| {
        let key = fields.secret("private-key");
        let global = match fields.text("global-key") {
            "true" => true,
            "false" => false,
            _ => return Err(fields.wrong("global-key", "it is true or false")),
        };
        let http = || Http::new(&INFO, fields.text("url"), &[], explain, &options);
        let mut plain = http()?;
        plain.hide(key.clone());
        let minter = Minter { http: plain, login: fields.text("login").to_owned(), key: key.clone(), global };
        let http = http()?.authorized(&INFO, Arc::new(Bearer::new(minter)), &[key], &options);
        Ok(Box::new(TransIp { http }))
    },
};

/// For how long a token is asked for.
const TOKEN: Duration = Duration::from_secs(1800);
/// Longest TXT value.
const TXT: usize = 1024;

#[derive(Debug)]
struct TransIp {
    http: Http,
}

/// Mints tokens: a request that is signed with the private key.
struct Minter {
    http: Http,
    login: String,
    key: SecretString,
    global: bool,
}

#[async_trait]
impl Issuer for Minter {
    async fn issue(&self) -> Result<Token> {
        let operation = "sign in";
        let refuse = |message: &str| Error::new(INFO.slug, operation, Kind::Auth, message);
        let mut nonce = [0; 8];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| refuse("the system gave no random number"))?;
        let nonce = text::hex(&nonce).to_lowercase();
        let mut request = self.http.request(Call::SignIn, operation, Method::POST, &["auth"]).json(&json!({
            "login": self.login,
            "nonce": nonce,
            "read_only": false,
            "expiration_time": format!("{} seconds", TOKEN.as_secs()),
            "label": format!("rollout-{nonce}"),
            "global_key": self.global,
        }));
        let signature = sign_sha512(&self.key, request.text().as_bytes())
            .ok_or_else(|| refuse("\"private-key\" is no private RSA key in PEM, of at least 2048 bits"))?;
        let (name, value) = secret_header(reqwest::header::HeaderName::from_static("signature"), &signature, &request)?;
        request.headers.insert(name, value);
        let WireToken { token } = self.http.json(&request).await?;
        Ok(Token { secret: token.into(), good_for: TOKEN })
    }
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
}

#[derive(Deserialize)]
struct WireDomain {
    domain: WireDomainName,
}

#[derive(Deserialize)]
struct WireDomainName {
    name: String,
}

/// The whole list, as it came: what is not ours goes back word for word.
#[derive(Serialize, Deserialize)]
struct WireEntries {
    #[serde(rename = "dnsEntries")]
    entries: Vec<Value>,
}

#[derive(Deserialize)]
struct WireEntry {
    name: String,
    expire: u32,
    #[serde(rename = "type")]
    rtype: String,
    content: String,
}

#[derive(Deserialize)]
struct WireKeys {
    #[serde(rename = "dnsSecEntries")]
    keys: Vec<WireKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    key_tag: u16,
    flags: u16,
    algorithm: u8,
    public_key: String,
}

impl WireKey {
    fn of(key: &Dnskey) -> Self {
        let public_key = STANDARD.encode(&key.public_key);
        Self { key_tag: key.key_tag(), flags: key.flags, algorithm: key.algorithm, public_key }
    }

    fn ds(&self, zone: &Name) -> Result<Ds, crate::KeyError> {
        let key: Dnskey = format!("{} 3 {} {}", self.flags, self.algorithm, self.public_key).parse()?;
        Ok(key.ds(zone, DigestType::Sha256))
    }
}

fn explain(_: u16, body: &[u8]) -> Explained {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    let message = serde_json::from_slice(body).ok().map(|Body { error }| error);
    Explained { message, ..Explained::default() }
}

impl TransIp {
    fn request(&self, call: Call, operation: &str, method: Method, below: &[&str]) -> Request {
        let path = [&["domains"], below].concat();
        self.http.request(call, operation, method, &path)
    }

    async fn entries(&self, call: Call, operation: &str, zone: &Zone) -> Result<Vec<(WireEntry, Value)>> {
        let request = self.request(call, operation, Method::GET, &[&zone.id, "dns"]);
        let WireEntries { entries } = self.http.json(&request).await?;
        let read = |raw: Value| WireEntry::deserialize(&raw).map(|entry| (entry, raw));
        entries.into_iter().map(read).collect::<Result<_, _>>().map_err(|error| self.http.unread(&request, error))
    }

    async fn on_file(&self, operation: &str, apex: &Name) -> Result<Vec<(WireKey, Ds)>> {
        let request = self.request(Call::ReadDelegation, operation, Method::GET, &[apex.as_str(), "dnssec"]);
        let WireKeys { keys } = self.http.json(&request).await?;
        let read = |key: WireKey| key.ds(apex).map(|ds| (key, ds));
        keys.into_iter().map(read).collect::<Result<_, _>>().map_err(|error| self.http.unread(&request, error))
    }
}

/// `@` at the apex.
fn relative<'a>(zone: &Name, name: &'a Name) -> &'a str {
    match name.relative_to(zone) {
        Some("") => "@",
        other => other.unwrap_or(name.as_str()),
    }
}

fn is_of(entry: &WireEntry, zone: &Name, name: &Name, rtype: RecordType) -> bool {
    let owner = relative(zone, name);
    entry.rtype == rtype.as_str() && (entry.name.eq_ignore_ascii_case(owner) || owner == "@" && entry.name.is_empty())
}

/// As in a zone file: a host name without its final dot is below the zone.
fn host(text: &str, zone: &Name) -> Result<Name, String> {
    let name = match text {
        "@" => return Ok(zone.clone()),
        absolute if absolute.ends_with('.') => Name::parse(absolute),
        below => zone.child(below),
    };
    name.map_err(|error| error.to_string())
}

fn decode<'a>(
    entries: impl Iterator<Item = &'a WireEntry>,
    zone: &Name,
    name: &Name,
    rtype: RecordType,
) -> Result<Option<Rrset>, String> {
    let (mut ttl, mut values) = (0, Vec::new());
    for entry in entries.filter(|entry| is_of(entry, zone, name, rtype)) {
        ttl = ttl.max(entry.expire);
        values.push(match rtype {
            RecordType::Mx => {
                let (preference, exchange) = entry.content.trim().split_once(' ').ok_or("an MX entry without a preference")?;
                let preference = preference.parse().map_err(|_| "an MX entry without a preference")?;
                RecordData::mx(preference, host(exchange.trim(), zone)?)
            }
            RecordType::Cname => RecordData::Cname(host(entry.content.trim(), zone)?),
            // As it was typed in, without quotes around it.
            RecordType::Txt => RecordData::txt(entry.content.as_str()),
        });
    }
    match values.as_slice() {
        [] => Ok(None),
        _ => Rrset::new(name.clone(), rtype, ttl, values).map(Some).map_err(|error| error.to_string()),
    }
}

/// The entries of a set, or why TransIP cannot hold it.
fn encode(zone: &Name, set: &Rrset) -> Result<Vec<Value>, String> {
    let entry = |value: &RecordData| {
        let content = match value {
            RecordData::Mx { exchange, .. } if exchange.is_root() => return Err("TransIP cannot hold a null MX".to_owned()),
            RecordData::Txt(bytes) => match text::plain(bytes) {
                Some(text) if text.is_empty() || text.len() > TXT => {
                    return Err("TransIP cannot hold a text that is empty or has more than 1024 characters".to_owned());
                }
                Some(text) if text.contains(['\\', '`']) || text.starts_with(' ') || text.ends_with(' ') => {
                    return Err("TransIP cannot hold a text with a backslash, a backtick, or a blank at its end".to_owned());
                }
                Some(text) => text.to_owned(),
                None => return Err("TransIP cannot hold a text of other than printable ASCII characters".to_owned()),
            },
            other => other.to_string(),
        };
        Ok(json!({ "name": relative(zone, set.name()), "expire": set.ttl(), "type": set.rtype().as_str(), "content": content }))
    };
    set.values().iter().map(entry).collect()
}

#[async_trait]
impl Provider for TransIp {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let request = self.request(Call::Zone, &operation, Method::GET, &[apex.as_str()]);
        let WireDomain { domain } = self.http.json(&request).await?;
        if Name::parse(&domain.name).as_ref() != Ok(apex) {
            let message = format!("TransIP has {:?} instead", text::harmless(&domain.name, 80));
            return Err(Error::new(INFO.slug, operation, Kind::NotFound, message));
        }
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: 0..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        let operation = format!("read {rtype} at {name}");
        let entries = self.entries(Call::Read, &operation, zone).await?;
        decode(entries.iter().map(|(entry, _)| entry), &zone.apex, name, rtype)
            .map_err(|message| Error::new(INFO.slug, operation, Kind::Protocol, message))
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let (operation, name, rtype) = (guard::operation(change), change.name(), change.rtype());
        let fail = |kind, message| Error::new(INFO.slug, &operation, kind, message);
        let wanted = change.after().map_or_else(|| Ok(Vec::new()), |after| encode(&zone.apex, after));
        let wanted = wanted.map_err(|message| fail(Kind::Rejected, message))?;
        let entries = self.entries(Call::Read, &format!("read {rtype} at {name}"), zone).await?;
        let live = decode(entries.iter().map(|(entry, _)| entry), &zone.apex, name, rtype);
        let live = live.map_err(|message| fail(Kind::Protocol, message))?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        let others = entries.into_iter().filter(|(entry, _)| !is_of(entry, &zone.apex, name, rtype)).map(|(_, raw)| raw);
        let body = WireEntries { entries: others.chain(wanted).collect() };
        let request = self.request(Call::Write, &operation, Method::PUT, &[&zone.id, "dns"]).json(&body);
        self.http.send(&request).await?;
        guard::confirm(self, zone, change).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let entries = self.entries(Call::List, &format!("list the zone {}", zone.apex), zone).await?;
        Ok(entries.iter().map(|(entry, _)| entry.expire).max())
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Registrar for TransIp {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        let on_file = self.on_file(&format!("read the delegation of {apex}"), apex).await?;
        Ok(on_file.into_iter().map(|(_, ds)| ds).collect())
    }

    async fn set_delegation(&self, apex: &Name, before: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        let operation = guard::delegate(apex);
        let on_file = self.on_file(&operation, apex).await?;
        let (mut wanted, mut after) = (Vec::new(), Vec::new());
        for key in keys {
            let Some(dnskey) = &key.dnskey else {
                let message = "TransIP takes keys, and of this one only the digest is known";
                return Err(Error::new(INFO.slug, operation, Kind::Rejected, message));
            };
            wanted.push(WireKey::of(dnskey));
            after.push(dnskey.ds(apex, DigestType::Sha256));
        }
        let live: Vec<_> = on_file.into_iter().map(|(_, ds)| ds).collect();
        if guard::compare_delegation(INFO.slug, apex, &live, before, &after)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        // The list is replaced as a whole.
        let request = self.request(Call::WriteDelegation, &operation, Method::PUT, &[apex.as_str(), "dnssec"]);
        self.http.send(&request.json(&json!({ "dnsSecEntries": wanted }))).await?;
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
            for zone in [set.name().clone(), set.name().parent().unwrap_or_else(Name::root)] {
                let Ok(entries) = encode(&zone, &set) else {
                    prop_assert!(set.rtype() != RecordType::Cname, "an alias can always be held");
                    continue;
                };
                let wire: Vec<WireEntry> = entries.into_iter().map(|entry| serde_json::from_value(entry).unwrap()).collect();
                let decoded = decode(wire.iter(), &zone, set.name(), set.rtype()).unwrap();
                prop_assert_eq!(decoded.as_ref(), Some(&set));
            }
        }
    }

    #[test]
    fn host_names_are_as_in_a_zone_file() {
        let zone: Name = "example.com".parse().unwrap();
        for (text, name) in [("@", "example.com"), ("mail", "mail.example.com"), ("mail.example.net.", "mail.example.net")] {
            assert_eq!(host(text, &zone).unwrap(), name.parse().unwrap());
        }
    }
}
