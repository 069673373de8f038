//! The second validator and the resolvers beside our own verdict: disagreement is a finding.

use super::Found;
use crate::dns::{Agreement, Contradiction, Opinion, Validated, agreement};
use crate::verify::DomainView;
use crate::verify::catalogue::{
    DNSSEC_ENGINES_DIFFER, DNSSEC_RESOLVERS_DIFFER, DNSSEC_SECOND_OPINION,
};
use crate::verify::evidence;

pub(super) fn judge(view: &DomainView, found: &mut Found) {
    for opinion in &view.opinions {
        let Some(ours) = view.answer(&opinion.name, opinion.kind) else {
            continue;
        };
        match agreement(ours, opinion, &view.vantages) {
            Agreement::Agree => {}
            Agreement::EnginesDiffer { resolvers, .. } => {
                found.add(
                    DNSSEC_ENGINES_DIFFER
                        .found(
                            format!("{} {}", ours.kind, ours.name),
                            format!(
                                "our two validators differ about {} of {}: {} and {}",
                                ours.kind,
                                ours.name,
                                evidence::status(&ours.status),
                                evidence::status(&opinion.status)
                            ),
                        )
                        .shown_by([evidence::validated(ours), evidence::opinion(opinion)]),
                );
                contradictions(view, ours, &resolvers, found);
            }
            Agreement::ResolversDiffer { resolvers, .. } => {
                contradictions(view, ours, &resolvers, found);
            }
            // That our own look failed is said where the answer is judged.
            Agreement::CouldNotCompare { .. } if ours.status.is_lookup_error() => {}
            Agreement::CouldNotCompare { why } => found.add(one_engine(ours, opinion, &why)),
        }
    }
}

fn one_engine(ours: &Validated, opinion: &Opinion, why: &str) -> crate::finding::Finding {
    DNSSEC_SECOND_OPINION
        .found(
            format!("{} {}", ours.kind, ours.name),
            format!(
                "only one of our two validators could judge {} of {}: {why}",
                ours.kind, ours.name
            ),
        )
        .shown_by([evidence::validated(ours), evidence::opinion(opinion)])
}

fn contradictions(
    view: &DomainView,
    ours: &Validated,
    resolvers: &[Contradiction],
    found: &mut Found,
) {
    for resolver in resolvers {
        let answer = view.vantages.iter().find(|answer| {
            answer.vantage == resolver.vantage
                && answer.name == ours.name
                && answer.kind == ours.kind
        });
        found.add(
            DNSSEC_RESOLVERS_DIFFER
                .found(
                    resolver.vantage.clone(),
                    format!(
                        "the resolver {} judges {} of {} otherwise: {}",
                        resolver.vantage, ours.kind, ours.name, resolver.says
                    ),
                )
                .shown_by(
                    answer
                        .map(evidence::vantage)
                        .into_iter()
                        .chain([evidence::validated(ours)]),
                ),
        );
    }
}
