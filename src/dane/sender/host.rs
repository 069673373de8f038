//! One host: what its records make a sender demand, and what the sender then meets at its addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ResultType;
use super::address::{Met, Wanted, meet, unknown};
use super::worlds::{Protections, Share, Shares};
use super::{AddressVerdict, Arrives, HostVerdict, Profile, Protection};
use crate::dane::discover::Destination;
use crate::dane::{HostView, Mode, MtaStsView, Outcome, TlsaView, judge};
use crate::dns::{Data, Name, Status, Validated};

/// What a host's records make a sender by RFC 7672 demand of it (2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "demand")]
pub enum Demand {
    /// TLS and a certificate that a TLSA record authenticates.
    Authenticate,
    /// TLS; the peer is not checked, because no record can be used.
    Encrypt,
    /// Nothing: old-style opportunistic TLS.
    Opportunistic,
    /// It has no address.
    NoAddress,
    /// It counts as down: what the DNS says about it is bogus.
    Down {
        /// Why, as a sentence.
        why: String,
    },
    /// A lookup failed here. A sender that meets the same failure takes the host for down (RFC 7672, 2.1.2).
    NotKnown {
        /// Why, as a sentence.
        why: String,
    },
}

/// What the records of a host make a sender by RFC 7672 demand.
#[must_use]
pub fn demand(view: &HostView) -> Demand {
    if let Some(failed) = addresses_failed(view) {
        return failed;
    }
    by_tlsa(view, &view.tlsa)
}

fn addresses_failed(view: &HostView) -> Option<Demand> {
    failed(&view.security, "the addresses could not be looked up").or_else(|| {
        (known_addresses(view).is_empty() && view.addresses.is_empty()).then_some(Demand::NoAddress)
    })
}

fn failed(status: &Status, what: &str) -> Option<Demand> {
    match status {
        Status::Bogus { why } => Some(Demand::Down {
            why: format!("{what}: {why}"),
        }),
        Status::Indeterminate { why } => Some(Demand::NotKnown {
            why: format!("{what}: {why}"),
        }),
        Status::Secure | Status::Insecure => None,
    }
}

fn by_tlsa(view: &HostView, tlsa: &TlsaView) -> Demand {
    match tlsa {
        TlsaView::LookupError { why, lookup, .. } => {
            let what = "the TLSA records could not be looked up";
            failed(&lookup.status, what).unwrap_or_else(|| Demand::NotKnown {
                why: format!("{what}: {why}"),
            })
        }
        TlsaView::Secure { records, .. } => match judge(records, &[], &[], view.at).outcome {
            Outcome::Unusable => Demand::Encrypt,
            Outcome::None => Demand::Opportunistic,
            Outcome::Authenticated { .. } | Outcome::Mismatch => Demand::Authenticate,
        },
        TlsaView::NotAsked { .. } | TlsaView::Insecure { .. } | TlsaView::Absent { .. } => {
            Demand::Opportunistic
        }
    }
}

/// The addresses that the DNS gave.
fn known_addresses(view: &HostView) -> BTreeSet<IpAddr> {
    [&view.a, &view.aaaa]
        .into_iter()
        .filter(|v| !v.status.is_lookup_error())
        .flat_map(Validated::records)
        .filter_map(|r| match r.data {
            Data::A(ip) => Some(IpAddr::V4(ip)),
            Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        })
        .collect()
}

/// What surrounds a host.
pub(super) struct Around<'a> {
    pub(super) profile: Profile,
    /// The MX set, or the lack of one, leads here by signed records only.
    pub(super) trusted: bool,
    pub(super) names: &'a [Name],
    pub(super) policy: &'a MtaStsView,
    /// For [`Profile::Sloppy`]: what an unsigned host answers about TLSA.
    pub(super) anyway: Option<&'a TlsaView>,
}

/// What came of one host.
pub(super) struct Seen {
    pub(super) shares: Shares,
    pub(super) protection: Protections,
    pub(super) verdict: HostVerdict,
    pub(super) reports: Vec<ResultType>,
    pub(super) bounces: bool,
}

pub(super) fn look_at(
    destination: &Destination,
    view: Option<&HostView>,
    around: &Around<'_>,
) -> Seen {
    let told = |shares, protection, why: &str, reports: &[ResultType]| {
        seen(destination, shares, protection, why.to_owned(), reports)
    };
    let down = |why: &str, reports: &[ResultType]| {
        let nothing = Protections::nothing_sent();
        told(Shares::known(Share::NONE), nothing, why, reports)
    };
    let not_known = |why: &str, reports: &[ResultType]| {
        told(Shares::unknown(), Protections::unknown(), why, reports)
    };
    let passed_over = |why: &str, reports: &[ResultType]| {
        let mut seen = told(
            Shares::known(Share::NOTHING),
            Protections::nothing_sent(),
            why,
            reports,
        );
        seen.verdict.passed_over = true;
        seen
    };
    let profile = around.profile;
    if destination.address.is_some() {
        return down("the MX names an address, which many senders refuse", &[]);
    }
    let Some(view) = view else {
        return not_known("nobody looked at it", &[]);
    };
    let dnssec: &[ResultType] = if profile.does_dane() {
        &[ResultType::DnssecInvalid]
    } else {
        &[]
    };
    match addresses_failed(view) {
        Some(Demand::Down { why }) => return down(&why, dnssec),
        Some(Demand::NotKnown { why }) => return not_known(&why, dnssec),
        Some(_) => return down("it has no address", &[]),
        None => {}
    }
    if profile.does_dane() && (around.trusted || profile.half_dane()) {
        let skipped = matches!(view.tlsa, TlsaView::NotAsked { .. });
        let tlsa = match around.anyway {
            Some(answer) if skipped => answer,
            None if skipped && profile == Profile::Sloppy => {
                return not_known("nobody asked what an unsigned host says about TLSA", &[]);
            }
            _ => &view.tlsa,
        };
        match by_tlsa(view, tlsa) {
            Demand::Down { why } => return down(&why, dnssec),
            Demand::NotKnown { why } => return not_known(&why, dnssec),
            Demand::Authenticate => {
                let names: Vec<&str> = around.names.iter().map(String::as_str).collect();
                let wanted = Wanted::Tlsa {
                    records: view.tlsa.secure_records(),
                    names: &names,
                };
                let mut seen = at_addresses(destination, view, profile, &wanted);
                if !around.trusted {
                    // Who forges the MX chooses the host, and the host authenticates all the same.
                    seen.protection = Protections::known(Protection::Opportunistic);
                    seen.verdict.protection = Protection::Opportunistic;
                    seen.verdict.why += "; but the MX that names it is not signed";
                }
                return seen;
            }
            Demand::Encrypt if profile == Profile::Mandatory => {
                let why = "no TLSA record of it can be used";
                return passed_over(why, &[ResultType::TlsaInvalid]);
            }
            Demand::Encrypt => {
                let mut seen = at_addresses(destination, view, profile, &Wanted::Tls);
                seen.reports.push(ResultType::TlsaInvalid);
                return seen;
            }
            Demand::Opportunistic | Demand::NoAddress => {}
        }
    }
    if profile == Profile::Mandatory {
        let why = if around.trusted {
            "it has no signed TLSA record"
        } else {
            "the MX that names it is not signed"
        };
        return passed_over(why, &[ResultType::DaneRequired]);
    }
    by_policy(destination, view, around)
}

/// Where DANE does not apply: MTA-STS, if the sender knows it, else whatever there is.
fn by_policy(destination: &Destination, view: &HostView, around: &Around<'_>) -> Seen {
    let profile = around.profile;
    let whatever = || at_addresses(destination, view, profile, &Wanted::Whatever);
    let host = destination.host.as_str();
    let valid = || at_addresses(destination, view, profile, &Wanted::WebPki { host });
    let refused = || {
        let why = "the MTA-STS policy does not name it".to_owned();
        let (share, protection) = (Share::NONE, Protections::known(Protection::MtaSts));
        let report = [ResultType::ValidationFailure];
        seen(destination, Shares::known(share), protection, why, &report)
    };
    // Senders that hold an earlier policy go on with it (RFC 8461, 5.1), and nobody here knows what it says.
    let any_policy = |why: String, report| {
        let (mut without, with) = (whatever(), valid());
        without.shares = without
            .shares
            .either(with.shares)
            .either(Shares::known(Share::NONE));
        without.protection = without.protection.either(with.protection);
        without.verdict.arrives = without.shares.arrives();
        without.verdict.protection = without.protection.answer();
        without.verdict.why = why;
        without.reports.push(report);
        without
    };
    if !profile.follows_policy() {
        return whatever();
    }
    match around.policy {
        MtaStsView::Found { policy, .. } => match policy.mode {
            Mode::Enforce if policy.allows(host) => valid(),
            Mode::Enforce => refused(),
            Mode::Testing | Mode::None => whatever(),
        },
        MtaStsView::None { lookup } => match lookup.status.why() {
            Some(why) => any_policy(
                format!("whether there is an MTA-STS policy is not known: {why}"),
                ResultType::StsPolicyFetchError,
            ),
            None => whatever(),
        },
        MtaStsView::Invalid { why, .. } => any_policy(
            format!(
                "its MTA-STS policy is not valid ({why}), and a sender may hold an earlier one"
            ),
            ResultType::StsPolicyInvalid,
        ),
        MtaStsView::Unknown { why, .. } => any_policy(
            format!("its MTA-STS policy is not known: {why}"),
            ResultType::StsPolicyFetchError,
        ),
    }
}

/// The sender tries the addresses.
fn at_addresses(
    destination: &Destination,
    view: &HostView,
    profile: Profile,
    wanted: &Wanted<'_>,
) -> Seen {
    let mut met: Vec<(Option<IpAddr>, Met)> = Vec::new();
    let mut rest = known_addresses(view);
    for address in &view.addresses {
        rest.remove(&address.address);
        met.push((Some(address.address), meet(profile, address, wanted)));
    }
    for address in rest {
        met.push((Some(address), unknown(wanted, "nobody looked at it")));
    }
    for family in [&view.a, &view.aaaa] {
        if let Status::Indeterminate { why } = &family.status {
            let why = format!("whether it has more addresses is not known: {why}");
            met.push((None, unknown(wanted, why)));
        }
    }
    let shares = Shares::together(met.iter().map(|(_, m)| &m.shares));
    let protection = Protections::together(met.iter().map(|(_, m)| &m.protection));
    let mut reports: Vec<ResultType> = met.iter().filter_map(|(_, m)| m.report).collect();
    reports.dedup();
    // The gravest speaks for the host.
    let weight = |m: &Met| match m.shares.arrives() {
        Arrives::No => 3,
        Arrives::Degraded => 2,
        Arrives::CouldNotTell => 1,
        Arrives::Yes => 0,
    };
    let gravest = met.iter().enumerate();
    let gravest = gravest.max_by_key(|(i, (_, m))| (weight(m), std::cmp::Reverse(*i)));
    let why = match gravest {
        Some((_, (Some(address), m))) if weight(m) > 0 => format!("{address}: {}", m.why),
        Some((_, (_, m))) => m.why.clone(),
        None => "it has no address".to_owned(),
    };
    let mut out = seen(destination, shares, protection, why, &reports);
    out.bounces = met.iter().any(|(_, m)| m.bounces);
    out.verdict.addresses = met
        .into_iter()
        .filter_map(|(address, m)| {
            Some(AddressVerdict {
                address: address?,
                arrives: m.shares.arrives(),
                why: m.why,
            })
        })
        .collect();
    out
}

fn seen(
    destination: &Destination,
    shares: Shares,
    protection: Protections,
    why: String,
    reports: &[ResultType],
) -> Seen {
    Seen {
        verdict: HostVerdict {
            host: destination.host.clone(),
            preference: destination.preference,
            passed_over: false,
            arrives: shares.arrives(),
            protection: protection.answer(),
            why,
            addresses: Vec::new(),
        },
        shares,
        protection,
        reports: reports.to_vec(),
        bounces: false,
    }
}
