//! The library's validator, and what its verdict is worth.

use std::sync::Arc;
use std::time::Duration;

use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::xfer::{DnsHandle as _, FirstAnswer as _};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::Proof;
use hickory_proto::op::{DnsRequestOptions, Message, OpCode, Query};
use hickory_proto::rr::{Name, Record as LibraryRecord, RecordType};
use tokio::sync::OnceCell;

use super::absence::{Set, proof};
use super::convert::from_library;
use super::denial::{wildcard_is_left_open, wildcard_is_proven};
use super::handle::{Asking, Handle, Log, is_from_wildcard};
use super::pin::Way;
use super::view::{Failure, Source};

/// How many records deep the library may go to validate one answer.
const DEEPEST_PROOF: usize = 26;

/// Verified sets remembered by a validator that is shared, at most.
const MOST_VERIFIED: usize = 16_384;

/// The library's validator. It remembers which sets it has verified: the very records and signatures, about the very
/// question.
#[derive(Default)]
pub(super) struct Verifier {
    /// Made at the first question: for the anchors the root may have to be asked.
    handle: OnceCell<DnssecDnsHandle<Handle>>,
    /// For how long it is shared by looks that come one after the other; `None`: it serves one look.
    shared: Option<Duration>,
}

/// A validator, asking one way.
#[derive(Clone)]
pub(super) struct Engine {
    way: Way,
    verifier: Arc<Verifier>,
    log: Log,
}

impl Engine {
    /// With nothing verified yet.
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            verifier: Arc::default(),
            log: Log::default(),
        }
    }

    /// With what was verified in this run, where there is a memory: the same records with the same signatures are not
    /// verified twice. The answers themselves are asked for as ever. Only for ways to whoever is responsible: another way
    /// has other keys.
    pub(super) fn of_run(way: Way) -> Self {
        let inner = &way.dns.inner;
        let age = inner.memory.age();
        if age.is_zero() {
            return Self::new(way);
        }
        let verifier = inner.first.get_or(|| Verifier {
            handle: OnceCell::new(),
            shared: Some(age),
        });
        Self {
            way,
            verifier,
            log: Log::default(),
        }
    }

    async fn handle(&self) -> Result<&DnssecDnsHandle<Handle>, Failure> {
        let verifier = &self.verifier;
        verifier
            .handle
            .get_or_try_init(|| async {
                let anchors = self.way.dns.anchors().await?;
                let handle = DnssecDnsHandle::with_trust_anchor(Handle, anchors);
                Ok(match verifier.shared {
                    None => handle,
                    // What did not hold may come of a lookup that failed, so it must not last.
                    Some(age) => handle
                        .validation_cache_size(MOST_VERIFIED)
                        .positive_validation_ttl(Duration::ZERO..=age)
                        .negative_validation_ttl(Duration::ZERO..=Duration::ZERO),
                })
            })
            .await
    }

    /// The library's verdict about one question.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Heard {
        let mut options = DnsRequestOptions::default();
        options.use_edns = true;
        options.edns_set_dnssec_ok = true;
        options.max_request_depth = DEEPEST_PROOF;
        let handle = match self.handle().await {
            Ok(handle) => handle,
            Err(failure) => {
                return Heard {
                    verdict: Said::Unknown(format!("the keys of the root zone: {failure}")),
                    from: None,
                };
            }
        };
        if let Some(heard) = Box::pin(self.absent(handle, name, kind, options)).await {
            return heard;
        }
        let asking = self.asking();
        let query = Query::query(name.clone(), kind);
        let result = asking
            .scope(async move { handle.lookup(query, options).first_answer().await })
            .await;
        let verdict = match (weigh(result, name, kind), self.log.failures(name, kind)) {
            // "Bogus" from a lookup that failed is no verdict: only this machine, now, could not see.
            (Said::Bogus(_) | Said::Unknown(_), Some(failures)) => Said::Unknown(failures),
            (verdict, _) => verdict,
        };
        Heard {
            verdict,
            from: self.log.from(name, kind),
        }
    }

    fn asking(&self) -> Asking {
        Asking::new(self.way.clone(), self.log.clone())
    }

    /// An absence that plain NSEC records prove. `None`: anything else, and whatever does not hold.
    async fn absent(
        &self,
        handle: &DnssecDnsHandle<Handle>,
        name: &Name,
        kind: RecordType,
        options: DnsRequestOptions,
    ) -> Option<Heard> {
        // Else it would be asked for twice.
        if !self.way.remembers(name, kind) {
            return None;
        }
        let reply = self.way.resolve(name, kind).await.ok()?;
        let sets = proof(&reply.message, name, kind)?;
        let mut message = Message::response(0, OpCode::Query);
        message.metadata = reply.message.metadata;
        message.add_query(Query::query(name.clone(), kind));
        for set in sets {
            message
                .authorities
                .extend(self.secure(handle, set, options).await?);
        }
        Some(Heard {
            verdict: Said::Secure(message),
            from: Some(reply.from),
        })
    }

    /// The set as it was verified; `None` if it was not.
    async fn secure(
        &self,
        handle: &DnssecDnsHandle<Handle>,
        set: Set,
        options: DnsRequestOptions,
    ) -> Option<Vec<LibraryRecord>> {
        let query = Query::query(set.owner.clone(), set.kind);
        let asking = self.asking().giving(set);
        let response = asking
            .scope(async move { handle.lookup(query, options).first_answer().await })
            .await;
        let answers = response.ok()?.into_message().answers;
        let mut data = answers
            .iter()
            .filter(|r| !r.record_type().is_rrsig())
            .peekable();
        let secure = data.peek().is_some() && data.all(|r| r.proof == Proof::Secure);
        secure.then_some(answers)
    }
}

/// The library's verdict, with what it was about.
pub(super) enum Said {
    Secure(Message),
    Insecure(Message),
    Bogus(Message),
    Unknown(String),
}

/// The verdict, and who answered the question itself.
pub(super) struct Heard {
    pub(super) verdict: Said,
    pub(super) from: Option<Source>,
}

fn weigh(
    result: Result<hickory_proto::op::DnsResponse, NetError>,
    name: &Name,
    kind: RecordType,
) -> Said {
    match result {
        Ok(response) => {
            let message = response.into_message();
            let about: Vec<&LibraryRecord> = if message.answers.is_empty() {
                message.authorities.iter().collect()
            } else {
                message
                    .answers
                    .iter()
                    .filter(|r| r.name == *name && !r.record_type().is_rrsig())
                    .collect()
            };
            let about: Vec<Proof> = about
                .into_iter()
                .filter(|r| !r.record_type().is_rrsig())
                .map(|r| r.proof)
                .collect();
            if about.is_empty() {
                // An empty answer without proof that the library let pass: it found the zone insecure.
                return Said::Insecure(message);
            }
            if about.iter().all(|p| *p == Proof::Secure) {
                Said::Secure(message)
            } else if about.contains(&Proof::Bogus) {
                Said::Bogus(message)
            } else if about.contains(&Proof::Indeterminate) {
                Said::Unknown(format!(
                    "{kind} of {:?} could not be validated",
                    from_library(name)
                ))
            } else {
                Said::Insecure(message)
            }
        }
        Err(NetError::Dns(DnsError::Nsec {
            proof, response, ..
        })) => {
            let message = response.into_message();
            match proof {
                Proof::Secure => Said::Secure(message),
                Proof::Insecure => Said::Insecure(message),
                Proof::Bogus => Said::Bogus(message),
                Proof::Indeterminate => Said::Unknown(format!(
                    "the absence of {kind} at {:?} could not be validated",
                    from_library(name)
                )),
            }
        }
        Err(error) => Said::Unknown(super::text::safe(error.to_string().as_bytes())),
    }
}

pub(super) fn has(message: &Message, name: &Name, kind: RecordType) -> bool {
    message
        .answers
        .iter()
        .any(|r| r.name == *name && r.record_type() == kind)
}

/// A positive answer from a wildcard whose signatures are good and whose gap is proven: rightly secure, though
/// the library says otherwise.
pub(super) fn wildcard_holds(message: &Message, name: &Name) -> bool {
    let mut data = message
        .answers
        .iter()
        .filter(|r| !r.record_type().is_rrsig())
        .peekable();
    if data.peek().is_none() || !data.all(|r| r.proof == Proof::Secure && r.name == *name) {
        return false;
    }
    let mut labels = wildcard_labels(message, name).peekable();
    labels.peek().is_some()
        && labels.all(|count| wildcard_is_proven(&message.authorities, name, count))
}

/// A positive answer from a wildcard in a gap with opt-out: rightly insecure, though the library says secure.
pub(super) fn wildcard_left_open(message: &Message, name: &Name) -> bool {
    wildcard_labels(message, name)
        .any(|count| wildcard_is_left_open(&message.authorities, name, count))
}

/// The label counts of the validated signatures at `name` that were made for a wildcard.
fn wildcard_labels<'a>(message: &'a Message, name: &'a Name) -> impl Iterator<Item = u8> + 'a {
    use hickory_proto::dnssec::rdata::DNSSECRData;
    use hickory_proto::rr::RData;
    message
        .answers
        .iter()
        .filter(|r| r.name == *name && is_from_wildcard(r) && r.proof == Proof::Secure)
        .filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig.input().num_labels),
            _ => None,
        })
}
