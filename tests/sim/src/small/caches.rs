//! The caches and the senders of the small world, and which of them have to be followed together.

use super::{Small, Small0, TTL};
use crate::truth::{KEY, SetId};

/// The last MX set: the new host alone.
pub(super) const LAST: SetId = 3;
/// What may be cached, one byte each: 0 for nothing, else the value and the units left.
/// Validating: MX, DNSKEY, DS, TLSA. Plain: MX.
pub(super) type Caches = [u8; 5];
/// Which caches are followed together, by their slots. Nothing that can go wrong takes more than a pair of them: a domain is
/// bogus by its DS and an MX set, or by its DS and its DNSKEY; that a host takes mail is a matter of the MX set alone; a
/// claim fails by one copy. The engine sees none of them, and a fetch of one asks for no other. So what two others hold
/// meanwhile neither makes nor hides a violation, and the states of each pair are the whole truth about it. A slot that is
/// not followed is always asked afresh.
pub(super) const VIEWS: &[&[usize]] = &[&[0, 2], &[1, 2], &[3], &[4]];
/// All of them at once, which shows the same and takes longer.
pub(super) const TOGETHER: &[&[usize]] = &[&[0, 1, 2, 3, 4]];

/// A copy of a value with so many units left.
fn copy(value: u8, units: u32) -> u8 {
    1 + value * 8 + u8::try_from(units).unwrap_or(7).min(7)
}

/// The value of a copy.
fn value(copy: u8) -> Option<u8> {
    (copy != 0).then(|| (copy - 1) / 8)
}

/// A unit passes for every copy.
pub(super) fn pass(caches: Caches) -> Caches {
    caches.map(|copy| {
        if copy == 0 || (copy - 1) % 8 <= 1 {
            0
        } else {
            copy - 1
        }
    })
}

fn mx((set, _, key): (SetId, u32, u8)) -> u8 {
    u8::try_from(set).unwrap_or(0) * 2 + key
}

/// Everything a resolver may fetch now.
pub(super) fn fetches(
    small: Small,
    truth: &Small0,
    caches: Caches,
    view: &[usize],
) -> Vec<(Caches, &'static str)> {
    let mut all = Vec::new();
    let mut fetch = |slot: usize, what: u8, ttl: u32, label: &'static str| {
        if view.contains(&slot) && caches[slot] == 0 {
            let mut caches = caches;
            caches[slot] = copy(what, ttl / TTL);
            all.push((caches, label));
        }
    };
    // What never changes any more is the same from a cache and from a server: nothing has to be fetched for it.
    let all_are = |last: fn((SetId, u32, u8)) -> bool| {
        last(truth.primary) && truth.servers.into_iter().all(last)
    };
    let undoing = small == Small::Unsign;
    let signed = !undoing && all_are(|(_, _, key)| key == KEY);
    let moved = signed && all_are(|(set, _, _)| set == LAST);
    for server in truth.servers {
        if !moved {
            let ttl = server.1;
            fetch(0, mx(server), ttl, "the validating resolver asks for MX");
            fetch(4, mx(server), ttl, "the plain resolver asks for MX");
        }
        if !signed {
            fetch(1, server.2, TTL, "the validating resolver asks for DNSKEY");
        }
    }
    if truth.parent == 0 {
        fetch(2, 0, TTL, "the validating resolver asks for DS");
    } else if undoing {
        let ds = truth.parent;
        fetch(2, ds, 2 * TTL, "the validating resolver asks for DS");
    }
    if !truth.tlsa {
        fetch(3, 0, TTL, "the validating resolver asks for TLSA");
    }
    all
}

/// Delivers mail of both senders with every choice they have; what goes wrong.
pub(super) fn deliver(small: Small, truth: &Small0, caches: &Caches) -> Option<String> {
    let undone = small == Small::Unsign && truth.claimed;
    if undone && (truth.parent != 0 || truth.servers.iter().any(|server| server.2 != 0)) {
        return Some("it is said to be undone, and it is not".to_owned());
    }
    let fresh =
        |slot: usize, all: &[u8]| value(caches[slot]).map_or_else(|| all.to_vec(), |one| vec![one]);
    let served = truth.servers.map(mx);
    let keys = truth.servers.map(|server| server.2);
    for set in fresh(4, &served) {
        if let Some(what) = hosts(truth, set / 2) {
            return Some(format!("the plain sender: {what}"));
        }
    }
    for set in fresh(0, &served) {
        for ds in fresh(2, &[truth.parent]) {
            for key in fresh(1, &keys) {
                if ds != 0 && (set % 2 == 0 || key == 0) {
                    return Some("I2: the domain is bogus to the DANE sender".to_owned());
                }
                if let Some(what) = hosts(truth, set / 2) {
                    return Some(format!("the DANE sender: {what}"));
                }
                for tlsa in fresh(3, &[u8::from(truth.tlsa)]) {
                    if truth.claimed && !undone && (ds == 0 || tlsa == 0 || set / 2 != 3) {
                        return Some(format!(
                            "I7: protection is claimed, and the DANE sender holds MX set {}, DS {ds}, TLSA {tlsa}",
                            set / 2
                        ));
                    }
                }
            }
        }
    }
    None
}

/// Whether a host of the set takes mail. The legacy host goes when protection is claimed; the new one is there once it
/// was assigned.
fn hosts(truth: &Small0, set: u8) -> Option<String> {
    let preferred_is_new = set >= 2;
    if !preferred_is_new && truth.claimed {
        return Some(format!(
            "I1: it holds MX set {set} and the legacy host is gone"
        ));
    }
    if set >= 1 && !truth.dnssec {
        return Some(format!(
            "I1: it holds MX set {set} and the new host is not there"
        ));
    }
    None
}
