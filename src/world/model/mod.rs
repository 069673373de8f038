//! A world that only exists in memory: seeded by one observation, changed by actions, on a virtual clock.
//!
//! `plan` is `apply` in this world, so it cannot promise what apply would not do.

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    AddressFacts, Answer, Chain, ExchangeFacts, Fact, Facts, FeatureState, HostFacts, MxRrset,
    PolicyText, SigningFacts, SmtpOutcome, TlsaFacts, TxtRrset, VerdictFacts,
};
use crate::clock::{Clock, VirtualClock};
use crate::kernel::{Host, KeyId, ZoneKeys};

/// The name the model gives to a host that only Microsoft can name.
pub const UNNAMED_HOST: &str = "assigned-by-microsoft.mx.microsoft";
/// The key the model signs with; the real one is made by the provider.
const UNNAMED_KEY: &str = "the key the provider will make";

/// How long others usually take; estimates, never part of a wait that protects mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimates {
    /// From the API's answer until every authoritative address serves a change.
    pub visible: Duration,
    /// A cmdlet of Exchange Online.
    pub cmdlet: Duration,
    /// From enabling inbound DANE until TLSA records are served.
    pub tlsa: Duration,
    /// From handing over a DS until every server of the parent serves it.
    pub delegation: Duration,
    /// Negative TTL where the new host's zone was not seen yet.
    pub negative_ttl: Duration,
}

/// A change that becomes visible later.
#[derive(Clone, Debug)]
enum Effect {
    Mx(MxRrset),
    Signed,
    Unsigned,
    Delegated(BTreeSet<KeyId>),
    Tlsa(Host),
    NoTlsa,
    Policy(PolicyText),
    Txt(Host, Option<TxtRrset>),
}

/// The model.
#[derive(Debug)]
pub struct Model {
    facts: Facts,
    clock: VirtualClock,
    estimates: Estimates,
    due: Vec<(Timestamp, Effect)>,
    /// Whether anything was done or is under way: until then the verdict is the one that was observed.
    touched: bool,
}

impl Model {
    /// A world that is as it was just observed, at the clock's present.
    #[must_use]
    pub fn new(seed: Facts, clock: VirtualClock, estimates: Estimates) -> Self {
        Self {
            facts: seed,
            clock,
            estimates,
            due: Vec::new(),
            touched: false,
        }
    }

    /// What others were told or did already and what does not show yet comes about after its usual time: `mx`
    /// is the RRset a run in progress expects, the flags say whether signing and the DS are under way.
    pub fn under_way(&mut self, mx: Option<&MxRrset>, signing: bool, delegation: bool) {
        let zone = self.facts.zone.known();
        let keys = zone.and_then(|zone| {
            zone.servers.iter().find_map(|s| match s.keys.got() {
                Some((ZoneKeys::Signed(keys), _)) => Some(keys.clone()),
                _ => None,
            })
        });
        let served = zone.and_then(super::ZoneFacts::agreed_mx);
        if let Some(mx) = mx.filter(|mx| served.as_ref() != Some(*mx)) {
            self.later(self.estimates.visible, Effect::Mx(mx.clone()));
        }
        if signing && keys.is_none() {
            self.later(self.estimates.visible, Effect::Signed);
        }
        if delegation && let Some(keys) = keys {
            self.later(self.estimates.delegation, Effect::Delegated(keys));
        }
        let dane = self.facts.exchange.known().map(|exchange| exchange.dane);
        let host = self.new_host();
        let absent = self
            .facts
            .host(&host)
            .is_some_and(|host| matches!(host.tlsa, TlsaFacts::Absent { .. }));
        if dane == Some(FeatureState::Enabled) && absent {
            self.later(self.estimates.tlsa, Effect::Tlsa(host));
        }
    }

    /// What was observed, as long as nothing was done or is under way; then what a plan foresees.
    fn verdict(&self, at: Timestamp) -> Fact<VerdictFacts> {
        if self.touched {
            Fact::Known {
                value: VerdictFacts::foreseen(),
                at,
            }
        } else {
            world::seen_at(&self.facts.verdict, at)
        }
    }

    /// How long a DS usually takes: where nobody but the registry brings it to the parent, as long as it wants to see it announced.
    fn delegation(&self) -> Duration {
        let by_api = self
            .facts
            .provider
            .known()
            .is_some_and(|provider| provider.registrar);
        let announced = self
            .facts
            .zone
            .known()
            .is_some_and(|zone| zone.publishes_cds)
            || self
                .facts
                .provider
                .known()
                .is_some_and(|provider| provider.announces);
        let scans_after = self
            .facts
            .parent
            .known()
            .and_then(|parent| parent.scans_after);
        match scans_after.filter(|_| announced && !by_api) {
            Some(seconds) => self.estimates.delegation.max(Duration::from_secs(seconds)),
            None => self.estimates.delegation,
        }
    }

    fn later(&mut self, after: Duration, effect: Effect) {
        self.touched = true;
        let at = self.clock.now().checked_add(after);
        self.due.push((at.unwrap_or(Timestamp::MAX), effect));
    }

    fn settle(&mut self) {
        let now = self.clock.now();
        let (due, rest) = std::mem::take(&mut self.due)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.due = rest;
        for (_, effect) in due {
            self.happen(effect);
        }
    }

    fn happen(&mut self, effect: Effect) {
        match effect {
            Effect::Mx(mx) => {
                if let Fact::Known { value: zone, .. } = &mut self.facts.zone {
                    for server in &mut zone.servers {
                        server.mx = Answer::Got {
                            value: mx.set.clone(),
                            ttl: mx.ttl,
                        };
                    }
                }
                if let Fact::Known { value, .. } = &mut self.facts.provider {
                    value.mx = value.mx.as_ref().map(|_| mx.clone());
                }
                // Resolvers show what is cached; in the model the kernel alone knows what may be.
                self.facts.vantages.clear();
            }
            Effect::Signed => {
                let keys = BTreeSet::from([KeyId::new(UNNAMED_KEY)]);
                if let Fact::Known { value: zone, .. } = &mut self.facts.zone {
                    for server in &mut zone.servers {
                        server.keys = Answer::Got {
                            value: ZoneKeys::Signed(keys.clone()),
                            ttl: zone.negative_ttl,
                        };
                    }
                }
                if let Fact::Known { value, .. } = &mut self.facts.provider {
                    value.signing = SigningFacts::On {
                        ds: keys.into_iter().collect(),
                    };
                }
            }
            Effect::Unsigned => {
                if let Fact::Known { value: zone, .. } = &mut self.facts.zone {
                    for server in &mut zone.servers {
                        server.keys = Answer::Got {
                            value: ZoneKeys::Unsigned,
                            ttl: zone.negative_ttl,
                        };
                    }
                }
                if let Fact::Known { value, .. } = &mut self.facts.provider {
                    value.signing = SigningFacts::Off;
                }
            }
            Effect::Delegated(ds) => {
                let chain = if ds.is_empty() {
                    Chain::Insecure
                } else {
                    Chain::Secure
                };
                if let Fact::Known { value: parent, .. } = &mut self.facts.parent {
                    let ttl = parent.negative_ttl;
                    for server in &mut parent.servers {
                        server.ds = Answer::Got {
                            value: ds.clone(),
                            ttl,
                        };
                    }
                }
                self.facts.chain = Fact::Known {
                    value: chain,
                    at: self.clock.now(),
                };
            }
            Effect::Tlsa(host) => {
                if let Some(Fact::Known { value, .. }) = self.facts.hosts.get_mut(&host) {
                    value.tlsa = TlsaFacts::Records {
                        records: vec!["3 1 1 (Microsoft's)".to_owned()],
                        digest: "as Microsoft will publish it".to_owned(),
                        ttl: 900,
                        negative_ttl: seconds(self.estimates.negative_ttl),
                    };
                    for address in &mut value.addresses {
                        address.tlsa_matches = Some(true);
                    }
                }
            }
            Effect::NoTlsa => {
                for (host, fact) in &mut self.facts.hosts {
                    if host.is_within("mx.microsoft")
                        && let Fact::Known { value, .. } = fact
                    {
                        value.tlsa = TlsaFacts::Absent {
                            negative_ttl: seconds(self.estimates.negative_ttl),
                        };
                        for address in &mut value.addresses {
                            address.tlsa_matches = None;
                        }
                    }
                }
            }
            Effect::Policy(policy) => {
                if let Fact::Known { value, .. } = &mut self.facts.policy {
                    value.body = policy.text;
                    value.mode = policy.mode;
                    value.patterns = policy.patterns;
                }
            }
            Effect::Txt(name, set) => {
                if let Fact::Known { value, .. } = &mut self.facts.policy
                    && name.as_str().starts_with("_mta-sts.")
                {
                    value.id = set
                        .as_ref()
                        .and_then(TxtRrset::policy_id)
                        .map(str::to_owned);
                    value.record_ttl = set.as_ref().map_or(value.record_ttl, |set| set.ttl);
                    // What could not be told of the servers before says nothing of the new record.
                    value.lagging.clear();
                }
                if name.as_str().starts_with("_smtp._tls.") {
                    self.facts.tls_reports = Fact::Known {
                        value: set.is_some(),
                        at: self.clock.now(),
                    };
                }
            }
        }
    }

    /// The new host as it will be: secure, taking mail, without TLSA records.
    fn unnamed_host(&self) -> HostFacts {
        HostFacts {
            exists: true,
            chain: Chain::Secure,
            addresses: vec![AddressFacts {
                address: "its addresses".to_owned(),
                smtp: SmtpOutcome::Accepted { web_pki: true },
                tlsa_matches: None,
            }],
            tlsa: TlsaFacts::Absent {
                negative_ttl: seconds(self.estimates.negative_ttl),
            },
            probed_at: Some(self.clock.now()),
        }
    }

    fn new_host(&self) -> Host {
        match self.facts.exchange.known() {
            Some(ExchangeFacts {
                expected_mx: Some(host),
                dnssec: FeatureState::Enabled,
                ..
            }) => host.clone(),
            // A domain that was born under mx.microsoft keeps its host.
            _ => self
                .facts
                .zone
                .known()
                .and_then(|zone| zone.agreed_mx())
                .and_then(|mx| {
                    mx.set
                        .hosts()
                        .find(|h| h.is_within("mx.microsoft"))
                        .cloned()
                })
                .unwrap_or_else(|| Host::new(UNNAMED_HOST)),
        }
    }

    fn enable_dnssec(&mut self) -> Host {
        self.clock.advance(self.estimates.cmdlet);
        let host = self.new_host();
        let known = self
            .facts
            .host(&host)
            .is_some_and(|facts| facts.exists && !facts.addresses.is_empty());
        if !known {
            let fact = Fact::Known {
                value: self.unnamed_host(),
                at: self.clock.now(),
            };
            self.facts.hosts.insert(host.clone(), fact);
        }
        if let Fact::Known { value, .. } = &mut self.facts.exchange {
            value.dnssec = FeatureState::Enabled;
            value.expected_mx = Some(host.clone());
        }
        host
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Needs, Verdict, World};

    fn model() -> (Model, VirtualClock) {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        let hour = Duration::from_secs(3600);
        let estimates = Estimates {
            visible: hour,
            cmdlet: hour,
            tlsa: hour,
            delegation: hour,
            negative_ttl: hour,
        };
        let seed = Facts {
            verdict: Fact::Known {
                value: VerdictFacts {
                    verdict: Verdict::Forbidden,
                    ..VerdictFacts::foreseen()
                },
                at: Timestamp::UNIX_EPOCH,
            },
            ..Facts::default()
        };
        (Model::new(seed, clock.clone(), estimates), clock)
    }

    async fn verdict(model: &mut Model) -> Verdict {
        let mut facts = Facts::default();
        model.observe(&Needs::default(), &mut facts).await;
        facts.verdict.known().unwrap().verdict
    }

    #[tokio::test]
    async fn until_something_happens_the_verdict_is_the_one_that_was_observed() {
        let (mut model, clock) = model();
        clock.advance(Duration::from_secs(86_400));
        assert_eq!(verdict(&mut model).await, Verdict::Forbidden);
    }

    /// Otherwise a plan made in the middle of a run would wait for a verdict of the past, for ever.
    #[tokio::test]
    async fn what_was_under_way_and_came_about_has_changed_the_verdict_for_good() {
        let (mut model, clock) = model();
        model.under_way(None, true, false);
        assert_eq!(verdict(&mut model).await, Verdict::Safe);
        clock.advance(Duration::from_secs(7200));
        assert_eq!(verdict(&mut model).await, Verdict::Safe);
    }
}
