//! The domain's zone: its chain of trust, its signatures, and each of its servers by itself (rules 8 to 12 and 49 to 53
//! of the reference; Zonemaster's CONSISTENCY and DNSSEC areas ask alike).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Found;
use crate::dns::algorithm::{
    Use, algorithm_name, algorithm_use, digest_name, digest_use, is_checked_here,
    is_digest_known_here,
};
use crate::dns::record::is_within;
use crate::dns::survey::{Denial, DsFit, Probe, ProvenBy, ServerSurvey};
use crate::dns::{
    Data, Ds, Failure, Kind, Outcome, ServerAnswer, ServerView, Status, Survey, ZoneView,
};
use crate::finding::{Evidence, Finding, Severity};
use crate::kernel::utc;
use crate::verify::catalogue::{
    DELEGATION_DIFFERS, DNSSEC_ALGORITHM, DNSSEC_ALGORITHM_INCOMPLETE, DNSSEC_DELEGATION,
    DNSSEC_DIGEST, DNSSEC_DS_WITHOUT_KEY, DNSSEC_ISLAND, DNSSEC_KEY_SIZE, DNSSEC_NSEC3_ITERATIONS,
    DNSSEC_NSEC3_SALT, DNSSEC_OPT_OUT, DNSSEC_SIGNATURE_ENDS, DNSSEC_SIGNATURE_SOON,
    DNSSEC_TTL_OUTLIVES, DNSSEC_UNKNOWN_ALGORITHM, DNSSEC_UNSIGNED, Rule, SERVER_BOGUS,
    SERVER_DENIAL, SERVER_DIFFERS, SERVER_NO_PATH, SERVER_NO_TCP, SERVER_SERIAL, SERVER_SILENT,
    SERVER_TCP_DIFFERS, SERVER_UNPROVEN, SERVERS_UNKNOWN,
};
use crate::verify::{DomainView, evidence};

/// Zonemaster's lower bound for what is left of a signature (DNSSEC04).
const ENDS: SignedDuration = SignedDuration::from_hours(12);
/// From here on it is worth a look.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Shorter RSA keys are weak (NIST SP 800-57, 5.6.1).
const SHORTEST_RSA: u32 = 2048;

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    let survey = match &view.survey {
        Ok(survey) => survey,
        Err(failure) => {
            found.add(SERVERS_UNKNOWN.found(
                "",
                format!("the zone's servers could not be found out: {failure}"),
            ));
            return;
        }
    };
    chain(view, survey, found);
    delegation(&survey.zone, found);
    silent(survey, found);
    differences(&survey.zone, found);
    if let Some(why) = survey.delegation.why()
        && !view.mx.status.is_lookup_error()
    {
        found.add(DNSSEC_DELEGATION.found(
            "",
            format!(
                "what the parent says of {} could not be told: {why}",
                survey.zone.cut.apex
            ),
        ));
    }
    // What follows is about signatures, which an unsigned or unconnected zone has none of that count.
    if survey.delegation.is_secure() {
        ds(survey, found);
        for (server, view) in survey.servers.iter().zip(&survey.zone.servers) {
            // Of a silent server it was said that nothing is known.
            if view.soa.is_known() {
                served(server, found);
                denials(server, found);
            }
        }
        algorithms(survey, found);
        signatures(survey, now, found);
    }
    tcp(survey, found);
}

/// Whether the domain is signed, and connected to the root.
fn chain(view: &DomainView, survey: &Survey, found: &mut Found) {
    // A name that does not exist, or a lookup that failed, was said already.
    if !view.mx.status.is_insecure() {
        return;
    }
    let keys: BTreeSet<u16> = survey
        .servers
        .iter()
        .flat_map(|server| server.keys.iter().map(|key| key.tag))
        .collect();
    let ds = survey
        .zone
        .parents
        .iter()
        .any(|parent| !parent.ds.records.is_empty());
    let parents = || survey.zone.parents.iter().map(|p| evidence::server(&p.ds));
    let told = survey
        .zone
        .servers
        .iter()
        .all(|server| server.dnskey.is_known());
    let apex = &survey.zone.cut.apex;
    let unknown = unknown_to_us(survey);
    let (rule, what) = if let Some(what) = unknown {
        (DNSSEC_UNKNOWN_ALGORITHM, what)
    } else if survey.delegation.is_secure() && ds_records(survey).any(is_known_here) {
        // Through an alias, or below an unsigned zone that the survey did not reach.
        let last = view.mx.final_name();
        (
            DNSSEC_UNSIGNED,
            format!("{apex} is signed, but the MX set at {last} is not"),
        )
    } else if !keys.is_empty() && !ds {
        let keys = list(&keys);
        (
            DNSSEC_ISLAND,
            format!("{apex} is signed (key {keys}), but its parent has no DS"),
        )
    } else if keys.is_empty() && told {
        (DNSSEC_UNSIGNED, format!("{apex} is not signed"))
    } else {
        // A DS that no validator can use leaves the zone unsigned (RFC 4035, 5.2), and so does an unsigned parent.
        (
            DNSSEC_UNSIGNED,
            format!(
                "{apex} counts as not signed: no DS that can be used leads to it from the root"
            ),
        )
    };
    found.add(rule.found("", what).shown_by(parents()));
}

/// Where every DS needs an algorithm or digest that this program does not know and others may: which.
///
/// What nobody may use any more (RFC 9904, RFC 9906), or what is not assigned, makes the zone unsigned for everybody.
fn unknown_to_us(survey: &Survey) -> Option<String> {
    if ds_records(survey).any(is_known_here) {
        return None;
    }
    let mut words = BTreeSet::new();
    for ds in ds_records(survey) {
        let (algorithm, digest) = (ds.algorithm, ds.digest_type);
        if algorithm_use(algorithm) >= Use::MustNot || digest_use(digest) >= Use::MustNot {
            continue;
        }
        words.insert(if is_checked_here(algorithm) {
            format!(
                "has a DS of digest type {digest} ({}), which this program does not know",
                digest_name(digest)
            )
        } else {
            format!(
                "is signed with algorithm {algorithm} ({}), which this program does not know",
                algorithm_name(algorithm)
            )
        });
    }
    let words: Vec<String> = words.into_iter().collect();
    (!words.is_empty()).then(|| format!("{} {}", survey.zone.cut.apex, words.join(" and ")))
}

/// The DS records that the parent's servers serve.
fn ds_records(survey: &Survey) -> impl Iterator<Item = &Ds> {
    let records = survey.zone.parents.iter().flat_map(|p| &p.ds.records);
    records.filter_map(|record| match &record.data {
        Data::Ds(ds) => Some(ds),
        _ => None,
    })
}

/// Whether a validator here can make anything of it.
const fn is_known_here(ds: &Ds) -> bool {
    is_checked_here(ds.algorithm) && is_digest_known_here(ds.digest_type)
}

/// Whether a host's name is in a zone that counts as unsigned only because this program does not know its algorithm.
pub(super) fn hides_what_is_signed(survey: &Survey, name: &str) -> bool {
    is_within(name, &survey.zone.cut.apex) && unknown_to_us(survey).is_some()
}

/// What parent and zone say of the servers.
fn delegation(zone: &ZoneView, found: &mut Found) {
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
    }
}

/// Addresses that do not answer at all, or not for the zone.
fn silent(survey: &Survey, found: &mut Found) {
    let zone = &survey.zone;
    for server in &zone.servers {
        if let Outcome::Failed(failure) = &server.soa.outcome {
            found.add(
                SERVER_SILENT
                    .found(
                        server.address.to_string(),
                        format!("{} {failure}", place(&server.server, server)),
                    )
                    .shown_by([evidence::server(&server.soa)]),
            );
        }
    }
    for server in &zone.servers {
        let asked = [&server.mx, &server.dnskey, &server.ns];
        // Where signatures count, `served` looks at each of them.
        let here = server.soa.is_known() && !survey.delegation.is_secure();
        for answer in asked.into_iter().filter(|_| here) {
            if let Outcome::Failed(failure) = &answer.outcome {
                let at = place(&server.server, server);
                found.add(
                    SERVER_UNPROVEN
                        .found(
                            server.address.to_string(),
                            format!(
                                "{at} {failure}, asked for {} of {}",
                                answer.kind, answer.name
                            ),
                        )
                        .shown_by([evidence::server(answer)]),
                );
            }
        }
    }
    let all_silent = zone
        .servers
        .iter()
        .all(|server| matches!(server.soa.outcome, Outcome::Failed(_)));
    if all_silent {
        found.add(SERVERS_UNKNOWN.found("", format!("no server of {} answers", zone.cut.apex)));
    }
}

/// What servers serve differently from each other.
fn differences(zone: &ZoneView, found: &mut Found) {
    for (kind, pick) in [
        (Kind::Mx, (|s| &s.mx) as fn(&ServerView) -> &ServerAnswer),
        (Kind::Dnskey, |s| &s.dnskey),
        (Kind::Ns, |s| &s.ns),
    ] {
        let answers: Vec<&ServerAnswer> = zone
            .servers
            .iter()
            .map(pick)
            .filter(|answer| answer.is_known())
            .collect();
        let variants: BTreeSet<Vec<String>> = answers
            .iter()
            .map(|answer| answer.contents().iter().map(ToString::to_string).collect())
            .collect();
        if variants.len() > 1 {
            let rule = if kind == Kind::Ns {
                SERVER_SERIAL
            } else {
                SERVER_DIFFERS
            };
            found.add(
                rule.found(
                    kind.name(),
                    format!(
                        "the servers of {} do not serve the same {kind} set",
                        zone.cut.apex
                    ),
                )
                .shown_by(answers.into_iter().map(evidence::server)),
            );
        }
    }
    let serials: BTreeMap<u32, Vec<&ServerAnswer>> =
        zone.servers
            .iter()
            .fold(BTreeMap::new(), |mut all, server| {
                if let Some(soa) = server.soa.soa.as_ref().filter(|_| server.soa.is_known()) {
                    all.entry(soa.serial)
                        .or_insert_with(Vec::new)
                        .push(&server.soa);
                }
                all
            });
    if serials.len() > 1 {
        let shown: Vec<_> = serials
            .iter()
            .map(|(serial, at)| format!("{serial} at {}", at.len()))
            .collect();
        found.add(
            SERVER_SERIAL
                .found(
                    "SOA",
                    format!(
                        "the servers of {} are at different serials: {} addresses",
                        zone.cut.apex,
                        shown.join(", ")
                    ),
                )
                .shown_by(serials.into_values().flatten().map(evidence::server)),
        );
    }
}

/// The DS set against the keys.
fn ds(survey: &Survey, found: &mut Found) {
    // A key that was not seen is not a key that is not there.
    let mut servers = survey.zone.servers.iter();
    if !servers.all(|server| server.dnskey.is_known()) {
        return;
    }
    // Where servers differ, the one to which a DS leads speaks for it; that they differ is said elsewhere.
    let mut links: BTreeMap<&Ds, DsFit> = BTreeMap::new();
    for link in survey.servers.iter().flat_map(|server| &server.links) {
        let fit = links.entry(&link.ds).or_insert(link.fit);
        if leads(link.fit) {
            *fit = link.fit;
        }
    }
    for (ds, fit) in &links {
        let text = format!("DS {} {} {}", ds.key_tag, ds.algorithm, ds.digest_type);
        let why = match fit {
            DsFit::Fits | DsFit::UnknownDigest => None,
            DsFit::OtherDigest => Some("its digest is not that of the key it names"),
            DsFit::NoKey => Some("the zone has no such key"),
            DsFit::UnfitKey => Some("the key it names is revoked, or no zone key"),
        };
        if let Some(why) = why {
            found.add(
                DNSSEC_DS_WITHOUT_KEY
                    .found(text.clone(), format!("the {text} leads nowhere: {why}")),
            );
        }
    }
    // Who knows the stronger digest passes over SHA-1, whether the stronger one fits or not (RFC 4509, 3).
    let sha1 = |ds: &Ds| digest_use(ds.digest_type) >= Use::MustNot;
    let strong = || {
        links
            .iter()
            .filter(|(ds, _)| is_known_here(ds) && !sha1(ds))
    };
    let weak = links
        .iter()
        .any(|(ds, fit)| is_known_here(ds) && sha1(ds) && *fit == DsFit::Fits);
    if weak && strong().next().is_some() && strong().all(|(_, fit)| *fit != DsFit::Fits) {
        found.add(Finding {
            severity: Severity::Blocker,
            ..DNSSEC_DS_WITHOUT_KEY.found(
                "",
                "only a DS with a SHA-1 digest leads to a key, and beside one with a stronger digest validators pass over it",
            )
        });
    }
    incomplete(survey, found);
    // An old digest beside a new one does no harm: validators prefer the new one (RFC 4509, 3).
    let better = links
        .iter()
        .any(|(ds, fit)| digest_use(ds.digest_type) < Use::MustNot && *fit == DsFit::Fits);
    if !better {
        for ds in links.keys() {
            if digest_use(ds.digest_type) == Use::MustNot {
                found.add(DNSSEC_DIGEST.found(
                    "",
                    format!(
                        "the only DS that leads to a key uses {}",
                        digest_name(ds.digest_type)
                    ),
                ));
            }
        }
    }
}

/// Algorithms of the DS set that do not sign everything, where a server's answers validate all the same.
fn incomplete(survey: &Survey, found: &mut Found) {
    for server in &survey.servers {
        let valid = server.verdicts.iter().all(|set| set.status.is_secure());
        for link in server.links.iter().filter(|_| valid) {
            let algorithm = link.ds.algorithm;
            if link.zone_wide == Some(false) && is_checked_here(algorithm) {
                found.add(DNSSEC_ALGORITHM_INCOMPLETE.found(
                    format!("algorithm {algorithm}"),
                    format!(
                        "the parent has a DS of algorithm {algorithm} ({}), and not everything in {} is signed with it",
                        algorithm_name(algorithm),
                        survey.zone.cut.apex
                    ),
                ));
            }
        }
    }
}

const fn leads(fit: DsFit) -> bool {
    matches!(fit, DsFit::Fits | DsFit::UnknownDigest)
}

/// The verdict on one server's own answers: a finding for all that does not validate, and one for all that tells nothing.
fn served(server: &ServerSurvey, found: &mut Found) {
    type Why = fn(&Status) -> Option<&String>;
    let kinds: [(Rule, &str, Why); 2] = [
        (
            SERVER_BOGUS,
            "so that it does not validate",
            |status| match status {
                Status::Bogus { why } => Some(why),
                _ => None,
            },
        ),
        (
            SERVER_UNPROVEN,
            "in a way that tells nothing",
            |status| match status {
                Status::Indeterminate { why } => Some(why),
                _ => None,
            },
        ),
    ];
    for (rule, how, why) in kinds {
        let wrong: Vec<(String, &String)> = server
            .verdicts
            .iter()
            .filter_map(|set| Some((format!("{} of {}", set.kind, set.name), why(&set.status)?)))
            .collect();
        // What is wrong with the keys is wrong with all that they sign.
        let Some((_, why)) = wrong.first() else {
            continue;
        };
        let sets: Vec<&str> = wrong.iter().map(|(set, _)| set.as_str()).collect();
        let mut finding = rule.found(
            server.address.to_string(),
            format!(
                "{} ({}) answers {} {how}: {why}",
                server.server,
                server.address,
                sets.join(", ")
            ),
        );
        for (set, why) in &wrong {
            finding.evidence.push(Evidence {
                from: format!("{} ({})", server.server, server.address),
                about: set.clone(),
                said: (*why).clone(),
                at: Some(server.at),
                ..Evidence::default()
            });
        }
        found.add(finding);
    }
}

/// How one server proves what does not exist.
fn denials(server: &ServerSurvey, found: &mut Found) {
    let who = format!("{} ({})", server.server, server.address);
    // Where what is there does not validate either, or counts as unsigned because its algorithm is not known here, no
    // denial is to blame; that was said.
    let bogus = server
        .verdicts
        .iter()
        .any(|set| matches!(set.status, Status::Bogus { .. }));
    let insecure = server.verdicts.iter().any(|set| set.status.is_insecure());
    for denial in &server.denials {
        let follows = bogus && matches!(denial.status, Status::Bogus { .. })
            || insecure && denial.status.is_insecure();
        if let Some((rule, why)) = broken(denial).filter(|_| !follows) {
            found.add(
                rule.found(
                    server.address.to_string(),
                    format!(
                        "{who} cannot deny {} of {}: {why}",
                        denial.answer.kind,
                        asked(denial)
                    ),
                )
                .shown_by([evidence::server(&denial.answer)]),
            );
        }
        if let ProvenBy::Nsec3 {
            iterations,
            salt_length,
            opt_out,
        } = denial.by
        {
            if opt_out {
                found.add(
                    DNSSEC_OPT_OUT.found("", "the zone's denials have the opt-out flag (NSEC3)"),
                );
            }
            if iterations > 0 {
                found.add(DNSSEC_NSEC3_ITERATIONS.found(
                    "",
                    format!("denials are hashed with {iterations} additional iterations (NSEC3)"),
                ));
            }
            if salt_length > 0 {
                found.add(DNSSEC_NSEC3_SALT.found(
                    "",
                    format!("denials are hashed with a salt of {salt_length} octets (NSEC3)"),
                ));
            }
        }
    }
    if server.cuts_off_names() {
        found.add(
            SERVER_DENIAL
                .found(
                    server.address.to_string(),
                    format!("{who} says that a name does not exist below which others do"),
                )
                .shown_by(server.empty_non_terminal.iter().map(evidence::server)),
        );
    }
}

/// Why an absence is not answered as it should be.
fn broken(denial: &Denial) -> Option<(Rule, String)> {
    match (&denial.answer.outcome, &denial.status) {
        (Outcome::Failed(failure @ Failure::Rcode { .. }), _) => {
            Some((SERVER_DENIAL, failure.to_string()))
        }
        (Outcome::Failed(failure), _) => Some((SERVER_UNPROVEN, failure.to_string())),
        (_, Status::Bogus { why }) => Some((SERVER_DENIAL, why.clone())),
        (_, Status::Indeterminate { why }) => Some((SERVER_UNPROVEN, why.clone())),
        (Outcome::NoData | Outcome::NxDomain, Status::Insecure) => match denial.by {
            // Opt-out leaves gaps, and too many iterations count as no proof (RFC 9276, 3.2): the iterations are a finding
            // of their own.
            ProvenBy::Nsec3 {
                iterations,
                opt_out,
                ..
            } if iterations > 0 || opt_out => None,
            _ => Some((SERVER_DENIAL, "the proof does not cover it".to_owned())),
        },
        _ => None,
    }
}

fn asked(denial: &Denial) -> String {
    match denial.probe {
        Probe::RandomName => format!("{} (a name made up for the question)", denial.answer.name),
        Probe::TlsaOfDomain | Probe::TypeAtApex => denial.answer.name.clone(),
    }
}

/// The algorithms and sizes of the keys.
fn algorithms(survey: &Survey, found: &mut Found) {
    let keys: BTreeSet<(u16, u8, Option<u32>, bool)> = survey
        .servers
        .iter()
        .flat_map(|server| &server.keys)
        .filter(|key| key.zone_key && !key.revoked)
        .map(|key| (key.tag, key.algorithm, key.bits, key.entry_point))
        .collect();
    for (tag, algorithm, bits, entry_point) in keys {
        let name = algorithm_name(algorithm);
        if algorithm_use(algorithm) == Use::MustNot {
            found.add(DNSSEC_ALGORITHM.found(
                "",
                format!("the zone is signed with algorithm {algorithm} ({name})"),
            ));
        }
        let rsa = matches!(algorithm, 5 | 7 | 8 | 10);
        if let Some(bits) = bits.filter(|bits| rsa && *bits < SHORTEST_RSA) {
            found.add(DNSSEC_KEY_SIZE.found(
                format!("key {tag}"),
                format!(
                    "the {} key {tag} ({name}) has {bits} bits",
                    if entry_point {
                        "key-signing"
                    } else {
                        "zone-signing"
                    }
                ),
            ));
        }
    }
}

/// When the signatures end, and what outlives them.
fn signatures(survey: &Survey, now: Timestamp, found: &mut Found) {
    let mut first = BTreeMap::new();
    for server in &survey.servers {
        if let Some(horizon) = server.horizon()
            // What has ended already is bogus, and said so.
            && horizon.expires > now
        {
            let entry = first.entry(&horizon.name).or_insert((horizon, server));
            if horizon.expires < entry.0.expires {
                *entry = (horizon, server);
            }
        }
    }
    if let Some((horizon, server)) = first
        .into_values()
        .min_by_key(|(horizon, _)| horizon.expires)
    {
        let left = horizon.expires.duration_since(now);
        let rule: Option<Rule> = if left < ENDS {
            Some(DNSSEC_SIGNATURE_ENDS)
        } else if left < ENDS_SOON {
            Some(DNSSEC_SIGNATURE_SOON)
        } else {
            None
        };
        if let Some(rule) = rule {
            found.add(rule.found(
                "",
                format!(
                    "the signature over {} of {} at {} ({}) ends at {}",
                    horizon.kind,
                    horizon.name,
                    server.server,
                    server.address,
                    utc(horizon.expires)
                ),
            ));
        }
    }
    let outlived = survey
        .servers
        .iter()
        .flat_map(|server| server.outlived())
        .find(|signed| signed.expires > now);
    if let Some(signed) = outlived {
        found.add(DNSSEC_TTL_OUTLIVES.found(
            "",
            format!(
                "{} of {} has a TTL of {} s and a signature that ends before that is over",
                signed.kind, signed.name, signed.ttl
            ),
        ));
    }
}

/// TCP at every address.
fn tcp(survey: &Survey, found: &mut Found) {
    for (server, view) in survey.servers.iter().zip(&survey.zone.servers) {
        // Where not even UDP answers, TCP is no further news.
        if matches!(view.soa.outcome, Outcome::Failed(_)) {
            continue;
        }
        let who = format!("{} ({})", server.server, server.address);
        if let Some(failure) = &server.tcp.failure {
            found.add(SERVER_NO_TCP.found(
                server.address.to_string(),
                format!("{who} {failure} over TCP"),
            ));
        }
        if !server.tcp.differs.is_empty() {
            let kinds: Vec<_> = server.tcp.differs.iter().map(|kind| kind.name()).collect();
            found.add(SERVER_TCP_DIFFERS.found(
                server.address.to_string(),
                format!(
                    "{who} answers otherwise over TCP than over UDP: {}",
                    kinds.join(", ")
                ),
            ));
        }
    }
}

fn place(name: &str, server: &ServerView) -> String {
    format!("{name} ({})", server.address)
}

fn list(tags: &BTreeSet<u16>) -> String {
    tags.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
