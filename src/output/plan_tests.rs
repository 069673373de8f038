use std::collections::BTreeMap;

use super::*;
use crate::engine::plan::{PLAN_SCHEMA, PlanEffect, PlanWait};
use crate::kernel::MxSet;
use crate::step::{Finding, Wait, WaitFor};

fn rrset(ttl: u32, records: &[(u16, &str)]) -> MxRrset {
    MxRrset {
        set: MxSet::new(records.iter().copied()),
        ttl,
    }
}

fn swap() -> PlanStep {
    let minute = Duration::from_secs(60);
    PlanStep {
        id: "swap-mx".to_owned(),
        kind: "swap-mx".to_owned(),
        how: Some("all addresses serve it".to_owned()),
        gate: Some("swap".to_owned()),
        effects: vec![PlanEffect {
            at: minute,
            action: Action::WriteMx {
                before: rrset(60, &[(0, "old.example"), (20, "new.mx.microsoft")]),
                after: rrset(60, &[(0, "new.mx.microsoft"), (30, "old.example")]),
            },
        }],
        waits: vec![PlanWait {
            from: minute,
            takes: minute * 5,
            wait: Wait {
                kind: WaitFor::Expiry,
                until: None,
                why: vec!["ns1 served it with TTL 300 s".to_owned()],
                sooner: "nothing".to_owned(),
            },
        }],
        starts: minute,
        ends: Some(minute * 6),
        way_back: Some(Duration::from_secs(365)),
        ..PlanStep::default()
    }
}

fn sample(steps: Vec<PlanStep>) -> Plan {
    Plan {
        schema: PLAN_SCHEMA,
        domain: "contoso.com".to_owned(),
        playbook: "exchange-dane".to_owned(),
        at: "2026-11-21T21:00:00Z".parse().unwrap(),
        observed: BTreeMap::new(),
        digest: String::new(),
        findings: Vec::new(),
        steps,
        critical_path: vec!["add-mx".to_owned(), "swap-mx".to_owned()],
        total: Some(Duration::from_secs(360)),
        least: Duration::from_secs(300),
    }
}

#[test]
fn a_change_is_shown_as_zone_file_lines() {
    let (gone, come) = diff(
        "contoso.com",
        &rrset(3600, &[(10, "old.example")]),
        &rrset(3600, &[(10, "old.example"), (20, "new.mx.microsoft")]),
    );
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(come, ["contoso.com. 3600 IN MX 20 new.mx.microsoft."]);
    let (gone, come) = diff(
        "contoso.com",
        &rrset(3600, &[(10, "old.example")]),
        &rrset(60, &[(10, "old.example")]),
    );
    assert_eq!(gone, ["contoso.com. 3600 IN MX 10 old.example."]);
    assert_eq!(come, ["contoso.com. 60 IN MX 10 old.example."]);
}

#[test]
fn a_null_mx_has_one_dot() {
    assert_eq!(
        zone_lines("c.com", &rrset(60, &[(0, "")])),
        ["c.com. 60 IN MX 0 ."]
    );
}

#[test]
fn a_step_shows_gate_diff_wait_and_way_back() {
    let text = page(&sample(vec![swap()]), &[]).plain();
    for part in [
        "swap-mx from +1 min to +6 min",
        "gate swap: ",
        "- contoso.com. 60 IN MX 0 old.example.",
        "+ contoso.com. 60 IN MX 0 new.mx.microsoft.",
        "waits 5 min, until +6 min (2026-11-21 21:06:00 UTC)",
        "because: ns1 served it with TTL 300 s",
        "sooner by: nothing",
        "going back from there reaches every sender within 6 min 05 s",
        "Critical path: add-mx > swap-mx",
        "Total: 6 min, so until 2026-11-21 21:06:00 UTC",
        "T_min: 5 min",
        "total / T_min = 1.20",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn blockers_come_first_and_nothing_is_promised() {
    let mut plan = sample(vec![swap()]);
    plan.total = None;
    plan.findings = vec![Finding::blocker(
        "mx.foreign",
        "a gateway is listed",
        "why",
        "mend",
    )];
    let text = page(&plan, &[]).plain();
    let (blocked, step) = (text.find("This is blocked"), text.find("swap-mx from"));
    assert!(blocked.is_some() && blocked < step, "{text}");
    assert!(text.contains("Total: cannot be said"), "{text}");
    plan.findings = vec![Finding::could_not_tell(
        "dns.zone",
        "no answer",
        "why",
        "mend",
    )];
    assert!(page(&plan, &[]).plain().contains("It could not be told"));
}

#[test]
fn a_plan_without_anything_to_do_says_so() {
    let there = PlanStep {
        id: "preflight".to_owned(),
        done_already: true,
        how: Some("seen".to_owned()),
        ends: Some(Duration::ZERO),
        ..PlanStep::default()
    };
    let mut plan = sample(vec![there]);
    plan.total = Some(Duration::ZERO);
    plan.critical_path.clear();
    let text = page(&plan, &[]).plain();
    assert!(text.contains("preflight there already: seen"), "{text}");
    assert!(text.contains("Nothing to do."), "{text}");
}
