//! Kinds of senders: what each makes of the same records and hosts, because they differ today.
//!
//! All of it is pure. What is not known stays not known: an unknown input stands for every value it could have, every
//! combination of them is followed to its end, and only where all ends agree is there an answer (module `worlds`).
//!
//! Every sender is taken to look things up through a resolver that validates. Which software each profile stands for, and
//! from where that is known, is in `docs/senders.md`.

mod address;
mod chain;
mod deliver;
mod host;
mod profile;
mod report;
mod safety;
mod words;
mod worlds;

use super::{HostView, MtaStsView};
use crate::dns::Validated;

pub use deliver::{deliver, deliver_all, deliver_sloppy};
pub use host::{Demand, demand};
pub use profile::Profile;
pub use safety::{Safety, safe};
pub use words::{AddressVerdict, Arrives, Delivery, Fate, HostVerdict, Protection, ResultType};

/// What senders look at.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The MX lookup.
    pub mx: &'a Validated,
    /// The hosts in order of preference. One that the MX set names and that is missing here counts as not known.
    pub hosts: &'a [(Option<u16>, &'a HostView)],
    /// MTA-STS.
    pub policy: &'a MtaStsView,
}
