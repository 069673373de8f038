//! Watches a walk for people: a line per decision, a countdown per wait, a question per gate.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::console::Console;
use super::messages;
use super::page::{Line, Page, Tone};
use super::progress::Countdowns;
use crate::engine::{Observer, Pending};
use crate::playbook::{Goal, PlannedStep, StepKind};
use crate::step::{Approval, Memory, Next, Question, Setup};
use crate::world::{Action, Estimates, Outcome};

/// Asks a person at the terminal; `None` when there is none, or no answer came.
pub trait Asker: Send {
    /// Shows the question and reads one line.
    fn ask(&mut self, question: &Line) -> Option<String>;

    /// Shows the question and reads what is pasted: every line that comes without a pause.
    fn ask_pasted(&mut self, question: &Line) -> Option<String> {
        self.ask(question)
    }
}

/// Watches one walk.
pub struct Terminal {
    console: Console,
    countdowns: Countdowns,
    domain: String,
    who: String,
    setup: Setup,
    estimates: Estimates,
    asker: Option<Box<dyn Asker>>,
    /// Which steps stand behind each gate.
    gates: BTreeMap<String, Goal>,
    declined: BTreeSet<String>,
    /// Steps that were found done; told together, since a run that goes on finds most of them so.
    there: Vec<String>,
    /// Steps that said something else before.
    moved: BTreeSet<String>,
    /// The TTL that the MX record set was last written or found with, in seconds.
    ttl: u32,
}

impl Terminal {
    /// Watches the walk of `setup.domain`; `asker` answers gates, when a person is there.
    pub fn new(
        console: Console,
        who: &str,
        steps: &[PlannedStep],
        setup: &Setup,
        estimates: Estimates,
        memory: &Memory,
        asker: Option<Box<dyn Asker>>,
    ) -> Self {
        let gates = steps
            .iter()
            .filter_map(|step| Some((step.gate.as_ref()?.name.clone(), step.goal)))
            .collect();
        Self {
            countdowns: Countdowns::new(console.clone()),
            console,
            domain: setup.domain.to_string(),
            who: who.to_owned(),
            setup: setup.clone(),
            estimates,
            asker,
            gates,
            declined: BTreeSet::new(),
            there: Vec::new(),
            moved: BTreeSet::new(),
            ttl: memory.expected.as_ref().map_or(0, |mx| mx.ttl),
        }
    }

    fn tell_there(&mut self, at: Timestamp) {
        let there = std::mem::take(&mut self.there);
        if !there.is_empty() {
            self.console.progress(messages::there(at, &there));
        }
    }

    /// How long a way back from behind a gate takes to reach every sender.
    fn cost(&self, gate: &str) -> Option<Duration> {
        match self.gates.get(gate)? {
            Goal::AddMx { .. }
            | Goal::SwapMx { .. }
            | Goal::RemoveMx
            | Goal::FinalTtl { .. }
            | Goal::RestoreMx { .. } => {
                Some(self.estimates.visible + self.setup.timing.lifetime(self.ttl))
            }
            // The parent's TTL is not known before the DS is there; a day is what registries use.
            Goal::Delegate => Some(self.estimates.delegation + self.setup.timing.lifetime(86_400)),
            _ => None,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tell_there(Timestamp::now());
    }
}

impl Observer for Terminal {
    fn step(&mut self, at: Timestamp, step: &PlannedStep, next: &Next) {
        self.countdowns.end(&step.id);
        // Preflight tells what is worth knowing.
        let quick = matches!(next, Next::Done(_)) && step.goal.kind() != StepKind::Preflight;
        if quick && !self.moved.contains(&step.id) {
            self.there.push(step.id.clone());
            return;
        }
        self.tell_there(at);
        self.moved.insert(step.id.clone());
        if let Next::Ask(Question::Approve { gate, .. }) = next
            && self.asker.is_some()
            && !self.declined.contains(gate)
        {
            // The question itself tells all of it.
            return;
        }
        if let Some(page) = messages::decision(at, &step.id, next, &self.domain) {
            self.console.progress(page);
        }
    }

    fn acting(&mut self, at: Timestamp, step: &PlannedStep, action: &Action) {
        self.countdowns.clear();
        self.console
            .progress(messages::acting(at, &step.id, action));
        if let Action::WriteMx { before, after } = action {
            let (gone, come) = super::plan::diff(&self.domain, before, after);
            let mut page = Page::new();
            for (tone, sign, lines) in [(Tone::Bad, '-', gone), (Tone::Good, '+', come)] {
                for line in lines {
                    page.push(Line::at(14).verbatim().tone(tone, format!("{sign} {line}")));
                }
            }
            self.console.progress(page);
        }
        let mut page = Page::new();
        for (tone, line) in super::plan::text_diff(action) {
            page.push(Line::at(14).verbatim().tone(tone, line));
        }
        if !page.is_empty() {
            self.console.progress(page);
        }
    }

    fn acted(&mut self, at: Timestamp, step: &PlannedStep, action: &Action, outcome: &Outcome) {
        if let (Action::WriteMx { after, .. }, Outcome::Done { .. }) = (action, outcome) {
            self.ttl = after.ttl;
        }
        self.console
            .progress(messages::acted(at, &step.id, outcome));
    }

    fn waiting(&mut self, at: Timestamp, pending: &BTreeMap<String, Pending>, wake: Timestamp) {
        self.tell_there(at);
        // Each change was told by its own line; the countdowns repeat it for somebody who watches.
        self.countdowns.show(pending, wake);
    }

    fn way_back(&mut self, _: Timestamp, memory: &Memory) {
        if let Some(original) = &memory.original {
            self.ttl = original.ttl;
        }
        // Shown even when quiet: S8.
        self.console
            .result(messages::way_back(&self.domain, memory));
    }

    fn ask(&mut self, gate: &str, about: &str, effect: &str) -> Option<Approval> {
        if self.declined.contains(gate) {
            return None;
        }
        let cost = messages::way_back_costs(self.cost(gate));
        self.asker.as_ref()?;
        self.tell_there(Timestamp::now());
        self.countdowns.clear();
        let mut page = Page::new();
        page.push(
            Line::at(0)
                .tone(Tone::Warn, format!("Gate {gate}: "))
                .plain(about),
        );
        page.push(Line::at(2).dim("effect: ").plain(effect));
        page.push(Line::at(2).dim("way back: ").plain(cost));
        self.console.remark(page);
        let answer = self
            .asker
            .as_mut()?
            .ask(&Line::at(0).strong("Agree? [y/N]"));
        if answer.is_some_and(|answer| is_yes(&answer)) {
            return Some(Approval {
                by: format!("{} at the terminal", self.who),
                at: Timestamp::now(),
            });
        }
        // Asked once: whoever said no is not asked again by this process.
        self.declined.insert(gate.to_owned());
        None
    }
}

/// Whether an answer agrees. Anything else does not.
pub fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
