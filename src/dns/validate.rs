//! Our own verdict about an answer: the chain of trust from the root down, then the answer itself.

use std::collections::HashSet;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use jiff::Timestamp;

use super::Dns;
use super::convert::{from_library, record_type, records_at, signatures, soa};
use super::denial::{Delegation, no_ds};
use super::engine::{Heard, Said, has, wildcard_holds};
use super::record::{Data, Kind, Record, Signatures, Soa, normal};
use super::resolve::Reply;
use super::settings::Origin;
use super::view::{Alias, Answer, Failure, Source, Status, Validated};
use super::why;

/// The longest chain of aliases that is followed; resolvers stop at about as many.
const MOST_ALIASES: usize = 12;

/// What the parent proves about a possible zone cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// A DS set, validated.
    Secure,
    /// A delegation without a DS that anybody could use, validated.
    Insecure,
    /// No delegation here.
    NotACut,
    /// The name does not exist, so there is nothing below either.
    Nothing,
    /// The proof is broken.
    Bogus(String),
    /// Could not tell.
    Unknown(String),
}

/// What one name and type gave.
struct Found {
    status: Status,
    content: Content,
    soa: Option<Soa>,
    signatures: Option<Signatures>,
    from: Option<Source>,
}

enum Content {
    Records(Vec<Record>),
    Alias { to: String, ttl: u32 },
    NoData,
    NxDomain,
    Unknown,
}

impl Dns {
    /// Asks for `name`/`kind` and says how far the answer can be trusted, following aliases.
    ///
    /// The answer is fresh: nothing but delegations, keys and DS sets of the last few seconds is used again.
    pub async fn validate(&self, name: &str, kind: Kind) -> Validated {
        let at = Timestamp::now();
        let mut out = Validated {
            name: normal(name),
            kind,
            status: Status::Secure,
            answer: Answer::Unknown,
            aliases: Vec::new(),
            ttl: None,
            soa: None,
            signatures: None,
            at,
            from: None,
        };
        let mut current = out.name.clone();
        let mut seen = HashSet::from([current.clone()]);
        loop {
            let found = self.look_up(&current, kind).await;
            out.status = out.status.and(found.status.clone());
            out.soa = found.soa;
            out.signatures = found.signatures;
            out.from = found.from;
            out.answer = match found.content {
                Content::Alias { to, ttl } => {
                    out.aliases.push(Alias {
                        from: current,
                        to: to.clone(),
                        ttl,
                        status: found.status,
                    });
                    let circle = !seen.insert(to.clone());
                    if circle || out.aliases.len() > MOST_ALIASES {
                        out.status = out.status.and(Status::Indeterminate {
                            why: format!("the aliases from {} never end", out.name),
                        });
                        return out;
                    }
                    current = to;
                    continue;
                }
                Content::Records(records) => {
                    out.ttl = records.iter().map(|r| r.ttl).max();
                    Answer::Records(records)
                }
                Content::NoData => Answer::NoData,
                Content::NxDomain => Answer::NxDomain,
                Content::Unknown => Answer::Unknown,
            };
            if out.answer.is_absent() {
                out.ttl = out.soa.as_ref().map(Soa::negative_ttl);
            }
            return out;
        }
    }

    /// One name, no aliases followed, within a bound of time.
    async fn look_up(&self, name: &str, kind: Kind) -> Found {
        let limit = self.inner.settings.timeout * PATIENCE;
        match tokio::time::timeout(limit, self.look_up_unbounded(name, kind)).await {
            Ok(found) => found,
            Err(_) => unknown(format!(
                "{kind} of {name:?} could not be validated within {} s",
                limit.as_secs()
            )),
        }
    }

    async fn look_up_unbounded(&self, name: &str, kind: Kind) -> Found {
        let owner = match Self::library_name(name) {
            Ok(owner) => owner,
            Err(failure) => return unknown(failure.to_string()),
        };
        let chain = match self.chain(&owner, kind == Kind::Ds).await {
            Ok(chain) => chain,
            Err(failure) => return unknown(format!("the way to {name:?} is not known: {failure}")),
        };
        match chain {
            Link::Secure | Link::Nothing | Link::NotACut => self.checked(&owner, kind).await,
            Link::Insecure => self.served(&owner, kind, Status::Insecure).await,
            Link::Bogus(why) => self.served(&owner, kind, Status::Bogus { why }).await,
            Link::Unknown(why) => {
                self.served(&owner, kind, Status::Indeterminate { why })
                    .await
            }
        }
    }

    /// What the parents of `name` prove, from the root down. `above`: leave the name itself out.
    async fn chain(&self, name: &Name, above: bool) -> Result<Link, Failure> {
        let candidates: Vec<Name> = match &self.inner.settings.source {
            Origin::Roots(_) => self
                .path_to(name, above, 0)
                .await?
                .into_iter()
                .skip(1)
                .map(|zone| zone.name)
                .collect(),
            // Without referrals each label might be a cut.
            Origin::Forwarders(_) => {
                let all = usize::from(name.num_labels());
                let last = if above { all.saturating_sub(1) } else { all };
                (1..=last).map(|labels| name.trim_to(labels)).collect()
            }
        };
        for cut in candidates {
            match self.link(&cut).await {
                Link::Secure | Link::NotACut => {}
                end => return Ok(end),
            }
        }
        Ok(Link::Secure)
    }

    /// What the parent proves about a cut at `name`, remembered for a few seconds.
    async fn link(&self, name: &Name) -> Link {
        if let Some(known) = self.inner.memory.links.get(name) {
            return known;
        }
        let link = self.prove_link(name).await;
        if !matches!(link, Link::Bogus(_) | Link::Unknown(_)) {
            self.inner.memory.links.put(name.clone(), link.clone());
        }
        link
    }

    async fn prove_link(&self, name: &Name) -> Link {
        let said = self.ask_validator(name, RecordType::DS).await;
        let delegated = matches!(self.inner.settings.source, Origin::Roots(_));
        let what = || format!("DS of {:?}", from_library(name));
        match said.verdict {
            Said::Secure(message) if has(&message, name, RecordType::DS) => Link::Secure,
            Said::Secure(message) if has(&message, name, RecordType::CNAME) => Link::NotACut,
            Said::Secure(message) => {
                match no_ds(&message.authorities, name) {
                    Delegation::Insecure => Link::Insecure,
                    // The parent's servers delegate a name of which the parent's signed data say that it is none.
                    Delegation::NotACut if delegated => Link::Bogus(format!(
                        "{}: the servers delegate the name, but the signed proof of absence says that it is no delegation",
                        what()
                    )),
                    Delegation::NotACut
                        if message.metadata.response_code == ResponseCode::NXDomain =>
                    {
                        Link::Nothing
                    }
                    Delegation::NotACut => Link::NotACut,
                    Delegation::Unproven => {
                        Link::Bogus(format!("{}: neither there nor proven absent", what()))
                    }
                }
            }
            Said::Insecure(_) => Link::Insecure,
            // An alias where a cut might have been: its owner is none.
            Said::Bogus(message)
                if has(&message, name, RecordType::CNAME) && wildcard_holds(&message, name) =>
            {
                Link::NotACut
            }
            Said::Bogus(message) => match self.alias_of_dname(&message, name).await {
                Some(alias) if alias.status.is_secure() => Link::NotACut,
                _ => Link::Bogus(format!(
                    "{}: {}",
                    what(),
                    why::explain(&message, name, RecordType::DS, None, &[])
                )),
            },
            Said::Unknown(why) => Link::Unknown(why),
        }
    }

    /// The answer with the library's verdict, where the chain down to the zone is secure.
    async fn checked(&self, name: &Name, kind: Kind) -> Found {
        let wanted = record_type(kind);
        let Heard { verdict, from } = self.ask_validator(name, wanted).await;
        let mut found = match verdict {
            Said::Secure(message) => found(&message, name, wanted, Status::Secure),
            Said::Insecure(message) => found(&message, name, wanted, Status::Insecure),
            Said::Bogus(message) if wildcard_holds(&message, name) => {
                found(&message, name, wanted, Status::Secure)
            }
            Said::Bogus(message) => match self.alias_of_dname(&message, name).await {
                Some(found) => found,
                None => {
                    let why = self.reason(&message, name, wanted).await;
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
        match self.resolve(name, wanted).await {
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
            .or_else(|| soa(&message.authorities).and_then(|s| Self::library_name(&s.zone).ok()));
        let zone = match named {
            Some(zone) => Some(zone),
            None => self
                .path_to(name, kind == RecordType::DS, 0)
                .await
                .ok()
                .and_then(|mut path| path.pop())
                .map(|zone| zone.name),
        };
        let Some(zone) = zone else {
            return why::explain(message, name, kind, None, &[]);
        };
        let keys = self.resolve(&zone, RecordType::DNSKEY).await.ok();
        let ds = match self.resolve(&zone, RecordType::DS).await {
            Ok(reply) => records_at(&reply.message.answers, &zone, RecordType::DS),
            Err(_) => Vec::new(),
        };
        why::explain(message, name, kind, keys.as_ref().map(|k| &k.message), &ds)
    }

    /// An alias made from a DNAME has no signature of its own, so the library calls it bogus. It is made again here
    /// from the DNAME, which is validated (RFC 6672, 5.3.1). `None`: the answer is no such alias.
    async fn alias_of_dname(&self, message: &Message, name: &Name) -> Option<Found> {
        if !has(message, name, RecordType::CNAME) || why::signer(message).is_some() {
            return None;
        }
        let dname = record_type(Kind::Dname);
        let reply = self.resolve(name, RecordType::CNAME).await.ok()?;
        let owner = reply
            .message
            .answers
            .iter()
            .find(|r| r.record_type() == dname && r.name.zone_of(name) && r.name != *name)
            .map(|r| r.name.clone())?;
        let Heard { verdict, from } = self.ask_validator(&owner, dname).await;
        let (message, status) = match verdict {
            Said::Secure(message) => (message, Status::Secure),
            Said::Insecure(message) => (message, Status::Insecure),
            Said::Bogus(message) => {
                let why = self.reason(&message, &owner, dname).await;
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

/// The whole of one validation may take this many time-outs: it is a dozen questions, some to dead servers.
const PATIENCE: u32 = 12;

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

fn unknown(why: String) -> Found {
    Found {
        status: Status::Indeterminate { why },
        content: Content::Unknown,
        soa: None,
        signatures: None,
        from: None,
    }
}
