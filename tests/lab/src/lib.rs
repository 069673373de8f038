//! A small signed internet in one process, on loopback.
//!
//! It holds what `rollout` meets outside: a signed root with top-level domains, Microsoft's mail zones (the legacy one
//! unsigned and odd, the new one signed), changeable customer zones behind a DNS provider's API, mail hosts with STARTTLS,
//! sign-in, Graph, Exchange admin, MTA-STS policies, and caching resolvers to look through. Times are seconds instead of hours.
//! Things can go wrong on demand ([`Faults`]), and every request that reaches an API is written down ([`Lab::log`]).
//!
//! The laboratory runs on threads of its own, so it serves async and blocking callers alike, and ends when dropped.

mod asked;
mod certificates;
mod dns;
mod endpoints;
mod error;
mod faults;
mod http;
mod lab;
mod log;
mod microsoft;
mod options;
mod parents;
mod places;
mod powerdns;
mod saved;
mod seed;
mod sender;
mod serving;
mod smtp;
mod state;
mod sts;
mod world;

pub use asked::Asked;
pub use dns::content::RecordSet;
pub use dns::validate::Security;
pub use endpoints::{Endpoints, RootHint, TrustAnchor};
pub use error::LabError;
pub use faults::{
    CmdletFailure, Envelope, Faults, MicrosoftFault, MicrosoftFaultKind, ProviderFault,
    ProviderFaultKind, RedirectTo, RetryHint, Shape,
};
pub use lab::{Edit, Lab};
pub use log::{LogEntry, Service};
pub use microsoft::cmdlets::Connector;
pub use microsoft::entra::directory::{
    Directory, Federated, GITHUB_JOB, GITHUB_REQUEST_TOKEN, IDENTITY_HEADER, Person, PersonDoes,
    SignInFault,
};
pub use microsoft::token::TokenFaults;
pub use options::{DomainKind, DomainSeed, Options, Places, StatusShape, Timing};
pub use places::MailRole;
pub use sender::{SendFailure, Sender, SenderOptions, SenderProfile, SenderReport};
pub use smtp::Mail;
pub use state::StsPolicy;
