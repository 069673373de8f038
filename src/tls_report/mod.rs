//! Reports on SMTP TLS (RFC 8460): what senders met when they came to a domain's mail hosts.
//!
//! They come from anybody, as JSON and mostly gzipped: read within bounds ([`read`]), by a strict reader ([`Report`]), merged
//! ([`Summary`]), and judged ([`judge`]).

pub mod catalogue;
mod judge;
mod merge;
mod read;
mod report;
#[cfg(test)]
mod tests;

pub use judge::{judge, unreadable};
pub use merge::{Domain, Failure, FailureKey, Sessions, Summary};
pub use read::{LARGEST_PACKED, LARGEST_REPORT, read};
pub use report::{Detail, Policy, PolicyKind, Report, ReportError, ResultType};
