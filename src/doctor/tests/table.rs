//! Every check in every state it can end in, each by one thing that is not as it should be.

mod exchange;
mod graph;
mod here;
mod provider;
mod reach;
mod sign_in;

use std::collections::BTreeSet;
use std::time::Duration;

use super::scene::*;
use crate::doctor::catalogue::{ALL, FILE_LOADS, rule};
use crate::doctor::roles::{DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR, GLOBAL_READER};
use crate::doctor::view::*;
use crate::doctor::{Check, State, judge};
use State::{CouldNotTell, Failed, NotNeeded, Passed};

/// What is changed, the check it is about, how it ends, and words that are in what is said of it.
type Row = (fn(&mut View), &'static str, State, &'static str);

fn with(view: &mut View) -> &mut ApiView {
    match &mut view.microsoft {
        MicrosoftView::Api(api) => api,
        _ => panic!("the scene has an API"),
    }
}

fn folder(view: &mut View) -> (&mut Option<u32>, &mut Result<(), String>) {
    match &mut view.state {
        StateView::Folder { mode, writable, .. } => (mode, writable),
        StateView::NoPlace { .. } => panic!("the scene has a folder"),
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    [
        here::HERE,
        sign_in::SIGN_IN,
        graph::GRAPH,
        exchange::EXCHANGE,
        provider::PROVIDER,
        reach::REACH,
    ]
    .into_iter()
    .flatten()
}

/// Everything that is said of a check, as one text.
fn said(check: &Check) -> String {
    let mut all = check.what.clone();
    for remark in &check.remarks {
        all.push_str(&format!(" {remark}"));
    }
    if let Some(mend) = &check.mend {
        all.push_str(&format!(" {} {}", mend.who, mend.what));
        for snippet in &mend.snippets {
            all.push_str(&format!(" {}", snippet.text));
        }
    }
    all
}

fn judged(change: fn(&mut View)) -> Vec<Check> {
    let mut view = healthy();
    change(&mut view);
    judge(&view)
}

#[test]
fn each_row_ends_as_it_should() {
    for (index, (change, id, state, words)) in rows().enumerate() {
        let checks = judged(*change);
        let of: Vec<&Check> = checks.iter().filter(|check| check.id == *id).collect();
        let hit = of
            .iter()
            .any(|check| check.state == *state && said(check).contains(words));
        assert!(hit, "row {index}: {id} {state:?} {words:?}\n{of:#?}");
    }
}

#[test]
fn the_table_has_every_state_that_a_check_can_end_in() {
    let covered: BTreeSet<(&str, String)> = rows()
        .map(|(_, id, state, _)| (*id, format!("{state:?}")))
        .collect();
    // Those that cannot fail, cannot be unclear, or are never needless.
    let never = |id: &str, state: State| match id {
        "file.loads" => state != Passed,
        "person.rights" => matches!(state, Passed | Failed),
        "secret.readable" => state == CouldNotTell,
        "reach.https" => state == CouldNotTell,
        "reach.port-25" | "reach.ipv6" | "reach.mta-sts" => state == Failed,
        "provider.access" | "provider.rights" | "reach.resolver" => false,
        "state.folder" => matches!(state, NotNeeded | CouldNotTell),
        _ => state == NotNeeded,
    };
    for rule in ALL {
        for state in [Passed, Failed, CouldNotTell, NotNeeded] {
            let there = covered.contains(&(rule.id, format!("{state:?}")));
            assert_eq!(there, !never(rule.id, state), "{} {state:?}", rule.id);
        }
    }
}

#[test]
fn everything_that_is_said_is_whole() {
    for (change, ..) in rows() {
        let checks = judged(*change);
        for check in &checks {
            let known = rule(check.id).unwrap();
            let text = format!("{check:#?}");
            // What Microsoft's support asks for stands last.
            let whole = check.what.ends_with(['.', '?']) || check.what.contains("For support: ");
            assert!(whole, "{text}");
            assert!(
                check.remarks.iter().all(|remark| remark.ends_with('.')),
                "{text}"
            );
            // What failed says who mends it; the sentence of Microsoft's own error may say it all.
            let own = check.id.starts_with("graph.") || check.id.starts_with("sign-in.");
            assert!(
                check.state != Failed || check.mend.is_some() || own,
                "{text}"
            );
            if let Some(mend) = &check.mend {
                assert!(!mend.who.is_empty() && mend.what.ends_with('.'), "{text}");
            }
            if let Some(because) = check.because {
                assert!(known.after.contains(&because), "{text}");
                let before = checks.iter().filter(|before| before.id == because);
                assert!(before.clone().count() > 0, "{text}");
                assert!(
                    before.clone().any(|before| before.state != Passed)
                        || because == "secret.readable",
                    "{text}"
                );
                assert_eq!(check.state, CouldNotTell);
            }
        }
    }
}

#[test]
fn one_failure_hides_no_other_check() {
    let all: BTreeSet<&str> = judge(&healthy()).iter().map(|check| check.id).collect();
    let expected: BTreeSet<&str> = ALL
        .iter()
        .map(|rule| rule.id)
        .filter(|id| *id != "person.rights")
        .collect();
    assert_eq!(all, expected);
    for (change, id, ..) in rows() {
        let some: BTreeSet<&str> = judged(*change).iter().map(|check| check.id).collect();
        if *id != "person.rights" {
            assert_eq!(some, all, "{id}");
        }
    }
    assert!(judge(&healthy()).iter().all(|check| check.state == Passed));
    assert_eq!(judge(&healthy())[0].id, FILE_LOADS.id);
}

#[test]
fn a_registrar_is_looked_at_only_where_one_is_named() {
    let checks = judged(|view| view.registrar = None);
    assert!(checks.iter().all(|check| check.id != "registrar.access"));
}

#[test]
fn roles_have_the_ids_that_microsoft_publishes() {
    assert_eq!(DIRECTORY_ROLES[1], GLOBAL_ADMINISTRATOR);
    assert_eq!(DIRECTORY_ROLES[2], GLOBAL_READER);
    let ids: BTreeSet<_> = DIRECTORY_ROLES.iter().map(|role| role.id).collect();
    assert_eq!(ids.len(), DIRECTORY_ROLES.len());
}
