//! What resolvers out there hold, and until when.

use std::time::Duration;

use jiff::Timestamp;

use super::Found;
use crate::dns::{Data, Kind, VantageAnswer, VantageVerdict};
use crate::verify::DomainView;
use crate::verify::catalogue::{VANTAGE_FAILED, VANTAGE_OLD};
use crate::verify::evidence;

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    for answer in &view.vantages {
        let Some(ours) = view.answer(&answer.name, answer.kind) else {
            continue;
        };
        let both = || [evidence::vantage(answer), evidence::validated(ours)];
        match &answer.verdict {
            VantageVerdict::Failed(_) => {
                // One dead resolver is one finding, whatever it was asked.
                if !failed_before(found, answer) {
                    found.add(
                        VANTAGE_FAILED
                            .found(
                                answer.vantage.clone(),
                                format!("the resolver {} could not tell", answer.vantage),
                            )
                            .shown_by([evidence::vantage(answer)]),
                    );
                }
            }
            // How it judges is compared beside the second validator's verdict.
            VantageVerdict::Bogus { .. } => {}
            // Nothing to compare with.
            _ if ours.status.is_lookup_error() => {}
            _ if contents(answer.records.iter().map(|r| &r.data), answer.kind)
                != contents(ours.records().iter().map(|r| &r.data), answer.kind) =>
            {
                let left = answer.ttl.unwrap_or_default();
                found.until(answer.at + Duration::from_secs(left.into()));
                let until = answer.at + Duration::from_secs(left.into());
                if until > now {
                    found.add(
                        VANTAGE_OLD
                            .found(
                                answer.vantage.clone(),
                                format!(
                                    "the resolver {} still holds an earlier {} of {}, for {left} s at most",
                                    answer.vantage, answer.kind, answer.name
                                ),
                            )
                            .shown_by(both()),
                    );
                }
            }
            _ => {}
        }
    }
}

fn failed_before(found: &Found, answer: &VantageAnswer) -> bool {
    found
        .findings
        .iter()
        .any(|f| f.id == VANTAGE_FAILED.id && f.about == answer.vantage)
}

/// The records of the type asked for, without owner and TTL.
fn contents<'a>(data: impl Iterator<Item = &'a Data>, kind: Kind) -> Vec<&'a Data> {
    let mut all: Vec<_> = data
        .filter(|data| !matches!(data, Data::Cname(_)) || kind == Kind::Cname)
        .collect();
    // Addresses change by the minute where load is balanced; what counts there is the validation alone.
    if matches!(kind, Kind::A | Kind::Aaaa) {
        all.clear();
    }
    all.sort();
    all.dedup();
    all
}
