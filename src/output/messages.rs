//! What is said to people about steps, waits, gates and endings: one place per message.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::page::{Line, Page, Tone};
use super::time;
use crate::engine::store::Brake;
use crate::engine::{Ending, Pending};
use crate::step::{Finding, Memory, Next, Question, Severity, Wait, WaitFor};
use crate::world::{Action, Outcome, PolicyMode};

/// The word for how much a finding weighs.
pub fn severity(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Note => ("note", Tone::Dim),
        Severity::Warning => ("warning", Tone::Warn),
        Severity::CouldNotTell => ("could not tell", Tone::Warn),
        Severity::Blocker => ("blocked", Tone::Bad),
    }
}

/// A finding with all that helps to mend it.
pub fn finding(indent: usize, finding: &Finding) -> Page {
    let (word, tone) = severity(finding.severity);
    let mut page = Page::new();
    page.push(
        Line::at(indent)
            .tone(tone, format!("{word}: "))
            .plain(&finding.what)
            .dim(format!(" [{}]", finding.id)),
    );
    for (label, text) in [
        ("why it matters: ", &finding.why),
        ("to mend it: ", &finding.mend),
    ] {
        if !text.is_empty() {
            page.push(Line::at(indent + 2).dim(label).plain(text));
        }
    }
    page
}

/// Until when a wait lasts, in one phrase.
pub fn until(wait: &Wait, now: Timestamp) -> String {
    match wait.until {
        Some(until) => format!(
            "until {} ({})",
            time::deadline(until),
            time::from_now(until, now)
        ),
        None => match wait.kind {
            WaitFor::Stop => "until it is taken away".to_owned(),
            WaitFor::Window => "until that changes".to_owned(),
            _ => "until it is seen".to_owned(),
        },
    }
}

/// Why a step is not done, in one phrase.
pub fn in_short(pending: &Pending) -> String {
    match pending {
        Pending::Wait(wait) => wait.why.join("; "),
        Pending::Ask(Question::Approve { gate, about, .. }) => {
            format!("gate {gate} is open: {about}")
        }
        Pending::Ask(Question::ByHand { instructions }) => {
            format!("to be done by hand: {}", instructions.summary)
        }
        Pending::Blocked { findings } => {
            let stopping: Vec<_> = findings.iter().filter(|f| f.stops()).collect();
            let first = stopping.first().map_or("", |f| f.what.as_str());
            match stopping.len() {
                0 | 1 => format!("blocked: {first}"),
                more => format!("blocked: {first} (and {} more)", more - 1),
            }
        }
    }
}

/// Why a step is not done, with all that is known about it.
pub fn in_full(domain: &str, step: &str, pending: &Pending, now: Timestamp) -> Page {
    let mut page = Page::new();
    match pending {
        Pending::Wait(wait) => {
            page.push(
                Line::at(2)
                    .strong(step)
                    .tone(Tone::Warn, " waits ")
                    .plain(until(wait, now)),
            );
            if let Some(here) = wait.until.and_then(time::local) {
                page.push(Line::at(4).dim(format!("here that is {here}")));
            }
            page.extend(reasons(4, wait));
        }
        Pending::Ask(Question::Approve {
            gate,
            about,
            effect,
        }) => {
            page.push(
                Line::at(2)
                    .strong(step)
                    .tone(Tone::Warn, format!(" asks at gate {gate}: "))
                    .plain(about),
            );
            page.push(Line::at(4).dim("effect: ").plain(effect));
            page.push(
                Line::at(4)
                    .dim("to agree: ")
                    .plain(approve_with(domain, gate)),
            );
        }
        Pending::Ask(Question::ByHand { instructions }) => {
            page.push(
                Line::at(2)
                    .strong(step)
                    .tone(Tone::Warn, " is to be done by hand: ")
                    .plain(&instructions.summary),
            );
            for line in &instructions.lines {
                page.block(6, line);
            }
            page.push(Line::at(4).dim(match &instructions.answer {
                Some(answer) => format!("It goes on when you say what came of it: {answer}"),
                None => "It goes on by itself when the effect is seen.".to_owned(),
            }));
        }
        Pending::Blocked { findings } => {
            page.push(Line::at(2).strong(step).tone(Tone::Bad, " is blocked"));
            for found in findings {
                page.extend(finding(4, found));
            }
        }
    }
    page
}

/// The reasons of a wait, and what would end it sooner.
pub fn reasons(indent: usize, wait: &Wait) -> Page {
    let mut page = Page::new();
    for why in &wait.why {
        page.push(Line::at(indent).dim("because: ").plain(why));
    }
    if !wait.sooner.is_empty() {
        page.push(Line::at(indent).dim("sooner by: ").plain(&wait.sooner));
    }
    page
}

/// The command that answers a gate.
pub fn approve_with(domain: &str, gate: &str) -> String {
    format!("rollout approve {domain} {gate}")
}

/// A step's decision, on one line; nothing for an action, which tells about itself.
pub fn decision(at: Timestamp, step: &str, next: &Next, domain: &str) -> Option<Page> {
    let line = || {
        Line::at(0)
            .hang(12)
            .dim(time::clock(at))
            .plain("  ")
            .strong(step)
    };
    let mut page = Page::new();
    match next {
        Next::Act(_) => return None,
        Next::Done(how) => page.push(line().tone(Tone::Good, " done: ").plain(how)),
        Next::Wait(wait) => {
            let because = wait.why.join("; ");
            page.push(
                line()
                    .tone(Tone::Warn, " waits ")
                    .plain(format!("{}: {because}", until(wait, at))),
            );
        }
        Next::Ask(question) => {
            page.push(line().tone(Tone::Warn, " asks"));
            page.extend(in_full(domain, step, &Pending::Ask(question.clone()), at));
        }
        Next::Blocked(findings) => {
            page.push(line().tone(Tone::Bad, " is blocked"));
            for found in findings {
                page.extend(finding(4, found));
            }
        }
    }
    Some(page)
}

/// Steps that were found done.
pub fn there(at: Timestamp, steps: &[String]) -> Line {
    Line::at(0)
        .hang(12)
        .dim(time::clock(at))
        .tone(Tone::Good, "  there already: ")
        .plain(steps.join(", "))
}

/// An effect begins. The records of a written set follow as a diff.
pub fn acting(at: Timestamp, step: &str, action: &Action) -> Line {
    let what = match action {
        Action::WriteMx { .. } => "change the MX record set:".to_owned(),
        Action::WritePolicy { .. } => "publish the MTA-STS policy:".to_owned(),
        Action::WriteTxt { .. } => "change a TXT record set:".to_owned(),
        other => other.to_string(),
    };
    Line::at(0)
        .hang(12)
        .dim(time::clock(at))
        .plain("  ")
        .strong(step)
        .plain(format!(": {what}"))
}

/// An effect ended.
pub fn acted(at: Timestamp, step: &str, outcome: &Outcome) -> Line {
    let line = Line::at(0)
        .hang(12)
        .dim(time::clock(at))
        .plain("  ")
        .strong(step);
    match outcome {
        Outcome::Done { note, mx_host } => {
            let line = line.tone(Tone::Good, " written").plain(format!(": {note}"));
            match mx_host {
                Some(host) => line.plain(format!("; the new MX host is {host}")),
                None => line,
            }
        }
        Outcome::Asked { .. } => line.tone(Tone::Warn, " is left to you"),
        Outcome::Conflict { why } => line
            .tone(Tone::Bad, " conflict, nothing written: ")
            .plain(why),
        Outcome::Refused { why } => line.tone(Tone::Bad, " refused: ").plain(why),
        Outcome::Later { why, after } => line
            .tone(Tone::Warn, " not now: ")
            .plain(format!("{why}; again in {after} s")),
        Outcome::Unknown { why } => line
            .tone(Tone::Warn, " unknown outcome: ")
            .plain(format!("{why}; what became of it is observed")),
    }
}

/// What is needed to go back, before the first change (S8).
pub fn way_back(domain: &str, memory: &Memory) -> Page {
    let mut page = Page::new();
    page.gap();
    page.push(Line::at(0).strong("The way back, kept in the journal:"));
    match &memory.original {
        Some(original) => {
            page.push(Line::at(2).plain(
                "The MX record set as it was found. Writing it again brings the mail back:",
            ));
            for line in super::plan::zone_lines(domain, original) {
                page.push(Line::at(4).verbatim().plain(line));
            }
        }
        None => page
            .push(Line::at(2).plain("No MX record set was found, so there is none to go back to.")),
    }
    if let Some(found) = &memory.mta_sts.found
        && found.policy.mode != PolicyMode::None
    {
        page.push(Line::at(2).plain("The MTA-STS policy as it was found:"));
        for line in found.policy.body.lines() {
            page.push(Line::at(4).verbatim().plain(line));
        }
        let value = match (&found.record, &found.policy.id) {
            (Some(record), _) => record.to_string(),
            (None, Some(id)) => format!("with the id {id}"),
            (None, None) => String::new(),
        };
        page.push(
            Line::at(4)
                .verbatim()
                .plain(format!("TXT _mta-sts.{domain} {value}")),
        );
    }
    page.push(
        Line::at(2)
            .plain("Going back never touches DNSSEC: the zone stays signed, and the DS stays."),
    );
    page.push(Line::default());
    page
}

/// The way back and its cost, asked before a gate.
pub fn way_back_costs(cost: Option<std::time::Duration>) -> String {
    match cost {
        Some(cost) => format!(
            "going back from there reaches every sender within {}",
            time::duration(cost)
        ),
        None => "going back from there is not a matter of records".to_owned(),
    }
}

/// How a run ended, and what to do next. `full` where the decisions were not shown before.
pub fn ending(domain: &str, file: &Path, ending: &Ending, now: Timestamp, full: bool) -> Page {
    let again = format!("rollout apply {}", file.display());
    let mut page = Page::new();
    page.gap();
    match ending {
        Ending::Done => page.push(
            Line::at(0)
                .strong(domain)
                .tone(Tone::Good, ": every step is done"),
        ),
        Ending::NotYet { pending, wake } => {
            page.push(
                Line::at(0)
                    .strong(domain)
                    .tone(Tone::Warn, ": right, but not yet"),
            );
            page.extend(all(domain, pending, now, full));
            page.extend(come_back(*wake, now, &again));
        }
        Ending::Blocked {
            pending,
            could_not_tell,
        } => {
            let (tone, word) = if *could_not_tell {
                (
                    Tone::Warn,
                    ": it could not be told whether it is safe to go on",
                )
            } else {
                (Tone::Bad, ": blocked")
            };
            page.push(Line::at(0).strong(domain).tone(tone, word));
            page.extend(all(domain, pending, now, full));
            page.push(Line::at(0).plain(format!("When it is mended, run again: {again}")));
        }
        Ending::Braked(Brake::Pause) => {
            page.push(
                Line::at(0)
                    .strong(domain)
                    .tone(Tone::Warn, ": paused, as asked"),
            );
            page.push(Line::at(0).plain(format!("To go on: {again}")));
        }
        Ending::Braked(Brake::Abort) => {
            page.push(
                Line::at(0)
                    .strong(domain)
                    .tone(Tone::Bad, ": given up, as asked"),
            );
            page.push(Line::at(0).plain(format!(
                "Nothing was undone. The way back is in the journal: rollout history {domain}"
            )));
        }
        Ending::Interrupted => {
            page.push(
                Line::at(0)
                    .strong(domain)
                    .tone(Tone::Warn, ": interrupted; nothing is left half done"),
            );
            page.push(Line::at(0).plain(format!("To go on: {again}")));
        }
    }
    page
}

/// When to come back, and how.
pub fn come_back(wake: Option<Timestamp>, now: Timestamp, again: &str) -> Page {
    let mut page = Page::new();
    page.push(match wake {
        Some(wake) => Line::at(0).strong("Come back ").plain(format!(
            "{}, or let a timer call rollout resume: {again}",
            time::all_ways(wake, now)
        )),
        None => Line::at(0)
            .strong("Come back ")
            .plain(format!("when a person has answered: {again}")),
    });
    page
}

fn all(domain: &str, pending: &BTreeMap<String, Pending>, now: Timestamp, full: bool) -> Page {
    let mut page = Page::new();
    for (step, pending) in pending {
        if full {
            page.extend(in_full(domain, step, pending, now));
            continue;
        }
        let line = Line::at(2).strong(step).plain(": ");
        page.push(match pending {
            Pending::Wait(wait) => {
                line.plain(format!("waits {}: {}", until(wait, now), in_short(pending)))
            }
            _ => line.plain(in_short(pending)),
        });
        if let Pending::Ask(Question::Approve { gate, .. }) = pending {
            page.push(
                Line::at(4)
                    .dim("to agree: ")
                    .plain(approve_with(domain, gate)),
            );
        }
    }
    page
}

/// What a signal of the operating system does.
pub const STOPPING: &str =
    "Stopping: the effect in hand is finished first. Once more ends the program at once.";

/// That a person stopped every run.
pub fn stopped(why: &str) -> Line {
    Line::at(0)
        .tone(Tone::Bad, "No run makes a change: ")
        .plain(why)
        .plain(". To go on, take it away.")
}

/// That a run goes on with the playbook it began with.
pub fn playbook_changed(playbook: &str) -> Line {
    Line::at(0)
        .tone(Tone::Warn, "note: ")
        .plain(format!(
            "the playbook {playbook} was changed since this run began; the run goes on with the text it began with"
        ))
}

/// What a plan says of `on_failure: rollback`.
pub fn goes_back_by_itself() -> Line {
    Line::at(0).plain(
        "Should a change that was seen to work lose mail while it soaks, the run goes back by itself (on_failure: rollback).",
    )
}

/// That a run goes back by itself now.
pub fn going_back(domain: &str) -> Line {
    Line::at(0).tone(Tone::Warn, "going back: ").plain(format!(
        "what was seen to work for {domain} loses mail now, and its domain file says on_failure: rollback"
    ))
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
