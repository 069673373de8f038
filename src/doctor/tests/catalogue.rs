//! The catalogue as a page for people: `docs/doctor.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::doctor::catalogue::{ALL, rule};

const HEAD: &str = "\
# Checks of `rollout doctor`

Made from the catalogue in `src/doctor/catalogue.rs`; `rollout doctor --rules` prints the same. Ids are stable.

Each check ends as passed, failed, could not tell, or not needed; one that another has to precede says which, and is not
checked while that one has not passed. Exit 0: nothing failed and everything could be told. Exit 1: something failed. Exit 3:
nothing failed, but something could not be told. Exit 2: the domain file itself has mistakes.

| id | area | what is looked at | why it is needed | after | source |
|---|---|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for rule in ALL {
        let cell = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
        let after: Vec<String> = rule.after.iter().map(|id| format!("`{id}`")).collect();
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            rule.id,
            rule.area.name(),
            cell(rule.looks_at),
            cell(rule.why),
            after.join(", "),
            cell(rule.source),
        )
        .unwrap();
    }
    page
}

/// `ROLLOUT_WRITE_DOCS=1 cargo test --lib the_page_of_checks` writes it anew.
#[test]
fn the_page_of_checks_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = page();
    if std::env::var_os("ROLLOUT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not up to date: run ROLLOUT_WRITE_DOCS=1 cargo test --lib the_page_of_checks",
        path.display()
    );
}

#[test]
fn ids_are_unique_and_what_comes_before_is_there() {
    let ids: BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), ALL.len());
    assert!(ALL.is_sorted_by_key(|rule| rule.area));
    for of in ALL {
        for before in of.after {
            assert!(rule(before).is_some(), "{} after {before}", of.id);
        }
        assert!(!of.why.is_empty() && !of.looks_at.is_empty() && !of.source.is_empty());
        assert!(
            !of.why.ends_with('.') && !of.looks_at.ends_with('.'),
            "{}",
            of.id
        );
    }
}
