//! The histories and the verdicts against concrete caches: every resolver that asked at any past instant
//! keeps what it got for its TTL. Nothing of the kernel's reasoning is used on that side.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const TIMING: Timing = Timing {
    resolver_floor: Duration::ZERO,
    margin: Duration::ZERO,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seen(server: &str, second: i64, ttl: u32) -> Sighting {
    Sighting {
        server: server.into(),
        at: at(second),
        ttl,
    }
}

// ---- histories: two servers, writes that arrive late, looks that fail -----------------------------------

#[derive(Clone, Debug)]
enum Op {
    /// Write this value and TTL; it arrives at each server after its delay.
    Write(u8, u32, [i64; 2]),
    /// Look; a false means that this server does not answer.
    Look([bool; 2]),
}

fn op() -> impl Strategy<Value = (i64, Op)> {
    let write = (0_u8..4, 1_u32..60, [0_i64..25, 0_i64..25])
        .prop_map(|(value, ttl, delays)| Op::Write(value, ttl, delays));
    let look = [any::<bool>(), any::<bool>()].prop_map(Op::Look);
    let full = Just(Op::Look([true, true]));
    (0_i64..30, prop_oneof![2 => write, 1 => look, 3 => full])
}

/// What one server serves, from when on.
type Served = Vec<(i64, u8, u32)>;

fn serves(server: &Served, second: i64) -> (u8, u32) {
    let (_, value, ttl) = server
        .iter()
        .rev()
        .find(|(from, ..)| *from <= second)
        .unwrap();
    (*value, *ttl)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Whatever is in some cache is in the possible set: no TTL ever served is forgotten (T1), no server
    /// that lags or does not answer is passed over.
    #[test]
    fn every_cached_copy_is_in_the_possible_set(ops in prop::collection::vec(op(), 1..12)) {
        let mut servers: [Served; 2] = [vec![(-100, 0, 40)], vec![(-100, 0, 40)]];
        let mut history = History::default();
        history.observe(&[(0, seen("a", 0, 40)), (0, seen("b", 0, 40))], true, at(0), &TIMING);
        let (mut now, mut latest, mut visible) = (0, (0_u8, 40_u32), true);
        for (after, op) in ops {
            now += after;
            match op {
                Op::Write(value, ttl, delays) => {
                    // As the engine does: no second write before the first was seen everywhere.
                    if !visible {
                        continue;
                    }
                    visible = false;
                    history.wrote(&value, ttl, at(now), &TIMING);
                    latest = (value, ttl);
                    for (server, delay) in servers.iter_mut().zip(delays) {
                        server.push((now + delay, value, ttl));
                    }
                }
                Op::Look(answers) => {
                    let mut got = Vec::new();
                    for ((server, answers), name) in servers.iter().zip(answers).zip(["a", "b"]) {
                        if answers {
                            let (value, ttl) = serves(server, now);
                            got.push((value, seen(name, now, ttl)));
                        }
                    }
                    visible |= got.len() == 2
                        && servers.iter().all(|s| serves(s, now) == latest && s.last().unwrap().0 <= now);
                    history.observe(&got, got.len() == 2, at(now), &TIMING);
                }
            }
            // Every resolver that asked either server at any second until now.
            for fetched in -100..=now {
                for server in &servers {
                    let (value, ttl) = serves(server, fetched);
                    if now < fetched + i64::from(ttl) {
                        prop_assert!(
                            history.possible(at(now)).any(|v| v.value == value),
                            "{value} fetched at {fetched} with {ttl} s is held at {now}: {history:?}"
                        );
                    }
                }
            }
            // And what a server will serve before the next look is possible already.
            for server in &servers {
                let (value, _) = serves(server, now);
                prop_assert!(history.possible(at(now)).any(|v| v.value == value));
            }
        }
    }

    /// T1: the largest TTL ever served decides, however it was lowered on the way.
    #[test]
    fn the_largest_ttl_decides_however_it_was_lowered(ttls in prop::collection::vec((0_i64..50, 1_u32..5000), 1..8), gap in 0_i64..50) {
        let mut history = History::default();
        let (mut now, mut until) = (0, 0);
        let mut ends = Vec::new();
        for (after, ttl) in &ttls {
            if let Some(old) = ends.pop() {
                now += after;
                until = until.max(now + i64::from(old));
            }
            history.observe(&[('a', seen("ns1", now, *ttl))], true, at(now), &TIMING);
            ends.push(*ttl);
        }
        now += gap;
        until = until.max(now + i64::from(ends[0]));
        history.observe(&[('b', seen("ns1", now, 1))], true, at(now), &TIMING);
        let possible = |second| history.possible(at(second)).any(|v| v.value == 'a');
        prop_assert!(possible(until - 1));
        prop_assert!(!possible(until));
    }

    /// T1: a look that not every server answered starts no clock.
    #[test]
    fn an_incomplete_look_starts_no_clock(ttl in 1_u32..5000, looks in prop::collection::vec(1_i64..10_000, 1..10)) {
        let mut history = History::default();
        history.observe(&[('a', seen("ns1", 0, ttl))], true, at(0), &TIMING);
        let mut now = 0;
        for after in looks {
            now += after;
            history.observe(&[('b', seen("ns1", now, 1))], false, at(now), &TIMING);
        }
        let old = history.get(&'a').unwrap();
        prop_assert_eq!((old.served, old.cached_until), (Some(ttl), None));
    }

    /// T1: a copy that a resolver shows counts, also of what is still served under a smaller TTL.
    #[test]
    fn a_copy_in_a_cache_is_never_forgotten(served in 1_u32..100, left in 1_u32..5000, replaced in 1_i64..50) {
        let mut history = History::default();
        history.observe(&[('a', seen("ns1", 0, served))], true, at(0), &TIMING);
        history.observe_cached(&'a', &seen("nine", 0, left), &TIMING);
        history.observe(&[('b', seen("ns1", replaced, 1))], true, at(replaced), &TIMING);
        let until = i64::from(left).max(replaced + i64::from(served));
        prop_assert!(history.possible(at(until - 1)).any(|v| v.value == 'a'));
        prop_assert!(!history.possible(at(until)).any(|v| v.value == 'a'));
    }
}

// ---- verdicts: five record sets with a past, and senders that deliver -----------------------------------

const LEGACY: &str = "legacy.example";
const NEW: &str = "new.example";
const HORIZON: i64 = 120;

/// The past of one record set: (from, value, ttl), seen by everybody at once.
type Past = Vec<(i64, u8, u32)>;

fn past(values: u8) -> impl Strategy<Value = Past> {
    prop::collection::vec((1_i64..20, 0..values, 1_u32..40), 1..4).prop_map(|changes| {
        let mut now = -60;
        changes
            .into_iter()
            .map(|(after, value, ttl)| {
                now += after;
                (now, value, ttl)
            })
            .collect()
    })
}

/// Values in caches at `second >= 0`: what is served, and what somebody fetched before it was replaced.
fn held(past: &Past, second: i64) -> BTreeSet<u8> {
    let mut values = BTreeSet::new();
    for (index, (_, value, ttl)) in past.iter().enumerate() {
        match past.get(index + 1) {
            None => {
                values.insert(*value);
            }
            // Fetched a moment before the replacement.
            Some((replaced, ..)) if second < replaced + i64::from(*ttl) => {
                values.insert(*value);
            }
            Some(_) => {}
        }
    }
    values
}

fn history<T: Clone + PartialEq>(past: &Past, value: impl Fn(u8) -> T) -> History<T> {
    let mut history = History::default();
    for (from, index, ttl) in past {
        history.observe(
            &[(value(*index), seen("ns", *from, *ttl))],
            true,
            at(*from),
            &TIMING,
        );
    }
    history
}

fn mx_list(index: u8) -> Vec<(u16, &'static str)> {
    match index {
        0 => vec![(0, LEGACY)],
        1 => vec![(0, LEGACY), (20, NEW)],
        2 => vec![(0, NEW), (30, LEGACY)],
        3 => vec![(0, NEW)],
        _ => vec![(10, NEW), (10, LEGACY)],
    }
}

fn mx(index: u8) -> MxSet {
    MxSet::new(mx_list(index))
}

fn key(name: &str) -> BTreeSet<KeyId> {
    [KeyId::new(name)].into()
}

fn keys(index: u8) -> ZoneKeys {
    match index {
        0 => ZoneKeys::Unsigned,
        1 => ZoneKeys::Signed(key("k")),
        _ => ZoneKeys::Signed(key("l")),
    }
}

fn delegation(index: u8) -> Delegation {
    match index {
        0 => Delegation::Insecure,
        1 => Delegation::Secure(key("k")),
        _ => Delegation::Secure(key("l")),
    }
}

fn policy(index: u8) -> Policy {
    match index {
        0 => Policy::NotEnforced,
        1 => Policy::Enforced([LEGACY.to_owned()].into()),
        _ => Policy::Enforced([LEGACY.to_owned(), NEW.to_owned()].into()),
    }
}

fn tlsa(index: u8) -> TlsaSet {
    match index {
        0 => TlsaSet::Absent,
        1 => TlsaSet::Records("good".into()),
        _ => TlsaSet::Records("bad".into()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct HostNow {
    accepts: Accepts,
    web_pki: bool,
}

#[derive(Clone, Debug)]
struct World {
    mx: Past,
    keys: Past,
    delegation: Past,
    policy: Past,
    tlsa: Past,
    legacy: HostNow,
    new: HostNow,
}

impl World {
    fn host(&self, name: &str) -> HostNow {
        if name == LEGACY {
            self.legacy
        } else {
            self.new
        }
    }

    fn caches(&self) -> Caches {
        Caches {
            mx: history(&self.mx, mx),
            keys: history(&self.keys, keys),
            delegation: history(&self.delegation, delegation),
            policy: history(&self.policy, policy),
            tlsa: [(Host::new(NEW), history(&self.tlsa, tlsa))].into(),
        }
    }

    fn actors(&self) -> Actors {
        let state = |now: HostNow| HostState {
            accepts: now.accepts,
            web_pki: Some(now.web_pki),
            tlsa: [("good".to_owned(), true), ("bad".to_owned(), false)].into(),
        };
        Actors(
            [
                (Host::new(LEGACY), state(self.legacy)),
                (Host::new(NEW), state(self.new)),
            ]
            .into(),
        )
    }

    /// Whether some sender with some mix of cached records fails at `second`.
    fn fails(&self, second: i64, also: &Also) -> bool {
        let mut mx = held(&self.mx, second);
        let mut keys = held(&self.keys, second);
        let mut ds = held(&self.delegation, second);
        let mut policies = held(&self.policy, second);
        match *also {
            Also::Nothing => {}
            Also::Mx(index) => drop(mx.insert(index)),
            Also::Keys(index) => drop(keys.insert(index)),
            Also::Ds(index) => drop(ds.insert(index)),
            Also::Policy(index) => drop(policies.insert(index)),
        }
        for mx in &mx {
            let list = mx_list(*mx);
            for policy in &policies {
                for tlsa in held(&self.tlsa, second) {
                    if !self.delivers(&list, *policy, tlsa) {
                        return true;
                    }
                }
            }
        }
        ds.iter()
            .any(|ds| *ds != 0 && keys.iter().any(|keys| keys != ds))
    }

    /// Three senders try the same list: one that takes any TLS, one that does MTA-STS, one that does DANE.
    /// All orders of equal preferences.
    fn delivers(&self, list: &[(u16, &'static str)], policy: u8, tlsa: u8) -> bool {
        let mut orders = vec![list.to_vec()];
        if list.len() == 2 && list[0].0 == list[1].0 {
            orders.push(vec![list[1], list[0]]);
        }
        for order in &mut orders {
            order.sort_by_key(|(preference, _)| *preference);
            let mut plain = false;
            for (_, name) in order.iter() {
                match self.host(name).accepts {
                    Accepts::Yes => {
                        plain = true;
                        break;
                    }
                    Accepts::Rejects => return false,
                    Accepts::Down | Accepts::Unknown => {}
                }
            }
            let admitted = |name: &str| match policy {
                0 => true,
                1 => name == LEGACY,
                _ => true,
            };
            let sts = policy == 0
                || order.iter().any(|(_, name)| {
                    let host = self.host(name);
                    admitted(name) && host.accepts == Accepts::Yes && host.web_pki
                });
            // A mismatch is loss within a day even with a fallback, so it counts wherever the host is listed.
            let dane = tlsa != 2 || order.iter().all(|(_, name)| *name != NEW);
            if !(plain && sts && dane) {
                return false;
            }
        }
        true
    }
}

#[derive(Clone, Copy, Debug)]
enum Also {
    Nothing,
    Mx(u8),
    Keys(u8),
    Ds(u8),
    Policy(u8),
}

impl Also {
    fn change(self) -> Change {
        match self {
            Self::Nothing => unreachable!(),
            Self::Mx(index) => Change::Mx(mx(index), 1),
            Self::Keys(index) => Change::Keys(keys(index)),
            Self::Ds(index) => Change::Delegation(delegation(index)),
            Self::Policy(index) => Change::Policy(policy(index)),
        }
    }
}

fn host_now() -> impl Strategy<Value = HostNow> {
    let accepts = prop_oneof![
        6 => Just(Accepts::Yes),
        1 => Just(Accepts::Rejects),
        1 => Just(Accepts::Down),
        1 => Just(Accepts::Unknown),
    ];
    (accepts, prop::bool::weighted(0.9)).prop_map(|(accepts, web_pki)| HostNow { accepts, web_pki })
}

fn world() -> impl Strategy<Value = World> {
    (
        past(5),
        past(3),
        past(3),
        past(3),
        past(3),
        host_now(),
        host_now(),
    )
        .prop_map(|(mx, keys, delegation, policy, tlsa, legacy, new)| World {
            mx,
            keys,
            delegation,
            policy,
            tlsa,
            legacy,
            new,
        })
}

fn change() -> impl Strategy<Value = Also> {
    prop_oneof![
        4 => (0_u8..5).prop_map(Also::Mx),
        2 => (0_u8..3).prop_map(Also::Keys),
        2 => (0_u8..3).prop_map(Also::Ds),
        1 => (0_u8..3).prop_map(Also::Policy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_global_rejects: 200_000,
        ..ProptestConfig::default()
    })]

    /// S2: `Now` never leads to a sender that fails, `NotBefore` is the earliest instant without one, and
    /// `No` means that waiting does not help.
    #[test]
    fn verdicts_agree_with_senders_that_deliver(world in world(), change in change()) {
        prop_assume!(!world.fails(0, &Also::Nothing));
        let verdict = publish(&world.caches(), &world.actors(), &change.change(), None, &TIMING, at(0));
        let failing: Vec<i64> = (0..HORIZON).filter(|t| world.fails(*t, &change)).collect();
        match verdict {
            Verdict::Now => prop_assert!(failing.is_empty(), "{failing:?}"),
            Verdict::NotBefore(when, because) => {
                let when = when.duration_since(at(0)).as_secs();
                prop_assert!(!because.is_empty());
                prop_assert_eq!(failing, (0..when).collect::<Vec<_>>());
            }
            Verdict::No(violations) => {
                prop_assert!(!violations.is_empty());
                prop_assert_eq!(failing.len() as i64, HORIZON);
            }
        }
    }

    /// S2, I6: with a way back asked for, what is allowed leaves one that no sender notices.
    #[test]
    fn a_way_back_stays_open(world in world(), to in 0_u8..5, back in 0_u8..5) {
        prop_assume!(!world.fails(0, &Also::Nothing));
        let verdict = publish(
            &world.caches(), &world.actors(), &Change::Mx(mx(to), 1), Some(&mx(back)), &TIMING, at(0),
        );
        let fails = |t: i64| world.fails(t, &Also::Mx(to)) || world.fails(t, &Also::Mx(back));
        match verdict {
            Verdict::Now => prop_assert!(!fails(0)),
            Verdict::NotBefore(when, _) => {
                let when = when.duration_since(at(0)).as_secs();
                prop_assert!(!fails(when) && fails(when - 1));
            }
            Verdict::No(_) => prop_assert!(fails(HORIZON)),
        }
    }

    /// S3: protection is claimed only when no cache anywhere can hold an unprotected version.
    #[test]
    fn protection_is_claimed_only_when_every_cache_agrees(world in world()) {
        let protected = |t: i64| {
            !world.fails(t, &Also::Nothing)
                && held(&world.mx, t).iter().all(|m| mx_list(*m).iter().all(|(_, h)| *h == NEW))
                && !held(&world.keys, t).contains(&0)
                && !held(&world.delegation, t).contains(&0)
                && !held(&world.tlsa, t).contains(&0)
        };
        match claim(&world.caches(), &world.actors(), at(0)) {
            Verdict::Now => prop_assert!(protected(0)),
            Verdict::NotBefore(when, _) => {
                let when = when.duration_since(at(0)).as_secs();
                prop_assert!(protected(when) && !protected(when - 1));
            }
            Verdict::No(_) => prop_assert!(!protected(HORIZON)),
        }
    }

    /// A host is retired only when no cached set names it.
    #[test]
    fn a_host_is_retired_only_when_no_cache_names_it(world in world()) {
        let named = |t: i64| held(&world.mx, t).iter().any(|m| mx_list(*m).iter().any(|(_, h)| *h == LEGACY));
        match retire(&world.caches(), &Host::new(LEGACY), at(0)) {
            Verdict::Now => prop_assert!(!named(0)),
            Verdict::NotBefore(when, _) => {
                let when = when.duration_since(at(0)).as_secs();
                prop_assert!(!named(when) && named(when - 1));
            }
            Verdict::No(_) => prop_assert!(named(HORIZON)),
        }
    }
}
