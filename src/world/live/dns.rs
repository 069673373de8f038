//! DNS observations, turned into facts.

use std::collections::BTreeSet;

use rollout_providers::{DigestType, Dnskey, Name};

use crate::dns::{
    Data, Outcome, ServerAnswer, ServerView, Soa, Status, VantageAnswer, VantageVerdict, ZoneView,
};
use crate::kernel::{Host, KeyId, Mx, MxSet, ZoneKeys};
use crate::world::{
    Answer, Chain, DnsHost, ParentFacts, ParentServer, ServerFacts, VantageFacts, ZoneFacts,
};

/// The zone as each of its servers serves it.
pub(super) fn zone(view: &ZoneView) -> ZoneFacts {
    let apex = &view.cut.apex;
    let negative = view
        .servers
        .iter()
        .filter_map(|s| s.soa.soa.as_ref().map(Soa::negative_ttl))
        .max()
        .unwrap_or_default();
    let largest = view
        .servers
        .iter()
        .flat_map(ServerView::answers)
        .filter_map(ServerAnswer::cacheable_for)
        .max()
        .unwrap_or_default();
    let differs = view.cut.differences().map(|server| {
        if server.in_parent {
            format!(
                "the parent names {} as a server of {apex}, the zone does not",
                server.name
            )
        } else {
            format!(
                "the zone {apex} names {} as its server, the parent does not",
                server.name
            )
        }
    });
    let nameless = view.cut.servers.iter().filter_map(|server| {
        let trouble = server.trouble.as_ref()?;
        Some(format!("{}: {trouble}", server.name))
    });
    ZoneFacts {
        apex: Host::new(apex),
        servers: view
            .servers
            .iter()
            .map(|server| ServerFacts {
                server: label(&server.server, server.address.ip()).into(),
                mx: mx(&server.mx),
                keys: keys(apex, server),
                serial: server.soa.soa.as_ref().map(|soa| soa.serial),
                signed_until: server.mx.signatures.as_ref().map(|s| s.expires),
            })
            .collect(),
        negative_ttl: negative,
        largest_ttl: largest,
        delegation_differs: differs.chain(nameless).collect(),
        out_of_reach: view.out_of_reach.iter().map(ToString::to_string).collect(),
        split_between: split_between(view),
        publishes_cds: view.servers.iter().any(|s| !s.cds.records.is_empty()),
    }
}

/// The known hosts whose servers the parent names, where there are several.
fn split_between(view: &ZoneView) -> Vec<DnsHost> {
    let delegated = view.cut.servers.iter().filter(|server| server.in_parent);
    let names: Vec<Name> = delegated
        .filter_map(|server| Name::parse(&server.name).ok())
        .collect();
    rollout_providers::split(&names)
        .into_iter()
        .map(|(info, servers)| DnsHost {
            host: info.title.to_owned(),
            servers: servers.iter().map(ToString::to_string).collect(),
        })
        .collect()
}

/// Whether every server says, with authority, that the domain itself does not exist.
pub(super) fn no_such_name(view: &ZoneView) -> bool {
    let denies =
        |server: &ServerView| server.mx.aa && matches!(server.mx.outcome, Outcome::NxDomain);
    !view.servers.is_empty() && view.servers.iter().all(denies)
}

fn label(name: &str, address: impl std::fmt::Display) -> String {
    format!("{name} ({address})")
}

fn failed(answer: &ServerAnswer) -> Option<String> {
    match &answer.outcome {
        Outcome::Failed(failure) => Some(failure.to_string()),
        _ if !answer.aa => Some("does not answer with authority".to_owned()),
        _ => None,
    }
}

fn mx(answer: &ServerAnswer) -> Answer<MxSet> {
    if let Some(why) = failed(answer) {
        return Answer::Failed { why };
    }
    Answer::Got {
        value: mx_set(answer.records.iter().map(|record| &record.data)),
        ttl: answer.cacheable_for().unwrap_or_default(),
    }
}

fn mx_set<'a>(data: impl Iterator<Item = &'a Data>) -> MxSet {
    data.filter_map(|data| match data {
        Data::Mx {
            preference,
            exchange,
        } => Some(Mx {
            preference: *preference,
            host: Host::new(exchange),
        }),
        _ => None,
    })
    .collect()
}

/// A zone counts as signed on a server when it serves keys *and* signatures over the MX answer.
fn keys(apex: &str, server: &ServerView) -> Answer<ZoneKeys> {
    for answer in [&server.dnskey, &server.mx] {
        if let Some(why) = failed(answer) {
            return Answer::Failed { why };
        }
    }
    let ttl = server.dnskey.cacheable_for().unwrap_or_default();
    let ids = key_ids(apex, &server.dnskey);
    let signed =
        !ids.is_empty() && (server.mx.signatures.is_some() || server.dnskey.signatures.is_some());
    Answer::Got {
        value: if signed {
            ZoneKeys::Signed(ids)
        } else {
            ZoneKeys::Unsigned
        },
        ttl,
    }
}

/// The DS (SHA-256) of every key that a DS may name.
fn key_ids(apex: &str, answer: &ServerAnswer) -> BTreeSet<KeyId> {
    let Ok(apex) = Name::parse(apex) else {
        return BTreeSet::new();
    };
    entry_points(answer)
        .map(|key| KeyId::new(ds_text(&key.ds(&apex, DigestType::Sha256))))
        .collect()
}

fn entry_points(answer: &ServerAnswer) -> impl Iterator<Item = Dnskey> + '_ {
    answer
        .records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Dnskey(key) => {
                let public_key = crate::dns::text::unhex(&key.public_key)?;
                let key = Dnskey {
                    flags: key.flags,
                    protocol: 3,
                    algorithm: key.algorithm,
                    public_key,
                };
                key.is_entry_point().then_some(key)
            }
            _ => None,
        })
}

/// `tag algorithm digest-type digest`, lower case: the same text for the same key everywhere.
pub(super) fn ds_text(ds: &rollout_providers::Ds) -> String {
    format!(
        "{} {} {} {}",
        ds.key_tag,
        ds.algorithm,
        ds.digest_type,
        crate::dns::text::hex(&ds.digest)
    )
}

/// The keys of the zone that the first signed server serves, for handing over to a parent.
pub(super) fn dnskeys(view: &ZoneView) -> Vec<Dnskey> {
    view.servers
        .iter()
        .map(|server| entry_points(&server.dnskey).collect::<Vec<_>>())
        .find(|keys| !keys.is_empty())
        .unwrap_or_default()
}

/// The delegation as each of the parent's servers serves it.
pub(super) fn parent(view: &ZoneView) -> ParentFacts {
    let known = dnskeys(view);
    let apex = Name::parse(&view.cut.apex).ok();
    let negative = view
        .parents
        .iter()
        .filter_map(|p| p.ds.soa.as_ref().map(Soa::negative_ttl))
        .max();
    let scan = Name::parse(&view.cut.parent)
        .ok()
        .and_then(|parent| rollout_providers::scan_of(&parent));
    ParentFacts {
        scans_after: scan.map(|scan| scan.after.as_secs()),
        zone: Host::new(&view.cut.parent),
        servers: view
            .parents
            .iter()
            .map(|server| ParentServer {
                server: label(&server.server, server.address.ip()).into(),
                ds: match failed(&server.ds) {
                    Some(why) => Answer::Failed { why },
                    None => Answer::Got {
                        value: server
                            .ds
                            .records
                            .iter()
                            .filter_map(|record| match &record.data {
                                Data::Ds(ds) => Some(named_key(ds, apex.as_ref(), &known)),
                                _ => None,
                            })
                            .collect(),
                        ttl: server.ds.cacheable_for().unwrap_or_default(),
                    },
                },
            })
            .collect(),
        negative_ttl: negative.unwrap_or_default(),
    }
}

/// A DS of another digest type names a key just the same: it is told by the key it covers.
fn named_key(ds: &crate::dns::Ds, apex: Option<&Name>, known: &[Dnskey]) -> KeyId {
    let own = rollout_providers::Ds {
        key_tag: ds.key_tag,
        algorithm: ds.algorithm,
        digest_type: ds.digest_type,
        digest: crate::dns::text::unhex(&ds.digest).unwrap_or_default(),
    };
    let covered = apex.and_then(|apex| {
        let key = known
            .iter()
            .find(|key| own.covers(apex, key) == Some(true))?;
        Some(key.ds(apex, DigestType::Sha256))
    });
    KeyId::new(ds_text(&covered.unwrap_or(own)))
}

/// Our validator's verdict; `Err` when it could not be told.
pub(super) fn chain(status: &Status) -> Result<Chain, String> {
    match status {
        Status::Secure => Ok(Chain::Secure),
        Status::Insecure => Ok(Chain::Insecure),
        Status::Bogus { why } => Ok(Chain::Bogus { why: why.clone() }),
        Status::Indeterminate { why } => Err(why.clone()),
    }
}

/// What a resolver said.
pub(super) fn vantage(answer: &VantageAnswer) -> VantageFacts {
    let mx = match &answer.verdict {
        VantageVerdict::Answer | VantageVerdict::NoData | VantageVerdict::NxDomain => Answer::Got {
            value: mx_set(answer.records.iter().map(|record| &record.data)),
            ttl: answer.ttl.unwrap_or_default(),
        },
        VantageVerdict::Bogus { explained } => Answer::Failed {
            why: format!(
                "it takes the answer for bogus{}",
                explained
                    .as_deref()
                    .map(|e| format!(" ({e})"))
                    .unwrap_or_default()
            ),
        },
        VantageVerdict::Failed(failure) => Answer::Failed {
            why: failure.to_string(),
        },
    };
    VantageFacts {
        vantage: label(&answer.vantage, answer.from.address).into(),
        mx,
        authentic: answer.ad,
        at: answer.at,
    }
}
