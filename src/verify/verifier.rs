//! Asks everything that a verdict needs, side by side, and decides nothing.

use std::net::IpAddr;

use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::view::{DomainView, MxHost};
use crate::dane::{
    HttpsSettings, MtaStsView, Prober, WebRoots, fetch_policy, look_up_record, observe_host,
};
use crate::dns::{Data, Dns, Kind, Validated, normal};
use crate::mail_records;
use crate::surroundings::{Surroundings, SurroundingsError};

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// DNS, every address of every host over SMTP, and MTA-STS over HTTPS.
    Full,
    /// DNS alone.
    DnsOnly,
}

/// Looks at domains. Cheap to clone; clones share what was learnt about parents, hosts and addresses in this run.
#[derive(Debug, Clone)]
pub struct Verifier {
    dns: Dns,
    prober: Option<Prober>,
    https: HttpsSettings,
    roots: WebRoots,
    extent: Extent,
}

impl Verifier {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When something that the surroundings name cannot be used.
    pub fn open(
        around: &Surroundings,
        extent: Extent,
        prober: Prober,
    ) -> Result<Self, SurroundingsError> {
        Ok(Self {
            dns: Dns::new(around.dns()?)?,
            prober: (extent == Extent::Full).then_some(prober),
            https: around.https()?,
            roots: around.web_roots()?,
            extent,
        })
    }

    /// The same, remembering nothing.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            dns: self.dns.fresh(),
            ..self.clone()
        }
    }

    /// The way to the DNS that it uses.
    #[must_use]
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// Looks at a domain.
    pub async fn look(&self, domain: &str) -> DomainView {
        let at = Timestamp::now();
        let domain = normal(domain);
        let texts = join_all(
            mail_records::questions(&domain)
                .into_iter()
                .map(|(name, kind)| async move { self.dns.validate(&name, kind).await }),
        );
        let (survey, policy, (mx, hosts), texts) = tokio::join!(
            self.dns.survey(&domain),
            self.policy(&domain),
            self.hosts(&domain),
            texts,
        );
        let questions = questions(&mx, &hosts);
        let vantages = join_all(self.dns.settings().vantages.iter().flat_map(|vantage| {
            questions
                .iter()
                .map(move |(name, kind)| self.dns.ask_vantage(vantage, name, *kind))
        }));
        let vantages = vantages.await;
        DomainView {
            survey,
            mx,
            hosts,
            opinions: Vec::new(),
            vantages,
            policy,
            texts,
            extent: self.extent,
            domain,
            at,
        }
    }

    async fn policy(&self, domain: &str) -> MtaStsView {
        match self.extent {
            Extent::Full => fetch_policy(&self.dns, domain, &self.https).await,
            Extent::DnsOnly => look_up_record(&self.dns, domain).await,
        }
    }

    async fn hosts(&self, domain: &str) -> (Validated, Vec<MxHost>) {
        let mx = self.dns.validate(domain, Kind::Mx).await;
        let secure = mx.status.is_secure();
        let named = named(&mx, domain);
        let hosts = join_all(named.into_iter().map(|(preference, host)| async move {
            let view = observe_host(
                &self.dns,
                &host,
                domain,
                secure,
                self.prober.as_ref(),
                &self.roots,
            )
            .await;
            MxHost { preference, view }
        }))
        .await;
        (mx, hosts)
    }
}

/// The hosts that the answer leads to, in order (RFC 5321, 5.1).
fn named(mx: &Validated, domain: &str) -> Vec<(Option<u16>, String)> {
    if mx.status.is_lookup_error() {
        return Vec::new();
    }
    if mx.answer.is_absent() {
        return vec![(None, domain.to_owned())];
    }
    let mut all: Vec<_> = mx
        .records()
        .iter()
        .filter_map(|record| match &record.data {
            Data::Mx {
                preference,
                exchange,
            } if !exchange.is_empty() && exchange.parse::<IpAddr>().is_err() => {
                Some((Some(*preference), exchange.clone()))
            }
            _ => None,
        })
        .collect();
    all.sort();
    // The same host twice is asked once, at its best preference.
    let mut seen = std::collections::HashSet::new();
    all.retain(|(_, host)| seen.insert(host.clone()));
    all
}

/// The questions that the verdict hangs on, for the other engine and for resolvers.
fn questions(mx: &Validated, hosts: &[MxHost]) -> Vec<(String, Kind)> {
    let mut all = vec![(mx.name.clone(), Kind::Mx)];
    for host in hosts {
        let view = &host.view;
        for lookup in [&view.a, &view.aaaa] {
            if !lookup.answer.is_absent() {
                all.push((lookup.name.clone(), lookup.kind));
            }
        }
        if let Some(lookup) = view.tlsa.lookup() {
            all.push((lookup.name.clone(), Kind::Tlsa));
        }
    }
    all.sort();
    all.dedup();
    all
}
