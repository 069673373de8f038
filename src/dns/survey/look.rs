//! Asks: every address of every server, over UDP and TCP at the same time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{join, join_all};
use hickory_proto::rr::Name as LibraryName;
use jiff::Timestamp;

use super::Survey;
use super::server::Probe;
use super::tcp::OverTcp;
use crate::dns::Dns;
use crate::dns::convert::to_library;
use crate::dns::denial::Link;
use crate::dns::observe::{served, view_parents, view_servers};
use crate::dns::pin::{Asked, Pin, askable};
use crate::dns::reach::set_aside;
use crate::dns::record::{Kind, Name, normal};
use crate::dns::text::hex;
use crate::dns::view::{Failure, ServerView, Status, ZoneView};

/// What is asked about, for all servers alike.
pub(super) struct Subject {
    pub(super) domain: Name,
    pub(super) apex: Name,
    random_name: Name,
}

/// What one address said.
pub(super) struct Heard<'a> {
    pub(super) pin: Arc<Pin>,
    /// Over UDP.
    pub(super) view: &'a ServerView,
    pub(super) tcp: OverTcp,
}

impl Subject {
    /// What a sender asks about the domain itself.
    pub(super) fn tlsa(&self) -> (Name, Kind) {
        (format!("_25._tcp.{}", self.domain), Kind::Tlsa)
    }

    /// The questions asked over TCP as well.
    pub(super) fn over_tcp(&self) -> [(Name, Kind); 5] {
        [
            (self.apex.clone(), Kind::Soa),
            (self.apex.clone(), Kind::Dnskey),
            (self.domain.clone(), Kind::Mx),
            (self.apex.clone(), Kind::Ns),
            self.tlsa(),
        ]
    }

    /// The questions asked over UDP.
    fn questions(&self) -> Vec<Asked> {
        let mut all = askable(served(&self.domain, &self.apex));
        all.extend(askable(self.probes().map(|(_, name)| (name, Kind::Tlsa))));
        all.dedup();
        all
    }

    /// The names whose TLSA is asked for to see how absence is proven.
    pub(super) fn probes(&self) -> [(Probe, Name); 3] {
        [
            (Probe::TlsaOfDomain, self.tlsa().0),
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
        // In a box, which is let go when it is known.
        let cut = Box::pin(dns.zone_cut(&domain)).await?;
        let apex = to_library(&cut.apex)?;
        let subject = Subject {
            random_name: format!("{}.{domain}", unlikely_label()?),
            apex: cut.apex.clone(),
            domain: domain.clone(),
        };
        let pins = dns.pins(&cut.apex, &cut.servers)?;
        let parents = dns.pins(&cut.parent, &cut.parent_servers)?;
        let mut once: BTreeMap<SocketAddr, Arc<Pin>> = BTreeMap::new();
        for (_, pin) in &pins {
            once.insert(pin.from().address, Arc::clone(pin));
        }
        let over_tcp = askable(subject.over_tcp());
        let over_udp = subject.questions();
        let all: Vec<_> = (once.values())
            .map(|pin| dns.hear(&over_udp, &over_tcp, pin))
            .collect();
        drop(over_udp);
        let (heard, (), mx, link) = tokio::join!(
            join_all(all),
            dns.hear_parents(&cut.apex, &parents),
            dns.validate(&domain, Kind::Mx),
            dns.link_to(&apex),
        );
        drop(over_tcp);
        let mut servers = view_servers(&domain, &cut.apex, &pins);
        let mut parents = view_parents(&cut.apex, &parents);
        let mut out_of_reach = set_aside(&mut servers, |s| &s.soa);
        out_of_reach.extend(set_aside(&mut parents, |p| &p.ds));
        // Those within reach.
        let heard: Vec<Heard> = (once.values().zip(heard))
            .filter_map(|(pin, tcp)| {
                let mut views = servers.iter();
                let view = views.find(|view| view.address == pin.from().address)?;
                let pin = Arc::clone(pin);
                Some(Heard { pin, tcp, view })
            })
            .collect();
        let judged = dns.judge_servers(&subject, &link, &parents, &heard);
        let mut judged = Box::pin(judged).await;
        if let Some(look) = dns.sharing() {
            look.forget_pins();
        }
        let surveys = servers.iter().enumerate().filter_map(|(i, view)| {
            let mut rest = servers.iter().skip(i + 1);
            let mut survey = match rest.any(|other| other.address == view.address) {
                // Under another name it is to come again.
                true => judged.get(&view.address)?.clone(),
                false => judged.remove(&view.address)?,
            };
            survey.server.clone_from(&view.server);
            Some(survey)
        });
        let mut all = Vec::with_capacity(servers.len());
        all.extend(surveys);
        Ok(Survey {
            servers: all,
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
    fn hear<'a>(
        &'a self,
        over_udp: &[Asked],
        over_tcp: &'a [Asked],
        pin: &'a Pin,
    ) -> impl Future<Output = OverTcp> + Send + use<'a> {
        let udp = pin.hear(self, over_udp);
        let tcp = self.hear_over_tcp(over_tcp, pin.from().address);
        join(udp, tcp).map(|((), tcp)| tcp)
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
