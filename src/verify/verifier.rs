//! Asks everything that a verdict needs, side by side, and decides nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::view::{DomainView, MxHost};
use crate::dane::{
    Discovery, HttpsSettings, MtaStsView, Prober, WebRoots, ask_anyway, discover, fetch_policy,
    look_up_record, observe_destination,
};
use crate::dns::{Dns, Kind, Validated, normal};
use crate::mail_records;
use crate::surroundings::{Surroundings, SurroundingsError};

/// How long a run remembers what its domains share. Short enough that what it says was so a minute ago.
const RUN_MEMORY: Duration = Duration::from_secs(60);

/// How many of the texts about a domain's mail are asked for at once.
const TEXTS_AT_ONCE: usize = 2;

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// DNS, every address of every host over SMTP, and MTA-STS over HTTPS.
    Full,
    /// DNS alone, and the chains that were captured elsewhere, if any were given.
    DnsOnly,
}

/// Looks at domains. Cheap to clone; clones share what was learnt about parents, hosts and addresses in this run.
#[derive(Debug, Clone)]
pub struct Verifier {
    dns: Dns,
    prober: Option<Prober>,
    https: Arc<HttpsSettings>,
    roots: Arc<WebRoots>,
    extent: Extent,
}

impl Verifier {
    /// Asks nobody yet. Without `prober`, or with one that knows only captured chains ([`Prober::only_given`]), no host is
    /// talked to; nor is one where `extent` is the DNS alone.
    ///
    /// # Errors
    /// When something that the surroundings name cannot be used.
    pub fn open(
        around: &Surroundings,
        extent: Extent,
        prober: Option<Prober>,
    ) -> Result<Self, SurroundingsError> {
        Ok(Self {
            dns: Dns::new(around.dns()?)?,
            prober: prober.filter(|prober| extent == Extent::Full || !prober.goes_out()),
            https: Arc::new(around.https()?),
            roots: Arc::new(around.web_roots()?),
            extent,
        })
    }

    /// The same for a run that looks at many domains: what they share (parents, keys, hosts that serve several) is asked for
    /// once in a while, and a name server that does not answer costs its time-out once. [`Self::fresh`] forgets it.
    #[must_use]
    pub fn for_run(&self) -> Self {
        Self {
            dns: self.dns.for_run(RUN_MEMORY),
            ..self.clone()
        }
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
        let this = &Self {
            dns: self.dns.for_look(&domain),
            ..self.clone()
        };
        // Done long before the survey is, and so they need not be all in hand at once.
        let texts = stream::iter(mail_records::questions(&domain))
            .map(|(name, kind)| async move { this.dns.validate(&name, kind).await })
            .buffered(TEXTS_AT_ONCE)
            .collect::<Vec<_>>();
        // In boxes: each is let go when it has ended, and none is small.
        let (survey, policy, (found, hosts), texts) = tokio::join!(
            Box::pin(this.dns.survey(&domain)),
            Box::pin(this.policy(&domain)),
            Box::pin(this.hosts(&domain)),
            Box::pin(texts),
        );
        let questions = questions(&found.mx, &hosts);
        let opinions = join_all(
            questions
                .iter()
                .map(|(name, kind)| this.dns.second_opinion(name, *kind)),
        );
        let vantages = join_all(this.dns.settings().vantages.iter().flat_map(|vantage| {
            questions
                .iter()
                .map(move |(name, kind)| this.dns.ask_vantage(vantage, name, *kind))
        }));
        let (opinions, vantages) = tokio::join!(opinions, vantages);
        DomainView {
            survey,
            mx: found.mx,
            route: found.route,
            hosts,
            opinions,
            vantages,
            policy,
            texts,
            extent: this.extent,
            domain,
            at,
        }
    }

    async fn policy(&self, domain: &str) -> MtaStsView {
        match self.extent {
            Extent::Full => Box::pin(fetch_policy(&self.dns, domain, &self.https)).await,
            Extent::DnsOnly => Box::pin(look_up_record(&self.dns, domain)).await,
        }
    }

    async fn hosts(&self, domain: &str) -> (Discovery, Vec<MxHost>) {
        let found = discover(&self.dns, domain).await;
        let hosts = join_all(found.hosts.iter().map(|destination| {
            let found = &found;
            async move {
                let prober = self.prober.as_ref();
                let view =
                    observe_destination(&self.dns, found, destination, prober, &self.roots).await;
                MxHost {
                    preference: destination.preference,
                    anyway: ask_anyway(&self.dns, &view).await,
                    view,
                }
            }
        }))
        .await;
        (found, hosts)
    }
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
