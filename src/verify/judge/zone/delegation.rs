//! What the parent says of the zone: its servers, and the DS set.

use std::collections::BTreeSet;

use super::{Found, servers};
use crate::dns::{Kind, ZoneView};
use crate::verify::catalogue::{
    DELEGATION_DIFFERS, DNSSEC_PARENTS_DIFFER, SERVER_NO_PATH, SERVER_SILENT,
};

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
    servers::set(
        &DNSSEC_PARENTS_DIFFER,
        Kind::Ds,
        &zone.cut.parent,
        zone,
        found,
    );
}
