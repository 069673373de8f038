//! What a sender experiences at an MX host: TLSA matching, SMTP with STARTTLS, MTA-STS.
//!
//! Asks and judges one connection; decides nothing about the rollout.

pub mod host;
pub mod judgement;
pub mod mta_sts;
pub mod probe;

pub use host::{AddressView, HostOutcome, HostView, TlsaView, WebPki};
pub use judgement::{Judgement, Outcome, RecordResult, RecordVerdict};
pub use mta_sts::{Mode, MtaStsView, Policy, StsRecord};
pub use probe::{Certificate, Probe, ProbeResult, Recipient};
