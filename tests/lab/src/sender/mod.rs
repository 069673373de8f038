//! A mail server somewhere in the world that sends to a domain all the time and notices every failure.

mod delivery;
mod tls;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use crate::dns::resolver::Resolver;
use crate::lab::Lab;
use delivery::{Delivery, Outcome};

/// How a sender behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SenderOptions {
    /// From one attempt to the next.
    pub interval: Duration,
    /// What it demands of TLS.
    pub profile: SenderProfile,
    /// Look through this vantage's cache; `None` is a caching resolver of its own.
    pub vantage: Option<usize>,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(200),
            profile: SenderProfile::Opportunistic,
            vantage: None,
        }
    }
}

/// What a sender demands of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderProfile {
    /// TLS if offered, whoever the peer is.
    Opportunistic,
    /// DANE as RFC 7672: a secure TLSA set makes matching TLS mandatory; a TLSA lookup that fails puts the host out of use.
    Dane,
    /// Asks TLSA even for hosts in unsigned zones and takes a failed lookup for a reason to wait
    /// (state B of `verification.md` 3).
    Sloppy,
}

/// What a sender has seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderReport {
    /// Mails tried.
    pub attempts: u64,
    /// Taken over by a host.
    pub delivered: u64,
    /// Delivered after DANE authenticated the host.
    pub authenticated: u64,
    /// Would be tried again: no host could be used at the moment.
    pub deferred: u64,
    /// Refused for good; the mail is lost.
    pub bounced: u64,
    /// The longest time without a delivery, from one to the next or from the start.
    pub longest_gap: Duration,
    /// Deliveries by host name.
    pub by_host: BTreeMap<String, u64>,
    /// The first attempt that was not delivered.
    pub first_failure: Option<SendFailure>,
}

/// An attempt that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendFailure {
    /// When.
    pub at: Timestamp,
    /// Lost for good.
    pub bounced: bool,
    /// What happened at which host.
    pub reason: String,
}

#[derive(Debug)]
struct Progress {
    report: SenderReport,
    last_success: Instant,
}

/// A sender at work; it stops when dropped or when the laboratory ends.
pub struct Sender {
    progress: Arc<Mutex<Progress>>,
    task: AbortHandle,
}

impl Lab {
    /// A sender with opportunistic TLS and a cache of its own.
    #[must_use]
    pub fn sender(&self, domain: &str) -> Sender {
        self.sender_with(domain, SenderOptions::default())
    }

    /// A sender that behaves as told.
    #[must_use]
    pub fn sender_with(&self, domain: &str, options: SenderOptions) -> Sender {
        let resolver = options
            .vantage
            .and_then(|position| self.resolvers.get(position).map(Arc::clone))
            .unwrap_or_else(|| Arc::new(Resolver::new(Arc::clone(&self.world) as _, 0)));
        let delivery = Delivery {
            resolver,
            port: self.world.layout.smtp_port,
            domain: domain.trim_end_matches('.').to_ascii_lowercase(),
            profile: options.profile,
        };
        let progress = Arc::new(Mutex::new(Progress {
            report: SenderReport::default(),
            last_success: Instant::now(),
        }));
        let shared = Arc::clone(&progress);
        let task = self.spawn(async move {
            let mut beat = tokio::time::interval(options.interval.max(Duration::from_millis(5)));
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                let outcome = delivery.attempt().await;
                note(&mut lock(&shared), outcome);
            }
        });
        Sender { progress, task }
    }
}

fn lock(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(progress: &mut Progress, outcome: Outcome) {
    let report = &mut progress.report;
    report.attempts += 1;
    let failure = match outcome {
        Outcome::Delivered {
            host,
            authenticated,
        } => {
            report.delivered += 1;
            report.authenticated += u64::from(authenticated);
            *report.by_host.entry(host).or_default() += 1;
            report.longest_gap = report.longest_gap.max(progress.last_success.elapsed());
            progress.last_success = Instant::now();
            return;
        }
        Outcome::Deferred(reason) => {
            report.deferred += 1;
            (false, reason)
        }
        Outcome::Bounced(reason) => {
            report.bounced += 1;
            (true, reason)
        }
    };
    report.first_failure.get_or_insert_with(|| SendFailure {
        at: Timestamp::now(),
        bounced: failure.0,
        reason: failure.1,
    });
}

impl Sender {
    /// What it has seen so far; a gap that is still open counts.
    #[must_use]
    pub fn report(&self) -> SenderReport {
        let progress = lock(&self.progress);
        let mut report = progress.report.clone();
        report.longest_gap = report.longest_gap.max(progress.last_success.elapsed());
        report
    }

    /// Stops and tells.
    #[must_use]
    pub fn stop(self) -> SenderReport {
        self.report()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.task.abort();
    }
}
