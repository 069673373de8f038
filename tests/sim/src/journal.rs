//! The journal in memory: what the engine wrote down, and whether it may be a run.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use rollout::engine::store::{Fence, FencedBecause, IntentId, RunId, StoreError};
use rollout::engine::{Journal, Note, Signals};
use rollout::playbook::PlannedStep;
use rollout::step::Memory;
use rollout::world::{Action, Facts, Outcome};

use crate::scenario::Ms;
use crate::truth::Request;
use crate::world::{Shared, Sim};

/// A line of the journal.
#[derive(Clone, Debug)]
pub enum Line {
    /// An effect is about to be made.
    Intent {
        /// Its id.
        id: IntentId,
        /// For which step.
        step: String,
        /// What.
        request: Request,
    },
    /// What came of it.
    Outcome {
        /// Of which intent.
        id: IntentId,
        /// Whether it is known to be made, or a person to have been asked.
        taken: bool,
    },
    /// The way back.
    WayBack,
    /// A person passed a gate.
    Gate(String),
    /// Anything else.
    Note,
}

/// Everything that was written down.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The lines: when, by which process, what.
    pub lines: Vec<(Ms, u32, Line)>,
    /// The fence that is current: the process that drives the run.
    pub fence: u32,
    /// The memory written last, where it may be needed.
    pub memory: Option<Memory>,
    /// Whether memories are kept.
    pub keeps_memory: bool,
    /// Steps that a process said were done, by process.
    pub done: Vec<(u32, String)>,
    /// The way back was kept without an MX set.
    pub without_mx: bool,
    /// When a gate was opened, and from when on it is passed.
    pub gates: BTreeMap<String, Ms>,
}

impl Log {
    /// What a process finds that goes on from here.
    #[must_use]
    pub fn mark(&self) -> LogMark {
        LogMark {
            lines: self.lines.len(),
            fence: self.fence,
            gates: self.gates.clone(),
            memory: self.memory.clone(),
        }
    }

    /// Whether a process that goes on from here finds what it would have found there, earlier in the same run.
    #[must_use]
    pub fn leaves_the_same(&self, earlier: &LogMark) -> bool {
        let notes = |(_, _, line): &(Ms, u32, Line)| matches!(line, Line::Note);
        self.fence == earlier.fence
            && self.lines[earlier.lines..].iter().all(notes)
            && self.gates == earlier.gates
            && self.memory == earlier.memory
    }

    /// Intents without an outcome, by step.
    #[must_use]
    pub fn open(&self) -> BTreeMap<String, IntentId> {
        let mut open = BTreeMap::new();
        for (_, _, line) in &self.lines {
            match line {
                Line::Intent { id, step, .. } => {
                    open.insert(step.clone(), *id);
                }
                Line::Outcome { id, .. } => open.retain(|_, known| known != id),
                _ => {}
            }
        }
        open
    }
}

/// What a process finds that goes on from an instant.
#[derive(Clone, Debug)]
pub struct LogMark {
    lines: usize,
    fence: u32,
    gates: BTreeMap<String, Ms>,
    memory: Option<Memory>,
}

/// One process's handle on the journal.
#[derive(Clone, Debug)]
pub struct SimJournal {
    /// Everything.
    pub shared: Shared,
    /// This process's fence.
    pub fence: u32,
    /// The gates that this process knows to be passed: nobody takes that back.
    pub told: Vec<String>,
}

impl SimJournal {
    /// Writes lines, if this process may.
    async fn write(&self, lines: Vec<Line>, memory: &Memory) -> Result<(), StoreError> {
        self.shared.point("before a journal write").await;
        {
            let mut sim = self.shared.lock();
            if sim.log.fence != self.fence {
                return Err(StoreError::Fenced {
                    run: RunId::new(),
                    fence: Fence(u64::from(self.fence)),
                    because: FencedBecause::TakenOver {
                        current: Fence(u64::from(sim.log.fence)),
                        by: None,
                    },
                });
            }
            let now = sim.truth.now;
            let fence = self.fence;
            sim.truth.remembered |= sim.truth.seen;
            sim.log
                .lines
                .extend(lines.into_iter().map(|line| (now, fence, line)));
            if sim.log.keeps_memory {
                sim.log.memory = Some(memory.clone());
            }
        }
        self.shared.point("after a journal write").await;
        Ok(())
    }
}

#[async_trait]
impl Journal for SimJournal {
    async fn intent(
        &mut self,
        _: Timestamp,
        step: &str,
        action: &Action,
        _: &Facts,
        memory: &Memory,
    ) -> Result<IntentId, StoreError> {
        let id = IntentId::new();
        let request = self.shared.lock().request(action);
        let step = step.to_owned();
        self.write(vec![Line::Intent { id, step, request }], memory)
            .await?;
        Ok(id)
    }

    async fn outcome(
        &mut self,
        _: Timestamp,
        id: IntentId,
        _: &str,
        outcome: &Outcome,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let taken = matches!(outcome, Outcome::Done { .. } | Outcome::Asked { .. });
        self.write(vec![Line::Outcome { id, taken }], memory).await
    }

    async fn note(
        &mut self,
        _: Timestamp,
        notes: Vec<Note>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let mut lines = Vec::with_capacity(notes.len());
        for note in notes {
            lines.push(match note {
                Note::WayBack(kept) => {
                    self.shared.lock().judge_way_back(&kept);
                    Line::WayBack
                }
                Note::GateApproved { gate, .. } => Line::Gate(gate),
                Note::GateOpened { gate, .. } => {
                    let mut sim = self.shared.lock();
                    let people = sim.truth.scenario.people;
                    let passed = sim.truth.now + sim.truth.rng.range(0, people);
                    sim.log.gates.entry(gate).or_insert(passed);
                    Line::Note
                }
                Note::Decision(_) | Note::Unread(_) => Line::Note,
            });
        }
        self.write(lines, memory).await
    }

    async fn signals(&mut self) -> Result<Signals, StoreError> {
        let sim = self.shared.lock();
        let now = sim.truth.now;
        let mut gates = Vec::new();
        for (gate, passed) in &sim.log.gates {
            if *passed <= now && !self.told.contains(gate) {
                self.told.push(gate.clone());
                gates.push((gate.clone(), true, "a person".to_owned()));
            }
        }
        Ok(Signals { brake: None, gates })
    }
}

impl Sim {
    /// The way back has to be what was really found. A run that changes no MX set may begin where none could be seen.
    pub(crate) fn judge_way_back(&mut self, kept: &serde_json::Value) {
        self.log.without_mx = kept["mx"].is_null();
        if self.log.without_mx {
            return;
        }
        let (set, ttl) = self.truth.original;
        let mut found: Vec<(u16, String)> = self
            .truth
            .sets
            .get(set)
            .iter()
            .map(|(preference, host)| {
                (
                    *preference,
                    crate::truth::NAMES[usize::from(*host)].to_owned(),
                )
            })
            .collect();
        found.sort();
        let set = kept["mx"]["set"].as_array().cloned().unwrap_or_default();
        let mut written: Vec<(u16, String)> = set
            .iter()
            .filter_map(|mx| {
                let preference = u16::try_from(mx["preference"].as_u64()?).ok()?;
                Some((preference, mx["host"].as_str()?.to_owned()))
            })
            .collect();
        written.sort();
        if !self.truth.meddled && (written != found || kept["mx"]["ttl"] != ttl) {
            let what = format!(
                "the way back is kept as {}, but {found:?} was found",
                kept["mx"]
            );
            self.truth.oracle.violation(self.truth.now, "I6", what);
        }
    }

    /// What must be in the journal before a request leaves (S6, S8, S9).
    pub fn judge_before_effect(&mut self, request: Request) {
        let now = self.truth.now;
        let intent = match self.log.lines.last() {
            Some((_, _, Line::Intent { request, .. })) => Some(*request),
            _ => None,
        };
        // What a set must be before is the guard's business, and judged there.
        let same = match (intent, request) {
            (Some(Request::Mx { after: planned, .. }), Request::Mx { after, .. }) => {
                planned == after
            }
            // What a policy says is for senders to judge.
            (Some(Request::Policy { .. }), Request::Policy { .. }) => true,
            (intent, request) => intent == Some(request),
        };
        if !same {
            let what = format!("{request:?} leaves and the journal does not end with its intent");
            self.truth.oracle.violation(now, "S6", what);
        }
        let mut lines = self.log.lines.iter();
        let without = self.log.without_mx && matches!(request, Request::Mx { .. });
        if without || !lines.any(|(_, _, line)| matches!(line, Line::WayBack)) {
            let what = format!("{request:?} leaves before the way back is kept");
            self.truth.oracle.violation(now, "S8", what);
        }
    }

    /// What a person was asked to do, or a registry took, is not asked for again: not as long as the first request is under
    /// way, nor once it is made. Only where nobody wrote down that it was taken, it may have been lost.
    pub fn judge_asked_again(&mut self, request: Request, by_hand: bool) {
        let of_registry = matches!(request, Request::Ds(_) | Request::Withdraw(_));
        if !(by_hand || of_registry) || self.truth.meddled {
            return;
        }
        let mut earlier = self.log.lines.iter().rev().skip(1);
        let last = earlier.find_map(|(_, _, line)| match line {
            Line::Intent {
                id, request: last, ..
            } if last.kind() == request.kind() => Some((*id, *last)),
            _ => None,
        });
        let Some((id, _)) = last.filter(|(_, last)| *last == request) else {
            return;
        };
        let taken =
            self.log.lines.iter().any(
                |(_, _, line)| matches!(line, Line::Outcome { id: of, taken: true } if *of == id),
            );
        let mut sent = self.truth.requests.iter().rev();
        let first = sent.find(|sent| sent.request == request);
        if taken && first.is_some_and(|sent| !sent.lost && !sent.conflict) {
            let what = format!("{request:?} is asked for again, although it was taken");
            self.truth.oracle.violation(self.truth.now, "S6", what);
        }
    }

    /// Whether the journal is a beginning of a run that may be (S6, S9, gates, order).
    pub fn judge_journal(&mut self, steps: &[PlannedStep]) {
        let now = self.truth.now;
        let mut found = Vec::new();
        let mut open: Option<(u32, IntentId)> = None;
        let mut known = Vec::new();
        let mut fence = 0;
        let lines = self.log.lines.iter();
        for (at, process, line) in lines {
            if *process < fence {
                found.push((
                    "S9",
                    format!("process {process} wrote after process {fence} had taken over"),
                ));
            }
            fence = fence.max(*process);
            match line {
                Line::Intent { id, step, request } => {
                    if let Some((by, _)) = open
                        && by == *process
                    {
                        found.push((
                            "S6",
                            format!("{step}: an intent before the outcome of the one before"),
                        ));
                    }
                    open = Some((*process, *id));
                    known.push(*id);
                    let Some(planned) = steps.iter().find(|planned| planned.id == *step) else {
                        continue;
                    };
                    if let Some(gate) = &planned.gate
                        && self
                            .log
                            .gates
                            .get(&gate.name)
                            .is_none_or(|passed| passed > at)
                    {
                        found.push((
                            "gate",
                            format!("{request:?} before anybody passed {}", gate.name),
                        ));
                    }
                    for need in &planned.needs {
                        if !self
                            .log
                            .done
                            .iter()
                            .any(|(by, done)| by == process && done == need)
                        {
                            found.push(("order", format!("{step} acts before {need} is done")));
                        }
                    }
                }
                Line::Outcome { id, .. } => {
                    if !known.contains(id) {
                        found.push(("S6", "an outcome without an intent".to_owned()));
                    }
                    open = open.filter(|(_, of)| of != id);
                }
                _ => {}
            }
        }
        for (rule, what) in found {
            self.truth.oracle.violation(now, rule, what);
        }
    }
}
