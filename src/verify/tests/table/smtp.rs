//! The conversation with each address, and the certificate it shows.

use std::time::Duration;

use super::super::scene::{
    address, covering, dns_only, ends, fitting, host, now, publish, rejudge, strange, timeout,
    variant,
};
use super::{Row, row};
use crate::dane::{Certificate, Mode, ProbeResult, Recipient};
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::DomainView;

fn unwilling(code: u16) -> ProbeResult {
    ProbeResult::Unwilling {
        code: Some(code),
        text: "not now".into(),
    }
}

fn recipient(view: &mut DomainView, said: Recipient) {
    if let ProbeResult::Ok { rcpt, .. } = &mut address(view).probe.result {
        *rcpt = Some(said);
    }
}

fn rejected() -> Recipient {
    Recipient::Rejected {
        code: 550,
        text: "no such domain here".into(),
    }
}

fn deferred() -> Recipient {
    Recipient::Deferred {
        code: 451,
        text: "come back later".into(),
    }
}

fn no_starttls() -> ProbeResult {
    ProbeResult::NoStartTls {
        why: "it is not among the extensions".into(),
    }
}

fn tls_failed() -> ProbeResult {
    ProbeResult::TlsFailed {
        why: "handshake failure".into(),
        chain: [].into(),
    }
}

fn speaks(view: &mut DomainView, version: &str) {
    if let ProbeResult::Ok { tls_version, .. } = &mut address(view).probe.result {
        *tls_version = version.into();
    }
}

fn leaf(view: &mut DomainView, change: impl FnOnce(&mut Certificate)) {
    if let ProbeResult::Ok { chain, .. } = &mut address(view).probe.result {
        let mut certificates = chain.to_vec();
        change(&mut certificates[0]);
        *chain = certificates.into();
    }
}

/// The certificate ends this long after the judgement (before it, if negative).
fn ends_in(view: &mut DomainView, hours: i64) {
    let end = now(view) + jiff::SignedDuration::from_hours(hours);
    leaf(view, |leaf| leaf.not_after = Some(end));
}

/// A record of usage 2 beside, which makes dates count.
fn by_issuer(view: &mut DomainView) {
    let records = [fitting(view), strange(2, 1, 1)];
    publish(host(view), &records);
    super::super::scene::agree(view);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "smtp.unreached",
            CouldNotTell,
            [3, 3],
            |v| ends(address(v), timeout()),
            |v| ends(address(v), unwilling(554)),
        ),
        row("smtp.not-probed", Note, [0, 0], dns_only, |v| {
            ends(address(v), timeout())
        }),
        row(
            "smtp.unwilling",
            Blocker,
            [1, 1],
            |v| ends(address(v), unwilling(554)),
            |v| ends(address(v), unwilling(421)),
        ),
        row(
            "smtp.rejects",
            Blocker,
            [1, 1],
            |v| recipient(v, rejected()),
            |v| {
                recipient(v, deferred());
            },
        ),
        row(
            "smtp.defers",
            Warning,
            [0, 0],
            |v| recipient(v, deferred()),
            |v| {
                recipient(v, rejected());
            },
        ),
        row(
            "smtp.defers",
            CouldNotTell,
            [3, 3],
            |v| ends(address(v), unwilling(421)),
            |v| ends(address(v), unwilling(521)),
        ),
        row(
            "smtp.no-starttls",
            Blocker,
            [1, 0],
            |v| ends(address(v), no_starttls()),
            |v| ends(address(v), tls_failed()),
        ),
        row(
            "smtp.tls-failed",
            Blocker,
            [1, 0],
            |v| ends(address(v), tls_failed()),
            |v| ends(address(v), no_starttls()),
        ),
        row(
            "smtp.nothing-in-common",
            CouldNotTell,
            [3, 3],
            |v| {
                let why = "no cipher in common".into();
                ends(address(v), ProbeResult::NothingInCommon { why });
            },
            |v| ends(address(v), tls_failed()),
        ),
        row(
            "smtp.sni",
            Warning,
            [0, 0],
            |v| _ = variant(address(v), false, tls_failed()),
            |v| _ = variant(address(v), true, tls_failed()),
        ),
        row(
            "smtp.tls-version",
            Note,
            [0, 0],
            |v| speaks(v, "TLSv1.2"),
            |v| speaks(v, "TLSv1.3"),
        ),
        row(
            "certificate.expired",
            Note,
            [0, 0],
            |v| ends_in(v, -1),
            |v| ends_in(v, 1),
        ),
        row(
            "certificate.ends",
            Warning,
            [0, 0],
            |v| {
                by_issuer(v);
                ends_in(v, 24);
            },
            // Under usage 3 alone no date counts.
            |v| ends_in(v, 24),
        ),
        row(
            "certificate.ends",
            Warning,
            [0, 0],
            |v| {
                covering(v, Mode::Enforce);
                ends_in(v, 24 * 13);
            },
            |v| {
                covering(v, Mode::Testing);
                ends_in(v, 24 * 13);
            },
        ),
    ]
}

#[test]
fn another_handshake_that_was_not_told_hides_nothing() {
    // What a second key shows is part of the answer; without it the answer is not known.
    for result in [
        timeout(),
        ProbeResult::Refused,
        unwilling(421),
        unwilling(554),
    ] {
        let mut view = super::safe();
        variant(address(&mut view), true, result);
        let report = super::judged(&view);
        assert_eq!(
            report.verdict,
            crate::verify::Verdict::CouldNotTell,
            "{}",
            super::told(&report)
        );
    }
}

#[test]
fn a_probe_that_was_to_be_and_was_not_is_not_known() {
    let mut view = super::safe();
    ends(address(&mut view), ProbeResult::NotProbed);
    let report = super::judged(&view);
    assert_eq!(
        report.verdict,
        crate::verify::Verdict::CouldNotTell,
        "{}",
        super::told(&report)
    );
}

#[test]
fn of_records_that_cannot_be_used_the_dns_alone_tells() {
    let mut view = super::safe();
    dns_only(&mut view);
    publish(host(&mut view), &[strange(0, 1, 1)]);
    super::super::scene::agree(&mut view);
    let report = super::judged(&view);
    assert!(
        report.findings.iter().any(|f| f.id == "tlsa.unusable"),
        "{}",
        super::told(&report)
    );
}

#[test]
fn an_expired_certificate_under_usage_3_stops_nobody() {
    let mut view = super::safe();
    let long_ago = now(&view) - Duration::from_secs(86_400 * 100);
    leaf(&mut view, |leaf| leaf.not_after = Some(long_ago));
    rejudge(host(&mut view));
    assert_eq!(super::judged(&view).verdict, crate::verify::Verdict::Safe);
}
