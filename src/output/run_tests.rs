use serde_json::{Value, json};

use super::*;
use crate::engine::store::{Fence, LeaseState, Owner, RunId};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T21:00:00Z")
}

fn run(status: Status, why: Value) -> Run {
    Run {
        id: RunId::new(),
        domain: "contoso.com".to_owned(),
        domain_file: "/etc/contoso.yml".into(),
        playbook: "exchange-dane".to_owned(),
        playbook_digest: String::new(),
        status,
        wake_at: Some(at("2026-11-21T21:05:00Z")),
        why,
        brake: None,
        created: at("2026-11-21T20:00:00Z"),
        updated: at("2026-11-21T20:59:00Z"),
        lease: None,
        fence: Fence(1),
        takeovers: 0,
        signals: 0,
        last_seq: 3,
    }
}

fn waiting() -> Value {
    json!({"ended": "not-yet", "pending": {
        "add-mx": {"pending": "wait", "kind": "expiry", "until": "2026-11-21T21:05:00Z",
                   "why": ["ns1 \u{1b}[2J served it"], "sooner": "nothing"},
        "delegate": {"pending": "ask", "question": "approve", "gate": "ds", "about": "Publish.", "effect": "e"},
    }})
}

#[test]
fn the_table_has_a_row_per_pending_step_in_columns() {
    let text = table(&[run(Status::Active, waiting())], now()).plain();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].starts_with("DOMAIN       STEP      STATE"),
        "{text}"
    );
    assert!(lines[1].contains("add-mx    waits      in 5 min"), "{text}");
    assert!(lines[1].ends_with("ns1 \\u{1b}[2J served it"), "{text}");
    assert!(
        lines[2].contains("delegate  gate open  a person acts  gate ds is open"),
        "{text}"
    );
}

#[test]
fn a_driven_run_names_its_driver_and_a_dead_driver_shows() {
    let mut driven = run(Status::Active, waiting());
    let mut lease = LeaseState {
        owner: Owner::this_process(),
        until: at("2026-11-21T21:00:30Z"),
        expired: false,
    };
    driven.lease = Some(lease.clone());
    let text = table(std::slice::from_ref(&driven), now()).plain();
    assert!(
        text.contains("runs") && text.contains("driven by"),
        "{text}"
    );
    lease.expired = true;
    driven.lease = Some(lease);
    let text = in_full(&driven, now()).plain();
    assert!(text.contains("its driver died"), "{text}");
    assert!(text.contains("anybody can go on"), "{text}");
}

#[test]
fn ends_and_failures_are_told() {
    let text = table(&[run(Status::Done, json!({"ended": "done"}))], now()).plain();
    assert!(
        text.contains("done") && text.contains("every step was done 1 min ago"),
        "{text}"
    );
    let failed = run(
        Status::Active,
        json!({"ended": "failed", "message": "no such file"}),
    );
    assert!(
        table(std::slice::from_ref(&failed), now())
            .plain()
            .contains("no such file")
    );
    assert!(
        in_full(&failed, now())
            .plain()
            .contains("it could not go on: no such file")
    );
}

#[test]
fn why_tells_reasons_gates_and_when_to_come_back() {
    let text = in_full(&run(Status::Active, waiting()), now()).plain();
    for part in [
        "because: ns1",
        "sooner by: nothing",
        "rollout approve contoso.com ds",
        "Come back in 5 min (2026-11-21 21:05:00 UTC",
        "rollout apply /etc/contoso.yml",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_reason_of_another_version_is_no_reason_to_fail() {
    let odd = run(
        Status::Active,
        json!({"pending": {"x": {"pending": "new-kind"}}}),
    );
    assert!(table(&[odd], now()).plain().contains("contoso.com"));
    assert!(table(&[], now()).is_empty());
}
