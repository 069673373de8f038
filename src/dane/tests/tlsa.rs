//! Table tests of the judgement. A row: the records, the chain, the outcome.
//!
//! A record is `usage selector matching certificate`, where the data are made from the named certificate; or `=data`
//! literally.

use jiff::Timestamp;

use super::certificates::{Box, HOST, identified};
use crate::dane::certificate::spki_of;
use crate::dane::tlsa::{digest_of, judge};
use crate::dane::{Judgement, Outcome, RecordResult};
use crate::dns::Tlsa;
use crate::dns::text::hex;

pub(super) const NOW: &str = "2026-11-21T00:00:00Z";

pub(super) fn record(certificates: &Box, text: &str) -> Tlsa {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let number = |i: usize| fields[i].parse().expect("a number");
    let (usage, selector, matching) = (number(0), number(1), number(2));
    let data = match fields.get(3).copied().unwrap_or("=").strip_prefix('=') {
        Some(literal) => literal.to_owned(),
        None => {
            let der = certificates.get(fields[3]);
            let bytes = match selector {
                1 => spki_of(der).expect("a key"),
                _ => der.as_ref(),
            };
            hex(&digest_of(matching, bytes))
        }
    };
    Tlsa {
        usage,
        selector,
        matching,
        data,
    }
}

fn judged(certificates: &Box, records: &str, chain: &str, names: &[&str], at: &str) -> Judgement {
    let records: Vec<Tlsa> = records
        .split(';')
        .filter(|r| !r.trim().is_empty())
        .map(|r| record(certificates, r))
        .collect();
    let chain = certificates.chain(chain);
    let at: Timestamp = at.parse().expect("a time");
    judge(&records, &chain, names, at)
}

fn short(judgement: &Judgement) -> String {
    match &judgement.outcome {
        Outcome::Authenticated { depth, .. } => format!("authenticated {depth}"),
        Outcome::Unusable => "unusable".into(),
        Outcome::None => "none".into(),
        Outcome::Mismatch => "mismatch".into(),
    }
}

#[test]
fn the_table() {
    let certificates = Box::new();
    let zero = "00".repeat(32);
    let zeros = format!("3 1 1 ={zero}");
    let wrong512 = format!("3 1 2 ={}", "00".repeat(64));
    let rows: Vec<(String, &str, &str)> = [
        // Nothing, or nothing usable.
        ("", "leaf inter", "none"),
        ("0 0 1 root", "leaf inter root", "unusable"),
        ("1 1 1 leaf", "leaf inter", "unusable"),
        ("4 1 1 leaf", "leaf inter", "unusable"),
        ("255 1 1 leaf", "leaf inter", "unusable"),
        ("3 2 1 =00", "leaf inter", "unusable"),
        ("3 1 3 =00", "leaf inter", "unusable"),
        ("3 1 1 =00", "leaf inter", "unusable"),
        ("3 1 2 =0000", "leaf inter", "unusable"),
        ("3 1 1 =", "leaf inter", "unusable"),
        ("3 1 1 =nothex", "leaf inter", "unusable"),
        ("3 0 0 =30820001", "leaf inter", "unusable"),
        ("3 1 0 =3000", "leaf inter", "unusable"),
        ("2 0 0 broken", "leaf inter", "unusable"),
        ("2 1 0 =deadbeef", "leaf inter", "unusable"),
        ("0 0 1 root; 1 0 1 leaf", "leaf inter root", "unusable"),
        // Usage 3: the server's own certificate, whatever it says.
        ("3 1 1 leaf", "leaf inter", "authenticated 0"),
        ("3 1 2 leaf", "leaf inter", "authenticated 0"),
        ("3 1 0 leaf", "leaf inter", "authenticated 0"),
        ("3 0 1 leaf", "leaf inter", "authenticated 0"),
        ("3 0 2 leaf", "leaf inter", "authenticated 0"),
        ("3 0 0 leaf", "leaf inter", "authenticated 0"),
        ("3 1 1 self", "self", "authenticated 0"),
        ("3 1 1 self-lapsed", "self-lapsed", "authenticated 0"),
        ("3 1 1 elsewhere", "elsewhere", "authenticated 0"),
        ("3 1 1 early", "early", "authenticated 0"),
        ("3 1 1 client", "client", "authenticated 0"),
        // Not even readable dates are needed; by digest of the whole it is another certificate, though.
        ("3 1 1 self", "undated", "authenticated 0"),
        ("3 0 1 undated", "undated", "authenticated 0"),
        ("3 0 1 self", "undated", "mismatch"),
        // One key, two certificates: selector 1 does not mind, selector 0 does.
        ("3 1 1 self", "self-lapsed", "authenticated 0"),
        ("3 0 1 self", "self-lapsed", "mismatch"),
        ("3 1 1 inter", "leaf inter", "mismatch"),
        ("3 1 1 root", "leaf inter root", "mismatch"),
        (&zeros, "leaf inter", "mismatch"),
        ("3 0 1 broken", "broken", "authenticated 0"),
        ("3 1 1 leaf", "broken", "mismatch"),
        ("3 1 1 leaf", "", "mismatch"),
        // Usage 2: an issuer that is sent.
        ("2 0 1 root", "leaf inter root", "authenticated 2"),
        ("2 1 1 root", "leaf inter root", "authenticated 2"),
        ("2 0 2 root", "leaf inter root", "authenticated 2"),
        ("2 1 2 inter", "leaf inter root", "authenticated 1"),
        ("2 0 1 inter", "leaf inter", "authenticated 1"),
        ("2 1 1 inter", "leaf root inter", "authenticated 2"),
        ("2 0 1 root", "leaf stranger root inter", "authenticated 2"),
        ("2 1 1 root", "server root", "authenticated 1"),
        // An issuer under two roots: by its key either will do, and the way goes where the record points.
        ("2 1 1 inter", "leaf inter-cross", "authenticated 1"),
        ("2 0 1 inter", "leaf inter-cross", "mismatch"),
        (
            "2 0 1 root",
            "leaf inter-cross inter root",
            "authenticated 3",
        ),
        (
            "2 1 1 elsewhere-root",
            "leaf inter inter-cross elsewhere-root",
            "authenticated 3",
        ),
        (
            "2 1 0 elsewhere-root",
            "leaf inter-cross",
            "authenticated 2",
        ),
        ("2 0 1 root", "leaf inter-cross root", "mismatch"),
        // A digest of an issuer that is not sent proves nothing.
        ("2 0 1 root", "leaf inter", "mismatch"),
        ("2 1 1 root", "leaf inter", "mismatch"),
        ("2 1 1 root", "direct", "mismatch"),
        // In full, in the DNS: it need not be sent.
        ("2 0 0 root", "leaf inter", "authenticated 2"),
        ("2 0 0 root", "direct", "authenticated 1"),
        ("2 0 0 inter", "leaf", "authenticated 1"),
        ("2 1 0 root", "leaf inter", "authenticated 2"),
        ("2 1 0 root", "direct", "authenticated 1"),
        ("2 1 0 inter", "leaf", "authenticated 1"),
        ("2 1 0 root", "leaf inter root", "authenticated 2"),
        ("2 0 0 stranger", "leaf inter", "mismatch"),
        ("2 1 0 stranger", "leaf inter", "mismatch"),
        // Never the leaf.
        ("2 0 1 leaf", "leaf inter", "mismatch"),
        ("2 1 1 leaf", "leaf inter root", "mismatch"),
        ("2 0 1 self", "self", "mismatch"),
        ("2 0 1 self", "self self", "mismatch"),
        ("2 0 0 self", "self", "mismatch"),
        ("2 1 0 leaf", "leaf inter", "mismatch"),
        // By signature, not by digest alone.
        ("2 0 1 root", "forged root", "mismatch"),
        ("2 1 1 root", "forged root", "mismatch"),
        ("2 0 0 root", "forged", "mismatch"),
        ("2 1 0 root", "forged forger", "mismatch"),
        ("2 0 1 root", "strange root", "mismatch"),
        ("2 0 1 root", "strange stranger root", "mismatch"),
        ("2 0 1 inter", "direct inter root", "mismatch"),
        // Names.
        ("2 0 1 root", "elsewhere root", "mismatch"),
        ("2 0 1 root", "nameless root", "mismatch"),
        ("2 0 1 root", "wild root", "authenticated 1"),
        ("2 0 1 root", "widest root", "mismatch"),
        ("2 0 1 root", "sub root", "mismatch"),
        ("2 0 1 root", "common root", "authenticated 1"),
        ("2 0 1 root", "common-beside-names root", "mismatch"),
        // Dates.
        ("2 0 1 root", "old root", "mismatch"),
        ("2 0 1 root", "early root", "mismatch"),
        ("2 0 1 root", "of-stale stale root", "mismatch"),
        ("2 0 1 stale", "of-stale stale root", "mismatch"),
        ("2 0 1 gone", "of-gone gone", "mismatch"),
        ("2 0 0 gone", "of-gone", "mismatch"),
        ("2 1 1 gone", "of-gone gone", "mismatch"),
        // A key has no dates; but where its certificate is sent, that one's count.
        ("2 1 0 gone", "of-gone", "authenticated 1"),
        ("2 1 0 gone", "of-gone gone", "mismatch"),
        // Authority.
        ("2 0 1 root", "of-humble humble root", "mismatch"),
        ("2 0 1 humble", "of-humble humble root", "mismatch"),
        ("2 0 0 humble", "of-humble", "mismatch"),
        ("2 0 1 mute", "of-mute mute", "mismatch"),
        ("2 0 1 short", "of-short short", "authenticated 1"),
        ("2 0 1 short", "of-too-deep too-deep short", "mismatch"),
        ("2 0 0 short", "of-too-deep too-deep", "mismatch"),
        (
            "2 0 1 too-deep",
            "of-too-deep too-deep short",
            "authenticated 1",
        ),
        ("2 0 1 fenced", "of-fenced fenced", "mismatch"),
        ("2 0 0 fenced", "of-fenced", "mismatch"),
        ("2 0 1 root", "client root", "mismatch"),
        // A full certificate in the DNS brings its fences and its path length along.
        ("2 0 0 short", "of-short", "authenticated 1"),
        // Several records: any match will do.
        (
            "3 1 1 stranger; 3 1 1 leaf",
            "leaf inter",
            "authenticated 0",
        ),
        (
            "3 1 1 stranger; 2 1 1 root",
            "leaf inter root",
            "authenticated 2",
        ),
        (
            "2 1 1 stranger; 2 1 1 root",
            "leaf inter root",
            "authenticated 2",
        ),
        ("3 1 1 stranger; 3 0 1 stranger", "leaf inter", "mismatch"),
        ("1 1 1 leaf; 3 1 1 stranger", "leaf inter", "mismatch"),
        (
            "0 0 1 root; 3 1 1 leaf",
            "leaf inter root",
            "authenticated 0",
        ),
        // Agility: the strongest digest counts, for each usage and selector by itself.
        (&format!("3 1 1 leaf; {wrong512}"), "leaf inter", "mismatch"),
        (
            "3 1 2 leaf; 3 1 1 stranger",
            "leaf inter",
            "authenticated 0",
        ),
        (
            &format!("3 0 1 leaf; {wrong512}"),
            "leaf inter",
            "authenticated 0",
        ),
        (
            &format!("2 1 1 root; {wrong512}"),
            "leaf inter root",
            "authenticated 2",
        ),
        (
            &format!("3 1 0 leaf; {wrong512}"),
            "leaf inter",
            "authenticated 0",
        ),
        // Nor does one of a usage that no sender takes.
        (
            "3 1 1 leaf; 1 1 2 stranger",
            "leaf inter",
            "authenticated 0",
        ),
        // A match in full counts beside the strongest digest, and a digest beside a wrong full one.
        (
            &format!("3 1 0 stranger; 3 1 1 leaf; {wrong512}"),
            "leaf inter",
            "mismatch",
        ),
        (
            "3 1 0 stranger; 3 1 2 leaf",
            "leaf inter",
            "authenticated 0",
        ),
        // A malformed strong digest does not push a good weak one aside.
        ("3 1 1 leaf; 3 1 2 =00", "leaf inter", "authenticated 0"),
        ("3 1 1 leaf; 3 1 9 =00", "leaf inter", "authenticated 0"),
    ]
    .into_iter()
    .map(|(records, chain, expected)| (records.to_owned(), chain, expected))
    .collect();
    assert!(rows.len() >= 100);
    for (records, chain, expected) in rows {
        let judgement = judged(&certificates, &records, chain, &[HOST], NOW);
        assert_eq!(
            short(&judgement),
            expected,
            "{records} | {chain}: {judgement:?}"
        );
    }
}

#[test]
fn any_reference_name_will_do_and_usage_3_needs_none() {
    let certificates = Box::new();
    let say =
        |records, chain, names: &[&str]| short(&judged(&certificates, records, chain, names, NOW));
    assert_eq!(
        say("2 0 1 root", "domain root", &[HOST, "example.test"]),
        "authenticated 1"
    );
    assert_eq!(say("2 0 1 root", "domain root", &[HOST]), "mismatch");
    assert_eq!(
        say("2 0 1 root", "direct root", &["MX.Example.Test."]),
        "authenticated 1"
    );
    assert_eq!(say("2 0 1 root", "direct root", &[]), "mismatch");
    assert_eq!(
        say("2 0 1 root", "wild root", &["a.b.example.test"]),
        "mismatch"
    );
    assert_eq!(
        say("2 0 1 root", "wild root", &["example.test"]),
        "mismatch"
    );
    assert_eq!(say("3 1 1 direct", "direct", &[]), "authenticated 0");
}

#[test]
fn at_another_time() {
    let certificates = Box::new();
    let say = |records, chain, at| short(&judged(&certificates, records, chain, &[HOST], at));
    assert_eq!(
        say("2 0 1 root", "old root", "2020-06-01T00:00:00Z"),
        "authenticated 1"
    );
    assert_eq!(
        say("2 0 1 gone", "of-gone gone", "2021-06-01T00:00:00Z"),
        "authenticated 1"
    );
    assert_eq!(
        say("2 0 1 root", "leaf inter root", "2041-01-01T00:00:00Z"),
        "mismatch"
    );
    assert_eq!(
        say("2 0 1 root", "leaf inter root", "2019-01-01T00:00:00Z"),
        "mismatch"
    );
    assert_eq!(
        say("3 1 1 leaf", "leaf", "2041-01-01T00:00:00Z"),
        "authenticated 0"
    );
}

#[test]
fn each_record_says_what_came_of_it() {
    let certificates = Box::new();
    let judgement = judged(
        &certificates,
        "3 1 1 leaf; 3 1 2 leaf; 1 1 1 leaf; 2 1 1 root; 3 0 1 stranger",
        "leaf inter",
        &[HOST],
        NOW,
    );
    let results: Vec<&RecordResult> = judgement.records.iter().map(|r| &r.result).collect();
    assert!(matches!(results[0], RecordResult::Superseded { by: 2 }));
    assert!(matches!(results[1], RecordResult::Matches { depth: 0 }));
    assert!(matches!(results[2], RecordResult::Unusable { why } if why.contains("usage 1")));
    assert!(matches!(results[3], RecordResult::Differs { why } if why.contains("sent along")));
    assert!(matches!(results[4], RecordResult::Differs { why } if why.contains("another one")));
    let text = serde_json::to_string(&judgement).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Judgement>(&text).expect("plain data"),
        judgement
    );
}

#[test]
fn key_identifiers_do_not_matter() {
    let (right, wrong): (&[u8], &[u8]) = (&[1, 2, 3, 4], &[9, 9, 9, 9]);
    for authority_key in [None, Some(right), Some(wrong), Some(&[][..])] {
        for subject_key in [None, Some(right)] {
            let chain = identified(authority_key, subject_key);
            let [leaf, issuer] = &chain;
            let at: Timestamp = NOW.parse().expect("a time");
            for (usage, selector, matching) in [
                (3, 1, 1),
                (2, 0, 1),
                (2, 1, 1),
                (2, 0, 2),
                (2, 0, 0),
                (2, 1, 0),
            ] {
                let of = if usage == 3 { leaf } else { issuer };
                let bytes = match selector {
                    1 => spki_of(of).expect("a key"),
                    _ => of.as_ref(),
                };
                let record = Tlsa {
                    usage,
                    selector,
                    matching,
                    data: hex(&digest_of(matching, bytes)),
                };
                // Those held in full by the DNS need not be sent.
                let sent: &[_] = if matching == 0 { &chain[..1] } else { &chain };
                let outcome = judge(&[record], sent, &[HOST], at).outcome;
                assert!(
                    matches!(outcome, Outcome::Authenticated { .. }),
                    "{authority_key:?} {subject_key:?} {usage} {selector} {matching}: {outcome:?}"
                );
            }
        }
    }
}
