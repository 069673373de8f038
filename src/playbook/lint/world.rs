//! The kernel's verdict on each change, in the worst world that the order allows.
//!
//! Every record set has the largest TTL that is in use, so nothing expires between two steps; what no step has looked at is
//! as bad as it can be. A step may meet the world in which only what it needs was done, or that in which all was done that
//! does not need it: the change has to be safe in both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::{Complaint, Order};
use crate::kernel::{
    Accepts, Actors, Caches, Change, Delegation, Host, HostState, KeyId, Mx, MxSet, Policy, Rule,
    Sighting, Timing, TlsaSet, Verdict, Violation, ZoneKeys, claim, publish,
};
use crate::playbook::{Goal, Scope, StepKind};

/// A week: the largest TTL that zones use, and more than most MTA-STS policies last.
const LARGEST: u32 = 604_800;
const LEGACY: &str = "legacy-host";
const NEW: &str = "new-host";
const GATEWAY: &str = "gateway-host";
const RECORDS: &str = "the records";

/// How long a change waits for caches at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Longest {
    /// The step's id.
    pub step: String,
    /// How long.
    pub wait: Duration,
    /// Which record set, in which version.
    pub held: String,
}

/// What the kernel refuses for ever, and what it makes wait.
pub(super) fn judge(order: &Order) -> (Vec<Complaint>, Vec<Longest>) {
    let mut complaints = Vec::new();
    let mut longest = Vec::new();
    for (index, step) in order.steps.iter().enumerate() {
        let needed = order.before[index].clone();
        let all = (0..order.steps.len())
            .filter(|other| *other != index && !order.comes_before(index, *other))
            .collect();
        let mut slowest: Option<Longest> = None;
        for done in [needed, all] {
            let world = World::after(order, &done);
            match world.verdict(step.goal) {
                Verdict::Now => {}
                Verdict::NotBefore(until, because) => {
                    let wait = until.duration_since(world.now).unsigned_abs();
                    let held = because
                        .first()
                        .map_or_else(String::new, |b| format!("{} ({})", b.rrset, b.version));
                    if slowest.as_ref().is_none_or(|known| known.wait < wait) {
                        let step = step.id.clone();
                        slowest = Some(Longest { step, wait, held });
                    }
                }
                Verdict::No(violations) => {
                    let said = |c: &Complaint| c.step == index;
                    if let Some(first) = violations.first()
                        && !complaints.iter().any(said)
                    {
                        complaints.push(refused(index, step.goal.kind(), first));
                    }
                }
            }
        }
        longest.extend(slowest);
    }
    (complaints, longest)
}

fn refused(step: usize, kind: StepKind, violation: &Violation) -> Complaint {
    let (rule, mend) = match violation.rule {
        Rule::Reachable => (
            "S2",
            "have the new host proven first: put - step: prove-host above, and its id in what this step needs",
        ),
        Rule::NeverBogus if kind == StepKind::UnsignZone => (
            "S4",
            "put - step: withdraw-ds above, and its id in what this step needs",
        ),
        Rule::NeverBogus => (
            "S4",
            "put - step: sign-zone above, and its id in what this step needs",
        ),
        Rule::PolicyAdmits if kind == StepKind::RestoreMx => (
            "S2",
            "put - step: mta-sts-back above, and its id in what this step needs",
        ),
        Rule::PolicyAdmits if kind == StepKind::RestoreMtaSts => (
            "S2",
            "put - step: restore-mx above, and its id in what this step needs",
        ),
        Rule::PolicyAdmits => (
            "S2",
            "put - step: mta-sts above, and its id in what this step needs",
        ),
        Rule::Protected => (
            "S3",
            "put what brings it about above: sign-zone and delegate, remove-mx, enable-dane and verify-tlsa, and their ids in what this step needs",
        ),
        Rule::WellFormed => (
            "S2",
            "put add-mx and swap-mx above, and their ids in what this step needs",
        ),
        Rule::NoTlsaMismatch | Rule::WayBack => (
            "S2",
            "put the step above that rules this out, and its id in what this step needs",
        ),
    };
    let what = match kind {
        StepKind::FinalProof => format!("final-proof would never end: {violation}"),
        _ => format!("the kernel would refuse {kind} for ever: {violation}"),
    };
    Complaint {
        step,
        rule,
        what,
        mend: mend.to_owned(),
    }
}

struct World {
    caches: Caches,
    actors: Actors,
    /// The MX set that every server serves, and its TTL.
    mx: (MxSet, u32),
    original: MxSet,
    timing: Timing,
    now: Timestamp,
}

impl World {
    /// The worst world in which a playbook of these steps may begin.
    fn start(order: &Order) -> Self {
        let scope = order.steps.iter().find_map(|step| match step.goal {
            Goal::Preflight { scope } => Some(scope),
            _ => None,
        });
        let (mx, original, signed) = match scope {
            Some(Scope::Gateway { signs }) => (GATEWAY, GATEWAY, !signs),
            Some(Scope::Dane { signs }) => (NEW, NEW, !signs),
            Some(Scope::Move | Scope::Dnssec) => (LEGACY, LEGACY, false),
            // A way back begins where a move ended.
            None => (NEW, LEGACY, true),
        };
        let mut world = Self {
            caches: Caches::default(),
            actors: Actors::default(),
            mx: (MxSet::new([(0, mx)]), LARGEST),
            original: MxSet::new([(0, original)]),
            timing: Timing::default(),
            now: Timestamp::UNIX_EPOCH,
        };
        let (set, ttl) = world.mx.clone();
        world.serve_mx(set, ttl);
        world.serve_keys(if signed { keys() } else { ZoneKeys::Unsigned });
        world.serve_ds(if signed {
            Delegation::Secure(key())
        } else {
            Delegation::Insecure
        });
        // Preflight looks at the hosts that take the mail, and at nobody else.
        let mut took = vec![mx, original];
        let policy = match scope {
            Some(Scope::Move) => Policy::Enforced(BTreeSet::from([LEGACY.to_owned()])),
            // A move ends with the new host alone in the policy.
            None => Policy::Enforced(BTreeSet::from([NEW.to_owned()])),
            Some(_) => Policy::NotEnforced,
        };
        if scope != Some(Scope::Move) {
            took.push(NEW);
        }
        world.serve_policy(policy);
        let rejects = HostState {
            accepts: Accepts::Rejects,
            ..HostState::unknown()
        };
        world.actors.0 = BTreeMap::from([(Host::new(NEW), rejects)]);
        for host in took {
            world.takes_mail(host);
        }
        world
    }

    fn after(order: &Order, done: &BTreeSet<usize>) -> Self {
        let mut world = Self::start(order);
        for index in done {
            world.step(order.steps[*index].goal);
        }
        world
    }

    fn takes_mail(&mut self, host: &str) {
        let state = self
            .actors
            .0
            .entry(Host::new(host))
            .or_insert_with(HostState::unknown);
        state.accepts = Accepts::Yes;
        state.web_pki = Some(true);
    }

    /// What this goal writes; `None` where it writes nothing that caches hold.
    fn change(&self, goal: Goal) -> Option<Change> {
        let (set, ttl) = &self.mx;
        let new = |preference| Mx {
            preference,
            host: Host::new(NEW),
        };
        let others = || set.iter().filter(|mx| mx.host != Host::new(NEW)).cloned();
        Some(match goal {
            Goal::LowerTtl { ttl, .. } | Goal::FinalTtl { ttl } => Change::Mx(set.clone(), ttl),
            Goal::AddMx { preference } => {
                Change::Mx(others().chain([new(preference.max(1))]).collect(), *ttl)
            }
            Goal::SwapMx {
                preference,
                legacy_preference,
            } => {
                let others = others().map(|mx| Mx {
                    preference: legacy_preference,
                    host: mx.host,
                });
                Change::Mx(others.chain([new(preference)]).collect(), *ttl)
            }
            Goal::RemoveMx => {
                let left: MxSet = set
                    .iter()
                    .filter(|mx| mx.host == Host::new(NEW))
                    .cloned()
                    .collect();
                Change::Mx(left, *ttl)
            }
            Goal::RestoreMx { ttl } => Change::Mx(self.original.clone(), ttl),
            Goal::RestoreTtl => Change::Mx(set.clone(), LARGEST),
            Goal::SignZone => Change::Keys(keys()),
            Goal::UnsignZone => Change::Keys(ZoneKeys::Unsigned),
            Goal::Delegate => Change::Delegation(Delegation::Secure(key())),
            Goal::WithdrawDs => Change::Delegation(Delegation::Insecure),
            Goal::MtaSts | Goal::MtaStsBack => Change::Policy(enforced(&[LEGACY, NEW])),
            Goal::MtaStsAfter => Change::Policy(enforced(&[NEW])),
            Goal::RestoreMtaSts => Change::Policy(enforced(&[LEGACY])),
            _ => return None,
        })
    }

    fn verdict(&self, goal: Goal) -> Verdict {
        if goal == Goal::FinalProof {
            return claim(&self.caches, &self.actors, self.now);
        }
        let Some(change) = self.change(goal) else {
            return Verdict::Now;
        };
        let moves =
            matches!(change, Change::Mx(..)) && self.mx.0.hosts().any(|h| h.as_str() == LEGACY);
        let way_back = moves.then_some(&self.original);
        publish(
            &self.caches,
            &self.actors,
            &change,
            way_back,
            &self.timing,
            self.now,
        )
    }

    /// The goal is there: what it wrote is seen everywhere, and what it looked at was right.
    fn step(&mut self, goal: Goal) {
        if let Verdict::NotBefore(until, _) = self.verdict(goal) {
            self.now = until;
        }
        match self.change(goal) {
            Some(Change::Mx(set, ttl)) => self.serve_mx(set, ttl),
            Some(Change::Delegation(ds)) => self.serve_ds(ds),
            Some(Change::Keys(keys)) => self.serve_keys(keys),
            Some(Change::Policy(policy)) => self.serve_policy(policy),
            None => {}
        }
        match goal {
            Goal::ProveHost => self.takes_mail(NEW),
            Goal::VerifyMx { .. } => {
                for host in self.mx.0.clone().hosts() {
                    self.takes_mail(host.as_str());
                }
            }
            Goal::EnableDane => self.serve_tlsa(NEW),
            Goal::VerifyTlsa => self.proves_tlsa(NEW),
            Goal::ProveGateway => {
                self.serve_tlsa(GATEWAY);
                self.proves_tlsa(GATEWAY);
            }
            _ => {}
        }
    }

    fn seen(&self, ttl: u32) -> Sighting {
        Sighting {
            server: "every server".into(),
            at: self.now,
            ttl,
        }
    }

    fn serve_mx(&mut self, set: MxSet, ttl: u32) {
        let answer = [(set.clone(), self.seen(ttl))];
        let Self {
            caches,
            timing,
            now,
            ..
        } = self;
        caches.mx.observe(&answer, true, *now, timing);
        self.mx = (set, ttl);
    }

    fn serve_ds(&mut self, ds: Delegation) {
        let answer = [(ds, self.seen(LARGEST))];
        let Self {
            caches,
            timing,
            now,
            ..
        } = self;
        caches.delegation.observe(&answer, true, *now, timing);
    }

    fn serve_keys(&mut self, keys: ZoneKeys) {
        let answer = [(keys, self.seen(LARGEST))];
        let Self {
            caches,
            timing,
            now,
            ..
        } = self;
        caches.keys.observe(&answer, true, *now, timing);
    }

    fn serve_policy(&mut self, policy: Policy) {
        let answer = [(policy, self.seen(LARGEST))];
        let Self {
            caches,
            timing,
            now,
            ..
        } = self;
        caches.policy.observe(&answer, true, *now, timing);
    }

    fn serve_tlsa(&mut self, host: &str) {
        let answer = [(TlsaSet::Records(RECORDS.to_owned()), self.seen(LARGEST))];
        let Self {
            caches,
            timing,
            now,
            ..
        } = self;
        let tlsa = caches.tlsa.entry(Host::new(host)).or_default();
        tlsa.observe(&answer, true, *now, timing);
    }

    fn proves_tlsa(&mut self, host: &str) {
        let state = self
            .actors
            .0
            .entry(Host::new(host))
            .or_insert_with(HostState::unknown);
        state.tlsa.insert(RECORDS.to_owned(), true);
    }
}

fn enforced(patterns: &[&str]) -> Policy {
    Policy::Enforced(
        patterns
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect(),
    )
}

fn key() -> BTreeSet<KeyId> {
    BTreeSet::from([KeyId::new("the zone's key")])
}

fn keys() -> ZoneKeys {
    ZoneKeys::Signed(key())
}
