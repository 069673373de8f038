//! What resolvers out there hold, and until when.

use std::time::Duration;

use jiff::Timestamp;

use super::Found;
use crate::dns::{Data, Kind, Record, VantageAnswer, VantageVerdict};
use crate::finding::Evidence;
use crate::verify::DomainView;
use crate::verify::catalogue::{DNSSEC_RESOLVERS_DIFFER, VANTAGE_FAILED, VANTAGE_OLD};
use crate::verify::evidence;

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    for answer in &view.vantages {
        let Some(ours) = view.answer(&answer.name, answer.kind) else {
            continue;
        };
        let both = || [evidence::vantage(answer), evidence::validated(ours)];
        match &answer.verdict {
            VantageVerdict::Failed(_)
                // One dead resolver is one finding, whatever it was asked.
                if !failed_before(found, answer) => {
                    found.add(
                        VANTAGE_FAILED
                            .found(
                                answer.vantage.clone(),
                                format!("the resolver {} could not tell", answer.vantage),
                            )
                            .shown_by([evidence::vantage(answer)]),
                    );
                }
            // How it judges is compared beside the second validator's verdict, where there is one.
            VantageVerdict::Bogus { .. } => {
                let compared = view
                    .opinions
                    .iter()
                    .any(|opinion| (&opinion.name, opinion.kind) == (&answer.name, answer.kind));
                if !compared && !ours.status.is_lookup_error() {
                    found.add(
                        DNSSEC_RESOLVERS_DIFFER
                            .found(
                                answer.vantage.clone(),
                                format!(
                                    "the resolver {} takes {} of {} for bogus, our validator does not",
                                    answer.vantage, answer.kind, answer.name
                                ),
                            )
                            .shown_by(both()),
                    );
                }
            }
            // Nothing to compare with.
            _ if ours.status.is_lookup_error() => {}
            _ if contents(&answer.records, answer.kind)
                != contents(ours.records(), answer.kind) =>
            {
                old(answer, now, both(), found);
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

/// The resolver holds something else.
fn old(answer: &VantageAnswer, now: Timestamp, both: [Evidence; 2], found: &mut Found) {
    let VantageAnswer {
        vantage,
        kind,
        name,
        ..
    } = answer;
    // Without a TTL nobody can say that it is only an older version, nor until when.
    let Some(left) = answer.ttl else {
        found.add(
            DNSSEC_RESOLVERS_DIFFER
                .found(
                    vantage.clone(),
                    format!("the resolver {vantage} has another {kind} of {name}, for nobody knows how long"),
                )
                .shown_by(both),
        );
        return;
    };
    // What is over by now was not looked at again: whether the new version is there is only known after another look.
    found.until((answer.at + Duration::from_secs(left.into())).max(now));
    found.add(
        VANTAGE_OLD
            .found(
                vantage.clone(),
                format!("the resolver {vantage} still held an earlier {kind} of {name}, for {left} s at most"),
            )
            .shown_by(both),
    );
}

/// The records of the type asked for, without owner and TTL.
fn contents(records: &[Record], kind: Kind) -> Vec<Option<&Data>> {
    let mut all: Vec<_> = records
        .iter()
        .map(|record| &record.data)
        .filter(|data| !matches!(data, Data::Cname(_)) || kind == Kind::Cname)
        .map(Some)
        .collect();
    // Addresses change by the minute where load is balanced; what counts there is that there are some.
    if matches!(kind, Kind::A | Kind::Aaaa) {
        all.truncate(1);
        all.fill(None);
    }
    all.sort();
    all.dedup();
    all
}
