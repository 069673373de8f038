//! The verdict on a domain: can mail reach it, and is it protected?
//!
//! Without credentials and without state. Two halves, as everywhere: [`Verifier`] asks and decides nothing; [`judge`]
//! looks at what was seen and asks nobody. The rollout's own gates use the same two.

pub mod catalogue;
mod evidence;
mod judge;
pub mod report;
mod rows;
mod verifier;
pub mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use catalogue::{Concern, Rule};
pub use judge::judge;
pub use report::{Report, Row, Verdict};
pub use verifier::{Extent, Verifier};
pub use view::{DomainView, MxHost, Wish};
