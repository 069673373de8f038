//! Standing still: until when, and hearing people meanwhile.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Ending, Pending, Walk, WalkError};
use crate::engine::journal::Note;
use crate::engine::store::Brake;
use crate::playbook::StepKind;
use crate::step::{Approval, Question, Severity, WaitFor};

/// However long something takes, it is looked for this often.
const SELDOM: SignedDuration = SignedDuration::from_mins(5);

impl Walk<'_> {
    /// What people said meanwhile.
    pub(super) async fn listen(&mut self) -> Result<Option<Brake>, WalkError> {
        let signals = self.journal.signals().await?;
        for (gate, approved, by) in signals.gates {
            if approved {
                let at = self.clock.now();
                self.memory
                    .approvals
                    .entry(gate)
                    .or_insert(Approval { by, at });
            } else {
                self.memory.approvals.remove(&gate);
            }
        }
        Ok(signals.brake)
    }

    /// Lets a person at the terminal answer open gates.
    pub(super) async fn answer_gates(
        &mut self,
        pending: &BTreeMap<String, Pending>,
    ) -> Result<bool, WalkError> {
        let mut answered = false;
        for waiting in pending.values() {
            let Pending::Ask(Question::Approve {
                gate,
                about,
                effect,
            }) = waiting
            else {
                continue;
            };
            if let Some(approval) = self.observer.ask(gate, about, effect) {
                let at = self.clock.now();
                self.memory.approvals.insert(gate.clone(), approval.clone());
                let note = Note::GateApproved {
                    gate: gate.clone(),
                    approval,
                };
                self.journal.note(at, vec![note], &self.memory).await?;
                answered = true;
            }
        }
        Ok(answered)
    }

    /// Whether findings end the walk. A question without an answer is asked again a few times first.
    pub(super) fn blocked(
        &self,
        pending: &BTreeMap<String, Pending>,
        unclear: &mut u32,
    ) -> Option<Ending> {
        let stopping: BTreeMap<_, _> = pending
            .iter()
            .filter(|(_, p)| matches!(p, Pending::Blocked { .. }))
            .map(|(id, p)| (id.clone(), p.clone()))
            .collect();
        if stopping.is_empty() {
            *unclear = 0;
            return None;
        }
        let could_not_tell = stopping.values().all(|p| {
            let Pending::Blocked { findings } = p else {
                return false;
            };
            findings
                .iter()
                .filter(|f| f.stops())
                .all(|f| f.severity == Severity::CouldNotTell)
        });
        *unclear += 1;
        let at_start = stopping.keys().any(|id| {
            self.steps
                .iter()
                .any(|s| s.id == *id && s.goal.kind() == StepKind::Preflight)
        });
        if could_not_tell && !at_start && self.options.wait && *unclear < self.options.patience {
            return None;
        }
        Some(Ending::Blocked {
            pending: stopping,
            could_not_tell,
        })
    }

    /// When the next look is worth it; `None` when only a person can go on.
    pub(super) fn wake(&self, pending: &BTreeMap<String, Pending>) -> Option<Timestamp> {
        let now = self.clock.now();
        let poll = now.checked_add(self.options.poll).unwrap_or(now);
        pending
            .iter()
            .filter_map(|(step, p)| match p {
                Pending::Wait(wait) if wait.kind.worth_polling() => {
                    let again = self.seldom(self.memory.expected_since.get(step), now, poll);
                    Some(wait.until.map_or(again, |until| until.min(again)))
                }
                // Whoever takes the stop file away tells nobody.
                Pending::Wait(wait) if wait.kind == WaitFor::Stop => Some(poll),
                Pending::Wait(wait) if wait.kind == WaitFor::Soak && self.options.wait => wait
                    .until
                    .map(|until| poll.max(a_tenth_on(now, until)).min(until)),
                Pending::Wait(wait) => wait.until,
                // What only a person can tell is worth no look.
                Pending::Ask(Question::ByHand { instructions }) => {
                    let again = self.seldom(self.memory.asked_at.get(step), now, poll);
                    instructions.answer.is_none().then_some(again)
                }
                Pending::Blocked { .. } => Some(poll),
                Pending::Ask(Question::Approve { .. }) => None,
            })
            .min()
            .map(|wake| wake.max(now))
    }

    /// What is long in coming is looked for less often: after a twentieth of the time that it took so far, and no later than
    /// [`SELDOM`]. Nobody is told much later, and name servers, APIs and mail hosts are not asked all day long.
    fn seldom(&self, since: Option<&Timestamp>, now: Timestamp, poll: Timestamp) -> Timestamp {
        let so_far = since.map_or(SignedDuration::ZERO, |since| now.duration_since(*since));
        let again = now.checked_add((so_far / 20).min(SELDOM)).unwrap_or(poll);
        poll.max(again)
    }

    /// Stands still until `wake`, hearing people meanwhile.
    pub(super) async fn stand_still(
        &mut self,
        wake: Timestamp,
    ) -> Result<Option<Brake>, WalkError> {
        loop {
            let now = self.clock.now();
            let slice = match self.options.listen {
                Some(listen) => now.checked_add(listen).unwrap_or(wake).min(wake),
                None => wake,
            };
            let mut stop = self.stop.clone();
            tokio::select! {
                () = self.clock.sleep_until(slice) => {}
                stopped = stop.wait_for(|stop| *stop) => {
                    if stopped.is_ok() {
                        return Ok(None);
                    }
                    // Nobody can stop this walk any more: only time can end the wait.
                    self.clock.sleep_until(slice).await;
                }
            }
            let approvals = self.memory.approvals.len();
            if let Some(brake) = self.listen().await? {
                return Ok(Some(brake));
            }
            if slice >= wake || approvals != self.memory.approvals.len() {
                return Ok(None);
            }
        }
    }
}

/// A tenth of the way to `until`: a soak is looked at along its way, a long one not a thousand times.
fn a_tenth_on(now: Timestamp, until: Timestamp) -> Timestamp {
    now.checked_add(until.duration_since(now) / 10)
        .unwrap_or(until)
}
