//! A plan for people.

use std::time::Duration;

use jiff::Timestamp;

use super::messages;
use super::page::{Line, Page, Tone};
use super::time;
use crate::engine::plan::{Plan, PlanStep};
use crate::playbook::PlannedStep;
use crate::world::{Action, MxRrset, TxtRrset};

/// The records of a set as a zone file writes them (RFC 1035 section 5.1).
pub fn zone_lines(domain: &str, mx: &MxRrset) -> Vec<String> {
    mx.set
        .iter()
        .map(|record| {
            let dot = if record.host.as_str().is_empty() {
                ""
            } else {
                "."
            };
            let (ttl, preference, host) = (mx.ttl, record.preference, &record.host);
            format!("{domain}. {ttl} IN MX {preference} {host}{dot}")
        })
        .collect()
}

/// The lines that go and the lines that come, in this order; a line in both is in neither.
pub fn diff(domain: &str, before: &MxRrset, after: &MxRrset) -> (Vec<String>, Vec<String>) {
    let (old, new) = (zone_lines(domain, before), zone_lines(domain, after));
    let gone = old
        .iter()
        .filter(|line| !new.contains(line))
        .cloned()
        .collect();
    let come = new
        .iter()
        .filter(|line| !old.contains(line))
        .cloned()
        .collect();
    (gone, come)
}

/// The lines of a policy, or of a TXT RRset, each with what becomes of it: it goes (`-`), comes (`+`), or stays.
pub fn text_diff(action: &Action) -> Vec<(Tone, String)> {
    let (old, new) = match action {
        Action::WritePolicy { before, after } => (lines_of(before), lines_of(&after.text)),
        Action::WriteTxt {
            name,
            before,
            after,
        } => {
            let lines = |set: &Option<TxtRrset>| -> Vec<String> {
                let line = |set: &TxtRrset, value| format!("{name}. {} IN TXT {value}", set.ttl);
                set.iter()
                    .flat_map(|set| set.values.iter().map(move |value| line(set, value)))
                    .collect()
            };
            (lines(before), lines(after))
        }
        _ => return Vec::new(),
    };
    let gone = old.iter().filter(|line| !new.contains(line));
    let mut shown: Vec<_> = gone.map(|line| (Tone::Bad, format!("- {line}"))).collect();
    shown.extend(new.iter().map(|line| {
        if old.contains(line) {
            (Tone::Plain, format!("  {line}"))
        } else {
            (Tone::Good, format!("+ {line}"))
        }
    }));
    shown
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Everything a plan says: what blocks it first, then each step, then the times.
pub fn page(plan: &Plan, steps: &[PlannedStep]) -> Page {
    let mut page = Page::new();
    page.push(
        Line::at(0)
            .strong(format!("Plan for {}", plan.domain))
            .plain(format!(
                ", playbook {}, on what was observed at {}",
                plan.playbook,
                time::utc(plan.at)
            )),
    );
    findings(plan, &mut page);
    page.gap();
    for (index, planned) in plan.steps.iter().enumerate() {
        let about = steps
            .iter()
            .find(|step| step.id == planned.id)
            .and_then(|step| step.gate.as_ref())
            .map(|gate| gate.about.as_str());
        step(plan, index + 1, planned, about, &mut page);
    }
    page.gap();
    times(plan, &mut page);
    page
}

fn findings(plan: &Plan, page: &mut Page) {
    if plan.findings.is_empty() {
        return;
    }
    page.gap();
    if plan.could_not_tell() {
        page.push(Line::at(0).tone(
            Tone::Warn,
            "It could not be told whether this is safe. Nothing would be done:",
        ));
    } else if plan.blocked() {
        page.push(Line::at(0).tone(Tone::Bad, "This is blocked. Nothing would be done:"));
    } else {
        page.push(Line::at(0).strong("Worth knowing:"));
    }
    for finding in &plan.findings {
        page.extend(messages::finding(2, finding));
    }
}

fn step(plan: &Plan, number: usize, step: &PlanStep, about: Option<&str>, page: &mut Page) {
    let line = Line::at(0)
        .hang(4)
        .dim(format!("{number:>2}  "))
        .strong(&step.id);
    if step.done_already {
        let how = step.how.as_deref().unwrap_or("it was seen");
        page.push(line.tone(Tone::Good, " there already: ").plain(how));
        return;
    }
    let idle = step.effects.is_empty() && step.by_hand.is_empty() && step.waits.is_empty();
    let line = match (&step.ends, idle) {
        (None, true) => line.dim(" not reached"),
        (None, false) => line.tone(Tone::Bad, " does not end"),
        (Some(ends), _) => line.plain(format!(
            " from {} to {}",
            offset(step.starts),
            offset(*ends)
        )),
    };
    page.push(line);
    if let Some(gate) = &step.gate {
        let about = about.unwrap_or("a person agrees");
        page.push(
            Line::at(4)
                .tone(Tone::Warn, format!("gate {gate}: "))
                .plain(about),
        );
    }
    for effect in &step.effects {
        page.push(
            Line::at(4)
                .dim(format!("{}  ", offset(effect.at)))
                .plain(what(&effect.action)),
        );
        changes(plan, &effect.action, page);
    }
    for instructions in &step.by_hand {
        page.push(
            Line::at(4)
                .tone(Tone::Warn, "by hand: ")
                .plain(&instructions.summary),
        );
        for line in &instructions.lines {
            page.block(8, line);
        }
    }
    for wait in &step.waits {
        let until = plan
            .at
            .checked_add(wait.from + wait.takes)
            .unwrap_or(plan.at);
        page.push(
            Line::at(4)
                .tone(Tone::Warn, format!("waits {}", time::duration(wait.takes)))
                .plain(format!(
                    ", until {} ({})",
                    offset(wait.from + wait.takes),
                    time::deadline(until)
                )),
        );
        page.extend(messages::reasons(6, &wait.wait));
    }
    if let Some(how) = step.how.as_deref().filter(|_| step.ends.is_some()) {
        page.push(Line::at(4).dim("done when: ").plain(how));
    }
    if let Some(cost) = step.way_back {
        page.push(Line::at(4).dim(messages::way_back_costs(Some(cost))));
    }
}

fn what(action: &Action) -> String {
    match action {
        Action::WriteMx { .. } => "changes the MX record set:".to_owned(),
        Action::WritePolicy { .. } => "publishes the MTA-STS policy:".to_owned(),
        Action::WriteTxt { .. } => "changes a TXT record set:".to_owned(),
        Action::PublishDs { .. } => "publishes at the parent:".to_owned(),
        Action::WithdrawDs { .. } => "takes from the parent:".to_owned(),
        Action::UnsignZone => "has the provider stop signing the zone".to_owned(),
        Action::SignZone => "has the provider sign the zone".to_owned(),
        Action::EnableDnssec => {
            "runs Enable-DnssecForVerifiedDomain; Microsoft assigns the new host".to_owned()
        }
        Action::EnableDane => {
            "runs Enable-SmtpDaneInbound; Microsoft publishes TLSA records".to_owned()
        }
        Action::DisableDane => {
            "runs Disable-SmtpDaneInbound; Microsoft withdraws the TLSA records".to_owned()
        }
    }
}

fn changes(plan: &Plan, action: &Action, page: &mut Page) {
    match action {
        Action::WriteMx { before, after } => {
            let (gone, come) = diff(&plan.domain, before, after);
            for line in gone {
                page.push(Line::at(6).verbatim().tone(Tone::Bad, format!("- {line}")));
            }
            for line in come {
                page.push(Line::at(6).verbatim().tone(Tone::Good, format!("+ {line}")));
            }
        }
        Action::WritePolicy { .. } | Action::WriteTxt { .. } => {
            for (tone, line) in text_diff(action) {
                page.push(Line::at(6).verbatim().tone(tone, line));
            }
        }
        Action::PublishDs { ds } => {
            for key in ds {
                let line = format!("+ {}. IN DS {}", plan.domain, key.as_str());
                page.push(Line::at(6).verbatim().tone(Tone::Good, line));
            }
        }
        Action::WithdrawDs { ds } => {
            for key in ds {
                let line = format!("- {}. IN DS {}", plan.domain, key.as_str());
                page.push(Line::at(6).verbatim().tone(Tone::Bad, line));
            }
        }
        _ => {}
    }
}

fn times(plan: &Plan, page: &mut Page) {
    if !plan.critical_path.is_empty() {
        page.push(
            Line::at(0)
                .strong("Critical path: ")
                .plain(plan.critical_path.join(" > ")),
        );
    }
    match plan.total {
        Some(total) if !total.is_zero() || plan.changes() => {
            let end = plan.at.checked_add(total).unwrap_or(Timestamp::MAX);
            page.push(Line::at(0).strong("Total: ").plain(format!(
                "{}, so until {} if it starts now and nobody is waited for at a gate",
                time::duration(total),
                time::deadline(end)
            )));
            let closed = plan.outside_windows();
            if !closed.is_zero() {
                page.push(Line::at(0).strong("Change windows: ").plain(format!(
                    "for {} of it, a change waits for a window to open or a freeze to end",
                    time::duration(closed)
                )));
            }
            page.push(
                Line::at(0)
                    .strong("T_min: ")
                    .plain(least(plan.least, total)),
            );
        }
        Some(_) => {
            page.push(Line::at(0).tone(Tone::Good, "Everything is there already. Nothing to do."))
        }
        None => page.push(
            Line::at(0)
                .strong("Total: ")
                .plain("cannot be said, since the plan does not reach its end"),
        ),
    }
}

/// The lower bound, and how close the plan comes.
fn least(least: Duration, total: Duration) -> String {
    let bound = format!(
        "{}, the least that caches and other services allow",
        time::duration(least)
    );
    if least.is_zero() {
        return bound;
    }
    format!(
        "{bound}; total / T_min = {:.2}",
        total.as_secs_f64() / least.as_secs_f64()
    )
}

/// A time from the start of the run.
fn offset(from_start: Duration) -> String {
    if from_start.is_zero() {
        "the start".to_owned()
    } else {
        format!("+{}", time::duration(from_start))
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
