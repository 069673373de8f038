//! What the engine is shown of the truth: the answers to its questions, and the strings they are made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rollout::finding::Finding;
use rollout::kernel::{Host, KeyId, Mx, MxSet, ZoneKeys};
use rollout::world::{
    Action, AddressFacts, Answer, Arrives, Chain, ConnectorFacts, Delivery, DomainFlags,
    ExchangeFacts, Fact, Facts, FeatureState, HostFacts, Instructions, Listing, MxRrset, Needs,
    OnFile, ParentFacts, ParentServer, PolicyFacts, PolicyMode, Profile, ProviderFacts,
    ServerFacts, SigningFacts, SmtpOutcome, TenantFacts, TlsaFacts, TxtRrset, VantageFacts,
    Verdict, VerdictFacts, ZoneFacts,
};

use crate::caches::{Looked, Resolver};
use crate::rng::Rng;
use crate::scenario::{Ms, SECOND, Scenario};
use crate::truth::{HostId, KEY, NEW, PolicyText, Request, SetId, Smtp, Truth};
use crate::world::{Sim, timestamp};

/// The domain.
pub const DOMAIN: &str = "contoso.com";
/// The key, as a DS names it.
const KEY_TEXT: &str = "4711 13 2 aabb";

/// Strings that are made once for a run.
#[derive(Clone, Debug)]
pub struct Names {
    hosts: Vec<Host>,
    servers: Vec<Arc<str>>,
    parents: Vec<Arc<str>>,
    resolvers: Vec<Arc<str>>,
    sets: Vec<MxSet>,
    key: BTreeSet<KeyId>,
    vantages: Vec<Resolver>,
    /// The texts of the policies, as they are served.
    policies: Vec<String>,
    apex: Host,
    parent: Host,
}

impl Names {
    /// The names of a world.
    #[must_use]
    pub fn new(truth: &Truth) -> Self {
        let mut rng = Rng::new(truth.scenario.seed, 3);
        let vantages: Vec<_> = (0..rng.below(3))
            .map(|_| Resolver {
                forwarder: None,
                floor: 0,
                ..Resolver::new(&mut rng, false)
            })
            .collect();
        Self {
            hosts: crate::truth::NAMES
                .iter()
                .map(|name| Host::new(name))
                .collect(),
            servers: (0..truth.servers.len())
                .map(|index| format!("ns{index} (192.0.2.{index})").into())
                .collect(),
            parents: (0..truth.parent.len())
                .map(|index| format!("parent{index}").into())
                .collect(),
            resolvers: (0..vantages.len())
                .map(|index| format!("resolver {index}").into())
                .collect(),
            sets: Vec::new(),
            key: [KeyId::new(KEY_TEXT)].into(),
            vantages,
            policies: Vec::new(),
            apex: Host::new(DOMAIN),
            parent: Host::new("com"),
        }
    }

    /// The new host.
    #[must_use]
    pub fn new_host(&self) -> Host {
        self.hosts[usize::from(NEW)].clone()
    }

    /// No resolver is asked.
    pub fn without_vantages(&mut self) {
        self.vantages.clear();
    }

    fn host_id(&self, host: &Host) -> Option<HostId> {
        let index = self.hosts.iter().position(|known| known == host)?;
        HostId::try_from(index).ok()
    }

    fn set(&mut self, truth: &Truth, id: SetId) -> MxSet {
        while self.sets.len() < truth.sets.len() {
            let next = SetId::try_from(self.sets.len()).unwrap_or(SetId::MAX);
            let records = truth.sets.get(next).iter();
            let set = records.map(|(preference, host)| Mx {
                preference: *preference,
                host: self.hosts[usize::from(*host)].clone(),
            });
            self.sets.push(set.collect());
        }
        self.sets[usize::from(id)].clone()
    }

    /// Policies are added, and never changed.
    fn know_policies(&mut self, truth: &Truth) {
        let max_age = truth.scenario.max_age;
        for text in &truth.policies[self.policies.len()..] {
            let mode = if text.testing { "testing" } else { "enforce" };
            let patterns: String = text.patterns.iter().map(|p| format!("mx: {p}\n")).collect();
            self.policies.push(format!(
                "version: STSv1\nmode: {mode}\n{patterns}max_age: {max_age}\n"
            ));
        }
    }

    fn rrset(&mut self, truth: &Truth, (set, ttl): (SetId, u32)) -> MxRrset {
        MxRrset {
            set: self.set(truth, set),
            ttl,
        }
    }

    fn keys(&self, key: u8) -> ZoneKeys {
        if key == 0 {
            ZoneKeys::Unsigned
        } else {
            ZoneKeys::Signed(self.key.clone())
        }
    }
}

/// The key that a DS names.
fn named(ds: &[KeyId]) -> u8 {
    if ds.iter().any(|key| key.as_str() == KEY_TEXT) {
        KEY
    } else {
        KEY + 1
    }
}

impl Sim {
    /// A person is asked to bring about what the instructions say.
    pub fn ask(&mut self, instructions: &Instructions) {
        let requests: Vec<Request> = instructions
            .effects
            .iter()
            .map(|action| self.request(action))
            .collect();
        if requests.contains(&Request::Sign) {
            self.truth.ask_for_signing();
        }
        let policy = requests.iter().find_map(|request| match request {
            Request::Policy { after, .. } => Some(*after),
            _ => None,
        });
        let record = |request: &Request| matches!(request, Request::Record { .. });
        // It is asked again until it is seen: what is there already is not published again.
        if policy.is_some_and(|policy| policy != self.truth.policy_served)
            || policy.is_none() && requests.iter().any(record)
        {
            self.truth.ask_for_policy(policy);
        }
    }

    /// The number of an MX RRset of the engine's.
    fn rrset_id(&mut self, rrset: &MxRrset) -> (SetId, u32) {
        let records = rrset
            .set
            .iter()
            .filter_map(|mx| Some((mx.preference, self.names.host_id(&mx.host)?)))
            .collect();
        (self.truth.sets.id(records), rrset.ttl)
    }

    /// An action as a request.
    pub fn request(&mut self, action: &Action) -> Request {
        match action {
            Action::WriteMx { before, after } => Request::Mx {
                before: self.rrset_id(before),
                after: self.rrset_id(after),
            },
            Action::WritePolicy { before, after } => {
                let before = self.policy_number(before).unwrap_or(u16::MAX);
                let after = self.policy_number(&after.text).unwrap_or_else(|| {
                    self.truth.policies.push(PolicyText {
                        enforced: after.mode == PolicyMode::Enforce,
                        testing: after.mode == PolicyMode::Testing,
                        patterns: patterns_of(&after.text),
                    });
                    u16::try_from(self.truth.policies.len() - 1).unwrap_or(u16::MAX)
                });
                Request::Policy { before, after }
            }
            Action::WriteTxt { before, after, .. } => Request::Record {
                before: id_of(before.as_ref()),
                after: id_of(after.as_ref()),
            },
            Action::SignZone => Request::Sign,
            Action::PublishDs { ds } => Request::Ds(named(ds)),
            Action::EnableDnssec => Request::Dnssec,
            Action::EnableDane => Request::Dane,
            Action::WithdrawDs { ds } => Request::Withdraw(named(ds)),
            Action::UnsignZone => Request::Unsign,
            Action::DisableDane => Request::DaneOff,
        }
    }

    /// Answers the engine's questions.
    pub fn observe(&mut self, needs: &Needs, facts: &mut Facts) {
        let at = timestamp(self.truth.now + self.truth.clock_off);
        if needs.zone {
            facts.zone = self.fact(at, Self::zone);
        }
        if needs.parent {
            facts.parent = self.fact(at, |sim, _| sim.parent());
        }
        if needs.chain {
            facts.chain = self.fact(at, |sim, _| sim.chain());
        }
        if needs.vantages {
            facts.vantages = self.vantages(at);
        }
        for host in &needs.hosts {
            let fact = match self.names.host_id(host) {
                Some(id) => self.fact(at, |sim, at| sim.host(id, at)),
                None => Fact::CouldNotTell {
                    why: "nobody knows this name".to_owned(),
                    at,
                },
            };
            facts.hosts.insert(host.clone(), fact);
        }
        if needs.policy {
            facts.policy = self.fact(at, |sim, _| sim.policy());
        }
        if needs.policy_file {
            facts.policy_file = self.fact(at, |sim, _| {
                sim.policy_text(sim.truth.policy_file).to_owned()
            });
        }
        for name in &needs.texts {
            let set = self.fact(at, |sim, _| {
                (sim.truth.record != 0).then(|| record(sim.truth.record, &sim.truth.scenario))
            });
            facts.texts.insert(name.clone(), set);
        }
        if needs.tenant {
            facts.tenant = self.fact(at, |sim, _| sim.tenant());
        }
        if needs.exchange {
            facts.exchange = self.fact(at, |sim, _| sim.exchange());
        }
        if needs.connectors {
            facts.connectors = known(
                at,
                ConnectorFacts {
                    outbound: Listing::Known { connectors: vec![] },
                    inbound: Listing::Known { connectors: vec![] },
                    initial_domain: None,
                },
            );
            facts.ipv6 = known(at, FeatureState::Disabled);
        }
        // Asked once for a process, as its API counts every call.
        if needs.provider_again || (needs.provider && facts.provider.known().is_none()) {
            facts.provider = self.fact(at, |sim, _| sim.provider());
        }
        if needs.verdict {
            facts.verdict = known(at, self.verdict());
        }
    }

    /// An answer, or none.
    fn fact<T>(
        &mut self,
        at: Timestamp,
        answer: impl FnOnce(&mut Self, Timestamp) -> T,
    ) -> Fact<T> {
        let deaf = self.truth.scenario.faults.deaf;
        if deaf && self.truth.fires(true) && self.truth.rng.chance(25) {
            return Fact::CouldNotTell {
                why: "no answer in time".to_owned(),
                at,
            };
        }
        known(at, answer(self, at))
    }

    fn zone(&mut self, _: Timestamp) -> ZoneFacts {
        let deaf = self.truth.scenario.faults.deaf;
        let mut servers = Vec::with_capacity(self.truth.servers.len());
        for index in 0..self.truth.servers.len() {
            let served = self.truth.servers[index];
            let silent = !self.truth.answers(index) || (deaf && self.truth.fires(true));
            let server = Arc::clone(&self.names.servers[index]);
            let failed = || "timed out".to_owned();
            self.truth.seen |= !silent && self.truth.clock_jumped == 0;
            servers.push(if silent {
                ServerFacts {
                    server,
                    mx: Answer::Failed { why: failed() },
                    keys: Answer::Failed { why: failed() },
                    serial: None,
                    signed_until: None,
                }
            } else {
                ServerFacts {
                    server,
                    mx: Answer::Got {
                        value: self.names.set(&self.truth, served.set),
                        ttl: served.ttl,
                    },
                    keys: Answer::Got {
                        value: self.names.keys(served.key),
                        ttl: if served.key == 0 {
                            self.truth.scenario.negative
                        } else {
                            3600
                        },
                    },
                    serial: None,
                    signed_until: None,
                }
            });
        }
        let largest = self.truth.servers.iter().map(|served| served.ttl).max();
        ZoneFacts {
            apex: self.names.apex.clone(),
            servers,
            negative_ttl: self.truth.scenario.negative,
            largest_ttl: largest.unwrap_or(0),
            delegation_differs: Vec::new(),
            split_between: Vec::new(),
            out_of_reach: Vec::new(),
            publishes_cds: false,
        }
    }

    fn parent(&mut self) -> ParentFacts {
        let s = &self.truth.scenario;
        let servers = self
            .truth
            .parent
            .iter()
            .enumerate()
            .map(|(index, ds)| ParentServer {
                server: Arc::clone(&self.names.parents[index]),
                ds: Answer::Got {
                    value: match *ds {
                        0 => BTreeSet::new(),
                        KEY => self.names.key.clone(),
                        _ => [KeyId::new("1 13 2 ff")].into(),
                    },
                    ttl: if *ds == 0 {
                        s.parent_negative
                    } else {
                        s.ds_ttl
                    },
                },
            });
        ParentFacts {
            zone: self.names.parent.clone(),
            scans_after: None,
            servers: servers.collect(),
            negative_ttl: s.parent_negative,
        }
    }

    fn chain(&mut self) -> Chain {
        let ds = self.truth.parent[self.truth.rng.below(self.truth.parent.len())];
        let key = self.truth.servers[self.truth.rng.below(self.truth.servers.len())].key;
        match (ds, key) {
            (0, _) => Chain::Insecure,
            (ds, key) if ds == key => Chain::Secure,
            _ => Chain::Bogus {
                why: "the DS names another key".to_owned(),
            },
        }
    }

    fn vantages(&mut self, at: Timestamp) -> Vec<VantageFacts> {
        let mut seen = Vec::new();
        for index in 0..self.names.vantages.len() {
            let mut resolver = self.names.vantages[index];
            let mut rng = self.truth.rng.clone();
            let looked = resolver.mx(&self.truth, &mut rng);
            self.truth.rng = rng;
            self.names.vantages[index] = resolver;
            let left = resolver
                .cache
                .mx
                .map_or(0, |copy| (copy.until - self.truth.now).max(0) / SECOND);
            let mx = match looked {
                Looked::Set(set, _) => Answer::Got {
                    value: self.names.set(&self.truth, set),
                    ttl: u32::try_from(left).unwrap_or(u32::MAX),
                },
                Looked::Bogus | Looked::Unreachable => Answer::Failed {
                    why: "SERVFAIL".to_owned(),
                },
            };
            seen.push(VantageFacts {
                vantage: Arc::clone(&self.names.resolvers[index]),
                mx,
                authentic: matches!(looked, Looked::Set(_, true)),
                at,
            });
        }
        seen
    }

    fn host(&mut self, id: HostId, at: Timestamp) -> HostFacts {
        let smtp = self.truth.smtp(id, true);
        let new = id == NEW;
        let unprobed = self.truth.scenario.faults.unprobed;
        let blocked = unprobed && self.truth.fires(true);
        let tlsa = new && self.truth.tlsa;
        let fits = self.truth.fits();
        let reply = |text: &str| text.to_owned();
        let outcome = match smtp {
            _ if blocked => SmtpOutcome::Unreached {
                why: reply("timed out"),
            },
            Smtp::NoName | Smtp::Down => SmtpOutcome::Closed,
            Smtp::Rejects => SmtpOutcome::Rejected {
                reply: reply("550 5.7.64 TenantAttribution; Relay Access Denied"),
            },
            Smtp::Defers => SmtpOutcome::Deferred {
                reply: reply("451 4.3.2 Temporary server error. Please try again later ATTR3.4"),
            },
            Smtp::NoTls => SmtpOutcome::NoTls {
                why: reply("not offered"),
            },
            Smtp::Takes => SmtpOutcome::Accepted { web_pki: true },
        };
        let shakes = !blocked && matches!(smtp, Smtp::Takes | Smtp::Rejects | Smtp::Defers);
        let addresses = (0..if new { 2_u8 } else { 1 }).map(|index| AddressFacts {
            address: format!("192.0.2.{}", 25 + index),
            smtp: outcome.clone(),
            // The last address gets its certificate last.
            tlsa_matches: (tlsa && shakes).then_some(fits || index == 0),
        });
        let negative_ttl = self.truth.scenario.tlsa_negative;
        HostFacts {
            exists: smtp != Smtp::NoName,
            chain: if new { Chain::Secure } else { Chain::Insecure },
            addresses: if smtp == Smtp::NoName {
                Vec::new()
            } else {
                addresses.collect()
            },
            tlsa: match (new, tlsa) {
                (false, _) => TlsaFacts::NotAsked,
                (true, false) => TlsaFacts::Absent { negative_ttl },
                (true, true) => TlsaFacts::Records {
                    records: vec!["3 1 1 00".to_owned()],
                    digest: "set".to_owned(),
                    ttl: 900,
                    negative_ttl,
                },
            },
            probed_at: Some(at),
        }
    }

    fn policy(&mut self) -> PolicyFacts {
        let body = self.policy_text(self.truth.policy_served).to_owned();
        let s = &self.truth.scenario;
        let text = &self.truth.policies[usize::from(self.truth.policy_served)];
        let mode = if text.enforced {
            PolicyMode::Enforce
        } else if text.testing {
            PolicyMode::Testing
        } else {
            PolicyMode::None
        };
        PolicyFacts {
            mode,
            patterns: text.patterns.iter().cloned().collect(),
            max_age: s.max_age,
            record_ttl: s.record_ttl,
            id: Some(self.truth.records[0].to_string()),
            body: if mode == PolicyMode::None {
                String::new()
            } else {
                body
            },
            lagging: self
                .truth
                .records
                .iter()
                .enumerate()
                .filter(|(server, id)| {
                    **id != self.truth.records[0] || !self.truth.answers(*server)
                })
                .map(|(server, id)| format!("ns{server} serves the id {id}, or does not answer"))
                .collect(),
        }
    }

    /// A policy as it is served.
    fn policy_text(&mut self, number: u16) -> &str {
        self.names.know_policies(&self.truth);
        &self.names.policies[usize::from(number)]
    }

    /// The number of the policy with this text.
    fn policy_number(&mut self, text: &str) -> Option<u16> {
        self.names.know_policies(&self.truth);
        let is_it = |known: &String| known == text;
        // The first one is that there is none.
        let number = self.names.policies.iter().skip(1).position(is_it)? + 1;
        u16::try_from(number).ok()
    }

    fn tenant(&mut self) -> TenantFacts {
        TenantFacts {
            exists: true,
            verified: true,
            initial: false,
            admin_managed: true,
            email: true,
            mx_hosts: Vec::new(),
        }
    }

    fn exchange(&mut self) -> ExchangeFacts {
        let state = |on| {
            if on {
                FeatureState::Enabled
            } else {
                FeatureState::Disabled
            }
        };
        let named = self.truth.dnssec && self.truth.named_from <= self.truth.now;
        ExchangeFacts {
            manual: false,
            source: None,
            accepted: true,
            domain_type: "Authoritative".to_owned(),
            flags: DomainFlags::default(),
            // Until it names the host it does not say that it is on.
            dnssec: state(named),
            dane: state(self.truth.dane),
            expected_mx: named.then(|| self.names.new_host()),
            status_refused: None,
            advice: Vec::new(),
        }
    }

    fn provider(&mut self) -> ProviderFacts {
        let s = self.truth.scenario.clone();
        let primary = self.truth.primary;
        let rrset = self.names.rrset(&self.truth, (primary.set, primary.ttl));
        ProviderFacts {
            provider: "simulated".to_owned(),
            manual: s.manual_provider,
            ttl_min: s.ttl_min,
            ttl_max: 604_800,
            mx: (!s.manual_provider).then_some(rrset),
            signing: match (self.truth.signing, s.manual_signing) {
                (Some(_), false) => SigningFacts::On {
                    ds: self.names.key.iter().cloned().collect(),
                },
                (None, false) => SigningFacts::Off,
                (_, true) => SigningFacts::Elsewhere,
            },
            largest_ttl: s.lists_largest.then_some(s.largest),
            registrar: !s.manual_ds,
            on_file: OnFile::NotAsked,
            announces: false,
            hands_over: Default::default(),
            notes: Vec::new(),
        }
    }

    /// What a look at the whole domain says now, without knowing any cache.
    fn verdict(&mut self) -> VerdictFacts {
        let t = &self.truth;
        let records = t.sets.get(t.servers[0].set);
        let takes = |host: HostId| matches!(t.smtp(host, true), Smtp::Takes | Smtp::NoTls);
        let some = records.iter().any(|(_, host)| takes(*host));
        let all = records.iter().all(|(_, host)| takes(*host));
        let arrives = if all {
            Arrives::Yes
        } else if some {
            Arrives::Degraded
        } else {
            Arrives::No
        };
        let delivery = |profile| Delivery {
            profile,
            arrives,
            protection: rollout::dane::sender::Protection::Opportunistic,
            expected: rollout::dane::sender::Protection::Dane,
            fate: None,
            why: String::new(),
            hosts: Vec::new(),
            reports: Vec::new(),
        };
        let protected = t.tlsa
            && t.fits()
            && all
            && records.iter().all(|(_, host)| *host == NEW)
            && t.parent.iter().all(|ds| *ds == KEY)
            && t.servers.iter().all(|served| served.key == KEY);
        VerdictFacts {
            verdict: if protected {
                Verdict::Safe
            } else {
                Verdict::Forbidden
            },
            headline: String::new(),
            findings: if protected {
                Vec::new()
            } else {
                vec![Finding::blocker("sim.unprotected", "not protected", "", "")]
            },
            senders: vec![delivery(Profile::Rfc), delivery(Profile::StsOnly)],
        }
    }
}

/// The TXT RRset of an id.
fn record(id: u32, scenario: &Scenario) -> TxtRrset {
    TxtRrset::of(&format!("v=STSv1; id={id};"), scenario.record_ttl)
}

fn id_of(set: Option<&TxtRrset>) -> u32 {
    set.and_then(TxtRrset::text)
        .and_then(|text| text.split_once("id=")?.1.trim_end_matches(';').parse().ok())
        .unwrap_or(u32::MAX)
}

fn patterns_of(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("mx: "))
        .map(str::to_owned)
        .collect()
}

fn known<T>(at: Timestamp, value: T) -> Fact<T> {
    Fact::Known { value, at }
}

/// The seconds of a stretch of time, for [`rollout::step::Setup`].
#[must_use]
pub fn seconds(ms: Ms) -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
