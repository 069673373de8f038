//! Finds who serves a name, from the root down, and asks them.

mod cuts;
mod referral;
mod servers;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use hickory_proto::rr::{Name, RecordType};

use self::referral::{Said, shows_no_cut};
pub(super) use self::referral::{is_readable, resolves};
use super::Dns;
use super::convert::{from_library, rcode_failure, to_library};
use super::memory::{Cut, Reply, Zone};
use super::settings::Origin;
use super::transport::Question;
use super::view::{Failure, Source};

/// How many referrals one question may meet.
const MOST_REFERRALS: usize = 12;

pub(super) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Dns {
    /// Asks whoever is responsible.
    pub(super) async fn resolve(&self, name: &Name, kind: RecordType) -> Result<Reply, Failure> {
        let replies = match kind {
            RecordType::DS | RecordType::DNSKEY | RecordType::NS => &self.inner.memory.replies,
            _ => match &self.look {
                Some(look) => look.replies(name),
                None => return self.resolve_at(name.clone(), kind, 0).await,
            },
        };
        let key = (name.clone(), kind);
        let ask = || self.resolve_at(name.clone(), kind, 0);
        replies.once(&key, Result::is_ok, ask).await
    }

    /// Whether answers of this type are remembered.
    pub(super) fn remembers(&self, kind: RecordType) -> bool {
        let shared = matches!(kind, RecordType::DS | RecordType::DNSKEY | RecordType::NS);
        !self.inner.memory.age().is_zero() && (shared || self.look.is_some())
    }

    fn resolve_at(
        &self,
        name: Name,
        kind: RecordType,
        depth: u8,
    ) -> Later<'_, Result<Reply, Failure>> {
        Box::pin(async move {
            match &self.inner.settings.source {
                Origin::Forwarders(forwarders) => self.forward(forwarders, &name, kind).await,
                Origin::Roots(_) => self.iterate(&name, kind, depth).await,
            }
        })
    }

    async fn forward(
        &self,
        forwarders: &[SocketAddr],
        name: &Name,
        kind: RecordType,
    ) -> Result<Reply, Failure> {
        let question = Question::forwarded(name.clone(), kind);
        let mut last = Failure::NoServer {
            detail: "no forwarder is configured".into(),
        };
        for address in self.willing_first(forwarders) {
            match self.ask(address, &question).await {
                Ok(message) if is_readable(&message) && !resolves(&message) => last = Failure::Lame,
                Ok(message) if is_readable(&message) => {
                    return Ok(Reply {
                        message,
                        self_signed: Arc::default(),
                        from: Source {
                            server: None,
                            address,
                        },
                    });
                }
                Ok(message) => last = rcode_failure(&message),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn iterate(&self, name: &Name, kind: RecordType, depth: u8) -> Result<Reply, Failure> {
        if kind != RecordType::DS
            && !self.inner.memory.age().is_zero()
            && let Some(reply) = self.straight(name, kind, depth).await?
        {
            return Ok(reply);
        }
        let mut zone = Box::pin(self.zone_of(name, kind == RecordType::DS, depth)).await?;
        for _ in 0..MOST_REFERRALS {
            match self.ask_zone(&zone, name, kind, depth).await? {
                Said::Answer(reply) => return Ok(reply),
                // A cut that the walk down could not see, because a question about it failed.
                Said::Referral(deeper) => {
                    if kind == RecordType::DS && deeper.name == *name {
                        return Err(Failure::Lame);
                    }
                    self.inner
                        .memory
                        .cuts
                        .put(deeper.name.clone(), Ok(Cut::Zone(deeper.clone())));
                    zone = deeper;
                }
            }
        }
        Err(Failure::NoServer {
            detail: format!("too many referrals on the way to {}", from_library(name)),
        })
    }

    /// Asks the zone found so far without asking about each label below it first, where the answer itself shows that no
    /// other zone begins in between. `None`: it does not show, or nothing would be saved.
    async fn straight(
        &self,
        name: &Name,
        kind: RecordType,
        depth: u8,
    ) -> Result<Option<Reply>, Failure> {
        let cuts = &self.inner.memory.cuts;
        let Some(mut zone) = self.inner.root.clone() else {
            return Ok(None);
        };
        let mut unknown = Vec::new();
        for labels in 1..=usize::from(name.num_labels()) {
            let candidate = name.trim_to(labels);
            let cut = match cuts.get(&candidate) {
                Some(cut) => cut?,
                // Top-level domains and what is registered below them: parents and children are often on one server.
                None if zone.name.num_labels() < 2 => {
                    // In a box: it is needed once for each zone.
                    match Box::pin(self.cut_at(&zone, &candidate, depth)).await? {
                        Some(cut) => cut,
                        None => return Ok(None),
                    }
                }
                None => {
                    unknown.push(candidate);
                    continue;
                }
            };
            match cut {
                Cut::Zone(deeper) => {
                    zone = deeper;
                    unknown.clear();
                }
                Cut::Not | Cut::NotTold => {}
            }
        }
        if unknown.is_empty() {
            return Ok(None);
        }
        for _ in 0..MOST_REFERRALS {
            match self.ask_zone(&zone, name, kind, depth).await? {
                Said::Answer(reply) if shows_no_cut(&reply.message, &zone.name, name) => {
                    for candidate in unknown.into_iter().filter(|c| zone.name.zone_of(c)) {
                        if candidate != zone.name {
                            cuts.put(candidate, Ok(Cut::Not));
                        }
                    }
                    return Ok(Some(reply));
                }
                Said::Answer(reply) => {
                    let found = Box::pin(self.zone_of(name, false, depth)).await?;
                    return Ok((found.name == zone.name).then_some(reply));
                }
                Said::Referral(deeper) => {
                    cuts.put(deeper.name.clone(), Ok(Cut::Zone(deeper.clone())));
                    zone = deeper;
                }
            }
        }
        Ok(None)
    }
}

/// The root as the hints give it.
pub(super) fn root_zone(hints: &[(super::Name, IpAddr)]) -> Zone {
    let mut servers: Vec<(Name, Vec<IpAddr>)> = Vec::new();
    for (name, address) in hints {
        let name = to_library(name).unwrap_or_else(|_| Name::root());
        match servers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, addresses)) => addresses.push(*address),
            None => servers.push((name, vec![*address])),
        }
    }
    Zone {
        name: Name::root(),
        servers: Arc::new(servers),
    }
}
