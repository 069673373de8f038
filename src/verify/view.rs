//! Everything that was seen of one domain: plain data, judged elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::verifier::Extent;
use crate::dane::{HostView, MtaStsView, Route, TlsaView};
use crate::dns::{Failure, Kind, Name, Opinion, Survey, Validated, VantageAnswer};

/// One look at a domain and all that its mail depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainView {
    /// The mail domain.
    pub domain: Name,
    /// Its zone by every address of every server, over UDP and TCP.
    pub survey: Result<Survey, Failure>,
    /// The MX lookup with our own verdict.
    pub mx: Validated,
    /// Which way mail for it goes.
    pub route: Route,
    /// The hosts that the MX set names (or the domain itself: implicit MX), in order of preference.
    pub hosts: Vec<MxHost>,
    /// What the second validator says of every question that the verdict hangs on.
    pub opinions: Vec<Opinion>,
    /// What resolvers say of the same questions.
    pub vantages: Vec<VantageAnswer>,
    /// MTA-STS.
    pub policy: MtaStsView,
    /// The TXT records that are read for notes: TLS-RPT, SPF, DMARC; and the DKIM selectors of Microsoft 365.
    pub texts: Vec<Validated>,
    /// How much was asked.
    pub extent: Extent,
    /// When the look began.
    pub at: Timestamp,
}

impl DomainView {
    /// Our own answer to a question that the verdict hangs on.
    #[must_use]
    pub fn answer(&self, name: &str, kind: Kind) -> Option<&Validated> {
        let hosts = self.hosts.iter().flat_map(|host| {
            let view = &host.view;
            [Some(&view.a), Some(&view.aaaa), view.tlsa.lookup()]
                .into_iter()
                .flatten()
        });
        std::iter::once(&self.mx)
            .chain(hosts)
            .find(|seen| seen.name == name && seen.kind == kind)
    }
}

/// A host of the MX set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MxHost {
    /// Its preference; `None` where the domain itself takes the mail for want of an MX (RFC 5321, 5.1).
    pub preference: Option<u16>,
    /// What was seen of it.
    pub view: HostView,
    /// What it says about TLSA where a sender by the RFC does not ask, its addresses being unsigned (RFC 7672, 2.2.2): some
    /// senders ask all the same. `None` where the question does not arise.
    #[serde(default)]
    pub anyway: Option<TlsaView>,
}

/// What somebody wants to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Mail arrives and is protected by DANE.
    #[default]
    Dane,
    /// Mail arrives.
    Delivery,
}
