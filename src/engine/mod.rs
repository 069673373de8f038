//! The loop: observe, decide, journal the intent, perform, journal the outcome; and the state it keeps.

mod decide;
mod journal;
pub mod plan;
pub mod readiness;
pub mod run;
pub mod store;
mod store_journal;
mod walk;

pub use decide::decide;
pub use journal::{Journal, NoJournal, Note, Signals};
pub use walk::{Ending, Observer, Options, Pending, Silent, Walk, WalkError};

#[cfg(test)]
mod walk_tests;
