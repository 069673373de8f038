//! What a run keeps because it cannot be observed again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::{
    Accepts, Actors, Caches, Delegation, Host, HostState, Policy, Sighting, Timing, TlsaSet,
};
use crate::world::{
    Action, Answer, Chain, Fact, Facts, FeatureState, HostFacts, Instructions, MxRrset, Outcome,
    PastedAnswers, PolicyMode, SmtpOutcome, TenantFacts, TlsaFacts,
};

use super::legacy::Standing;
use super::reply::Refusal;
use super::{Next, Setup, Stage, WaitFor};

/// The suffix of every MX host with DNSSEC at Exchange Online.
pub(super) const NEW_ZONE: &str = "mx.microsoft";

/// The name of [`Action::WriteMx`] in [`Memory::unknown`].
const WRITE_MX: &str = "write-mx";

/// A person's consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who, as far as it is known.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An MTA-STS policy and the id under which senders know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The policy.
    pub policy: Policy,
    /// The id of the `_mta-sts` record.
    pub id: Option<String>,
}

/// What a run keeps: what records were and until when they can be cached, what a cmdlet answered, what a
/// person approved. Everything else is observed again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Versions caches may hold.
    pub caches: Caches,
    /// How each mail host behaved when it was asked last.
    pub actors: Actors,
    /// The MX RRset as it was found: the way back.
    pub original: Option<MxRrset>,
    /// What the MX RRset is known to be: as found, as we wrote it, or as a person wrote it on the way.
    pub expected: Option<MxRrset>,
    /// What it was before that; servers that lag still serve it.
    pub previous: Option<MxRrset>,
    /// What a write whose answer never came would have made of it: no surprise when it is seen, also on the way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<MxRrset>,
    /// Whether every server was seen serving what is expected: from then on, all of them serving what was
    /// before is no lag but somebody's change.
    pub expected_seen: bool,
    /// The MX host that Exchange Online assigned.
    pub new_host: Option<Host>,
    /// The MTA-STS policy that the id record announces: as it was first seen under that id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
    /// What a person pasted of the cmdlets' output.
    #[serde(skip_serializing_if = "PastedAnswers::is_empty")]
    pub pasted: PastedAnswers,
    /// Approvals by gate.
    pub approvals: BTreeMap<String, Approval>,
    /// What a person was asked to do, by step.
    pub asked: BTreeMap<String, Instructions>,
    /// When they were asked, by step.
    pub asked_at: BTreeMap<String, Timestamp>,
    /// Effects whose outcome is unknown, by action name.
    pub unknown: BTreeMap<String, Timestamp>,
    /// Effects that were answered with success, by action name.
    pub performed: BTreeMap<String, Timestamp>,
    /// Steps that must not act before an instant, because a service asked for patience.
    pub not_before: BTreeMap<String, Timestamp>,
    /// What the service said when it asked for patience, by step.
    pub patience_why: BTreeMap<String, String>,
    /// Whether what is needed to go back is in the journal.
    pub way_back_kept: bool,
    /// When somebody was told to bring a DS to the parent, until all of its servers serve one: it may still appear.
    #[serde(default)]
    pub ds_told: Option<Timestamp>,
    /// Whether this is the way back, which ends in [`original`](Self::original).
    #[serde(default)]
    pub restoring: bool,
    /// Since when a step has been waiting for others to do or to serve something.
    pub expected_since: BTreeMap<String, Timestamp>,
    /// Since when a mail host has been away: its name gone, without address, silent, or refusing the domain.
    pub away_since: BTreeMap<Host, Timestamp>,
    /// Since when a step has seen what it wants to see, without interruption.
    pub good_since: BTreeMap<String, Timestamp>,
    /// Since when each step that was good is known to lose mail, until it is good again.
    #[serde(default)]
    pub turned_bad: BTreeMap<String, Timestamp>,
}

impl Memory {
    /// Takes in what was observed: extends what caches may hold, and how hosts behave.
    pub fn absorb(&mut self, facts: &Facts, setup: &Setup, now: Timestamp) {
        self.learn_new_host(facts);
        self.absorb_zone(facts, setup, now);
        self.absorb_parent(facts, &setup.timing, now);
        self.absorb_policy(facts, setup, now);
        for (host, fact) in &facts.hosts {
            let at = fact.at().unwrap_or(now);
            match fact {
                Fact::Known { value, .. } => self.absorb_host(host, value, setup, at),
                // How it was before says nothing of now (S7).
                Fact::CouldNotTell { .. } => {
                    if let Some(state) = self.actors.0.get_mut(host) {
                        state.accepts = Accepts::Unknown;
                    }
                }
                Fact::Unasked | Fact::Refused { .. } => {}
            }
            match Standing::of(Some(fact)) {
                Standing::Serves => {
                    self.away_since.remove(host);
                }
                Standing::Unknown(_) => {}
                _ => {
                    self.away_since.entry(host.clone()).or_insert(at);
                }
            }
        }
    }

    fn learn_new_host(&mut self, facts: &Facts) {
        if self.new_host.is_none()
            && let Some(exchange) = facts.exchange.known()
            && exchange.dnssec == FeatureState::Enabled
            && let Some(host) = &exchange.expected_mx
            && host.is_within(NEW_ZONE)
            && facts
                .tenant
                .known()
                .is_none_or(|tenant| graph_differs(tenant, host).is_none())
        {
            self.new_host = Some(host.clone());
        }
    }

    fn absorb_zone(&mut self, facts: &Facts, setup: &Setup, now: Timestamp) {
        let Some(zone) = facts.zone.known() else {
            return;
        };
        let at = facts.zone.at().unwrap_or(now);
        let timing = &setup.timing;
        let mut sets = Vec::new();
        let mut keys = Vec::new();
        let largest = facts
            .provider
            .known()
            .and_then(|p| p.largest_ttl)
            .unwrap_or(setup.zone_largest_ttl)
            .max(zone.largest_ttl)
            .max(zone.negative_ttl);
        for server in &zone.servers {
            let seen = |ttl| Sighting {
                server: server.server.clone(),
                at,
                ttl,
            };
            if let Some((set, ttl)) = server.mx.got() {
                sets.push((set.clone(), seen(ttl)));
            }
            if let Some((value, _)) = server.keys.got() {
                keys.push((value.clone(), seen(largest)));
            }
        }
        self.caches.mx.observe(&sets, zone.complete(), at, timing);
        let complete = !keys.is_empty() && keys.len() == zone.servers.len();
        self.caches.keys.observe(&keys, complete, at, timing);
        for vantage in &facts.vantages {
            if let Some((set, ttl)) = vantage.mx.got() {
                let seen = Sighting {
                    server: vantage.vantage.clone(),
                    at: vantage.at,
                    ttl,
                };
                self.caches.mx.observe_cached(set, &seen, timing);
            }
        }
        if self.original.is_none()
            && let Some(found) = zone.agreed_mx()
        {
            self.original = Some(found.clone());
            self.expected = Some(found);
        }
        if let Some(seen) = zone.agreed_mx() {
            self.follow(&seen);
        }
    }

    /// Accepts an MX RRset that every server agrees on and that a person may have written on the way: the
    /// expected records under another TTL, or a later stage of the move. Anything else stays a conflict.
    fn follow(&mut self, seen: &MxRrset) {
        let Some(expected) = &self.expected else {
            return;
        };
        let further = || self.stage_of(&seen.set) > self.stage_of(&expected.set);
        if seen == expected {
            self.expected_seen = true;
            return;
        }
        // Until what we wrote was seen everywhere, all servers serving the version before it is lag.
        let lag = !self.expected_seen && Some(seen) == self.previous.as_ref();
        let ours = Some(seen) == self.attempted.as_ref();
        if !lag && (seen.set == expected.set || further() || ours) {
            self.attempted = None;
            self.previous = self.expected.replace(seen.clone());
            self.expected_seen = true;
            self.unknown.remove(WRITE_MX);
        }
    }

    fn absorb_parent(&mut self, facts: &Facts, timing: &Timing, now: Timestamp) {
        let Some(parent) = facts.parent.known() else {
            return;
        };
        let at = facts.parent.at().unwrap_or(now);
        let mut answers = Vec::new();
        for server in &parent.servers {
            if let Answer::Got { value, ttl } = &server.ds {
                let delegation = if value.is_empty() {
                    Delegation::Insecure
                } else {
                    Delegation::Secure(value.clone())
                };
                let seen = Sighting {
                    server: server.server.clone(),
                    at,
                    ttl: *ttl,
                };
                answers.push((delegation, seen));
            }
        }
        let complete = !answers.is_empty() && answers.len() == parent.servers.len();
        if parent.agreed_ds().is_some_and(|ds| !ds.is_empty()) {
            self.ds_told = None;
        }
        self.caches
            .delegation
            .observe(&answers, complete, at, timing);
    }

    fn absorb_policy(&mut self, facts: &Facts, setup: &Setup, now: Timestamp) {
        let Some(policy) = facts.policy.known() else {
            return;
        };
        let at = facts.policy.at().unwrap_or(now);
        let value = match policy.mode {
            PolicyMode::Enforce => Policy::Enforced(policy.patterns.clone()),
            PolicyMode::None | PolicyMode::Testing => Policy::NotEnforced,
        };
        let ttl = if setup.strict_mta_sts {
            policy.max_age
        } else {
            policy.record_ttl
        };
        let seen = Sighting {
            server: "the policy's web server".to_owned(),
            at,
            ttl,
        };
        let mut served = vec![(value.clone(), seen.clone())];
        match &self.announced {
            // A sender that has an earlier policy looks at the web server only when the record's id is another
            // (RFC 8461 section 3.3): until then the earlier one is as good as served.
            Some(announced) if announced.id == policy.id && announced.policy != value => {
                served.push((announced.policy.clone(), seen));
            }
            Some(announced) if announced.id == policy.id => {}
            _ => {
                self.announced = Some(Announced {
                    policy: value,
                    id: policy.id.clone(),
                });
            }
        }
        self.caches.policy.observe(&served, true, at, &setup.timing);
    }

    fn absorb_host(&mut self, host: &Host, seen: &HostFacts, setup: &Setup, at: Timestamp) {
        let state = self
            .actors
            .0
            .entry(host.clone())
            .or_insert_with(HostState::unknown);
        let tlsa_fails = matches!(seen.tlsa, TlsaFacts::Failed { .. });
        if seen.probed_at.is_some() || seen.addresses.is_empty() || tlsa_fails {
            state.accepts = accepts(seen, setup.probe_required);
            state.web_pki = web_pki(seen);
        }
        let (value, ttl) = match &seen.tlsa {
            TlsaFacts::Records { digest, ttl, .. } => {
                let verdicts: Vec<_> = seen.addresses.iter().map(|a| a.tlsa_matches).collect();
                if verdicts.contains(&Some(false)) {
                    state.tlsa.insert(digest.clone(), false);
                } else if !verdicts.is_empty() && verdicts.iter().all(Option::is_some) {
                    state.tlsa.insert(digest.clone(), true);
                } else if !setup.probe_required && !verdicts.is_empty() {
                    state.tlsa.entry(digest.clone()).or_insert(true);
                }
                (TlsaSet::Records(digest.clone()), *ttl)
            }
            TlsaFacts::Absent { negative_ttl } => (TlsaSet::Absent, *negative_ttl),
            TlsaFacts::NotAsked => (TlsaSet::Absent, 0),
            TlsaFacts::Failed { .. } => return,
        };
        let sighting = Sighting {
            server: format!("the servers of {host}"),
            at,
            ttl,
        };
        self.caches.tlsa.entry(host.clone()).or_default().observe(
            &[(value, sighting)],
            true,
            at,
            &setup.timing,
        );
    }

    /// Takes in what came of an action of `step`.
    pub fn record(
        &mut self,
        step: &str,
        action: &Action,
        outcome: &Outcome,
        setup: &Setup,
        now: Timestamp,
    ) {
        let name = action.name().to_owned();
        let refused = matches!(outcome, Outcome::Refused { .. } | Outcome::Conflict { .. });
        if matches!(action, Action::PublishDs { .. }) && !refused {
            self.ds_told = Some(now);
        }
        match outcome {
            Outcome::Done { mx_host, .. } => {
                self.unknown.remove(&name);
                self.performed.insert(name, now);
                if let Some(host) = mx_host {
                    self.new_host = Some(host.clone());
                }
                if let Action::WriteMx { after, .. } = action {
                    self.wrote(after, &setup.timing, now);
                }
            }
            Outcome::Asked { instructions } => {
                if let Action::WriteMx { after, .. } = action {
                    self.attempted = Some(after.clone());
                }
                self.unknown.remove(&name);
                self.asked.insert(step.to_owned(), instructions.clone());
                self.asked_at.entry(step.to_owned()).or_insert(now);
                // The person may do it at any moment from now on.
                if let Action::WriteMx { after, .. } = action {
                    self.caches
                        .mx
                        .wrote(&after.set, after.ttl, now, &setup.timing);
                }
            }
            Outcome::Unknown { .. } => {
                self.unknown.insert(name, now);
                if let Action::WriteMx { after, .. } = action {
                    self.caches
                        .mx
                        .wrote(&after.set, after.ttl, now, &setup.timing);
                    self.attempted = Some(after.clone());
                }
            }
            Outcome::Later { why, after } => {
                self.patience_why.insert(step.to_owned(), why.clone());
                // At least a second: a service that is not ready is never asked in a tight loop.
                let until = now
                    .checked_add(std::time::Duration::from_secs((*after).max(1)))
                    .unwrap_or(now);
                self.not_before.insert(step.to_owned(), until);
            }
            Outcome::Conflict { .. } | Outcome::Refused { .. } => {
                self.unknown.remove(&name);
            }
        }
    }

    fn wrote(&mut self, after: &MxRrset, timing: &Timing, now: Timestamp) {
        self.caches.mx.wrote(&after.set, after.ttl, now, timing);
        self.previous = self.expected.replace(after.clone());
        self.expected_seen = false;
        self.attempted = None;
    }

    /// What a process takes up that goes on with a run. A run that has changed nothing yet begins from what is there now:
    /// an MX RRset that it found and that stopped it may have been put right since.
    #[must_use]
    pub fn taken_up(mut self) -> Self {
        if !self.way_back_kept {
            (self.original, self.expected, self.previous) = (None, None, None);
            self.expected_seen = false;
        }
        self
    }

    /// What a way back starts from: what records were and what caches may hold. What people agreed to and what services were
    /// told was for the way there.
    #[must_use]
    pub fn for_the_way_back(self) -> Self {
        Self {
            caches: self.caches,
            actors: self.actors,
            original: self.original,
            expected: self.expected,
            previous: self.previous,
            attempted: self.attempted,
            expected_seen: self.expected_seen,
            new_host: self.new_host,
            pasted: self.pasted,
            announced: self.announced,
            unknown: self
                .unknown
                .into_iter()
                .filter(|(name, _)| name == WRITE_MX)
                .collect(),
            way_back_kept: self.way_back_kept,
            restoring: true,
            ds_told: self.ds_told,
            away_since: self.away_since,
            ..Self::default()
        }
    }

    /// Takes in how a step stands now: soaking, or known to lose mail, or neither.
    pub fn stands(&mut self, step: &str, next: &Next, now: Timestamp) {
        match next {
            Next::Wait(wait) if wait.kind == WaitFor::Soak => {
                self.good_since.entry(step.to_owned()).or_insert(now);
                self.turned_bad.remove(step);
            }
            Next::Done(_) => {
                self.turned_bad.remove(step);
            }
            other => {
                let was_good = self.good_since.remove(step).is_some();
                if was_good && other.loses_mail() {
                    self.turned_bad.insert(step.to_owned(), now);
                }
            }
        }
    }

    /// Every host that a cached MX set may name, the new one, and on the way back those that it leads to, whose caches may
    /// have forgotten them long since.
    pub fn hosts(&self, now: Timestamp) -> impl Iterator<Item = &Host> + use<'_> {
        let original = self.original.as_ref().filter(|_| self.restoring);
        self.caches
            .mx
            .possible(now)
            .flat_map(|version| version.value.hosts())
            .chain(&self.new_host)
            .chain(original.into_iter().flat_map(|mx| mx.set.hosts()))
            .filter(|host| !host.as_str().is_empty())
    }

    /// The stage of a set, as far as the run knows the hosts.
    #[must_use]
    pub fn stage_of(&self, set: &crate::kernel::MxSet) -> Option<Stage> {
        Stage::of(set, &self.original.as_ref()?.set, self.new_host.as_ref())
    }
}

/// The host under `mx.microsoft` that Graph names instead of this one: then one of the two services lags or errs, and neither
/// is a source for what is written into an MX RRset.
pub(super) fn graph_differs<'t>(tenant: &'t TenantFacts, host: &Host) -> Option<&'t Host> {
    let named = &tenant.mx_hosts;
    if named.contains(host) {
        return None;
    }
    named.iter().find(|other| other.is_within(NEW_ZONE))
}

/// Whether a host takes mail, from what each of its addresses did.
fn accepts(host: &HostFacts, probe_required: bool) -> Accepts {
    if !host.exists || host.addresses.is_empty() {
        return Accepts::Down;
    }
    // A sender that does DANE skips a host whose TLSA lookup fails (RFC 7672 section 2.1.2); whether the
    // failure is theirs or ours cannot be told from here.
    let tlsa_fails = matches!(host.tlsa, TlsaFacts::Failed { .. });
    let has = |test: fn(&SmtpOutcome) -> bool| host.addresses.iter().any(|a| test(&a.smtp));
    if has(|s| matches!(s, SmtpOutcome::Rejected { reply } if Refusal::of(reply) != Refusal::Asker))
    {
        Accepts::Rejects
    } else if tlsa_fails {
        Accepts::Unknown
    } else if has(|s| matches!(s, SmtpOutcome::Accepted { .. })) {
        Accepts::Yes
    } else if has(
        // A host that dislikes who asks was not seen taking mail, nor refusing it.
        |s| {
            matches!(
                s,
                SmtpOutcome::Unreached { .. } | SmtpOutcome::Rejected { .. }
            )
        },
    ) {
        if probe_required {
            Accepts::Unknown
        } else {
            Accepts::Yes
        }
    } else if has(
        |s| matches!(s, SmtpOutcome::Deferred { reply } if Refusal::of(reply) == Refusal::WrongPlace),
    ) {
        // To come back later is to come back to the same wrong place.
        Accepts::Down
    } else if has(|s| matches!(s, SmtpOutcome::Deferred { .. })) {
        Accepts::Unknown
    } else if matches!(host.chain, Chain::Bogus { .. }) {
        Accepts::Down
    } else if has(|s| matches!(s, SmtpOutcome::NoTls { .. })) {
        // Plain senders are still served; whether that is enough is for the steps to say.
        Accepts::Yes
    } else {
        Accepts::Down
    }
}

/// Whether no address gave any answer over SMTP.
pub(super) fn silent(host: &HostFacts) -> bool {
    host.addresses
        .iter()
        .all(|a| matches!(a.smtp, SmtpOutcome::Unreached { .. } | SmtpOutcome::Closed))
}

fn web_pki(host: &HostFacts) -> Option<bool> {
    let verdicts: Vec<_> = host
        .addresses
        .iter()
        .filter_map(|a| match a.smtp {
            SmtpOutcome::Accepted { web_pki } => Some(web_pki),
            _ => None,
        })
        .collect();
    (!verdicts.is_empty()).then(|| verdicts.iter().all(|ok| *ok))
}
