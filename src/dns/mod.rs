//! Resolution, validation and per-server observation of the DNS.
//!
//! Asks; decides nothing about the rollout. Each answer says when and from whom it came, and "could not tell"
//! is always an answer of its own.

pub mod record;
pub mod view;

pub use record::{Data, Dnskey, Ds, Kind, Name, Record, Signatures, Soa, Tlsa, normal};
pub use view::{
    Alias, Answer, Failure, Outcome, ParentView, Server, ServerAnswer, ServerView, Source, Status,
    Validated, VantageAnswer, VantageVerdict, ZoneCut, ZoneView,
};
