//! What one name and type gave, and how far it can be trusted, where the chain down to it is known.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use super::Dns;
use super::convert::{from_library, record_type, records_at, signatures, soa, to_library};
use super::denial::{Link, open_by_opt_out};
use super::engine::{Engine, Heard, Said, has, wildcard_holds, wildcard_left_open};
use super::memory::Reply;
use super::pin::Way;
use super::record::{Data, Kind, Record, Signatures, Soa};
use super::view::{Source, Status};
use super::why;

/// What one name and type gave.
pub(super) struct Found {
    pub(super) status: Status,
    pub(super) content: Content,
    pub(super) soa: Option<Soa>,
    pub(super) signatures: Option<Signatures>,
    pub(super) from: Option<Source>,
}

pub(super) enum Content {
    Records(Vec<Record>),
    Alias { to: String, ttl: u32 },
    NoData,
    NxDomain,
    Unknown,
}

/// Asks one way and judges what comes.
#[derive(Clone)]
pub(super) struct Judge {
    way: Way,
    /// `None`: each answer is validated from the ground up, so that it is fresh.
    engine: Option<Engine>,
}

impl Judge {
    /// Asks whoever is responsible.
    pub(super) const fn open(dns: Dns) -> Self {
        Self {
            way: Way::open(dns),
            engine: None,
        }
    }

    /// Asks one address, and asks it nothing twice; with what was verified in this run.
    pub(super) fn of_run(way: Way) -> Self {
        Self {
            engine: Some(Engine::of_run(way.clone())),
            way,
        }
    }

    /// Asks one address, and asks it nothing twice.
    pub(super) fn of_one_look(way: Way) -> Self {
        Self {
            engine: Some(Engine::new(way.clone())),
            way,
        }
    }

    /// The answer and its verdict, below a chain of which this is known.
    pub(super) async fn below(&self, chain: &Link, name: &Name, kind: Kind) -> Found {
        match chain {
            Link::Secure | Link::Nothing | Link::NotACut => self.checked(name, kind).await,
            Link::Insecure => self.served(name, kind, Status::Insecure).await,
            Link::Bogus(why) => {
                let why = why.clone();
                self.served(name, kind, Status::Bogus { why }).await
            }
            Link::Unknown(why) => {
                let why = why.clone();
                self.served(name, kind, Status::Indeterminate { why }).await
            }
        }
    }

    /// The library's verdict about one question, asked again where a lookup failed on the way.
    pub(super) async fn verdict(&self, name: &Name, kind: RecordType) -> Heard {
        let room = self.way.room(name, kind).await;
        let heard = match (&self.engine, &room) {
            (Some(engine), _) => return Box::pin(engine.ask(name, kind)).await,
            (None, Ok(_)) => Box::pin(Engine::of_run(self.way.clone()).ask(name, kind)).await,
            (None, Err(failure)) => Heard {
                verdict: Said::Unknown(failure.to_string()),
                from: None,
            },
        };
        drop(room);
        if matches!(heard.verdict, Said::Unknown(_)) {
            let again = Engine::new(self.way.clone());
            return Box::pin(again.ask(name, kind)).await;
        }
        heard
    }

    /// The answer with the library's verdict, where the chain down to the zone is secure.
    async fn checked(&self, name: &Name, kind: Kind) -> Found {
        let wanted = record_type(kind);
        let Heard { verdict, from } = self.verdict(name, wanted).await;
        let mut found = match verdict {
            Said::Secure(message) if wildcard_left_open(&message, name) => {
                found(&message, name, wanted, Status::Insecure)
            }
            Said::Secure(message) => found(&message, name, wanted, Status::Secure),
            Said::Insecure(message) => found(&message, name, wanted, Status::Insecure),
            Said::Bogus(message) if wildcard_holds(&message, name) => {
                found(&message, name, wanted, Status::Secure)
            }
            Said::Bogus(message) if is_left_open(&message, name) => {
                found(&message, name, wanted, Status::Insecure)
            }
            Said::Bogus(message) => match Box::pin(self.alias_of_dname(&message, name)).await {
                Some(found) => found,
                None => {
                    let why = Box::pin(self.reason(&message, name, wanted)).await;
                    let why = format!("{kind} of {:?}: {why}", from_library(name));
                    found(&message, name, wanted, Status::Bogus { why })
                }
            },
            Said::Unknown(why) => unknown(why),
        };
        found.from = found.from.or(from);
        found
    }

    /// The answer as served, where the verdict is known beforehand.
    async fn served(&self, name: &Name, kind: Kind, status: Status) -> Found {
        let wanted = record_type(kind);
        match self.way.resolve(name, wanted).await {
            Ok(Reply { message, from, .. }) => {
                let mut found = found(&message, name, wanted, status);
                found.from = Some(from);
                found
            }
            Err(failure) => unknown(match status.why() {
                Some(why) => why.to_owned(),
                None => format!("{kind} of {:?}: {failure}", from_library(name)),
            }),
        }
    }

    /// Collects the zone's keys and DS, as served, to say what is wrong.
    async fn reason(&self, message: &Message, name: &Name, kind: RecordType) -> String {
        let named = why::signer(message)
            .or_else(|| soa(&message.authorities).and_then(|s| to_library(&s.zone).ok()));
        let zone = match named {
            Some(zone) => Some(zone),
            None => self
                .way
                .dns
                .path_to(name, kind == RecordType::DS, 0)
                .await
                .ok()
                .and_then(|mut path| path.pop())
                .map(|zone| zone.name),
        };
        let Some(zone) = zone else {
            return why::explain(message, name, kind, None, &[]);
        };
        let keys = self.way.resolve(&zone, RecordType::DNSKEY).await.ok();
        let ds = match self.way.resolve(&zone, RecordType::DS).await {
            Ok(reply) => records_at(&reply.message.answers, &zone, RecordType::DS),
            Err(_) => Vec::new(),
        };
        why::explain(
            message,
            name,
            kind,
            keys.as_ref().map(|k| k.message.as_ref()),
            &ds,
        )
    }

    /// An alias made from a DNAME has no signature of its own, so the library calls it bogus. It is made again here
    /// from the DNAME, which is validated (RFC 6672, 5.3.1). `None`: the answer is no such alias.
    pub(super) async fn alias_of_dname(&self, message: &Message, name: &Name) -> Option<Found> {
        if !has(message, name, RecordType::CNAME) || why::signer(message).is_some() {
            return None;
        }
        let dname = record_type(Kind::Dname);
        let reply = self.way.resolve(name, RecordType::CNAME).await.ok()?;
        let owner = reply
            .message
            .answers
            .iter()
            .find(|r| r.record_type() == dname && r.name.zone_of(name) && r.name != *name)
            .map(|r| r.name.clone())?;
        let Heard { verdict, from } = self.verdict(&owner, dname).await;
        let (message, status) = match verdict {
            Said::Secure(message) => (message, Status::Secure),
            Said::Insecure(message) => (message, Status::Insecure),
            Said::Bogus(message) => {
                let why = Box::pin(self.reason(&message, &owner, dname)).await;
                (message, Status::Bogus { why })
            }
            Said::Unknown(why) => return Some(unknown(why)),
        };
        let records = records_at(&message.answers, &owner, dname);
        let [
            Record {
                data: Data::Dname(target),
                ttl,
                ..
            },
        ] = records.as_slice()
        else {
            return None;
        };
        let full = from_library(name);
        let prefix = full.strip_suffix(&from_library(&owner))?;
        Some(Found {
            status,
            content: Content::Alias {
                to: format!("{prefix}{target}"),
                ttl: *ttl,
            },
            soa: None,
            signatures: None,
            from,
        })
    }
}

fn found(message: &Message, name: &Name, kind: RecordType, status: Status) -> Found {
    let records = records_at(&message.answers, name, kind);
    let owned = if records.iter().any(|r| !matches!(r.data, Data::Cname(_))) {
        kind
    } else {
        RecordType::CNAME
    };
    let signatures = signatures(&message.answers, name, owned);
    let content = match records.as_slice() {
        [] if message.metadata.response_code == ResponseCode::NXDomain => Content::NxDomain,
        [] => Content::NoData,
        [
            Record {
                data: Data::Cname(to),
                ttl,
                ..
            },
            ..,
        ] if kind != RecordType::CNAME => Content::Alias {
            to: to.clone(),
            ttl: *ttl,
        },
        _ => Content::Records(records),
    };
    Found {
        status,
        content,
        soa: soa(&message.authorities),
        signatures,
        from: None,
    }
}

/// No data, and a validly signed gap with opt-out that covers the name or one above it: rightly insecure, though the
/// library says bogus.
pub(super) fn is_left_open(message: &Message, name: &Name) -> bool {
    message.answers.is_empty()
        && message.metadata.response_code == ResponseCode::NoError
        && open_by_opt_out(&message.authorities, name)
}

pub(super) fn unknown(why: String) -> Found {
    Found {
        status: Status::Indeterminate { why },
        content: Content::Unknown,
        soa: None,
        signatures: None,
        from: None,
    }
}
