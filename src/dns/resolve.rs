//! Finds who serves a name, from the root down, and asks them.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::Dns;
use super::convert::{from_library, rcode_failure, to_library};
use super::doors::Transport;
use super::keys::rrsig;
use super::memory::{Cut, Reply, Zone};
use super::settings::Origin;
use super::transport::{Question, exchange_noting};
use super::view::{Failure, Source};

/// How deep finding the address of a name server may lead to other name servers.
const DEEPEST: u8 = 6;
/// How many referrals one question may meet.
const MOST_REFERRALS: usize = 12;
/// How many addresses of one zone are tried for one question.
const MOST_ADDRESSES: usize = 8;

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
        let ask = self.resolve_at(name.clone(), kind, 0);
        replies
            .once(&(name.clone(), kind), Result::is_ok, ask)
            .await
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
                        message: Arc::new(message),
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
        let mut zone = self.zone_of(name, kind == RecordType::DS, depth).await?;
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
                    match self.cut_at(&zone, &candidate, depth).await? {
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
                    let found = self.zone_of(name, false, depth).await?;
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

    /// The zones from the root to the one that holds `name`; with `above`, to the one that would delegate it.
    pub(super) async fn path_to(
        &self,
        name: &Name,
        above: bool,
        depth: u8,
    ) -> Result<Vec<Zone>, Failure> {
        let Some(root) = self.inner.root.clone() else {
            return Err(Failure::NoServer {
                detail: "delegations are not followed while forwarders are used".into(),
            });
        };
        let mut path = vec![root];
        let all = usize::from(name.num_labels());
        let last = if above { all.saturating_sub(1) } else { all };
        for labels in 1..=last {
            let candidate = name.trim_to(labels);
            // The path is never empty: it starts with the root.
            let Some(zone) = path.last() else { break };
            if let Some(Cut::Zone(deeper)) = self.cut_at(zone, &candidate, depth).await? {
                path.push(deeper);
            }
        }
        Ok(path)
    }

    async fn zone_of(&self, name: &Name, above: bool, depth: u8) -> Result<Zone, Failure> {
        let mut path = self.path_to(name, above, depth).await?;
        path.pop().ok_or_else(|| Failure::NoServer {
            detail: "no root server is configured".into(),
        })
    }

    /// Whether a zone begins at `candidate`, as its parent `zone` says. `None`: it would not say.
    async fn cut_at(
        &self,
        zone: &Zone,
        candidate: &Name,
        depth: u8,
    ) -> Result<Option<Cut>, Failure> {
        let cuts = &self.inner.memory.cuts;
        // Deeper down a question may depend on itself, and would wait for itself.
        if depth > 0 {
            if let Some(cut) = cuts.get(candidate) {
                return cut.map(Cut::told);
            }
            let cut = self.find_cut(zone, candidate, depth).await;
            if is_told(&cut) {
                cuts.put(candidate.clone(), cut.clone());
            }
            return cut.map(Cut::told);
        }
        let ask = self.find_cut(zone, candidate, depth);
        cuts.once(candidate, is_told, ask).await.map(Cut::told)
    }

    async fn find_cut(&self, zone: &Zone, candidate: &Name, depth: u8) -> Result<Cut, Failure> {
        Ok(
            match self.ask_zone(zone, candidate, RecordType::NS, depth).await {
                Ok(Said::Referral(deeper)) if deeper.name == *candidate => Cut::Zone(deeper),
                // A zone in between that an earlier question did not reveal: later questions will meet it.
                Ok(Said::Referral(_)) => Cut::NotTold,
                Ok(Said::Answer(reply)) => {
                    // Parent and child on one server: the child answers for itself.
                    let names = servers_named(&reply.message.answers, candidate);
                    if names.is_empty() {
                        Cut::Not
                    } else {
                        Cut::Zone(Zone {
                            name: candidate.clone(),
                            servers: Arc::new(with_glue(
                                names,
                                &reply.message.additionals,
                                &zone.name,
                            )),
                        })
                    }
                }
                // Some servers refuse the type NS at names they do not expect; the real question may fare better.
                Err(Failure::Rcode { .. } | Failure::Lame | Failure::Malformed { .. }) => {
                    Cut::NotTold
                }
                Err(failure) => return Err(failure),
            },
        )
    }

    /// Asks the zone's servers, one after the other, until one gives a usable answer.
    async fn ask_zone(
        &self,
        zone: &Zone,
        name: &Name,
        kind: RecordType,
        depth: u8,
    ) -> Result<Said, Failure> {
        let question = Question::authoritative(name.clone(), kind);
        let mut last = None;
        let mut tried = 0;
        // Servers with known addresses first: the others cost questions of their own.
        let mut servers: Vec<&(Name, Vec<IpAddr>)> = zone.servers.iter().collect();
        servers.sort_by_key(|(_, glue)| glue.is_empty());
        for (server, glue) in servers {
            let addresses = if glue.is_empty() {
                self.addresses_of(server, depth).await.unwrap_or_default()
            } else {
                glue.clone()
            };
            let addresses: Vec<SocketAddr> = addresses
                .into_iter()
                .map(|ip| SocketAddr::new(ip, self.inner.settings.port))
                .collect();
            for address in self.willing_first(&addresses) {
                if tried == MOST_ADDRESSES {
                    break;
                }
                tried += 1;
                match self.ask(address, &question).await {
                    Ok(message) => match judge(message, zone, name) {
                        Ok(Verdict::Referral(deeper)) => return Ok(Said::Referral(deeper)),
                        Ok(Verdict::Answer(message)) => {
                            return Ok(Said::Answer(Reply {
                                message: Arc::new(message),
                                self_signed: Arc::default(),
                                from: Source {
                                    server: Some(from_library(server)),
                                    address,
                                },
                            }));
                        }
                        Err(failure) => last = Some(failure),
                    },
                    Err(failure) => last = Some(failure),
                }
            }
        }
        Err(last.unwrap_or_else(|| Failure::NoServer {
            detail: format!("zone {:?}", from_library(&zone.name)),
        }))
    }

    /// The addresses of a name server, from its own zone.
    pub(super) async fn addresses_of(
        &self,
        server: &Name,
        depth: u8,
    ) -> Result<Vec<IpAddr>, Failure> {
        if depth >= DEEPEST {
            return Err(Failure::NoServer {
                detail: format!(
                    "the servers of {} depend on each other",
                    from_library(server)
                ),
            });
        }
        let known = &self.inner.memory.addresses;
        // As with cuts.
        if depth > 0 {
            if let Some(found) = known.get(server) {
                return found;
            }
            let (found, whole) = self.find_addresses(server, depth).await;
            if whole {
                known.put(server.clone(), found.clone());
            }
            return found;
        }
        let whole = AtomicBool::new(false);
        let ask = async {
            let (found, all) = self.find_addresses(server, depth).await;
            whole.store(all, Ordering::Relaxed);
            found
        };
        let keeps = |_: &_| whole.load(Ordering::Relaxed);
        known.once(server, keeps, ask).await
    }

    /// Also whether nothing failed, so that this is all.
    async fn find_addresses(
        &self,
        server: &Name,
        depth: u8,
    ) -> (Result<Vec<IpAddr>, Failure>, bool) {
        let (v4, v6) = tokio::join!(
            self.resolve_at(server.clone(), RecordType::A, depth + 1),
            self.resolve_at(server.clone(), RecordType::AAAA, depth + 1)
        );
        let mut found: Vec<IpAddr> = Vec::new();
        let mut failed = None;
        for reply in [v4, v6] {
            match reply {
                Ok(reply) => found.extend(
                    reply
                        .message
                        .answers
                        .iter()
                        .filter(|r| r.name == *server)
                        .filter_map(|r| r.data.ip_addr()),
                ),
                Err(failure) => failed = Some(failure),
            }
        }
        found.sort();
        found.dedup();
        match failed {
            Some(failure) if found.is_empty() => (Err(failure), false),
            Some(_) => (Ok(found), false),
            None => (Ok(found), true),
        }
    }

    /// One question to one address, within the limit of questions under way.
    pub(super) async fn ask(
        &self,
        address: SocketAddr,
        question: &Question,
    ) -> Result<Message, Failure> {
        self.ask_noting(address, question).await.0
    }

    /// The same; also whether the answer over UDP was cut off, so that TCP had to be used.
    pub(super) async fn ask_noting(
        &self,
        address: SocketAddr,
        question: &Question,
    ) -> (Result<Message, Failure>, bool) {
        let place = match self.inner.doors.enter(address, Transport::Udp).await {
            Ok(place) => place,
            Err(failure) => return (Err(failure), false),
        };
        // The semaphore is never closed; were it, there would be no limit to keep.
        let _permit = self.inner.limit.acquire().await.ok();
        let settings = &self.inner.settings;
        let answer = exchange_noting(address, question, settings.timeout, settings.attempts).await;
        // Cut off is answered too, whatever became of TCP.
        place.leave(answer.0.as_ref().err().filter(|_| !answer.1));
        answer
    }

    /// The addresses, those that just failed to answer last: a dead address costs its time-out once.
    fn willing_first(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut all = addresses.to_vec();
        all.sort_by_cached_key(|a| self.inner.doors.is_silent(*a));
        all
    }

    /// The name in the library's form.
    pub(super) fn library_name(name: &str) -> Result<Name, Failure> {
        to_library(name)
    }
}

impl Cut {
    fn told(self) -> Option<Self> {
        (!matches!(self, Self::NotTold)).then_some(self)
    }
}

fn is_told(cut: &Result<Cut, Failure>) -> bool {
    matches!(cut, Ok(Cut::Zone(_) | Cut::Not))
}

enum Said {
    Answer(Reply),
    Referral(Zone),
}

enum Verdict {
    Answer(Message),
    Referral(Zone),
}

/// What an authoritative server's message means to someone who believes it serves `zone`.
fn judge(message: Message, zone: &Zone, name: &Name) -> Result<Verdict, Failure> {
    if !is_readable(&message) {
        return Err(rcode_failure(&message));
    }
    if message.metadata.authoritative {
        return Ok(Verdict::Answer(message));
    }
    match referral(&message, &zone.name, name) {
        Some(deeper) => Ok(Verdict::Referral(deeper)),
        None => Err(Failure::Lame),
    }
}

/// Whether the answer about `name` is from `zone` itself and not from one below it on the same server: the SOA that comes
/// with an absence, or the signer of what is there, is the zone's. (Unsigned data do not tell.)
fn shows_no_cut(message: &Message, zone: &Name, name: &Name) -> bool {
    if message.answers.is_empty() {
        let mut soas = message
            .authorities
            .iter()
            .filter(|r| r.record_type() == RecordType::SOA)
            .peekable();
        return soas.peek().is_some() && soas.all(|r| r.name == *zone);
    }
    let mut signatures = message
        .answers
        .iter()
        .filter(|r| r.name == *name)
        .filter_map(rrsig)
        .peekable();
    signatures.peek().is_some() && signatures.all(|s| s.input().signer_name == *zone)
}

/// The delegation below `zone` towards `name` in the authority section.
fn referral(message: &Message, zone: &Name, name: &Name) -> Option<Zone> {
    if !message.answers.is_empty() {
        return None;
    }
    let cut = message
        .authorities
        .iter()
        .filter(|r| r.record_type() == RecordType::NS)
        .map(|r| &r.name)
        // Downwards only, and only towards what was asked: anything else is a lame or lying server.
        .find(|cut| zone.zone_of(cut) && *cut != zone && cut.zone_of(name))?;
    let names = servers_named(&message.authorities, cut);
    Some(Zone {
        name: cut.to_lowercase(),
        servers: Arc::new(with_glue(names, &message.additionals, zone)),
    })
}

/// Whether a resolver's answer is one: a server that does not resolve says NOERROR too, with nothing in it.
pub(super) fn resolves(message: &Message) -> bool {
    message.metadata.recursion_available
        || message.metadata.authoritative
        || !message.answers.is_empty()
}

/// Whether the code says that this is an answer.
pub(super) fn is_readable(message: &Message) -> bool {
    matches!(
        message.metadata.response_code,
        ResponseCode::NoError | ResponseCode::NXDomain
    )
}

fn servers_named(section: &[Record], owner: &Name) -> Vec<Name> {
    let mut all: Vec<Name> = section
        .iter()
        .filter(|r| r.name == *owner)
        .filter_map(|r| match &r.data {
            RData::NS(ns) => Some(ns.0.to_lowercase()),
            _ => None,
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Adds the addresses that came along, where the sender may speak for them.
fn with_glue(names: Vec<Name>, additionals: &[Record], zone: &Name) -> Vec<(Name, Vec<IpAddr>)> {
    names
        .into_iter()
        .map(|server| {
            let mut glue: Vec<IpAddr> = if zone.zone_of(&server) {
                additionals
                    .iter()
                    .filter(|r| r.name == server)
                    .filter_map(|r| r.data.ip_addr())
                    .collect()
            } else {
                Vec::new()
            };
            glue.sort();
            glue.dedup();
            (server, glue)
        })
        .collect()
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
