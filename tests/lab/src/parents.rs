//! What happens by itself: Microsoft's zones follow the tenant, parents look for CDS and publish DS in batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::dnssec::rdata::{CDS, DNSSECRData, DS};
use hickory_proto::rr::{RData, RecordType};
use jiff::Timestamp;

use crate::dns::content::{RecordSet, ZoneContent, dotted};
use crate::dns::keys::ds_text;
use crate::dns::signed::ServedZone;
use crate::dns::validate::keys_in;
use crate::error::LabError;
use crate::log::Service;
use crate::places::{Hosting, MailRole};
use crate::seed::{LEGACY_ZONE, SHARED_TLSA, addresses, partitions};
use crate::state::{ComingDs, State};
use crate::world::World;

/// How often the world looks whether something is due.
const BEAT: Duration = Duration::from_millis(50);

/// Runs until the runtime ends.
pub(crate) async fn run(world: Arc<World>) {
    if world.options.still {
        return std::future::pending().await;
    }
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        world.advance();
        refresh(&world);
        publish_due(&world);
        scan(&world);
    }
}

fn since(start: Option<Timestamp>, delay: Duration, now: Timestamp) -> bool {
    start.is_some_and(|start| now.duration_since(start) >= signed(delay))
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

/// Brings Microsoft's mail zones to what the tenant's state and the faults ask for.
pub(crate) fn refresh(world: &World) {
    let now = Timestamp::now();
    let gone = world.faults().legacy_gone.clone();
    let timing = &world.options.timing;
    let ttl = timing.microsoft_ttl;
    let legacy = addresses(&world.layout, MailRole::Legacy);
    let new = addresses(&world.layout, MailRole::New);
    let mut state = world.state();
    let mut wanted: BTreeMap<String, Vec<RecordSet>> = partitions()
        .iter()
        .map(|p| (dotted(p), Vec::new()))
        .collect();
    wanted.insert(LEGACY_ZONE.to_owned(), Vec::new());
    for (name, domain) in &state.domains {
        if !gone.contains(name)
            && let Some(sets) = wanted.get_mut(LEGACY_ZONE)
        {
            sets.push(RecordSet::new(
                &domain.legacy_host,
                "A",
                ttl,
                legacy.clone(),
            ));
        }
        let Some(host) = domain.new_host() else {
            continue;
        };
        let partition = host.split_once('.').map_or("", |(_, rest)| rest);
        let Some(sets) = wanted.get_mut(&dotted(partition)) else {
            continue;
        };
        if since(domain.dnssec_since, timing.new_host, now) {
            sets.push(RecordSet::new(host, "A", ttl, new.clone()));
            if since(domain.dane_since, timing.tlsa, now) {
                let owner = format!("_25._tcp.{host}");
                sets.push(RecordSet::new(&owner, "CNAME", ttl, [SHARED_TLSA]));
            }
        }
    }
    for (origin, sets) in wanted {
        let changed = world.change_zone(&mut state, &origin, Duration::ZERO, |content| {
            content
                .sets
                .retain(|s| s.rtype == "NS" && s.name == content.origin);
            for set in sets {
                content.replace(set);
            }
            Ok(())
        });
        if let Err(error) = changed {
            tracing::error!(%error, %origin, "Microsoft's zone could not be changed");
        }
    }
}

/// Publishes the DS sets whose batch has come.
fn publish_due(world: &World) {
    let now = Timestamp::now();
    let mut state = world.state();
    let due: Vec<String> = state
        .coming_ds
        .iter()
        .filter(|(_, coming)| coming.due <= now)
        .map(|(zone, _)| zone.clone())
        .collect();
    for zone in due {
        if let Some(coming) = state.coming_ds.remove(&zone)
            && let Err(error) = set_ds(world, &mut state, &zone, coming.contents)
        {
            tracing::error!(%error, %zone, "the parent could not publish a DS");
        }
    }
}

/// Puts these DS records at the parent of the zone; none takes them away.
pub(crate) fn set_ds(
    world: &World,
    state: &mut State,
    zone: &str,
    contents: Vec<String>,
) -> Result<(), LabError> {
    let name = crate::dns::name(zone)?;
    let parent = world
        .served(|r| r.parent_of(&name).map(|p| p.to_ascii()))
        .ok_or_else(|| LabError::UnknownZone(zone.to_owned()))?;
    state.coming_ds.remove(zone);
    let count = contents.len();
    let ttl = world.options.timing.ds_ttl;
    world.change_zone(
        state,
        &parent,
        Duration::ZERO,
        |content: &mut ZoneContent| {
            let set = RecordSet::new(zone, "DS", ttl, contents);
            set.records()?;
            content.replace(set);
            Ok(())
        },
    )?;
    let outcome = format!("{count} DS published");
    world.record(Service::Parent, "publish DS", Some(zone), true, outcome);
    Ok(())
}

/// Looks for CDS in every customer zone (RFC 7344, RFC 8078: seen alike on every server before it is believed).
fn scan(world: &World) {
    let now = Timestamp::now();
    let mut state = world.state();
    if now < state.next_scan {
        return;
    }
    let timing = &world.options.timing;
    state.next_scan = now + signed(timing.parent_scan);
    if world.faults().parents_do_not_scan {
        return;
    }
    let customers: Vec<String> = state
        .zones
        .iter()
        .filter(|(_, zone)| zone.hosting == Hosting::Customer)
        .map(|(origin, _)| origin.clone())
        .collect();
    for zone in customers {
        let Some(wanted) = agreed_ds(world, &zone) else {
            // A wish that is no longer there was not meant.
            state.coming_ds.remove(&zone);
            continue;
        };
        let parent = crate::dns::name(&zone)
            .ok()
            .and_then(|name| world.served(|r| r.parent_of(&name).map(|p| p.to_ascii())));
        let current = parent
            .and_then(|p| state.zones.get(&p))
            .and_then(|p| p.content.get(&zone, "DS"))
            .map(|set| set.contents.clone())
            .unwrap_or_default();
        if current == wanted {
            state.coming_ds.remove(&zone);
        } else if state
            .coming_ds
            .get(&zone)
            .is_none_or(|c| c.contents != wanted)
        {
            // A delegation that is signed already proves the next wish; a first one must stand for a while.
            let hold = if current.is_empty() {
                timing.parent_hold
            } else {
                Duration::ZERO
            };
            let due = now + signed(hold + timing.parent_batch);
            let coming = ComingDs {
                due,
                contents: wanted,
            };
            state.coming_ds.insert(zone, coming);
        }
    }
}

/// The DS set that every server of the zone asks for by CDS; `None` if there is no agreed wish.
fn agreed_ds(world: &World, zone: &str) -> Option<Vec<String>> {
    let name = crate::dns::name(zone).ok()?;
    let versions = world.served(|registry| registry.versions_of(&name));
    let mut wishes = versions.iter().map(|version| wish(version));
    let first = wishes.next()??;
    wishes
        .all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

fn wish(version: &ServedZone) -> Option<Vec<String>> {
    let set = version.get(&version.origin, RecordType::CDS)?;
    let keys = keys_in(&version.get(&version.origin, RecordType::DNSKEY)?.records);
    let cds: Vec<&CDS> = set
        .records
        .iter()
        .filter_map(|r| match &r.data {
            RData::DNSSEC(DNSSECRData::CDS(cds)) => Some(cds),
            _ => None,
        })
        .collect();
    if cds.iter().any(|c| c.is_delete()) {
        return Some(Vec::new());
    }
    let mut wanted: Vec<String> = cds
        .iter()
        .filter_map(|cds| {
            let ds = DS::new(
                cds.key_tag(),
                cds.algorithm()?,
                cds.digest_type(),
                cds.digest().to_vec(),
            );
            let fits = keys
                .iter()
                .any(|key| ds.covers(&version.origin, key).unwrap_or(false));
            fits.then(|| ds_text(&ds))
        })
        .collect();
    wanted.sort();
    (!wanted.is_empty()).then_some(wanted)
}
