//! The table as a page for people.

use std::fmt::Write as _;

use super::judges::Judge;
use super::table::{ROWS, Row};

/// Where the page is, from the root of the repository.
pub const FILE: &str = "docs/truth-table.md";

/// Set to `1`, the test writes the page instead of holding it against the table.
pub const WRITE: &str = "ROLLOUT_WRITE_TRUTH_TABLE";

const HEAD: &str = "\
# The truth table

What `rollout verify DOMAIN` says of domains that each have one thing wrong with them, beside what others say. All of it runs on
real servers: Knot, BIND, NSD, PowerDNS, Unbound and Postfix, in namespaces of their own, by both families of addresses. What no
real server can be told to do (SERVFAIL at TLSA questions, say) is done by a small proxy in front of one. This page is written by
the test that runs it (`tests/e2e/truth/`, `ROLLOUT_WRITE_TRUTH_TABLE=1`), which fails when a verdict, or another's word, is not
the one printed here, when a difference is not explained, and when an explanation has no difference.

Exit codes: 0 safe, 1 a finding forbids it, 3 could not tell, 4 right but not yet. Under *addresses* are the outcomes of all
addresses and key types of all hosts.

The others, asked through a validating Unbound: `delv` validates MX, address and TLSA itself and gets the word for the first that
is not secure; `posttls-finger -l dane` is Postfix's sender; `danetool --check` and `ldns-dane verify` compare TLSA records with
the certificate (for `ldns-dane`, OpenSSL fetches the chain). Of several hosts they see the first.
";

/// The whole page.
pub fn page() -> String {
    let mut page = format!("{HEAD}\n");
    page.push_str("| domain | what is wrong | exit | findings | addresses |");
    for judge in Judge::ALL {
        let _ = write!(page, " {} |", judge.name());
    }
    page.push_str("\n|---|---|---|---|---|---|---|---|---|\n");
    for row in ROWS {
        line(row, &mut page);
    }
    page.push_str("\n## Differences\n\nA * in the table; each is meant.\n\n");
    for row in ROWS {
        for (judge, because) in row.because {
            let _ = writeln!(page, "- `{}`, {}: {because}", row.domain, judge.name());
        }
    }
    page
}

fn line(row: &Row, page: &mut String) {
    let ids = row.stops.iter().map(|id| format!("**{id}**"));
    let remarks = row.remarks.iter().map(|id| (*id).to_owned());
    let findings: Vec<String> = ids.chain(remarks).collect();
    let _ = write!(
        page,
        "| {} | {} | {} | {} | {} |",
        row.domain.trim_end_matches(".example"),
        row.wrong,
        row.exit,
        findings.join("<br>"),
        row.outcome,
    );
    for judge in Judge::ALL {
        let star = if row.explained(judge) { " *" } else { "" };
        let _ = write!(page, " {}{star} |", row.word(judge));
    }
    page.push('\n');
}

/// Writes the page, or says how the written one differs.
pub fn check() -> Result<(), String> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let page = page();
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        return std::fs::write(&file, page).map_err(|error| format!("{FILE}: {error}"));
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    if written == page {
        return Ok(());
    }
    Err(format!(
        "{FILE} is not what the table says; write it anew: {WRITE}=1 cargo test --test e2e truth::"
    ))
}
