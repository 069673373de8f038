//! Time zones by their IANA names.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time zone, as in `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Why a text is no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no such time zone\nwrite its IANA name, as in Europe/Berlin, America/New_York or UTC"
)]
pub struct ZoneError;

impl Zone {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone itself.
    #[must_use]
    pub const fn get(&self) -> &TimeZone {
        &self.0
    }

    /// Every instant at which clocks there show this. None in a gap, two where clocks are set back; in a gap, what the clock
    /// would show under either offset.
    pub(super) fn instants(&self, shown: DateTime) -> impl Iterator<Item = Timestamp> {
        let offsets = match self.0.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                [Some(before), Some(after)]
            }
        };
        let to_instant = move |offset: jiff::tz::Offset| offset.to_timestamp(shown).ok();
        offsets.into_iter().flatten().filter_map(to_instant)
    }

    /// An instant as it reads there: `Mon 2026-12-07 20:00 CET (Europe/Berlin)`.
    #[must_use]
    pub fn shown(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.0.clone());
        let name = self.name();
        if name == "UTC" {
            return zoned.strftime("%a %Y-%m-%d %H:%M UTC").to_string();
        }
        format!("{} ({name})", zoned.strftime("%a %Y-%m-%d %H:%M %Z"))
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        // What the database does not know by a plain name, as a path, is none.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if text.is_empty() || !text.chars().all(plain) {
            return Err(ZoneError);
        }
        TimeZone::get(text).map(Self).map_err(|_| ZoneError)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9/_+-]+$",
            "description": "A time zone by its IANA name: Europe/Berlin, America/New_York, UTC."
        })
    }
}
