//! Judges what each address served. Addresses that said the very same are judged once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::join_all;
use hickory_proto::rr::RecordType;

use super::keys::{ds_links, keys};
use super::look::Subject;
use super::proof::{proven_by, wildcards};
use super::server::{
    Denial, DsLink, KeyView, Probe, ProvenBy, ServedSet, ServerSurvey, Signed, TcpView,
};
use super::signed::signed;
use crate::dns::Dns;
use crate::dns::convert::{record_type, to_library};
use crate::dns::denial::Link;
use crate::dns::judge::Judge;
use crate::dns::pin::{Pin, Way};
use crate::dns::record::{Kind, Name};
use crate::dns::view::{Outcome, ParentView, ServerAnswer, ServerView, Status};

/// What was asked of one address.
struct Heard {
    pin: Arc<Pin>,
    view: ServerView,
    tcp: TcpView,
    empty_non_terminal: Option<ServerAnswer>,
}

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
        pins: &BTreeMap<SocketAddr, Arc<Pin>>,
        heard: BTreeMap<SocketAddr, (ServerView, TcpView)>,
    ) -> BTreeMap<SocketAddr, ServerSurvey> {
        let heard = heard.into_iter().filter_map(|(address, (view, tcp))| {
            let pin = Arc::clone(pins.get(&address)?);
            Some(self.with_empty_non_terminal(subject, pin, view, tcp))
        });
        let heard = join_all(heard).await;
        let mut firsts: Vec<&Heard> = Vec::new();
        let mut others: Vec<(usize, &Heard)> = Vec::new();
        for one in &heard {
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
        let firsts = firsts.iter().copied().zip(judged.iter().cloned());
        let all = firsts.chain(others).map(|(one, judged)| async move {
            let survey = self.survey_of(subject, one, judged).await;
            (survey.address, survey)
        });
        join_all(all).await.into_iter().collect()
    }

    async fn with_empty_non_terminal(
        &self,
        subject: &Subject,
        pin: Arc<Pin>,
        view: ServerView,
        tcp: TcpView,
    ) -> Heard {
        let exists = matches!(view.denial.outcome, Outcome::Answer | Outcome::NoData);
        let empty_non_terminal = match exists {
            true => {
                let name = format!("_tcp.{}", subject.domain);
                Some(pin.answer(self, &name, Kind::Tlsa).await)
            }
            false => None,
        };
        Heard {
            pin,
            view,
            tcp,
            empty_non_terminal,
        }
    }

    /// The verdict with the address's own answers. They were all given before.
    async fn survey_of(&self, subject: &Subject, heard: &Heard, judged: Judged) -> ServerSurvey {
        let mut denials = Vec::new();
        for ((probe, name), (status, by)) in subject.probes().into_iter().zip(judged.denials) {
            denials.push(Denial {
                probe,
                answer: heard.pin.answer(self, &name, Kind::Tlsa).await,
                status,
                by,
            });
        }
        ServerSurvey {
            server: heard.view.server.clone(),
            address: heard.view.address,
            verdicts: judged.verdicts,
            tcp: heard.tcp.clone(),
            denials,
            empty_non_terminal: heard.empty_non_terminal.clone(),
            signed: judged.signed,
            keys: judged.keys,
            links: judged.links,
            wildcards: judged.wildcards,
            at: heard.view.soa.at,
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
            let answer = pin.answer(self, &name, Kind::Tlsa).await;
            let mut by = ProvenBy::Nothing;
            if let Ok(owner) = to_library(&name)
                && let Ok(message) = pin.told(self, &owner, record_type(Kind::Tlsa)).await.said
            {
                by = proven_by(&message, &owner);
                seen.extend(wildcards(&message, &owner, pin.apex()));
                let unexplained = by == ProvenBy::Nothing
                    && matches!(answer.outcome, Outcome::Answer | Outcome::NoData);
                if probe == Probe::RandomName && unexplained {
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
