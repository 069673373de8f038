//! Between the second validator and our own resolution: what it asks for, and what went wrong on the way.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use domain::base::Message as WireMessage;
use domain::net::client::request::{
    ComposeRequest as _, Error, GetResponse, RequestMessage, SendRequest,
};
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::task::JoinHandle;

use super::claim::{fetched, names_in};
use crate::dns::convert::from_library;
use crate::dns::{Dns, Inner};

/// What the validator asks through. It is kept by what it asks, hence the weak link.
#[derive(Clone)]
pub(super) struct Upstream {
    dns: Weak<Inner>,
    pub(super) notes: Arc<Notes>,
}

/// What the validator does not tell about its fetches.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// Names about which a fetch failed, and how.
    failures: HashMap<Name, String>,
    /// Zones that the validator takes for unsigned only because it does not follow their algorithms.
    opaque: Vec<Name>,
}

impl Notes {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, name: &Name, text: String) {
        self.told().failures.insert(name.clone(), text);
    }

    /// A failure that may stand behind anything.
    fn broken(&self, why: &str) -> Error {
        self.failed(
            &Name::root(),
            format!("the second validator's fetch: {why}"),
        );
        Error::NoTransportAvailable
    }

    /// The failures on the way to anything in `message`, as one sentence.
    pub(super) fn failure_behind(&self, message: &Message) -> Option<String> {
        let told = self.told();
        let mut all: Vec<&str> = told
            .failures
            .iter()
            .filter(|(name, _)| names_in(message).any(|n| name.zone_of(n)))
            .map(|(_, text)| text.as_str())
            .collect();
        all.sort_unstable();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The highest zone on the way to anything in `message` that the validator did not look into.
    pub(super) fn opaque_above(&self, message: &Message) -> Option<Name> {
        self.told()
            .opaque
            .iter()
            .filter(|zone| names_in(message).any(|n| zone.zone_of(n)))
            .min_by_key(|zone| zone.num_labels())
            .cloned()
    }

    fn look_at(&self, name: &Name, kind: RecordType, message: &Message) {
        if kind != RecordType::DS {
            return;
        }
        let sets = message.answers.iter().filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::DS(ds)) if r.name == *name => {
                Some((u8::from(ds.algorithm()), u8::from(ds.digest_type())))
            }
            _ => None,
        });
        let opaque = is_opaque(sets);
        let mut told = self.told();
        told.opaque.retain(|known| known != name);
        if opaque {
            told.opaque.push(name.clone());
        }
    }
}

/// Whether the validator would call a zone with these DS (algorithm, digest type) unsigned, although its cryptography
/// knows one of the algorithms: it follows a DS only for 5, 7, 8, 10 and 13.
fn is_opaque(ds: impl Iterator<Item = (u8, u8)>) -> bool {
    const FOLLOWED: [u8; 5] = [5, 7, 8, 10, 13];
    /// ECDSA P-384 and Ed25519.
    const KNOWN: [u8; 2] = [14, 15];
    const DIGESTS: [u8; 3] = [1, 2, 4];
    let usable: Vec<u8> = ds
        .filter(|(_, digest)| DIGESTS.contains(digest))
        .map(|(algorithm, _)| algorithm)
        .collect();
    !usable.iter().any(|a| FOLLOWED.contains(a)) && usable.iter().any(|a| KNOWN.contains(a))
}

impl Upstream {
    pub(super) fn new(dns: &Dns) -> Self {
        Self {
            dns: Arc::downgrade(&dns.inner),
            notes: Arc::default(),
        }
    }

    /// The answer. Whatever goes wrong is written down, because the validator takes it for a broken zone.
    async fn fetch(self, request: Vec<u8>) -> Result<WireMessage<Bytes>, Error> {
        let request = Message::from_vec(&request).ok();
        let question = request.as_ref().and_then(|r| r.queries.first());
        let Some((name, kind)) = question.map(|q| (q.name.to_lowercase(), q.query_type)) else {
            return Err(self.notes.broken("a question without a name"));
        };
        let what = || format!("{kind} of {:?}", from_library(&name));
        let fail = |why: String| {
            self.notes.failed(&name, format!("{}: {why}", what()));
            Error::NoTransportAvailable
        };
        let Some(inner) = self.dns.upgrade() else {
            return Err(fail("nobody waits for it any more".into()));
        };
        let reply = Dns { inner, look: None }
            .resolve(&name, kind)
            .await
            .map_err(|failure| fail(failure.to_string()))?;
        let answer = fetched(&reply.message, &name, kind);
        self.notes.look_at(&name, kind, &answer);
        wire(&answer).ok_or_else(|| fail("the answer cannot be read again".into()))
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upstream")
    }
}

/// The message as the other library reads it.
pub(super) fn wire(message: &Message) -> Option<WireMessage<Bytes>> {
    let bytes = message.to_vec().ok()?;
    WireMessage::from_octets(Bytes::from(bytes)).ok()
}

impl SendRequest<RequestMessage<Vec<u8>>> for Upstream {
    fn send_request(&self, request: RequestMessage<Vec<u8>>) -> Box<dyn GetResponse + Send + Sync> {
        let upstream = self.clone();
        Box::new(Fetch {
            notes: Arc::clone(&self.notes),
            task: tokio::spawn(async move {
                let request = request
                    .to_vec()
                    .map_err(|_| upstream.notes.broken("a question that cannot be written"))?;
                upstream.fetch(request).await
            }),
        })
    }
}

/// A fetch under way. A task of its own, because the validator wants to share it between threads; it ends with the
/// validator's wish for it.
#[derive(Debug)]
struct Fetch {
    notes: Arc<Notes>,
    task: JoinHandle<Result<WireMessage<Bytes>, Error>>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl GetResponse for Fetch {
    fn get_response(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<WireMessage<Bytes>, Error>> + Send + Sync + '_>> {
        Box::pin(async move {
            match (&mut self.task).await {
                Ok(answer) => answer,
                Err(_) => Err(self.notes.broken("it broke down")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_zones_the_validator_will_not_follow() {
        let opaque = |ds: &[(u8, u8)]| is_opaque(ds.iter().copied());
        assert!(opaque(&[(15, 2)]));
        assert!(opaque(&[(14, 4), (200, 2)]));
        assert!(!opaque(&[(15, 2), (13, 2)]), "it follows the 13");
        assert!(!opaque(&[(200, 2)]), "nobody knows it: unsigned");
        assert!(!opaque(&[(15, 200)]), "nobody knows the digest");
        assert!(opaque(&[(15, 2), (13, 200)]));
        assert!(!opaque(&[]));
    }
}
