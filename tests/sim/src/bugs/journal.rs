//! A journal that leaves out or misplaces.

use async_trait::async_trait;
use jiff::Timestamp;
use rollout::engine::store::{IntentId, StoreError};
use rollout::engine::{Journal, Note, Signals};
use rollout::step::Memory;
use rollout::world::{Action, Facts, Outcome};

use crate::journal::SimJournal;
use crate::world::Shared;

/// A journal that lies.
pub(super) struct LyingJournal {
    bug: &'static str,
    inner: SimJournal,
    /// An intent that was held back: when, step, action, memory.
    held: Option<(Timestamp, String, Action, Memory)>,
    /// The memory written last.
    before: Memory,
}

impl LyingJournal {
    pub(super) fn new(bug: &'static str, inner: SimJournal) -> Self {
        Self {
            bug,
            inner,
            held: None,
            before: Memory::default(),
        }
    }
}

#[async_trait]
impl Journal for LyingJournal {
    async fn intent(
        &mut self,
        at: Timestamp,
        step: &str,
        action: &Action,
        facts: &Facts,
        memory: &Memory,
    ) -> Result<IntentId, StoreError> {
        match self.bug {
            "no-intent" => Ok(IntentId::new()),
            "intent-after-effect" => {
                self.held = Some((at, step.to_owned(), action.clone(), memory.clone()));
                Ok(IntentId::new())
            }
            "memory-before-intent" => {
                let before = self.before.clone();
                self.inner.intent(at, step, action, facts, &before).await
            }
            _ => self.inner.intent(at, step, action, facts, memory).await,
        }
    }

    async fn outcome(
        &mut self,
        at: Timestamp,
        intent: IntentId,
        step: &str,
        outcome: &Outcome,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let intent = match self.held.take() {
            Some((at, step, action, memory)) => {
                self.inner
                    .intent(at, &step, &action, &Facts::default(), &memory)
                    .await?
            }
            None => intent,
        };
        if self.bug == "no-outcome" || self.bug == "no-intent" {
            return Ok(());
        }
        self.inner.outcome(at, intent, step, outcome, memory).await
    }

    async fn note(
        &mut self,
        at: Timestamp,
        mut notes: Vec<Note>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        if self.bug == "memory-before-intent" {
            self.before = memory.clone();
        }
        if self.bug == "no-way-back" {
            notes.retain(|note| !matches!(note, Note::WayBack(_)));
        }
        if self.bug == "lease-ignored" {
            let current = self.inner.shared.lock().log.fence;
            let own = std::mem::replace(&mut self.inner.fence, current);
            let written = self.inner.note(at, notes, memory).await;
            self.inner.fence = own;
            relabel(&self.inner.shared, own);
            return written;
        }
        self.inner.note(at, notes, memory).await
    }

    async fn signals(&mut self) -> Result<Signals, StoreError> {
        self.inner.signals().await
    }
}

/// The line written last is that of this process, whatever fence it showed.
fn relabel(shared: &Shared, own: u32) {
    if let Some(line) = shared.lock().log.lines.last_mut() {
        line.1 = own;
    }
}
