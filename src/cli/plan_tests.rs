use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::engine::plan::{PlanEffect, PlanStep};
use crate::world::Action;

fn sample(observed: &[(&str, &str)], action: Option<Action>) -> Plan {
    let observed: BTreeMap<_, _> = observed
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Plan {
        schema: PLAN_SCHEMA,
        domain: "contoso.com".to_owned(),
        playbook: "exchange-dane".to_owned(),
        at: "2026-11-21T21:00:00Z".parse().unwrap(),
        digest: planning::digest(&observed),
        observed,
        findings: Vec::new(),
        steps: vec![PlanStep {
            id: "one".to_owned(),
            effects: action
                .into_iter()
                .map(|action| PlanEffect {
                    at: Duration::ZERO,
                    action,
                })
                .collect(),
            ..PlanStep::default()
        }],
        critical_path: Vec::new(),
        total: Some(Duration::ZERO),
        least: Duration::ZERO,
    }
}

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap()
}

#[test]
fn a_saved_plan_is_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let plan = sample(&[("MX at ns1", "10 a")], Some(Action::SignZone));
    save(&plan, &path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let read = std::fs::read_to_string(&path).unwrap();
    assert_eq!(check(&read, "contoso.com", "exchange-dane"), Ok(plan));
}

#[test]
fn plans_of_others_are_refused() {
    let plan = sample(&[("MX at ns1", "10 a")], None);
    assert!(check(&text(&plan), "fabrikam.com", "exchange-dane").is_err());
    assert!(check(&text(&plan), "contoso.com", "another").is_err());
    assert!(check("domain: x", "contoso.com", "exchange-dane").is_err());
    assert!(check("{}", "contoso.com", "exchange-dane").is_err());
    let newer = Plan {
        schema: PLAN_SCHEMA + 1,
        ..plan.clone()
    };
    let why = check(&text(&newer), "contoso.com", "exchange-dane").unwrap_err();
    assert!(why.contains("schema"), "{why}");
    let mut edited = plan;
    edited
        .observed
        .insert("MX at ns1".to_owned(), "10 b".to_owned());
    let why = check(&text(&edited), "contoso.com", "exchange-dane").unwrap_err();
    assert!(why.contains("edited"), "{why}");
}

#[test]
fn a_world_that_moved_and_files_that_changed_are_differences() {
    let saved = sample(&[("MX at ns1", "10 a")], Some(Action::SignZone));
    assert_eq!(differences(&saved, &saved), Vec::<String>::new());
    let moved = sample(&[("MX at ns1", "10 b")], Some(Action::SignZone));
    assert_eq!(
        differences(&saved, &moved),
        ["MX at ns1: was 10 a, is 10 b"]
    );
    let other = sample(&[("MX at ns1", "10 a")], Some(Action::EnableDane));
    assert_eq!(
        differences(&saved, &other),
        [
            "step one: sign the zone: planned then, not now",
            "step one: run Enable-SmtpDaneInbound: planned now, not then"
        ]
    );
}

#[test]
fn plan_exits_by_what_it_found() {
    use crate::step::Finding;
    let mut plan = sample(&[], Some(Action::SignZone));
    assert_eq!(Exit::of_plan(&plan, false), Exit::Done);
    assert_eq!(Exit::of_plan(&plan, true), Exit::Changes);
    assert_eq!(Exit::of_plan(&sample(&[], None), true), Exit::Done);
    plan.findings = vec![Finding::could_not_tell("a", "b", "c", "d")];
    assert_eq!(Exit::of_plan(&plan, true), Exit::CouldNotTell);
    plan.findings.push(Finding::blocker("a", "b", "c", "d"));
    assert_eq!(Exit::of_plan(&plan, true), Exit::Failed);
}
