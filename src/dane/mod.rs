//! What a sender experiences at an MX host: TLSA matching, SMTP with STARTTLS, MTA-STS.
//!
//! Asks and judges one connection; decides nothing about the rollout.

mod address;
pub mod certificate;
pub mod discover;
pub mod host;
pub mod judgement;
mod look;
pub mod mta_sts;
pub mod mta_sts_fetch;
mod path;
pub mod probe;
pub mod prober;
pub mod sender;
mod smtp;
mod tls;
pub mod tlsa;
pub mod webpki;

pub use certificate::Certificate;
pub use discover::{Destination, Discovery, Oddity, Route, discover};
pub use host::{AddressView, HostOutcome, HostView, TlsaView, Variant, WebPki};
pub use judgement::{Judgement, Outcome, RecordResult, RecordVerdict};
pub use look::{ask_anyway, observe_destination, observe_host};
pub use mta_sts::{Coverage, Mode, MtaStsView, Policy, StsRecord, coverage, matches};
pub use mta_sts_fetch::{HttpsSettings, fetch_policy, look_up_record};
pub use probe::{KeyType, Probe, ProbeResult, Recipient, SmtpSettings, probe};
pub use prober::{Examined, Prober};
pub use tlsa::judge;
pub use webpki::WebRoots;

#[cfg(test)]
mod tests;
