//! What the second validator says of the same questions.

use super::{Found, ours};
use crate::dns::Status;
use crate::verify::catalogue::{DNSSEC_ENGINES_DIFFER, DNSSEC_SECOND_OPINION};
use crate::verify::{DomainView, evidence};

pub(super) fn judge(view: &DomainView, found: &mut Found) {
    for opinion in &view.opinions {
        let Some(ours) = ours(view, &opinion.name, opinion.kind) else {
            continue;
        };
        let about = || format!("{} {}", opinion.kind, opinion.name);
        let both = || [evidence::validated(ours), evidence::opinion(opinion)];
        match (&ours.status, &opinion.status) {
            // That nothing is known was said where it belongs.
            (Status::Indeterminate { .. }, _) => {}
            (_, Status::Indeterminate { why }) => found.add(
                DNSSEC_SECOND_OPINION
                    .found(
                        about(),
                        format!("the second validator could not tell {}: {why}", about()),
                    )
                    .shown_by(both()),
            ),
            (one, other) if std::mem::discriminant(one) == std::mem::discriminant(other) => {}
            (one, other) => found.add(
                DNSSEC_ENGINES_DIFFER
                    .found(
                        about(),
                        format!(
                            "{} is {} to our validator and {} to the second one",
                            about(),
                            evidence::status(one),
                            evidence::status(other)
                        ),
                    )
                    .shown_by(both()),
            ),
        }
    }
}
