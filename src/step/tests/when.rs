//! Change windows and freezes: what waits for them, and what does not.

use super::*;
use crate::calendar::{Calendar, Day, Freeze, Window};
use crate::engine::decide;
use crate::playbook::{Gate, PlannedStep};

fn planned(goal: Goal, gate: bool) -> PlannedStep {
    PlannedStep {
        id: STEP.into(),
        goal,
        needs: vec![],
        gate: gate.then(|| Gate {
            name: "swap".into(),
            about: "the swap".into(),
        }),
    }
}

fn decided(case: &Case, goal: Goal) -> Next {
    decide(&planned(goal, false), &case.context())
}

/// The world's `at(10)` is on a Friday morning, UTC: this opens on Saturday.
fn saturdays() -> Calendar {
    let time = |text: &str| text.parse().unwrap();
    let window = Window::new(
        vec![Day::Sat],
        time("10:00"),
        time("12:00"),
        "UTC".parse().unwrap(),
    );
    Calendar {
        windows: vec![window],
        ..Calendar::default()
    }
}

fn freeze(from: i64, to: i64) -> Freeze {
    Freeze {
        from: at(from),
        to: at(to),
        reason: "year end".into(),
        zone: None,
    }
}

fn added() -> Case {
    Case::moved_to(&[(0, LEGACY), (20, NEW)])
}

#[test]
fn an_effect_waits_for_the_window_and_is_made_in_it() {
    let mut case = added();
    acts(&decided(&case, SWAP));
    case.setup.change = saturdays();
    let next = decided(&case, SWAP);
    waits_naming(&next, WaitFor::Window, &["the change window opens Sat"]);
    let Next::Wait(wait) = next else { panic!() };
    let opens = wait.until.unwrap();
    case.now = opens - Duration::from_secs(1);
    assert!(matches!(decided(&case, SWAP), Next::Wait(_)));
    case.now = opens;
    acts(&decided(&case, SWAP));
}

#[test]
fn looking_needs_no_window() {
    let mut case = added();
    case.setup.change = saturdays();
    let verify = Goal::VerifyMx {
        expect: Expect::Added,
        soak: Duration::ZERO,
    };
    is_done(&decided(&case, verify));
    // What was written is seen outside a window.
    case.wrote(&[(0, NEW), (30, LEGACY)], 60);
    waits_naming(&decided(&case, SWAP), WaitFor::Visible, &["still serves"]);
    case.see(&[(0, NEW), (30, LEGACY)], 60);
    is_done(&decided(&case, SWAP));
}

#[test]
fn a_gate_is_asked_outside_a_window_so_that_people_can_agree_beforehand() {
    let mut case = added();
    case.setup.change = saturdays();
    let next = decide(&planned(SWAP, true), &case.context());
    assert!(
        matches!(next, Next::Ask(Question::Approve { .. })),
        "{next:?}"
    );
    let by = Approval {
        by: "ada".into(),
        at: at(1),
    };
    case.memory.approvals.insert("swap".into(), by);
    let next = decide(&planned(SWAP, true), &case.context());
    waits_naming(&next, WaitFor::Window, &["opens"]);
}

#[test]
fn the_way_back_waits_only_where_that_is_asked() {
    let mut case = added();
    case.setup.change = saturdays();
    let restore = Goal::RestoreMx { ttl: 60 };
    acts(&decided(&case, restore));
    case.setup.change.rollback = true;
    waits_naming(&decided(&case, restore), WaitFor::Window, &["opens"]);
}

#[test]
fn first_aid_waits_only_where_that_is_asked() {
    let mut case = added();
    case.memory.way_back_kept = true;
    let Some(Fact::Known { value, .. }) =
        case.facts.hosts.get_mut(&crate::kernel::Host::new(LEGACY))
    else {
        panic!()
    };
    value.exists = false;
    value.addresses.clear();
    case.facts.zone.known().unwrap();
    let now = case.now;
    case.memory.absorb(&case.facts, &case.setup, now);
    acts(&decided(&case, SWAP));
    case.setup.change = saturdays();
    acts(&decided(&case, SWAP));
    case.setup.change.rollback = true;
    waits_naming(&decided(&case, SWAP), WaitFor::Window, &["opens"]);
}

#[test]
fn a_freeze_of_the_file_counts_and_one_that_cannot_be_read_stops() {
    let mut case = added();
    case.setup.change.freeze_file = true;
    assert!(needs(SWAP, &case.context()).freezes);
    blocked_by(&decided(&case, SWAP), "change.freezes");
    case.facts.freezes = could_not_tell();
    blocked_by(&decided(&case, SWAP), "change.freezes");
    // The way back does not ask it.
    acts(&decided(&case, Goal::RestoreMx { ttl: 60 }));
    case.facts.freezes = known(vec![freeze(5, 100)]);
    let next = decided(&case, SWAP);
    waits_naming(
        &next,
        WaitFor::Window,
        &["a change freeze lasts until", "year end"],
    );
    let Next::Wait(wait) = next else { panic!() };
    assert_eq!(wait.until, Some(at(100)));
    case.facts.freezes = known(vec![freeze(11, 100)]);
    acts(&decided(&case, SWAP));
    case.facts.freezes = known(vec![]);
    acts(&decided(&case, SWAP));
}

#[test]
fn before_the_start_an_unreadable_freeze_file_is_reported_among_the_others() {
    let mut case = Case::new(&Start::default());
    case.setup.change.freeze_file = true;
    case.facts.freezes = could_not_tell();
    blocked_by(&case.next(Goal::PREFLIGHT), "change.freezes");
    case.facts.freezes = known(vec![freeze(5, 100)]);
    is_done(&case.next(Goal::PREFLIGHT));
}

#[test]
fn what_a_person_would_do_by_hand_waits_unless_it_was_asked_for() {
    let mut case = added();
    case.setup.change = saturdays();
    let instructions = Instructions {
        summary: "write it".into(),
        ..Instructions::default()
    };
    case.memory.asked.insert(STEP.into(), instructions);
    case.memory.attempted = Some(rrset(&[(0, NEW), (30, LEGACY)], 60));
    let next = decided(&case, SWAP);
    assert!(
        matches!(next, Next::Ask(Question::ByHand { .. })),
        "{next:?}"
    );
}
