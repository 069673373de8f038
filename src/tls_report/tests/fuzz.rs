//! Files that anybody may send.

use super::*;
use crate::fuzz::{assert_clean, fuzz};

const WORDS: [&str; 20] = [
    "\"policies\":",
    "\"policy-domain\":",
    "\"failure-details\":null",
    "\"result-type\":",
    "tlsa-invalid",
    "no-policy-found",
    "mode: enforce",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "18446744073709551615",
    "-1",
    "\\u001b",
    "\\ud800",
    "\u{202e}",
];

#[test]
fn files() {
    let failure = [("tlsa-invalid", "198.51.100.1", "mx.contoso.com", 3)];
    let seeds = [
        RFC.as_bytes().to_vec(),
        report("1", "tlsa", (1, 3), &failure).into_bytes(),
        gzip(RFC.as_bytes()),
        gzip(b"{}"),
    ];
    fuzz(&seeds, &WORDS, |bytes| match read(bytes) {
        Err(error) => assert_clean(&error.to_string()),
        Ok(report) => {
            assert!(report.from <= report.to);
            let mut summary = Summary::default();
            summary.add(&report);
            let findings = judge(&summary);
            // It counts once, however often it comes.
            summary.add(&report);
            assert_eq!(judge(&summary), findings);
            let shown = crate::output::tls_report::page(&summary, &findings).plain();
            shown.lines().for_each(assert_clean);
        }
    });
}
