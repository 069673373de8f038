//! Any server that takes dynamic updates (RFC 2136) signed with a shared key (TSIG, RFC 8945): BIND, Knot, PowerDNS and others.
//!
//! The server itself guards a write: the update carries what must be live as its prerequisite, and the server compares and
//! changes in one step. Prerequisites do not cover the TTL, so the set is read before as well.

mod exchange;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name as WireName, Record, RecordType as WireType, TSigner, rdata::tsig::TsigAlgorithm},
};
use secrecy::ExposeSecret;

use self::exchange::{Exchange, Question, Server};
use crate::{
    Access, Call, Capabilities, Change, Delegation, DelegationKey, Error, Field, HandsOver, Info, Instructions, Kind, Name,
    Outcome, Provider, RecordType, Result, Right, Rrset, ShownBy, Signer, Signing, TTL_MAX, Writes, Zone,
    guard::{self, Verdict},
};

pub(crate) static INFO: Info = Info {
    slug: "rfc2136",
    title: "Dynamic updates (RFC 2136)",
    docs: "https://www.rfc-editor.org/rfc/rfc2136",
    nameservers: &[],
    fields: &[
        Field {
            key: "server",
            meaning: "the zone's primary server, with a port unless it is 53, such as 192.0.2.1 or ns1.example:5353",
            env: "RFC2136_SERVER",
            secret: false,
            default: None,
        },
        Field {
            key: "key-name",
            meaning: "name of the TSIG key, as the server has it",
            env: "RFC2136_KEY_NAME",
            secret: false,
            default: None,
        },
        Field {
            key: "key-secret",
            meaning: "the TSIG key's secret in base64",
            env: "RFC2136_KEY_SECRET",
            secret: true,
            default: None,
        },
        Field {
            key: "algorithm",
            meaning: "hmac-sha256, hmac-sha384 or hmac-sha512",
            env: "RFC2136_ALGORITHM",
            secret: false,
            default: Some("hmac-sha256"),
        },
    ],
    capabilities: Capabilities {
        reads: true,
        signs: false,
        keys: true,
        writes: Writes::Guarded,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "the server's policy",
    },
    limits: &[],
    rights: "The key must be let update MX at the apex, TXT at the apex, _mta-sts and _smtp._tls, and CNAME at mta-sts. \
             With the right to transfer the zone (AXFR) its largest TTL is known; without it the wait before the DS is longer.",
    access: Access {
        rights: &[
            Right {
                name: "the TSIG key itself",
                purpose: "ask the primary server under the key's name",
                shown_by: ShownBy::Reading,
            },
            Right {
                name: "update of MX and TXT at the apex, TXT at _mta-sts and _smtp._tls, CNAME at mta-sts",
                purpose: "change the MX and MTA-STS records",
                shown_by: ShownBy::Write,
            },
            Right {
                name: "transfer of the zone (AXFR)",
                purpose: "know its largest TTL, which shortens the wait before the DS",
                shown_by: ShownBy::Listing,
            },
        ],
        made_at: "The primary server's configuration: a key and its rules (BIND: tsig-keygen and update-policy; Knot: keymgr \
                  and acl; PowerDNS: pdnsutil and TSIG-ALLOW-DNSUPDATE).",
        told: "DNS has no question for a key's own rights; only an update shows whether it is let.",
    },
    connect: |fields, options| {
        let server = fields.text("server");
        let server = Server::parse(server)
            .ok_or_else(|| fields.wrong("server", "it is neither an address nor a host name, with or without a port"))?;
        let algorithm = match fields.text("algorithm").to_ascii_lowercase().trim_end_matches('.') {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(fields.wrong("algorithm", "hmac-sha256, hmac-sha384 and hmac-sha512 are known; weaker ones are not used")),
        };
        let name = Name::parse(fields.text("key-name")).map_err(|error| fields.wrong("key-name", error))?;
        let name = wire::wire_name(&name).map_err(|error| fields.wrong("key-name", error))?;
        // The cause is left out: it would show a character of the secret.
        let secret = STANDARD
            .decode(fields.secret("key-secret").expose_secret())
            .map_err(|_| fields.wrong("key-secret", "it is not base64"))?;
        let signer = TSigner::new(secret, algorithm, name, 300).map_err(|error| fields.wrong("algorithm", error))?;
        let (timeout, counter) = (options.timeout, options.counter);
        Ok(Box::new(Rfc2136(Exchange { provider: INFO.slug, server, signer, timeout, counter })))
    },
};

/// How long a server may take from accepting a change to serving it. Inline signing takes well below a second.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

struct Rfc2136(Exchange);

impl std::fmt::Debug for Rfc2136 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rfc2136").field("server", &self.0.server).finish_non_exhaustive()
    }
}

impl Rfc2136 {
    fn protocol(&self, operation: &str) -> impl Fn(String) -> Error {
        move |message| self.0.error(operation, Kind::Protocol, message)
    }

    /// One question; the answer has authority and says `NOERROR` or `NXDOMAIN`.
    async fn query(&self, call: Call, operation: &str, name: &WireName, rtype: WireType) -> Result<Message> {
        let message = wire::query(name.clone(), rtype, rtype == WireType::DNSKEY);
        let answer = self.0.ask(Question { call, operation, message }).await?;
        let code = answer.metadata.response_code;
        if let Some(error) = self.0.refused(operation, &answer).filter(|_| code != ResponseCode::NXDomain) {
            return Err(error);
        }
        if !answer.metadata.authoritative {
            let message = "the server has no authority for this name: it is not the zone's primary, or the name is delegated away";
            return Err(self.0.error(operation, Kind::NotFound, message.to_owned()));
        }
        Ok(answer)
    }

    /// The records of one set as they came: their exact form is what a prerequisite must repeat.
    async fn records(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<(Option<Rrset>, Vec<Record>)> {
        let operation = format!("read {rtype} at {name}");
        let protocol = self.protocol(&operation);
        let owner = wire::wire_name(name).map_err(&protocol)?;
        let answer = self.query(Call::Read, &operation, &owner, wire::wire_type(rtype)).await?;
        let records = wire::records_of(&answer, &owner, wire::wire_type(rtype));
        if records.is_empty() || self.is_from_wildcard(zone, name, rtype, &operation).await? {
            return Ok((None, Vec::new()));
        }
        let set = wire::set_of(&records, name, rtype).map_err(protocol)?;
        Ok((set, records))
    }

    /// Whether an answer at `name` was made from a wildcard: such a set is served, but there is none to change.
    async fn is_from_wildcard(&self, zone: &Zone, name: &Name, rtype: RecordType, operation: &str) -> Result<bool> {
        let protocol = self.protocol(operation);
        let mut above = name.parent();
        while let Some(ancestor) = above.filter(|above| above.is_within(&zone.apex)) {
            let star = ancestor.child("*").map_err(|error| protocol(error.to_string()))?;
            let star = wire::wire_name(&star).map_err(&protocol)?;
            let answer = self.query(Call::Read, operation, &star, wire::wire_type(rtype)).await?;
            if !wire::records_of(&answer, &star, wire::wire_type(rtype)).is_empty() {
                let apex = wire::wire_name(&zone.apex).map_err(&protocol)?;
                let message = wire::exists(apex, &wire::wire_name(name).map_err(&protocol)?, rtype);
                let answer = self.0.ask(Question { call: Call::Read, operation, message }).await?;
                return match answer.metadata.response_code {
                    ResponseCode::NXRRSet | ResponseCode::NXDomain => Ok(true),
                    _ => self.0.refused(operation, &answer).map_or(Ok(false), Err),
                };
            }
            above = ancestor.parent();
        }
        Ok(false)
    }

    /// Compare and set in one message.
    async fn swap(&self, zone: &Zone, change: &Change, before: &[Record]) -> Result<()> {
        let operation = guard::operation(change);
        let wrong = |message| self.0.error(&operation, Kind::Rejected, message);
        let apex = wire::wire_name(&zone.apex).map_err(wrong)?;
        let name = wire::wire_name(change.name()).map_err(wrong)?;
        let after = match change.after() {
            None => None,
            Some(after) => {
                let values = after.values().iter().map(wire::encode).collect::<Result<_, _>>().map_err(wrong)?;
                Some((after.ttl(), values))
            }
        };
        let message = wire::update(apex, &name, change.rtype(), before, after);
        let answer = self.0.ask(Question { call: Call::Write, operation: &operation, message }).await?;
        self.0.refused(&operation, &answer).map_or(Ok(()), Err)
    }

    /// Reads a transfer to its end; the largest TTL in it.
    async fn transfer(&self, apex: &WireName, operation: &str) -> Result<u32> {
        let message = wire::query(apex.clone(), WireType::AXFR, false);
        let mut question = Question { call: Call::List, operation, message };
        let mut talk = self.0.open(&mut question).await?;
        let (mut largest, mut soas) = (0, 0);
        while soas < 2 {
            let part = self.0.next(&mut talk, &question).await?;
            if let Some(error) = self.0.refused(operation, &part) {
                return Err(error);
            }
            if part.answers.is_empty() {
                return Err(self.0.error(operation, Kind::Protocol, "the transfer has an empty part".to_owned()));
            }
            for record in &part.answers {
                largest = largest.max(record.ttl);
                soas += u32::from(record.record_type() == WireType::SOA);
            }
        }
        Ok(largest)
    }
}

#[async_trait]
impl Provider for Rfc2136 {
    fn info(&self) -> &'static Info {
        &INFO
    }

    async fn zone(&self, apex: &Name) -> Result<Zone> {
        let operation = format!("find the zone {apex}");
        let protocol = self.protocol(&operation);
        let owner = wire::wire_name(apex).map_err(&protocol)?;
        let answer = self.query(Call::Zone, &operation, &owner, WireType::SOA).await.map_err(|error| match error.status {
            // To servers, "not my zone" is a refusal.
            Some(code) if code == u16::from(ResponseCode::Refused) => Error { kind: Kind::NotFound, ..error },
            _ => error,
        })?;
        if wire::records_of(&answer, &owner, WireType::SOA).is_empty() {
            let message = format!("{apex} is no zone of its own on this server, only a name in another");
            return Err(self.0.error(&operation, Kind::NotFound, message));
        }
        let answer = self.query(Call::Zone, &operation, &owner, WireType::NS).await?;
        let mut nameservers = Vec::new();
        for record in wire::records_of(&answer, &owner, WireType::NS) {
            if let hickory_proto::rr::RData::NS(server) = &record.data {
                nameservers.push(wire::plain_name(&server.0).map_err(&protocol)?);
            }
        }
        nameservers.sort();
        Ok(Zone {
            id: apex.fqdn(),
            apex: apex.clone(),
            nameservers,
            ttl: 0..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        Ok(self.records(zone, name, rtype).await?.0)
    }

    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        let (live, records) = self.records(zone, change.name(), change.rtype()).await?;
        if guard::compare(INFO.slug, live.as_ref(), change)? == Verdict::Unchanged {
            return Ok(Outcome::Unchanged);
        }
        self.swap(zone, change, &records).await?;
        guard::confirm_within(self, zone, change, SHOWS_WITHIN.min(self.0.timeout)).await
    }

    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>> {
        let operation = format!("transfer the zone {}", zone.apex);
        let apex = wire::wire_name(&zone.apex).map_err(self.protocol(&operation))?;
        match self.transfer(&apex, &operation).await {
            Ok(largest) => Ok(Some(largest)),
            // Many servers let nobody transfer; that is an answer.
            Err(error) if matches!(error.kind, Kind::Forbidden | Kind::Unsupported) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }
}

/// Signing is the server's configuration: it is seen here, and done by a person.
#[async_trait]
impl Signer for Rfc2136 {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        let operation = format!("tell whether {} is signed", zone.apex);
        let protocol = self.protocol(&operation);
        let apex = wire::wire_name(&zone.apex).map_err(&protocol)?;
        let answer = self.query(Call::ReadSigning, &operation, &apex, WireType::DNSKEY).await?;
        let (keys, some) = wire::signing_keys(&answer, &apex).map_err(&protocol)?;
        let keys: Vec<_> = keys
            .into_iter()
            .map(|key| DelegationKey::from_dnskey(&zone.apex, key))
            .collect::<Result<_, _>>()
            .map_err(|error| protocol(error.to_string()))?;
        Ok(match (keys.is_empty(), some) {
            (false, _) => Signing::On(keys),
            (true, true) => Signing::Pending,
            (true, false) => Signing::Off,
        })
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        Ok(match self.status(zone).await? {
            Signing::On(_) => Outcome::Unchanged,
            _ => Outcome::Asked(Instructions::sign(&zone.apex)),
        })
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        Ok(match self.status(zone).await? {
            Signing::Off => Outcome::Unchanged,
            _ => Outcome::Asked(Instructions::unsign(&zone.apex)),
        })
    }
}

#[cfg(test)]
mod tests;
