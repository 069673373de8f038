//! The `timing:` part: allowances that the DNS does not tell, and how often to look.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::duration::Span;

/// Durations that go into waits, and estimates that go into plans. Every one is written with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// The smallest TTL that resolvers keep, since some raise small ones. No wait for a cache is shorter.
    pub resolver_floor: Span,
    /// Added to each wait for a cache: rounding of TTLs and clock errors.
    pub margin: Span,
    /// Added after a change is visible on every address that can be asked, for anycast nodes that cannot.
    pub anycast_margin: Span,
    /// The largest TTL in the zone, where the provider cannot list it. The wait between signing and the DS rests on it.
    pub zone_largest_ttl: Span,
    /// How often to look again while something is expected; less often, down to every five minutes, the longer it takes.
    pub poll: Span,
    /// After how long an expected effect that is not seen becomes a finding.
    pub overdue: Span,
    /// Until when senders may act on an earlier MTA-STS policy: `record`, the TTL of the id record, since a sender
    /// looks for a newer policy before it fails for good (RFC 8461 section 5.1); `max-age`, the policy's own.
    pub mta_sts: PolicyLife,
    /// Estimate for plans: how long Microsoft takes to assign the new host.
    pub usual_cmdlet: Span,
    /// Estimate for plans: how long Microsoft takes to publish TLSA records (its page says 15 to 30 minutes).
    pub usual_tlsa: Span,
    /// Estimate for plans: how long a change takes to show on all authoritative servers.
    pub usual_propagation: Span,
    /// Estimate for plans: how long a DS takes from the registrar to the parent zone.
    pub usual_delegation: Span,
}

/// How long an earlier MTA-STS policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLife {
    /// Until the TTL of its id record is over.
    #[default]
    Record,
    /// Until its `max_age` is over.
    MaxAge,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            resolver_floor: Span::seconds(300),
            margin: Span::seconds(5),
            anycast_margin: Span::seconds(0),
            zone_largest_ttl: Span::seconds(86_400),
            poll: Span::seconds(10),
            overdue: Span::seconds(3600),
            mta_sts: PolicyLife::Record,
            usual_cmdlet: Span::seconds(180),
            usual_tlsa: Span::seconds(1800),
            usual_propagation: Span::seconds(60),
            usual_delegation: Span::seconds(3600),
        }
    }
}

impl Timing {
    /// The longest that any of them may be: a year.
    pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

    /// Each key with its value, its smallest and its largest allowed value.
    pub(super) fn bounds(&self) -> [(&'static str, Span, Span, Span); 10] {
        let year = Span(Self::LONGEST);
        let hour = Span::seconds(3600);
        let zero = Span::seconds(0);
        let second = Span::seconds(1);
        [
            (
                "resolver_floor",
                self.resolver_floor,
                zero,
                Span::seconds(86_400),
            ),
            ("margin", self.margin, zero, hour),
            (
                "anycast_margin",
                self.anycast_margin,
                zero,
                Span::seconds(86_400),
            ),
            ("zone_largest_ttl", self.zone_largest_ttl, second, year),
            ("poll", self.poll, second, hour),
            ("overdue", self.overdue, second, year),
            ("usual_cmdlet", self.usual_cmdlet, zero, year),
            ("usual_tlsa", self.usual_tlsa, zero, year),
            ("usual_propagation", self.usual_propagation, zero, year),
            ("usual_delegation", self.usual_delegation, zero, year),
        ]
    }
}
