//! A domain as one kind of sender meets it.

use std::collections::BTreeMap;

use super::ResultType;
use super::host::{Around, Seen, look_at};
use super::worlds::{Protections, Shares};
use super::{Arrives, Delivery, Fate, HostVerdict, Mail, Profile, Protection};
use crate::dane::discover::{Destination, Route, reference_names, routes};
use crate::dane::{HostView, Mode, TlsaView};
use crate::dns::{Name, Status};

/// What this kind of sender makes of the domain.
#[must_use]
pub fn deliver(profile: Profile, mail: &Mail<'_>) -> Delivery {
    deliver_with(profile, mail, &BTreeMap::new())
}

/// What each kind of sender makes of the domain, in the order of [`Profile::ALL`].
#[must_use]
pub fn deliver_all(mail: &Mail<'_>) -> Vec<Delivery> {
    Profile::ALL.iter().map(|p| deliver(*p, mail)).collect()
}

/// What a sender makes of the domain that asks unsigned hosts for TLSA too.
///
/// `asked`: what those hosts answer, by host name (see [`ask_anyway`](crate::dane::ask_anyway)); one that is missing
/// counts as not known.
#[must_use]
pub fn deliver_sloppy(mail: &Mail<'_>, asked: &BTreeMap<Name, TlsaView>) -> Delivery {
    deliver_with(Profile::Sloppy, mail, asked)
}

fn deliver_with(profile: Profile, mail: &Mail<'_>, asked: &BTreeMap<Name, TlsaView>) -> Delivery {
    let (route, destinations, _) = routes(mail.mx);
    match &route {
        Route::LookupError { why } => {
            let bogus = matches!(mail.mx.status, Status::Bogus { .. });
            let mut out = ended(profile, mail, format!("the MX lookup failed: {why}"));
            if !bogus {
                out.arrives = Arrives::CouldNotTell;
                out.protection = Protection::CouldNotTell;
            }
            if profile.does_dane() {
                out.reports.push(ResultType::DnssecInvalid);
            }
            return out;
        }
        Route::NullMx => {
            let why = "the domain says that it takes no mail (null MX, RFC 7505)";
            let mut out = ended(profile, mail, why.to_owned());
            out.fate = Some(Fate::BouncesAtOnce);
            return out;
        }
        Route::Mx | Route::Implicit | Route::Address => {}
    }
    // For want of an MX set the domain is its own host, and only its addresses need be signed.
    let trusted = route == Route::Implicit || mail.mx.status.is_secure();
    let seen: Vec<Seen> = destinations
        .iter()
        .map(|destination| {
            let view = view_of(mail, destination);
            let base = view.map_or(destination.host.as_str(), |v| v.base.as_str());
            let around = Around {
                profile,
                trusted,
                names: &reference_names(&route, mail.mx, base),
                policy: mail.policy,
                anyway: asked.get(&destination.host),
            };
            look_at(destination, view, &around)
        })
        .collect();
    sum_up(profile, mail, seen)
}

fn view_of<'a>(mail: &Mail<'a>, destination: &Destination) -> Option<&'a HostView> {
    mail.hosts
        .iter()
        .map(|(_, view)| *view)
        .find(|view| view.host == destination.host)
}

fn sum_up(profile: Profile, mail: &Mail<'_>, seen: Vec<Seen>) -> Delivery {
    let arrives = Shares::together(seen.iter().map(|s| &s.shares)).arrives();
    let protection = Protections::together(seen.iter().map(|s| &s.protection)).answer();
    let bounces = seen.iter().any(|s| s.bounces);
    let mut reports: Vec<ResultType> = seen.iter().flat_map(|s| s.reports.clone()).collect();
    reports.sort();
    reports.dedup();
    let hosts: Vec<_> = seen.into_iter().map(|s| s.verdict).collect();
    let expected = expected(profile, mail);
    // The host that spoils it most speaks for the domain; else one that is less protected than expected; else the first.
    let spoilt = |h: &HostVerdict| match h.arrives {
        _ if h.passed_over => 0,
        Arrives::No => 3,
        Arrives::Degraded => 2,
        Arrives::CouldNotTell => 1,
        Arrives::Yes => 0,
    };
    let spoils = hosts
        .iter()
        .rev()
        .max_by_key(|h| spoilt(h))
        .filter(|h| spoilt(h) > 0)
        .or_else(|| hosts.iter().find(|h| h.protection != expected))
        .or_else(|| hosts.first());
    let why = spoils.map_or_else(
        || "no host is known".to_owned(),
        |host| format!("{}: {}", host.host, host.why),
    );
    Delivery {
        profile,
        arrives,
        protection,
        expected,
        fate: match arrives {
            Arrives::Yes => None,
            _ if bounces => Some(Fate::BouncesAtOnce),
            _ => Some(waits(profile)),
        },
        why,
        hosts,
        reports,
    }
}

/// There is no host to go to.
fn ended(profile: Profile, mail: &Mail<'_>, why: String) -> Delivery {
    Delivery {
        profile,
        arrives: Arrives::No,
        protection: Protection::None,
        expected: expected(profile, mail),
        fate: Some(waits(profile)),
        why,
        hosts: Vec::new(),
        reports: Vec::new(),
    }
}

const fn waits(profile: Profile) -> Fate {
    Fate::Waits {
        hours: profile.patience_hours(),
    }
}

fn expected(profile: Profile, mail: &Mail<'_>) -> Protection {
    if profile.does_dane() {
        return Protection::Dane;
    }
    match mail.policy.policy() {
        Some(policy) if policy.mode == Mode::Enforce => Protection::MtaSts,
        _ => Protection::Opportunistic,
    }
}
