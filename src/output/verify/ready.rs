//! Who could start, as a table.

use serde_json::{Value, json};

use super::super::page::{Line, Page, Tone};
use super::super::{text, time};
use super::json as objects;
use crate::engine::readiness::{Readiness, Start};
use crate::finding::Severity;

/// One domain, for programs.
#[must_use]
pub fn object(domain: &str, ready: &Readiness) -> Value {
    let mut object = objects::of("readiness", domain, ready);
    object["least_seconds"] = json!(ready.least.as_secs());
    if let Some(members) = object.as_object_mut() {
        members.remove("least");
    }
    object
}

/// All domains: whether each could start, in what time at least, and what stands in the way.
#[must_use]
pub fn page(rows: &[(String, Readiness)]) -> Page {
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|(domain, ready)| {
            let least = match ready.start {
                Start::Ready | Start::Underway => time::duration(ready.least),
                Start::Done | Start::Blocked | Start::CouldNotTell => String::new(),
            };
            [
                text::clean(domain),
                word(ready.start).0.to_owned(),
                least,
                ready.dns_host.unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let head = ["DOMAIN", "START", "LEAST TIME", "DNS HOST"];
    let mut widths = head.map(str::len);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let padded = |cell: &str, width: usize| format!("{cell:width$}  ");
    let mut page = Page::new();
    let mut line = Line::at(0);
    for (cell, width) in head.iter().zip(widths) {
        line = line.dim(padded(cell, width));
    }
    page.push(line);
    for (row, (_, ready)) in cells.iter().zip(rows) {
        let tones = [Tone::Strong, word(ready.start).1, Tone::Plain, Tone::Plain];
        let mut line = Line::at(0);
        for ((cell, width), tone) in row.iter().zip(widths).zip(tones) {
            line = line.tone(tone, padded(cell, width));
        }
        page.push(line);
        for finding in &ready.findings {
            let tone = match finding.severity {
                Severity::Blocker => Tone::Bad,
                Severity::CouldNotTell | Severity::Warning => Tone::Warn,
                Severity::Note => Tone::Dim,
            };
            page.push(
                Line::at(4)
                    .tone(tone, &finding.what)
                    .dim(format!("  [{}]", finding.id)),
            );
            if finding.severity >= Severity::CouldNotTell {
                page.push(Line::at(6).dim("mend: ").plain(&finding.mend));
            }
        }
    }
    summary(rows, &mut page);
    page
}

fn summary(rows: &[(String, Readiness)], page: &mut Page) {
    if rows.len() < 2 {
        return;
    }
    let count = |start: Start| {
        rows.iter()
            .filter(|(_, ready)| ready.start == start)
            .count()
    };
    page.gap();
    let mut line = Line::at(0);
    let all = [
        Start::Ready,
        Start::Underway,
        Start::Done,
        Start::Blocked,
        Start::CouldNotTell,
    ];
    for (index, start) in all.into_iter().enumerate() {
        if index > 0 {
            line = line.plain(", ");
        }
        let (word, tone) = word(start);
        line = line.tone(tone, format!("{} {word}", count(start)));
    }
    page.push(line);
}

const fn word(start: Start) -> (&'static str, Tone) {
    match start {
        Start::Done => ("done", Tone::Good),
        Start::Ready => ("ready", Tone::Good),
        Start::Underway => ("under way", Tone::Good),
        Start::Blocked => ("blocked", Tone::Bad),
        Start::CouldNotTell => ("could not tell", Tone::Warn),
    }
}
