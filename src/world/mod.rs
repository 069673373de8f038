//! What can be observed and what can be done: the two halves of every world.
//!
//! A [`World`] asks and acts; it decides nothing. `apply` runs in the live world, `plan` in a model that
//! was seeded by one live observation, so a plan cannot drift from what apply does: it *is* apply.

mod action;
mod contract;
mod facts;
pub mod live;
mod model;
mod needs;
mod pasted;

/// An answer of Microsoft's that was not understood, as it came.
pub use crate::microsoft::Unread;
pub use action::{Action, DelegationBy, Instructions, MxRrset, Outcome, PolicyText, TxtRrset};
pub use contract::World;
pub use facts::{
    AddressFacts, Advice, Answer, Arrives, Chain, Connector, ConnectorFacts, Delivery, DnsHost,
    DomainFlags, ExchangeFacts, Fact, Facts, FeatureState, HandsOver, HostFacts, Listing, OnFile,
    ParentFacts, ParentServer, PolicyFacts, PolicyMode, Profile, ProviderFacts, ServerFacts,
    SigningFacts, SmtpOutcome, TenantFacts, TlsaFacts, VantageFacts, Verdict, VerdictFacts,
    ZoneFacts,
};
pub use model::{Estimates, Model, UNNAMED_HOST};
pub use needs::Needs;
pub use pasted::{Pasted, PastedAnswers};
