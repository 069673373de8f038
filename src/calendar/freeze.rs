//! Freezes: from when to when no change is made, and why.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Zone;

/// No change is made in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// Why, in the words of whoever wrote it.
    pub reason: String,
    /// By whose clocks it was written.
    pub zone: Option<Zone>,
}

impl Freeze {
    /// A freeze as people write it. A date by itself is the whole day, the last one included. Where clocks are set, the
    /// longer freeze is meant.
    ///
    /// # Errors
    /// When a zone is needed and there is none, or it ends before it begins.
    pub fn new(
        from: Moment,
        to: Moment,
        reason: String,
        zone: Option<&Zone>,
    ) -> Result<Self, FreezeError> {
        let first = from.instants(zone)?.0;
        let last = match to {
            Moment::Day(date) => {
                let next = date.tomorrow().map_err(|_| FreezeError::OutOfRange)?;
                Moment::Day(next).instants(zone)?.1
            }
            other => other.instants(zone)?.1,
        };
        if last <= first {
            return Err(FreezeError::Backwards);
        }
        Ok(Self {
            from: first,
            to: last,
            reason,
            zone: zone.cloned(),
        })
    }

    /// Whether it lasts then.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change freeze lasts until ")?;
        match &self.zone {
            Some(zone) => f.write_str(&zone.shown(self.to))?,
            None => write!(f, "{}", self.to.strftime("%a %Y-%m-%d %H:%M UTC"))?,
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a freeze cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// A date or time of day means nothing without a place.
    #[error(
        "a date or time of day needs a time zone\nadd zone: Europe/Berlin, or write the offset, as in 2026-12-24T18:00+01:00"
    )]
    NoZone,
    /// It ends before it begins.
    #[error("the freeze ends before it begins\nfrom is its beginning, to its end")]
    Backwards,
    /// No calendar goes that far.
    #[error("this date is too far away\nwrite one that people may live to see")]
    OutOfRange,
}

/// A date, a date with a time of day, or an instant, as people write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `2026-12-24`.
    Day(Date),
    /// `2026-12-24T18:00`, by the clocks of a place.
    Local(DateTime),
    /// `2026-12-24T18:00+01:00`, or with Z.
    Instant(Timestamp),
}

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no date and no time\nwrite a date, as in 2026-12-24, with a time of day, as in 2026-12-24T18:00, or with an offset, as in 2026-12-24T18:00+01:00"
)]
pub struct MomentError;

impl Moment {
    /// The first and the last instant that it may mean: they differ only where clocks are set.
    fn instants(self, zone: Option<&Zone>) -> Result<(Timestamp, Timestamp), FreezeError> {
        let shown = match self {
            Self::Instant(at) => return Ok((at, at)),
            Self::Day(date) => date.to_datetime(jiff::civil::Time::midnight()),
            Self::Local(shown) => shown,
        };
        let zone = zone.ok_or(FreezeError::NoZone)?;
        let meant = || zone.instants(shown);
        match (meant().min(), meant().max()) {
            (Some(first), Some(last)) => Ok((first, last)),
            _ => Err(FreezeError::OutOfRange),
        }
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        // Years of four digits and nothing that a parser may add in brackets: what editors' schemas allow.
        let plain = |b: u8| b.is_ascii_digit() || b"-:+TZ .".contains(&b);
        if text.len() < 10
            || !text.bytes().all(plain)
            || !text.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(MomentError);
        }
        if text.len() == 10 {
            return text.parse().map(Self::Day).map_err(|_| MomentError);
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::Instant(at));
        }
        // A time of day with an offset that is none would be read without it.
        if text[10..].contains(['+', '-', 'Z']) {
            return Err(MomentError);
        }
        text.parse().map(Self::Local).map_err(|_| MomentError)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => date.fmt(f),
            Self::Local(shown) => shown.fmt(f),
            Self::Instant(at) => at.fmt(f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
            "description": "A date, alone (2026-12-24) or with a time of day (2026-12-24T18:00), which may have an offset (2026-12-24T18:00+01:00)."
        })
    }
}
