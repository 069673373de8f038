//! MTA-STS records, policies and patterns, from a table; what a policy covers.
//!
//! A row of `mta_sts.json` says what is read, the section it rests on and, where strict and lenient readers differ, which
//! reading counts and why.

use proptest::prelude::*;
use serde::Deserialize;

use crate::dane::mta_sts::{
    Coverage, Future, Remark, StsError, coverage, read_policy, read_record,
};
use crate::dane::{Mode, Policy, StsRecord, matches};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    records: Vec<RecordRow>,
    policies: Vec<PolicyRow>,
    matches: Vec<MatchRow>,
}

#[derive(Deserialize)]
struct RecordRow {
    texts: Vec<String>,
    id: Option<String>,
    error: Option<String>,
    #[serde(default)]
    remarks: Vec<String>,
}

#[derive(Deserialize)]
struct PolicyRow {
    body: String,
    mode: Option<Mode>,
    max_age: Option<u32>,
    #[serde(default)]
    mx: Vec<String>,
    error: Option<String>,
    #[serde(default)]
    remarks: Vec<String>,
}

#[derive(Deserialize)]
struct MatchRow {
    pattern: String,
    host: String,
    covers: bool,
}

fn table() -> Table {
    serde_json::from_str(include_str!("mta_sts.json")).expect("a table")
}

/// Every text of the table, as seeds.
pub(super) fn every_text() -> Vec<String> {
    let table = table();
    let texts = table.records.into_iter().flat_map(|row| row.texts);
    texts
        .chain(table.policies.into_iter().map(|row| row.body))
        .collect()
}

/// The variant's name.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphabetic).collect()
}

fn words(remarks: &[Remark]) -> Vec<String> {
    for remark in remarks {
        assert!(remark.to_string().len() > 20, "{remark}");
    }
    remarks.iter().map(word).collect()
}

/// Every host now, and the future one if known, is covered.
fn is_complete(cover: &Coverage) -> bool {
    cover.uncovered().next().is_none()
        && !matches!(&cover.future, Future::Known(host) if host.by.is_none())
}

#[test]
fn every_record_of_the_table() {
    let rows = table().records;
    assert!(rows.len() >= 48);
    for row in rows {
        let texts: Vec<&str> = row.texts.iter().map(String::as_str).collect();
        match read_record(&texts) {
            Err(error) => assert_eq!(Some(word(&error)), row.error, "{texts:?}: {error}"),
            Ok(read) => {
                assert_eq!(row.error, None, "{texts:?}");
                assert_eq!(read.as_ref().map(|r| &r.id), row.id.as_ref(), "{texts:?}");
                let remarks = read.map(|r| words(&r.remarks())).unwrap_or_default();
                assert_eq!(remarks, row.remarks, "{texts:?}");
            }
        }
    }
}

#[test]
fn every_policy_of_the_table() {
    let rows = table().policies;
    assert!(rows.len() >= 70);
    for row in rows {
        match read_policy(&row.body) {
            Err(error) => assert_eq!(Some(word(&error)), row.error, "{:?}: {error}", row.body),
            Ok(read) => {
                assert_eq!(row.error, None, "{:?}", row.body);
                assert_eq!(Some(read.mode), row.mode, "{:?}", row.body);
                assert_eq!(Some(read.max_age), row.max_age, "{:?}", row.body);
                assert_eq!(read.patterns, row.mx, "{:?}", row.body);
                assert_eq!(words(&read.remarks()), row.remarks, "{:?}", row.body);
            }
        }
    }
}

#[test]
fn every_pattern_of_the_table() {
    for row in table().matches {
        assert_eq!(
            matches(&row.pattern, &row.host),
            row.covers,
            "{} {}",
            row.pattern,
            row.host
        );
    }
}

#[test]
fn every_error_says_what_to_do() {
    for error in [
        StsError::Several(2),
        StsError::Id("a-b".into()),
        StsError::PolicyLine("x".into()),
        StsError::Version(String::new()),
        StsError::Mode("Enforce".into()),
        StsError::MaxAge("x".into()),
        StsError::Pattern("*".into()),
        StsError::NoPattern,
    ] {
        assert!(error.to_string().contains(' '), "{error}");
    }
}

fn policy(mode: &str, patterns: &[&str]) -> Policy {
    let lines: String = patterns.iter().map(|p| format!("mx: {p}\n")).collect();
    read_policy(&format!(
        "version: STSv1\nmode: {mode}\n{lines}max_age: 86400\n"
    ))
    .expect("good")
}

const LEGACY: &str = "contoso-com.mail.protection.outlook.com";
const NEW: &str = "contoso-com.o-v1.mx.microsoft";

fn seen(patterns: &[&str], hosts: &[&str], new: Option<&str>) -> Coverage {
    coverage(&policy("enforce", patterns), hosts, new)
}

#[test]
fn the_wildcard_that_covers_nothing() {
    let before = seen(&[LEGACY, "*.mx.microsoft"], &[LEGACY], None);
    assert!(is_complete(&before), "today nothing is missing");
    assert_eq!(before.traps, ["*.mx.microsoft"]);
    assert_eq!(before.publish, [LEGACY]);
    assert_eq!(before.future, Future::NotYetNamed { perhaps: vec![] });

    let named = seen(&[LEGACY, "*.mx.microsoft"], &[LEGACY], Some(NEW));
    assert!(!is_complete(&named));
    assert!(matches!(&named.future, Future::Known(host) if host.by.is_none() && host.host == NEW));
    assert_eq!(named.publish, [LEGACY, NEW]);
    assert_eq!(
        named.body,
        format!(
            "version: STSv1\r\nmode: enforce\r\nmx: {LEGACY}\r\nmx: {NEW}\r\nmax_age: 86400\r\n"
        )
    );

    let moved = seen(&["*.mx.microsoft"], &[NEW], None);
    assert_eq!(moved.uncovered().collect::<Vec<_>>(), [NEW]);
    assert!(matches!(&moved.future, Future::Known(_)), "the MX names it");
    assert_eq!(
        (moved.traps.len(), moved.publish.as_slice()),
        (1, &[NEW.to_owned()][..])
    );

    for trap in [
        "mx.microsoft",
        "*.microsoft",
        "o-v1.mx.microsoft",
        "*.mx.microsoft",
    ] {
        assert_eq!(seen(&[LEGACY, trap], &[LEGACY], None).traps, [trap]);
    }
    // What somebody's mail does go to is no trap, odd as its name may be.
    assert!(
        seen(&["*.mx.microsoft"], &["x.mx.microsoft"], None)
            .traps
            .is_empty()
    );
}

#[test]
fn what_covers_the_host_to_come() {
    let all = [
        "*.o-v1.mx.microsoft",
        "*.j-v1.mx.microsoft",
        NEW,
        "*.1j2b.mx.microsoft",
    ];
    let unknown = seen(&[&[LEGACY], &all[..]].concat(), &[LEGACY], None);
    assert_eq!(
        unknown.future,
        Future::NotYetNamed {
            perhaps: all.iter().map(|p| (*p).to_owned()).collect()
        }
    );
    assert!(unknown.traps.is_empty());

    let known = seen(
        &[LEGACY, "*.o-v1.mx.microsoft"],
        &[LEGACY],
        Some("Contoso-com.o-v1.mx.microsoft."),
    );
    assert!(is_complete(&known));
    assert_eq!(known.publish, [LEGACY, "*.o-v1.mx.microsoft"]);
    let other = seen(&[LEGACY, "*.j-v1.mx.microsoft"], &[LEGACY], Some(NEW));
    assert!(!is_complete(&other));
    assert_eq!(other.publish, [LEGACY, "*.j-v1.mx.microsoft", NEW]);
}

#[test]
fn other_lines_of_a_policy_stay() {
    let body = "version: STSv1\nowner: mail team\nmode: testing\nmx: a.example\n\nmax_age: 60\nmx: *.mx.microsoft";
    let read = read_policy(body).expect("good");
    let cover = coverage(&read, &["a.example", "b.example"], None);
    assert_eq!(
        cover.body,
        "version: STSv1\r\nowner: mail team\r\nmode: testing\r\nmx: a.example\r\nmx: b.example\r\nmax_age: 60\r\n"
    );
    let none = read_policy("version: STSv1\nmode: none\nmax_age: 60").expect("good");
    assert_eq!(
        coverage(&none, &[NEW], None).body,
        format!("version: STSv1\r\nmode: none\r\nmax_age: 60\r\nmx: {NEW}\r\n")
    );
}

fn host() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\\.[a-z][a-z0-9]{0,8}){1,3}"
}

fn pattern() -> impl Strategy<Value = String> {
    (any::<bool>(), host(), 0..6_usize).prop_map(|(wild, host, which)| match which {
        0 => "*.mx.microsoft".to_owned(),
        1 => "*.o-v1.mx.microsoft".to_owned(),
        _ if wild => format!("*.{host}"),
        _ => host,
    })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Enforce), Just(Mode::Testing), Just(Mode::None)]
}

proptest! {
    #[test]
    fn a_record_written_is_read(id in "[A-Za-z0-9]{1,32}", blanks in "[ \t]{0,3}") {
        let record = StsRecord { id: id.clone(), text: String::new() };
        let read = read_record(&[&record.to_string()]).expect("good").expect("there");
        prop_assert_eq!(&read.id, &id);
        prop_assert!(read.remarks().is_empty());
        let spaced = format!("v=STSv1;{blanks}id={id}{blanks};{blanks}");
        prop_assert_eq!(read_record(&[&spaced]).expect("good").expect("there").id, id);
    }

    #[test]
    fn a_policy_written_is_read(
        mode in mode(),
        max_age in 0..=31_557_600_u32,
        patterns in prop::collection::vec(pattern(), 1..5),
        lf in any::<bool>(),
        blanks in "[ \t]{0,3}",
    ) {
        let policy = Policy { mode, max_age, patterns, body: String::new() };
        let mut body = policy.to_string();
        if lf {
            body = body.replace("\r\n", &format!("{blanks}\n"));
        }
        let read = read_policy(&body).expect("good");
        prop_assert_eq!(read.remarks(), vec![]);
        prop_assert_eq!(read.to_string(), policy.to_string());
        // Host names have no case, everything else has.
        let upper: String = body
            .lines()
            .map(|l| match l.strip_prefix("mx:") {
                Some(host) => format!("mx:{}\n", host.to_uppercase()),
                None => format!("{l}\n"),
            })
            .collect();
        prop_assert_eq!(read_policy(&upper).expect("good").patterns, read.patterns);
    }

    #[test]
    fn what_is_to_be_published_covers_all_and_is_enough(
        mode in mode(),
        patterns in prop::collection::vec(pattern(), 1..5),
        hosts in prop::collection::vec(host(), 0..4),
        new in prop::option::of("[a-z]{3,9}-com\\.[a-z]-v1\\.mx\\.microsoft"),
    ) {
        let policy = read_policy(&Policy { mode, max_age: 60, patterns, body: String::new() }.to_string()).expect("good");
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let cover = coverage(&policy, &hosts, new.as_deref());
        let next = read_policy(&cover.body).expect("what is proposed is a policy");
        prop_assert_eq!(&next.patterns, &cover.publish);
        prop_assert_eq!((next.mode, next.max_age), (policy.mode, policy.max_age));
        for host in hosts.iter().chain(new.as_deref().iter()) {
            prop_assert!(next.allows(host), "{}", host);
        }
        // Nothing that was covered is lost, and doing it twice changes nothing.
        let again = coverage(&next, &hosts, new.as_deref());
        prop_assert!(is_complete(&again));
        prop_assert_eq!(again.publish, cover.publish);
    }
}
