use std::time::Duration;

use super::ready::{object, page};
use crate::engine::readiness::{Readiness, Start};
use crate::finding::Finding;

fn ready(start: Start, least: u64, findings: Vec<Finding>) -> Readiness {
    Readiness {
        start,
        findings,
        least: Duration::from_secs(least),
        dns_host: Some("PowerDNS"),
        dns_host_signs: Some(true),
    }
}

fn rows() -> Vec<(String, Readiness)> {
    let blocked = Finding::blocker("server.differs", "two sets", "it matters", "mend it");
    vec![
        (
            "a.example".to_owned(),
            ready(Start::Ready, 7200, Vec::new()),
        ),
        (
            "bb\u{1b}[2J.example".to_owned(),
            ready(Start::Blocked, 60, vec![blocked]),
        ),
        ("c.example".to_owned(), ready(Start::Done, 0, Vec::new())),
    ]
}

#[test]
fn a_line_for_each_and_under_it_what_stands_in_the_way() {
    let text = page(&rows()).plain();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("DOMAIN"), "{text}");
    assert!(
        lines[1].starts_with("a.example") && lines[1].contains("ready"),
        "{text}"
    );
    assert!(lines[1].contains("2 h"), "{text}");
    // The least time of what is blocked is nobody's business yet.
    assert!(
        lines[2].contains("blocked") && !lines[2].contains("60 s"),
        "{text}"
    );
    assert_eq!(lines[3], "    two sets  [server.differs]");
    assert_eq!(lines[4], "      mend: mend it");
    let start = |line: &str| line.find("PowerDNS");
    assert_eq!(start(lines[1]), start(lines[2]), "columns: {text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let last = text.trim_end().lines().last().unwrap();
    assert_eq!(
        last,
        "1 ready, 0 under way, 1 done, 1 blocked, 0 could not tell"
    );
}

#[test]
fn one_domain_needs_no_sum() {
    let text = page(&rows()[..1]).plain();
    assert_eq!(text.trim_end().lines().count(), 2, "{text}");
}

#[test]
fn the_object_has_the_time_in_seconds() {
    let rows = rows();
    let object = object(&rows[0].0, &rows[0].1);
    assert_eq!(object["type"], "readiness");
    assert_eq!(object["domain"], "a.example");
    assert_eq!(object["start"], "ready");
    assert_eq!(object["least_seconds"], 7200);
    assert!(object.get("least").is_none());
}
