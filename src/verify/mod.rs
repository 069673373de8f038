//! The verdict on a domain: can mail reach it, and is it protected?
//!
//! Without credentials and without state. Two halves, as everywhere: [`Verifier`] asks and decides nothing;
//! [`judge`] looks at what was seen and asks nobody. The rollout's own gates use the same two.

pub mod report;
pub mod view;

pub use report::{Report, Row, Verdict};
pub use view::DomainView;
