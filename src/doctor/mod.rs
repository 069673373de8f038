//! What a rollout needs before it begins: credentials, rights, reach. Changes nothing.
//!
//! [`gather()`] asks everything side by side and decides nothing; [`judge`] is pure and says of each check in the
//! [`catalogue`] whether it passed, and if not, who has to do what where.

pub mod catalogue;
mod check;
pub mod gather;
mod judge;
pub mod roles;
pub mod snippet;
#[cfg(test)]
pub(crate) mod tests;
pub mod view;

pub use catalogue::Rule;
pub use check::{Area, Check, Mend, State, Tally};
pub use gather::gather;
pub use judge::judge;
pub use snippet::{Snippet, Tool};
pub use view::View;
