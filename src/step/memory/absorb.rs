//! What an observation teaches a run.

use jiff::Timestamp;

use super::{Announced, Memory, NEW_ZONE, WRITE_MX};
use crate::kernel::{Accepts, Delegation, Host, HostState, Sighting, Timing, TlsaSet};
use crate::step::Setup;
use crate::step::legacy::Standing;
use crate::step::reply::Refusal;
use crate::world::{
    Answer, Chain, Fact, Facts, FeatureState, HostFacts, MxRrset, SmtpOutcome, TenantFacts,
    TlsaFacts,
};

impl Memory {
    /// Takes in what was observed: extends what caches may hold, and how hosts behave.
    pub fn absorb(&mut self, facts: &Facts, setup: &Setup, now: Timestamp) {
        self.learn_new_host(facts);
        self.absorb_zone(facts, setup, now);
        self.absorb_parent(facts, &setup.timing, now);
        self.absorb_policy(facts, setup, now);
        self.absorb_published(facts, setup);
        self.absorb_hosts(facts, setup, now);
    }

    /// Takes in how hosts behave, and nothing else.
    pub fn absorb_hosts(&mut self, facts: &Facts, setup: &Setup, now: Timestamp) {
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
                sets.push((set, seen(ttl)));
            }
            if let Some((value, _)) = server.keys.got() {
                keys.push((value, seen(largest)));
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
        self.lost_mx(facts, setup);
    }

    /// On the way back nothing is written over a write whose answer never came. When the provider does not have it after the
    /// time that it had, it comes no more: what it would have made ends in caches (S6). What a person was asked for may come.
    fn lost_mx(&mut self, facts: &Facts, setup: &Setup) {
        let (Some(since), Some(provider)) = (self.unknown.get(WRITE_MX), facts.provider.known())
        else {
            return;
        };
        let settled = since.checked_add(setup.settle).unwrap_or(*since);
        let has_expected = provider.mx.is_some() && provider.mx == self.expected;
        if self.restoring
            && !provider.manual
            && has_expected
            && facts.provider.at() >= Some(settled)
            && let Some(lost) = &self.attempted
        {
            self.caches.mx.not_coming(&lost.set);
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
        let value = policy.mode.policy(&policy.patterns);
        let ttl = if setup.strict_mta_sts {
            policy.max_age
        } else {
            policy.record_ttl
        };
        let seen = Sighting {
            server: "the policy's web server".into(),
            at,
            ttl,
        };
        let now_served = Announced {
            policy: value.clone(),
            id: policy.id.clone(),
            body: policy.body.clone(),
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
                let id = policy.id.as_deref();
                let announced = match id.and_then(|id| self.mta_sts.announced_by(id)) {
                    Some(earlier) => Announced {
                        id: policy.id.clone(),
                        ..earlier.clone()
                    },
                    None => now_served.clone(),
                };
                if announced.policy != now_served.policy {
                    served.push((announced.policy.clone(), seen));
                }
                self.announced = Some(announced);
            }
        }
        self.mta_sts.served = Some(now_served);
        // While an address still serves the id of the one before, senders are told to keep that one, or any that they
        // fetched since (T1).
        let untold = self.mta_sts.is_untold(policy.id.as_deref());
        let everywhere = policy.lagging.is_empty() && !untold;
        self.caches
            .policy
            .observe(&served, everywhere, at, &setup.timing);
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
                let mut verdicts = seen.addresses.iter().map(|a| a.tlsa_matches);
                let known = state.tlsa.get(digest).copied();
                let fits = if verdicts.clone().any(|verdict| verdict == Some(false)) {
                    Some(false)
                } else if !seen.addresses.is_empty() && verdicts.all(|verdict| verdict.is_some()) {
                    Some(true)
                } else if !setup.probe_required && !seen.addresses.is_empty() {
                    known.or(Some(true))
                } else {
                    known
                };
                if let Some(fits) = fits.filter(|_| fits != known) {
                    state.tlsa.insert(digest.clone(), fits);
                }
                (TlsaSet::Records(digest.clone()), *ttl)
            }
            TlsaFacts::Absent { negative_ttl } => (TlsaSet::Absent, *negative_ttl),
            TlsaFacts::NotAsked => (TlsaSet::Absent, 0),
            TlsaFacts::Failed { .. } => return,
        };
        let tlsa = self.caches.tlsa.entry(host.clone()).or_default();
        // The same words as last time, where there are any: a host is looked at many times.
        let server = match tlsa.versions().first() {
            Some(version) => version.seen.server.clone(),
            None => format!("the servers of {host}").into(),
        };
        let sighting = Sighting { server, at, ttl };
        tlsa.observe(&[(value, sighting)], true, at, &setup.timing);
    }
}

/// The host under `mx.microsoft` that Graph names instead of this one: then one of the two services lags or errs, and neither
/// is a source for what is written into an MX RRset.
pub(in crate::step) fn graph_differs<'t>(tenant: &'t TenantFacts, host: &Host) -> Option<&'t Host> {
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
pub(in crate::step) fn silent(host: &HostFacts) -> bool {
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
