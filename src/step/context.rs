//! What a step may look at.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Memory, MtaSts, Stage};
use crate::calendar::Calendar;
use crate::kernel::{Host, MxSet, Timing};
use crate::world::{DelegationBy, Facts, MxRrset, Needs, ZoneFacts};

/// What does not change while a run lasts: the domain file's wishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The domain whose mail moves.
    pub domain: Host,
    /// False where a port 25 that is blocked here must not stop the run.
    pub probe_required: bool,
    /// A person runs the cmdlets.
    pub manual_exchange: bool,
    /// How the DS reaches the parent.
    pub delegation: DelegationBy,
    /// How much longer than its TTL a record lives.
    pub timing: Timing,
    /// Largest TTL of the zone where the provider cannot list it, in seconds.
    pub zone_largest_ttl: u32,
    /// Whether a changed MTA-STS policy counts only when the old one's `max_age` is over, instead of when
    /// the id record's TTL is.
    pub strict_mta_sts: bool,
    /// How long an unknown change of a record has to show before it counts as lost.
    pub settle: Duration,
    /// The same for a cmdlet, which the service may still be running (15 minutes at most, Microsoft's limit).
    pub settle_cmdlet: Duration,
    /// After how long something that others should have done is called overdue.
    pub overdue: Duration,
    /// Where reports on TLS shall go, as it stands after `rua=`.
    #[serde(default)]
    pub tls_reports: Option<String>,
    /// Who publishes the MTA-STS policy, and what it does during the move.
    #[serde(default)]
    pub mta_sts: MtaSts,
    /// When changes may be made.
    #[serde(default)]
    pub change: Calendar,
}

/// Everything a step may look at. It has no clock: `now` is given.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The domain file's wishes.
    pub setup: &'a Setup,
    /// What was observed.
    pub facts: &'a Facts,
    /// What cannot be observed again.
    pub memory: &'a Memory,
    /// The step's id, for what memory keeps per step.
    pub step: &'a str,
    /// The instant of the decision.
    pub now: Timestamp,
}

impl<'a> Context<'a> {
    /// The zone as observed.
    #[must_use]
    pub fn zone(&self) -> Option<&'a ZoneFacts> {
        self.facts.zone.known()
    }

    /// The MX set as it was found when the run started.
    #[must_use]
    pub fn original(&self) -> Option<&'a MxRrset> {
        self.memory.original.as_ref()
    }

    /// The stage of a set.
    #[must_use]
    pub fn stage_of(&self, set: &MxSet) -> Option<Stage> {
        Stage::of(set, &self.original()?.set, self.memory.new_host.as_ref())
    }

    /// The stage every authoritative address agrees on.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.stage_of(&self.zone()?.agreed_mx()?.set)
    }

    /// The hosts that count now, as [`Memory::hosts`](super::Memory::hosts) has them.
    pub fn hosts(&self) -> impl Iterator<Item = &'a Host> + use<'a> {
        self.memory.hosts(self.now)
    }

    /// What every step that touches the MX set needs: the zone, the policy, and every host a cache may name.
    #[must_use]
    pub fn needs_to_write_mx(&self) -> Needs {
        Needs {
            zone: true,
            policy: true,
            smtp: true,
            hosts: self.memory.set_of_hosts(self.now),
            ..Needs::default()
        }
    }

    /// The lowest TTL the zone takes that is not below `wanted`.
    #[must_use]
    pub fn ttl(&self, wanted: u32) -> u32 {
        match self.facts.provider.known() {
            Some(provider) => wanted.clamp(provider.ttl_min, provider.ttl_max),
            None => wanted,
        }
    }
}
