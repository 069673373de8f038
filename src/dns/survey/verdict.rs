//! Judges what each address served. Addresses that said the very same are judged once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::join_all;
use hickory_proto::rr::RecordType;

use super::keys::{ds_links, keys};
use super::look::{Heard, Subject};
use super::proof::{proven_by, wildcards};
use super::server::{Denial, DsLink, KeyView, Probe, ProvenBy, ServedSet, ServerSurvey, Signed};
use super::signed::signed;
use crate::dns::Dns;
use crate::dns::convert::{record_type, to_library};
use crate::dns::denial::Link;
use crate::dns::judge::Judge;
use crate::dns::pin::{Pin, Way, askable};
use crate::dns::record::{Kind, Name};
use crate::dns::view::{Outcome, ParentView, Status};

/// All that hangs on the octets of the answers alone, and not on whose they are.
#[derive(Clone)]
struct Judged {
    verdicts: Vec<ServedSet>,
    /// For each probe, in order.
    denials: Vec<(Status, ProvenBy)>,
    signed: Vec<Signed>,
    keys: Vec<KeyView>,
    links: Vec<DsLink>,
    wildcards: Vec<Name>,
}

impl Dns {
    /// The verdict on each address.
    pub(super) async fn judge_servers(
        &self,
        subject: &Subject,
        link: &Link,
        parents: &[ParentView],
        heard: &[Heard<'_>],
    ) -> BTreeMap<SocketAddr, ServerSurvey> {
        join_all(heard.iter().map(|one| self.ask_between(subject, one))).await;
        let mut firsts: Vec<&Heard> = Vec::new();
        let mut others: Vec<(usize, &Heard)> = Vec::new();
        for one in heard {
            let same = |first: &&Heard| first.pin.has_heard_the_same_as(&one.pin);
            match firsts.iter().position(same) {
                Some(at) => others.push((at, one)),
                None => firsts.push(one),
            }
        }
        let judge = |pin| Box::pin(self.judge_pin(subject, link, parents, pin));
        let judged = join_all(firsts.iter().map(|first| judge(&first.pin))).await;
        let others = join_all(others.into_iter().map(|(at, one)| {
            let (first, known, judge) = (&firsts[at].pin, &judged[at], &judge);
            async move {
                // Judging may have asked for more.
                match first.is_echoed_by(self, &one.pin).await {
                    true => (one, known.clone()),
                    false => (one, judge(&one.pin).await),
                }
            }
        }))
        .await;
        let firsts = firsts.iter().copied().zip(judged);
        let all = firsts.chain(others);
        all.map(|(one, judged)| (one.pin.from().address, survey_of(subject, one, judged)))
            .collect()
    }

    /// Asks about the name between the domain and the name for which TLSA exists.
    async fn ask_between(&self, subject: &Subject, heard: &Heard<'_>) {
        if heard.has_tlsa_name() {
            heard.pin.hear(self, &askable([between(subject)])).await;
        }
    }

    async fn judge_pin(
        &self,
        subject: &Subject,
        link: &Link,
        parents: &[ParentView],
        pin: &Arc<Pin>,
    ) -> Judged {
        let way = Way::pinned(self.clone(), Arc::clone(pin));
        let judge = match self.has_usual_keys(pin).await {
            true => Judge::of_run(way),
            false => Judge::of_one_look(way),
        };
        let mut verdicts = Vec::new();
        for (name, kind) in [
            (&subject.apex, Kind::Dnskey),
            (&subject.apex, Kind::Soa),
            (&subject.apex, Kind::Ns),
            (&subject.domain, Kind::Mx),
        ] {
            verdicts.push(ServedSet {
                name: name.clone(),
                kind,
                status: self.verdict_on(&judge, link, name, kind).await,
            });
        }
        let mut denials = Vec::new();
        let mut seen = Vec::new();
        for (probe, name) in subject.probes() {
            let status = self.verdict_on(&judge, link, &name, Kind::Tlsa).await;
            let mut by = ProvenBy::Nothing;
            if let Ok(owner) = to_library(&name)
                && let Ok(message) = pin.told(self, &owner, record_type(Kind::Tlsa)).await.said
            {
                by = proven_by(&message, &owner);
                seen.extend(wildcards(&message, &owner, pin.apex()));
                let is_there = || {
                    let outcome = pin.shown(&name, Kind::Tlsa).outcome;
                    matches!(outcome, Outcome::Answer | Outcome::NoData)
                };
                if probe == Probe::RandomName && by == ProvenBy::Nothing && is_there() {
                    // Nobody made this name, and yet it is not denied.
                    seen.push(format!("*.{}", subject.domain));
                }
            }
            denials.push((status, by));
        }
        seen.sort();
        seen.dedup();
        let messages = pin.messages();
        let signed = signed(&messages, pin.apex());
        let keys = keys(&messages, pin.apex(), &signed, &self.inner.checked);
        let links = ds_links(parents, &messages, pin.apex(), &keys);
        Judged {
            verdicts,
            denials,
            signed,
            keys,
            links,
            wildcards: seen,
        }
    }

    /// Whether the address serves the very keys, with the very signatures, that the zone is known by. Then what was verified
    /// by them on another way holds on this one: the same records with the same signatures are not verified twice.
    async fn has_usual_keys(&self, pin: &Pin) -> bool {
        let told = pin.told(self, pin.apex(), RecordType::DNSKEY).await;
        let (Ok(own), Ok(usual)) = (
            told.said,
            self.resolve(pin.apex(), RecordType::DNSKEY).await,
        ) else {
            return false;
        };
        let (own, usual) = (&own.answers, &usual.message.answers);
        !own.is_empty()
            && own.len() == usual.len()
            && own
                .iter()
                .all(|r| usual.iter().any(|u| u.name == r.name && u.data == r.data))
    }

    async fn verdict_on(&self, judge: &Judge, link: &Link, name: &str, kind: Kind) -> Status {
        let owner = match to_library(name) {
            Ok(owner) => owner,
            Err(failure) => {
                return Status::Indeterminate {
                    why: failure.to_string(),
                };
            }
        };
        let limit = self.patience();
        match tokio::time::timeout(limit, Box::pin(judge.below(link, &owner, kind))).await {
            Ok(found) => found.status,
            Err(_) => Status::Indeterminate {
                why: format!(
                    "{kind} of {name:?} could not be validated within {} s",
                    limit.as_secs()
                ),
            },
        }
    }
}

/// The verdict with the address's own answers.
fn survey_of(subject: &Subject, heard: &Heard<'_>, judged: Judged) -> ServerSurvey {
    let denials = subject.probes().into_iter().zip(judged.denials);
    let denials = denials.map(|((probe, name), (status, by))| Denial {
        probe,
        answer: heard.pin.shown(&name, Kind::Tlsa),
        status,
        by,
    });
    let (name, kind) = between(subject);
    let between = heard.has_tlsa_name();
    ServerSurvey {
        server: heard.view.server.clone(),
        address: heard.view.address,
        verdicts: judged.verdicts,
        tcp: heard.tcp.view(subject, heard.view),
        denials: denials.collect(),
        empty_non_terminal: between.then(|| heard.pin.shown(&name, kind)),
        signed: judged.signed,
        keys: judged.keys,
        links: judged.links,
        wildcards: judged.wildcards,
        at: heard.view.soa.at,
    }
}

impl Heard<'_> {
    /// Whether the name at which senders look exists, as this address has it.
    const fn has_tlsa_name(&self) -> bool {
        matches!(self.view.denial.outcome, Outcome::Answer | Outcome::NoData)
    }
}

/// The name between the domain and the one at which senders look.
fn between(subject: &Subject) -> (Name, Kind) {
    (format!("_tcp.{}", subject.domain), Kind::Tlsa)
}
