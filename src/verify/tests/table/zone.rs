//! The zone, each of its servers, the second validator, resolvers.

use std::time::Duration;

use super::super::scene::{
    DOMAIN, absent, agree, bogus, covering, deep, denial, denied, failed, mx_record,
    no_such_domain, now, record, second, server, servfail, silent, survey, text, unknown, unsigned,
    vantage,
};
use super::{Row, row};
use crate::dane::Mode;
use crate::dns::survey::{DsFit, Probe, ProvenBy};
use crate::dns::{Data, Ds, Failure, Kind, Outcome, Source, Status, VantageVerdict};
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::DomainView;

fn key(view: &mut DomainView, algorithm: u8, bits: u32) {
    for server in &mut survey(view).servers {
        for key in &mut server.keys {
            key.algorithm = algorithm;
            key.bits = Some(bits);
        }
    }
}

fn digest(view: &mut DomainView, number: u8) {
    for server in &mut survey(view).servers {
        for link in &mut server.links {
            link.ds.digest_type = number;
        }
    }
}

/// Another DS beside, which fits like this.
fn beside(view: &mut DomainView, digest_type: u8, fit: DsFit) {
    for server in &mut survey(view).servers {
        let mut link = server.links[0].clone();
        link.ds = Ds {
            key_tag: 1,
            digest_type,
            ..link.ds
        };
        link.fit = fit;
        server.links.push(link);
    }
}

/// Another DS beside, of an algorithm that signs only the keys.
fn incomplete(view: &mut DomainView, algorithm: u8) {
    beside(view, 2, DsFit::Fits);
    for server in &mut survey(view).servers {
        let link = server.links.last_mut().unwrap();
        link.ds.algorithm = algorithm;
        link.zone_wide = Some(false);
    }
}

fn proven_by(view: &mut DomainView, iterations: u16, salt_length: u8) {
    denial(view).by = ProvenBy::Nsec3 {
        iterations,
        salt_length,
        opt_out: false,
    };
}

/// The server gives this wildcard away, and what is below it exists.
fn wildcard(view: &mut DomainView, wildcard: &str) {
    deep(view).wildcards = vec![wildcard.to_owned()];
    for probe in [Probe::RandomName, Probe::TlsaOfDomain] {
        denied(view, probe).answer.outcome = Outcome::NoData;
    }
}

fn opt_out(view: &mut DomainView, opt_out: bool) {
    denial(view).by = ProvenBy::Nsec3 {
        iterations: 0,
        salt_length: 0,
        opt_out,
    };
}

/// The parent has a DS of this algorithm and digest type, through which our validators cannot go.
pub(super) fn signed_with(view: &mut DomainView, algorithm: u8, digest_type: u8) {
    unsigned(view, true);
    let ds = Data::Ds(Ds {
        key_tag: 1,
        algorithm,
        digest_type,
        digest: "ab".repeat(32),
    });
    // The DS set itself is signed.
    survey(view).delegation = Status::Secure;
    for parent in &mut survey(view).zone.parents {
        parent.ds.outcome = Outcome::Answer;
        parent.ds.records = vec![record(DOMAIN, ds.clone())];
    }
}

/// The first signature of the server ends this long after the judgement.
fn signed_for(view: &mut DomainView, hours: u64) {
    let end = now(view) + Duration::from_secs(hours * 3600);
    deep(view).signed[0].expires = end;
}

/// A TTL that ends this many seconds before the signature, or after it.
fn outlives(view: &mut DomainView, by: i64) {
    let server = deep(view);
    let at = server.at.as_second();
    let first = &mut server.signed[0];
    first.ttl = u32::try_from(first.expires.as_second() - at + by).unwrap();
}

fn other_mx(view: &mut DomainView) {
    server(view).mx.records = vec![mx_record(7, "elsewhere.example")];
}

fn verdict(view: &mut DomainView, status: Status) {
    let set = deep(view).verdicts.iter_mut();
    set.filter(|set| set.kind == Kind::Mx)
        .for_each(|set| set.status = status.clone());
}

fn out_of_reach(view: &mut DomainView) {
    let source = Source {
        server: Some("ns1.nameservice.net".into()),
        address: "[2001:db8::1]:53".parse().unwrap(),
    };
    survey(view).zone.out_of_reach.push(source);
}

/// The second server's only address is one to which there is no path.
fn unheard(view: &mut DomainView) {
    let survey = survey(view);
    let server = survey.zone.servers.remove(1);
    survey.servers.remove(1);
    survey.zone.out_of_reach.push(Source {
        server: Some(server.server),
        address: "[2001:db8::1]:53".parse().unwrap(),
    });
}

fn resolver_says(view: &mut DomainView, kind: Kind, verdict: VantageVerdict) {
    let answer = vantage(view, kind);
    answer.verdict = verdict;
    answer.ad = false;
    answer.records.clear();
}

/// The resolver still has another MX set.
fn older(view: &mut DomainView, left: Option<u32>) {
    let now = now(view);
    let answer = vantage(view, Kind::Mx);
    answer.records = vec![mx_record(7, "old.example")];
    answer.ttl = left;
    answer.at = now;
}

pub(super) fn rows() -> Vec<Row> {
    let mut all = chain();
    all.extend(servers());
    all.extend(others());
    all
}

fn chain() -> Vec<Row> {
    vec![
        row(
            "dnssec.unsigned",
            Blocker,
            [1, 0],
            |v| unsigned(v, false),
            |v| unsigned(v, true),
        ),
        row(
            "dnssec.island",
            Blocker,
            [1, 0],
            |v| unsigned(v, true),
            |v| unsigned(v, false),
        ),
        row(
            "dnssec.algorithm",
            Blocker,
            [1, 1],
            |v| key(v, 7, 2048),
            |v| key(v, 8, 2048),
        ),
        row(
            "dnssec.unknown-algorithm",
            CouldNotTell,
            [3, 3],
            |v| signed_with(v, 16, 2),
            // Nobody may use that one any more.
            |v| signed_with(v, 12, 2),
        ),
        row(
            "dnssec.opt-out",
            Note,
            [0, 0],
            |v| opt_out(v, true),
            |v| opt_out(v, false),
        ),
        row(
            "dnssec.wildcard",
            Note,
            [0, 0],
            |v| wildcard(v, &format!("*.{DOMAIN}")),
            |v| wildcard(v, &format!("*.office.{DOMAIN}")),
        ),
        row(
            "dnssec.digest",
            Warning,
            [0, 0],
            |v| digest(v, 1),
            |v| beside(v, 1, DsFit::Fits),
        ),
        row(
            "dnssec.key-size",
            Warning,
            [0, 0],
            |v| key(v, 8, 1024),
            |v| key(v, 8, 2048),
        ),
        row(
            "dnssec.ds-without-key",
            Warning,
            [0, 0],
            |v| beside(v, 2, DsFit::NoKey),
            |v| beside(v, 9, DsFit::UnknownDigest),
        ),
        row(
            "dnssec.algorithm-incomplete",
            Warning,
            [0, 0],
            |v| incomplete(v, 8),
            // Nobody expects signatures that nobody can check.
            |v| incomplete(v, 200),
        ),
        row(
            "dnssec.nsec3-iterations",
            Warning,
            [0, 0],
            |v| proven_by(v, 1, 0),
            |v| proven_by(v, 0, 8),
        ),
        row(
            "dnssec.nsec3-salt",
            Note,
            [0, 0],
            |v| proven_by(v, 0, 8),
            |v| proven_by(v, 1, 0),
        ),
        row(
            "dnssec.signature-ends",
            Blocker,
            [1, 1],
            |v| signed_for(v, 11),
            |v| signed_for(v, 13),
        ),
        row(
            "dnssec.signature-soon",
            Warning,
            [0, 0],
            |v| signed_for(v, 71),
            |v| signed_for(v, 73),
        ),
        row(
            "dnssec.ttl-outlives-signature",
            Warning,
            [0, 0],
            |v| outlives(v, 60),
            |v| outlives(v, -60),
        ),
        row(
            "dnssec.delegation",
            CouldNotTell,
            [3, 3],
            |v| survey(v).delegation = unknown(),
            no_such_domain,
        ),
    ]
}

fn servers() -> Vec<Row> {
    vec![
        row(
            "servers.unknown",
            CouldNotTell,
            [3, 3],
            |v| v.survey = Err(Failure::Timeout),
            |v| silent(v, 1),
        ),
        row(
            "server.bogus",
            Blocker,
            [1, 1],
            |v| verdict(v, bogus()),
            |v| verdict(v, unknown()),
        ),
        row("server.differs", Blocker, [1, 1], other_mx, |v| {
            silent(v, 1)
        }),
        row(
            "server.serial",
            Warning,
            [0, 0],
            |v| server(v).soa.soa.as_mut().unwrap().serial += 1,
            |v| silent(v, 1),
        ),
        row(
            "server.silent",
            CouldNotTell,
            [3, 3],
            |v| silent(v, 1),
            out_of_reach,
        ),
        row(
            "dnssec.parents-differ",
            Warning,
            [0, 0],
            |v| survey(v).zone.parents[1].ds.records.clear(),
            |v| silent(v, 1),
        ),
        // With another address in reach the server was heard.
        row("server.silent", CouldNotTell, [3, 3], unheard, out_of_reach),
        row("server.no-path", Note, [0, 0], out_of_reach, |v| {
            silent(v, 1)
        }),
        row(
            "server.no-tcp",
            Warning,
            [0, 0],
            |v| deep(v).tcp.failure = Some(Failure::ConnectionRefused),
            // Not over UDP either: that is all there is to say.
            |v| silent(v, 1),
        ),
        row(
            "server.tcp-differs",
            Warning,
            [0, 0],
            |v| deep(v).tcp.differs = vec![Kind::Mx],
            |v| deep(v).tcp.failure = Some(Failure::Timeout),
        ),
        row(
            "server.denial",
            Blocker,
            [1, 1],
            |v| failed(&mut denial(v).answer, servfail()),
            |v| failed(&mut denial(v).answer, Failure::Timeout),
        ),
        row(
            "server.denial",
            Blocker,
            [1, 1],
            |v| denial(v).answer.outcome = Outcome::NxDomain,
            // Of a name that nobody made that is right.
            |v| denied(v, Probe::RandomName).answer.outcome = Outcome::NxDomain,
        ),
        row(
            "server.unproven",
            CouldNotTell,
            [3, 3],
            |v| failed(&mut denial(v).answer, Failure::Timeout),
            |v| failed(&mut denial(v).answer, servfail()),
        ),
        row(
            "delegation.differs",
            Warning,
            [0, 0],
            |v| survey(v).zone.cut.servers[0].in_child = Some(false),
            |v| survey(v).zone.cut.servers[0].in_child = None,
        ),
    ]
}

fn others() -> Vec<Row> {
    vec![
        row(
            "dnssec.engines-differ",
            CouldNotTell,
            [3, 3],
            |v| second(v, Kind::Mx).status = bogus(),
            |v| second(v, Kind::Mx).status = unknown(),
        ),
        row(
            "dnssec.second-opinion",
            CouldNotTell,
            [3, 3],
            |v| second(v, Kind::Tlsa).status = unknown(),
            |v| second(v, Kind::Tlsa).status = Status::Insecure,
        ),
        row(
            "dnssec.resolvers-differ",
            CouldNotTell,
            [3, 3],
            |v| resolver_says(v, Kind::Mx, VantageVerdict::Bogus { explained: None }),
            |v| resolver_says(v, Kind::Mx, VantageVerdict::Failed(Failure::Timeout)),
        ),
        row(
            "vantage.failed",
            CouldNotTell,
            [3, 3],
            |v| resolver_says(v, Kind::Mx, VantageVerdict::Failed(Failure::Timeout)),
            |v| resolver_says(v, Kind::Mx, VantageVerdict::Bogus { explained: None }),
        ),
        row(
            "vantage.old",
            Warning,
            [4, 4],
            |v| older(v, Some(30)),
            |v| older(v, None),
        ),
    ]
}

#[test]
fn a_resolver_that_once_heard_of_no_address_is_behind() {
    // Addresses come and go with the load, but whether there are any does not.
    let mut view = super::safe();
    let now = now(&view);
    let answer = vantage(&mut view, Kind::A);
    answer.records.truncate(1);
    assert_eq!(super::judged(&view).verdict, crate::verify::Verdict::Safe);
    let answer = vantage(&mut view, Kind::A);
    answer.records.clear();
    answer.verdict = VantageVerdict::NxDomain;
    answer.ttl = Some(7);
    answer.at = now;
    let report = super::judged(&view);
    let from = now + Duration::from_secs(7);
    assert_eq!(report.verdict, crate::verify::Verdict::NotYet { from });
}

#[test]
fn what_has_run_out_since_is_looked_at_again_before_it_is_safe() {
    let mut view = super::safe();
    older(&mut view, Some(0));
    vantage(&mut view, Kind::Mx).at -= Duration::from_secs(60);
    let report = super::judged(&view);
    let from = now(&view);
    assert_eq!(
        report.verdict,
        crate::verify::Verdict::NotYet { from },
        "{}",
        super::told(&report)
    );
}

#[test]
fn a_server_of_an_unsigned_zone_that_fails_at_the_mx_is_not_passed_over() {
    let mut view = super::safe();
    unsigned(&mut view, false);
    failed(&mut server(&mut view).mx, servfail());
    let report = crate::verify::judge(view.clone(), crate::verify::Wish::Delivery, now(&view));
    assert_eq!(
        report.verdict,
        crate::verify::Verdict::CouldNotTell,
        "{}",
        super::told(&report)
    );
}

#[test]
fn keys_that_were_not_seen_are_not_said_to_be_missing() {
    let mut view = super::safe();
    unsigned(&mut view, true);
    for server in &mut survey(&mut view).zone.servers {
        failed(&mut server.dnskey, Failure::Timeout);
    }
    for server in &mut survey(&mut view).servers {
        server.keys.clear();
    }
    let report = super::judged(&view);
    let said = |text: &str| report.findings.iter().any(|f| f.what.contains(text));
    assert!(
        !said("is not signed") || said("counts as"),
        "{}",
        super::told(&report)
    );
    assert!(said("counts as not signed"), "{}", super::told(&report));
}

#[test]
fn a_sha1_digest_is_no_way_beside_a_stronger_one_that_does_not_fit() {
    for (strong, verdict) in [
        (DsFit::OtherDigest, crate::verify::Verdict::Forbidden),
        (DsFit::NoKey, crate::verify::Verdict::Forbidden),
        (DsFit::Fits, crate::verify::Verdict::Safe),
    ] {
        let mut view = super::safe();
        digest(&mut view, 1);
        beside(&mut view, 2, strong);
        let report = super::judged(&view);
        assert_eq!(
            report.verdict,
            verdict,
            "{strong:?}: {}",
            super::told(&report)
        );
    }
    // A digest that nobody knows makes nobody pass over SHA-1.
    let mut view = super::safe();
    digest(&mut view, 1);
    beside(&mut view, 9, DsFit::UnknownDigest);
    assert_eq!(super::judged(&view).verdict, crate::verify::Verdict::Safe);
}

#[test]
fn an_absence_at_one_server_is_a_difference() {
    let mut view = super::safe();
    absent(&mut server(&mut view).mx);
    agree(&mut view);
    let report = super::judged(&view);
    assert!(
        report.findings.iter().any(|f| f.id == "server.differs"),
        "{}",
        super::told(&report)
    );
    assert_eq!(server(&mut view).mx.outcome, Outcome::NoData);
}

#[test]
fn no_such_name_at_one_server_and_no_such_record_at_the_other_is_a_difference() {
    let mut view = super::safe();
    for index in 0..survey(&mut view).zone.servers.len() {
        absent(&mut survey(&mut view).zone.servers[index].mx);
    }
    let differ = |view: &DomainView| {
        let mut findings = super::judged(view).findings.into_iter();
        findings.find(|f| f.id == "server.differs")
    };
    assert_eq!(differ(&view), None);
    server(&mut view).mx.outcome = Outcome::NxDomain;
    let found = differ(&view).unwrap();
    let others = survey(&mut view).zone.servers.len() - 1;
    let camps = format!("(addresses: {others} against 1)");
    assert!(found.what.ends_with(&camps), "{}", found.what);
}

#[test]
fn in_an_unsigned_zone_a_name_that_is_called_absent_misleads_only_who_asks() {
    let mut view = super::safe();
    unsigned(&mut view, false);
    let found = |view: &DomainView| {
        let report = super::judged(view);
        let mut all = report
            .findings
            .into_iter()
            .filter(|f| f.id == "server.denial");
        (all.next(), all.count())
    };
    assert_eq!(found(&view), (None, 0));
    denial(&mut view).answer.outcome = Outcome::NxDomain;
    let (first, more) = found(&view);
    let first = first.unwrap();
    assert_eq!((first.severity, more), (Warning, 0), "{first:?}");
    assert!(first.what.contains("the zone's own name"), "{first:?}");
}

#[test]
fn a_wildcard_is_worth_a_note_only_over_names_that_have_nothing_of_their_own() {
    let names = |view: &DomainView| {
        let report = super::judged(view);
        let mut all = report.findings.into_iter();
        let found = all.find(|f| f.id == "dnssec.wildcard")?;
        let names = found.what.split_once("stands over ")?.1.to_owned();
        Some(names.split_once(", where")?.0.to_owned())
    };
    let tls_rpt = format!("_smtp._tls.{DOMAIN}");
    let tlsa = format!("_25._tcp.{DOMAIN}");
    let mut view = super::safe();
    wildcard(&mut view, &format!("*.{DOMAIN}"));
    covering(&mut view, Mode::Enforce);
    text(
        &mut view,
        &tls_rpt,
        &["v=TLSRPTv1; rua=mailto:tls@adatum.com"],
    );
    assert_eq!(names(&view), Some(tlsa.clone()));
    text(&mut view, &tls_rpt, &["something else"]);
    assert_eq!(names(&view), Some(format!("{tlsa}, {tls_rpt}")));
    let lookup = view.texts.iter_mut().find(|t| t.name == tls_rpt).unwrap();
    lookup.answer = crate::dns::Answer::NxDomain;
    assert_eq!(names(&view), Some(tlsa.clone()));
    // Records at the name itself are published; the same as at any other name are the wildcard's.
    let made = record(&tlsa, Data::Txt("of the wildcard".into()));
    denied(&mut view, Probe::TlsaOfDomain).answer.outcome = Outcome::Answer;
    denied(&mut view, Probe::TlsaOfDomain).answer.records = vec![made.clone()];
    assert_eq!(names(&view), None);
    denied(&mut view, Probe::RandomName).answer.outcome = Outcome::Answer;
    denied(&mut view, Probe::RandomName).answer.records = vec![made];
    assert_eq!(names(&view), Some(tlsa));
    // Who cannot deny gives no wildcard away.
    denied(&mut view, Probe::RandomName).status = bogus();
    assert_eq!(names(&view), None);
}
