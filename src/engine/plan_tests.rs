//! The whole procedure on the model: every start state, the waits, the order.

use super::*;
use crate::kernel::Host;
use crate::playbook::{Schedule, builtin};
use crate::step::fixture::*;
use crate::world::{Answer, ExchangeFacts, Fact, FeatureState, PolicyFacts, PolicyMode, TlsaFacts};

fn steps(schedule: Schedule) -> Vec<PlannedStep> {
    let playbook = builtin("exchange-dane").expect("built in");
    playbook.planned(schedule, &playbook.defaults())
}

async fn plan_of(facts: &Facts, schedule: Schedule) -> Plan {
    let mut memory = Memory::default();
    memory.absorb(facts, &setup(), at(0));
    plan(
        Asked {
            domain: DOMAIN,
            playbook: "exchange-dane",
            steps: &steps(schedule),
            setup: &setup(),
        },
        facts,
        &memory,
        estimates(),
        at(0),
    )
    .await
}

fn effects(plan: &Plan) -> Vec<String> {
    let mut effects: Vec<_> = plan
        .steps
        .iter()
        .flat_map(|s| s.effects.iter().map(|e| (e.at, e.action.to_string())))
        .collect();
    effects.sort();
    effects.into_iter().map(|(_, effect)| effect).collect()
}

#[tokio::test]
async fn from_a_legacy_mx_on_an_unsigned_domain() {
    let plan = plan_of(&Start::default().facts(), Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    let new = crate::world::UNNAMED_HOST;
    let mut found = effects(&plan);
    // Chains that do not depend on each other overlap; the order inside each is what counts.
    found.retain(|e| e.starts_with("change MX"));
    assert_eq!(
        found,
        [
            format!("change MX from 0 {LEGACY} (TTL 3600 s) to 0 {LEGACY} (TTL 60 s)"),
            format!("change MX from 0 {LEGACY} (TTL 60 s) to 0 {LEGACY}, 20 {new} (TTL 60 s)"),
            format!(
                "change MX from 0 {LEGACY}, 20 {new} (TTL 60 s) to 0 {new}, 30 {LEGACY} (TTL 60 s)"
            ),
            format!("change MX from 0 {new}, 30 {LEGACY} (TTL 60 s) to 0 {new} (TTL 60 s)"),
            format!("change MX from 0 {new} (TTL 60 s) to 0 {new} (TTL 3600 s)"),
        ]
    );
    let all = effects(&plan);
    for needed in [
        "sign the zone",
        "run Enable-DnssecForVerifiedDomain",
        "run Enable-SmtpDaneInbound",
    ] {
        assert_eq!(all.iter().filter(|e| *e == needed).count(), 1, "{needed}");
    }
    let ds = plan.steps.iter().find(|s| s.id == "delegate").unwrap();
    // S4: every unsigned answer is expired before the DS: visible after 60 s, then the zone's largest TTL.
    assert!(ds.effects[0].at >= Duration::from_secs(60 + 7200 + 5));
    let total = plan.total.unwrap();
    assert!(total >= plan.least, "{total:?} < {:?}", plan.least);
    assert!(
        total.as_secs_f64() <= 1.10 * plan.least.as_secs_f64(),
        "{total:?} against {:?}",
        plan.least
    );
}

#[tokio::test]
async fn cautious_waits_out_the_old_ttl_before_anything_else() {
    let facts = Start {
        signed: true,
        delegated: true,
        ..Start::default()
    }
    .facts();
    let plan = plan_of(&facts, Schedule::Cautious).await;
    let start = |id: &str| {
        let step = plan.steps.iter().find(|s| s.id == id).unwrap();
        step.effects[0].at
    };
    assert!(start("add-mx") >= Duration::from_secs(3600));
    let overlap = plan_of(&facts, Schedule::Overlap).await;
    assert!(overlap.total.unwrap() < plan.total.unwrap());
}

#[tokio::test]
async fn already_moved_with_dane_off_needs_two_effects_and_no_mx_change_but_the_ttl() {
    let facts = Start {
        ttl: 3600,
        dane: false,
        ..Start::finished()
    }
    .facts();
    let plan = plan_of(&facts, Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert_eq!(effects(&plan), ["run Enable-SmtpDaneInbound"]);
}

#[tokio::test]
async fn born_on_mx_microsoft_without_the_feature_enabled() {
    // A domain added since Microsoft provisions it by default may never have seen the cmdlet.
    let facts = Start {
        dnssec: false,
        dane: false,
        ..Start::finished()
    }
    .facts();
    let plan = plan_of(&facts, Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(
        !effects(&plan).iter().any(|e| e.starts_with("change MX")),
        "{:?}",
        effects(&plan)
    );
}

#[tokio::test]
async fn nothing_to_do_when_everything_is_done() {
    let plan = plan_of(&Start::finished().facts(), Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(!plan.changes());
    assert!(plan.steps.iter().all(|s| s.ends.is_some()));
}

#[tokio::test]
async fn every_step_may_have_been_done_by_hand() {
    type Table<'a> = &'a [(&'a [(u16, &'static str)], u32, usize)];
    let table: Table<'_> = &[
        (&[(0, LEGACY)], 60, 4),
        (&[(0, LEGACY), (20, NEW)], 60, 3),
        (&[(10, LEGACY), (20, NEW)], 300, 4),
        (&[(0, NEW), (30, LEGACY)], 60, 2),
        (&[(10, NEW), (20, LEGACY)], 60, 2),
        (&[(0, NEW)], 60, 1),
        (&[(10, NEW)], 3600, 0),
    ];
    for (mx, ttl, writes) in table {
        let facts = Start {
            ttl: *ttl,
            signed: true,
            delegated: true,
            dnssec: true,
            ..Start::mx(mx)
        }
        .facts();
        let plan = plan_of(&facts, Schedule::Overlap).await;
        assert!(!plan.blocked(), "{mx:?}: {:?}", plan.findings);
        let found = effects(&plan);
        let found = found.iter().filter(|e| e.starts_with("change MX")).count();
        assert_eq!(
            found,
            *writes,
            "{mx:?} with TTL {ttl}: {:?}",
            effects(&plan)
        );
    }
}

/// An enforcing policy that admits the legacy host alone.
fn legacy_only(body: &str, record_ttl: u32) -> PolicyFacts {
    PolicyFacts {
        mode: PolicyMode::Enforce,
        patterns: ["*.mail.protection.outlook.com".to_owned()].into(),
        max_age: 604_800,
        record_ttl,
        id: Some("1".into()),
        body: body.to_owned(),
        lagging: vec![],
    }
}

#[tokio::test]
async fn an_enforcing_policy_is_asked_for_and_waited_out_before_the_removal() {
    let mut facts = Start {
        signed: true,
        delegated: true,
        ..Start::default()
    }
    .facts();
    facts.policy = known(legacy_only("", 7200));
    let plan = plan_of(&facts, Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    let step = |id: &str| plan.steps.iter().find(|s| s.id == id).unwrap();
    assert_eq!(step("mta-sts").by_hand.len(), 1);
    assert!(step("remove-mx").effects[0].at >= Duration::from_secs(7200));
    assert!(step("swap-mx").effects[0].at < Duration::from_secs(7200));
}

/// Policy, record, and after the move both again, with their exact content; on the way back what was there.
#[tokio::test]
async fn a_policy_that_the_run_writes_is_planned_in_full() {
    let text =
        "version: STSv1\nmode: enforce\nmx: *.mail.protection.outlook.com\nmax_age: 604800\n";
    let owner = Host::new("_mta-sts.contoso.com");
    let mut facts = Start {
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::default()
    }
    .facts();
    facts.policy = known(legacy_only(text, 300));
    facts.policy_file = known(text.to_owned());
    let record = |id: u32| crate::world::TxtRrset::of(&format!("v=STSv1; id={id};"), 300);
    facts.texts.insert(owner.clone(), known(Some(record(1))));
    let setup = Setup {
        mta_sts: crate::step::MtaSts {
            policy: crate::step::PolicyBy::File("/srv/mta-sts.txt".into()),
            record_by_provider: true,
            ..crate::step::MtaSts::default()
        },
        ..setup()
    };
    let mut memory = Memory::default();
    memory.absorb(&facts, &setup, at(0));
    let walk = |name: &'static str, facts: Facts, memory: Memory| {
        let setup = setup.clone();
        async move {
            let playbook = builtin(name).expect("built in");
            let asked = Asked {
                domain: DOMAIN,
                playbook: name,
                steps: &playbook.planned(Schedule::Overlap, &playbook.defaults()),
                setup: &setup,
            };
            plan(asked, &facts, &memory, estimates(), at(0)).await
        }
    };
    let there = walk("exchange-dane", facts.clone(), memory.clone()).await;
    assert!(!there.blocked(), "{:?}", there.findings);
    let of = |plan: &Plan, id: &str| -> Vec<String> {
        let step = plan.steps.iter().find(|s| s.id == id).unwrap();
        let said = step.effects.iter().map(|effect| effect.action.to_string());
        assert!(step.by_hand.is_empty(), "{:?}", step.by_hand);
        said.collect()
    };
    let txt =
        |from: u32, to: u32| format!("change TXT {owner} from {} to {}", record(from), record(to));
    let policy = |mx: &str| {
        format!("publish the MTA-STS policy `version: STSv1; mode: enforce; {mx}; max_age: 604800`")
    };
    let old = "mx: *.mail.protection.outlook.com";
    assert_eq!(
        of(&there, "mta-sts"),
        [policy(&format!("{old}; mx: {NEW}")), txt(1, 2)]
    );
    assert_eq!(
        of(&there, "mta-sts-after"),
        [policy(&format!("mx: {NEW}")), txt(2, 3)]
    );

    // Back, after all of it.
    memory.way_back_kept = true;
    let mut moved = Start::finished().facts();
    let new_text = text.replace("*.mail.protection.outlook.com", NEW);
    moved.policy = known(PolicyFacts {
        patterns: [NEW.to_owned()].into(),
        id: Some("3".into()),
        body: new_text.clone(),
        ..facts.policy.known().unwrap().clone()
    });
    moved.policy_file = known(new_text.clone());
    moved.texts.insert(owner.clone(), known(Some(record(3))));
    memory.mta_sts.written = Some(crate::world::PolicyText {
        text: new_text,
        mode: PolicyMode::Enforce,
        patterns: [NEW.to_owned()].into(),
    });
    memory.mta_sts.written_record = Some(record(3));
    memory.new_host = Some(Host::new(NEW));
    memory.expected = Some(Start::finished().rrset());
    memory.caches = Default::default();
    memory.announced = None;
    memory.absorb(&moved, &setup, at(0));
    let back = walk("rollback", moved, memory.for_the_way_back()).await;
    assert!(!back.blocked(), "{:?}", back.findings);
    assert_eq!(
        of(&back, "mta-sts-back"),
        [policy(&format!("mx: {NEW}; {old}")), txt(3, 4)]
    );
    assert_eq!(of(&back, "restore-mta-sts"), [policy(old), txt(4, 5)]);
    let at = |id: &str| back.steps.iter().find(|s| s.id == id).unwrap().effects[0].at;
    assert!(at("mta-sts-back") < at("restore-mx") && at("restore-mx") < at("restore-mta-sts"));
}

#[tokio::test]
async fn what_microsoft_does_not_support_is_refused_before_anything_is_done() {
    type Change = fn(&mut Facts);
    let table: &[(&str, Change)] = &[
        ("tenant.unknown-domain", |f| {
            if let Fact::Known { value, .. } = &mut f.tenant {
                value.exists = false;
            }
        }),
        ("tenant.delegated", |f| {
            if let Fact::Known { value, .. } = &mut f.tenant {
                value.admin_managed = false;
            }
        }),
        ("tenant.unverified", |f| {
            if let Fact::Known { value, .. } = &mut f.tenant {
                value.verified = false;
            }
        }),
        ("tenant.initial", |f| {
            if let Fact::Known { value, .. } = &mut f.tenant {
                value.initial = true;
            }
        }),
        ("exchange.not-accepted", |f| {
            f.exchange = known(ExchangeFacts {
                manual: false,
                source: None,
                accepted: false,
                domain_type: String::new(),
                flags: crate::world::DomainFlags::default(),
                status_refused: None,
                dnssec: FeatureState::Unknown,
                dane: FeatureState::Unknown,
                expected_mx: None,
                advice: vec![],
            });
        }),
        ("mx.gateway", |f| {
            *f = Start::mx(&[(10, "in.gateway.example")]).facts();
        }),
        ("mx.third-party", |f| {
            *f = Start::mx(&[(0, LEGACY), (20, "backup.example")]).facts();
        }),
        ("mx.null", |f| *f = Start::mx(&[(0, "")]).facts()),
        ("mx.none", |f| *f = Start::mx(&[]).facts()),
        ("chain.bogus", |f| {
            f.chain = known(crate::world::Chain::Bogus {
                why: "the DS fits no key".into(),
            });
        }),
        ("exchange.refused", |f| {
            f.exchange = Fact::Refused {
                why: "the role is missing".into(),
                at: at(0),
            };
        }),
        ("provider.refused", |f| {
            f.provider = Fact::Refused {
                why: "no such zone".into(),
                at: at(0),
            };
        }),
        ("clock.jumped", |_| {}),
    ];
    for (id, change) in table.iter().filter(|(id, _)| *id != "clock.jumped") {
        let mut facts = Start::default().facts();
        change(&mut facts);
        let plan = plan_of(&facts, Schedule::Overlap).await;
        assert!(plan.blocked(), "{id}");
        assert!(!plan.could_not_tell(), "{id}");
        assert!(
            plan.findings.iter().any(|f| f.id == *id),
            "{id}: {:?}",
            plan.findings
        );
        assert!(!plan.changes(), "{id}");
    }
}

#[tokio::test]
async fn could_not_tell_is_never_a_no_and_never_a_go() {
    type Change = fn(&mut Facts);
    let table: &[(&str, Change)] = &[
        ("dns.zone", |f| f.zone = could_not_tell()),
        ("chain.unknown", |f| f.chain = could_not_tell()),
        ("mta-sts.unknown", |f| f.policy = could_not_tell()),
        ("graph.unreachable", |f| f.tenant = could_not_tell()),
        ("exchange.unreachable", |f| f.exchange = could_not_tell()),
        ("provider.unreachable", |f| f.provider = could_not_tell()),
        ("mx.unproven", |f| {
            let mut legacy = host(crate::world::Chain::Insecure, TlsaFacts::NotAsked);
            legacy.addresses[0].smtp = crate::world::SmtpOutcome::Unreached {
                why: "no answer in time".into(),
            };
            f.hosts.insert(Host::new(LEGACY), known(legacy));
        }),
        ("dns.server", |f| {
            if let Fact::Known { value, .. } = &mut f.zone {
                value.servers[1].mx = Answer::Failed {
                    why: "answered SERVFAIL".into(),
                };
            }
        }),
        ("vantage.failed", |f| {
            f.vantages.push(crate::world::VantageFacts {
                vantage: "nine (9.9.9.9)".into(),
                mx: Answer::Failed {
                    why: "did not answer in time".into(),
                },
                authentic: false,
                at: at(0),
            });
        }),
    ];
    for (id, change) in table {
        let mut facts = Start::default().facts();
        change(&mut facts);
        let plan = plan_of(&facts, Schedule::Overlap).await;
        assert!(
            plan.findings.iter().any(|f| f.id == *id),
            "{id}: {:?}",
            plan.findings
        );
        assert!(plan.could_not_tell(), "{id}: {:?}", plan.findings);
        assert!(!plan.changes(), "{id}");
    }
}

#[test]
fn a_saved_plan_names_what_moved() {
    let then = essentials(&Start::default().facts());
    let now = essentials(&Start::mx(&[(0, LEGACY), (20, "x.example")]).facts());
    assert_ne!(digest(&then), digest(&now));
    let mut plan = Plan {
        schema: PLAN_SCHEMA,
        domain: DOMAIN.into(),
        playbook: String::new(),
        at: at(0),
        digest: digest(&then),
        observed: then.clone(),
        findings: vec![],
        steps: vec![],
        critical_path: vec![],
        total: None,
        least: Duration::ZERO,
    };
    assert!(plan.differences(&then).is_empty());
    let differences = plan.differences(&now);
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert!(differences[0].contains("x.example"));
    plan.observed.clear();
    assert!(!plan.differences(&then).is_empty());
}

#[tokio::test]
async fn what_is_under_way_comes_about_and_is_not_called_endless() {
    // Enabled by a person minutes ago: Microsoft has not published the TLSA records yet.
    let mut facts = Start {
        dane: false,
        ..Start::finished()
    }
    .facts();
    if let Fact::Known { value, .. } = &mut facts.exchange {
        value.dane = FeatureState::Enabled;
    }
    let plan = plan_of(&facts, Schedule::Overlap).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert!(plan.total.unwrap() >= estimates().tlsa);
    // A run in progress whose last write one server does not serve yet.
    let before = Start {
        ttl: 60,
        signed: true,
        delegated: true,
        dnssec: true,
        ..Start::default()
    };
    let mut memory = before.memory();
    memory.way_back_kept = true;
    memory.expected_seen = Default::default();
    memory.previous = memory
        .expected
        .replace(Start::mx(&[(0, LEGACY), (20, NEW)]).rrset_with(60));
    let plan = super::plan(
        Asked {
            domain: DOMAIN,
            playbook: "exchange-dane",
            steps: &steps(Schedule::Overlap),
            setup: &setup(),
        },
        &before.facts(),
        &memory,
        estimates(),
        at(0),
    )
    .await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
}

/// A plan says when, with windows; the least possible time stays what caches allow.
#[tokio::test]
async fn changes_are_planned_into_their_windows_and_out_of_freezes() {
    use crate::calendar::{Calendar, Day, Freeze, Standing, Window};
    let facts = Start::default().facts();
    let free = plan_of(&facts, Schedule::Overlap).await;
    let time = |text: &str| text.parse().unwrap();
    let window = Window::new(
        Day::WEEK.to_vec(),
        time("20:00"),
        time("21:00"),
        "UTC".parse().unwrap(),
    );
    let mut setup = setup();
    setup.change = Calendar {
        windows: vec![window],
        freezes: vec![Freeze {
            from: at(0),
            to: at(2 * 86_400),
            reason: "year end".into(),
            zone: None,
        }],
        ..Calendar::default()
    };
    let mut memory = Memory::default();
    memory.absorb(&facts, &setup, at(0));
    let asked = Asked {
        domain: DOMAIN,
        playbook: "exchange-dane",
        steps: &steps(Schedule::Overlap),
        setup: &setup,
    };
    let plan = plan(asked, &facts, &memory, estimates(), at(0)).await;
    assert!(!plan.blocked(), "{:?}", plan.findings);
    assert_eq!(effects(&plan).len(), effects(&free).len());
    for effect in plan.steps.iter().flat_map(|step| &step.effects) {
        let when = at(0) + effect.at;
        assert_eq!(setup.change.standing(&[], when), Standing::Open, "{when}");
    }
    assert_eq!(plan.least, free.least);
    assert_eq!(free.outside_windows(), Duration::ZERO);
    let closed = plan.outside_windows();
    assert!(closed >= Duration::from_secs(2 * 86_400), "{closed:?}");
    assert!(closed <= plan.total.unwrap());
    let shown = crate::output::plan::page(&plan, asked.steps).plain();
    assert!(shown.contains("a change freeze lasts until"), "{shown}");
    assert!(shown.contains("Change windows: for "), "{shown}");
}

#[tokio::test]
async fn a_plan_that_cannot_read_the_freeze_file_cannot_tell() {
    let mut facts = Start::default().facts();
    facts.freezes = could_not_tell();
    let mut setup = setup();
    setup.change.freeze_file = true;
    let mut memory = Memory::default();
    memory.absorb(&facts, &setup, at(0));
    let asked = Asked {
        domain: DOMAIN,
        playbook: "exchange-dane",
        steps: &steps(Schedule::Overlap),
        setup: &setup,
    };
    let plan = plan(asked, &facts, &memory, estimates(), at(0)).await;
    assert!(plan.could_not_tell(), "{:?}", plan.findings);
    assert!(!plan.changes());
}
