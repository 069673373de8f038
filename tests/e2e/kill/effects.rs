//! Exactly around effects: answers that are lost, and kills between the intent and its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rollout_lab::{MicrosoftFaultKind, ProviderFaultKind};

use super::bench::{Domain, LONG, Life, bench, each_once};

fn with(mut counts: BTreeMap<String, usize>, more: &[(&str, usize)]) -> BTreeMap<String, usize> {
    for (operation, times) in more {
        *counts.entry((*operation).to_owned()).or_default() += times;
    }
    counts
}

/// The writes that took effect, by operation.
fn effects(domain: &Domain<'_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for write in domain.writes().into_iter().filter(|write| write.effect) {
        *counts.entry(write.operation).or_default() += 1;
    }
    counts
}

#[test]
fn an_effect_whose_answer_was_lost_is_observed_and_not_repeated() {
    let bench = bench(&["india.com"]);
    let domain = Domain::new(&bench, "india.com");
    bench.lab.change_faults(|faults| {
        faults.provider("PATCH zone", ProviderFaultKind::ReplyLost, 5);
        faults.provider("PUT zone", ProviderFaultKind::ReplyLost, 1);
        faults.provider("PUT metadata", ProviderFaultKind::ReplyLost, 2);
        faults.microsoft(
            "Enable-DnssecForVerifiedDomain",
            MicrosoftFaultKind::TimesOutAfterEffect,
            1,
        );
        faults.microsoft("Enable-SmtpDaneInbound", MicrosoftFaultKind::ReplyLost, 1);
    });
    let ended = domain.apply(&["--yes", "--wait"]).end(LONG);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    let outcomes = domain.outcomes();
    assert!(
        outcomes.get("unknown") >= Some(&8),
        "every lost answer is journaled as unknown: {outcomes:?}"
    );
    println!("{outcomes:?}, {:?}", domain.mail_never_stopped());
}

#[test]
fn an_effect_that_was_provably_lost_is_repeated_once() {
    let bench = bench(&["juliett.com"]);
    let domain = Domain::new(&bench, "juliett.com");
    bench.lab.change_faults(|faults| {
        faults.provider("PATCH zone", ProviderFaultKind::RequestLost, 1);
        faults.provider("PUT zone", ProviderFaultKind::RequestLost, 1);
        faults.microsoft(
            "Enable-DnssecForVerifiedDomain",
            MicrosoftFaultKind::RequestLost,
            1,
        );
        faults.microsoft("Enable-SmtpDaneInbound", MicrosoftFaultKind::RequestLost, 1);
    });
    let ended = domain.apply(&["--yes", "--wait"]).end(LONG);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    domain.is_moved();
    domain.each_once(effects(&domain));
    let resent = [
        ("PATCH zone", 1),
        ("PUT zone", 1),
        ("Enable-DnssecForVerifiedDomain", 1),
        ("Enable-SmtpDaneInbound", 1),
    ];
    assert_eq!(
        domain.counts(),
        with(each_once(), &resent),
        "{:#?}",
        domain.writes()
    );
    println!("{:?}, {:?}", domain.outcomes(), domain.mail_never_stopped());
}

/// When to kill.
#[derive(Clone, Copy, PartialEq)]
enum Hit {
    /// When the intent is in the journal: the request is on its way, or never will be.
    Intent,
    /// When the request is in the API's log: its answer is on its way.
    Arrival,
}

/// Walks a domain whose driver is killed once at each effect.
fn killed_at_every_effect(name: &str, hit: Hit) {
    let bench = bench(&[name]);
    let domain = Domain::new(&bench, name);
    let mut hits: BTreeSet<String> = BTreeSet::new();
    let mut answers = 0;
    let ended = loop {
        let mut life = domain.apply(&["--yes", "--wait", "--json"]);
        let writes = domain.writes().len();
        let started = Instant::now();
        let killed = loop {
            // An effect that had to be tried again is let through.
            let new = match hit {
                Hit::Intent => acting(&life).find(|step| !hits.contains(step)),
                Hit::Arrival => domain.writes().get(writes).map(|_| hits.len().to_string()),
            };
            if let Some(new) = new {
                let killed = life.kill();
                if killed {
                    hits.insert(new);
                }
                break killed;
            }
            if life.is_over() {
                break false;
            }
            assert!(started.elapsed() < LONG, "{}", life.text());
            std::thread::sleep(Duration::from_millis(1));
        };
        answers += life.text().matches("\"type\":\"acted\"").count();
        if !killed {
            break life.end(LONG);
        }
    };
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    let mail = domain.mail_never_stopped();
    println!(
        "{name}: {} kills, {answers} answers heard, {mail:?}",
        hits.len()
    );
    assert!(hits.len() >= 6, "only {} kills hit an effect", hits.len());
}

/// The steps that began an effect in this life.
fn acting(life: &Life) -> impl Iterator<Item = String> {
    let text = life.text();
    let steps: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|event| event["type"] == "acting")
        .filter_map(|event| event["step"].as_str().map(str::to_owned))
        .collect();
    steps.into_iter()
}

#[test]
fn killed_as_each_effect_begins_the_next_process_finds_out_what_became_of_it() {
    killed_at_every_effect("kilo.com", Hit::Intent);
}

#[test]
fn killed_as_each_effect_arrives_nothing_is_done_twice() {
    killed_at_every_effect("lima.com", Hit::Arrival);
}
