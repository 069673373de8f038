//! Recording the shapes that a real tenant sends, so that what we have not seen can be reported. It only reads.
//!
//! Nothing that is the tenant's own is written: [`scrub`] keeps keys, types, structure and the services' own words, and
//! gives every name, id, address and text a stand-in. A file is checked once more before it is written
//! ([`Scrubber::leak`]), and a person should look at it before sharing it.

pub mod file;
mod names;
pub mod scrub;
pub mod tree;
mod words;

use std::sync::Arc;

pub use file::{Body, Recorded};
pub use scrub::Scrubber;

use super::cmdlet::Cmdlet;
use super::error::Result;
use super::exchange_client::ExchangeClient;
use super::tap::{Taken, Tap};
use super::{Microsoft, MicrosoftSettings};

/// What is asked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Graph: the domain.
    GraphDomain,
    /// Graph: all domains.
    GraphDomains,
    /// Graph: the records that the tenant expects.
    GraphRecords,
    /// `EXOModuleFile`.
    Allowed,
    /// `Get-AcceptedDomain`, all.
    AcceptedDomains,
    /// `Get-AcceptedDomain`, one.
    AcceptedDomain,
    /// `Get-DnssecStatusForVerifiedDomain`.
    Dnssec,
    /// `Get-SmtpDaneInboundStatus`.
    Dane,
    /// `Get-InboundConnector` and `Get-OutboundConnector`.
    Connectors,
    /// `Get-IPv6StatusForAcceptedDomain`.
    Ipv6,
}

impl Question {
    /// All of them. None changes anything.
    pub const ALL: [Self; 10] = [
        Self::GraphDomain,
        Self::GraphDomains,
        Self::GraphRecords,
        Self::Allowed,
        Self::AcceptedDomains,
        Self::AcceptedDomain,
        Self::Dnssec,
        Self::Dane,
        Self::Connectors,
        Self::Ipv6,
    ];

    /// What it asks, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::GraphDomain => "Graph GET /domains/{id}",
            Self::GraphDomains => "Graph GET /domains",
            Self::GraphRecords => "Graph GET /domains/{id}/serviceConfigurationRecords",
            Self::Allowed => "EXOModuleFile",
            Self::AcceptedDomains => "Get-AcceptedDomain for the tenant",
            Self::AcceptedDomain => "Get-AcceptedDomain for the domain",
            Self::Dnssec => Cmdlet::GetDnssecStatus.name(),
            Self::Dane => Cmdlet::GetDaneStatus.name(),
            Self::Connectors => "Get-InboundConnector and Get-OutboundConnector",
            Self::Ipv6 => Cmdlet::GetIpv6Status.name(),
        }
    }
}

/// What a question brought.
#[derive(Debug)]
pub struct Asked {
    /// Every answer that came, as it came: also those before a repeat.
    pub taken: Vec<Taken>,
    /// In how few words it was understood: `understood`, or why not.
    pub read_as: Result<&'static str>,
}

/// Asks a tenant and takes the answers down.
#[derive(Debug)]
pub struct Recorder {
    microsoft: Microsoft,
    exchange: Arc<ExchangeClient>,
    tap: Arc<Tap>,
}

impl Recorder {
    /// Prepares a session; nothing is sent yet.
    ///
    /// # Errors
    /// As [`Microsoft::connect`].
    pub fn connect(settings: &MicrosoftSettings) -> Result<Self> {
        let tap = Arc::<Tap>::default();
        let ears = super::raw::Ears {
            tap: Some(Arc::clone(&tap)),
            ..super::raw::Ears::default()
        };
        let (microsoft, exchange) = Microsoft::listening(settings, ears)?;
        Ok(Self {
            microsoft,
            exchange,
            tap,
        })
    }

    /// Signs in, so that a wrong secret is found before anything is written.
    ///
    /// # Errors
    /// [`MicrosoftError::SignIn`](super::MicrosoftError::SignIn).
    pub async fn sign_in(&self) -> Result<()> {
        self.microsoft.sign_in().await
    }

    /// Asks one question.
    pub async fn ask(&self, question: Question, domain: &str) -> Asked {
        drop(self.tap.drain());
        let (graph, exchange) = (&self.microsoft.graph, &self.microsoft.exchange);
        let read_as = match question {
            Question::GraphDomain => graph.domain(domain).await.map(|found| match found {
                Some(_) => "understood",
                None => "understood: the tenant does not have it",
            }),
            Question::GraphDomains => graph.domains().await.map(understood),
            Question::GraphRecords => graph
                .service_configuration_records(domain)
                .await
                .map(understood),
            Question::Allowed => exchange.allowed_cmdlets().await.map(understood),
            Question::AcceptedDomains => exchange.accepted_domains().await.map(understood),
            Question::AcceptedDomain => {
                exchange
                    .accepted_domain(domain)
                    .await
                    .map(|found| match found {
                        Some(found) if found.dane.is_enabled() || found.dane.is_disabled() => {
                            "understood"
                        }
                        Some(_) => "in part: SmtpDaneStatus is not understood",
                        None => "understood: it is no accepted domain",
                    })
            }
            Question::Dnssec => exchange.dnssec_status(domain).await.map(|status| {
                let known = status.feature.is_enabled() || status.feature.is_disabled();
                match (known, status.lost.is_empty()) {
                    (true, true) => "understood",
                    (true, false) => "in part: some properties are not understood",
                    (false, _) => "in part: DnssecFeatureStatus is not understood",
                }
            }),
            Question::Dane => self
                .exchange
                .dane_cmdlet(domain)
                .await
                .map(|status| known(&status.state)),
            Question::Connectors => exchange.connectors().await.map(|found| {
                match (found.inbound.known(), found.outbound.known()) {
                    (Some(_), Some(_)) => "understood",
                    (Some(_), None) => "in part: no list of outbound connectors",
                    (None, Some(_)) => "in part: no list of inbound connectors",
                    (None, None) => "no list of connectors",
                }
            }),
            Question::Ipv6 => exchange
                .ipv6_status(domain)
                .await
                .map(|status| known(&status.state)),
        };
        Asked {
            taken: self.tap.drain(),
            read_as,
        }
    }
}

fn understood<T>(_: T) -> &'static str {
    "understood"
}

fn known(state: &super::FeatureState) -> &'static str {
    if state.is_enabled() || state.is_disabled() {
        "understood"
    } else {
        "in part: the state is not understood"
    }
}
