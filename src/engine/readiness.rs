//! Who could start now, what blocks the others, and how long it would take: told without credentials.
//!
//! The preflight's own judgement on what anybody can see, and the same lower bound as a plan's.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::plan::lower_bound;
use crate::finding::{Finding, Severity};
use crate::kernel::Host;
use crate::playbook::PlannedStep;
use crate::step::{Context, Memory, Setup, bears_on_the_start, from_outside, is_new_host};
use crate::verify::{Extent, Report, Verdict};
use crate::world::{Estimates, Facts};

/// What the answer rests on besides the look: a playbook's steps, the wishes, and how long others usually take.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The steps.
    pub steps: Vec<PlannedStep>,
    /// The wishes.
    pub setup: Setup,
    /// How long others usually take.
    pub estimates: Estimates,
}

/// Whether a domain could start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// It is there already.
    Done,
    /// It could.
    Ready,
    /// It could go on: its mail is on the new host already.
    Underway,
    /// Something stands in the way.
    Blocked,
    /// Could not tell.
    CouldNotTell,
}

/// What can be said of a domain's move without credentials. The tenant, its roles and the DNS host's API are not seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    /// Whether it could start.
    pub start: Start,
    /// What stands in the way, and what is worth knowing; the gravest first.
    pub findings: Vec<Finding>,
    /// The least time in which the move can end without a moment of risk (T_min), by what is seen now.
    #[serde(serialize_with = "seconds")]
    pub least: Duration,
    /// The DNS host, as far as the names of the zone's servers tell.
    pub dns_host: Option<&'static str>,
    /// Whether this program can drive it.
    pub dns_host_signs: Option<bool>,
}

fn seconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(duration.as_secs())
}

/// Judges from a look and its verdict. `facts` are those of the same look.
#[must_use]
pub fn readiness(report: &Report, facts: &Facts, basis: &Basis, now: Timestamp) -> Readiness {
    let mut memory = Memory::default();
    memory.absorb(facts, &basis.setup, now);
    let moved = report
        .view
        .hosts
        .iter()
        .map(|host| Host::new(&host.view.host))
        .find(is_new_host);
    memory.new_host.clone_from(&moved);
    let cx = Context {
        setup: &basis.setup,
        facts,
        memory: &memory,
        step: "preflight",
        now,
    };
    let mut findings = from_outside(&cx, report.view.extent == Extent::Full);
    findings.extend(
        report
            .findings
            .iter()
            .filter(|finding| bears_on_the_start(finding))
            .cloned(),
    );
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let worst = findings.first().map(|finding| finding.severity);
    let protected = matches!(report.verdict, Verdict::Safe | Verdict::NotYet { .. });
    let (dns_host, dns_host_signs) = dns_host(report);
    let start = match worst {
        _ if moved.is_some() && protected => Start::Done,
        Some(Severity::Blocker) => Start::Blocked,
        Some(Severity::CouldNotTell) => Start::CouldNotTell,
        _ if moved.is_some() => Start::Underway,
        _ => Start::Ready,
    };
    let least = if start == Start::Done {
        Duration::ZERO
    } else {
        lower_bound(&basis.steps, &basis.setup, facts, &memory, basis.estimates).total()
    };
    Readiness {
        start,
        findings,
        least,
        dns_host,
        dns_host_signs,
    }
}

/// Who seems to serve the zone, by the names of its servers.
fn dns_host(report: &Report) -> (Option<&'static str>, Option<bool>) {
    let Ok(survey) = &report.view.survey else {
        return (None, None);
    };
    let servers: Vec<_> = survey
        .zone
        .cut
        .servers
        .iter()
        .filter_map(|server| rollout_providers::Name::parse(&server.name).ok())
        .collect();
    // Where the names are of two hosts, neither is the one.
    if !rollout_providers::split(&servers).is_empty() {
        return (None, None);
    }
    rollout_providers::likely(&servers)
        .first()
        .map_or((None, None), |info| {
            (Some(info.title), Some(info.capabilities.signs))
        })
}
