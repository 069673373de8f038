//! The rules that hold over every combination of cached versions (I1 to I5).
//!
//! RRsets are atomic, so a sender sees one version of each; different RRsets vary independently, so every
//! member of their product is a sender that exists somewhere.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::caches::{
    Accepts, Actors, Caches, Delegation, Host, Mx, MxSet, Policy, TlsaSet, ZoneKeys,
};

/// The invariants, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// I1: some listed MX takes the mail, and the preferred one that answers never says 5xx.
    Reachable,
    /// I2: a DS is only believed where the zone is signed by a key it names.
    NeverBogus,
    /// I3: no published TLSA set rejects the host's certificate.
    NoTlsaMismatch,
    /// I4: an enforcing MTA-STS policy admits a host that takes the mail.
    PolicyAdmits,
    /// I5: the MX set is well formed.
    WellFormed,
    /// I6: the original MX set could be written back safely.
    WayBack,
    /// I7: protected by DANE in every combination.
    Protected,
}

/// A combination of cached versions in which a rule does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What it concerns: an MX set, a host, a key; part of the violation's identity.
    pub subject: String,
    /// The combination, in words.
    pub detail: String,
    /// The rule is not known to be broken: it could not be told.
    pub could_not_tell: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Collects violations; the same rule and subject count once, with the first combination found.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: Rule, subject: impl fmt::Display, detail: String) {
        self.push(rule, subject, detail, false);
    }

    fn push(
        &mut self,
        rule: Rule,
        subject: impl fmt::Display,
        detail: String,
        could_not_tell: bool,
    ) {
        let subject = subject.to_string();
        if !self
            .0
            .iter()
            .any(|v| v.rule == rule && v.subject == subject)
        {
            self.0.push(Violation {
                rule,
                subject,
                detail,
                could_not_tell,
            });
        }
    }
}

/// Judges I1 to I5 over every combination that caches may hold at `at`.
#[must_use]
pub fn check(caches: &Caches, actors: &Actors, at: Timestamp) -> Vec<Violation> {
    let mut found = Findings::default();
    for mx in caches.mx.possible(at) {
        well_formed(&mx.value, &mut found);
        reachable(&mx.value, actors, &mut found);
        for policy in caches.policy.possible(at) {
            policy_admits(&mx.value, &policy.value, actors, &mut found);
        }
        for host in mx.value.hosts() {
            no_mismatch(caches, actors, host, at, &mut found);
        }
    }
    for delegation in caches.delegation.possible(at) {
        for keys in caches.keys.possible(at) {
            never_bogus(&delegation.value, &keys.value, &mut found);
        }
    }
    found.0
}

fn reachable(mx: &MxSet, actors: &Actors, found: &mut Findings) {
    if mx.is_empty() || mx.is_null() {
        return; // Judged by `well_formed`.
    }
    let mut unknown = Vec::new();
    let mut rest = mx.iter().peekable();
    // A sender tries equal preferences in random order, so each of a group may be the first it meets.
    while let Some(first) = rest.next() {
        let (mut takes, mut next) = (false, Some(first));
        while let Some(Mx { host, .. }) = next {
            match actors.get(host).accepts {
                Accepts::Rejects => {
                    found.add(
                        Rule::Reachable,
                        mx,
                        format!(
                            "a sender holding MX {mx} is refused for good by {host}: its mail bounces"
                        ),
                    );
                    return;
                }
                Accepts::Yes => takes = true,
                Accepts::Unknown => unknown.push(host.as_str()),
                Accepts::Down => {}
            }
            next = rest.next_if(|next| next.preference == first.preference);
        }
        if takes {
            return;
        }
    }
    let detail = if unknown.is_empty() {
        format!("a sender holding MX {mx} reaches no host that takes the mail")
    } else {
        format!(
            "it could not be shown that any host of MX {mx} takes the mail ({})",
            unknown.join(", ")
        )
    };
    found.push(Rule::Reachable, mx, detail, !unknown.is_empty());
}

fn never_bogus(delegation: &Delegation, keys: &ZoneKeys, found: &mut Findings) {
    let Delegation::Secure(wanted) = delegation else {
        return;
    };
    match keys {
        ZoneKeys::Unsigned => found.add(
            Rule::NeverBogus,
            "unsigned",
            "a validator holding the DS and an unsigned answer calls the domain bogus".to_owned(),
        ),
        ZoneKeys::Signed(have) if have.is_disjoint(wanted) => found.add(
            Rule::NeverBogus,
            join(wanted),
            format!(
                "the DS ({}) names none of the keys that sign the zone ({})",
                join(wanted),
                join(have)
            ),
        ),
        ZoneKeys::Signed(_) => {}
    }
}

fn join(keys: &BTreeSet<super::KeyId>) -> String {
    keys.iter()
        .map(|key| key.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn no_mismatch(caches: &Caches, actors: &Actors, host: &Host, at: Timestamp, found: &mut Findings) {
    let Some(tlsa) = caches.tlsa.get(host) else {
        return;
    };
    let state = actors.get(host);
    for version in tlsa.possible(at) {
        if let TlsaSet::Records(digest) = &version.value
            && state.tlsa.get(digest) == Some(&false)
        {
            found.add(
                Rule::NoTlsaMismatch,
                host,
                format!(
                    "a DANE sender refuses {host}: its certificate does not match the TLSA set {digest}"
                ),
            );
        }
    }
}

fn policy_admits(mx: &MxSet, policy: &Policy, actors: &Actors, found: &mut Findings) {
    let Policy::Enforced(patterns) = policy else {
        return;
    };
    let admitted = mx.hosts().any(|host| {
        let state = actors.get(host);
        policy.admits(host) && state.accepts == Accepts::Yes && state.web_pki != Some(false)
    });
    if !admitted {
        let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
        found.add(
            Rule::PolicyAdmits,
            mx,
            format!(
                "a sender bound by the enforcing MTA-STS policy ({}) has no host to deliver to in MX {mx}",
                patterns.join(", ")
            ),
        );
    }
}

fn well_formed(mx: &MxSet, found: &mut Findings) {
    for (index, host) in mx.hosts().enumerate() {
        if mx.hosts().take(index).any(|earlier| earlier == host) {
            found.add(
                Rule::WellFormed,
                mx,
                format!("{host} is listed twice in MX {mx}"),
            );
        }
    }
    if mx.is_empty() {
        found.add(
            Rule::WellFormed,
            mx,
            "the domain has no MX record: senders fall back to its address".to_owned(),
        );
    } else if mx.is_null() {
        found.add(
            Rule::WellFormed,
            mx,
            "a null MX says that the domain takes no mail".to_owned(),
        );
    }
}
