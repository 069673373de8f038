//! Counting calls by kind, for the run's report and the benchmark.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallKind {
    /// A token request.
    SignIn,
    /// A Graph request.
    Graph,
    /// A reading Exchange cmdlet.
    ExchangeRead,
    /// A changing Exchange cmdlet.
    ExchangeWrite,
    /// A request repeated after a passing fault; it is counted under its own kind as well.
    Retry,
    /// A request sent again because the service redirected it; it is counted under its own kind as well.
    Redirect,
    /// An answer with HTTP 429.
    Throttled,
}

/// How many requests were sent since the start, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Token requests.
    pub sign_in: u64,
    /// Graph requests.
    pub graph: u64,
    /// Reading Exchange cmdlets.
    pub exchange_read: u64,
    /// Changing Exchange cmdlets.
    pub exchange_write: u64,
    /// How many of them were repeats.
    pub retries: u64,
    /// How many of them followed a redirect.
    pub redirects: u64,
    /// How many answers were HTTP 429.
    pub throttled: u64,
}

impl CallCounts {
    /// All requests together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sign_in + self.graph + self.exchange_read + self.exchange_write
    }
}

/// The counter, shared by all clients of a tenant.
#[derive(Debug, Default)]
pub struct CallCounter([AtomicU64; 7]);

impl CallCounter {
    /// Counts one.
    pub fn count(&self, kind: CallKind) {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        let get = |kind: CallKind| self.0[kind as usize].load(Ordering::Relaxed);
        CallCounts {
            sign_in: get(CallKind::SignIn),
            graph: get(CallKind::Graph),
            exchange_read: get(CallKind::ExchangeRead),
            exchange_write: get(CallKind::ExchangeWrite),
            retries: get(CallKind::Retry),
            redirects: get(CallKind::Redirect),
            throttled: get(CallKind::Throttled),
        }
    }
}
