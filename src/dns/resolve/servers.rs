//! Asks the servers of a zone, and finds out where they are.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::Later;
use super::referral::{Said, Verdict, judge};
use crate::dns::Dns;
use crate::dns::convert::from_library;
use crate::dns::doors::Transport;
use crate::dns::memory::{Reply, Zone};
use crate::dns::pin::Pin;
use crate::dns::transport::{Question, exchange_noting};
use crate::dns::view::{Failure, Source};

/// How deep finding the address of a name server may lead to other name servers.
const DEEPEST: u8 = 6;
/// How many addresses of one zone are tried for one question.
const MOST_ADDRESSES: usize = 8;

impl Dns {
    /// Asks the zone's servers, one after the other, until one gives a usable answer.
    pub(super) fn ask_zone<'a>(
        &'a self,
        zone: &'a Zone,
        name: &'a Name,
        kind: RecordType,
        depth: u8,
    ) -> Later<'a, Result<Said, Failure>> {
        // In a box: it is far larger than what waits for it, and asked for in many places.
        Box::pin(async move {
            let mut last = None;
            let mut tried = 0;
            // Servers with known addresses first: the others cost questions of their own.
            let mut servers: Vec<&(Name, Vec<IpAddr>)> = zone.servers.iter().collect();
            servers.sort_by_key(|(_, glue)| glue.is_empty());
            for (server, glue) in servers {
                let addresses = if glue.is_empty() {
                    let found = Box::pin(self.addresses_of(server, depth)).await;
                    found.unwrap_or_default()
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
                    let pin = self.shared(zone, server, address, name, kind);
                    let said = match pin {
                        Some(pin) => pin.told(self, name, kind).await.said,
                        None => {
                            let question = || Question::authoritative(name.clone(), kind);
                            self.ask_noting(address, question).await.0
                        }
                    };
                    match said {
                        Ok(message) => match judge(message, zone, name) {
                            Ok(Verdict::Referral(deeper)) => return Ok(Said::Referral(deeper)),
                            Ok(Verdict::Answer(message)) => {
                                return Ok(Said::Answer(Reply {
                                    message,
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
        })
    }

    /// What is asked of every server in this look, is asked of this one once. `None`: it is not, or it did not help.
    fn shared(
        &self,
        zone: &Zone,
        server: &Name,
        address: SocketAddr,
        name: &Name,
        kind: RecordType,
    ) -> Option<Arc<Pin>> {
        self.sharing()
            .filter(|look| look.asks_all(&zone.name, name, kind))?;
        let pin = self.pin(&zone.name, &from_library(server), address);
        (!pin.has_failed(name, kind)).then_some(pin)
    }

    /// The addresses of a name server, from its own zone.
    pub(in crate::dns) async fn addresses_of(
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
            let (found, whole) = Box::pin(self.find_addresses(server, depth)).await;
            if whole {
                known.put(server.clone(), found.clone());
            }
            return found;
        }
        let whole = AtomicBool::new(false);
        let ask = || -> Later<'_, _> {
            Box::pin(async {
                let (found, all) = self.find_addresses(server, depth).await;
                whole.store(all, Ordering::Relaxed);
                found
            })
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
    pub(in crate::dns) async fn ask(
        &self,
        address: SocketAddr,
        question: &Question,
    ) -> Result<Arc<Message>, Failure> {
        self.ask_noting(address, || question.clone()).await.0
    }

    /// The same; also whether the answer over UDP was cut off, so that TCP had to be used. The question is made when its turn
    /// has come. Not `async`, so that what it is given is held once.
    pub(in crate::dns) fn ask_noting<'a>(
        &'a self,
        address: SocketAddr,
        question: impl FnOnce() -> Question + Send + 'a,
    ) -> impl Future<Output = (Result<Arc<Message>, Failure>, bool)> + Send + 'a {
        let enter = self.inner.doors.enter(address, Transport::Udp);
        async move {
            let place = match enter.await {
                Ok(place) => place,
                Err(failure) => return (Err(failure), false),
            };
            // The semaphore is never closed; were it, there would be no limit to keep.
            let _permit = self.inner.limit.acquire().await.ok();
            let settings = &self.inner.settings;
            let (wait, attempts) = (settings.timeout, settings.attempts);
            let answer = exchange_noting(address, question(), wait, attempts, self.alike());
            // In a box, made only now: who still waits holds no room for it.
            let answer = Box::pin(answer).await;
            // Cut off is answered too, whatever became of TCP.
            place.leave(answer.0.as_ref().err().filter(|_| !answer.1));
            answer
        }
    }

    /// The addresses, those that just failed to answer last: a dead address costs its time-out once.
    pub(super) fn willing_first(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut all = addresses.to_vec();
        all.sort_by_cached_key(|a| self.inner.doors.is_silent(*a));
        all
    }
}
