//! What holds for every combination: a lost vantage never makes it better, and not knowing never becomes "none".

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::combinations::is_truthful;
use super::scene::{
    address, bogus, covering, deep, dns_only, ends, failed, host, no_keys, no_records, now,
    other_certificate, rejudge, safe, second, second_host, server, servfail, silent, sts_record,
    timeout, unknown, unsigned, variant,
};
use super::table::{Change, rows, told};
use crate::dane::sender::Safety;
use crate::dane::{Mode, MtaStsView, ProbeResult, TlsaView};
use crate::dns::survey::DsFit;
use crate::dns::{Answer, Failure, Kind, Status, VantageVerdict};
use crate::finding::Severity;
use crate::verify::{DomainView, Extent, Report, Verdict, Wish, judge};

/// What is wrong with a domain, by the rows of the table, and how it is looked at.
#[derive(Debug, Clone)]
struct Scene {
    changes: Vec<usize>,
    two_hosts: bool,
    enforced: bool,
    dns_only: bool,
    wish: bool,
}

fn scenes() -> impl Strategy<Value = Scene> {
    let changes = proptest::collection::vec(0..changes().len(), 0..4);
    (
        changes,
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(|(changes, two_hosts, enforced, dns_only, wish)| Scene {
            changes,
            two_hosts,
            enforced,
            dns_only,
            wish,
        })
}

/// Another certificate in one further handshake, with SNI or without.
fn another_key_with(view: &mut DomainView, sni: bool) {
    let mut other = address(view).probe.result.clone();
    if let ProbeResult::Ok { chain, .. } = &mut other {
        *chain = vec![other_certificate()].into();
    }
    variant(address(view), sni, other);
    rejudge(host(view));
}

/// Those of the table, and some that only one server or one handshake shows.
fn changes() -> Vec<Change> {
    let mut all: Vec<Change> = rows().into_iter().map(|row| row.change).collect();
    let others: [Change; 8] = [
        |view| another_key_with(view, true),
        |view| another_key_with(view, false),
        |view| {
            for link in &mut deep(view).links {
                link.fit = DsFit::NoKey;
            }
        },
        |view| {
            for key in &mut deep(view).keys {
                (key.algorithm, key.bits) = (8, Some(1024));
            }
        },
        |view| failed(&mut server(view).ns, servfail()),
        |view| {
            unsigned(view, true);
            failed(&mut server(view).mx, servfail());
        },
        |view| second(view, Kind::A).status = Status::Insecure,
        |view| {
            for opinion in &mut view.opinions {
                opinion.status = bogus();
            }
        },
    ];
    all.extend(others);
    all
}

impl Scene {
    fn view(&self) -> DomainView {
        let mut view = safe();
        if self.two_hosts {
            second_host(&mut view);
        }
        if self.enforced {
            covering(&mut view, Mode::Enforce);
        }
        let changes = changes();
        for index in &self.changes {
            // A change that needs what an earlier one took away is left out.
            if is_whole(&view) {
                changes[*index](&mut view);
            }
        }
        if self.dns_only {
            dns_only(&mut view);
        }
        view
    }

    fn wish(&self) -> Wish {
        if self.wish {
            Wish::Dane
        } else {
            Wish::Delivery
        }
    }

    fn judged(&self, view: &DomainView) -> Report {
        judge(view.clone(), self.wish(), now(view))
    }
}

/// Whether everything is there that the changes of the table reach for.
fn is_whole(view: &DomainView) -> bool {
    let host = view.hosts.first().map(|host| &host.view);
    let hosts = host.is_some_and(|host| {
        host.addresses.len() > 1
            && host
                .addresses
                .iter()
                .all(|address| matches!(address.probe.result, ProbeResult::Ok { .. }))
            && matches!(host.tlsa, TlsaView::Secure { .. })
            && !host.a.records().is_empty()
    });
    let zone = view.survey.as_ref().is_ok_and(|survey| {
        survey.servers.len() > 1
            && survey
                .servers
                .iter()
                .all(|s| !s.links.is_empty() && !s.signed.is_empty() && !s.denials.is_empty())
            && survey.zone.servers.iter().all(|s| s.soa.soa.is_some())
    });
    hosts && zone && !view.mx.records().is_empty() && !view.mx.status.is_lookup_error()
}

/// Somebody or something that can no longer be asked.
#[derive(Debug, Clone, Copy)]
enum Lost {
    /// A resolver, whatever it was asked.
    Resolver,
    /// One answer of a resolver.
    Vantage,
    Opinion,
    /// One address of the zone's servers.
    Server,
    /// One answer of one of them.
    Served(u8),
    Denial,
    Tcp,
    Parent,
    Survey,
    Mx,
    HostA,
    HostAaaa,
    Tlsa,
    /// An address of a host.
    Address(u8),
    /// A further handshake with one.
    Variant(u8),
    Policy,
    Text,
}

fn losses() -> impl Strategy<Value = Vec<(Lost, usize)>> {
    let lost = prop_oneof![
        1 => Just(Lost::Resolver),
        1 => Just(Lost::Vantage),
        1 => Just(Lost::Opinion),
        1 => Just(Lost::Server),
        1 => (0..4_u8).prop_map(Lost::Served),
        1 => Just(Lost::Denial),
        1 => Just(Lost::Tcp),
        1 => Just(Lost::Parent),
        1 => Just(Lost::Survey),
        1 => Just(Lost::Mx),
        1 => Just(Lost::HostA),
        1 => Just(Lost::HostAaaa),
        1 => Just(Lost::Tlsa),
        1 => (0..3_u8).prop_map(Lost::Address),
        3 => (0..3_u8).prop_map(Lost::Variant),
        1 => Just(Lost::Policy),
        1 => Just(Lost::Text),
    ];
    proptest::collection::vec((lost, any::<usize>()), 1..3)
}

/// One of so many.
fn pick<T>(all: &mut [T], index: usize) -> Option<&mut T> {
    let length = all.len();
    (length > 0).then(|| &mut all[index % length])
}

fn silence(kind: u8) -> ProbeResult {
    match kind {
        0 => timeout(),
        1 => ProbeResult::Refused,
        _ => ProbeResult::NoRoute {
            detail: "network is unreachable".into(),
        },
    }
}

fn lose(view: &mut DomainView, lost: Lost, index: usize) {
    let no_answer = |index: usize| {
        VantageVerdict::Failed(if index.is_multiple_of(2) {
            Failure::Timeout
        } else {
            servfail()
        })
    };
    match lost {
        Lost::Resolver => {
            let names: BTreeSet<_> = view.vantages.iter().map(|v| v.vantage.clone()).collect();
            let mut names: Vec<_> = names.into_iter().collect();
            let Some(name) = pick(&mut names, index) else {
                return;
            };
            for answer in view.vantages.iter_mut().filter(|v| v.vantage == *name) {
                answer.verdict = no_answer(index);
                answer.records.clear();
                answer.ad = false;
            }
        }
        Lost::Vantage => {
            if let Some(answer) = pick(&mut view.vantages, index) {
                answer.verdict = no_answer(index);
                answer.records.clear();
                answer.ad = false;
            }
        }
        Lost::Opinion => {
            if let Some(opinion) = pick(&mut view.opinions, index) {
                opinion.status = unknown();
            }
        }
        Lost::Server | Lost::Served(_) | Lost::Denial | Lost::Tcp | Lost::Parent => {
            lose_in_zone(view, lost, index);
        }
        Lost::Survey => view.survey = Err(Failure::Timeout),
        Lost::Mx => {
            view.mx.status = unknown();
            view.mx.answer = Answer::Unknown;
            view.hosts.clear();
        }
        Lost::HostA | Lost::HostAaaa | Lost::Tlsa | Lost::Address(_) | Lost::Variant(_) => {
            lose_at_host(view, lost, index);
        }
        Lost::Policy => {
            view.policy = MtaStsView::Unknown {
                // In a look at the DNS alone, a record without its policy is all there is to see.
                record: index.is_multiple_of(2).then(sts_record),
                why: "no answer in time".into(),
                at: view.at,
            };
        }
        Lost::Text => {
            if let Some(lookup) = pick(&mut view.texts, index) {
                lookup.status = unknown();
                lookup.answer = Answer::Unknown;
                lookup.aliases.clear();
            }
        }
    }
}

fn lose_in_zone(view: &mut DomainView, lost: Lost, index: usize) {
    let Ok(survey) = &mut view.survey else {
        return;
    };
    let count = survey.zone.servers.len();
    if count == 0 {
        return;
    }
    let place = index % count;
    match lost {
        Lost::Served(which) => {
            let server = &mut survey.zone.servers[place];
            let answer = match which {
                0 => &mut server.mx,
                1 => &mut server.soa,
                2 => &mut server.dnskey,
                _ => &mut server.ns,
            };
            failed(answer, Failure::Timeout);
            let kind = answer.kind;
            let deep = &mut survey.servers[place];
            for set in deep.verdicts.iter_mut().filter(|set| set.kind == kind) {
                set.status = unknown();
            }
            if which == 2 {
                no_keys(deep);
            }
        }
        Lost::Denial => {
            if let Some(denial) = pick(&mut survey.servers[place].denials, index) {
                failed(&mut denial.answer, Failure::Timeout);
                denial.status = unknown();
            }
        }
        Lost::Tcp => {
            let tcp = &mut survey.servers[place].tcp;
            tcp.failure = Some(Failure::Timeout);
            tcp.differs.clear();
        }
        Lost::Parent => {
            survey.delegation = unknown();
            for parent in &mut survey.zone.parents {
                failed(&mut parent.ds, Failure::Timeout);
            }
            for server in &mut survey.servers {
                server.links.clear();
            }
        }
        _ => silent(view, place),
    }
}

fn lose_at_host(view: &mut DomainView, lost: Lost, index: usize) {
    let Some(host) = pick(&mut view.hosts, index).map(|host| &mut host.view) else {
        return;
    };
    match lost {
        Lost::HostA | Lost::HostAaaa => {
            let (lookup, is_lost): (_, fn(std::net::IpAddr) -> bool) = match lost {
                Lost::HostA => (&mut host.a, |ip| ip.is_ipv4()),
                _ => (&mut host.aaaa, |ip| ip.is_ipv6()),
            };
            lookup.status = unknown();
            lookup.answer = Answer::Unknown;
            host.addresses.retain(|address| !is_lost(address.address));
            if host.addresses.is_empty() {
                host.security = unknown();
                host.tlsa = TlsaView::NotAsked {
                    why: "the addresses could not be looked up".into(),
                };
            }
        }
        Lost::Tlsa if host.tlsa.lookup().is_some() => no_records(host, unknown()),
        Lost::Address(kind) => {
            let place = index / 7;
            if let Some(address) = pick(&mut host.addresses, place)
                && address.probe.result != ProbeResult::NotProbed
            {
                ends(address, silence(kind));
            }
        }
        Lost::Variant(kind) => {
            let variants = host.addresses.iter_mut().flat_map(|a| &mut a.variants);
            let mut variants: Vec<_> = variants.collect();
            if let Some(variant) = pick(&mut variants, index / 7) {
                variant.probe.result = silence(kind);
                variant.judgement = None;
            }
        }
        _ => {}
    }
}

/// From the best to what must not become better: what could not be told and what is forbidden are no better than each
/// other here.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Safe => 0,
        Verdict::NotYet { .. } => 1,
        Verdict::CouldNotTell | Verdict::Forbidden => 2,
    }
}

/// Findings that say that something is not there.
const ABSENCES: &[&str] = &[
    "dkim.selectors",
    "dmarc.none",
    "dnssec.ds-without-key",
    "host.insecure",
    "mta-sts.mode-none",
    "mta-sts.none",
    "mx.implicit",
    "mx.no-address",
    "mx.no-such-domain",
    "mx.null",
    "smtp.no-starttls",
    "tls-rpt.none",
    "tlsa.insecure",
    "tlsa.none",
    "tlsa.unusable",
];

/// An unsigned zone and one without DS are the same to a validator, which proved it; which of them it is hangs on keys.
fn counts_as_unsigned(ids: &BTreeSet<&str>) -> bool {
    ids.contains("dnssec.unsigned") || ids.contains("dnssec.island")
}

fn ids(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|f| f.id.as_str()).collect()
}

/// What does not hang on an order.
fn gist(report: &Report) -> (Verdict, BTreeSet<(String, String, Severity)>) {
    let findings = report.findings.iter();
    (
        report.verdict,
        findings
            .map(|f| (f.id.clone(), f.about.clone(), f.severity))
            .collect(),
    )
}

/// Each thing that can be lost, alone.
fn each_loss(view: &DomainView) -> Vec<(Lost, usize)> {
    let addresses = || view.hosts.iter().flat_map(|host| &host.view.addresses);
    let variants = addresses().map(|address| address.variants.len()).sum();
    let many = |lost: Lost, count: usize| (0..count).map(move |index| (lost, index));
    let spread = |lost: Lost, count: usize| (0..count).map(move |index| (lost, index * 7));
    let mut all: Vec<(Lost, usize)> = [
        Lost::Survey,
        Lost::Parent,
        Lost::Mx,
        Lost::HostA,
        Lost::HostAaaa,
        Lost::Tlsa,
    ]
    .into_iter()
    .map(|lost| (lost, 0))
    .collect();
    all.extend(many(Lost::Resolver, 3));
    all.extend(many(Lost::Vantage, view.vantages.len()));
    all.extend(many(Lost::Opinion, view.opinions.len()));
    all.extend(many(Lost::Server, 2));
    all.extend((0..4).flat_map(|which| many(Lost::Served(which), 2)));
    all.extend(many(Lost::Denial, 6));
    all.extend(many(Lost::Tcp, 2));
    all.extend(many(Lost::Policy, 2));
    all.extend(spread(Lost::Address(0), addresses().count()));
    all.extend(spread(Lost::Variant(0), variants));
    all
}

/// Chance seldom brings the one loss that matters together with the one change that it hides.
#[test]
fn no_single_loss_makes_any_single_change_better() {
    let mut wrong = Vec::new();
    for (index, change) in changes().into_iter().enumerate() {
        let mut view = safe();
        change(&mut view);
        for wish in [Wish::Dane, Wish::Delivery] {
            let before = judge(view.clone(), wish, now(&view));
            if rank(before.verdict) == 0 {
                continue;
            }
            for (lost, at) in each_loss(&view) {
                let mut less = view.clone();
                lose(&mut less, lost, at);
                let after = judge(less, wish, now(&view));
                let called_unsigned =
                    counts_as_unsigned(&ids(&after)) && !counts_as_unsigned(&ids(&before));
                if rank(after.verdict) < rank(before.verdict) || called_unsigned {
                    wrong.push(format!(
                        "change {index}, without {lost:?} {at}:\n{}\nafter {}",
                        told(&before),
                        told(&after)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_lost_vantage_never_makes_it_better(scene in scenes(), losses in losses()) {
        let mut view = scene.view();
        let before = scene.judged(&view);
        for (lost, index) in losses {
            lose(&mut view, lost, index);
        }
        let after = scene.judged(&view);
        prop_assert!(
            rank(after.verdict) >= rank(before.verdict),
            "before: {}\nafter: {}",
            told(&before),
            told(&after)
        );
    }

    #[test]
    fn not_known_never_becomes_none(scene in scenes(), losses in losses()) {
        let mut view = scene.view();
        let before = scene.judged(&view);
        for (lost, index) in losses {
            lose(&mut view, lost, index);
        }
        let after = scene.judged(&view);
        let (was, is) = (ids(&before), ids(&after));
        for absence in ABSENCES {
            prop_assert!(!is.contains(absence) || was.contains(absence), "{}", told(&after));
        }
        prop_assert!(!counts_as_unsigned(&is) || counts_as_unsigned(&was), "{}", told(&after));
        let rows = after.rows.iter().filter(|row| row.outcome == "none").count();
        let before = before.rows.iter().filter(|row| row.outcome == "none").count();
        prop_assert!(rows <= before, "{:?}", after.rows);
    }

    #[test]
    fn the_order_does_not_matter(scene in scenes(), turn in any::<usize>()) {
        let mut view = scene.view();
        let before = gist(&scene.judged(&view));
        if let Ok(survey) = &mut view.survey {
            survey.zone.servers.reverse();
            survey.servers.reverse();
            survey.zone.parents.reverse();
            survey.zone.cut.servers.reverse();
        }
        for host in &mut view.hosts {
            host.view.addresses.reverse();
        }
        view.hosts.reverse();
        let length = view.vantages.len().max(1);
        view.vantages.rotate_left(turn % length);
        view.opinions.reverse();
        view.texts.reverse();
        prop_assert_eq!(before, gist(&scene.judged(&view)));
    }

    #[test]
    fn what_is_written_reads_back_and_is_judged_alike(scene in scenes(), losses in losses()) {
        let mut view = scene.view();
        for (lost, index) in losses {
            lose(&mut view, lost, index);
        }
        let text = serde_json::to_string(&view).unwrap();
        let read: DomainView = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &view);
        let report = scene.judged(&view);
        prop_assert_eq!(&scene.judged(&read), &report);
        let text = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn what_is_safe_for_dane_is_safe_for_every_kind_of_sender(scene in scenes(), losses in losses()) {
        let mut view = scene.view();
        for lost in std::iter::once(None).chain(losses.into_iter().map(Some)) {
            if let Some((lost, index)) = lost {
                lose(&mut view, lost, index);
            }
            let report = judge(view.clone(), Wish::Dane, now(&view));
            if report.verdict != Verdict::Safe || view.extent != Extent::Full {
                continue;
            }
            let put_off = ids(&report).contains("smtp.defers");
            prop_assert!(
                report.safety == Safety::Safe || (put_off && matches!(report.safety, Safety::Late { .. })),
                "{:?}: {}",
                report.safety,
                told(&report)
            );
        }
    }

    #[test]
    fn the_headline_never_says_more_than_was_seen(scene in scenes(), losses in losses()) {
        let mut view = scene.view();
        prop_assert!(is_truthful(&scene.judged(&view)), "{}", told(&scene.judged(&view)));
        for (lost, index) in losses {
            lose(&mut view, lost, index);
        }
        let report = scene.judged(&view);
        prop_assert!(is_truthful(&report), "{}", told(&report));
    }
}
