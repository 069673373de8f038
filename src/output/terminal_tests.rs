use super::*;
use crate::kernel::{Host, Timing};
use crate::output::Manner;
use crate::playbook::Gate;
use crate::redact::Redactor;
use crate::world::DelegationBy;

struct Scripted(Vec<&'static str>);

impl Asker for Scripted {
    fn ask(&mut self, _: &Line) -> Option<String> {
        self.0.pop().map(str::to_owned)
    }
}

fn watching(answers: Vec<&'static str>) -> Terminal {
    let second = Duration::from_secs(1);
    let step = PlannedStep {
        id: "swap-mx".to_owned(),
        goal: Goal::SwapMx {
            preference: 0,
            legacy_preference: 30,
        },
        needs: Vec::new(),
        gate: Some(Gate {
            name: "swap".to_owned(),
            about: "Prefer the new host.".to_owned(),
        }),
    };
    let setup = Setup {
        domain: Host::new("contoso.com"),
        probe_required: true,
        manual_exchange: false,
        delegation: DelegationBy::Auto,
        timing: Timing::default(),
        zone_largest_ttl: 86_400,
        strict_mta_sts: false,
        settle: second,
        settle_cmdlet: second,
        overdue: second,
        tls_reports: None,
        mta_sts: Default::default(),
        change: crate::calendar::Calendar::default(),
    };
    let estimates = Estimates {
        visible: second * 60,
        cmdlet: second,
        tlsa: second,
        delegation: second,
        negative_ttl: second,
    };
    let quiet = Manner {
        json: true,
        ..Manner::default()
    };
    Terminal::new(
        Console::new(quiet, Redactor::new()),
        "ann",
        &[step],
        &setup,
        estimates,
        &Memory::default(),
        Some(Box::new(Scripted(answers))),
    )
}

#[test]
fn a_gate_is_passed_only_by_a_clear_yes() {
    for (answer, passed) in [
        ("y", true),
        (" Yes ", true),
        ("", false),
        ("n", false),
        ("yess", false),
    ] {
        let approval = watching(vec![answer]).ask("swap", "about", "effect");
        assert_eq!(approval.is_some(), passed, "{answer:?}");
        if let Some(approval) = approval {
            assert_eq!(approval.by, "ann at the terminal");
        }
    }
}

#[test]
fn whoever_said_no_is_not_asked_again() {
    let mut terminal = watching(vec!["y", "n"]);
    assert!(terminal.ask("swap", "about", "effect").is_none());
    assert!(terminal.ask("swap", "about", "effect").is_none());
}

#[test]
fn the_cost_of_a_way_back_is_visibility_and_the_ttl() {
    let mut terminal = watching(Vec::new());
    terminal.ttl = 3600;
    // 60 s until visible, 3600 s in caches, 5 s margin.
    assert_eq!(terminal.cost("swap"), Some(Duration::from_secs(3665)));
    assert_eq!(terminal.cost("another"), None);
}
