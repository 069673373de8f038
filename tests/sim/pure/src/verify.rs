//! The verdict on a domain, in words.

#[path = "../../../../src/verify/report.rs"]
mod report;

pub use report::{Report, Verdict};

/// What is looked at: nothing, here.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum DomainView {}
