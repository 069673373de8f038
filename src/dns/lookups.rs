//! Who answers a question with a verdict.

mod fixture;

use async_trait::async_trait;

use super::Dns;
use super::record::Kind;
use super::view::Validated;

pub use fixture::{Fixture, FixtureError};

/// Answers a name and type with a verdict: [`Dns`] from the network, a [`Fixture`] from a table of records where the
/// rules about looking things up are judged by themselves.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// Asks for `name`/`kind`, follows aliases, and says how far the answer can be trusted.
    async fn validate(&self, name: &str, kind: Kind) -> Validated;
}

#[async_trait]
impl Lookups for Dns {
    async fn validate(&self, name: &str, kind: Kind) -> Validated {
        Self::validate(self, name, kind).await
    }
}
