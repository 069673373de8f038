//! Things that go wrong, switchable while the laboratory runs.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that is wrong at the moment. [`Faults::default`] is a healthy world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Faults of Exchange admin and Graph, tried in order; the first that matches is used.
    pub microsoft: Vec<MicrosoftFault>,
    /// Faults of the DNS provider's API, tried in order.
    pub provider: Vec<ProviderFault>,
    /// Resolvers (by position in the endpoints) that answer SERVFAIL to everything.
    pub resolvers_failing: BTreeSet<usize>,
    /// Zones (without a final dot) whose second name server does not take up changes.
    pub stale_zones: BTreeSet<String>,
    /// Zones whose signatures are broken.
    pub bogus_zones: BTreeSet<String>,
    /// Domains whose legacy host has gone: its name no longer exists and its servers refuse the domain.
    pub legacy_gone: BTreeSet<String>,
    /// Mail hosts accept connections and then say nothing.
    pub port_25_hangs: bool,
    /// Mail hosts do not offer STARTTLS.
    pub no_starttls: bool,
    /// One address of the new mail hosts presents a key that no TLSA record names.
    pub one_address_wrong_key: bool,
    /// Every DNS answer waits this long, without holding up others: a round trip to servers that far away.
    pub dns_delay: Duration,
    /// Every SMTP reply, and the TLS handshake, waits this long: a round trip to mail hosts that far away.
    pub smtp_delay: Duration,
    /// The parents do not take up CDS.
    pub parents_do_not_scan: bool,
}

/// One fault of Microsoft's APIs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicrosoftFault {
    /// The cmdlet or Graph operation as the log names it (`Enable-SmtpDaneInbound`, `GET domains`); `None` is any.
    pub operation: Option<String>,
    /// What goes wrong.
    pub kind: MicrosoftFaultKind,
    /// How often it still happens; `None` is until switched off.
    pub times: Option<u32>,
}

/// What can go wrong at Microsoft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MicrosoftFaultKind {
    /// 403 with a body of NUL bytes (Exchange) or `Authorization_RequestDenied` (Graph).
    MissingRole,
    /// 401 although the token is right.
    Unauthorized,
    /// 429 with `Retry-After` in seconds, which may be a fraction.
    Throttled {
        /// The header's text.
        retry_after: String,
    },
    /// The cmdlet takes effect, then the gateway gives up with 504.
    TimesOutAfterEffect,
    /// The cmdlet takes effect, then the connection breaks without an answer.
    ReplyLost,
    /// The connection breaks before any effect.
    RequestLost,
    /// HTTP 200 whose body holds an error; no effect.
    OkWithError,
    /// 500 without an effect.
    ServerError,
}

/// One fault of the DNS provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFault {
    /// The operation as the log names it (`PATCH zone`, `PUT zone`, `POST cryptokeys`); `None` is any write.
    pub operation: Option<String>,
    /// What goes wrong.
    pub kind: ProviderFaultKind,
    /// How often it still happens; `None` is until switched off.
    pub times: Option<u32>,
}

/// What can go wrong at the DNS provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderFaultKind {
    /// The write is applied, then the connection breaks without an answer.
    ReplyLost,
    /// The connection breaks before anything is applied.
    RequestLost,
    /// The write is answered at once and served this much later.
    AppliesLate(Duration),
    /// 500 without an effect.
    ServerError,
    /// 429 with `Retry-After`.
    Throttled {
        /// The header's text.
        retry_after: String,
    },
}

impl Faults {
    /// The fault that hits this operation of Microsoft's APIs; uses up one of its times.
    pub(crate) fn take_microsoft(&mut self, operation: &str) -> Option<MicrosoftFaultKind> {
        let fault = self.microsoft.iter_mut().find(|f| {
            f.times != Some(0) && f.operation.as_deref().is_none_or(|o| o == operation)
        })?;
        count_down(&mut fault.times);
        Some(fault.kind.clone())
    }

    /// The fault that hits this write at the DNS provider; uses up one of its times.
    pub(crate) fn take_provider(&mut self, operation: &str) -> Option<ProviderFaultKind> {
        let fault = self.provider.iter_mut().find(|f| {
            f.times != Some(0) && f.operation.as_deref().is_none_or(|o| o == operation)
        })?;
        count_down(&mut fault.times);
        Some(fault.kind.clone())
    }

    /// Adds a fault of Microsoft's APIs that happens `times` times.
    pub fn microsoft(&mut self, operation: &str, kind: MicrosoftFaultKind, times: u32) {
        self.microsoft.push(MicrosoftFault {
            operation: Some(operation.to_owned()),
            kind,
            times: Some(times),
        });
    }

    /// Adds a fault of the DNS provider that happens `times` times.
    pub fn provider(&mut self, operation: &str, kind: ProviderFaultKind, times: u32) {
        self.provider.push(ProviderFault {
            operation: Some(operation.to_owned()),
            kind,
            times: Some(times),
        });
    }
}

fn count_down(times: &mut Option<u32>) {
    if let Some(left) = times {
        *left -= 1;
    }
}
