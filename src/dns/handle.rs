//! Between the validator and our own resolution: answers reduced to what was asked, failures written down.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use hickory_net::NetError;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::DnsHandle;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{DnsRequest, DnsResponse, Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::absence::Set;
use super::checked::Checked;
use super::keys::is_signed_by_itself;
use super::memory::Reply;
use super::pin::{Way, about};
use super::view::Source;

/// What the validator asks through: the way of whoever wants the verdict at the moment.
#[derive(Clone)]
pub(super) struct Handle;

/// Whose verdict is being found, by which way, and where it is written down. One validator may serve many.
#[derive(Clone)]
pub(super) struct Asking {
    way: Way,
    log: Log,
    /// What the question is about, where it is known already.
    given: Option<Arc<Set>>,
}

tokio::task_local! {
    static ASKING: Asking;
}

impl Asking {
    pub(super) const fn new(way: Way, log: Log) -> Self {
        Self {
            way,
            log,
            given: None,
        }
    }

    /// The question about this set is answered with it.
    pub(super) fn giving(self, set: Set) -> Self {
        Self {
            given: Some(Arc::new(set)),
            ..self
        }
    }

    /// Everything that the validator asks within `work` goes this way.
    pub(super) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        ASKING.scope(self, work).await
    }
}

/// Lookups that failed while answers were validated, and who gave those that did not.
///
/// The validator calls data bogus when it could not fetch a key; only this tells the two apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    from: HashMap<(Name, RecordType), Source>,
    failures: Vec<((Name, RecordType), String)>,
}

impl Log {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, name: &Name, kind: RecordType, from: &Source) {
        self.notes().from.insert((name.clone(), kind), from.clone());
    }

    fn failed(&self, name: &Name, kind: RecordType, text: String) {
        let mut notes = self.notes();
        if !notes.failures.iter().any(|(_, known)| *known == text) {
            notes.failures.push(((name.clone(), kind), text));
        }
    }

    /// Who answered this question.
    pub(super) fn from(&self, name: &Name, kind: RecordType) -> Option<Source> {
        self.notes().from.get(&(name.clone(), kind)).cloned()
    }

    /// The failures on which the verdict about this question may hang, as one sentence; `None` if all went well.
    ///
    /// One log may serve several questions: what failed of another one's own answer says nothing about this one, but a
    /// key or a DS may be needed by all.
    pub(super) fn failures(&self, name: &Name, kind: RecordType) -> Option<String> {
        let notes = self.notes();
        let relevant: Vec<&str> = notes
            .failures
            .iter()
            .filter(|((about, of), _)| {
                (about == name && *of == kind)
                    || (matches!(*of, RecordType::DS | RecordType::DNSKEY) && about.zone_of(name))
            })
            .map(|(_, text)| text.as_str())
            .collect();
        (!relevant.is_empty()).then(|| relevant.join("; "))
    }
}

impl DnsHandle for Handle {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        Box::pin(futures::stream::once(async move {
            let Ok(handle) = ASKING.try_with(Asking::clone) else {
                return Err(NetError::from("a question that nobody asked"));
            };
            let Some(query) = request.queries.first().cloned() else {
                return Err(NetError::from("a request without a question"));
            };
            let (name, kind) = (query.name.to_lowercase(), query.query_type);
            let given = handle.given.as_ref();
            if let Some(set) = given.filter(|set| set.kind == kind && set.owner == name) {
                let mut message = Message::response(request.metadata.id, request.metadata.op_code);
                message.answers.clone_from(&set.records);
                message.queries = vec![query];
                return Ok(DnsResponse::from_message(message)?);
            }
            match handle.way.resolve(&name, kind).await {
                Ok(reply) => {
                    handle.log.answered(&name, kind, &reply.from);
                    let checked = &handle.way.dns.inner.checked;
                    let mut message = only_what_was_asked(&reply, &name, kind, checked);
                    message.queries = vec![query];
                    Ok(DnsResponse::from_message(message)?)
                }
                Err(failure) => {
                    let text = format!("{}: {failure}", about(&name, kind));
                    handle.log.failed(&name, kind, text.clone());
                    Err(NetError::from(text))
                }
            }
        }))
    }
}

/// The answer for one name: later links of a chain, the zone's NS set and glue are left out, because each is
/// either asked for by itself or of no account.
fn only_what_was_asked(reply: &Reply, name: &Name, kind: RecordType, checked: &Checked) -> Message {
    let whole = reply.message.as_ref();
    // Copied are only the records that stay: an answer is asked for by the validator many times.
    let mut message = Message::new(
        whole.metadata.id,
        whole.metadata.message_type,
        whole.metadata.op_code,
    );
    message.metadata = whole.metadata;
    message.edns.clone_from(&whole.edns);
    message.answers = only(&whole.answers, |r| r.name == *name && is_about(r, kind));
    let has = |wanted: RecordType| message.answers.iter().any(|r| r.record_type() == wanted);
    let positive = has(kind) || has(RecordType::CNAME);
    if positive {
        message.metadata.response_code = ResponseCode::NoError;
    }
    if !positive || message.answers.iter().any(is_from_wildcard) {
        message.authorities = only(&whole.authorities, is_proof);
    }
    // Where every key has a DS the library takes the set without a signature, or with an expired one; resolvers do not
    // (RFC 4035, 5.2). Without its keys the zone is as bogus as it is to them.
    if kind == RecordType::DNSKEY {
        let signed = || is_signed_by_itself(&message.answers, name, checked);
        if !*reply.self_signed.get_or_init(signed) {
            message.answers.clear();
        }
    }
    message
}

fn only(section: &[Record], wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
    section.iter().filter(|r| wanted(r)).cloned().collect()
}

fn is_about(record: &Record, kind: RecordType) -> bool {
    let of = covered(record).unwrap_or_else(|| record.record_type());
    of == kind || of == RecordType::CNAME
}

/// The type that a signature covers.
fn covered(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig.input().type_covered),
        _ => None,
    }
}

fn is_proof(record: &Record) -> bool {
    matches!(
        covered(record).unwrap_or_else(|| record.record_type()),
        RecordType::SOA | RecordType::NSEC | RecordType::NSEC3
    )
}

/// A signature made for a wildcard has fewer labels than the name it arrived with (RFC 4035, 5.3.2).
pub(super) fn is_from_wildcard(record: &Record) -> bool {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => {
            rrsig.input().num_labels < record.name.num_labels()
        }
        _ => false,
    }
}
