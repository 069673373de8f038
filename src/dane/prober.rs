//! Examines addresses for many who ask: a shared guest, with a memory for one run where that is wished.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::captured::{Captured, GivenChain};
pub use super::examination::Examined;
use super::examination::examine;
use super::memory::Memory;
use super::probe::SmtpSettings;
use super::visits::Visits;

/// Talks SMTP to addresses, by the same settings. Cheap to clone: all clones are one guest.
#[derive(Debug, Clone)]
pub struct Prober {
    visits: Arc<Visits>,
    memory: Option<Arc<Memory>>,
    captured: Arc<Captured>,
    /// Whether it talks to anybody at all.
    goes_out: bool,
}

impl Prober {
    /// One whose every look is fresh: what a rollout's gates use. Asks nobody yet.
    #[must_use]
    pub fn new(settings: SmtpSettings) -> Self {
        Self {
            visits: Arc::new(Visits::new(settings, false)),
            memory: None,
            captured: Arc::default(),
            goes_out: true,
        }
    }

    /// One with a memory for one run: the same address with the same SNI is examined once, also when several ask at the
    /// same time, and a dead address costs its time-out once, whatever names point to it. What comes from the memory
    /// says so ([`super::Probe::remembered`]).
    #[must_use]
    pub fn for_run(settings: SmtpSettings) -> Self {
        let memory = Memory::new(settings.remember);
        Self {
            visits: Arc::new(Visits::new(settings, true)),
            memory: Some(Arc::new(memory)),
            captured: Arc::default(),
            goes_out: true,
        }
    }

    /// One that talks to nobody and only knows chains that were captured elsewhere.
    #[must_use]
    pub fn only_given(captured: Captured) -> Self {
        Self {
            goes_out: false,
            ..Self::new(SmtpSettings::default()).with_captured(captured)
        }
    }

    /// The same guest, who takes chains captured elsewhere where they are given, and probes the rest.
    #[must_use]
    pub fn with_captured(mut self, captured: Captured) -> Self {
        self.captured = Arc::new(captured);
        self
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &SmtpSettings {
        self.visits.settings()
    }

    /// The chains given for this address of a host, under any of its names; empty where it must be probed.
    pub(super) fn given(&self, names: &[&str], address: IpAddr) -> Vec<&GivenChain> {
        self.captured.of(names, address)
    }

    /// Whether it talks to anybody at all.
    #[must_use]
    pub const fn goes_out(&self) -> bool {
        self.goes_out
    }

    /// Examines one address with `base` as SNI, and asks about `postmaster` at `domain` if that is wished. From the memory
    /// the verdict on a recipient comes only for the domain it was asked for.
    pub async fn examine(&self, address: IpAddr, base: &str, domain: &str) -> Examined {
        let settings = self.settings();
        let address = SocketAddr::new(address, settings.port);
        let recipient = settings
            .ask_recipient
            .then(|| format!("postmaster@{domain}"));
        // In a box: it holds a conversation with all its buffers, and is handed on from one to the next.
        let look = Box::pin(examine(&self.visits, address, base, recipient.as_deref()));
        match &self.memory {
            Some(memory) => memory.once(address, base, domain, look).await,
            None => look.await,
        }
    }
}
