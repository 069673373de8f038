//! Senders: each looks the domain up through its own resolver, chooses a host, and keeps what it cannot deliver.

use crate::caches::{Looked, Resolver};
use crate::rng::Rng;
use crate::scenario::{HOUR, MINUTE, Ms, SECOND};
use crate::truth::{Event, HostId, NEW, SetId, Smtp, Truth};

/// What a sender insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Nothing, not even encryption.
    Plain,
    /// Encryption where it is offered.
    Opportunistic,
    /// DANE where it is published.
    Dane,
    /// MTA-STS where it is enforced.
    MtaSts,
    /// Both.
    Both,
}

impl Profile {
    fn dane(self) -> bool {
        matches!(self, Self::Dane | Self::Both)
    }

    fn mta_sts(self) -> bool {
        matches!(self, Self::MtaSts | Self::Both)
    }
}

/// A sender.
#[derive(Clone, Debug)]
pub struct Sender {
    /// What it insists on.
    pub profile: Profile,
    /// Whom it asks.
    pub resolver: Resolver,
    /// The policy it keeps, under which id, and until when.
    pub policy: Option<(u16, u32, Ms)>,
    /// It asks for a new policy only when the old one ends.
    pub lax: bool,
    /// It was made to look at the worst moment.
    pub witness: bool,
}

/// Just before what a witness looked.
#[derive(Clone, Copy, Debug)]
pub enum Before {
    /// A change of the zone at one server.
    Zone(u8),
    /// A change of the DS at one server of the parent.
    Parent(u8),
    /// TLSA records appear, or go.
    Tlsa,
    /// The policy's record changes at one server.
    Policy(u8),
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Delivered { dane: bool },
    Bounced(HostId),
    Deferred(Why),
}

/// Why no host took the mail: the gravest reason met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    NoHost,
    Unreachable,
    Unencrypted,
    Policy,
    Mismatch,
}

/// How many attempts a sender makes, and after which time each.
const RETRIES: [Ms; 4] = [5 * MINUTE, 15 * MINUTE, 15 * MINUTE, HOUR];

impl Sender {
    /// A sender as there are some, with what it kept of the past.
    pub fn new(truth: &Truth, rng: &mut Rng) -> Self {
        let profile = rng.pick(&[
            Profile::Plain,
            Profile::Opportunistic,
            Profile::Dane,
            Profile::Dane,
            Profile::MtaSts,
            Profile::Both,
        ]);
        let (known, id) = (truth.policy_announced, truth.record);
        let max_age = Ms::from(truth.scenario.max_age) * SECOND;
        Self {
            profile,
            resolver: Resolver::new(rng, truth.scenario.stale),
            policy: (known != 0 && profile.mta_sts())
                .then(|| (known, id, truth.now + rng.range(1, max_age))),
            lax: truth.scenario.strict && rng.chance(50),
            witness: false,
        }
    }
}

impl Truth {
    /// Senders that looked at the worst moment: just before something changes at one server. Each has mail at the last
    /// moment at which it may still hold that, and at a few others.
    pub fn witnesses(&mut self, before: Before) {
        if !self.mail_goes_on {
            return;
        }
        for _ in 0..2 {
            let mut rng = self.rng.clone();
            let mut sender = Sender::new(self, &mut rng);
            sender.witness = true;
            let (a, b) = (rng.chance(70), rng.chance(50));
            let resolver = &mut sender.resolver;
            let mut until = match before {
                Before::Zone(server) => {
                    let until = resolver.prime_zone(self, usize::from(server), a || !b, b);
                    // A validator may have asked for the DS long ago, or just now.
                    if rng.chance(40) {
                        let parent = rng.below(self.parent.len());
                        resolver.prime_parent(self, parent);
                    }
                    until
                }
                Before::Parent(server) => {
                    resolver.validates = true;
                    let until = resolver.prime_parent(self, usize::from(server));
                    if a {
                        let zone = rng.below(self.servers.len());
                        resolver.prime_zone(self, zone, true, b);
                    }
                    until
                }
                Before::Tlsa => {
                    resolver.validates = true;
                    sender.profile = if a { Profile::Dane } else { Profile::Both };
                    resolver.prime_tlsa(self)
                }
                Before::Policy(server) => {
                    sender.profile = if a { Profile::MtaSts } else { Profile::Both };
                    let id = self.records[usize::from(server)];
                    // What this server announces until now: at the last one, that may be long replaced elsewhere.
                    let announced = self.announced.iter().rev().find(|(known, _)| *known == id);
                    if let Some((_, policy)) = announced.filter(|_| id != 0) {
                        let max_age = Ms::from(self.scenario.max_age) * SECOND;
                        sender.policy = Some((*policy, id, self.now + max_age));
                    }
                    let until = resolver.prime_record(self, usize::from(server));
                    if sender.lax {
                        sender.policy.map_or(until, |(.., end)| end)
                    } else {
                        until
                    }
                }
            };
            // Who did not answer was not asked.
            until = until.max(self.now + 2);
            let number = u32::try_from(self.senders.len()).unwrap_or(u32::MAX);
            self.senders.push(sender);
            for _ in 0..2 {
                let at = rng.range(self.now, until - 1);
                self.at(at, Event::Mail(number));
            }
            self.at(until - 1, Event::Mail(number));
            self.rng = rng;
        }
    }

    /// New mail, and when there will be more.
    pub(crate) fn mail(&mut self, number: u32) {
        self.attempt(number, self.now, 0);
        let witness = self.senders.get(number as usize).is_some_and(|s| s.witness);
        if self.mail_goes_on && !witness {
            let again = self.rng.scale(30 * SECOND, 4 * HOUR);
            self.later(again, Event::Mail(number));
        }
    }

    /// One attempt to deliver.
    pub(crate) fn attempt(&mut self, number: u32, first: Ms, tries: u16) {
        let Some(mut sender) = self.senders.get(number as usize).cloned() else {
            return;
        };
        let mut rng = self.rng.clone();
        let looked = sender.resolver.mx(self, &mut rng);
        let policy = self.policy_of(&mut sender, &mut rng);
        self.oracle.attempts += 1;
        match looked {
            Looked::Unreachable => {
                self.oracle.put_off += 1;
                self.again(number, first, tries, "no server of the zone answers");
            }
            Looked::Bogus => {
                let what = format!(
                    "sender {number} ({:?}): the domain is bogus",
                    sender.profile
                );
                self.oracle.violation(self.now, "I2", what);
            }
            Looked::Set(set, secure) => {
                let dane = sender.profile.dane() && secure && sender.resolver.tlsa(self, &mut rng);
                let flip = rng.chance(50);
                let fate = |passing| self.choose(&sender, set, policy, dane, flip, passing);
                let (now, calm) = (fate(true), fate(false));
                self.judge(number, &sender, (set, secure), (now, calm), first, tries);
            }
        }
        self.rng = rng;
        if let Some(slot) = self.senders.get_mut(number as usize) {
            *slot = sender;
        }
    }

    /// The policy that binds a sender now.
    fn policy_of(&self, sender: &mut Sender, rng: &mut Rng) -> Option<u16> {
        if !sender.profile.mta_sts() {
            return None;
        }
        let kept = sender.policy.filter(|(.., until)| self.now < *until);
        if let (Some((number, ..)), true) = (kept, sender.lax) {
            return Some(number);
        }
        let announced = sender.resolver.record(self, rng);
        let fresh = announced.filter(|id| *id != 0 && Some(*id) != kept.map(|(_, kept, _)| kept));
        sender.policy = match fresh {
            Some(id) => {
                let until = self.now + Ms::from(self.scenario.max_age) * SECOND;
                Some((self.policy_served, id, until))
            }
            None => kept,
        };
        sender.policy.map(|(number, ..)| number)
    }

    /// Tries each host of the set.
    fn choose(
        &self,
        sender: &Sender,
        set: SetId,
        policy: Option<u16>,
        dane: bool,
        flip: bool,
        passing: bool,
    ) -> Fate {
        let policy = policy
            .map(|number| &self.policies[usize::from(number)])
            .filter(|policy| policy.enforced);
        let mut worst = Why::NoHost;
        let records = self.sets.get(set);
        let mut order: [usize; 4] = [0, 1, 2, 3];
        if flip && records.len() > 1 && records[0].0 == records[1].0 {
            order.swap(0, 1);
        }
        for index in order.into_iter().filter(|index| *index < records.len()) {
            let host = records[index].1;
            if policy.is_some_and(|policy| !self.admits(policy, host)) {
                worst = worst.max(Why::Policy);
                continue;
            }
            let protected = dane && host == NEW;
            match self.smtp(host, passing) {
                Smtp::NoName | Smtp::Down | Smtp::Defers => worst = worst.max(Why::Unreachable),
                Smtp::NoTls if protected || policy.is_some() => worst = worst.max(Why::Unencrypted),
                Smtp::NoTls | Smtp::Takes if protected && !self.fits() => {
                    worst = worst.max(Why::Mismatch)
                }
                Smtp::NoTls | Smtp::Takes => return Fate::Delivered { dane: protected },
                Smtp::Rejects => return Fate::Bounced(host),
            }
        }
        let _ = sender;
        Fate::Deferred(worst)
    }

    fn judge(
        &mut self,
        number: u32,
        sender: &Sender,
        (set, secure): (SetId, bool),
        (now, calm): (Fate, Fate),
        first: Ms,
        tries: u16,
    ) {
        let at = self.now;
        let profile = sender.profile;
        let words = |truth: &Self, what: &str| {
            format!(
                "sender {number} ({profile:?}) with MX {:?}: {what}",
                truth.sets.get(set)
            )
        };
        match now {
            Fate::Delivered { dane } => {
                self.oracle.delivered += 1;
                self.oracle.protected += u64::from(dane);
                let expects = profile.dane() && sender.resolver.validates;
                if self.claimed.is_some() && expects && calm == (Fate::Delivered { dane: false }) {
                    let what = words(
                        self,
                        if secure {
                            "protection was claimed, and its mail arrives without (no TLSA, or another host)"
                        } else {
                            "protection was claimed, and the MX set is insecure to it"
                        },
                    );
                    self.oracle.violation(at, "I7", what);
                }
            }
            Fate::Bounced(host) => {
                let what = words(self, &format!("host {host} refuses it for good"));
                self.oracle.violation(at, "I1", what);
            }
            Fate::Deferred(_) => {
                let theirs = |why: Why| {
                    why == Why::Mismatch && self.oracle.unfit_is_theirs && self.claimed.is_none()
                };
                match calm {
                    Fate::Deferred(why) if !theirs(why) => {
                        let (rule, what) = match why {
                            Why::Policy => {
                                ("I4", "its MTA-STS policy admits no host that takes mail")
                            }
                            Why::Mismatch => {
                                ("I3", "the certificate does not fit its TLSA records")
                            }
                            Why::NoHost => ("I5", "there is no host to try"),
                            Why::Unreachable | Why::Unencrypted => ("I1", "no host takes its mail"),
                        };
                        let what = words(self, what);
                        self.oracle.violation(at, rule, what);
                    }
                    _ => {
                        self.oracle.put_off += 1;
                        self.again(number, first, tries, "a host fails for the moment");
                    }
                }
            }
        }
    }

    /// Keeps mail in the queue; four days are the most (RFC 5321), a day for a DANE failure at Exchange Online.
    fn again(&mut self, number: u32, first: Ms, tries: u16, why: &str) {
        if self.now - first > 24 * HOUR {
            let what = format!("sender {number} gave its mail up after a day: {why}");
            self.oracle.violation(self.now, "I1", what);
            return;
        }
        let after = RETRIES.get(usize::from(tries)).copied().unwrap_or(HOUR);
        self.later(after, Event::Retry(number, first, tries + 1));
    }
}
