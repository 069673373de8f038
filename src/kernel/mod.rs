//! Whether and when a change is safe: pure reasoning over what any cache may still hold.
//!
//! The kernel knows, for every record set that matters to mail, which *versions* a cache somewhere may
//! still hold ([`History`]), and judges a change over every combination of them ([`check`]). It has no
//! clock, does no IO and depends on nothing else in this crate; a playbook cannot talk it out of a verdict.
//!
//! Four questions, after the way key-rollover engines ask them:
//!
//! * **publish**: may this version be written now? ([`publish`])
//! * **retire**: may something outside the DNS be withdrawn? ([`retire`])
//! * **claim**: may "protected by DANE" be said? ([`claim`])
//! * **repair**: in a world that is already invalid, a change is allowed when it breaks no further rule
//!   (built into [`publish`]).
//!
//! Each answers with a [`Verdict`]: now, not before an instant (and because of which cached version), or no.

mod caches;
mod history;
mod invariant;
mod reliance;
mod rules;
mod timing;

#[cfg(test)]
mod caches_tests;

pub use caches::{
    Accepts, Actors, Caches, Delegation, Host, HostState, KeyId, Mx, MxSet, Policy, TlsaSet,
    ZoneKeys, pattern_matches,
};
pub use history::{History, Sighting, Version};
pub use invariant::{Rule, Violation, check};
pub use reliance::{Reliance, reliance};
pub use rules::{Because, Change, Verdict, claim, forgotten, publish, retire};
pub use timing::{LowerBound, Timing, utc};
