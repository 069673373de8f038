//! Stored runs for people: a table of all, and one with all that is known about why it stands.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::page::{Line, Page, Tone};
use super::{messages, text, time};
use crate::engine::Pending;
use crate::engine::store::{Brake, Run, Status};
use crate::step::{Question, WaitFor};

/// What a run was left waiting for.
pub fn pending(run: &Run) -> BTreeMap<String, Pending> {
    run.why
        .get("pending")
        .and_then(|pending| serde_json::from_value(pending.clone()).ok())
        .unwrap_or_default()
}

/// One row of the table.
struct Row {
    cells: [String; 4],
    tone: Tone,
    why: String,
}

/// Every run: domain, step, state, until when, why.
pub fn table(runs: &[Run], now: Timestamp) -> Page {
    let rows: Vec<Row> = runs.iter().flat_map(|run| rows(run, now)).collect();
    let head = ["DOMAIN", "STEP", "STATE", "UNTIL"];
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(text::clean(cell).chars().count());
        }
    }
    let hang = widths.iter().sum::<usize>() + 2 * widths.len();
    let mut page = Page::new();
    if rows.is_empty() {
        return page;
    }
    let padded = |cell: &str, width: usize| format!("{:width$}  ", text::clean(cell));
    let mut line = Line::at(0).hang(hang);
    for (cell, width) in head.iter().zip(widths) {
        line = line.dim(padded(cell, width));
    }
    page.push(line.dim("WHY"));
    for row in rows {
        let tones = [Tone::Strong, Tone::Plain, row.tone, Tone::Plain];
        let mut line = Line::at(0).hang(hang);
        for ((cell, width), tone) in row.cells.iter().zip(widths).zip(tones) {
            line = line.tone(tone, padded(cell, width));
        }
        page.push(line.plain(row.why));
    }
    page
}

fn rows(run: &Run, now: Timestamp) -> Vec<Row> {
    let row = |step: &str, (state, tone): (String, Tone), until: String, why: String| Row {
        cells: [run.domain.clone(), step.to_owned(), state, until],
        tone,
        why,
    };
    let state = state(run);
    if let Some(lease) = run.lease.as_ref().filter(|lease| !lease.expired) {
        let why = format!("driven by {}", lease.owner);
        return vec![row("", state, String::new(), why)];
    }
    let pending = pending(run);
    let said = run.why.get("message").and_then(|text| text.as_str());
    if run.status.is_finished() || pending.is_empty() || said.is_some() {
        let until = match run.wake_at {
            Some(wake) => time::from_now(wake, now),
            None => String::new(),
        };
        let why = said.map_or_else(|| ended(run, now), str::to_owned);
        return vec![row("", state, until, why)];
    }
    pending
        .iter()
        .map(|(step, pending)| {
            let until = match pending {
                Pending::Wait(wait) => match (wait.until, wait.kind) {
                    (Some(until), _) => time::from_now(until, now),
                    (None, WaitFor::Stop) => "taken away".to_owned(),
                    (None, WaitFor::Window) => "changed".to_owned(),
                    (None, _) => "seen".to_owned(),
                },
                Pending::Ask(_) | Pending::Blocked { .. } => "a person acts".to_owned(),
            };
            let state = if run.status == Status::Active && run.brake.is_none() {
                of_pending(pending)
            } else {
                state.clone()
            };
            row(step, state, until, messages::in_short(pending))
        })
        .collect()
}

fn ended(run: &Run, now: Timestamp) -> String {
    let since = time::ago(run.updated, now);
    match run.status {
        Status::Done => format!("every step was done {since}"),
        Status::Aborted => format!("given up {since}"),
        Status::Paused => format!("paused {since}"),
        Status::Blocked => format!("blocked {since}"),
        Status::Active => match run.why.get("ended").and_then(|ended| ended.as_str()) {
            Some("interrupted") => format!("interrupted {since}"),
            _ => format!("last written {since}"),
        },
    }
}

fn of_pending(pending: &Pending) -> (String, Tone) {
    let word = match pending {
        Pending::Wait(_) => "waits",
        Pending::Ask(Question::Approve { .. }) => "gate open",
        Pending::Ask(Question::ByHand { .. }) => "by hand",
        Pending::Blocked { .. } => "could not tell",
    };
    (word.to_owned(), Tone::Warn)
}

fn state(run: &Run) -> (String, Tone) {
    let (word, tone) = match (&run.lease, run.brake, run.status) {
        (_, Some(Brake::Pause), _) => ("asked to pause", Tone::Warn),
        (_, Some(Brake::Abort), _) => ("asked to give up", Tone::Warn),
        (Some(lease), None, _) if !lease.expired => ("runs", Tone::Good),
        (Some(_), None, _) => ("its driver died", Tone::Warn),
        (None, None, Status::Active) => ("unfinished", Tone::Warn),
        (None, None, Status::Paused) => ("paused", Tone::Warn),
        (None, None, Status::Blocked) => ("blocked", Tone::Bad),
        (None, None, Status::Done) => ("done", Tone::Good),
        (None, None, Status::Aborted) => ("given up", Tone::Bad),
    };
    (word.to_owned(), tone)
}

/// One run with all that is known about why it stands.
pub fn in_full(run: &Run, now: Timestamp) -> Page {
    let (word, tone) = state(run);
    let mut page = Page::new();
    page.push(
        Line::at(0)
            .strong(&run.domain)
            .plain(": ")
            .tone(tone, word)
            .plain(format!(
                ", playbook {}, begun {} ({})",
                run.playbook,
                time::utc(run.created),
                time::ago(run.created, now)
            )),
    );
    page.push(Line::at(2).dim(format!("run {}, {}", run.id, run.domain_file.display())));
    if let Some(lease) = &run.lease {
        let line = if lease.expired {
            format!(
                "{} drove it and ended without giving it back; anybody can go on since {}",
                lease.owner,
                time::utc(lease.until)
            )
        } else {
            format!(
                "{} drives it now; what follows is how it stood before",
                lease.owner
            )
        };
        page.push(Line::at(2).plain(line));
    }
    if run.takeovers > 1 {
        page.push(Line::at(2).tone(
            Tone::Warn,
            format!(
                "its driver died {} times in a row; look into the logs before going on",
                run.takeovers
            ),
        ));
    }
    if let Some(said) = run.why.get("message").and_then(|text| text.as_str()) {
        page.push(
            Line::at(2)
                .tone(Tone::Bad, "it could not go on: ")
                .plain(said),
        );
    }
    let pending = pending(run);
    if pending.is_empty() {
        page.push(Line::at(2).plain(ended(run, now)));
    }
    for (step, pending) in &pending {
        page.extend(messages::in_full(&run.domain, step, pending, now));
    }
    if !run.status.is_finished() {
        let again = format!("rollout apply {}", run.domain_file.display());
        page.extend(messages::come_back(run.wake_at, now, &again));
    }
    page
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
