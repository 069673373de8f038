//! The words of the store: what is written down, and what can go wrong with it.

#[path = "../../../../src/engine/store/birth.rs"]
mod birth;
#[path = "../../../../src/engine/store/entry.rs"]
mod entry;
#[path = "../../../../src/engine/store/error.rs"]
mod error;
#[path = "../../../../src/engine/store/ids.rs"]
mod ids;
#[path = "../../../../src/engine/store/lease.rs"]
mod lease;
#[path = "../../../../src/engine/store/run.rs"]
mod run;

pub use error::{FencedBecause, StoreError};
pub use ids::{Fence, IntentId, RunId};
pub use run::Brake;
