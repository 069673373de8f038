//! The table of providers as a page for people: `docs/providers.md`.

use std::fmt::Write as _;

use rollout_providers::{find, registry};

use super::*;

/// Every way to guard a write.
const WRITES: [Writes; 5] = [
    Writes::Guarded,
    Writes::Atomic,
    Writes::Stepwise,
    Writes::WholeZone,
    Writes::ByHand,
];

const TOP: &str = "\
# DNS providers

Made from what each provider says of itself in `providers/src`; `rollout providers` prints the same, and
`rollout providers NAME` one of them. Any other host, or one whose interface you may not use, is `manual`: each record change
is printed, and what the servers serve is watched.

- READS: record sets are read through its interface; else only DNS tells what is live.
- SIGNS: the zone is signed through its interface; `by hand` is a server whose configuration is yours. KEYS: it tells them.
- WRITES: how a change is guarded against somebody else's at the same moment.
- DS: how it gets to the parent. `announced` is by CDS (RFC 8078), which some registries take by themselves; a registrar takes
  the DS or the key through its interface; else a person enters it.
- A quota is spent by all runs on one credential together.

";

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*")
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    writeln!(page, "| {} |", cells.join(" | ")).unwrap();
}

fn page() -> String {
    let mut page = TOP.to_owned();
    row(&mut page, &HEAD);
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    for info in registry() {
        let of = Row::of(info);
        let mut cells = of.cells();
        let name = format!("[`{}`](#{})", info.slug, info.slug);
        cells[0] = &name;
        row(&mut page, &cells);
    }
    page.push_str("\nWRITES in full:\n\n");
    for one in WRITES {
        let (word, sentence) = writes(one);
        writeln!(page, "- {word}: {sentence}").unwrap();
    }
    for info in registry() {
        section(info, &mut page);
    }
    page
}

fn section(info: &Info, page: &mut String) {
    // The heading is the slug, so that the table's links find it.
    writeln!(
        page,
        "\n## {}\n\n{} ([documentation]({})).\n",
        info.slug, info.title, info.docs
    )
    .unwrap();
    let mut item = |label: &str, text: &str| writeln!(page, "- {label}: {}", cell(text)).unwrap();
    item("signing", &signing(info));
    item("DS", &to_the_parent(info));
    if let Some(instead) = info.instead() {
        item("instead", &instead);
    }
    for limit in info.limits {
        item("quota", &limit.to_string());
    }
    item("rights", info.rights);
    item("credentials", info.access.made_at);
    for right in info.access.rights {
        item("needs", &format!("{}, to {}", right.name, right.purpose));
    }
    if info.fields.is_empty() {
        return;
    }
    page.push_str("\n| key | meaning | else from | |\n|---|---|---|---|\n");
    for field in info.fields {
        let kind = if field.secret { ", a secret" } else { "" };
        let usual = match field.default {
            None => format!("required{kind}"),
            Some("") => format!("optional{kind}"),
            Some(default) => format!("`{default}` unless said{kind}"),
        };
        let (key, env) = (
            format!("`{}`", field.key.replace('-', "_")),
            format!("`{}`", field.env),
        );
        row(page, &[&key, field.meaning, &env, &usual]);
    }
}

/// `ROLLOUT_WRITE_DOCS=1 cargo test --lib the_page_of_providers` writes it anew.
#[test]
fn the_page_of_providers_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    let page = page();
    if std::env::var_os("ROLLOUT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not up to date: run ROLLOUT_WRITE_DOCS=1 cargo test --lib the_page_of_providers",
        path.display()
    );
}

#[test]
fn the_table_says_what_the_descriptions_say() {
    let row = |slug| Row::of(find(slug).unwrap());
    let desec = row("desec");
    assert_eq!(
        (
            desec.reads,
            desec.signs,
            desec.keys,
            desec.writes,
            desec.ds.as_str()
        ),
        ("yes", "yes", "yes", "atomic", "announced")
    );
    assert!(
        desec.quota.ends_with("more") && desec.quota.contains("in 1 day"),
        "{desec:?}"
    );
    let (hand, server) = (row("manual"), row("rfc2136"));
    assert_eq!(
        (hand.reads, hand.signs, hand.ds.as_str()),
        ("no", "by hand", "by hand")
    );
    assert_eq!((server.signs, server.writes), ("by hand", "guarded"));
    let table = table(registry()).plain();
    for info in registry() {
        let line = table
            .lines()
            .find(|line| line.starts_with(&format!("{} ", info.slug)));
        assert!(
            line.is_some_and(|line| line.contains(info.capabilities.ttl_floor)),
            "{}",
            info.slug
        );
        let details = details(info).plain();
        for field in info.fields {
            assert!(details.contains(field.env), "{details}");
        }
        assert!(details.contains(info.access.made_at), "{details}");
        assert_eq!(
            object(info)["limits"].as_array().unwrap().len(),
            info.limits.len()
        );
    }
}

#[test]
fn a_host_that_cannot_sign_says_so_everywhere() {
    let info = registry()
        .iter()
        .find(|info| info.signed_by() == SignedBy::Nobody);
    // None may be registered; then there is nothing to say.
    if let Some(info) = info {
        let instead = info.instead().unwrap();
        assert_eq!(Row::of(info).signs, "no");
        assert!(details(info).plain().contains(&instead) && page().contains(&cell(&instead)));
        assert_eq!(object(info)["instead"], instead.as_str());
    }
}
