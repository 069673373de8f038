//! The checks as people read them: what stands in the way with who has to do what, the rest in a line each.

use super::super::page::{Line, Page, Tone};
use super::super::text;
use crate::doctor::catalogue::ALL;
use crate::doctor::{Area, Check, State, Tally, Tool};

/// The widest word of a state, and a gap.
const WORD: usize = 16;

/// Everything about one domain file; commands to copy for these tools only.
#[must_use]
pub fn page(domain: &str, file: &str, checks: &[Check], tools: &[Tool]) -> Page {
    let mut page = Page::from(headline(domain, file, checks));
    for area in Area::ALL {
        let mut of_area = checks.iter().filter(|check| check.area == area).peekable();
        if of_area.peek().is_none() {
            continue;
        }
        page.gap();
        page.push(Line::at(0).strong(area.name()));
        for check in of_area {
            show(check, &mut page);
            let same = |other: &&Check| other.mend.is_some() && other.mend == check.mend;
            // The same way out is shown once.
            match checks.iter().find(same) {
                Some(first) if !std::ptr::eq(first, check) => {
                    page.push(detail("mend:", &format!("As for {}.", first.id)));
                }
                _ => mend(check, tools, &mut page),
            }
        }
    }
    page
}

fn headline(domain: &str, file: &str, checks: &[Check]) -> Line {
    let tally = Tally::of(checks);
    let unchecked = checks
        .iter()
        .filter(|check| check.because.is_some())
        .count();
    let unknown = tally.could_not_tell - unchecked;
    let tone = match (tally.failed, tally.could_not_tell) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warn,
        (..) => Tone::Bad,
    };
    let mut words: Vec<String> = [
        (tally.failed, "failed"),
        (unknown, "could not be told"),
        (unchecked, "not checked"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    if words.is_empty() {
        words.push("everything needed is there".to_owned());
    }
    Line::at(0)
        .strong(domain)
        .plain(": ")
        .tone(tone, words.join(", "))
        .plain(format!(", {} passed", tally.passed))
        .dim(format!("  ({file}; nothing was changed)"))
}

const fn word(check: &Check) -> (&'static str, Tone) {
    match check.state {
        State::Passed => ("passed", Tone::Good),
        State::Failed => ("failed", Tone::Bad),
        State::CouldNotTell if check.because.is_some() => ("not checked", Tone::Warn),
        State::CouldNotTell => ("could not tell", Tone::Warn),
        State::NotNeeded => ("not needed", Tone::Dim),
    }
}

fn show(check: &Check, page: &mut Page) {
    let (word, tone) = word(check);
    let mut line = Line::at(2)
        .hang(2 + WORD)
        .tone(tone, word)
        .plain(" ".repeat(WORD - word.len()));
    if !check.about.is_empty() {
        line = line.strong(&check.about).plain(": ");
    }
    let line = match check.because {
        Some(because) => line.plain(format!("because {because} did not pass")),
        None => line.plain(&check.what),
    };
    page.push(line.dim(format!("  [{}]", check.id)));
    for remark in &check.remarks {
        page.push(detail("note:", remark));
    }
    if check.state == State::Failed || check.state == State::CouldNotTell && check.because.is_none()
    {
        page.push(detail("why:", &sentence(check.why)));
    }
}

fn detail(name: &str, text: &str) -> Line {
    Line::at(2 + WORD)
        .hang(2 + WORD + 6)
        .dim(format!("{name:<6}"))
        .plain(text)
}

/// Who has to do what, with commands to copy for these tools.
fn mend(check: &Check, tools: &[Tool], page: &mut Page) {
    let Some(mend) = &check.mend else {
        return;
    };
    page.push(detail("mend:", &format!("{} {}", mend.who, mend.what)));
    for snippet in &mend.snippets {
        // What is for the shell at hand has no other form.
        if snippet.tool != Tool::Shell && !tools.contains(&snippet.tool) {
            continue;
        }
        page.push(Line::at(2 + WORD).dim(format!("{}:", snippet.tool.name())));
        // At the margin: long commands are copied whole, and wrap by the terminal alone.
        page.block(4, &snippet.text);
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", letters.as_str())
}

/// Every check that there is.
#[must_use]
pub fn rules() -> Page {
    let mut page = Page::new();
    for rule in ALL {
        page.push(Line::at(0).strong(rule.id).dim(format!(
            "  {}; {}",
            rule.area.name(),
            text::clean(rule.source)
        )));
        page.push(Line::at(4).plain(sentence(rule.looks_at)));
        page.push(Line::at(4).dim("why: ").plain(sentence(rule.why)));
        if !rule.after.is_empty() {
            page.push(Line::at(4).dim("after: ").plain(rule.after.join(", ")));
        }
    }
    page
}
