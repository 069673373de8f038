//! Resolution, validation and per-server observation of the DNS.
//!
//! Asks; decides nothing about the rollout. Each answer says when and from whom it came, and "could not tell"
//! is always an answer of its own.
//!
//! - [`Dns::validate`]: what is true, by our own DNSSEC verdict, straight from the authoritative servers;
//! - [`Dns::zone_cut`], [`Dns::ask_server`], [`Dns::observe_zone`]: what each server says;
//! - [`Dns::ask_vantage`]: what a resolver out there says.

mod absence;
pub mod algorithm;
mod alike;
mod anchors;
pub mod chain;
mod checked;
mod convert;
mod denial;
mod doors;
mod engine;
mod handle;
mod held;
mod judge;
mod keys;
mod lookups;
mod memory;
mod observe;
pub mod opinion;
mod pin;
mod presentation;
mod reach;
pub mod record;
mod resolve;
mod room;
pub mod settings;
pub mod survey;
mod system;
pub mod text;
mod transport;
mod validate;
mod vantage;
pub mod view;
mod why;

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::dnssec::TrustAnchors;
use tokio::sync::Semaphore;

use self::alike::Alike;
use self::anchors::Anchors;
use self::checked::Checked;
use self::convert::to_library;
use self::doors::Doors;
use self::held::Held;
use self::memory::{Look, Memory, Replies, Zone};

pub use chain::ChainOfTrust;
pub use lookups::{Fixture, FixtureError, Lookups};
pub use opinion::{Agreement, Contradiction, Opinion, agreement};
pub use record::{Data, Dnskey, Ds, Kind, Name, Record, Signatures, Soa, Tlsa, normal};
pub use settings::{DnsSettings, Origin, SettingsError, TrustAnchor, Vantage};
pub use survey::{ServerSurvey, Survey};
pub use system::system_vantages;
pub use view::{
    Alias, Answer, Failure, Outcome, ParentView, Server, ServerAnswer, ServerView, Source, Status,
    Validated, VantageAnswer, VantageVerdict, ZoneCut, ZoneView,
};

/// How long one look at a zone may remember what its own questions share.
const SHORTEST_MEMORY: Duration = Duration::from_secs(5);

/// The way to the DNS. Cheap to clone; clones share limits and the memory of the last few seconds.
#[derive(Clone)]
pub struct Dns {
    inner: Arc<Inner>,
    /// What this look at one domain has seen so far.
    look: Option<Arc<Look>>,
}

struct Inner {
    settings: DnsSettings,
    anchors: Anchors,
    /// The keys that anchors given as digests stand for.
    root_keys: Held<TrustAnchors>,
    /// The second validator, with what it found out about zones.
    second: Held<opinion::Validator>,
    /// The root, where delegations are followed.
    root: Option<Zone>,
    memory: Memory,
    /// Answers about hosts that serve many domains, in a run that looks at many.
    elsewhere: Arc<Replies>,
    /// The first validator, with the sets that it verified, in a run that looks at many.
    first: Held<engine::Verifier>,
    /// Signatures over key sets that were checked already.
    checked: Checked,
    doors: Doors,
    /// Questions under way.
    limit: Semaphore,
    /// Room for validations.
    validations: Semaphore,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Dns {
    /// Opens nothing yet; reads the trust anchor.
    ///
    /// # Errors
    /// When the trust anchor cannot be read, or there is nobody to ask.
    pub fn new(settings: DnsSettings) -> Result<Self, SettingsError> {
        let nobody = match &settings.source {
            Origin::Roots(roots) => roots.is_empty(),
            Origin::Forwarders(forwarders) => forwarders.is_empty(),
        };
        if nobody {
            return Err(SettingsError::NobodyToAsk);
        }
        let anchors = settings.anchors()?;
        let age = settings.memory;
        Ok(Self::with(settings, anchors, age))
    }

    /// The same, remembering nothing: after this machine itself changed a delegation or key.
    #[must_use]
    pub fn fresh(&self) -> Self {
        self.remembering_for(self.inner.memory.age())
    }

    /// Itself, or where nothing is remembered from look to look, one that remembers what the questions of one look share.
    fn remembering(&self) -> Self {
        if self.inner.memory.age() >= SHORTEST_MEMORY {
            return self.clone();
        }
        self.remembering_for(SHORTEST_MEMORY)
    }

    /// The same settings with an empty memory.
    fn remembering_for(&self, age: Duration) -> Self {
        Self::with(self.inner.settings.clone(), self.inner.anchors.clone(), age)
    }

    fn with(settings: DnsSettings, anchors: Anchors, age: Duration) -> Self {
        let root = match &settings.source {
            Origin::Roots(hints) => Some(resolve::root_zone(hints)),
            Origin::Forwarders(_) => None,
        };
        Self {
            inner: Arc::new(Inner {
                anchors,
                root,
                root_keys: Held::new(age),
                second: Held::new(age),
                first: Held::new(age),
                memory: Memory::new(age),
                elsewhere: Arc::new(Replies::new(age)),
                checked: Checked::default(),
                doors: Doors::new(age),
                limit: Semaphore::new(settings.concurrency.max(1)),
                validations: Semaphore::new(room::AT_ONCE),
                settings,
            }),
            look: None,
        }
    }

    /// The same with an empty memory that lasts `age`: for a run that looks at many domains, or at one from many sides.
    /// Delegations, keys, DS sets and hosts outside of a domain are then asked for once in that time, and an address that
    /// does not answer costs its time-out once.
    #[must_use]
    pub fn for_run(&self, age: Duration) -> Self {
        self.remembering_for(age.max(self.inner.settings.memory))
    }

    /// The same for one look at `domain`: each of its sets is asked for once, however many parts of the look need it, and
    /// all of them see the same answer. Where nothing is remembered, it is the same.
    #[must_use]
    pub fn for_look(&self, domain: &str) -> Self {
        let age = self.inner.memory.age();
        let Ok(name) = to_library(domain) else {
            return self.clone();
        };
        Self {
            inner: Arc::clone(&self.inner),
            look: Some(Arc::new(Look::new(
                name,
                age,
                Arc::clone(&self.inner.elsewhere),
            ))),
        }
    }

    /// The look, where anything is remembered.
    fn sharing(&self) -> Option<&Look> {
        let look = self.look.as_deref()?;
        (!self.inner.memory.age().is_zero()).then_some(look)
    }

    /// Answers that this look has read.
    fn alike(&self) -> Option<&Alike> {
        self.look.as_ref().map(|look| &look.alike)
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &DnsSettings {
        &self.inner.settings
    }
}

#[cfg(test)]
pub(crate) mod tests;
