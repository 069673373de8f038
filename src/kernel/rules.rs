//! Publish, retire, claim: the three questions asked of the invariants, and the instant of each answer.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::caches::{Actors, Caches, Delegation, Host, MxSet, Policy, TlsaSet, ZoneKeys};
use super::history::{History, Sighting, Version};
use super::invariant::{Rule, Violation, check};
use super::timing::Timing;

/// A version about to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The domain's MX RRset and its TTL in seconds.
    Mx(MxSet, u32),
    /// The DS RRset at the parent, or its withdrawal.
    Delegation(Delegation),
    /// Signing, or unsigning, the zone.
    Keys(ZoneKeys),
    /// The MTA-STS policy.
    Policy(Policy),
}

/// A cached version that decides about an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// Which record set, for example `MX`.
    pub rrset: String,
    /// The version that may still be cached.
    pub version: String,
    /// Until when, absolute.
    pub until: Timestamp,
    /// Where and with which TTL it was last seen.
    pub seen: Sighting,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "caches may hold {} ({}) until {}: {} served it with TTL {} s",
            self.rrset,
            self.version,
            super::utc(self.until),
            self.seen.server,
            self.seen.ttl
        )
    }
}

/// An answer of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Safe now.
    Now,
    /// Safe from this instant on, when these cached versions are gone.
    NotBefore(Timestamp, Vec<Because>),
    /// Not safe however long one waits.
    No(Vec<Violation>),
}

/// May this change be written, for every sender with any mix of cached versions?
///
/// `way_back` is the MX set to return to; a change that would leave no safe way back is refused (I6).
/// Where the world is already invalid, a change that breaks no *further* rule is allowed: otherwise a bad
/// state could never be left.
#[must_use]
pub fn publish(
    caches: &Caches,
    actors: &Actors,
    change: &Change,
    way_back: Option<&MxSet>,
    timing: &Timing,
    now: Timestamp,
) -> Verdict {
    let mut after = caches.clone();
    match change {
        Change::Mx(mx, ttl) => after.mx.wrote(mx, *ttl, now, timing),
        Change::Delegation(d) => after.delegation.wrote(d, 0, now, timing),
        Change::Keys(k) => after.keys.wrote(k, 0, now, timing),
        Change::Policy(p) => after.policy.wrote(p, 0, now, timing),
    }
    earliest(caches, now, |at| {
        let mut violations = check(&after, actors, at);
        if let Some(mx) = way_back {
            let mut back = after.clone();
            back.mx.wrote(mx, 0, at, timing);
            for v in check(&back, actors, at) {
                if !violations
                    .iter()
                    .any(|w| (w.rule, &w.subject) == (v.rule, &v.subject))
                {
                    violations.push(Violation {
                        rule: Rule::WayBack,
                        detail: format!("no safe way back to MX {mx}: {}", v.detail),
                        subject: v.subject,
                        could_not_tell: v.could_not_tell,
                    });
                }
            }
        }
        if violations.is_empty() {
            return violations;
        }
        let already = check(caches, actors, at);
        violations.retain(|v| {
            !already
                .iter()
                .any(|w| (w.rule, &w.subject) == (v.rule, &v.subject))
        });
        violations
    })
}

/// May this host be withdrawn: does no cached MX set name it any more?
#[must_use]
pub fn retire(caches: &Caches, host: &Host, now: Timestamp) -> Verdict {
    earliest(caches, now, |at| {
        caches
            .mx
            .possible(at)
            .filter(|version| version.value.preference_of(host).is_some())
            .map(|version| Violation {
                rule: Rule::Reachable,
                subject: host.to_string(),
                detail: format!("MX {} still names {host}", version.value),
                could_not_tell: false,
            })
            .collect()
    })
}

/// May it be said that nobody holds TLSA records of this host any more: a sender that does may refuse to deliver to it (I3).
#[must_use]
pub fn forgotten(caches: &Caches, host: &Host, now: Timestamp) -> Verdict {
    earliest(caches, now, |at| {
        caches
            .tlsa
            .get(host)
            .into_iter()
            .flat_map(|tlsa| tlsa.possible(at))
            .filter(|version| matches!(version.value, TlsaSet::Records(_)))
            .map(|_| Violation {
                rule: Rule::NoTlsaMismatch,
                subject: host.to_string(),
                detail: format!("TLSA records of {host} are still served"),
                could_not_tell: false,
            })
            .collect()
    })
}

/// May the domain be called protected by DANE (I7)?
///
/// Only when it holds for *every* combination: each MX set lists protected hosts alone, the delegation is
/// secure in every version, and no cache may still deny a host's TLSA records.
#[must_use]
pub fn claim(caches: &Caches, actors: &Actors, now: Timestamp) -> Verdict {
    earliest(caches, now, |at| {
        let mut violations = check(caches, actors, at);
        let mut add = |subject: &dyn fmt::Display, detail: String| {
            violations.push(Violation {
                rule: Rule::Protected,
                subject: subject.to_string(),
                detail,
                could_not_tell: false,
            });
        };
        if caches.mx.possible(at).next().is_none() {
            add(&"MX", "the MX set was not observed".to_owned());
        }
        for mx in caches.mx.possible(at) {
            for host in mx.value.hosts() {
                match caches.tlsa.get(host) {
                    None => add(
                        host,
                        format!("MX {} names {host}, which has no TLSA records", mx.value),
                    ),
                    Some(tlsa) => {
                        let proven = &actors.get(host).tlsa;
                        for version in tlsa.possible(at) {
                            match &version.value {
                                TlsaSet::Absent => add(
                                    host,
                                    format!("a cache may hold that {host} has no TLSA records"),
                                ),
                                TlsaSet::Records(digest) if !proven.contains_key(digest) => add(
                                    host,
                                    format!(
                                        "it was not shown that the certificates of {host} match its TLSA records"
                                    ),
                                ),
                                TlsaSet::Records(_) => {}
                            }
                        }
                    }
                }
            }
        }
        let insecure = caches
            .delegation
            .possible(at)
            .any(|d| d.value == Delegation::Insecure);
        if insecure || caches.delegation.possible(at).next().is_none() {
            add(
                &"DS",
                "a cache may hold that the domain has no DS".to_owned(),
            );
        }
        if caches
            .keys
            .possible(at)
            .any(|k| k.value == ZoneKeys::Unsigned)
        {
            add(
                &"DNSKEY",
                "a cache may hold unsigned answers of the zone".to_owned(),
            );
        }
        violations
    })
}

/// The first instant, from `now` on, at which `judge` finds nothing.
///
/// What may be cached only changes where a cached version expires, so those instants are all that need
/// to be tried.
fn earliest(
    caches: &Caches,
    now: Timestamp,
    judge: impl Fn(Timestamp) -> Vec<Violation>,
) -> Verdict {
    let mut violations = judge(now);
    if violations.is_empty() {
        return Verdict::Now;
    }
    for until in expiries(caches, now) {
        violations = judge(until);
        if violations.is_empty() {
            let mut last = becauses(caches, now);
            last.retain(|because| because.until == until);
            return Verdict::NotBefore(until, last);
        }
    }
    Verdict::No(violations)
}

/// The instants at which a cached version will expire, in order.
fn expiries(caches: &Caches, now: Timestamp) -> BTreeSet<Timestamp> {
    fn of<T: Clone + PartialEq>(
        history: &History<T>,
        now: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        history.possible(now).filter_map(Version::expires)
    }
    let mut all: BTreeSet<_> = of(&caches.mx, now).collect();
    all.extend(of(&caches.keys, now));
    all.extend(of(&caches.delegation, now));
    all.extend(caches.tlsa.values().flat_map(|tlsa| of(tlsa, now)));
    all.extend(of(&caches.policy, now));
    all
}

/// Every cached version that will expire, with its reason.
fn becauses(caches: &Caches, now: Timestamp) -> Vec<Because> {
    let mut all = Vec::new();
    collect(&mut all, "MX", &caches.mx, now, ToString::to_string);
    collect(
        &mut all,
        "the zone's answers",
        &caches.keys,
        now,
        |k| match k {
            ZoneKeys::Unsigned => "unsigned".to_owned(),
            ZoneKeys::Signed(_) => "signed by an earlier key".to_owned(),
        },
    );
    collect(&mut all, "DS", &caches.delegation, now, |d| match d {
        Delegation::Insecure => "no DS".to_owned(),
        Delegation::Secure(_) => "an earlier DS".to_owned(),
    });
    for (host, tlsa) in &caches.tlsa {
        collect(
            &mut all,
            &format!("TLSA of {host}"),
            tlsa,
            now,
            |t| match t {
                TlsaSet::Absent => "no TLSA".to_owned(),
                TlsaSet::Records(digest) => format!("an earlier set, {digest}"),
            },
        );
    }
    collect(
        &mut all,
        "the MTA-STS policy",
        &caches.policy,
        now,
        |p| match p {
            Policy::NotEnforced => "none enforced".to_owned(),
            Policy::Enforced(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
                format!("enforcing {}", patterns.join(", "))
            }
        },
    );
    all
}

fn collect<T: Clone + PartialEq>(
    all: &mut Vec<Because>,
    rrset: &str,
    history: &History<T>,
    now: Timestamp,
    describe: impl Fn(&T) -> String,
) {
    for version in history.possible(now) {
        let Some(until) = version.expires() else {
            continue;
        };
        all.push(Because {
            rrset: rrset.to_owned(),
            version: describe(&version.value),
            until,
            seen: version.seen.clone(),
        });
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
