//! Our own verdict about an answer: the chain of trust from the root down, then the answer itself.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use jiff::Timestamp;

use super::Dns;
use super::convert::{from_library, record_type, to_library};
use super::denial::{Delegation, Link, no_ds};
use super::engine::{Said, has, wildcard_holds};
use super::judge::{Content, Found, Judge, is_left_open, unknown};
use super::record::{Kind, Soa, normal};
use super::resolve::Later;
use super::settings::Origin;
use super::view::{Alias, Answer, Failure, Status, Validated};
use super::why;

/// The longest chain of aliases that is followed; resolvers stop at about as many.
const MOST_ALIASES: usize = 12;

impl Dns {
    /// Asks for `name`/`kind` and says how far the answer can be trusted, following aliases.
    ///
    /// The answer is fresh: nothing but delegations, keys and DS sets of the last few seconds is used again.
    pub async fn validate(&self, name: &str, kind: Kind) -> Validated {
        let at = Timestamp::now();
        let name = normal(name);
        let mut status = Status::Secure;
        let mut aliases: Vec<Alias> = Vec::new();
        loop {
            let current = aliases.last().map_or(&name, |alias| &alias.to);
            let found = self.look_up(current, kind).await;
            status = status.and(found.status.clone());
            let mut ttl = None;
            let answer = match found.content {
                Content::Alias { to, ttl } => {
                    let from = current.clone();
                    aliases.push(Alias {
                        from,
                        to,
                        ttl,
                        status: found.status,
                    });
                    if !never_ends(&aliases) {
                        continue;
                    }
                    status = status.and(Status::Indeterminate {
                        why: format!("the aliases from {name} never end"),
                    });
                    Answer::Unknown
                }
                Content::Records(records) => {
                    ttl = records.iter().map(|r| r.ttl).max();
                    Answer::Records(records)
                }
                Content::NoData => Answer::NoData,
                Content::NxDomain => Answer::NxDomain,
                Content::Unknown => Answer::Unknown,
            };
            if answer.is_absent() {
                ttl = found.soa.as_ref().map(Soa::negative_ttl);
            }
            return Validated {
                name,
                kind,
                status,
                answer,
                aliases,
                ttl,
                soa: found.soa,
                signatures: found.signatures,
                at,
                from: found.from,
            };
        }
    }

    /// One name, no aliases followed, within a bound of time.
    async fn look_up(&self, name: &str, kind: Kind) -> Found {
        let limit = self.patience();
        // In a box: a look asks a dozen questions at a time, and most of them wait for the same few.
        let found = Box::pin(self.look_up_unbounded(name, kind));
        match tokio::time::timeout(limit, found).await {
            Ok(found) => found,
            Err(_) => unknown(format!(
                "{kind} of {name:?} could not be validated within {} s",
                limit.as_secs()
            )),
        }
    }

    /// How long one validation may take.
    pub(super) fn patience(&self) -> std::time::Duration {
        self.inner.settings.timeout * PATIENCE
    }

    async fn look_up_unbounded(&self, name: &str, kind: Kind) -> Found {
        let owner = match to_library(name) {
            Ok(owner) => owner,
            Err(failure) => return unknown(failure.to_string()),
        };
        if self.look.is_some() && kind != Kind::Ds {
            // First, because it may show that no zone begins on the way, which then need not be asked for. It is not asked
            // for twice: the look remembers it.
            let _remembered = self.resolve(&owner, record_type(kind)).await;
        }
        let chain = match Box::pin(self.chain(&owner, kind == Kind::Ds)).await {
            Ok(chain) => chain,
            Err(failure) => return unknown(format!("the way to {name:?} is not known: {failure}")),
        };
        let judge = Judge::open(self.clone());
        // In a box of its own, which is made only when the way is known.
        Box::pin(judge.below(&chain, &owner, kind)).await
    }

    /// What the parents of `name` prove, from the root down. `above`: leave the name itself out.
    pub(super) async fn chain(&self, name: &Name, above: bool) -> Result<Link, Failure> {
        let candidates: Vec<Name> = match &self.inner.settings.source {
            Origin::Roots(_) => self
                .path_to(name, above, 0)
                .await?
                .into_iter()
                .skip(1)
                .map(|zone| zone.name)
                .collect(),
            // Without referrals each label might be a cut.
            Origin::Forwarders(_) => {
                let all = usize::from(name.num_labels());
                let last = if above { all.saturating_sub(1) } else { all };
                (1..=last).map(|labels| name.trim_to(labels)).collect()
            }
        };
        for cut in candidates {
            match self.link(&cut).await {
                Link::Secure | Link::NotACut => {}
                end => return Ok(end),
            }
        }
        Ok(Link::Secure)
    }

    /// What the parent proves about a cut at `name`, remembered for a few seconds.
    pub(super) async fn link(&self, name: &Name) -> Link {
        let keeps = |link: &Link| !matches!(link, Link::Bogus(_) | Link::Unknown(_));
        let links = &self.inner.memory.links;
        let proof = || -> Later<'_, _> { Box::pin(self.prove_link(name)) };
        links.once(name, keeps, proof).await
    }

    async fn prove_link(&self, name: &Name) -> Link {
        let judge = Judge::open(self.clone());
        let said = judge.verdict(name, RecordType::DS).await;
        let delegated = matches!(self.inner.settings.source, Origin::Roots(_));
        let what = || format!("DS of {:?}", from_library(name));
        match said.verdict {
            Said::Secure(message) if has(&message, name, RecordType::DS) => Link::Secure,
            Said::Secure(message) if has(&message, name, RecordType::CNAME) => Link::NotACut,
            Said::Secure(message) => {
                match no_ds(&message.authorities, name) {
                    Delegation::Insecure => Link::Insecure,
                    // The parent's servers delegate a name of which the parent's signed data say that it is none.
                    Delegation::NotACut if delegated => Link::Bogus(format!(
                        "{}: the servers delegate the name, but the signed proof of absence says that it is no delegation",
                        what()
                    )),
                    Delegation::NotACut
                        if message.metadata.response_code == ResponseCode::NXDomain =>
                    {
                        Link::Nothing
                    }
                    Delegation::NotACut => Link::NotACut,
                    Delegation::Unproven => {
                        Link::Bogus(format!("{}: neither there nor proven absent", what()))
                    }
                }
            }
            Said::Insecure(_) => Link::Insecure,
            // An alias where a cut might have been: its owner is none.
            Said::Bogus(message)
                if has(&message, name, RecordType::CNAME) && wildcard_holds(&message, name) =>
            {
                Link::NotACut
            }
            Said::Bogus(message) if is_left_open(&message, name) => Link::Insecure,
            Said::Bogus(message) => match Box::pin(judge.alias_of_dname(&message, name)).await {
                Some(alias) if alias.status.is_secure() => Link::NotACut,
                _ => Link::Bogus(format!(
                    "{}: {}",
                    what(),
                    why::explain(&message, name, RecordType::DS, None, &[])
                )),
            },
            Said::Unknown(why) => Link::Unknown(why),
        }
    }
}

/// Whether the last alias leads back, or there are too many.
fn never_ends(aliases: &[Alias]) -> bool {
    let circle = |last: &Alias| aliases.iter().any(|alias| alias.from == last.to);
    aliases.len() > MOST_ALIASES || aliases.last().is_some_and(circle)
}

/// The whole of one validation may take this many time-outs: it is a dozen questions, some to dead servers.
const PATIENCE: u32 = 12;
