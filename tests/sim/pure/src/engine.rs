//! The loop, without the database.

#[path = "../../../../src/engine/decide.rs"]
mod decide;
#[path = "../../../../src/engine/journal.rs"]
mod journal;
#[path = "../../../../src/engine/walk/mod.rs"]
mod walk;

pub use crate::store;
pub use decide::decide;
pub use journal::{Journal, NoJournal, Note, Signals};
pub use walk::{Ending, Observer, Options, Pending, Silent, Walk, WalkError};
