//! The playbooks beside the move, on the model: what each changes, that it ends, and that it stops where it is not meant for.

use super::*;
use crate::kernel::Host;
use crate::playbook::{Schedule, builtin};
use crate::step::fixture::*;
use crate::world::{Chain, Facts};

const GATEWAY: &str = "mx.filter.example";

async fn plan_for(playbook: &str, facts: &Facts) -> Plan {
    let setup = setup();
    let mut memory = Memory::default();
    memory.absorb(facts, &setup, at(0));
    let playbook = builtin(playbook).expect("built in");
    let asked = Asked {
        domain: DOMAIN,
        playbook: &playbook.name,
        steps: &playbook.planned(Schedule::Overlap, &playbook.defaults()),
        setup: &setup,
    };
    plan(asked, facts, &memory, estimates(), at(0)).await
}

fn moved(signed: bool) -> Facts {
    let start = Start {
        signed,
        delegated: signed,
        dane: false,
        ..Start::finished()
    };
    start.facts()
}

fn gateway(records_match: bool) -> Facts {
    let mut facts = Start::mx(&[(10, GATEWAY)]).facts();
    let mut at_gateway = host(Chain::Secure, records());
    at_gateway.addresses[0].tlsa_matches = Some(records_match);
    facts.hosts.insert(Host::new(GATEWAY), known(at_gateway));
    facts
}

#[tokio::test]
async fn each_changes_what_it_is_about_and_ends() {
    let mut alone = gateway(false);
    alone.exchange = could_not_tell();
    alone.tenant = could_not_tell();
    let sign = [
        "sign the zone",
        "publish DS the key the provider will make at the parent",
    ];
    let enable = ["run Enable-SmtpDaneInbound"];
    let behind = [
        "publish DS the key the provider will make at the parent",
        "run Enable-DnssecForVerifiedDomain",
        "run Enable-SmtpDaneInbound",
        "sign the zone",
    ];
    let rows: [(&str, Facts, &[&str]); 7] = [
        ("mx-microsoft-only", moved(true), &enable),
        ("mx-microsoft-only", Start::finished().facts(), &[]),
        ("dnssec-only", Start::default().facts(), &sign),
        ("dnssec-only", alone, &sign),
        (
            "dane-off",
            Start::finished().facts(),
            &["run Disable-SmtpDaneInbound"],
        ),
        ("dane-off", moved(true), &[]),
        ("gateway-inline", gateway(true), &behind),
    ];
    for (playbook, facts, expected) in rows {
        let plan = plan_for(playbook, &facts).await;
        assert!(!plan.blocked(), "{playbook}: {:#?}", plan.findings);
        let effects = plan.steps.iter().flat_map(|step| &step.effects);
        let mut effects: Vec<_> = effects.map(|effect| effect.action.to_string()).collect();
        effects.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(effects, expected, "{playbook}");
        let total = plan.total.expect("it ends");
        assert!(
            plan.least <= total,
            "{playbook}: {:?} > {total:?}",
            plan.least
        );
    }
}

#[tokio::test]
async fn each_stops_where_it_is_not_meant_for() {
    for (playbook, facts, id) in [
        ("mx-microsoft-only", Start::default().facts(), "mx.not-new"),
        ("mx-microsoft-only", moved(false), "chain.insecure"),
        ("gateway-inline", Start::default().facts(), "mx.not-gateway"),
        ("gateway-inline", gateway(false), "tlsa.mismatch"),
        ("gateway-parallel", gateway(true), "mx.gateway"),
    ] {
        let plan = plan_for(playbook, &facts).await;
        assert!(
            plan.findings.iter().any(|f| f.id == id && f.stops()),
            "{playbook}: no {id} in {:#?}",
            plan.findings
        );
        assert!(!plan.changes(), "{playbook}");
    }
}
