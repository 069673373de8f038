//! What is really so: servers, parent, hosts, policy and Exchange Online, moved on by events.
//!
//! Nothing here knows what the engine believes. All of it is small copied values, so that a run costs little.

mod api;
mod people;
mod start;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::oracle::Oracle;
use crate::rng::Rng;
use crate::scenario::{Ms, Scenario};
use crate::senders::Sender;

pub use api::{Answer, ByKind, Fate, KINDS, Request};
pub use people::NAMES;

/// A mail host, by number.
pub type HostId = u8;
/// The legacy host.
pub const LEGACY: HostId = 0;
/// A second legacy host.
pub const LEGACY2: HostId = 1;
/// The host that Exchange Online assigns.
pub const NEW: HostId = 2;
/// A host that only a person lists.
pub const BACKUP: HostId = 3;
/// The key that signs the zone.
pub const KEY: u8 = 1;

/// An MX set, by number.
pub type SetId = u16;

/// Every MX set that ever was.
#[derive(Clone, Debug, Default)]
pub struct Sets(Vec<Vec<(u16, HostId)>>);

impl Sets {
    /// The number of this set.
    pub fn id(&mut self, mut set: Vec<(u16, HostId)>) -> SetId {
        set.sort_unstable();
        let index = self.0.iter().position(|known| *known == set);
        let index = index.unwrap_or_else(|| {
            self.0.push(set);
            self.0.len() - 1
        });
        SetId::try_from(index).unwrap_or(SetId::MAX)
    }

    /// Its records, most preferred first.
    #[must_use]
    pub fn get(&self, id: SetId) -> &[(u16, HostId)] {
        self.0.get(usize::from(id)).map_or(&[], Vec::as_slice)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a server serves of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The MX set.
    pub set: SetId,
    /// Its TTL in seconds.
    pub ttl: u32,
    /// The key that signs; 0 for none.
    pub key: u8,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its beginning.
    pub from: Ms,
    /// Its end.
    pub to: Ms,
}

impl Window {
    /// Whether it covers this instant.
    #[must_use]
    pub fn covers(&self, at: Ms) -> bool {
        self.from <= at && at < self.to
    }
}

/// How a host answers on port 25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smtp {
    /// Its name does not exist.
    NoName,
    /// Nothing listens.
    Down,
    /// 5xx.
    Rejects,
    /// 4xx.
    Defers,
    /// Takes mail without TLS only.
    NoTls,
    /// Takes mail.
    Takes,
}

/// A host's passing failure.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// Which host.
    pub host: HostId,
    /// When.
    pub window: Window,
    /// How it answers meanwhile.
    pub how: Smtp,
}

/// A policy as it can be fetched.
#[derive(Clone, Debug)]
pub struct PolicyText {
    /// Whether it is enforced.
    pub enforced: bool,
    /// Reported only.
    pub testing: bool,
    /// Its patterns.
    pub patterns: Vec<String>,
}

/// Something that happens at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A request reaches its service.
    Apply(u32),
    /// A server takes over what the primary has.
    Refresh(u8),
    /// A server of the parent takes over a DS.
    ParentServes(u8, u8),
    /// The new host reaches this stage of readiness.
    NewHost(u8),
    /// TLSA records are published, or withdrawn, unless it was decided otherwise since.
    Tlsa(bool),
    /// A sender has mail.
    Mail(u32),
    /// A sender tries again; when it tried first, and how often it did.
    Retry(u32, Ms, u16),
    /// A person publishes this policy; then its record.
    Policy(u16),
    /// The record of the policy.
    PolicyRecord,
    /// The web server takes over what was published.
    PolicyServed(u16),
    /// A server takes over a record.
    RecordServed(u8, u32),
    /// A person edits the MX set.
    Person,
    /// A person edits its TTL.
    PersonTtl,
    /// Our clock is set wrong.
    Clock(i64),
    /// Microsoft or the owner takes the legacy hosts away.
    Retire,
}

/// What was measured of the slowness of others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Each MX write: from the write until the last server served it.
    pub visible: [Ms; 8],
    /// How many of them.
    pub writes: usize,
    /// Signing.
    pub signing: Ms,
    /// The DS, until the last server of the parent.
    pub delegation: Ms,
    /// The cmdlet, until the new host takes mail.
    pub enabling: Ms,
    /// From enabling DANE until the records are there.
    pub tlsa: Ms,
    /// The policy, until its record is there.
    pub policy: Ms,
}

/// Where a world stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    now: Ms,
    events: (u32, usize),
    requests: usize,
    rng: Rng,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// What was decided before.
    pub scenario: Scenario,
    /// Now.
    pub now: Ms,
    /// For what is decided on the way.
    pub rng: Rng,
    /// MX sets.
    pub sets: Sets,
    /// The MX RRset as it was found.
    pub original: (SetId, u32),
    /// The provider's own copy.
    pub primary: Served,
    /// Each authoritative address.
    pub servers: Vec<Served>,
    /// When an address takes no changes.
    pub stuck: Option<(u8, Window)>,
    /// When an address does not answer.
    pub server_down: Option<(u8, Window)>,
    /// When none answers.
    pub zone_down: Option<Window>,
    /// The key of the DS that each server of the parent serves; 0 for none.
    pub parent: Vec<u8>,
    /// When each server of the parent has the last change that was handed to the registry.
    pub parent_due: Vec<Ms>,
    /// The DS that the registry has.
    pub registry: u8,
    /// Whether signing was begun, and when.
    pub signing: Option<Ms>,
    /// Whether DNSSEC is on at Exchange Online.
    pub dnssec: bool,
    /// From when on Exchange Online and Graph name the new host.
    pub named_from: Ms,
    /// Whether DANE is on.
    pub dane: bool,
    /// Whether TLSA records are published.
    pub tlsa: bool,
    /// Until when the certificate does not fit them.
    pub unfit_until: Ms,
    /// Readiness of the new host: 0 no name, 1 nothing listens, 2 rejects, 3 takes mail.
    pub readiness: u8,
    /// Passing failures of hosts.
    pub outages: Vec<Outage>,
    /// Whether the legacy hosts are gone.
    pub retired: bool,
    /// Policies by number; 0 is none.
    pub policies: Vec<PolicyText>,
    /// The one that the web server has.
    pub policy_served: u16,
    /// The one that was published last, by file or executable; the web server serves it a little later.
    pub policy_file: u16,
    /// The one that the record announces.
    pub policy_announced: u16,
    /// The id in the provider's own copy of the record; 0 is no record.
    pub record: u32,
    /// The id that each authoritative address serves.
    pub records: Vec<u32>,
    /// Every id that was given, with the policy that it announced.
    pub announced: Vec<(u32, u16)>,
    /// Whether a person works on the policy.
    pub policy_under_way: bool,
    /// By how much our clock is wrong.
    pub clock_off: Ms,
    /// How far it jumped and nobody asked yet.
    pub clock_jumped: Ms,
    /// An MX RRset of a person that is not ours, and what was there before.
    pub foreign: Option<((SetId, u32), (SetId, u32))>,
    /// Writes are made whatever is there: set by a planted bug alone.
    pub unguarded: bool,
    /// Whether a person changed the MX RRset at all.
    pub meddled: bool,
    /// Whether the run saw what is served.
    pub seen: bool,
    /// Whether it wrote down what it saw: only then it can know that something else was served before.
    pub remembered: bool,
    /// The TTL that a person chose after the run had set its last one.
    pub own_ttl: Option<u32>,
    /// Requests, by number: what, when it was sent, what came of it.
    pub requests: Vec<api::Sent>,
    /// Senders, witnesses among them.
    pub senders: Vec<Sender>,
    /// What was measured.
    pub measured: Measured,
    /// When protection was claimed.
    pub claimed: Option<Ms>,
    /// Whether senders still get new mail.
    pub mail_goes_on: bool,
    /// Who judges.
    pub oracle: Oracle,
    queue: BinaryHeap<Reverse<(Ms, u32, Event)>>,
    sequence: u32,
}

impl Truth {
    /// Lets something happen later.
    pub fn later(&mut self, after: Ms, event: Event) {
        self.at(self.now.saturating_add(after), event);
    }

    /// Lets something happen at an instant.
    pub fn at(&mut self, at: Ms, event: Event) {
        self.sequence += 1;
        self.queue
            .push(Reverse((at.max(self.now), self.sequence, event)));
    }

    /// Where it stands: the same while nothing happens, since whatever happens takes an event, a request, or a draw.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            now: self.now,
            events: (self.sequence, self.queue.len()),
            requests: self.requests.len(),
            rng: self.rng.clone(),
        }
    }

    /// Whether the MTA-STS policy and its record are what was found, where the run writes them.
    #[must_use]
    pub fn is_published_as_found(&self) -> bool {
        let (id, policy) = self.announced[0];
        // Under the id of then only where no other was ever given: one that comes back tells nobody.
        let told = self.announced.iter().rfind(|(id, _)| *id == self.record);
        let given_once = self
            .announced
            .iter()
            .filter(|(id, _)| *id == self.record)
            .count()
            == 1;
        let as_found = self.policy_served == self.policy_file
            && self.policy_served == policy
            && (self.record == id || told == Some(&(self.record, policy)))
            && given_once
            && self.records.iter().all(|id| *id == self.record);
        as_found || !self.scenario.writes_policy || self.scenario.manual_provider
    }

    /// Whether a person was asked for an MX set and did not write it.
    #[must_use]
    pub fn has_asked_for_mx(&self) -> bool {
        self.requests.iter().any(|sent| {
            let mx = matches!(sent.request, Request::Mx { .. });
            mx && sent.by_hand && sent.applied.is_none() && !sent.conflict
        })
    }

    /// Whether the policy that is served admits at least what the one did that was found.
    #[must_use]
    pub fn admits_what_was_found(&self) -> bool {
        let found = &self.policies[usize::from(self.announced[0].1)].patterns;
        let served = &self.policies[usize::from(self.policy_served)].patterns;
        found.iter().all(|pattern| served.contains(pattern))
    }

    /// Nobody follows what a run asked for any more: whoever goes back from it tells them.
    pub fn forget_orders(&mut self) {
        let orders = |event: &Event| matches!(event, Event::Policy(_) | Event::PolicyRecord);
        self.queue.retain(|Reverse((.., event))| !orders(event));
        self.policy_under_way = false;
    }

    /// Nothing happens by itself any more.
    pub fn forget_events(&mut self) {
        self.queue.clear();
    }

    /// When the next thing happens.
    #[must_use]
    pub fn next_event(&self) -> Option<Ms> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    /// Lets time pass, and everything that happens meanwhile.
    pub fn advance(&mut self, to: Ms) {
        while let Some(Reverse((at, _, event))) = self.queue.peek().copied() {
            if at > to {
                break;
            }
            self.queue.pop();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(to);
    }

    /// Whether faults still fire.
    #[must_use]
    pub fn sick(&self) -> bool {
        self.now < self.scenario.heal
    }

    /// Whether a fault that is switched on fires now.
    pub fn fires(&mut self, on: bool) -> bool {
        on && self.sick() && self.rng.chance(25)
    }

    /// The record has another id from now on, for what is served now.
    pub(super) fn announce(&mut self, id: u32) {
        self.record = id;
        self.policy_announced = self.policy_served;
        self.announced.push((id, self.policy_served));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Apply(request) => self.apply(request),
            Event::Refresh(server) => self.refresh(server),
            Event::ParentServes(server, key) => {
                let index = usize::from(server);
                if self.parent[index] != key {
                    self.witnesses(crate::senders::Before::Parent(server));
                    self.parent[index] = key;
                    if self.parent.iter().all(|ds| *ds == key) {
                        self.measured.delegation = self.now - self.measured.delegation;
                    }
                }
            }
            Event::NewHost(stage) => {
                self.readiness = self.readiness.max(stage);
                if stage == 3 {
                    self.measured.enabling = self.now - self.measured.enabling;
                }
            }
            Event::Tlsa(on) => {
                if self.dane == on && self.tlsa != on {
                    self.witnesses(crate::senders::Before::Tlsa);
                    self.tlsa = on;
                    self.measured.tlsa = self.now - self.measured.tlsa;
                }
            }
            Event::Mail(sender) => self.mail(sender),
            Event::Retry(sender, first, tries) => self.attempt(sender, first, tries),
            Event::Policy(policy) => self.publish_policy(policy),
            Event::PolicyServed(policy) => self.policy_served = policy,
            Event::RecordServed(server, id) => {
                let index = usize::from(server);
                // What a server has does not go back to what was announced before.
                let given = |id| self.announced.iter().rposition(|(given, _)| *given == id);
                if given(id) > given(self.records[index]) {
                    self.witnesses(crate::senders::Before::Policy(server));
                    self.records[index] = id;
                }
            }
            Event::PolicyRecord => {
                self.witnesses(crate::senders::Before::Policy(0));
                self.announce(self.record + 1);
                self.records.fill(self.record);
                self.policy_under_way = false;
                self.measured.policy = self.now - self.measured.policy;
            }
            Event::Person => self.person_edits(),
            Event::PersonTtl => self.person_edits_ttl(),
            Event::Clock(by) => {
                self.clock_off += by;
                self.clock_jumped += by;
            }
            Event::Retire => self.retired = true,
        }
    }

    /// Lets every server take over what the primary has now, each in its own time.
    fn spread(&mut self) {
        for server in 0..self.servers.len() {
            let mut after = self.rng.range(0, self.scenario.propagation);
            let id = u8::try_from(server).unwrap_or(u8::MAX);
            if let Some((stuck, window)) = self.stuck
                && stuck == id
                && window.covers(self.now + after)
            {
                after = window.to - self.now;
            }
            self.later(after, Event::Refresh(id));
        }
    }

    fn refresh(&mut self, server: u8) {
        let index = usize::from(server);
        if self.servers[index] == self.primary {
            return;
        }
        self.witnesses(crate::senders::Before::Zone(server));
        self.servers[index] = self.primary;
        if self.servers.iter().all(|served| *served == self.primary) {
            self.seen_everywhere();
        }
    }

    fn seen_everywhere(&mut self) {
        for sent in &mut self.requests {
            let Some(applied) = sent.applied else {
                continue;
            };
            if sent.everywhere.is_some() {
                continue;
            }
            sent.everywhere = Some(self.now);
            let took = self.now - applied;
            match sent.request {
                Request::Mx { .. } => {
                    if let Some(slot) = self.measured.visible.get_mut(self.measured.writes) {
                        *slot = took;
                        self.measured.writes += 1;
                    }
                }
                Request::Sign => self.measured.signing = took,
                _ => {}
            }
        }
    }

    /// How a host answers now.
    #[must_use]
    pub fn smtp(&self, host: HostId, passing_failures: bool) -> Smtp {
        if passing_failures
            && let Some(outage) = self
                .outages
                .iter()
                .find(|outage| outage.host == host && outage.window.covers(self.now))
        {
            return outage.how;
        }
        match host {
            NEW => match self.readiness {
                0 => Smtp::NoName,
                1 => Smtp::Down,
                2 => Smtp::Rejects,
                _ => Smtp::Takes,
            },
            LEGACY | LEGACY2 if self.retired => Smtp::Rejects,
            _ => Smtp::Takes,
        }
    }

    /// Whether the new host's certificates fit its records now.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.now >= self.unfit_until
    }

    /// Whether this address answers now.
    #[must_use]
    pub fn answers(&self, server: usize) -> bool {
        let down = self
            .server_down
            .is_some_and(|(which, window)| usize::from(which) == server && window.covers(self.now));
        !down && !self.zone_down.is_some_and(|window| window.covers(self.now))
    }
}
