//! What the parent says of the zone: its servers, and the DS set.

use std::collections::BTreeSet;

use super::Found;
use crate::dns::{ServerAnswer, ZoneView};
use crate::verify::catalogue::{
    DELEGATION_DIFFERS, DNSSEC_PARENTS_DIFFER, SERVER_NO_PATH, SERVER_SILENT,
};
use crate::verify::evidence;

/// What parent and zone say of the servers.
pub(super) fn delegation(zone: &ZoneView, found: &mut Found) {
    for server in zone.cut.differences() {
        let (has, lacks) = if server.in_parent {
            ("the parent", "the zone")
        } else {
            ("the zone", "the parent")
        };
        found.add(DELEGATION_DIFFERS.found(
            server.name.clone(),
            format!("{has} names {} as a server, {lacks} does not", server.name),
        ));
    }
    for server in &zone.cut.servers {
        if let Some(trouble) = &server.trouble {
            found.add(
                DELEGATION_DIFFERS
                    .found(server.name.clone(), format!("{}: {trouble}", server.name)),
            );
        }
    }
    if !zone.out_of_reach.is_empty() {
        let all: Vec<_> = zone.out_of_reach.iter().map(ToString::to_string).collect();
        found.add(SERVER_NO_PATH.found(
            "",
            format!("this machine has no path to {}", all.join(", ")),
        ));
        // With another address in reach the server was heard all the same; without one nobody knows what it serves.
        let unheard: BTreeSet<_> = zone
            .out_of_reach
            .iter()
            .filter_map(|source| source.server.as_ref())
            .filter(|name| !zone.servers.iter().any(|server| server.server == **name))
            .filter(|name| zone.cut.servers.iter().any(|server| server.name == **name))
            .collect();
        for name in unheard {
            found.add(SERVER_SILENT.found(
                name.clone(),
                format!("this machine has no path to any address of {name}"),
            ));
        }
    }
    parents(zone, found);
}

/// What the parent's servers serve differently from each other.
fn parents(zone: &ZoneView, found: &mut Found) {
    let answers: Vec<&ServerAnswer> = zone
        .parents
        .iter()
        .map(|parent| &parent.ds)
        .filter(|answer| answer.is_known())
        .collect();
    let variants: BTreeSet<Vec<String>> = answers
        .iter()
        .map(|answer| answer.contents().iter().map(ToString::to_string).collect())
        .collect();
    if variants.len() > 1 {
        found.add(
            DNSSEC_PARENTS_DIFFER
                .found(
                    "DS",
                    format!(
                        "the servers of {} do not serve the same DS set for {}",
                        zone.cut.parent, zone.cut.apex
                    ),
                )
                .shown_by(answers.into_iter().map(evidence::server)),
        );
    }
}
