//! Between the validator and our own resolution: answers reduced to what was asked, failures written down.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use hickory_net::NetError;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::DnsHandle;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{DnsRequest, DnsResponse, Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::Dns;
use super::convert::from_library;
use super::resolve::Reply;
use super::view::Source;

/// What the validator asks through.
#[derive(Clone)]
pub(super) struct Handle {
    dns: Dns,
    log: Log,
}

/// Lookups that failed while one answer was validated.
///
/// The validator calls data bogus when it could not fetch a key; only this tells the two apart.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    question: (Name, RecordType),
    from: Option<Source>,
    failures: Vec<String>,
}

impl Log {
    /// For validating the answer to this question.
    pub(super) fn about(name: &Name, kind: RecordType) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            question: (name.clone(), kind),
            from: None,
            failures: Vec::new(),
        })))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, name: &Name, kind: RecordType, from: &Source) {
        let mut notes = self.notes();
        if notes.question.0 == *name && notes.question.1 == kind {
            notes.from = Some(from.clone());
        }
    }

    fn failed(&self, text: String) {
        let mut notes = self.notes();
        if !notes.failures.contains(&text) {
            notes.failures.push(text);
        }
    }

    /// Who answered the question itself.
    pub(super) fn from(&self) -> Option<Source> {
        self.notes().from.clone()
    }

    /// The failures as one sentence; `None` if all went well.
    pub(super) fn failures(&self) -> Option<String> {
        let notes = self.notes();
        (!notes.failures.is_empty()).then(|| notes.failures.join("; "))
    }
}

impl Handle {
    pub(super) const fn new(dns: Dns, log: Log) -> Self {
        Self { dns, log }
    }
}

impl DnsHandle for Handle {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let handle = self.clone();
        Box::pin(futures::stream::once(async move {
            let Some(query) = request.queries.first().cloned() else {
                return Err(NetError::from("a request without a question"));
            };
            let (name, kind) = (query.name.to_lowercase(), query.query_type);
            match handle.dns.resolve(&name, kind).await {
                Ok(reply) => {
                    handle.log.answered(&name, kind, &reply.from);
                    let mut message = only_what_was_asked(&reply, &name, kind);
                    message.queries = vec![query];
                    Ok(DnsResponse::from_message(message)?)
                }
                Err(failure) => {
                    let text = format!("{kind} of {:?}: {failure}", from_library(&name));
                    handle.log.failed(text.clone());
                    Err(NetError::from(text))
                }
            }
        }))
    }
}

/// The answer for one name: later links of a chain, the zone's NS set and glue are left out, because each is
/// either asked for by itself or of no account.
fn only_what_was_asked(reply: &Reply, name: &Name, kind: RecordType) -> Message {
    let mut message = reply.message.clone();
    message.additionals.clear();
    message
        .answers
        .retain(|r| r.name == *name && is_about(r, kind));
    let has = |wanted: RecordType| message.answers.iter().any(|r| r.record_type() == wanted);
    let positive = has(kind) || has(RecordType::CNAME);
    if positive {
        message.metadata.response_code = ResponseCode::NoError;
        if !message.answers.iter().any(is_from_wildcard) {
            message.authorities.clear();
        }
    }
    message.authorities.retain(is_proof);
    message
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
