//! Asks: every address of every server, over UDP and TCP at the same time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use hickory_proto::rr::Name as LibraryName;
use jiff::Timestamp;

use super::server::{Probe, TcpView};
use super::{Survey, differs};
use crate::dns::Dns;
use crate::dns::convert::{record_type, to_library};
use crate::dns::denial::Link;
use crate::dns::doors::Transport;
use crate::dns::observe::addresses;
use crate::dns::pin::{Pin, Told};
use crate::dns::reach::set_aside;
use crate::dns::record::{Kind, Name, normal};
use crate::dns::text::hex;
use crate::dns::transport::{Pipelined, Question, pipelined};
use crate::dns::view::{Failure, ServerView, Status, ZoneView};

/// What is asked about, for all servers alike.
pub(super) struct Subject {
    pub(super) domain: Name,
    pub(super) apex: Name,
    random_name: Name,
}

impl Subject {
    fn tlsa(&self) -> Name {
        format!("_25._tcp.{}", self.domain)
    }

    /// The questions asked over TCP as well.
    fn over_tcp(&self) -> [(Name, Kind); 5] {
        [
            (self.apex.clone(), Kind::Soa),
            (self.apex.clone(), Kind::Dnskey),
            (self.domain.clone(), Kind::Mx),
            (self.apex.clone(), Kind::Ns),
            (self.tlsa(), Kind::Tlsa),
        ]
    }

    pub(super) fn probes(&self) -> [(Probe, Name); 3] {
        [
            (Probe::TlsaOfDomain, self.tlsa()),
            (Probe::RandomName, self.random_name.clone()),
            (Probe::TypeAtApex, self.apex.clone()),
        ]
    }
}

impl Dns {
    /// Looks at a domain's zone as [`Dns::observe_zone`] does, and deeper: TCP, our verdict on each server's own answers,
    /// proofs of absence, signatures, keys. No question goes to an address twice, except over TCP.
    ///
    /// # Errors
    /// When the zone's servers cannot be found out. A server that does not answer is no error: it is in the survey.
    pub async fn survey(&self, domain: &str) -> Result<Survey, Failure> {
        let dns = self.remembering();
        let at = Timestamp::now();
        let domain = normal(domain);
        let cut = dns.zone_cut(&domain).await?;
        let apex = to_library(&cut.apex)?;
        let subject = Subject {
            random_name: format!("{}.{domain}", unlikely_label()?),
            apex: cut.apex.clone(),
            domain: domain.clone(),
        };
        let pins = dns.pins(&cut)?;
        let mut once: BTreeMap<SocketAddr, Arc<Pin>> = BTreeMap::new();
        for (_, pin) in &pins {
            once.insert(pin.from().address, Arc::clone(pin));
        }
        let (heard, mut parents, mx, link) = tokio::join!(
            join_all(once.values().map(|pin| Box::pin(dns.hear(&subject, pin)))),
            join_all(
                addresses(&cut.parent_servers, dns.inner.settings.port)
                    .map(|(server, address)| dns.view_parent(&cut.apex, server, address))
            ),
            dns.validate(&domain, Kind::Mx),
            dns.link_to(&apex),
        );
        let mut heard: BTreeMap<SocketAddr, (ServerView, TcpView)> = heard
            .into_iter()
            .map(|(view, tcp)| (view.address, (view, tcp)))
            .collect();
        let mut servers: Vec<ServerView> = pins
            .iter()
            .filter_map(|(server, pin)| {
                let mut view = heard.get(&pin.from().address)?.0.clone();
                view.server.clone_from(server);
                Some(view)
            })
            .collect();
        let mut out_of_reach = set_aside(&mut servers, |s| &s.soa);
        out_of_reach.extend(set_aside(&mut parents, |p| &p.ds));
        heard.retain(|address, _| servers.iter().any(|s| s.address == *address));
        let judged = dns.judge_servers(&subject, &link, &parents, &once, heard);
        let judged = Box::pin(judged).await;
        let surveys = servers.iter().filter_map(|view| {
            let mut survey = judged.get(&view.address)?.clone();
            survey.server.clone_from(&view.server);
            Some(survey)
        });
        Ok(Survey {
            servers: surveys.collect(),
            delegation: status_of(&link),
            random_name: subject.random_name,
            zone: ZoneView {
                domain,
                cut,
                servers,
                parents,
                out_of_reach,
                mx,
                at,
            },
        })
    }

    /// What the parents prove about the delegation of a zone.
    async fn link_to(&self, apex: &LibraryName) -> Link {
        match self.chain(apex, false).await {
            Ok(link) => link,
            Err(failure) => Link::Unknown(failure.to_string()),
        }
    }

    /// Everything one address is asked, at the same time: a dead one costs one time-out.
    async fn hear(&self, subject: &Subject, pin: &Arc<Pin>) -> (ServerView, TcpView) {
        let (view, tcp, _) = tokio::join!(
            self.view_server(
                &subject.domain,
                &subject.apex,
                pin.from().server.clone().unwrap_or_default(),
                Arc::clone(pin)
            ),
            self.over_tcp(subject, pin),
            pin.answers(self, subject.probes().map(|(_, name)| (name, Kind::Tlsa))),
        );
        let mut tcp = tcp;
        tcp.differs = view
            .answers()
            .filter_map(|udp| {
                let other = tcp
                    .answers
                    .iter()
                    .find(|a| a.kind == udp.kind && a.name == udp.name)?;
                differs(udp, other).then_some(udp.kind)
            })
            .collect();
        (view, tcp)
    }

    async fn over_tcp(&self, subject: &Subject, pin: &Pin) -> TcpView {
        let mut asked = Vec::new();
        for (name, kind) in subject.over_tcp() {
            if let Ok(owner) = to_library(&name) {
                asked.push((owner, kind));
            }
        }
        let questions: Vec<Question> = asked
            .iter()
            .map(|(owner, kind)| Question::authoritative(owner.clone(), record_type(*kind)))
            .collect();
        let begun = Instant::now();
        let said = self.ask_all_over_tcp(pin.from().address, &questions).await;
        let nothing = said.answers.iter().all(Result::is_err);
        let failure = said.answers.iter().find_map(|a| a.as_ref().err()).cloned();
        TcpView {
            answers: asked
                .iter()
                .zip(said.answers)
                .map(|((owner, kind), answer)| {
                    Told::of(answer, begun.elapsed()).answer(pin.from().clone(), owner, *kind)
                })
                .collect(),
            failure: failure.filter(|_| nothing),
            connections: said.connections,
            differs: Vec::new(),
        }
    }

    /// Within the limits of questions under way.
    async fn ask_all_over_tcp(&self, address: SocketAddr, questions: &[Question]) -> Pipelined {
        let place = match self.inner.doors.enter(address, Transport::Tcp).await {
            Ok(place) => place,
            Err(failure) => return Pipelined::none(questions.len(), &failure),
        };
        // Never closed; see `Dns::ask`.
        let _permit = self.inner.limit.acquire().await.ok();
        let wait = self.inner.settings.timeout;
        // In a box, made only now: who still waits holds no room for it.
        let said = Box::pin(pipelined(address, questions, wait, self.alike())).await;
        let nothing = said.answers.iter().all(Result::is_err);
        let first = said.answers.iter().find_map(|a| a.as_ref().err());
        place.leave(first.filter(|_| nothing));
        said
    }
}

/// The delegation's status on the way down to a zone that is known to be one.
fn status_of(link: &Link) -> Status {
    match link {
        Link::Secure | Link::NotACut | Link::Nothing => Status::Secure,
        Link::Insecure => Status::Insecure,
        Link::Bogus(why) => Status::Bogus { why: why.clone() },
        Link::Unknown(why) => Status::Indeterminate { why: why.clone() },
    }
}

/// A label that nobody has: 64 random bits.
fn unlikely_label() -> Result<String, Failure> {
    let mut random = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Failure::NoRoute {
        detail: "the operating system gives no random numbers".into(),
    })?;
    Ok(format!("rollout-{}", hex(&random)))
}
