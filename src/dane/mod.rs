//! What a sender experiences at an MX host: TLSA matching, SMTP with STARTTLS, MTA-STS.
//!
//! Asks and judges one connection; decides nothing about the rollout.

mod address;
pub mod captured;
pub mod certificate;
mod digest;
pub mod discover;
mod examination;
pub mod host;
pub mod judgement;
mod key;
mod look;
mod memory;
pub mod mta_sts;
pub mod mta_sts_fetch;
pub mod parameter_sets;
mod path;
pub mod probe;
pub mod prober;
pub mod sender;
mod smtp;
mod talk;
mod tls;
pub mod tlsa;
mod visits;
pub mod webpki;

pub use captured::{Captured, CapturedError};
pub use certificate::Certificate;
pub(crate) use discover::reference_names;
pub use discover::{Destination, Discovery, Oddity, Route, discover};
pub use host::{AddressView, HostOutcome, HostView, TlsaView, Variant, WebPki};
pub use judgement::{Judgement, Outcome, RecordResult, RecordVerdict};
pub use look::{ask_anyway, observe_destination, observe_host};
pub use mta_sts::{Coverage, Mode, MtaStsView, Policy, StsRecord, coverage, matches};
pub use mta_sts_fetch::{HttpsSettings, fetch_policy, look_up_record};
pub use parameter_sets::{ParameterSet, parameter_sets, would_need};
pub use probe::{Hello, KeyType, Probe, ProbeResult, Recipient, SmtpSettings, TlsVersions};
pub use prober::{Examined, Prober};
pub use tlsa::judge;
pub use webpki::WebRoots;

#[cfg(test)]
mod tests;
