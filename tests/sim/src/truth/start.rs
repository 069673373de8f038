//! The world as it is found, with everything that was decided to happen in it.

use std::collections::BinaryHeap;

use super::{
    Event, KEY, LEGACY, LEGACY2, Measured, NEW, Outage, PolicyText, Served, Sets, Smtp, Truth,
    Window,
};
use crate::oracle::Oracle;
use crate::rng::Rng;
use crate::scenario::{HOUR, MINUTE, PolicyStart, SECOND, Scenario, Start};
use crate::senders::Sender;

impl Truth {
    /// The world of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let s = scenario.clone();
        let mut rng = Rng::new(s.seed, 2);
        let mut sets = Sets::default();
        let set = sets.id(match s.start {
            Start::Original => vec![(0, LEGACY)],
            Start::TwoHosts => vec![(0, LEGACY), (10, LEGACY2)],
            Start::Added => vec![(0, LEGACY), (20, NEW)],
            Start::Swapped => vec![(0, NEW), (30, LEGACY)],
        });
        let served = Served {
            set,
            ttl: s.ttl,
            key: if s.signed { KEY } else { 0 },
        };
        let policy = policy(&s);
        let policies = vec![
            PolicyText {
                enforced: false,
                testing: false,
                patterns: Vec::new(),
            },
            policy,
        ];
        let policy_number = u16::from(s.policy != PolicyStart::None);
        let mut truth = Self {
            now: 0,
            sets,
            original: (set, s.ttl),
            primary: served,
            servers: vec![served; s.servers],
            stuck: None,
            server_down: None,
            zone_down: None,
            parent: vec![if s.delegated { KEY } else { 0 }; 2],
            parent_due: vec![0; 2],
            registry: if s.delegated { KEY } else { 0 },
            signing: s.signed.then_some(0),
            dnssec: s.dnssec,
            named_from: 0,
            dane: s.dane,
            tlsa: s.dane,
            unfit_until: 0,
            readiness: if s.dnssec { 3 } else { 0 },
            outages: Vec::new(),
            retired: false,
            policies,
            policy_served: policy_number,
            policy_file: policy_number,
            policy_announced: policy_number,
            record: u32::from(policy_number),
            records: vec![u32::from(policy_number); s.servers],
            announced: vec![(u32::from(policy_number), policy_number)],
            policy_under_way: false,
            clock_off: 0,
            clock_jumped: 0,
            foreign: None,
            unguarded: false,
            meddled: false,
            seen: false,
            remembered: false,
            own_ttl: None,
            requests: Vec::new(),
            senders: Vec::new(),
            measured: Measured::default(),
            claimed: None,
            mail_goes_on: true,
            oracle: Oracle::default(),
            queue: BinaryHeap::new(),
            sequence: 0,
            rng: rng.clone(),
            scenario: s,
        };
        truth.plan_faults(&mut rng);
        truth.plan_mail(&mut rng);
        truth.rng = rng;
        truth
    }

    fn plan_faults(&mut self, rng: &mut Rng) {
        let s = self.scenario.clone();
        let f = s.faults;
        let heal = s.heal;
        let window = |rng: &mut Rng, most: i64| {
            let from = rng.scale(10 * SECOND, heal);
            Window {
                from,
                to: (from + rng.scale(10 * SECOND, most)).min(heal),
            }
        };
        let server = u8::try_from(rng.below(s.servers)).unwrap_or(0);
        self.stuck = f.stuck.then(|| (server, window(rng, 2 * HOUR)));
        let server = u8::try_from(rng.below(s.servers)).unwrap_or(0);
        self.server_down = f.server_down.then(|| (server, window(rng, HOUR)));
        self.zone_down = f.zone_down.then(|| window(rng, 20 * MINUTE));
        for (on, host) in [(f.legacy_fails, LEGACY), (f.new_fails, NEW)] {
            if on {
                for _ in 0..=rng.below(3) {
                    let how = rng.pick(&[Smtp::Down, Smtp::Down, Smtp::Defers, Smtp::NoTls]);
                    let window = window(rng, HOUR);
                    self.outages.push(Outage { host, window, how });
                }
            }
        }
        // Half of the time the edit falls into the moment between a look and a write: see `send`.
        if f.person && rng.chance(50) {
            let at = rng.scale(10 * SECOND, heal);
            self.at(at, Event::Person);
        }
        if f.person_ttl {
            let at = rng.scale(10 * SECOND, heal);
            self.at(at, Event::PersonTtl);
        }
        if f.clock {
            let at = rng.scale(10 * SECOND, heal);
            let by = rng.pick(&[-6 * HOUR, -10 * MINUTE, 10 * MINUTE, 3 * HOUR, 30 * HOUR]);
            self.at(at, Event::Clock(by));
        }
        if s.dane && f.tlsa_early {
            self.unfit_until = rng.scale(MINUTE, heal);
        }
    }

    fn plan_mail(&mut self, rng: &mut Rng) {
        for index in 0..12_u32 {
            let sender = Sender::new(self, rng);
            self.senders.push(sender);
            let first = rng.range(0, 20 * MINUTE);
            self.at(first, Event::Mail(index));
        }
    }
}

fn policy(s: &Scenario) -> PolicyText {
    let legacy = "*.mail.protection.outlook.com".to_owned();
    let patterns = match s.policy {
        PolicyStart::TrapWildcard => vec![legacy, "*.mx.microsoft".to_owned()],
        PolicyStart::Admits => vec![legacy, "*.o-v1.mx.microsoft".to_owned()],
        _ => vec![legacy],
    };
    PolicyText {
        enforced: !matches!(s.policy, PolicyStart::None | PolicyStart::Testing),
        testing: s.policy == PolicyStart::Testing,
        patterns,
    }
}
