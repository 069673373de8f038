//! Through whom questions go: whoever is responsible, or, for one zone, a single address of a single server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::join_all;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name as LibraryName, RecordType};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::Dns;
use super::convert::{
    code_name, explained, from_library, rcode_failure, record_type, records_at, signatures, soa,
    to_library,
};
use super::memory::Reply;
use super::record::{Data, Kind, Name, normal};
use super::resolve::is_readable;
use super::transport::Question;
use super::view::{Failure, Outcome, ServerAnswer, Source};

/// One address of a server of one zone, and all that it has said so far: no question goes to it twice.
#[derive(Debug)]
pub(super) struct Pin {
    apex: LibraryName,
    from: Source,
    /// Few enough to be looked through.
    said: Mutex<Vec<Arc<Exchange>>>,
}

/// A question, as it is asked.
pub(super) type Asked = (LibraryName, RecordType);

/// Those of the questions that can be asked: a name may be too long.
pub(super) fn askable<const N: usize>(questions: [(Name, Kind); N]) -> Vec<Asked> {
    questions
        .iter()
        .filter_map(|(name, kind)| Some((to_library(name).ok()?, record_type(*kind))))
        .collect()
}

/// A question, asked at most once, and what came of it.
#[derive(Debug)]
struct Exchange {
    question: Asked,
    told: OnceCell<Told>,
}

/// What one question to the address gave.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) said: Result<Arc<Message>, Failure>,
    cut_off: bool,
    at: Timestamp,
    took_ms: u64,
    /// See [`Reply::self_signed`].
    self_signed: Arc<OnceLock<bool>>,
}

impl Pin {
    pub(super) fn new(apex: LibraryName, server: &str, address: SocketAddr) -> Self {
        Self {
            apex,
            from: Source {
                server: Some(normal(server)),
                address,
            },
            said: Mutex::default(),
        }
    }

    /// The zone.
    pub(super) const fn apex(&self) -> &LibraryName {
        &self.apex
    }

    /// Who it is.
    pub(super) const fn from(&self) -> &Source {
        &self.from
    }

    /// Whether the question is one for the servers of this zone: the DS of its apex is the parent's.
    fn is_about(&self, name: &LibraryName, kind: RecordType) -> bool {
        self.apex.zone_of(name) && !(kind == RecordType::DS && *name == self.apex)
    }

    /// Whether it was asked this before, and gave nothing that can be read as an answer: then it is worth asking again.
    pub(super) fn has_failed(&self, name: &LibraryName, kind: RecordType) -> bool {
        let known = self.known(name, kind);
        known.is_some_and(|told| !told.said.as_deref().is_ok_and(is_readable))
    }

    fn said(&self) -> MutexGuard<'_, Vec<Arc<Exchange>>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it said to this, if it was asked.
    fn known(&self, name: &LibraryName, kind: RecordType) -> Option<Told> {
        let said = self.said();
        let mut same = said.iter().filter(|one| one.is_about(name, kind));
        same.next()?.told.get().cloned()
    }

    /// Where what it says to this is kept.
    fn exchange(&self, name: &LibraryName, kind: RecordType) -> Arc<Exchange> {
        let mut said = self.said();
        if let Some(known) = said.iter().find(|one| one.is_about(name, kind)) {
            return Arc::clone(known);
        }
        let exchange = Arc::new(Exchange {
            question: (name.clone(), kind),
            told: OnceCell::new(),
        });
        said.push(Arc::clone(&exchange));
        exchange
    }

    /// Asks, unless it was asked before.
    pub(super) async fn told(&self, dns: &Dns, name: &LibraryName, kind: RecordType) -> Told {
        let exchange = self.filled(dns, self.exchange(name, kind)).await;
        // It was waited for.
        let told = exchange.told.get().cloned();
        told.unwrap_or_else(|| Told::nothing(Failure::Timeout))
    }

    async fn filled(&self, dns: &Dns, exchange: Arc<Exchange>) -> Arc<Exchange> {
        let (name, kind) = &exchange.question;
        // In a box: it is held once the answer is there no more than while nobody has asked.
        let ask = || Box::pin(dns.tell(self.from.address, name, *kind));
        exchange.told.get_or_init(ask).await;
        exchange
    }

    /// Asks all of these at the same time, so that [`Self::shown`] knows them. Plain data are made only then: until all is
    /// told there is little to hold, not even the questions.
    pub(super) fn hear<'a>(
        &'a self,
        dns: &'a Dns,
        questions: &[Asked],
    ) -> impl Future<Output = ()> + Send + use<'a> {
        let asked = questions.iter();
        let asked = asked.map(|(name, kind)| self.filled(dns, self.exchange(name, *kind)));
        join_all(asked).map(drop)
    }

    /// What it said to a question that was asked, as plain data.
    pub(super) fn shown(&self, name: &str, kind: Kind) -> ServerAnswer {
        let owner = match to_library(name) {
            Ok(owner) => owner,
            Err(failure) => {
                return Told::nothing(failure).answer_about(self.from.clone(), name, kind);
            }
        };
        match self.known(&owner, record_type(kind)) {
            Some(told) => told.answer(self.from.clone(), &owner, kind),
            // Nobody asked, so nothing is known.
            None => Told::nothing(Failure::Timeout).answer(self.from.clone(), &owner, kind),
        }
    }

    /// Whether both were told the very same, octet by octet, so far.
    pub(super) fn has_heard_the_same_as(&self, other: &Self) -> bool {
        let heard = |pin: &Self| -> Option<Vec<(Asked, *const Message)>> {
            let said = pin.said();
            said.iter()
                .map(|one| {
                    let message = one.told.get()?.said.as_ref().ok()?;
                    Some((one.question.clone(), Arc::as_ptr(message)))
                })
                .collect()
        };
        let (Some(own), Some(others)) = (heard(self), heard(other)) else {
            return false;
        };
        // No question is there twice.
        self.apex == other.apex
            && own.len() == others.len()
            && own.iter().all(|one| others.contains(one))
    }

    /// Whether another address says the very same, octet by octet, to all that this one was asked: then a verdict on the one is
    /// a verdict on the other. Asks the other what it was not asked yet. Silence is like nothing.
    pub(super) async fn is_echoed_by(&self, dns: &Dns, other: &Self) -> bool {
        let exchanges: Vec<Arc<Exchange>> = self.said().clone();
        for exchange in exchanges {
            let (name, kind) = &exchange.question;
            let own = self.told(dns, name, *kind).await.said;
            let others = other.told(dns, name, *kind).await.said;
            match (own, others) {
                // Only what was read once is one.
                (Ok(own), Ok(others)) if Arc::ptr_eq(&own, &others) => {}
                _ => return false,
            }
        }
        true
    }

    /// Everything that it said, to look for signatures and keys.
    pub(super) fn messages(&self) -> Vec<Arc<Message>> {
        let said = self.said();
        said.iter()
            .filter_map(|one| one.told.get()?.said.clone().ok())
            .collect()
    }
}

impl Exchange {
    fn is_about(&self, name: &LibraryName, kind: RecordType) -> bool {
        self.question.1 == kind && self.question.0 == *name
    }
}

impl Dns {
    /// One address of one server of the zone `apex`. All parts of a look share what it says.
    pub(super) fn pin(&self, apex: &LibraryName, server: &str, address: SocketAddr) -> Arc<Pin> {
        match self.sharing() {
            Some(look) => look.pin(apex, server, address),
            None => Arc::new(Pin::new(apex.clone(), server, address)),
        }
    }

    /// Asks one server one question, without recursion.
    pub async fn ask_server(
        &self,
        server: Option<&str>,
        address: SocketAddr,
        name: &str,
        kind: Kind,
    ) -> ServerAnswer {
        let from = Source {
            server: server.map(normal),
            address,
        };
        match to_library(name) {
            Ok(owner) => {
                let told = self.tell(address, &owner, record_type(kind)).await;
                told.answer(from, &owner, kind)
            }
            Err(failure) => Told::nothing(failure).answer_about(from, name, kind),
        }
    }

    /// Not `async`, so that what it is given is held once.
    fn tell<'a>(
        &'a self,
        address: SocketAddr,
        name: &'a LibraryName,
        kind: RecordType,
    ) -> impl Future<Output = Told> + Send + 'a {
        let begun = Instant::now();
        let question = move || Question::authoritative(name.clone(), kind);
        let asked = self.ask_noting(address, question);
        asked.map(move |(said, cut_off)| Told {
            said,
            cut_off,
            at: Timestamp::now(),
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            self_signed: Arc::default(),
        })
    }
}

impl Told {
    /// What came some other way.
    pub(super) fn of(said: Result<Arc<Message>, Failure>, took: std::time::Duration) -> Self {
        Self {
            said,
            cut_off: false,
            at: Timestamp::now(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            self_signed: Arc::default(),
        }
    }

    fn nothing(failure: Failure) -> Self {
        Self::of(Err(failure), std::time::Duration::ZERO)
    }

    fn answer_about(&self, from: Source, name: &str, kind: Kind) -> ServerAnswer {
        ServerAnswer {
            name: normal(name),
            kind,
            outcome: Outcome::Failed(match &self.said {
                Err(failure) => failure.clone(),
                Ok(_) => Failure::Lame,
            }),
            rcode: "".into(),
            explained: None,
            cut_off: self.cut_off,
            aa: false,
            ttl: None,
            records: Vec::new(),
            signatures: None,
            soa: None,
            at: self.at,
            from,
            took_ms: self.took_ms,
        }
    }

    /// As plain data.
    pub(super) fn answer(&self, from: Source, owner: &LibraryName, kind: Kind) -> ServerAnswer {
        let mut out = self.answer_about(from, &from_library(owner), kind);
        if let Ok(message) = &self.said {
            fill(&mut out, message, owner);
        }
        out
    }
}

/// Reads what an authoritative server said.
fn fill(out: &mut ServerAnswer, message: &Message, owner: &LibraryName) {
    let wanted = record_type(out.kind);
    out.rcode = code_name(message.metadata.response_code);
    out.explained = explained(message);
    out.aa = message.metadata.authoritative;
    out.records = records_at(&message.answers, owner, wanted);
    out.ttl = out.records.iter().map(|r| r.ttl).max();
    let aliased = out.records.iter().all(|r| matches!(r.data, Data::Cname(_)));
    let signed = if aliased { RecordType::CNAME } else { wanted };
    out.signatures = signatures(&message.answers, owner, signed);
    out.soa = soa(&message.answers).or_else(|| soa(&message.authorities));
    out.outcome = if !is_readable(message) {
        Outcome::Failed(rcode_failure(message))
    } else if !out.records.is_empty() {
        Outcome::Answer
    } else if !out.aa {
        // Neither records nor authority: a referral or an empty shell. Nobody said that there is nothing.
        Outcome::Failed(Failure::Lame)
    } else if message.metadata.response_code == ResponseCode::NXDomain {
        Outcome::NxDomain
    } else {
        Outcome::NoData
    };
}

/// The way by which questions go.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) dns: Dns,
    pin: Option<Arc<Pin>>,
}

impl Way {
    /// To whoever is responsible.
    pub(super) const fn open(dns: Dns) -> Self {
        Self { dns, pin: None }
    }

    /// The same, except that questions about one zone go to one address alone.
    pub(super) const fn pinned(dns: Dns, pin: Arc<Pin>) -> Self {
        Self {
            dns,
            pin: Some(pin),
        }
    }

    /// Whether an answer is remembered, so that asking before it is needed costs nothing.
    pub(super) fn remembers(&self, name: &LibraryName, kind: RecordType) -> bool {
        let pinned = self
            .pin
            .as_ref()
            .is_some_and(|pin| pin.is_about(name, kind));
        pinned || self.dns.remembers(kind)
    }

    /// Asks.
    pub(super) async fn resolve(
        &self,
        name: &LibraryName,
        kind: RecordType,
    ) -> Result<Reply, Failure> {
        let Some(pin) = self.pin.as_ref().filter(|pin| pin.is_about(name, kind)) else {
            return self.dns.resolve(name, kind).await;
        };
        let told = pin.told(&self.dns, name, kind).await;
        let message = told.said?;
        if !is_readable(&message) {
            return Err(rcode_failure(&message));
        }
        if !message.metadata.authoritative {
            return Err(Failure::Lame);
        }
        Ok(Reply {
            message,
            from: pin.from.clone(),
            self_signed: told.self_signed,
        })
    }
}

/// The name of one kind of question, for telling people which.
pub(super) fn about(name: &LibraryName, kind: RecordType) -> String {
    let name: Name = from_library(name);
    format!("{kind} of {name:?}")
}
