//! A second opinion: what another validator makes of the same question.
//!
//! NLnet Labs' `domain` judges the chain of trust, the signatures, the proofs of absence, the wildcards; where its
//! word is not worth having (a fetch that failed, a limit of its own) the opinion is "could not tell". Only the
//! fetching is shared with the first validator.

mod agreement;
mod claim;
mod upstream;
mod validator;

use std::collections::HashSet;
use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name as LibraryName, RecordType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::claim::Claim;
use super::Dns;
use super::convert::{from_library, record_type, to_library};
use super::pin::Way;
use super::record::{Kind, Name, normal};
use super::resolve::Later;
use super::view::Status;

pub use self::agreement::{Agreement, Contradiction, agreement};
pub(super) use self::validator::Validator;
use self::validator::{OPT_OUT, Verdict};

/// The longest chain of aliases that is followed; as many as the first validator follows.
const MOST_ALIASES: usize = 12;

/// One link of a chain may take this many time-outs; as with the first validator.
const PATIENCE: u32 = 12;

/// The verdict of another engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// Its verdict over the whole chain of aliases.
    pub status: Status,
    /// It is insecure only because the signed proof is one with opt-out: an unsigned delegation may be there
    /// (RFC 5155, 9.2). The first validator calls such a proof secure.
    #[serde(default)]
    pub opt_out: bool,
    /// When.
    pub at: Timestamp,
}

/// What the validator made of one link of a chain of aliases.
struct Link {
    status: Status,
    opt_out: bool,
    next: Option<LibraryName>,
}

impl Link {
    const fn end(status: Status) -> Self {
        Self {
            status,
            opt_out: false,
            next: None,
        }
    }
}

impl Dns {
    /// What the second validator says of `name`/`kind`, aliases followed as [`Dns::validate`] does.
    ///
    /// Asks for the answer anew, so that in the middle of a change the two may rightly differ: look again before
    /// calling that a finding.
    pub async fn second_opinion(&self, name: &str, kind: Kind) -> Opinion {
        let mut out = Opinion {
            name: normal(name),
            kind,
            status: Status::Secure,
            opt_out: false,
            at: Timestamp::now(),
        };
        let mut unsigned = false;
        let mut current = match to_library(name) {
            Ok(current) => current,
            Err(failure) => {
                out.status = unknown(failure.to_string());
                return out;
            }
        };
        let mut seen = HashSet::from([current.clone()]);
        let limit = self.inner.settings.timeout * PATIENCE;
        loop {
            let Ok(link) = tokio::time::timeout(limit, self.second_link(&current, kind)).await
            else {
                out.status = out.status.and(unknown(format!(
                    "{kind} of {:?} could not be validated within {} s",
                    from_library(&current),
                    limit.as_secs()
                )));
                return out;
            };
            unsigned |= link.status.is_insecure() && !link.opt_out;
            out.status = out.status.and(link.status);
            out.opt_out = out.status.is_insecure() && !unsigned;
            let Some(next) = link.next.filter(|_| !out.status.is_lookup_error()) else {
                return out;
            };
            if !seen.insert(next.clone()) || seen.len() > MOST_ALIASES {
                out.status = out
                    .status
                    .and(unknown(format!("the aliases from {} never end", out.name)));
                return out;
            }
            current = next;
        }
    }

    /// One name, no aliases followed.
    async fn second_link(&self, name: &LibraryName, kind: Kind) -> Link {
        let what = || format!("{kind} of {:?}", from_library(name));
        let reply = match self.resolve(name, record_type(kind)).await {
            Ok(reply) => reply,
            Err(failure) => return Link::end(unknown(format!("{}: {failure}", what()))),
        };
        let claim = match Claim::read(&reply.message, name, record_type(kind)) {
            Ok(claim) => claim,
            Err(why) => return Link::end(unknown(format!("{}: {why}", what()))),
        };
        // It needs no less room than the first.
        let way = Way::open(self.clone());
        let _room = way.room(name, record_type(kind)).await;
        let mut opt_out = false;
        let status = match self.second_verdict(&claim.message).await {
            Verdict::Secure => Status::Secure,
            Verdict::Insecure => {
                opt_out = self.is_opt_out(&claim).await;
                self.insecure(&claim).await
            }
            // An empty name above nothing but unsigned delegations needs no NSEC3 of its own in a zone with opt-out
            // (RFC 5155, 7.1; erratum 3441 to 8.5). The validator has found the gap, then asks for too much.
            Verdict::Bogus(why) if claim.is_nodata() && why == OPT_OUT => {
                opt_out = true;
                Status::Insecure
            }
            Verdict::Bogus(_) if claim.unproven_for_want_of_soa => unknown(format!(
                "{}: the proof of absence came without the zone's SOA, and this validator needs it",
                what()
            )),
            Verdict::Bogus(why) => Status::Bogus {
                why: format!("{}: {why}", what()),
            },
            Verdict::Unknown(why) => unknown(format!("{}: {why}", what())),
        };
        match claim.contradiction {
            Some(why) if status.is_secure() => Link::end(Status::Bogus {
                why: format!("{}: {why}", what()),
            }),
            _ => Link {
                status,
                opt_out,
                next: claim.next,
            },
        }
    }

    /// Looks twice at "insecure": a DS set belongs to the parent, but without signatures the validator asks about
    /// the child and so would believe any DS at an unsigned delegation.
    async fn insecure(&self, claim: &Claim) -> Status {
        let Some(parent) = claim.parent_of_ds() else {
            return Status::Insecure;
        };
        match self.second_verdict(&Claim::stand_in(&parent)).await {
            Verdict::Insecure => Status::Insecure,
            Verdict::Unknown(why) => unknown(why),
            Verdict::Secure | Verdict::Bogus(_) => Status::Bogus {
                why: format!(
                    "the DS set is not signed, although the zone {:?} is",
                    from_library(&parent)
                ),
            },
        }
    }

    /// Whether an insecure proof is so only for its opt-out: the zone that signed it is itself secure.
    async fn is_opt_out(&self, claim: &Claim) -> bool {
        match claim.opt_out_by() {
            // Unsigned data in it would be bogus.
            Some(zone) => matches!(
                self.second_verdict(&Claim::stand_in(&zone)).await,
                Verdict::Bogus(_)
            ),
            None => false,
        }
    }

    /// The verdict over one message, asked again with nothing remembered where an earlier failure may stand
    /// behind it, and from a deeper anchor where the validator itself would go no further.
    fn second_verdict<'a>(&'a self, message: &'a Message) -> Later<'a, Verdict> {
        Box::pin(async move {
            let fresh = || Validator::new(self, self.inner.anchors.zone_file());
            let shared = self.inner.second.get_or(fresh);
            let mut validator = Arc::clone(&shared);
            let mut said = validator.judge(message).await;
            if matches!(said, Verdict::Bogus(_)) && validator.failure_behind(message).is_some() {
                // "Bogus" from a fetch that failed is no verdict, and the validator remembers it for a second.
                validator = Arc::new(fresh());
                said = validator.judge(message).await;
            }
            // Each round goes at least one zone down.
            while matches!(said, Verdict::Insecure) {
                let Some(zone) = validator.not_seen_through(message) else {
                    break;
                };
                match self.starting_at(&validator, &zone).await {
                    Ok(deeper) => validator = deeper,
                    Err(verdict) => return verdict,
                }
                said = validator.judge(message).await;
            }
            match said {
                Verdict::Bogus(why) => match validator.failure_behind(message) {
                    Some(failure) => Verdict::Unknown(failure),
                    None => Verdict::Bogus(why),
                },
                Verdict::Unknown(why) => {
                    // It may have broken down within; the next question gets another.
                    self.inner.second.drop_this(&shared);
                    Verdict::Unknown(why)
                }
                said => said,
            }
        })
    }

    /// A validator that starts at `zone`, whose DS set `above` can validate but not follow: it takes the DS as its
    /// anchors, and for an anchor it checks every algorithm that its cryptography knows.
    async fn starting_at(
        &self,
        above: &Arc<Validator>,
        zone: &LibraryName,
    ) -> Result<Arc<Validator>, Verdict> {
        if let Some(known) = above.deeper(zone) {
            return Ok(known);
        }
        let fail = |why: String| {
            Err(Verdict::Unknown(format!(
                "DS of {:?}: {why}",
                from_library(zone)
            )))
        };
        let reply = match self.resolve(zone, RecordType::DS).await {
            Ok(reply) => reply,
            Err(failure) => return fail(failure.to_string()),
        };
        let claim = match Claim::read(&reply.message, zone, RecordType::DS) {
            Ok(claim) => claim,
            Err(why) => return fail(why),
        };
        match above.judge(&claim.message).await {
            Verdict::Secure => {}
            Verdict::Bogus(why) | Verdict::Unknown(why) => return fail(why),
            Verdict::Insecure => return fail("its status changed in the meantime".into()),
        }
        let anchors = claim.ds_in_zone_form();
        if anchors.is_empty() {
            return fail("its status changed in the meantime".into());
        }
        Ok(above.keep_deeper(zone, Validator::new(self, &anchors)))
    }
}

const fn unknown(why: String) -> Status {
    Status::Indeterminate { why }
}
