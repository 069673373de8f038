//! Every finding of the catalogue: reports that have it, and what it weighs; and the page of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::finding::{Finding, Severity};
use crate::tls_report::catalogue::{ALL, of};

fn found(texts: &[String]) -> Vec<Finding> {
    judge(&summary(texts))
}

fn one(policy: &str, result: &str) -> Vec<Finding> {
    let failure = [(result, "198.51.100.1", "mx.contoso.com", 3)];
    found(&[report("1", policy, (1, 3), &failure)])
}

#[test]
fn every_finding_has_a_report_with_it_and_one_without() {
    let mut seen = BTreeSet::new();
    for result in ResultType::KNOWN {
        let rule = of(result);
        let all = one("tlsa", result.as_str());
        let [finding] = all.as_slice() else {
            panic!("{result}: {all:#?}")
        };
        assert_eq!(finding.id, format!("tlsrpt.{result}"));
        assert_eq!(finding.id, rule.id);
        assert_eq!(finding.severity, rule.severity);
        assert_eq!(finding.about, "contoso.com");
        assert!(
            finding
                .what
                .starts_with("contoso.com: 3 sessions failed with"),
            "{}",
            finding.what
        );
        assert!(finding.what.contains("mx.contoso.com"), "{}", finding.what);
        let said = &finding.evidence[0];
        assert_eq!(said.from, "Fabrikam");
        assert!(
            said.about.contains("198.51.100.1 to mx.contoso.com"),
            "{said:?}"
        );
        assert!(!finding.mend.contains("DOMAIN"), "{}", finding.mend);
        seen.insert(rule.id);
    }
    assert_eq!(one("tlsa", "new-and-odd")[0].id, "tlsrpt.other");
    assert_eq!(
        found(&[report("1", "tlsa", (5, 2), &[])])[0].id,
        "tlsrpt.unexplained"
    );
    assert_eq!(
        found(&[report("1", "no-policy-found", (5, 0), &[])])[0].id,
        "tlsrpt.no-policy-found"
    );
    let unread = unreadable("a.json", &read(b"{}").unwrap_err());
    assert_eq!(
        (unread.id.as_str(), unread.severity),
        ("tlsrpt.unreadable", Severity::CouldNotTell)
    );
    seen.extend([
        "tlsrpt.other",
        "tlsrpt.unexplained",
        "tlsrpt.no-policy-found",
        "tlsrpt.unreadable",
    ]);
    assert_eq!(seen, ALL.iter().map(|rule| rule.id).collect());
    // Its neighbour: the same sessions, all of them well.
    assert_eq!(found(&[report("1", "tlsa", (5, 0), &[])]), []);
    assert_eq!(
        found(&[report(
            "1",
            "sts",
            (5, 0),
            &[("tlsa-invalid", "192.0.2.1", "mx", 0)]
        )]),
        []
    );
}

#[test]
fn a_failure_weighs_less_where_the_mail_went_out_all_the_same() {
    let weight = |policy: &str| one(policy, "certificate-expired")[0].severity;
    assert_eq!(weight("tlsa"), Severity::Blocker);
    assert_eq!(weight("sts"), Severity::Blocker);
    assert_eq!(weight("no-policy-found"), Severity::Warning);
    let testing = found(&[RFC.to_owned()]);
    assert_eq!(testing.len(), 3);
    assert!(
        testing.iter().all(|f| f.severity == Severity::Warning),
        "{testing:#?}"
    );
    // One sender under a policy that demands TLS is enough.
    let failure = [("certificate-expired", "198.51.100.1", "mx.contoso.com", 3)];
    let both = [
        report("1", "no-policy-found", (0, 3), &failure),
        report("2", "tlsa", (0, 3), &failure),
    ];
    let all = found(&both);
    let expired = all
        .iter()
        .find(|f| f.id == "tlsrpt.certificate-expired")
        .unwrap();
    assert_eq!(expired.severity, Severity::Blocker);
    assert_eq!(all[0], *expired, "the gravest comes first");
}

#[test]
fn what_senders_write_drives_no_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}";
    let failure = [(hostile, hostile, hostile, 3)];
    let summary =
        summary(&[report(hostile, "tlsa", (1, 9), &failure).replace("Fabrikam", "\\u001b[2J")]);
    let findings = judge(&summary);
    let shown = crate::output::tls_report::page(&summary, &findings).plain();
    assert!(shown.contains("owned"), "{shown}");
    shown.lines().for_each(crate::fuzz::assert_clean);
}

const HEAD: &str = "\
# Findings of `rollout tlsrpt`

Made from the catalogue in `src/tls_report/catalogue.rs`; `rollout tlsrpt --rules` prints the same. Ids are stable; most are
the result types of RFC 8460.

A blocker ends in exit 1; what could not be told in exit 3, unless there is a blocker; warnings and notes change nothing. A
failure is a warning where every session that met it was under no policy, or under an MTA-STS policy that only tests: then the mail
went out all the same. DOMAIN stands for the domain.

| id | severity | source | why it matters | how to mend it |
|---|---|---|---|---|
";

/// `ROLLOUT_WRITE_DOCS=1 cargo test --lib findings` writes it anew.
#[test]
fn the_page_of_the_reports_findings_is_up_to_date() {
    let mut page = HEAD.to_owned();
    for rule in ALL {
        let severity = match rule.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::CouldNotTell => "could not tell",
            Severity::Blocker => "blocker",
        };
        let cell = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
        writeln!(
            page,
            "| `{}` | {severity} | {} | {} | {} |",
            rule.id,
            cell(rule.source),
            cell(rule.why),
            cell(rule.mend)
        )
        .unwrap();
        for text in [rule.why, rule.mend, rule.source] {
            assert!(
                !text.is_empty() && !text.ends_with('.'),
                "{}: {text}",
                rule.id
            );
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tlsrpt-findings.md");
    if std::env::var_os("ROLLOUT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not up to date: run ROLLOUT_WRITE_DOCS=1 cargo test --lib findings",
        path.display()
    );
}
