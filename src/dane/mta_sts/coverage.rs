//! Which hosts a policy covers, now and after the move, and what to publish where it does not.

use serde::{Deserialize, Serialize};

use super::policy::{Line, Mode, Policy, lines, matches};
use crate::dns::{Name, normal};

/// The zone in which Microsoft names the hosts that do DANE.
const NEW_ZONE: &str = "mx.microsoft";

/// What a policy covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The policy's mode: with `enforce`, mail to a host that is not covered waits and then bounces.
    pub mode: Mode,
    /// The hosts of the MX set, in the order given.
    pub hosts: Vec<HostCover>,
    /// The host under `mx.microsoft` that the domain will have.
    pub future: Future,
    /// Patterns that look meant for hosts under `mx.microsoft` and cover none: `*.mx.microsoft` stands for one label
    /// only, and those hosts have two in front (RFC 8461, 4.1).
    pub traps: Vec<Name>,
    /// The `mx` values to publish instead, all of them: those that are good, then what is missing. Without a known
    /// future host, what is missing for it cannot be named yet. The same as the policy's where nothing is to be done.
    pub publish: Vec<Name>,
    /// The whole policy to publish, with the mode and lifetime as they are.
    pub body: String,
}

impl Coverage {
    /// The hosts now that are not covered.
    pub fn uncovered(&self) -> impl Iterator<Item = &Name> {
        self.hosts
            .iter()
            .filter(|h| h.by.is_none())
            .map(|h| &h.host)
    }
}

/// A host and what covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCover {
    /// The host.
    pub host: Name,
    /// The first pattern that covers it.
    pub by: Option<Name>,
}

/// The host to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Future {
    /// The name is known.
    Known(HostCover),
    /// Microsoft has not assigned the name yet: `<label>.<letter>-v1.mx.microsoft`, of which nothing can be computed.
    NotYetNamed {
        /// Patterns that will cover it if it falls there: for a partition (`*.o-v1.mx.microsoft`) or for one host.
        perhaps: Vec<Name>,
    },
}

/// Which of the domain's hosts a policy covers: those in the MX set now, and the one that Microsoft has assigned or will
/// assign (`new_host`; `None` as long as it is not known).
#[must_use]
pub fn coverage(policy: &Policy, hosts: &[&str], new_host: Option<&str>) -> Coverage {
    let cover = |host: &str| HostCover {
        host: normal(host),
        by: policy.patterns.iter().find(|p| matches(p, host)).cloned(),
    };
    let covers: Vec<HostCover> = hosts.iter().map(|host| cover(host)).collect();
    let new_host = new_host
        .map(normal)
        .or_else(|| hosts.iter().map(|h| normal(h)).find(|h| is_new(h)));
    let future = match &new_host {
        Some(host) => Future::Known(cover(host)),
        None => Future::NotYetNamed {
            perhaps: policy
                .patterns
                .iter()
                .filter(|p| is_new(p))
                .cloned()
                .collect(),
        },
    };
    let needed = |pattern: &Name| covers.iter().any(|c| c.by.as_ref() == Some(pattern));
    let traps: Vec<Name> = policy
        .patterns
        .iter()
        .filter(|p| is_trap(p) && !needed(p))
        .cloned()
        .collect();
    let mut publish: Vec<Name> = Vec::new();
    let kept = policy.patterns.iter().filter(|p| !traps.contains(p));
    let missing = covers
        .iter()
        .filter(|c| c.by.is_none())
        .map(|c| &c.host)
        .chain(new_host.as_ref().filter(|host| !policy.allows(host)));
    for pattern in kept.chain(missing) {
        if !publish.contains(pattern) {
            publish.push(pattern.clone());
        }
    }
    // Without any pattern it would be no policy; a trap does no harm, it only does not help.
    if publish.is_empty() {
        publish.clone_from(&policy.patterns);
    }
    let body = rewrite(policy, &publish);
    Coverage {
        mode: policy.mode,
        hosts: covers,
        future,
        traps,
        publish,
        body,
    }
}

/// Two labels before the zone, as `x.o-v1.mx.microsoft` or `*.o-v1.mx.microsoft` has.
fn is_new(pattern: &str) -> bool {
    before_zone(pattern).is_some_and(|labels| labels.split('.').count() == 2)
}

/// Names Microsoft's zone without naming hosts in it.
fn is_trap(pattern: &str) -> bool {
    pattern == NEW_ZONE
        || pattern == "*.microsoft"
        || before_zone(pattern).is_some_and(|labels| labels == "*" || is_partition(labels))
}

/// What is before `.mx.microsoft`.
fn before_zone(pattern: &str) -> Option<&str> {
    pattern.strip_suffix(NEW_ZONE)?.strip_suffix('.')
}

/// A partition without the host in front: `o-v1`.
fn is_partition(label: &str) -> bool {
    label.split_once("-v").is_some_and(|(letter, version)| {
        letter.len() == 1
            && letter.bytes().all(|b| b.is_ascii_lowercase())
            && !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The policy with other `mx` lines, in the place of the first of the old ones; other fields stay.
fn rewrite(policy: &Policy, patterns: &[Name]) -> String {
    let mut out = String::new();
    let mut push = |line: &str| {
        out.push_str(line);
        out.push_str("\r\n");
    };
    let mut written = false;
    let mut all = |push: &mut dyn FnMut(&str)| {
        if !std::mem::replace(&mut written, true) {
            for pattern in patterns {
                push(&format!("mx: {pattern}"));
            }
        }
    };
    for line in lines(&policy.body) {
        match line {
            Line::Field("mx", _) => all(&mut push),
            Line::Empty => {}
            line => push(&line.text()),
        }
    }
    all(&mut push);
    out
}
