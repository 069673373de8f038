//! A gateway in front: its own leg is proven by its TLSA records, and what happens at it a person vouches for.

use super::*;
use crate::engine::decide;
use crate::kernel::Host;
use crate::playbook::{Gate, PlannedStep};
use crate::world::{Chain, HostFacts, TlsaFacts};

/// What a test makes of a world.
type Change = fn(&mut Case);

const GATEWAY: &str = "mx.filter.example";

fn gateway() -> Case {
    let mut case = Case::new(&Start::mx(&[(10, GATEWAY)]));
    let mut proven = host(Chain::Secure, records());
    proven.addresses[0].tlsa_matches = Some(true);
    case.facts.hosts.insert(Host::new(GATEWAY), known(proven));
    case.absorb();
    case
}

fn leg(case: &mut Case) -> &mut HostFacts {
    match case.facts.hosts.get_mut(&Host::new(GATEWAY)) {
        Some(Fact::Known { value, .. }) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_gateways_leg_is_right_only_when_its_tlsa_records_match_everywhere() {
    is_done(&gateway().next(Goal::ProveGateway));
    let rows: [(&str, Change); 6] = [
        ("gateway.no-tlsa", |c| {
            leg(c).tlsa = TlsaFacts::Absent { negative_ttl: 60 }
        }),
        ("tlsa.mismatch", |c| {
            leg(c).addresses[0].tlsa_matches = Some(false)
        }),
        ("tlsa.lookup", |c| {
            leg(c).tlsa = TlsaFacts::Failed {
                why: "SERVFAIL".into(),
            }
        }),
        ("host.insecure", |c| leg(c).chain = Chain::Insecure),
        ("host.unproven", |c| {
            c.facts.hosts.insert(Host::new(GATEWAY), could_not_tell());
        }),
        ("gateway.none", |c| {
            c.see(&[(10, GATEWAY), (20, LEGACY)], 3600)
        }),
    ];
    for (id, change) in rows {
        let mut case = gateway();
        change(&mut case);
        let finding = blocked_by(&case.next(Goal::ProveGateway), id);
        assert!(!finding.mend.contains("Microsoft"), "{finding:?}");
    }
    let needs = needs(Goal::ProveGateway, &gateway().context());
    assert!(needs.smtp && needs.hosts.contains(&Host::new(GATEWAY)));
}

/// No move leaves a gateway, so nobody watches over it as over a legacy host.
#[test]
fn a_gateway_is_no_legacy_host() {
    let mut case = gateway();
    case.memory.way_back_kept = true;
    case.facts
        .hosts
        .insert(Host::new(GATEWAY), could_not_tell());
    assert_eq!(Alarm::of(Goal::SignZone, &case.context()), None);
}

#[test]
fn a_persons_word_is_asked_for_at_the_gate_and_nothing_else_will_do() {
    let mut step = PlannedStep {
        id: STEP.into(),
        goal: Goal::Confirm,
        needs: vec![],
        gate: Some(Gate {
            name: "gateway".into(),
            about: "Set the smart host.".into(),
        }),
    };
    let mut case = Case::new(&Start::finished());
    let Next::Ask(Question::Approve { gate, effect, .. }) = decide(&step, &case.context()) else {
        panic!("not asked");
    };
    assert_eq!(gate, "gateway");
    assert!(effect.contains(NEW), "the person needs the name: {effect}");
    let approval = Approval {
        by: "Ada".into(),
        at: at(5),
    };
    case.memory.approvals.insert("gateway".into(), approval);
    assert!(
        matches!(decide(&step, &case.context()), Next::Done(how) if how.contains("Ada")),
        "who said so is kept"
    );
    step.gate = None;
    blocked_by(&decide(&step, &case.context()), "gate.missing");
}
