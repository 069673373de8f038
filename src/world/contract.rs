//! What every world can do.

use async_trait::async_trait;

use super::{Action, Facts, Instructions, Needs, Outcome, Unread};

/// Something that can be observed and changed.
#[async_trait]
pub trait World: Send {
    /// Asks for the facts that are needed; everything else keeps its previous value in `facts`.
    ///
    /// Never fails: what could not be found out is a fact of its own ([`Fact::CouldNotTell`](super::Fact::CouldNotTell)).
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts);

    /// Makes one change. Never repeats it: an answer that did not come is [`Outcome::Unknown`].
    async fn perform(&mut self, action: &Action) -> Outcome;

    /// Answers that came since the last call and were not understood or reported a failure, as they came (redacted).
    /// For the journal alone; a model has none.
    fn unread(&mut self) -> Vec<Unread> {
        Vec::new()
    }

    /// A person was asked to do something by hand. Only a model has to act on it: in the real world somebody does it, and it
    /// is observed.
    async fn asked(&mut self, _instructions: &Instructions) {}
}
