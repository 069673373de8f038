//! Roll-overs: kinds of records by themselves, and what a chain would need. Records as in the tables of `tlsa`.

use jiff::Timestamp;

use super::certificates::{Box, HOST};
use super::tlsa::{NOW, record};
use crate::dane::{parameter_sets, would_need};
use crate::dns::Tlsa;

#[test]
fn each_kind_of_record_by_itself() {
    let certificates = Box::new();
    let say = |records: &str, chain: &str| -> String {
        let records: Vec<Tlsa> = records
            .split(';')
            .map(|r| record(&certificates, r))
            .collect();
        let at: Timestamp = NOW.parse().expect("a time");
        let sets = parameter_sets(&records, &certificates.chain(chain), &[HOST], at);
        let mut out: Vec<String> = Vec::new();
        for set in sets {
            let (usage, selector, matching) = (set.usage, set.selector, set.matching);
            assert_eq!(set.fits, !set.matching_records.is_empty());
            out.push(format!(
                "{usage}{selector}{matching} {}/{}",
                set.matching_records.len(),
                set.matching_records.len() + set.others.len()
            ));
        }
        out.join(", ")
    };
    // A roll-over as it should be: the next key's record beside the current one's.
    assert_eq!(say("3 1 1 leaf; 3 1 1 stranger", "leaf inter"), "311 1/2");
    // The stronger digest was forgotten: who knows only SHA-256 delivers, others do not.
    assert_eq!(
        say("3 1 1 leaf; 3 1 2 stranger", "leaf inter"),
        "311 1/1, 312 0/1"
    );
    assert_eq!(
        say("3 1 1 stranger; 3 1 2 leaf", "leaf inter"),
        "311 0/1, 312 1/1",
        "a superseded set is judged too"
    );
    assert_eq!(
        say("2 1 1 root; 3 1 1 leaf; 3 0 1 stranger", "leaf inter"),
        "211 0/1, 301 0/1, 311 1/1",
        "the root is not sent"
    );
    assert_eq!(say("1 1 1 leaf; 3 1 1 leaf", "leaf"), "311 1/1");
    assert_eq!(say("3 1 1 leaf; 3 1 1 =00", "leaf"), "311 1/1");
    assert_eq!(say("0 0 1 root; 3 1 1 =00", "leaf"), "");
}

#[test]
fn what_a_chain_would_need() {
    let certificates = Box::new();
    let need = |chain: &str, names: &[&str], at: &str| -> Vec<Tlsa> {
        let at: Timestamp = at.parse().expect("a time");
        would_need(&certificates.chain(chain), names, at)
    };
    let records =
        |texts: &[&str]| -> Vec<Tlsa> { texts.iter().map(|t| record(&certificates, t)).collect() };
    assert_eq!(
        need("leaf inter root", &[HOST], NOW),
        records(&[
            "3 1 1 leaf",
            "2 1 1 inter",
            "2 0 1 inter",
            "2 1 1 root",
            "2 0 1 root"
        ])
    );
    // An issuer that is not this one's, a name it is not for, a date past: only the key is left.
    assert_eq!(
        need("leaf stranger", &[HOST], NOW),
        records(&["3 1 1 leaf"])
    );
    assert_eq!(
        need("leaf inter", &["other.test"], NOW),
        records(&["3 1 1 leaf"])
    );
    assert_eq!(
        need("leaf inter", &[HOST], "2041-01-01T00:00:00Z"),
        records(&["3 1 1 leaf"])
    );
    assert_eq!(need("self self", &[HOST], NOW), records(&["3 1 1 self"]));
    assert_eq!(need("broken", &[HOST], NOW), []);
    assert_eq!(need("", &[HOST], NOW), []);
}
