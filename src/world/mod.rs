//! What can be observed and what can be done: the two halves of every world.
//!
//! A [`World`] asks and acts; it decides nothing. `apply` runs in the live world, `plan` in a model that
//! was seeded by one live observation, so a plan cannot drift from what apply does: it *is* apply.

mod action;
mod facts;
pub mod live;
mod model;
mod needs;
mod pasted;

use async_trait::async_trait;

/// An answer of Microsoft's that was not understood, as it came.
pub use crate::microsoft::Unread;
use crate::playbook::Goal;

pub use action::{Action, DelegationBy, Instructions, MxRrset, Outcome};
pub use facts::{
    AddressFacts, Advice, Answer, Arrives, Chain, Connector, ConnectorFacts, Delivery, DnsHost,
    DomainFlags, ExchangeFacts, Fact, Facts, FeatureState, HostFacts, Listing, OnFile, ParentFacts,
    ParentServer, PolicyFacts, PolicyMode, Profile, ProviderFacts, ServerFacts, SigningFacts,
    SmtpOutcome, TenantFacts, TlsaFacts, VantageFacts, Verdict, VerdictFacts, ZoneFacts,
};
pub use model::{Estimates, Model, UNNAMED_HOST};
pub use needs::Needs;
pub use pasted::{Pasted, PastedAnswers};

/// Something that can be observed and changed.
#[async_trait]
pub trait World: Send {
    /// Asks for the facts that are needed; everything else keeps its previous value in `facts`.
    ///
    /// Never fails: what could not be found out is a fact of its own ([`Fact::CouldNotTell`]).
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts);

    /// Makes one change. Never repeats it: an answer that did not come is [`Outcome::Unknown`].
    async fn perform(&mut self, action: &Action) -> Outcome;

    /// Answers that came since the last call and were not understood or reported a failure, as they came (redacted).
    /// For the journal alone; a model has none.
    fn unread(&mut self) -> Vec<Unread> {
        Vec::new()
    }

    /// A person was asked to bring a goal about by hand. Only a model has to act on it: in the real world
    /// somebody does it, and it is observed.
    async fn asked(&mut self, _goal: Goal) {}
}
