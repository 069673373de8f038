//! MTA-STS, TLS-RPT, SPF, DMARC and DKIM.

use super::super::scene::{
    DOMAIN, address, alias, covering, host, policy, sts_record, text, unknown,
};
use super::{Row, row};
use crate::dane::{Mode, MtaStsView, WebPki};
use crate::dns::{Answer, Status};
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::DomainView;

fn rpt() -> String {
    format!("_smtp._tls.{DOMAIN}")
}

fn dmarc() -> String {
    format!("_dmarc.{DOMAIN}")
}

/// An SPF record with this many terms that ask the DNS.
fn asks(terms: usize) -> String {
    format!("v=spf1 {}-all", "a:x.example ".repeat(terms))
}

fn not_known(view: &mut DomainView, name: &str) {
    let lookup = view.texts.iter_mut().find(|t| t.name == name).unwrap();
    lookup.status = unknown();
    lookup.answer = Answer::Unknown;
}

fn sts_unknown(view: &mut DomainView) {
    view.policy = MtaStsView::Unknown {
        record: Some(sts_record()),
        why: "the policy host did not answer".into(),
        at: view.at,
    };
}

fn sts_invalid(view: &mut DomainView) {
    view.policy = MtaStsView::Invalid {
        record: Some(sts_record()),
        why: "the policy names no mx".into(),
        ttl: 60,
        at: view.at,
    };
}

/// A policy that names all hosts, and has this line besides.
fn with_line(view: &mut DomainView, line: &str) {
    covering(view, Mode::Enforce);
    if let MtaStsView::Found { policy, .. } = &mut view.policy {
        policy.body += &format!("{line}\r\n");
    }
}

fn record(view: &mut DomainView, text: &str) {
    if let MtaStsView::Unknown {
        record: Some(record),
        ..
    }
    | MtaStsView::Found { record, .. } = &mut view.policy
    {
        record.text = text.into();
    }
}

fn with_pattern(view: &mut DomainView, pattern: &str) {
    let host = host(view).host.clone();
    policy(view, Mode::Enforce, &[&host, pattern]);
}

fn certificate(view: &mut DomainView, webpki: WebPki) {
    covering(view, Mode::Enforce);
    address(view).webpki = webpki;
}

fn selectors(view: &mut DomainView, target: &str) {
    for selector in ["selector1", "selector2"] {
        let name = format!("{selector}._domainkey.{DOMAIN}");
        let lookup = view.texts.iter_mut().find(|t| t.name == name).unwrap();
        lookup.status = Status::Secure;
        lookup.answer = Answer::NoData;
        lookup.aliases = vec![alias(&name, &format!("{selector}-adatum-com.{target}"))];
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut all = sts();
    all.extend(texts());
    all
}

fn sts() -> Vec<Row> {
    vec![
        row(
            "mta-sts.unknown",
            CouldNotTell,
            [3, 3],
            sts_unknown,
            sts_invalid,
        ),
        row("mta-sts.none", Note, [0, 0], |_| {}, sts_unknown),
        row(
            "mta-sts.invalid",
            Warning,
            // A sender may hold an earlier one, and nobody here knows what that says.
            [3, 3],
            sts_invalid,
            sts_unknown,
        ),
        row(
            "mta-sts.remark",
            Note,
            [0, 0],
            |v| with_line(v, "colour: green"),
            |v| covering(v, Mode::Enforce),
        ),
        row(
            "mta-sts.remark",
            Note,
            [3, 3],
            // The record alone is known, and it is worth a look too.
            |v| {
                sts_unknown(v);
                record(v, "v=STSv1 ; id=1;");
            },
            sts_unknown,
        ),
        row(
            "mta-sts.not-covered",
            Blocker,
            [1, 1],
            |v| policy(v, Mode::Enforce, &["elsewhere.example"]),
            |v| policy(v, Mode::Testing, &["elsewhere.example"]),
        ),
        row(
            "mta-sts.not-covered-testing",
            Warning,
            [0, 0],
            |v| policy(v, Mode::Testing, &["elsewhere.example"]),
            |v| policy(v, Mode::None, &["elsewhere.example"]),
        ),
        row(
            "mta-sts.certificate",
            Blocker,
            [1, 1],
            |v| {
                certificate(
                    v,
                    WebPki::Invalid {
                        why: "its issuer is not known".into(),
                    },
                );
            },
            |v| certificate(v, WebPki::Valid),
        ),
        row(
            "mta-sts.testing",
            Note,
            [0, 0],
            |v| covering(v, Mode::Testing),
            |v| covering(v, Mode::Enforce),
        ),
        row(
            "mta-sts.mode-none",
            Note,
            [0, 0],
            |v| covering(v, Mode::None),
            |v| covering(v, Mode::Testing),
        ),
        row(
            "mta-sts.wildcard",
            Warning,
            [0, 0],
            |v| with_pattern(v, "*.mx.microsoft"),
            |v| with_pattern(v, "*.o-v1.mx.microsoft"),
        ),
    ]
}

fn texts() -> Vec<Row> {
    vec![
        row(
            "tls-rpt.none",
            Note,
            [0, 0],
            |v| text(v, &rpt(), &[]),
            |v| not_known(v, &rpt()),
        ),
        row(
            "tls-rpt.invalid",
            Warning,
            [0, 0],
            |v| text(v, &rpt(), &["v=TLSRPTv1; rua=ftp://reports.example"]),
            |v| text(v, &rpt(), &["v=TLSRPTv1; rua=mailto:tls@adatum.com"]),
        ),
        row(
            "texts.unknown",
            Note,
            [0, 0],
            |v| not_known(v, &rpt()),
            |v| text(v, &rpt(), &[]),
        ),
        row(
            "spf.mx",
            Note,
            [0, 0],
            |v| text(v, DOMAIN, &["v=spf1 mx -all"]),
            |v| text(v, DOMAIN, &["v=spf1 mx:elsewhere.example -all"]),
        ),
        row(
            "spf.invalid",
            Warning,
            [0, 0],
            |v| text(v, DOMAIN, &["v=spf1 mx -all", "v=spf1 -all"]),
            |v| text(v, DOMAIN, &["v=spf1 mx -all", "something else"]),
        ),
        row(
            "spf.invalid",
            Warning,
            [0, 0],
            |v| text(v, DOMAIN, &[&asks(11)]),
            |v| text(v, DOMAIN, &[&asks(10)]),
        ),
        row(
            "dmarc.none",
            Note,
            [0, 0],
            |v| text(v, &dmarc(), &[]),
            |v| not_known(v, &dmarc()),
        ),
        row(
            "dmarc.invalid",
            Warning,
            [0, 0],
            |v| text(v, &dmarc(), &["v=DMARC1; p=perhaps"]),
            |v| text(v, &dmarc(), &["v=DMARC1; p=reject"]),
        ),
        row(
            "dkim.selectors",
            Note,
            [0, 0],
            |v| selectors(v, "_domainkey.elsewhere.example"),
            |v| selectors(v, "_domainkey.adatum.onmicrosoft.com"),
        ),
    ]
}

#[test]
fn a_certificate_that_nobody_could_validate_is_not_valid_under_an_enforced_policy() {
    let mut view = super::safe();
    certificate(
        &mut view,
        WebPki::NotTold {
            why: "there are no roots to look with".into(),
        },
    );
    let report = super::judged(&view);
    assert_eq!(
        report.verdict,
        crate::verify::Verdict::CouldNotTell,
        "{}",
        super::told(&report)
    );
}

#[test]
fn who_is_not_covered_is_told_the_lines_to_publish() {
    let mut view = super::safe();
    policy(
        &mut view,
        Mode::Enforce,
        &["elsewhere.example", "*.mx.microsoft"],
    );
    let own = host(&mut view).host.clone();
    let report = super::judged(&view);
    let found = report
        .findings
        .iter()
        .find(|f| f.id == "mta-sts.not-covered")
        .unwrap();
    assert_eq!(found.about, own);
    // The wildcard that covers nothing is not among them.
    let lines = format!("it would with the lines mx: elsewhere.example, mx: {own}");
    assert!(found.what.ends_with(&lines), "{}", found.what);
}

#[test]
fn remarks_on_the_record_say_that_they_are_about_the_record() {
    let mut view = super::safe();
    covering(&mut view, Mode::Enforce);
    record(&mut view, "v=STSv1; id=1; colour=green");
    let report = super::judged(&view);
    let remarks: Vec<_> = report
        .findings
        .iter()
        .filter(|f| f.id == "mta-sts.remark")
        .map(|f| f.about.as_str())
        .collect();
    assert_eq!(remarks, [format!("_mta-sts.{DOMAIN}")]);
}
