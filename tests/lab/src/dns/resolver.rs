//! A caching, validating resolver: what mail servers and vantages look through.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hickory_proto::dnssec::rdata::DNSKEY;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::answer::Reply;
use super::keys::covers;
use super::validate::{self, Security};

/// How a resolver reaches authoritative servers.
pub(crate) trait Upstream: Send + Sync + 'static {
    /// The zone that the question belongs to and its servers' addresses.
    fn zone_and_servers(&self, name: &Name, kind: RecordType) -> Option<(Name, Vec<IpAddr>)>;
    /// The zone above.
    fn parent(&self, zone: &Name) -> Option<Name>;
    /// Asks one server, with DNSSEC.
    fn ask(&self, server: IpAddr, name: Name, kind: RecordType) -> BoxFuture<'_, Reply>;
    /// The keys of the root that are trusted.
    fn anchor(&self) -> &[DNSKEY];
    /// How long a bogus verdict is kept.
    fn bogus_memory(&self) -> Duration;
}

/// One cached answer about one name and type.
#[derive(Debug, Clone)]
struct Entry {
    code: ResponseCode,
    /// Records with their signatures.
    answers: Vec<Record>,
    authority: Vec<Record>,
    security: Security,
    stored: Instant,
    life: Duration,
}

impl Entry {
    fn failure(life: Duration) -> Self {
        Self {
            code: ResponseCode::ServFail,
            answers: Vec::new(),
            authority: Vec::new(),
            security: Security::Unknown,
            stored: Instant::now(),
            life,
        }
    }

    fn is_negative(&self) -> bool {
        self.answers.iter().all(|r| covers(r).is_some())
    }

    /// The records with what is left of their TTLs.
    fn aged(&self) -> (Vec<Record>, Vec<Record>) {
        let passed = u32::try_from(self.stored.elapsed().as_secs()).unwrap_or(u32::MAX);
        let age = |records: &[Record]| {
            records
                .iter()
                .cloned()
                .map(|mut record| {
                    record.ttl = record.ttl.saturating_sub(passed);
                    record
                })
                .collect()
        };
        (age(&self.answers), age(&self.authority))
    }
}

/// What a client gets: every record of the chain, and what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Resolution {
    pub(crate) code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    pub(crate) security: Security,
}

/// A resolver with its own cache.
pub(crate) struct Resolver {
    upstream: Arc<dyn Upstream>,
    cache: Mutex<HashMap<(Name, RecordType), Entry>>,
    turn: std::sync::atomic::AtomicUsize,
}

/// Failures are remembered only briefly, as RFC 9520 asks for at least a second.
const FAILURE_MEMORY: Duration = Duration::from_secs(1);
/// Aliases are followed this often at most.
const LONGEST_ALIAS_CHAIN: usize = 8;

impl Resolver {
    pub(crate) fn new(upstream: Arc<dyn Upstream>, seed: usize) -> Self {
        Self {
            upstream,
            cache: Mutex::default(),
            turn: seed.into(),
        }
    }

    /// Forgets everything.
    pub(crate) fn flush(&self) {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Resolves a question, following aliases.
    pub(crate) async fn resolve(&self, name: &Name, kind: RecordType) -> Resolution {
        let mut resolution = Resolution {
            code: ResponseCode::NoError,
            answers: Vec::new(),
            authority: Vec::new(),
            security: Security::Secure,
        };
        let mut name = name.to_lowercase();
        for _ in 0..LONGEST_ALIAS_CHAIN {
            let entry = self.lookup(name.clone(), kind).await;
            let (answers, authority) = entry.aged();
            resolution.code = entry.code;
            resolution.security = resolution.security.min(entry.security);
            let alias = alias_target(&answers, &name, kind);
            resolution.answers.extend(answers);
            resolution.authority.extend(authority);
            match alias {
                Some(target) => name = target,
                None => break,
            }
        }
        resolution
    }

    /// One name and type from the cache or from the zone's servers.
    fn lookup(&self, name: Name, kind: RecordType) -> BoxFuture<'_, Entry> {
        Box::pin(async move {
            let key = (name, kind);
            let cached = self
                .cache
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&key)
                .filter(|entry| entry.stored.elapsed() < entry.life)
                .cloned();
            if let Some(entry) = cached {
                return entry;
            }
            let entry = self.fetch(&key.0, kind).await;
            if !entry.life.is_zero() {
                self.cache
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, entry.clone());
            }
            entry
        })
    }

    async fn fetch(&self, name: &Name, kind: RecordType) -> Entry {
        let Some((zone, servers)) = self.upstream.zone_and_servers(name, kind) else {
            return Entry::failure(FAILURE_MEMORY);
        };
        // Servers take turns, so a lagging one is met sooner or later, as outside.
        let first = self.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for position in 0..servers.len() {
            let server = servers[(first + position) % servers.len()];
            let reply = self.upstream.ask(server, name.clone(), kind).await;
            if matches!(reply.code, ResponseCode::NoError | ResponseCode::NXDomain)
                && reply.authoritative
            {
                return self.judge(&zone, name, kind, reply).await;
            }
        }
        Entry::failure(FAILURE_MEMORY)
    }

    /// Keeps what answers the question, with its verdict and its life in the cache.
    async fn judge(&self, zone: &Name, name: &Name, kind: RecordType, reply: Reply) -> Entry {
        // What a server adds about an alias's target is asked for by itself, so each set has its own life.
        let answers: Vec<Record> = reply
            .answers
            .into_iter()
            .filter(|r| r.name == *name)
            .collect();
        let negative = answers.is_empty();
        let authority = if negative || has_expansion(&answers) {
            reply.authority
        } else {
            Vec::new()
        };
        let code = if negative {
            reply.code
        } else {
            ResponseCode::NoError
        };
        let security = match self
            .keys_of(zone, (kind == RecordType::DNSKEY).then_some(&answers))
            .await
        {
            Err(security) => security,
            Ok(keys) => {
                let holds = if negative {
                    validate::denial_holds(code, &authority, zone, &keys, name, kind)
                } else {
                    validate::sets_are_signed(&answers, zone, &keys)
                        && validate::expansion_holds(&answers, &authority, zone, &keys)
                };
                if holds {
                    Security::Secure
                } else {
                    Security::Bogus
                }
            }
        };
        let ttl = if negative {
            negative_ttl(&authority)
        } else {
            answers.iter().map(|r| r.ttl).min().unwrap_or(0)
        };
        let mut life = Duration::from_secs(u64::from(ttl));
        if security < Security::Insecure {
            life = life.min(self.upstream.bogus_memory());
        }
        Entry {
            code,
            answers,
            authority,
            security,
            stored: Instant::now(),
            life,
        }
    }

    /// The zone's proven keys, or why there are none. `fetched` is the key set itself while it is being judged.
    fn keys_of<'a>(
        &'a self,
        zone: &'a Name,
        fetched: Option<&'a Vec<Record>>,
    ) -> BoxFuture<'a, Result<Vec<DNSKEY>, Security>> {
        Box::pin(async move {
            let ds = match self.upstream.parent(zone) {
                None => None,
                Some(parent) => {
                    // An unsigned parent makes everything below insecure, whatever its servers say about DS.
                    self.keys_of(&parent, None).await?;
                    let entry = self.lookup(zone.clone(), RecordType::DS).await;
                    match entry.security {
                        Security::Secure if entry.is_negative() => return Err(Security::Insecure),
                        Security::Secure => Some(validate::ds_in(&entry.answers)),
                        other => return Err(other),
                    }
                }
            };
            let records = match fetched {
                Some(records) => records.clone(),
                None => {
                    let entry = self.lookup(zone.clone(), RecordType::DNSKEY).await;
                    if entry.code == ResponseCode::ServFail {
                        return Err(Security::Unknown);
                    }
                    entry.answers
                }
            };
            let keys = match ds {
                Some(ds) => validate::keys_match_ds(&records, zone, &ds),
                None => {
                    let keys = validate::keys_in(&records);
                    let trusted: Vec<DNSKEY> = keys
                        .iter()
                        .filter(|k| self.upstream.anchor().contains(k))
                        .cloned()
                        .collect();
                    validate::sets_are_signed(&records, zone, &trusted).then_some(keys)
                }
            };
            keys.ok_or(Security::Bogus)
        })
    }
}

fn alias_target(answers: &[Record], name: &Name, kind: RecordType) -> Option<Name> {
    if kind == RecordType::CNAME || answers.iter().any(|r| r.record_type() == kind) {
        return None;
    }
    answers.iter().find_map(|r| match &r.data {
        RData::CNAME(target) if r.name == *name => Some(target.0.to_lowercase()),
        _ => None,
    })
}

fn has_expansion(answers: &[Record]) -> bool {
    use hickory_proto::dnssec::rdata::DNSSECRData;
    answers.iter().any(|r| match &r.data {
        RData::DNSSEC(DNSSECRData::RRSIG(s)) => s.input().num_labels < r.name.num_labels(),
        _ => false,
    })
}

/// RFC 2308 5: the smaller of the SOA's TTL and its last field.
fn negative_ttl(authority: &[Record]) -> u32 {
    authority
        .iter()
        .find_map(|r| match &r.data {
            RData::SOA(soa) => Some(r.ttl.min(soa.minimum)),
            _ => None,
        })
        .unwrap_or(0)
}
