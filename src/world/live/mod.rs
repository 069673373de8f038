//! The live world: real DNS, real APIs.
//!
//! Nothing is decided here. What a service refuses for good is told apart from what could not be told.

mod by_hand;
mod connect;
mod dns;
mod hosts;
mod microsoft;
mod open;
mod parties;
mod policy;
mod provider;
mod sign_in;
mod tenants;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use jiff::Timestamp;

use super::{Action, Fact, Facts, Needs, Outcome, PastedAnswers, VerdictFacts, World};
use crate::calendar::Zone;
use crate::dane::{HttpsSettings, Prober, WebRoots, observe_host};
use crate::dns::{Dns, Kind, ZoneView};
use crate::kernel::Host;
use crate::mail_records::{self, Seen};
use crate::microsoft::{Microsoft, Unread};
use crate::verify::{DomainView, Extent, Verifier, Wish, judge};
use provider::Hosting;
use tenants::{SHARED, Tenant};

pub use connect::{cloud_of, microsoft_of, microsoft_settings};
pub(crate) use open::remember;
pub use open::{OpenError, delegation_by};
pub use parties::{dns_provider, provider_options, registrar};
pub use sign_in::{AtTerminal, token_file};
pub use tenants::Tenants;

/// The live world of one domain file.
pub struct LiveWorld {
    domain: Host,
    dns: Dns,
    prober: Prober,
    /// The whole domain, as `rollout verify` looks at it.
    verifier: Verifier,
    https: HttpsSettings,
    roots: WebRoots,
    /// `None`: a person runs the cmdlets.
    microsoft: Option<Microsoft>,
    /// What is asked once for all domains of the tenant.
    shared: Arc<Tenant>,
    /// The cloud that a person connects to.
    by_hand_in: crate::microsoft::Cloud,
    /// What a person pasted of their answers.
    pasted: PastedAnswers,
    /// Where freezes stand, and by whose clocks.
    freeze_file: Option<(PathBuf, Option<Zone>)>,
    hosting: Hosting,
    /// What publishes the MTA-STS policy; `None`: a person does.
    publisher: Option<policy::Publisher>,
    calls: rollout_providers::Counter,
    /// How long an answer of an API, or an SMTP probe, counts as fresh.
    fresh: Duration,
    view: Option<ZoneView>,
    asked: Asked,
    /// The dear answers, for as long as they are fresh: a plan and the run after it ask once.
    last: Facts,
}

/// When each dear question was asked last in this process; an effect makes its answers stale.
#[derive(Default)]
struct Asked {
    tenant: Option<Instant>,
    exchange: Option<Instant>,
    connectors: Option<Instant>,
    provider: Option<Instant>,
    policy: Option<Instant>,
    texts: BTreeMap<Host, Instant>,
    verdict: Option<Instant>,
    smtp: BTreeMap<Host, Instant>,
}

/// How old a list of the whole tenant may be: whoever asks again waits for something to change.
fn age(last: Option<Instant>, fresh: Duration) -> Duration {
    if last.is_some() { fresh } else { SHARED }
}

fn due(last: Option<Instant>, fresh: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= fresh)
}

/// What a look without credentials shows, as the facts that steps decide by.
#[must_use]
pub fn facts(view: &DomainView) -> Facts {
    let at = view.at;
    let mut facts = Facts {
        policy: hosts::policy(&view.policy),
        ..Facts::default()
    };
    match &view.survey {
        Ok(survey) => zone_facts(&survey.zone, at, &mut facts),
        Err(failure) => no_zone_facts(&failure.to_string(), at, &mut facts),
    }
    facts.vantages = view
        .vantages
        .iter()
        .filter(|answer| answer.kind == Kind::Mx && answer.name == view.domain)
        .map(dns::vantage)
        .collect();
    for host in &view.hosts {
        let fact = match hosts::host(&host.view, view.extent == Extent::Full) {
            Ok(value) => Fact::Known { value, at },
            Err(why) => Fact::CouldNotTell { why, at },
        };
        facts.hosts.insert(Host::new(&host.view.host), fact);
    }
    facts
}

/// Whether the domain asks senders for reports on TLS; a record that cannot be used is one that was meant to.
fn asks_for_reports(view: &DomainView, at: Timestamp) -> Fact<bool> {
    let value = match mail_records::read(&view.domain, &view.texts).tls_rpt {
        Seen::Found { .. } | Seen::Wrong { .. } => true,
        Seen::None { .. } => false,
        Seen::CouldNotTell { why } => return Fact::CouldNotTell { why, at },
    };
    Fact::Known { value, at }
}

/// Every host that a server of the zone names as MX.
#[must_use]
pub fn mx_hosts(view: &ZoneView) -> Vec<Host> {
    let servers = dns::zone(view).servers;
    let mut hosts: Vec<Host> = servers
        .iter()
        .filter_map(|server| server.mx.got())
        .flat_map(|(set, _)| set.hosts().cloned())
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn zone_facts(view: &ZoneView, at: Timestamp, facts: &mut Facts) {
    facts.zone = if dns::no_such_name(view) {
        Fact::Refused {
            why: format!(
                "{} does not exist: every server of {} says so (NXDOMAIN)",
                view.domain, view.cut.apex
            ),
            at,
        }
    } else {
        Fact::Known {
            value: dns::zone(view),
            at,
        }
    };
    facts.parent = Fact::Known {
        value: dns::parent(view),
        at,
    };
    facts.chain = match dns::chain(&view.mx.status) {
        Ok(value) => Fact::Known { value, at },
        Err(why) => Fact::CouldNotTell { why, at },
    };
}

fn no_zone_facts(why: &str, at: Timestamp, facts: &mut Facts) {
    let why = || why.to_owned();
    facts.zone = Fact::CouldNotTell { why: why(), at };
    facts.parent = Fact::CouldNotTell { why: why(), at };
    facts.chain = Fact::CouldNotTell { why: why(), at };
}

impl LiveWorld {
    /// Requests sent to APIs so far, by kind, for the run's report.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls: BTreeMap<String, u64> = self
            .calls
            .calls()
            .into_iter()
            .map(|(call, count)| (format!("provider: {call:?}").to_lowercase(), count))
            .collect();
        if let Some(microsoft) = &self.microsoft {
            let counts = microsoft.calls();
            for (call, count) in [
                ("sign-in", counts.sign_in),
                ("graph", counts.graph),
                ("exchange read", counts.exchange_read),
                ("exchange write", counts.exchange_write),
            ] {
                calls.insert(format!("microsoft: {call}"), count);
            }
        }
        calls
    }

    /// Takes in what a person pasted of the cmdlets' output, where a person runs them.
    pub fn told(&mut self, pasted: &PastedAnswers) {
        self.pasted.clone_from(pasted);
    }

    async fn look_at_zone(&mut self, needs: &Needs, facts: &mut Facts) {
        let seen = self.dns.observe_zone(self.domain.as_str()).await;
        // Waits start when the last address was seen: the end of the look, never its beginning (T1).
        let at = Timestamp::now();
        match seen {
            Ok(view) => {
                zone_facts(&view, at, facts);
                self.view = Some(view);
            }
            Err(failure) => no_zone_facts(&failure.to_string(), at, facts),
        }
        if needs.vantages {
            let vantages = &self.dns.settings().vantages;
            let answers = vantages.iter().map(|vantage| {
                self.dns
                    .ask_vantage(vantage, self.domain.as_str(), Kind::Mx)
            });
            facts.vantages = join_all(answers).await.iter().map(dns::vantage).collect();
        }
    }

    /// A freeze may be declared at any time, so the file is read anew.
    fn look_for_freezes(&self, facts: &mut Facts) {
        let Some((path, zone)) = &self.freeze_file else {
            return;
        };
        let at = Timestamp::now();
        facts.freezes = match crate::domain_file::read_freezes(path, zone.as_ref()) {
            Ok(value) => Fact::Known { value, at },
            Err(why) => Fact::CouldNotTell { why, at },
        };
    }

    async fn look_at_hosts(&mut self, needs: &Needs, facts: &mut Facts) {
        let secure = matches!(facts.chain.known(), Some(super::Chain::Secure));
        let questions = needs.hosts.iter().map(|host| {
            let probe = needs.smtp && due(self.asked.smtp.get(host).copied(), self.fresh);
            let (dns, domain, roots) = (&self.dns, self.domain.as_str(), &self.roots);
            let prober = probe.then_some(&self.prober);
            async move {
                let view = observe_host(dns, host.as_str(), domain, secure, prober, roots).await;
                (host.clone(), probe, view)
            }
        });
        let answers = join_all(questions).await;
        let at = Timestamp::now();
        for (host, probed, view) in answers {
            let fact = match hosts::host(&view, probed) {
                Ok(mut value) => {
                    if probed {
                        self.asked.smtp.insert(host.clone(), Instant::now());
                    } else if let Some(before) = self.last.host(&host) {
                        // DNS was asked anew, port 25 was not: the last probe still stands.
                        let same = |a: &super::AddressFacts, b: &super::AddressFacts| {
                            a.address == b.address
                        };
                        if before.tlsa == value.tlsa
                            && before.addresses.len() == value.addresses.len()
                            && before
                                .addresses
                                .iter()
                                .zip(&value.addresses)
                                .all(|(a, b)| same(a, b))
                        {
                            value.addresses.clone_from(&before.addresses);
                            value.probed_at = before.probed_at;
                        } else {
                            // New addresses or new TLSA records: only a new probe can judge them.
                            self.asked.smtp.remove(&host);
                        }
                    }
                    Fact::Known { value, at }
                }
                Err(why) => Fact::CouldNotTell { why, at },
            };
            self.last.hosts.insert(host.clone(), fact.clone());
            facts.hosts.insert(host, fact);
        }
    }
}

#[async_trait]
impl World for LiveWorld {
    async fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        if needs.freezes {
            self.look_for_freezes(facts);
        }
        if needs.zone || needs.parent || needs.chain || needs.vantages {
            self.look_at_zone(needs, facts).await;
        }
        let fresh = self.fresh;
        if needs.policy && due(self.asked.policy, fresh) {
            self.last.policy = self.look_at_policy().await;
            self.asked.policy = Some(Instant::now());
        }
        if needs.policy {
            facts.policy.clone_from(&self.last.policy);
        }
        if needs.policy_file
            && let Some(publisher) = &self.publisher
        {
            facts.policy_file = publisher.read().await;
        }
        if needs.verdict && due(self.asked.verdict, fresh) {
            let view = self.verifier.fresh().look(self.domain.as_str()).await;
            let at = Timestamp::now();
            self.last.tls_reports = asks_for_reports(&view, at);
            self.last.verdict = Fact::Known {
                value: VerdictFacts::of(judge(view, Wish::Dane, at)),
                at,
            };
            self.asked.verdict = Some(Instant::now());
        }
        if needs.verdict {
            facts.verdict.clone_from(&self.last.verdict);
            facts.tls_reports.clone_from(&self.last.tls_reports);
        }
        match &self.microsoft {
            None => {
                facts.exchange = by_hand::exchange(&self.pasted);
                facts.connectors = by_hand::connectors(&self.pasted);
            }
            Some(microsoft) => {
                if microsoft.graph.is_asked() && needs.tenant && due(self.asked.tenant, fresh) {
                    let age = age(self.asked.tenant, fresh);
                    self.last.tenant =
                        microsoft::tenant(microsoft, &self.shared, age, &self.domain).await;
                    self.asked.tenant = Some(Instant::now());
                }
                if needs.tenant {
                    facts.tenant.clone_from(&self.last.tenant);
                }
                if needs.exchange && due(self.asked.exchange, fresh) {
                    let age = age(self.asked.exchange, fresh);
                    self.last.exchange =
                        microsoft::exchange(microsoft, &self.shared, age, &self.domain).await;
                    self.asked.exchange = Some(Instant::now());
                }
                if needs.exchange {
                    facts.exchange.clone_from(&self.last.exchange);
                }
                if needs.connectors && due(self.asked.connectors, fresh) {
                    let age = age(self.asked.connectors, fresh);
                    self.last.connectors =
                        microsoft::connectors(microsoft, &self.shared, age).await;
                    self.last.ipv6 = microsoft::ipv6(microsoft, &self.domain).await;
                    self.asked.connectors = Some(Instant::now());
                }
                if needs.connectors {
                    facts.connectors.clone_from(&self.last.connectors);
                    facts.ipv6.clone_from(&self.last.ipv6);
                }
            }
        }
        let ask_again = needs.provider_again && due(self.asked.provider, fresh);
        if ask_again || needs.provider && self.last.provider.known().is_none() {
            let apex = facts.zone.known().map(|zone| zone.apex.clone());
            self.last.provider = self.hosting.facts(apex.as_ref()).await;
            self.asked.provider = Some(Instant::now());
        }
        if needs.provider {
            facts.provider.clone_from(&self.last.provider);
        }
        for name in &needs.texts {
            if due(self.asked.texts.get(name).copied(), fresh) {
                let apex = facts.zone.known().map(|zone| zone.apex.clone());
                let read = self.hosting.text(name, apex.as_ref()).await;
                self.last.texts.insert(name.clone(), read);
                self.asked.texts.insert(name.clone(), Instant::now());
            }
            if let Some(fact) = self.last.texts.get(name) {
                facts.texts.insert(name.clone(), fact.clone());
            }
        }
        self.look_at_hosts(needs, facts).await;
        // A host whose new records were seen without a probe is looked at again at once.
        let unproven = |host: &&Host| needs.smtp && !self.asked.smtp.contains_key(*host);
        let again: std::collections::BTreeSet<Host> =
            needs.hosts.iter().filter(unproven).cloned().collect();
        if !again.is_empty() {
            let needs = Needs {
                hosts: again,
                smtp: true,
                ..Needs::default()
            };
            self.look_at_hosts(&needs, facts).await;
        }
    }

    fn unread(&mut self) -> Vec<Unread> {
        self.microsoft
            .as_ref()
            .map(|microsoft| microsoft.unread(self.domain.as_str()))
            .unwrap_or_default()
    }

    async fn perform(&mut self, action: &Action) -> Outcome {
        self.asked.verdict = None;
        match action {
            Action::WriteMx { before, after } => self.hosting.write_mx(before, after).await,
            Action::WritePolicy { before, after } => {
                self.asked.policy = None;
                self.write_policy(before, after).await
            }
            Action::WriteTxt {
                name,
                before,
                after,
            } => {
                self.asked.policy = None;
                let (before, after) = (before.as_ref(), after.as_ref());
                let outcome = self.hosting.write_txt(name, before, after).await;
                self.asked.texts.remove(name);
                outcome
            }
            Action::SignZone => self.hosting.sign().await,
            Action::PublishDs { .. } => {
                let Some(view) = &self.view else {
                    return Outcome::Later {
                        why: "the zone's keys were not seen yet".to_owned(),
                        after: 1,
                    };
                };
                self.hosting.publish_ds(dns::dnskeys(view)).await
            }
            Action::WithdrawDs { ds } => self.hosting.withdraw_ds(ds).await,
            Action::UnsignZone => self.hosting.unsign().await,
            Action::EnableDnssec | Action::EnableDane | Action::DisableDane => {
                self.asked.exchange = None;
                self.asked.tenant = None;
                match &self.microsoft {
                    Some(microsoft) => {
                        let outcome = microsoft::perform(microsoft, &self.domain, action).await;
                        // Stale from the moment of the effect, so after it and not before.
                        self.shared.accepted.stale().await;
                        outcome
                    }
                    None => by_hand::ask(self.by_hand_in, &self.domain, action),
                }
            }
        }
    }
}
