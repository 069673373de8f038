//! Things that go wrong, switchable while the laboratory runs.

mod microsoft;
mod shapes;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use microsoft::{
    CmdletFailure, Envelope, MicrosoftFault, MicrosoftFaultKind, RedirectTo, RetryHint,
};
pub use shapes::Shape;

/// Everything that is wrong at the moment. [`Faults::default`] is a healthy world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Faults of Exchange admin and Graph, tried in order; the first that matches is used.
    pub microsoft: Vec<MicrosoftFault>,
    /// For so long after a change, the reading cmdlets still answer the state before it.
    pub status_lag: Duration,
    /// For so long after a change, Graph still names the MX host from before it.
    pub graph_lag: Duration,
    /// The MX host that Graph names whatever Exchange says.
    pub graph_mx: Option<String>,
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
    /// Domains that the new hosts refuse for good.
    pub new_host_refuses: BTreeSet<String>,
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
    /// What tokens hold instead of what they should.
    pub token: crate::TokenFaults,
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
    /// The fault that hits this operation of Microsoft's APIs; uses up one of its times. Those that `spares` names pass by.
    pub(crate) fn take_microsoft(
        &mut self,
        operation: &str,
        spares: impl Fn(&MicrosoftFaultKind) -> bool,
    ) -> Option<MicrosoftFaultKind> {
        let fault = self.microsoft.iter_mut().find(|f| {
            f.times != Some(0)
                && f.operation.as_deref().is_none_or(|o| o == operation)
                && !spares(&f.kind)
        })?;
        count_down(&mut fault.times);
        Some(fault.kind.clone())
    }

    /// Adds a fault of Microsoft's APIs that lasts until it is switched off; no operation is any.
    pub fn lasting(&mut self, operation: Option<&str>, kind: MicrosoftFaultKind) {
        self.microsoft.push(MicrosoftFault {
            operation: operation.map(str::to_owned),
            kind,
            times: None,
        });
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
