//! What one seed stands for: the domain as it is found, how slow everybody is, and which faults are switched on.

use crate::rng::Rng;

/// Milliseconds since the run began.
pub type Ms = i64;

/// One second.
pub const SECOND: Ms = 1000;
/// One minute.
pub const MINUTE: Ms = 60 * SECOND;
/// One hour.
pub const HOUR: Ms = 60 * MINUTE;

/// An MTA-STS policy as it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyStart {
    /// None at all.
    None,
    /// Reported only.
    Testing,
    /// Enforced, naming the legacy hosts by a wildcard.
    Enforced,
    /// Enforced, naming beside them `*.mx.microsoft`: one label too few for the new host.
    TrapWildcard,
    /// Enforced, and admits the new host already.
    Admits,
}

/// Where the MX set stands when the run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The legacy host alone.
    Original,
    /// Two legacy hosts.
    TwoHosts,
    /// Somebody added the new host already.
    Added,
    /// Somebody swapped already.
    Swapped,
}

/// The sites at which faults can be switched on for a run; each fires in a quarter of its chances until all is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Faults {
    /// Requests to the DNS provider or the registrar that never arrive.
    pub request_lost: bool,
    /// Answers that never come although the change was made.
    pub reply_lost: bool,
    /// Changes that are made after the answer failed to come.
    pub late: bool,
    /// Requests that are put off.
    pub throttled: bool,
    /// Requests that are refused.
    pub refused: bool,
    /// Exchange Online: the same five.
    pub exchange: bool,
    /// One server does not take changes for a while.
    pub stuck: bool,
    /// One server does not answer for a while.
    pub server_down: bool,
    /// No server of the zone answers for a while.
    pub zone_down: bool,
    /// Our own questions fail now and then.
    pub deaf: bool,
    /// Our own probes of port 25 fail now and then.
    pub unprobed: bool,
    /// The legacy host fails for a while.
    pub legacy_fails: bool,
    /// The new host fails for a while.
    pub new_fails: bool,
    /// A person edits the MX set.
    pub person: bool,
    /// The TTL is edited by a person.
    pub person_ttl: bool,
    /// This machine's clock is set wrong once.
    pub clock: bool,
    /// Inbound DANE is published before the certificates fit.
    pub tlsa_early: bool,
    /// The process is killed a few times.
    pub crash: bool,
    /// A second process takes over while the first one hangs in an effect.
    pub zombie: bool,
}

/// Everything that is decided before a run begins.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The number it is all made from.
    pub seed: u64,
    /// The MX set.
    pub start: Start,
    /// Its TTL in seconds.
    pub ttl: u32,
    /// Authoritative addresses.
    pub servers: usize,
    /// Whether the zone is signed.
    pub signed: bool,
    /// Whether the parent has its DS.
    pub delegated: bool,
    /// Whether DNSSEC is on at Exchange Online.
    pub dnssec: bool,
    /// Whether inbound DANE is on.
    pub dane: bool,
    /// Negative TTL of the zone, in seconds.
    pub negative: u32,
    /// Largest TTL of the zone, in seconds.
    pub largest: u32,
    /// Whether the provider can list it.
    pub lists_largest: bool,
    /// Lowest TTL that the provider takes.
    pub ttl_min: u32,
    /// The provider's API cannot write: a person does.
    pub manual_provider: bool,
    /// The provider's API cannot sign: a person does.
    pub manual_signing: bool,
    /// The DS goes by hand.
    pub manual_ds: bool,
    /// Negative TTL of the parent, in seconds.
    pub parent_negative: u32,
    /// TTL of a DS, in seconds.
    pub ds_ttl: u32,
    /// Negative TTL of the new host's zone, in seconds.
    pub tlsa_negative: u32,
    /// The MTA-STS policy.
    pub policy: PolicyStart,
    /// The run publishes policy and record itself.
    pub writes_policy: bool,
    /// By a file that it can read; else by an executable.
    pub policy_file: bool,
    /// The policy only tests while the MX moves.
    pub tests_policy: bool,
    /// Its `max_age`, in seconds.
    pub max_age: u32,
    /// TTL of the id record, in seconds.
    pub record_ttl: u32,
    /// Some senders ask for a new policy only when the old one ends.
    pub strict: bool,
    /// From a write until each server serves it, at most.
    pub propagation: Ms,
    /// The registrar's time.
    pub registrar: Ms,
    /// How often the parent publishes.
    pub batch: Ms,
    /// How long a cmdlet takes, at most.
    pub cmdlet: Ms,
    /// From the assignment until the new host takes mail, at most.
    pub ready: Ms,
    /// From enabling DANE until the records are there, at most.
    pub tlsa: Ms,
    /// How long people take, at most.
    pub people: Ms,
    /// How often the engine looks while others have to act.
    pub poll: Ms,
    /// One process waits all the time, or each wait ends the process, as under a timer.
    pub waits: bool,
    /// How often the timer calls then, at most.
    pub timer: Ms,
    /// Some resolvers serve stale answers; then the legacy host is retired 72 hours later.
    pub stale: bool,
    /// The small world: requests are carried out and answered at once.
    pub instant: bool,
    /// Faults.
    pub faults: Faults,
    /// After this nothing fails any more.
    pub heal: Ms,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut r = Rng::new(seed, 1);
        let mut scenario = Self::calm(seed);
        let on = |r: &mut Rng| r.chance(25);
        scenario.manual_provider = r.chance(8);
        scenario.manual_signing = r.chance(10);
        scenario.manual_ds = r.chance(20);
        scenario.people = r.scale(MINUTE, 2 * HOUR);
        scenario.waits = r.chance(70);
        scenario.poll = r.pick(&[10, 60, 120]) * SECOND;
        scenario.stale = r.chance(10);
        scenario.heal = r.scale(HOUR, 12 * HOUR);
        scenario.timer = Rng::new(seed, 6).pick(&[1, 5, 15]) * MINUTE;
        let mut publishes = Rng::new(seed, 7);
        scenario.writes_policy = publishes.chance(50);
        scenario.policy_file = publishes.chance(50);
        scenario.tests_policy = publishes.chance(25);
        if r.chance(15) {
            // Nothing fails at all.
            return scenario;
        }
        scenario.faults = Faults {
            request_lost: on(&mut r),
            reply_lost: on(&mut r),
            late: on(&mut r),
            throttled: on(&mut r),
            refused: on(&mut r),
            exchange: on(&mut r),
            stuck: on(&mut r),
            server_down: on(&mut r),
            zone_down: on(&mut r),
            deaf: on(&mut r),
            unprobed: on(&mut r),
            legacy_fails: on(&mut r),
            new_fails: on(&mut r),
            person: on(&mut r),
            person_ttl: r.chance(10),
            clock: r.chance(12),
            tlsa_early: on(&mut r),
            crash: on(&mut r),
            zombie: r.chance(12),
        };
        scenario
    }

    /// The same domain and the same delays without any fault, and nobody who has to be waited for: what the elapsed
    /// time is measured on.
    #[must_use]
    pub fn calm(seed: u64) -> Self {
        let mut r = Rng::new(seed, 0);
        let signed = r.chance(60);
        let delegated = signed && r.chance(80);
        let start = match r.below(20) {
            0 => Start::Added,
            1 => Start::Swapped,
            2 | 3 => Start::TwoHosts,
            _ => Start::Original,
        };
        let begun = matches!(start, Start::Added | Start::Swapped);
        let dnssec = begun || r.chance(10);
        let ttl = r.pick(&[60, 300, 600, 1800, 3600, 3600, 14_400, 43_200, 86_400]);
        let policy = match r.below(10) {
            0 | 1 => PolicyStart::Enforced,
            2 => PolicyStart::TrapWildcard,
            3 => PolicyStart::Testing,
            4 => PolicyStart::Admits,
            _ => PolicyStart::None,
        };
        Self {
            seed,
            start,
            ttl,
            servers: 1 + r.below(4),
            signed,
            delegated,
            dnssec,
            dane: dnssec && r.chance(30),
            negative: r.pick(&[60, 300, 900, 3600]),
            largest: ttl.max(r.pick(&[300, 3600, 86_400])),
            lists_largest: r.chance(60),
            ttl_min: r.pick(&[1, 1, 60, 120, 600]),
            manual_provider: false,
            manual_signing: false,
            manual_ds: false,
            parent_negative: r.pick(&[300, 900, 900, 3600, 86_400]),
            ds_ttl: r.pick(&[3600, 86_400]),
            tlsa_negative: r.pick(&[60, 300, 300, 900, 3600]),
            policy,
            writes_policy: false,
            policy_file: false,
            tests_policy: false,
            max_age: r.pick(&[86_400, 172_800]),
            record_ttl: r.pick(&[300, 3600, 7200]),
            strict: r.chance(20),
            propagation: r.scale(5 * SECOND, 10 * MINUTE),
            registrar: r.scale(MINUTE, HOUR),
            batch: r.scale(MINUTE, HOUR),
            cmdlet: r.scale(20 * SECOND, 5 * MINUTE),
            ready: r.scale(SECOND, 10 * MINUTE),
            tlsa: r.scale(15 * MINUTE, 30 * MINUTE),
            people: 0,
            poll: 10 * SECOND,
            waits: true,
            timer: MINUTE,
            stale: false,
            instant: false,
            faults: Faults::default(),
            heal: 0,
        }
    }
}
