//! The legacy host: while any cache may still name it, it has to be there.
//!
//! Microsoft does not say when it goes (`microsoft.md` 1.1), so it is looked at before each step that relies on it. When it
//! goes away too early, the run stops with an alarm. What may still be changed is what lessens how much senders rely on it,
//! as far as the kernel calls that safe.

use jiff::Timestamp;

use super::memory::silent;
use super::reply::Refusal;
use super::{Context, Finding, Stage, catalogue, preflight};
use crate::kernel::{Accepts, Host, Reliance, Verdict, reliance, retire};
use crate::playbook::{Goal, StepKind};
use crate::world::{Action, Fact, HostFacts, MxRrset, SmtpOutcome};

/// How a host stands, as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It takes mail.
    Serves,
    /// Its name does not exist.
    Gone,
    /// Its name has no address.
    NoAddress,
    /// No address answers.
    Silent(String),
    /// It answers, and takes no mail for the domain.
    Refuses(String),
    /// It could not be told (S7).
    Unknown(String),
}

impl Standing {
    /// How a host stands.
    pub(super) fn of(fact: Option<&Fact<HostFacts>>) -> Self {
        let facts = match fact {
            Some(Fact::Known { value, .. }) => value,
            Some(other) => return Self::Unknown(other.why_unknown().to_owned()),
            None => return Self::Unknown("it was not asked".to_owned()),
        };
        if !facts.exists {
            return Self::Gone;
        }
        if facts.addresses.is_empty() {
            return Self::NoAddress;
        }
        if facts.probed_at.is_none() {
            return Self::Unknown("port 25 was not asked yet".to_owned());
        }
        Self::of_addresses(facts)
    }

    fn of_addresses(facts: &HostFacts) -> Self {
        let seen = |wanted: fn(&SmtpOutcome) -> Option<String>| {
            facts.addresses.iter().find_map(|address| {
                wanted(&address.smtp).map(|what| format!("{}: {what}", address.address))
            })
        };
        // One address that refuses for good loses mail, whatever the others do.
        let refuses = seen(|smtp| match smtp {
            SmtpOutcome::Rejected { reply } | SmtpOutcome::Deferred { reply } => {
                let refusal = Refusal::of(reply);
                matches!(refusal, Refusal::WrongPlace | Refusal::ForGood)
                    .then(|| format!("{}: {reply}", refusal.meaning()))
            }
            _ => None,
        });
        if let Some(how) = refuses {
            return Self::Refuses(how);
        }
        let serves = facts.addresses.iter().any(|address| {
            matches!(
                address.smtp,
                SmtpOutcome::Accepted { .. } | SmtpOutcome::NoTls { .. }
            )
        });
        if serves {
            return Self::Serves;
        }
        let passing = seen(|smtp| match smtp {
            SmtpOutcome::Rejected { reply } | SmtpOutcome::Deferred { reply } => {
                Some(format!("{}: {reply}", Refusal::of(reply).meaning()))
            }
            _ => None,
        });
        match passing {
            Some(how) => Self::Unknown(how),
            None => Self::Silent(
                seen(|smtp| match smtp {
                    SmtpOutcome::Unreached { why } => Some(why.clone()),
                    SmtpOutcome::Closed => Some("connection refused".to_owned()),
                    _ => None,
                })
                .unwrap_or_default(),
            ),
        }
    }
}

/// The legacy host went away, or whether it is there could not be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    host: Host,
    finding: Finding,
    /// It is known to be away; otherwise nobody could tell.
    proven: bool,
}

impl Alarm {
    /// The alarm that is due for a step of this goal, if any.
    #[must_use]
    pub fn of(goal: Goal, cx: &Context<'_>) -> Option<Self> {
        // Before the first change, preflight reports its hosts among its other findings.
        if goal.kind() == StepKind::Preflight
            || goal.kind().is_first_aid()
            || !cx.memory.way_back_kept
        {
            return None;
        }
        // What is proven weighs more than what could not be told.
        cx.hosts()
            .filter(|host| is_legacy(cx, host))
            .filter_map(|host| alarm(cx, host))
            .min_by(|a, b| (!a.proven, &a.host).cmp(&(!b.proven, &b.host)))
    }

    /// Whether the host is known to be away.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// What is reported.
    #[must_use]
    pub fn finding(&self) -> Finding {
        self.finding.clone()
    }

    /// What is reported beside the gate that stands before the change that would help.
    #[must_use]
    pub fn at_gate(&self, cx: &Context<'_>, gate: &str) -> Finding {
        let mut finding = self.finding.clone();
        finding.mend = format!(
            "{}; it waits for you at the gate `{gate}`: rollout approve {} {gate}",
            finding.mend, cx.setup.domain
        );
        finding
    }

    /// Whether this action, if the kernel calls it safe, makes senders rely less on the host, or shortens how long caches
    /// keep naming it.
    #[must_use]
    pub fn is_lessened_by(&self, cx: &Context<'_>, action: &Action) -> bool {
        let Action::WriteMx { before, after } = action else {
            return false;
        };
        let weight = |mx: &MxRrset| (reliance(&mx.set, &self.host, &cx.memory.actors), mx.ttl);
        weight(after) < weight(before)
    }

    /// Whether it belongs beside these findings: always when it is proven, else where the kernel could not tell either.
    #[must_use]
    pub fn explains(&self, findings: &[Finding]) -> bool {
        self.proven || findings.iter().any(|f| f.id.starts_with("safety."))
    }

    /// Whether an action needs the host: the change itself, or the way back from it.
    #[must_use]
    pub fn concerns(&self, cx: &Context<'_>, action: &Action) -> bool {
        match action {
            Action::WriteMx { before, .. } => cx.stage_of(&before.set) != Some(Stage::Removed),
            _ => false,
        }
    }
}

/// Whether this is a host of the way in that the move leaves. A host that somebody else listed meanwhile is none: that is
/// a conflict, and the caches it is in are the kernel's to judge. Nor is a gateway: no move leaves one.
fn is_legacy(cx: &Context<'_>, host: &Host) -> bool {
    Some(host) != cx.memory.new_host.as_ref()
        && cx
            .original()
            .is_none_or(|original| original.set.hosts().any(|known| known == host))
        && preflight::is_legacy_host(host)
}

/// The hosts that a cache may name and that are not what the move leads to.
pub(super) fn relied_on<'a>(cx: &Context<'a>) -> impl Iterator<Item = &'a Host> {
    cx.hosts().filter(|host| is_legacy(cx, host))
}

/// Since when this legacy host is known to be away, if it is: then the way back to it, and waiting for its sake, are moot.
pub(super) fn away_since(cx: &Context<'_>, host: &Host) -> Option<Timestamp> {
    let since = *cx.memory.away_since.get(host)?;
    if !cx.memory.way_back_kept || !is_legacy(cx, host) {
        return None;
    }
    let proven = alarm(cx, host).is_some_and(|alarm| alarm.proven);
    proven.then_some(since)
}

fn alarm(cx: &Context<'_>, host: &Host) -> Option<Alarm> {
    let (rule, how, proven) = match Standing::of(cx.facts.hosts.get(host)) {
        Standing::Serves => return None,
        Standing::Gone => (
            &catalogue::LEGACY_GONE,
            "its name does not exist any more (NXDOMAIN)".to_owned(),
            true,
        ),
        Standing::NoAddress => (
            &catalogue::LEGACY_NO_ADDRESS,
            "its name has no address any more".to_owned(),
            true,
        ),
        Standing::Refuses(how) => (&catalogue::LEGACY_REFUSES, how, true),
        Standing::Silent(_) if !cx.setup.probe_required => return None,
        Standing::Silent(how) if is_dead(cx, host) => (
            &catalogue::LEGACY_SILENT,
            format!("none of its addresses answers on port 25 ({how}), others do"),
            true,
        ),
        Standing::Silent(how) => (
            &catalogue::LEGACY_UNKNOWN,
            format!("none of its addresses answers on port 25 from here ({how})"),
            false,
        ),
        Standing::Unknown(how) => (&catalogue::LEGACY_UNKNOWN, how, false),
    };
    let finding = if proven {
        rule.found(format!(
            "the legacy host {host}: {how}. {}",
            effect(cx, host)
        ))
        .mending(advice(cx, host))
    } else {
        rule.found(format!(
            "whether the legacy host {host} takes mail could not be told: {how}"
        ))
    };
    let finding = finding.about(host.as_str());
    Some(Alarm {
        host: host.clone(),
        finding,
        proven,
    })
}

/// A host that has been silent for a while from a place where another host answers.
fn is_dead(cx: &Context<'_>, host: &Host) -> bool {
    let Some(since) = cx.memory.away_since.get(host) else {
        return false;
    };
    let long = cx.now.duration_since(*since).unsigned_abs() >= cx.setup.settle;
    let others_answer = cx.facts.hosts.iter().any(|(other, fact)| {
        other != host
            && fact
                .known()
                .is_some_and(|facts| facts.probed_at.is_some() && !silent(facts))
    });
    long && others_answer
}

/// What it means for mail, over every version that a cache may hold.
fn effect(cx: &Context<'_>, host: &Host) -> String {
    let actors = &cx.memory.actors;
    let worst = cx
        .memory
        .caches
        .mx
        .possible(cx.now)
        .map(|version| (reliance(&version.value, host, actors), &version.value))
        .max_by_key(|(reliance, _)| *reliance);
    let rejects = actors.get(host).accepts == Accepts::Rejects;
    match worst {
        None | Some((Reliance::None, _)) => "No cache names it any more.".to_owned(),
        Some((Reliance::Fallback, mx)) => format!(
            "Senders that hold MX {mx} have it as a fallback only: their mail arrives while the first host takes it."
        ),
        Some((_, mx)) if rejects => {
            format!("Senders that hold MX {mx} are refused by it: their mail bounces.")
        }
        Some((Reliance::First, mx)) => format!(
            "Senders that hold MX {mx} try it first and in vain, then go on to the next host: their mail arrives later."
        ),
        Some((Reliance::Only, mx)) => format!(
            "Senders that hold MX {mx} find no other host that is known to take mail: their mail waits."
        ),
    }
}

/// What is safe now.
fn advice(cx: &Context<'_>, host: &Host) -> String {
    let domain = &cx.setup.domain;
    let new_takes_mail = cx
        .memory
        .new_host
        .as_ref()
        .is_some_and(|new| cx.memory.actors.get(new).accepts == Accepts::Yes);
    let no_return = format!("do not go back: that way leads to {host}");
    match cx.stage() {
        _ if !new_takes_mail => format!(
            "nothing in DNS helps as long as no new host takes mail. Look whether {domain} is still an accepted domain, and open a ticket at Microsoft with the evidence below; {no_return}"
        ),
        Some(Stage::Original) => format!(
            "adding the new host is safe and helps: the run does that and nothing else. Run again; {no_return}"
        ),
        Some(Stage::Added) => format!(
            "swapping is safe and helps, so the run does not wait out the soak and does that and nothing else. Run again; {no_return}"
        ),
        Some(Stage::Swapped) => format!(
            "no sender with fresh records prefers it. Run again: when it has stayed away for as long as the soak lasts, removing it is safe; {no_return}"
        ),
        Some(Stage::Removed) | None => match retire(&cx.memory.caches, host, cx.now) {
            Verdict::NotBefore(until, because) => {
                let last = because
                    .first()
                    .map(|because| format!(" ({because})"))
                    .unwrap_or_default();
                format!(
                    "nothing in DNS helps any more: the last copy that names it expires at {}{last}. Run again then; {no_return}",
                    crate::kernel::utc(until)
                )
            }
            _ => format!(
                "a server still serves an MX RRset that names it, or one is on its way: see that all of them serve the same, then run again; {no_return}"
            ),
        },
    }
}
