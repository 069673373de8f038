use serde_json::json;

use super::*;
use crate::engine::store::Fence;

fn told(kind: Kind, body: Value) -> String {
    super::body(&entry(kind, body))
}

fn entry(kind: Kind, body: Value) -> Recorded {
    Recorded {
        seq: 7,
        at: "2026-11-21T21:00:00.9Z".parse().unwrap(),
        kind,
        fence: Fence(1),
        intent: None,
        body,
        memory_digest: None,
        prev_hash: String::new(),
        hash: String::new(),
    }
}

#[test]
fn every_kind_is_told_in_words() {
    let action = json!({"action": "enable-dane"});
    let all = [
        (
            Kind::Intent,
            json!({"step": "s", "action": action}),
            "s: to run Enable-SmtpDaneInbound",
        ),
        (
            Kind::Outcome,
            json!({"step": "s", "outcome": {"outcome": "refused", "why": "403"}}),
            "s: refused: 403",
        ),
        (
            Kind::Decision,
            json!({"step": "s", "next": "wait", "wait": {"kind": "soak", "until": "2026-11-21T21:00:00.5Z",
                   "why": ["a", "b"], "sooner": ""}}),
            "s: waits until 2026-11-21 21:00:01 UTC: a; b",
        ),
        (
            Kind::Decision,
            json!({"step": "s", "next": "done", "how": "seen"}),
            "s: done: seen",
        ),
        (
            Kind::Decision,
            json!({"asked": "pause", "by": "ann", "why": "lunch"}),
            "ann asked to pause: lunch",
        ),
        (
            Kind::Gate,
            json!({"gate": "ds", "verdict": "approved", "by": "ann", "note": null}),
            "ds approved by ann",
        ),
        (
            Kind::Note,
            json!({"by": "ann", "text": "hello"}),
            "hello (ann)",
        ),
        (
            Kind::Observation,
            json!({"left": "done", "observed": {}}),
            "the run was left: done",
        ),
    ];
    for (kind, body, words) in all {
        assert_eq!(told(kind, body), words);
    }
}

#[test]
fn what_is_not_known_is_shown_as_it_is() {
    assert_eq!(told(Kind::Decision, json!({"later": 1})), "{\"later\":1}");
    assert_eq!(
        told(Kind::Note, json!({"memory": "written"})),
        "{\"memory\":\"written\"}"
    );
}

#[test]
fn an_answer_as_it_came_is_shown_only_when_asked_for() {
    let body = json!({"unread": {
        "call": crate::microsoft::Call::new("Get-X", Some("contoso.com")),
        "why": "Get-X could not tell", "bytes": 12, "body": "{\"odd\":\"\u{1b}[2J\"}",
    }});
    let entry = entry(Kind::Observation, body);
    let told = super::body(&entry);
    assert!(
        told.contains("12 bytes") && told.contains("could not tell"),
        "{told}"
    );
    assert!(!told.contains("odd"), "{told}");
    let mut page = crate::output::Page::new();
    super::raw(&entry, &mut page);
    let shown = page.plain();
    assert!(
        shown.contains("{\"odd\":") && !shown.contains('\u{1b}'),
        "{shown}"
    );
}

#[test]
fn a_line_has_its_place_and_time() {
    let line = super::line(&entry(Kind::Note, json!({"text": "a\u{1b}b"})));
    assert_eq!(
        crate::output::Page::from(line).plain(),
        "     7 2026-11-21 21:00:00 UTC  note: a\\u{1b}b\n"
    );
}
