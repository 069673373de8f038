//! The catalogue as a page for people: `docs/findings.md`.

use std::fmt::Write as _;

use crate::finding::Severity;
use crate::verify::Concern;
use crate::verify::catalogue::ALL;

const HEAD: &str = "\
# Findings of `rollout verify`

Made from the catalogue in `src/verify/catalogue.rs`; `rollout verify --rules` prints the same. Ids are stable.

A blocker ends in exit 1; what could not be told in exit 3, unless there is a blocker; warnings and notes change nothing.
With `--for delivery` findings about protection weigh no more than a warning. A finding may weigh otherwise in a case: then
its own text says why.

| id | severity | puts at risk | source | why it matters | how to mend it |
|---|---|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for rule in ALL {
        let severity = match rule.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::CouldNotTell => "could not tell",
            Severity::Blocker => "blocker",
        };
        let concern = match rule.concern {
            Concern::Arrival => "arrival",
            Concern::Protection => "protection",
        };
        let cell = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
        writeln!(
            page,
            "| `{}` | {severity} | {concern} | {} | {} | {} |",
            rule.id,
            cell(rule.source),
            cell(rule.why),
            cell(rule.mend)
        )
        .unwrap();
    }
    page
}

/// `ROLLOUT_WRITE_DOCS=1 cargo test --lib findings` writes it anew.
#[test]
fn the_page_of_findings_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let page = page();
    if std::env::var_os("ROLLOUT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not up to date: run ROLLOUT_WRITE_DOCS=1 cargo test --lib findings",
        path.display()
    );
}
