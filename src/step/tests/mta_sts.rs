//! MTA-STS where the run writes policy and record itself: the order, the waits, conflicts, the way back.

use super::*;
use crate::engine::decide;
use crate::kernel::Host;
use crate::playbook::PlannedStep;
use crate::world::{PolicyFacts, PolicyMode, PolicyText, TxtRrset};

const FILE: &str = "/srv/mta-sts.txt";
const OLD: &str =
    "version: STSv1\r\nmode: enforce\r\nmx: *.mail.protection.outlook.com\r\nmax_age: 604800\r\n";
const LEGACY_PATTERN: &str = "*.mail.protection.outlook.com";

fn owner() -> Host {
    Host::new("_mta-sts.contoso.com")
}

fn record(id: &str) -> TxtRrset {
    TxtRrset::of(&format!("v=STSv1; id={id};"), 7200)
}

fn both(mode: &str) -> String {
    OLD.replace("mode: enforce", &format!("mode: {mode}"))
        .replace("max_age", &format!("mx: {NEW}\r\nmax_age"))
}

fn new_only() -> String {
    OLD.replace(LEGACY_PATTERN, NEW)
}

/// What is served, in the file and at the provider.
struct Published {
    served: String,
    id: &'static str,
    file: String,
    provider: &'static str,
}

impl Published {
    fn all(text: &str, id: &'static str) -> Self {
        Self {
            served: text.to_owned(),
            id,
            file: text.to_owned(),
            provider: id,
        }
    }
}

fn facts(text: &str, id: &str) -> PolicyFacts {
    let mode = if text.contains("mode: testing") {
        PolicyMode::Testing
    } else {
        PolicyMode::Enforce
    };
    PolicyFacts {
        mode,
        patterns: text
            .lines()
            .filter_map(|line| line.strip_prefix("mx: "))
            .map(str::to_owned)
            .collect(),
        max_age: 604_800,
        record_ttl: 7200,
        id: Some(id.into()),
        body: text.to_owned(),
        lagging: vec![],
    }
}

fn seen<T>(value: T, second: i64) -> Fact<T> {
    Fact::Known {
        value,
        at: at(second),
    }
}

impl Case {
    fn by_tool(mx: &[(u16, &'static str)]) -> Self {
        let mut case = Self::moved_to(mx);
        case.setup.mta_sts = MtaSts {
            policy: PolicyBy::File(FILE.into()),
            record_by_provider: true,
            during_move: DuringMove::Enforce,
        };
        case.memory.caches.policy = Default::default();
        case.memory.announced = None;
        case.publish(10, &Published::all(OLD, "20240101"));
        case.memory.way_back_kept = true;
        case
    }

    /// This is so, and seen.
    fn publish(&mut self, second: i64, is: &Published) {
        self.now = at(second);
        self.facts.policy = seen(facts(&is.served, is.id), second);
        self.facts.policy_file = seen(is.file.clone(), second);
        self.facts
            .texts
            .insert(owner(), seen(Some(record(is.provider)), second));
        if let Fact::Known { at: seen, .. } = &mut self.facts.zone {
            *seen = at(second);
        }
        self.absorb();
    }

    fn decides(&self, goal: Goal) -> Next {
        let step = PlannedStep {
            id: STEP.into(),
            goal,
            needs: vec![],
            gate: None,
        };
        decide(&step, &self.context())
    }
}

#[track_caller]
fn writes_policy(next: &Next, from: &str, to: &str) -> Action {
    let action = acts(next).clone();
    let Action::WritePolicy { before, after } = &action else {
        panic!("{action:?}")
    };
    assert_eq!((before.as_str(), after.text.as_str()), (from, to));
    action
}

#[track_caller]
fn writes_id(next: &Next, from: &str, to: &str) -> Action {
    let action = acts(next).clone();
    let wanted = Action::WriteTxt {
        name: owner(),
        before: Some(record(from)),
        after: Some(record(to)),
    };
    assert_eq!(action, wanted);
    action
}

/// Walks the additive change to its end; the last copy of the policy before is gone.
fn additive(case: &mut Case) {
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
    case.record(&wrote, &done());
    case.publish(
        20,
        &Published {
            served: both("enforce"),
            ..Published::all(&both("enforce"), "20240101")
        },
    );
    let wrote = writes_id(&case.decides(Goal::MtaSts), "20240101", "20240102");
    case.record(&wrote, &done());
    case.publish(30, &Published::all(&both("enforce"), "20240102"));
}

#[test]
fn the_policy_is_written_first_then_seen_then_announced_then_waited_out() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
    case.record(&wrote, &done());
    // In the file, and not served yet: neither written again nor announced.
    let lags = Published {
        file: both("enforce"),
        ..Published::all(OLD, "20240101")
    };
    case.publish(15, &lags);
    waits_naming(
        &case.decides(Goal::MtaSts),
        WaitFor::Visible,
        &[FILE, "still serves the one before"],
    );
    case.publish(20, &Published::all(&both("enforce"), "20240101"));
    let wrote = writes_id(&case.decides(Goal::MtaSts), "20240101", "20240102");
    case.record(&wrote, &done());
    let lags = Published {
        provider: "20240102",
        ..Published::all(&both("enforce"), "20240101")
    };
    case.publish(25, &lags);
    waits_naming(
        &case.decides(Goal::MtaSts),
        WaitFor::Visible,
        &["_mta-sts.contoso.com", "do not serve it"],
    );
    case.publish(30, &Published::all(&both("enforce"), "20240102"));
    let next = case.decides(Goal::MtaSts);
    assert_eq!(wait(&next).until, Some(at(30 + 7205)), "the record's TTL");
    case.now = at(30 + 7205);
    is_done(&case.decides(Goal::MtaSts));
}

/// An address that still announces the policy before keeps senders at it.
#[test]
fn t1_the_wait_begins_when_the_last_address_serves_the_new_id() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    additive(&mut case);
    let mut lagging = facts(&both("enforce"), "20240102");
    lagging.lagging = vec!["ns2 still serves the id 20240101".into()];
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
    case.record(&wrote, &done());
    case.publish(20, &Published::all(&both("enforce"), "20240101"));
    let wrote = writes_id(&case.decides(Goal::MtaSts), "20240101", "20240102");
    case.record(&wrote, &done());
    for second in [30, 50_000] {
        case.now = at(second);
        case.facts.policy = seen(lagging.clone(), second);
        case.absorb();
        waits_naming(&case.decides(Goal::MtaSts), WaitFor::Visible, &["ns2"]);
    }
    case.publish(60_000, &Published::all(&both("enforce"), "20240102"));
    let next = case.decides(Goal::MtaSts);
    assert_eq!(wait(&next).until, Some(at(60_000 + 7205)));
}

#[test]
fn what_somebody_else_changed_is_not_overwritten() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    let other = Published {
        file: OLD.replace("604800", "86400"),
        ..Published::all(OLD, "20240101")
    };
    case.publish(15, &other);
    blocked_by(&case.decides(Goal::MtaSts), "mta-sts.conflict");
    // Put back after it was written.
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
    case.record(&wrote, &done());
    blocked_by(&case.decides(Goal::MtaSts), "mta-sts.conflict");
    // Another value in the record set, or another record.
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
    case.record(&wrote, &done());
    case.publish(20, &Published::all(&both("enforce"), "20240101"));
    let mut two = record("20240101");
    two.values.push("\"ours\"".into());
    for set in [two, record("7"), TxtRrset::of("v=spf1 -all", 60)] {
        case.facts.texts.insert(owner(), seen(Some(set), 20));
        blocked_by(&case.decides(Goal::MtaSts), "mta-sts.conflict");
    }
    // An alias: the record is in another zone, so a person is asked.
    case.facts.texts.insert(owner(), seen(None, 20));
    let next = case.decides(Goal::MtaSts);
    assert!(
        matches!(next, Next::Ask(Question::ByHand { .. })),
        "{next:?}"
    );
}

#[test]
fn s7_what_could_not_be_read_is_not_written() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    for (fact, severity) in [
        (could_not_tell(), Severity::CouldNotTell),
        (
            Fact::Refused {
                why: "permission denied".into(),
                at: at(0),
            },
            Severity::Blocker,
        ),
    ] {
        case.facts.policy_file = fact;
        let found = blocked_by(&case.decides(Goal::MtaSts), "mta-sts.file");
        assert_eq!(found.severity, severity);
    }
    case.publish(20, &Published::all(&both("enforce"), "20240101"));
    case.memory.announced.as_mut().unwrap().policy =
        crate::kernel::Policy::Enforced([LEGACY_PATTERN.to_owned()].into());
    case.facts.texts.insert(owner(), could_not_tell());
    blocked_by(&case.decides(Goal::MtaSts), "mta-sts.record");
}

#[test]
fn s6_an_unknown_write_is_observed_and_not_made_again() {
    for program in [false, true] {
        let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
        if program {
            case.setup.mta_sts.policy = PolicyBy::Program("/bin/publish".into());
            case.setup.settle_cmdlet = Duration::from_secs(900);
        }
        let action = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("enforce"));
        case.record(&action, &lost_answer());
        let settled = if program { 10 + 900 } else { 10 + 30 };
        case.publish(settled - 1, &Published::all(OLD, "20240101"));
        waits_naming(
            &case.decides(Goal::MtaSts),
            WaitFor::Service,
            &["never came", "not repeated"],
        );
        case.publish(settled, &Published::all(OLD, "20240101"));
        assert_eq!(acts(&case.decides(Goal::MtaSts)), &action, "provably lost");
        // It was made after all.
        case.publish(settled + 1, &Published::all(&both("enforce"), "20240101"));
        let action = writes_id(&case.decides(Goal::MtaSts), "20240101", "20240102");
        assert!(case.memory.mta_sts.is_ours(&both("enforce")));
        case.record(&action, &lost_answer());
        waits_naming(
            &case.decides(Goal::MtaSts),
            WaitFor::Service,
            &["never came", "not repeated"],
        );
    }
}

#[test]
fn microsofts_way_only_tests_while_the_mx_moves_and_enforces_again() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    case.setup.mta_sts.during_move = DuringMove::Testing;
    let wrote = writes_policy(&case.decides(Goal::MtaSts), OLD, &both("testing"));
    case.record(&wrote, &done());
    case.publish(20, &Published::all(&both("testing"), "20240101"));
    let wrote = writes_id(&case.decides(Goal::MtaSts), "20240101", "20240102");
    case.record(&wrote, &done());
    case.publish(30, &Published::all(&both("testing"), "20240102"));
    case.now = at(30 + 7205);
    is_done(&case.decides(Goal::MtaSts));
    case.wrote(&[(0, NEW)], 60);
    case.see(&[(0, NEW)], 60);
    case.publish(100_000, &Published::all(&both("testing"), "20240102"));
    case.publish(200_000, &Published::all(&both("testing"), "20240102"));
    writes_policy(
        &case.decides(Goal::MtaStsAfter),
        &both("testing"),
        &new_only(),
    );
    // The move is over: nothing goes back to testing.
    case.publish(200_001, &Published::all(&new_only(), "20240103"));
    is_done(&case.decides(Goal::MtaSts));
    // By hand it is a gate, since the run demanded it.
    case.setup.mta_sts = MtaSts {
        during_move: DuringMove::Testing,
        ..MtaSts::default()
    };
    case.publish(200_002, &Published::all(&both("testing"), "20240102"));
    let Next::Ask(Question::ByHand { instructions }) = case.decides(Goal::MtaStsAfter) else {
        panic!()
    };
    for line in ["mode: enforce", &format!("mx: {NEW}")] {
        assert!(
            instructions.lines.iter().any(|l| l == line),
            "{instructions}"
        );
    }
    assert!(
        !instructions.to_string().contains("outlook"),
        "{instructions}"
    );
}

fn moved(case: &mut Case) {
    for set in [&[(0, NEW), (30, LEGACY)][..], &[(0, NEW)]] {
        case.wrote(set, 60);
        case.see(set, 60);
    }
}

#[test]
fn the_old_host_goes_out_of_the_policy_when_no_cache_names_it_any_more() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    additive(&mut case);
    let policy = both("enforce");
    // Listed: not at all.
    waits_naming(
        &case.decides(Goal::MtaStsAfter),
        WaitFor::Visible,
        &[LEGACY],
    );
    moved(&mut case);
    let next = case.decides(Goal::MtaStsAfter);
    waits_naming(&next, WaitFor::Expiry, &["MX", LEGACY]);
    let until = wait(&next).until.unwrap();
    assert_eq!(until, at(30 + 305), "the floor of small TTLs");
    case.now = at(30 + 304);
    assert!(matches!(case.decides(Goal::MtaStsAfter), Next::Wait(_)));
    case.publish(30 + 305, &Published::all(&policy, "20240102"));
    let wrote = writes_policy(&case.decides(Goal::MtaStsAfter), &policy, &new_only());
    case.record(&wrote, &done());
    case.publish(4000, &Published::all(&new_only(), "20240102"));
    let wrote = writes_id(&case.decides(Goal::MtaStsAfter), "20240102", "20240103");
    case.record(&wrote, &done());
    case.publish(4010, &Published::all(&new_only(), "20240103"));
    is_done(&case.decides(Goal::MtaStsAfter));
}

/// A host too many harms nobody: where a person publishes, the run ends and says what could be done.
#[test]
fn by_hand_a_stale_host_is_a_note_and_no_gate() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    case.setup.mta_sts = MtaSts::default();
    case.publish(20, &Published::all(&both("enforce"), "20240102"));
    moved(&mut case);
    case.publish(100_000, &Published::all(&both("enforce"), "20240102"));
    let Next::Done(how) = case.decides(Goal::MtaStsAfter) else {
        panic!()
    };
    for wanted in [
        "harms nobody",
        "https://mta-sts.contoso.com/.well-known/mta-sts.txt",
        &format!("mx: {NEW}"),
        "_mta-sts.contoso.com TXT \"v=STSv1; id=20240103;\"",
    ] {
        assert!(how.contains(wanted), "{wanted}: {how}");
    }
    // Without a policy there is nothing to say.
    let mut none = facts("", "1");
    none.mode = PolicyMode::None;
    case.facts.policy = seen(none, 100_001);
    case.absorb();
    let Next::Done(how) = case.decides(Goal::MtaStsAfter) else {
        panic!()
    };
    assert_eq!(how, "there is no MTA-STS policy");
}

/// The whole way there, up to the record that announces the policy with the new host alone: it is about to be written.
fn up_to_the_last_id() -> (Case, Action) {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    additive(&mut case);
    moved(&mut case);
    case.publish(5000, &Published::all(&both("enforce"), "20240102"));
    let wrote = writes_policy(
        &case.decides(Goal::MtaStsAfter),
        &both("enforce"),
        &new_only(),
    );
    case.record(&wrote, &done());
    case.publish(5010, &Published::all(&new_only(), "20240102"));
    let writes = writes_id(&case.decides(Goal::MtaStsAfter), "20240102", "20240103");
    (case, writes)
}

/// The last policy with the old host again, as the way back has it.
fn with_old_again() -> String {
    new_only().replace("max_age", &format!("mx: {LEGACY_PATTERN}\r\nmax_age"))
}

/// The whole way there, then back: the old host is let in again before the records lead to it, and in the end all is as it
/// was.
#[test]
fn the_way_back_admits_the_old_host_first_and_ends_byte_for_byte() {
    let (mut case, wrote) = up_to_the_last_id();
    case.record(&wrote, &done());
    case.publish(20_000, &Published::all(&new_only(), "20240103"));

    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    let restore = Goal::RestoreMx { ttl: 60 };
    blocked_by(&case.decides(restore), "safety.mta-sts");
    let again = with_old_again();
    let wrote = writes_policy(&case.decides(Goal::MtaStsBack), &new_only(), &again);
    case.record(&wrote, &done());
    case.publish(20_010, &Published::all(&again, "20240103"));
    let wrote = writes_id(&case.decides(Goal::MtaStsBack), "20240103", "20240104");
    case.record(&wrote, &done());
    case.publish(20_020, &Published::all(&again, "20240104"));
    let next = case.decides(Goal::MtaStsBack);
    assert_eq!(wait(&next).until, Some(at(20_020 + 7205)));
    assert!(!matches!(case.decides(restore), Next::Act(_)), "not before");
    case.publish(20_020 + 7205, &Published::all(&again, "20240104"));
    is_done(&case.decides(Goal::MtaStsBack));
    acts(&case.decides(restore));
    case.wrote(&[(0, LEGACY)], 60);
    case.see(&[(0, LEGACY)], 60);

    // The new host leaves the policy when no cache names it any more.
    waits_naming(
        &case.decides(Goal::RestoreMtaSts),
        WaitFor::Expiry,
        &["MX", NEW],
    );
    case.publish(90_000, &Published::all(&again, "20240104"));
    let wrote = writes_policy(&case.decides(Goal::RestoreMtaSts), &again, OLD);
    case.record(&wrote, &done());
    let lags = Published {
        file: OLD.into(),
        ..Published::all(&again, "20240104")
    };
    case.publish(90_005, &lags);
    waits_naming(
        &case.decides(Goal::RestoreMtaSts),
        WaitFor::Visible,
        &["still serves the one before"],
    );
    case.publish(90_010, &Published::all(OLD, "20240104"));
    // Not the id of then: who fetched a policy of in between under that one would keep it.
    let wrote = writes_id(&case.decides(Goal::RestoreMtaSts), "20240104", "20240105");
    case.record(&wrote, &done());
    let lags = Published {
        provider: "20240105",
        ..Published::all(OLD, "20240104")
    };
    case.publish(90_015, &lags);
    waits_naming(
        &case.decides(Goal::RestoreMtaSts),
        WaitFor::Visible,
        &["_mta-sts.contoso.com"],
    );
    case.publish(90_020, &Published::all(OLD, "20240105"));
    is_done(&case.decides(Goal::RestoreMtaSts));
}

/// The run ended between writing an id and seeing it. Senders that saw it sooner have the policy of then, so the id does not
/// announce the one of the way back, although nobody saw it before that was served.
#[test]
fn an_id_announces_the_policy_for_which_it_was_written() {
    let (mut case, wrote) = up_to_the_last_id();
    case.record(&wrote, &lost_answer());

    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    let again = with_old_again();
    let wrote = writes_policy(&case.decides(Goal::MtaStsBack), &new_only(), &again);
    case.record(&wrote, &done());
    case.publish(5030, &Published::all(&again, "20240103"));
    writes_id(&case.decides(Goal::MtaStsBack), "20240103", "20240104");
}

/// The run ended between a policy and its id. Who fetched that policy keeps it under the id of before for its `max_age`, so the
/// way back gives a new id, and the wait begins when that is seen everywhere.
#[test]
fn t1_a_policy_that_was_served_between_two_ids_needs_a_new_one() {
    let (mut case, _) = up_to_the_last_id();
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    let again = with_old_again();
    let wrote = writes_policy(&case.decides(Goal::MtaStsBack), &new_only(), &again);
    case.record(&wrote, &done());
    case.publish(5030, &Published::all(&again, "20240102"));
    let wrote = writes_id(&case.decides(Goal::MtaStsBack), "20240102", "20240103");
    case.record(&wrote, &done());
    case.publish(6000, &Published::all(&again, "20240103"));
    let next = case.decides(Goal::MtaStsBack);
    assert_eq!(wait(&next).until, Some(at(6000 + 7205)));
}

/// A person is not asked either for a policy that shuts out a host on which senders with an older MX set rely.
#[test]
fn s2_nobody_is_asked_for_a_policy_too_early() {
    // The run began with both hosts listed and a policy for the old one; after the move a person had made it test.
    let added = [(0, LEGACY), (20, NEW)];
    let mut case = Case::by_tool(&added);
    case.setup.mta_sts.policy = PolicyBy::Hand;
    case.memory.original = Some(rrset(&added, 60));
    let testing = OLD.replace("enforce", "testing");
    case.publish(20, &Published::all(&testing, "20240102"));
    case.publish(8000, &Published::all(&testing, "20240102"));
    case.wrote(&[(0, NEW)], 3600);
    case.see(&[(0, NEW)], 3600);
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    case.wrote(&added, 60);
    case.see(&added, 60);
    waits_naming(
        &case.decides(Goal::RestoreMtaSts),
        WaitFor::Expiry,
        &["MX", NEW],
    );
    case.publish(1_000_000, &Published::all(&testing, "20240102"));
    assert!(matches!(case.decides(Goal::RestoreMtaSts), Next::Ask(_)));
}

#[test]
fn the_way_back_overwrites_nobody_and_needs_no_web_server_where_all_admit() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    additive(&mut case);
    case.memory = std::mem::take(&mut case.memory).for_the_way_back();
    is_done(&case.decides(Goal::MtaStsBack));
    case.facts.policy = could_not_tell();
    is_done(&case.decides(Goal::MtaStsBack));
    let foreign = both("enforce").replace("604800", "3600");
    case.publish(100_000, &Published::all(&foreign, "20240102"));
    let Next::Done(how) = case.decides(Goal::RestoreMtaSts) else {
        panic!()
    };
    assert!(
        how.contains("harms nobody") && how.contains("max_age: 604800"),
        "{how}"
    );
    // A policy that does not let senders back, and that nobody can read now.
    let mut case = Case::by_tool(&[(0, NEW)]);
    case.publish(20, &Published::all(&new_only(), "20240103"));
    case.facts.policy = could_not_tell();
    blocked_by(&case.decides(Goal::MtaStsBack), "mta-sts.unknown");
}

/// Whatever a step says, the kernel judges the policy.
#[test]
fn s2_the_kernel_refuses_a_policy_that_some_sender_could_not_follow() {
    let mut case = Case::by_tool(&[(0, LEGACY), (20, NEW)]);
    additive(&mut case);
    let swapped = [(0, NEW), (30, LEGACY)];
    case.wrote(&swapped, 60);
    case.see(&swapped, 60);
    let after = PolicyText {
        text: new_only(),
        mode: PolicyMode::Enforce,
        patterns: [NEW.to_owned()].into(),
    };
    let change = crate::kernel::Change::Policy(after.policy());
    let verdict = |case: &Case| {
        crate::kernel::publish(
            &case.memory.caches,
            &case.memory.actors,
            &change,
            None,
            &case.setup.timing,
            case.now,
        )
    };
    assert!(
        matches!(verdict(&case), crate::kernel::Verdict::NotBefore(..)),
        "{:?}",
        verdict(&case)
    );
}
