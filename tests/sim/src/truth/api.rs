//! Requests to the DNS provider, the registrar and Exchange Online: what becomes of them and of their answers.

use super::{Event, KEY, SetId, Truth};
use crate::scenario::{HOUR, MINUTE, Ms, SECOND};

/// A change that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Replace the MX RRset, if it is what it is thought to be.
    Mx {
        /// What it must be: set and TTL.
        before: (SetId, u32),
        /// What it becomes.
        after: (SetId, u32),
    },
    /// Publish a policy, if the one there is what it is thought to be.
    Policy {
        /// What it must be.
        before: u16,
        /// What it becomes.
        after: u16,
    },
    /// Replace the record of the policy, likewise; by ids.
    Record {
        /// What it must be.
        before: u32,
        /// What it becomes.
        after: u32,
    },
    /// Sign the zone.
    Sign,
    /// Publish a DS that names this key.
    Ds(u8),
    /// Have the new host assigned.
    Dnssec,
    /// Have TLSA records published.
    Dane,
    /// Take the DS that names this key away.
    Withdraw(u8),
    /// Stop signing the zone.
    Unsign,
    /// Have the TLSA records withdrawn.
    DaneOff,
}

impl Request {
    /// Its kind: an index of [`KINDS`].
    #[must_use]
    pub fn kind(self) -> usize {
        match self {
            Self::Mx { .. } => 0,
            Self::Sign => 1,
            Self::Ds(_) => 2,
            Self::Dnssec => 3,
            Self::Dane => 4,
            Self::Withdraw(_) => 5,
            Self::Unsign => 6,
            Self::DaneOff => 7,
            Self::Policy { .. } => 8,
            Self::Record { .. } => 9,
        }
    }

    /// Whether Exchange Online is asked.
    fn is_cmdlet(self) -> bool {
        matches!(self, Self::Dnssec | Self::Dane | Self::DaneOff)
    }
}

/// Something for each kind.
pub type ByKind = [u32; KINDS.len()];

/// The names of the kinds.
pub const KINDS: [&str; 10] = [
    "write-mx",
    "sign-zone",
    "publish-ds",
    "enable-dnssec",
    "enable-dane",
    "withdraw-ds",
    "unsign-zone",
    "disable-dane",
    "write-policy",
    "write-policy-record",
];

/// One request that left.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// What.
    pub request: Request,
    /// When.
    pub sent: Ms,
    /// Whether it left after another process had taken over, which counts from the intent: that it hung is not to be seen.
    pub stray: bool,
    /// Whether a person was asked to carry it out.
    pub by_hand: bool,
    /// Whether it will never arrive.
    pub lost: bool,
    /// When it was carried out.
    pub applied: Option<Ms>,
    /// Whether it changed anything.
    pub changed: bool,
    /// Whether what it expected was not there.
    pub conflict: bool,
    /// When every server was seen with it.
    pub everywhere: Option<Ms>,
}

/// What is decided of a request when it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// When it is carried out; `None` when it is lost.
    pub applied: Option<Ms>,
    /// When the answer, or its loss, is known.
    pub answered: Ms,
    /// The answer.
    pub answer: Answer,
}

/// What the asker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What came of it.
    Honest,
    /// Nothing.
    None,
    /// To come back after this time.
    Later(Ms),
    /// No.
    Refused,
    /// A person was asked to do it.
    ByHand,
}

impl Truth {
    /// Decides what becomes of a request.
    pub fn fate(&mut self, request: Request) -> Fate {
        if self.scenario.instant {
            return Fate {
                applied: Some(self.now),
                answered: self.now,
                answer: Answer::Honest,
            };
        }
        let s = self.scenario.clone();
        let f = s.faults;
        let cmdlet = request.is_cmdlet();
        let by_hand = match request {
            Request::Mx { .. } => s.manual_provider,
            Request::Ds(_) | Request::Withdraw(_) => s.manual_ds,
            Request::Unsign => s.manual_signing,
            _ => false,
        };
        if by_hand {
            let after = self.rng.range(s.people / 4, s.people);
            return Fate {
                applied: Some(self.now + after),
                answered: self.now,
                answer: Answer::ByHand,
            };
        }
        let takes = if cmdlet {
            self.rng.range(s.cmdlet / 2, s.cmdlet)
        } else {
            self.rng.range(100, 2 * SECOND)
        };
        let timeout = if cmdlet { 5 * MINUTE } else { 30 * SECOND };
        let on = |fault: bool| if cmdlet { f.exchange } else { fault };
        let now = self.now;
        let (applied, answered, answer) = if self.fires(on(f.refused)) {
            (None, now + SECOND, Answer::Refused)
        } else if self.fires(on(f.throttled)) {
            (
                None,
                now + SECOND,
                Answer::Later(self.rng.range(1, 120) * SECOND),
            )
        } else if self.fires(on(f.request_lost)) {
            (None, now + timeout, Answer::None)
        } else if self.fires(on(f.reply_lost)) {
            (Some(now + takes), now + timeout, Answer::None)
        } else if self.fires(on(f.late)) {
            // Later than the answer failed to come, and within the time that the domain file grants; a record may come
            // later still, which compare-and-set makes harmless.
            let most = if cmdlet { 10 * MINUTE } else { 2 * MINUTE };
            let late = self.rng.range(0, most);
            (Some(now + timeout + late), now + timeout, Answer::None)
        } else {
            (
                Some(now + takes),
                now + takes + self.rng.range(10, SECOND),
                Answer::Honest,
            )
        };
        Fate {
            applied,
            answered,
            answer,
        }
    }

    /// Sends a request on its way; returns its number. `current` says that the process that sends it has the lease.
    pub fn send(&mut self, request: Request, fate: Fate, current: bool) -> u32 {
        let number = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        // A person who is asked twice does it once.
        let observed = matches!(
            fate.answer,
            Answer::Later(_) | Answer::Refused | Answer::ByHand
        );
        if !observed && current {
            self.judge_repetition(request);
        }
        if let Request::Mx { after, before } = request
            && after.1 != before.1
            && after.1 < self.scenario.ttl_min
        {
            let what = format!(
                "asked for a TTL of {} s; the provider takes no less than {}",
                after.1, self.scenario.ttl_min
            );
            self.oracle.violation(self.now, "S11", what);
        }
        self.requests.push(Sent {
            request,
            sent: self.now,
            stray: !current,
            by_hand: fate.answer == Answer::ByHand,
            lost: fate.applied.is_none(),
            applied: None,
            changed: false,
            conflict: false,
            everywhere: None,
        });
        if let Some(at) = fate.applied {
            if matches!(request, Request::Mx { .. }) && self.fires(self.scenario.faults.person) {
                let first = self.rng.range(self.now, at);
                self.at(first, Event::Person);
            }
            self.at(at, Event::Apply(number));
        }
        number
    }

    /// The same change sent again while the first one is made or under way is one that was not observed first (S6).
    fn judge_repetition(&mut self, request: Request) {
        let granted = if request.is_cmdlet() {
            16 * MINUTE
        } else {
            30 * SECOND
        };
        let now = self.now;
        // A registry is told again once it is overdue: a DS that is there already comes to the same.
        let of_registry = matches!(request, Request::Ds(_) | Request::Withdraw(_));
        let overdue = |since: Ms| of_registry && now >= since + HOUR;
        let mut found = None;
        for sent in self.requests.iter().rev() {
            if sent.request.kind() != request.kind() {
                continue;
            }
            if sent.request != request || sent.lost || sent.conflict {
                break;
            }
            match sent.applied {
                Some(at) if !self.meddled && !overdue(sent.sent) => {
                    found = Some(("already made", at))
                }
                None if !sent.stray && now < sent.sent + granted => {
                    found = Some(("under way", sent.sent))
                }
                _ => {}
            }
            break;
        }
        if let Some((how, at)) = found {
            self.oracle.violation(
                now,
                "S6",
                format!(
                    "{} was sent again although it was {how} since {at} ms",
                    KINDS[request.kind()]
                ),
            );
        }
    }

    /// A request reaches its service.
    pub(super) fn apply(&mut self, number: u32) {
        let Some(sent) = self.requests.get(number as usize).copied() else {
            return;
        };
        if sent.lost {
            return;
        }
        let mut conflict = false;
        let state = |truth: &Self| {
            (
                (truth.primary, truth.signing, truth.registry),
                (truth.dnssec, truth.dane),
                (truth.policy_file, truth.record),
            )
        };
        let before = state(self);
        match sent.request {
            Request::Mx { before, after } => {
                if self.unguarded || (self.primary.set, self.primary.ttl) == before {
                    self.write(after);
                } else if self.scenario.manual_provider && self.primary.set == before.0 {
                    // A person who is to write a set does not mind that its TTL is another by now.
                    self.write(after);
                } else if self.scenario.manual_provider && self.foreign.is_some() {
                    self.later(10 * MINUTE, Event::Apply(number));
                    return;
                } else {
                    conflict = true;
                }
            }
            Request::Policy { before, after } => {
                // A file is compared as it stands, what an executable replaces as it is served.
                let there = if self.scenario.policy_file {
                    self.policy_file
                } else {
                    self.policy_served
                };
                if there == before || there == after {
                    self.policy_file = after;
                    let served = self.rng.range(0, self.scenario.propagation);
                    self.later(served, Event::PolicyServed(after));
                } else {
                    conflict = true;
                }
            }
            Request::Record { before, after } => {
                if self.record == before || self.record == after {
                    if self.record != after {
                        self.announce(after);
                    }
                    for server in 0..self.records.len() {
                        let at = self.now + self.rng.range(0, self.scenario.propagation);
                        let server = u8::try_from(server).unwrap_or(0);
                        self.at(at, Event::RecordServed(server, after));
                    }
                } else {
                    conflict = true;
                }
            }
            Request::Sign => {
                if self.signing.is_none() {
                    self.signing = Some(self.now);
                    self.primary.key = KEY;
                    self.spread();
                }
            }
            Request::Ds(key) => self.register(key),
            Request::Withdraw(key) => {
                conflict = ![0, key].contains(&self.registry);
                if !conflict {
                    self.register(0);
                }
            }
            Request::Unsign => {
                if self.signing.take().is_some() {
                    self.primary.key = 0;
                    self.spread();
                }
            }
            Request::Dnssec => {
                if !self.dnssec {
                    self.dnssec = true;
                    self.named_from = self.now;
                    if self.fires(self.scenario.faults.exchange) {
                        // It shows within what the domain file grants a cmdlet, counted from when it
                        // was sent.
                        let late = self.named_from + self.rng.range(MINUTE, 20 * MINUTE);
                        self.named_from = late.min(self.now.max(sent.sent + 15 * MINUTE));
                    }
                    self.measured.enabling = sent.sent;
                    let ready = self.rng.range(self.scenario.ready / 4, self.scenario.ready);
                    self.later(ready / 4, Event::NewHost(1));
                    self.later(ready / 2, Event::NewHost(2));
                    self.later(ready, Event::NewHost(3));
                }
            }
            Request::Dane => {
                if !self.dane {
                    self.dane = true;
                    self.measured.tlsa = self.now;
                    let after = self.rng.range(self.scenario.tlsa / 2, self.scenario.tlsa);
                    self.later(after, Event::Tlsa(true));
                    if self.fires(self.scenario.faults.tlsa_early) {
                        self.unfit_until = self.now + after + self.rng.range(MINUTE, 30 * MINUTE);
                        self.oracle.unfit_is_theirs = true;
                    }
                }
            }
            Request::DaneOff => {
                if std::mem::take(&mut self.dane) {
                    let after = self.rng.range(self.scenario.tlsa / 2, self.scenario.tlsa);
                    self.later(after, Event::Tlsa(false));
                }
            }
        }
        let after = state(self);
        let now = self.now;
        if let Some(sent) = self.requests.get_mut(number as usize) {
            sent.conflict = conflict;
            if !conflict {
                sent.applied = Some(now);
                sent.changed = before != after;
            }
        }
        if self.servers.iter().all(|served| *served == self.primary) {
            // Already everywhere: nothing changed, or there is one server that is the primary.
            self.seen_everywhere();
        }
    }

    /// The registry gets another DS, or none; the parent publishes it with one of its next batches, in the order in which
    /// they came.
    fn register(&mut self, key: u8) {
        if self.registry == key {
            return;
        }
        self.registry = key;
        self.measured.delegation = self.now;
        let registrar = self.scenario.registrar;
        let handed = self.now + self.rng.range(registrar / 2, registrar);
        let batch = self.scenario.batch.max(1);
        let published = (handed / batch + 1) * batch;
        for server in 0..self.parent.len() {
            let at = published + self.rng.range(0, 2 * MINUTE);
            let at = at.max(self.parent_due[server] + 1);
            self.parent_due[server] = at;
            let id = u8::try_from(server).unwrap_or(0);
            self.at(at, Event::ParentServes(id, key));
        }
    }

    /// The MX RRset changes at the provider.
    pub(super) fn write(&mut self, after: (SetId, u32)) {
        self.primary.set = after.0;
        self.primary.ttl = after.1;
        let records = self.sets.get(after.0);
        let mut hosts: Vec<_> = records.iter().map(|(_, host)| *host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        if records.is_empty() || hosts.len() != records.len() {
            let what = format!("the MX set {records:?} is not well formed");
            self.oracle.violation(self.now, "I5", what);
        }
        if let Some((foreign, _)) = self.foreign
            && foreign != after
        {
            self.oracle.violation(
                self.now,
                "S1",
                "a person's MX set was overwritten".to_owned(),
            );
        }
        self.spread();
    }
}
