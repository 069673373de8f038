//! Playbooks, good and bad.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::source::Rejected;

fn exchange_dane() -> Playbook {
    builtin("exchange-dane").expect("the built-in playbook loads")
}

#[test]
fn the_built_in_playbooks_load() {
    for (name, text) in BUILTIN {
        let playbook = from_text(name, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(playbook.name, name);
    }
    assert_eq!(builtin("nothing"), None);
}

/// Everything that a step waits for, directly or not.
fn before<'a>(steps: &'a [PlannedStep], id: &str) -> Vec<&'a str> {
    let step = steps.iter().find(|step| step.id == id).unwrap();
    let mut all: Vec<&str> = step
        .needs
        .iter()
        .flat_map(|need| before(steps, need))
        .collect();
    all.extend(step.needs.iter().map(String::as_str));
    all.sort_unstable();
    all.dedup();
    all
}

/// The order and the numbers of Microsoft's page (reference/microsoft.md 1.2).
#[test]
fn exchange_dane_is_the_documented_procedure() {
    let playbook = exchange_dane();
    assert_eq!(playbook.gates(), ["ds", "smart-hosts", "swap", "removal"]);
    let steps = playbook.planned(Schedule::Overlap, &playbook.defaults());
    let goals: Vec<Goal> = steps.iter().map(|step| step.goal).collect();
    assert_eq!(
        goals,
        [
            Goal::PREFLIGHT,
            Goal::TlsRpt,
            Goal::LowerTtl {
                ttl: 60,
                until: Until::Visible
            },
            Goal::SignZone,
            Goal::Delegate,
            Goal::EnableDnssec,
            Goal::ProveHost,
            Goal::MtaSts,
            Goal::AddMx { preference: 20 },
            Goal::VerifyMx {
                expect: Expect::Added,
                soak: Duration::from_secs(60)
            },
            Goal::SwapMx {
                preference: 0,
                legacy_preference: 30
            },
            Goal::VerifyMx {
                expect: Expect::Swapped,
                soak: Duration::from_secs(300)
            },
            Goal::RemoveMx,
            Goal::EnableDane,
            Goal::VerifyTlsa,
            Goal::FinalTtl { ttl: 3600 },
            Goal::FinalProof,
            Goal::MtaStsAfter,
        ]
    );
    let waits_for = |step: &str, need: &str| before(&steps, step).contains(&need);
    for (step, need) in [
        ("add-mx", "prove-host"),
        ("add-mx", "lower-ttl"),
        ("swap-mx", "verify-added"),
        ("remove-mx", "verify-swapped"),
        ("remove-mx", "mta-sts"),
        ("mta-sts-after", "remove-mx"),
        ("enable-dane", "remove-mx"),
        ("final-ttl", "verify-tlsa"),
        ("final-proof", "delegate"),
        ("final-proof", "final-ttl"),
        ("delegate", "sign-zone"),
    ] {
        assert!(waits_for(step, need), "{step} must wait for {need}");
    }
    for (step, other) in [
        ("swap-mx", "delegate"),
        ("sign-zone", "lower-ttl"),
        ("add-mx", "mta-sts"),
        ("final-proof", "mta-sts-after"),
        ("enable-dnssec", "lower-ttl"),
    ] {
        assert!(!waits_for(step, other), "{step} overlaps {other}");
    }
    let gated: Vec<(&str, &str)> = steps
        .iter()
        .filter_map(|s| Some((s.id.as_str(), s.gate.as_ref()?.name.as_str())))
        .collect();
    assert_eq!(
        gated,
        [
            ("delegate", "ds"),
            ("enable-dnssec", "smart-hosts"),
            ("swap-mx", "swap"),
            ("remove-mx", "removal")
        ]
    );
}

#[test]
fn cautious_is_one_step_after_the_other() {
    let playbook = exchange_dane();
    let steps = playbook.planned(Schedule::Cautious, &playbook.defaults());
    for pair in steps.windows(2) {
        assert!(
            pair[1].needs.contains(&pair[0].id),
            "{} must need {}",
            pair[1].id,
            pair[0].id
        );
    }
    assert_eq!(
        steps[2].goal,
        Goal::LowerTtl {
            ttl: 60,
            until: Until::Expired
        }
    );
    let overlap = playbook.planned(Schedule::Overlap, &playbook.defaults());
    for (step, cautious) in overlap.iter().zip(&steps) {
        assert!(step.needs.iter().all(|need| cautious.needs.contains(need)));
    }
}

#[test]
fn settings_replace_defaults_within_their_bounds() {
    let playbook = exchange_dane();
    let set = |settings: &[(&str, Value)], lab| {
        let settings: BTreeMap<String, Value> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        playbook.parameters(&settings, lab)
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let parameters = set(
        &[("ttl", Value::Number(120)), ("final_ttl", text("1h30m"))],
        false,
    )
    .unwrap();
    assert_eq!(
        (
            parameters.get("ttl"),
            parameters.get("final_ttl"),
            parameters.get("nothing")
        ),
        (Some(120), Some(5400), None)
    );
    assert!(set(&[("ttl", Value::Number(29))], false).is_err());
    assert!(set(&[("ttl", Value::Number(2))], true).is_ok());
    assert!(set(&[("ttl", Value::Number(0))], true).is_err());
    assert!(set(&[("final_ttl", Value::Number(1 << 40))], true).is_err());
    assert!(set(&[("added_preference", Value::Number(65_536))], true).is_err());
    let errors = set(
        &[
            ("legacy_preference", Value::Number(1)),
            ("swapped_preference", Value::Number(1)),
        ],
        false,
    )
    .unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].text.contains("1 is not smaller than 1"));
}

#[test]
fn every_kind_says_what_it_is_and_fits_its_goal() {
    for kind in StepKind::ALL {
        assert_eq!(kind.name().parse::<StepKind>().unwrap(), kind);
        assert_eq!(
            serde_yaml::to_value(kind).unwrap(),
            serde_yaml::Value::from(kind.name())
        );
        assert!(kind.about().ends_with('.'));
        assert_eq!(Goal::new(kind, |_| None).kind(), kind);
        for argument in kind.arguments() {
            assert!(argument.about.ends_with('.'), "{kind} {}", argument.name);
            let default = match argument.default {
                kind::ArgumentDefault::Required => continue,
                kind::ArgumentDefault::Number(number) => Value::Number(number.into()),
                kind::ArgumentDefault::Word(word) => Value::Text(word.to_owned()),
            };
            argument
                .read(&default)
                .unwrap_or_else(|error| panic!("{kind} {}: {error}", argument.name));
        }
    }
    // ALL holds each kind once: names are distinct and in the order of the enum.
    assert!(StepKind::ALL.windows(2).all(|pair| pair[0] < pair[1]));
}

const HEAD: &str = "name: ours\ntitle: Ours\n";

fn ours(rest: &str) -> Result<Playbook, Rejected> {
    from_text("ours.yml", &format!("{HEAD}{rest}"))
}

#[test]
fn needs_default_to_the_step_above() {
    let playbook = ours("steps:\n  - step: preflight\n  - step: lower-ttl\n  - step: sign-zone\n    needs: [preflight]\n").unwrap();
    let needs: Vec<&[String]> = playbook
        .steps
        .iter()
        .map(|step| step.needs.as_slice())
        .collect();
    assert_eq!(
        needs,
        [
            &[] as &[String],
            &["preflight".to_owned()],
            &["preflight".to_owned()]
        ]
    );
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    const PRE: &str = "steps:\n  - step: preflight\n";
    let with = |rest: &str| format!("{PRE}{rest}");
    let parameter = |rest: &str| {
        format!("parameters:\n  ttl: {rest}\n{PRE}  - step: lower-ttl\n    with: {{ ttl: $ttl }}\n")
    };
    let cases: Vec<(String, &str, usize, usize, &[&str])> = vec![
        ("steps: []\n".to_owned(), "bad-value", 3, 1, &["no steps"]),
        (
            "step: []\n".to_owned(),
            "unknown-key",
            3,
            1,
            &["did you mean `steps`?"],
        ),
        (
            with("  - stp: lower-ttl\n"),
            "unknown-key",
            5,
            5,
            &["did you mean `step`?"],
        ),
        (
            with("  - needs: []\n"),
            "missing-key",
            5,
            5,
            &["the key `step` is missing"],
        ),
        (
            with("  - step: lower-tll\n"),
            "unknown-value",
            5,
            11,
            &[
                "`lower-tll` is not known here",
                "did you mean `lower-ttl`?",
                "final-proof",
            ],
        ),
        (
            with("  - step: Lower-TTL\n"),
            "unknown-value",
            5,
            11,
            &["did you mean `lower-ttl`?"],
        ),
        (
            with("  - lower-ttl\n"),
            "wrong-type",
            5,
            5,
            &["expected a mapping, found text"],
        ),
        (
            with("  - step: lower-ttl\n    needs: [preflite]\n"),
            "unknown-value",
            6,
            13,
            &["no step has the id `preflite`", "did you mean `preflight`?"],
        ),
        (
            with("  - step: lower-ttl\n    needs: [preflight, preflight]\n"),
            "contradiction",
            6,
            24,
            &["stands here twice"],
        ),
        (
            with("  - step: lower-ttl\n    needs: [lower-ttl]\n"),
            "contradiction",
            6,
            13,
            &["need each other: lower-ttl needs lower-ttl"],
        ),
        (
            with("  - step: lower-ttl\n    needs: [preflight, sign-zone]\n  - step: sign-zone\n"),
            "contradiction",
            6,
            24,
            &["need each other: lower-ttl needs sign-zone needs lower-ttl"],
        ),
        (
            with(
                "  - step: lower-ttl\n    needs: [preflight, delegate]\n  - step: sign-zone\n  - step: delegate\n",
            ),
            "contradiction",
            6,
            24,
            &["lower-ttl needs delegate needs sign-zone needs lower-ttl"],
        ),
        (
            with(
                "  - step: lower-ttl\n    needs: [preflight, sign-zone]\n  - step: sign-zone\n    needs: [preflight]\n",
            ),
            "contradiction",
            6,
            24,
            &["`sign-zone` is below this step"],
        ),
        (
            with("  - step: lower-ttl\n    needs: preflight\n"),
            "wrong-type",
            6,
            12,
            &["expected a list, found text"],
        ),
        (
            with("  - step: lower-ttl\n    needs: []\n"),
            "contradiction",
            6,
            12,
            &["does not wait for preflight"],
        ),
        (
            with("  - step: lower-ttl\n  - step: lower-ttl\n    id: again\n"),
            "contradiction",
            6,
            11,
            &["only one step of the kind lower-ttl"],
        ),
        (
            with("  - step: prove-host\n  - step: prove-host\n"),
            "contradiction",
            6,
            11,
            &["the id `prove-host` is taken", "id: prove-host-again"],
        ),
        (
            with("  - step: prove-host\n    id: preflight\n"),
            "contradiction",
            6,
            9,
            &["the id `preflight` is taken"],
        ),
        (
            with("  - step: prove-host\n    id: Prove Host\n"),
            "bad-value",
            6,
            9,
            &["no usable name"],
        ),
        (
            "steps:\n  - step: lower-ttl\n".to_owned(),
            "contradiction",
            4,
            11,
            &["the first step must be preflight"],
        ),
        (
            with("  - step: lower-ttl\n    with: { tll: 60 }\n"),
            "unknown-key",
            6,
            13,
            &[
                "lower-ttl takes no argument `tll`",
                "did you mean `ttl`? allowed here: ttl, until",
            ],
        ),
        (
            with("  - step: sign-zone\n    with: { ttl: 60 }\n"),
            "unknown-key",
            6,
            13,
            &["nothing is allowed here"],
        ),
        (
            with("  - step: lower-ttl\n    with: { ttl: 0 }\n"),
            "bad-value",
            6,
            18,
            &["0 is out of range"],
        ),
        (
            with("  - step: lower-ttl\n    with: { ttl: $tll }\n"),
            "unknown-value",
            6,
            18,
            &["there is no parameter `tll`"],
        ),
        (
            with("  - step: lower-ttl\n    with: { until: later }\n"),
            "bad-value",
            6,
            20,
            &["allowed: visible, expired"],
        ),
        (
            with("  - step: add-mx\n    with: { preference: 70000 }\n"),
            "bad-value",
            6,
            25,
            &["70000 is out of range", "0 to 65535"],
        ),
        (
            with("  - step: verify-mx\n"),
            "missing-key",
            5,
            11,
            &[
                "verify-mx needs the argument `expect`",
                "added, swapped, removed",
            ],
        ),
        (
            with("  - step: swap-mx\n    with: { preference: 30 }\n"),
            "contradiction",
            6,
            5,
            &["30 is not smaller than 30"],
        ),
        (
            with("  - step: delegate\n    gate: { name: ds }\n"),
            "missing-key",
            6,
            5,
            &["the key `about` is missing"],
        ),
        (
            with("  - step: delegate\n    gate: { name: all, about: x }\n"),
            "bad-value",
            6,
            19,
            &["cannot be called all"],
        ),
        (
            with(
                "  - step: delegate\n    gate: { name: ds, about: x }\n  - step: swap-mx\n    gate: { name: ds, about: x }\n",
            ),
            "contradiction",
            8,
            19,
            &["the gate `ds` stands at a step above"],
        ),
        (
            format!("parameters:\n  ttl: {{ type: seconds, default: 60, about: x }}\n{PRE}"),
            "contradiction",
            4,
            3,
            &["no step uses the parameter `ttl`"],
        ),
        (
            parameter("{ type: second, default: 60, about: x }"),
            "unknown-value",
            4,
            16,
            &["did you mean `seconds`?"],
        ),
        (
            parameter("{ type: preference, default: 60, about: x }"),
            "wrong-type",
            8,
            18,
            &["a parameter of the type seconds"],
        ),
        (
            parameter("{ type: seconds, default: 10, min: 30, about: x }"),
            "out-of-range",
            4,
            34,
            &["10 is out of range", "at least 30"],
        ),
        (
            parameter("{ type: seconds, default: 0, about: x }"),
            "out-of-range",
            4,
            34,
            &["0 is out of range"],
        ),
        (
            parameter("{ type: seconds, default: 60, min: 90, max: 30, about: x }"),
            "contradiction",
            4,
            43,
            &["no value fits between 90 and 30"],
        ),
        (
            parameter("{ type: seconds, about: x }"),
            "missing-key",
            4,
            3,
            &["the key `default` is missing"],
        ),
        (
            parameter("{ type: seconds, default: [60], about: x }"),
            "wrong-type",
            4,
            34,
            &["expected a whole number, a duration such as 5m, or a word, found a list"],
        ),
        (
            parameter("{ type: seconds, default: 1.5, about: x }"),
            "wrong-type",
            4,
            34,
            &["found a number with a fraction"],
        ),
    ];
    let mut wrong = Vec::new();
    for (text, code, line, column, fragments) in cases {
        let Err(rejected) = ours(&text) else {
            wrong.push(format!("taken: {text}"));
            continue;
        };
        let all: Vec<_> = rejected.mistakes().collect();
        let found: Vec<_> = all
            .iter()
            .map(|mistake| (mistake.code.as_str(), mistake.line, mistake.column))
            .collect();
        if found != [(code, Some(line), Some(column))] {
            wrong.push(format!(
                "wanted {code} {line}:{column}, got {found:?} {rejected}\n{text}"
            ));
        }
        for fragment in fragments {
            if !rejected.to_string().contains(fragment) {
                wrong.push(format!("no {fragment:?} in {rejected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rejected = from_text(
        "x",
        "name: Ours!\ntitle: ''\nsteps: [{ step: preflight }]\n",
    )
    .unwrap_err();
    let places: Vec<_> = rejected
        .mistakes()
        .map(|mistake| (mistake.line, mistake.column))
        .collect();
    assert_eq!(places, [(Some(1), Some(7)), (Some(2), Some(8))]);
}

#[test]
fn a_checked_playbook_can_be_written_and_read_again() {
    let playbook = exchange_dane();
    let written = serde_yaml::to_string(&playbook).unwrap();
    assert_eq!(
        from_text("again", &written).unwrap_or_else(|error| panic!("{error}\n{written}")),
        playbook
    );
}
