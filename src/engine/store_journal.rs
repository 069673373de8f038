//! The journal of a run that has a store: every write carries the fence of its lease.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::journal::{Journal, Note, Signals};
use super::store::{
    Entry, GateEvent, GateVerdict, IntentId, Lease, SqliteStore, Store, StoreError, StoreReader,
    Transition,
};
use crate::step::Memory;
use crate::world::{Action, Facts, Outcome};

/// The journal of a run in the store.
pub(super) struct StoreJournal {
    pub(super) store: SqliteStore,
    pub(super) lease: Lease,
}

impl StoreJournal {
    async fn append(&self, entries: Vec<Entry>, memory: &Memory) -> Result<(), StoreError> {
        let mut transition = Transition::entries(entries);
        // A memory is plain data with string keys; turning it into JSON cannot fail.
        transition.memory = serde_json::to_value(memory).ok();
        self.store.append(&self.lease, transition).await.map(drop)
    }
}

#[async_trait]
impl Journal for StoreJournal {
    async fn intent(
        &mut self,
        at: Timestamp,
        step: &str,
        action: &Action,
        facts: &Facts,
        memory: &Memory,
    ) -> Result<IntentId, StoreError> {
        let body = json!({"step": step, "action": action, "evidence": facts});
        let (id, entry) = Entry::intent(at, body);
        self.append(vec![entry], memory).await?;
        Ok(id)
    }

    async fn outcome(
        &mut self,
        at: Timestamp,
        intent: IntentId,
        step: &str,
        outcome: &Outcome,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let body = json!({"step": step, "outcome": outcome});
        self.append(vec![Entry::outcome(at, intent, body)], memory)
            .await
    }

    async fn note(
        &mut self,
        at: Timestamp,
        notes: Vec<Note>,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let entries = notes
            .into_iter()
            .map(|note| match note {
                Note::Decision(decision) => Entry::decision(at, decision.body()),
                Note::WayBack(body) => Entry::way_back(at, body),
                Note::Unread(unread) => Entry::observation(at, json!({"unread": unread})),
                Note::GateOpened { gate, about } => Entry::gate(
                    at,
                    &GateEvent {
                        gate,
                        verdict: GateVerdict::Opened,
                        by: "rollout".to_owned(),
                        note: Some(about),
                    },
                ),
                Note::GateApproved { gate, approval } => Entry::gate(
                    at,
                    &GateEvent {
                        gate,
                        verdict: GateVerdict::Approved,
                        by: approval.by,
                        note: None,
                    },
                ),
            })
            .collect();
        self.append(entries, memory).await
    }

    async fn signals(&mut self) -> Result<Signals, StoreError> {
        let run = self.lease.run;
        let brake = self.store.run(run).await?.and_then(|run| run.brake);
        let gates = self
            .store
            .gates(run)
            .await?
            .into_iter()
            .filter(|event| event.verdict != GateVerdict::Opened)
            .map(|event| (event.gate, event.verdict == GateVerdict::Approved, event.by))
            .collect();
        Ok(Signals { brake, gates })
    }
    fn stopped(&self) -> Option<String> {
        self.store.stopped()
    }
}
