//! Durations as people write them: `90s`, `5m`, `1h30m`, `2d`. A unit is always needed, so that nobody has to guess.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3600),
    ('m', 60),
    ('s', 1),
];

/// The pattern for editors; the reader below is what decides.
pub const PATTERN: &str = "^([0-9]+[wdhms])+$";

/// A duration in whole seconds that is written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// Reads `90s`, `5m`, `1h30m`, `1d`, `2w`: larger units first, each at most once.
///
/// # Errors
/// A sentence, after a line break the help. Nothing of the text is repeated in it.
pub fn parse(text: &str) -> Result<Span, String> {
    const HELP: &str =
        "write a whole number and its unit: s, m, h, d or w, as in 90s, 5m, 1h30m, 1d";
    if text.is_empty() {
        return Err(format!("this is no duration\n{HELP}"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "this duration has no unit\nwrite {text}s if seconds are meant; {HELP}"
        ));
    }
    let mut total: u64 = 0;
    let mut largest = u64::MAX;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .chars()
            .next()
            .and_then(|c| UNITS.iter().find(|(name, _)| *name == c));
        let (Ok(number), Some((_, seconds))) = (number.parse::<u64>(), unit) else {
            return Err(format!("this is no duration\n{HELP}"));
        };
        if *seconds >= largest {
            return Err("the units of this duration are out of order\nwrite the larger unit first, each once, as in 1h30m".to_owned());
        }
        largest = *seconds;
        total = number
            .checked_mul(*seconds)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| "this duration is too long".to_owned())?;
        rest = &tail[1..];
    }
    Ok(Span::seconds(total))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, seconds) in UNITS.into_iter().filter(|(unit, _)| *unit != 'w') {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 90s, 5m, 1h or 1d")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                parse(text).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
                parse(&number.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "description": "A duration with its unit: 90s, 5m, 1h30m, 1d."
        })
    }
}
