//! Windows by the week, by what the clocks of a place show.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Zone;

/// How far ahead an opening is looked for. Every window opens each week, unless clocks skip it: then the week after.
const AHEAD_DAYS: i32 = 22;

/// A day of the week.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// The whole week.
    pub const WEEK: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A time of day to the minute, from 00:00 to 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayTime(u16);

/// Why a text is no time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no time of day\nwrite hours and minutes, from 00:00 to 24:00, as in 20:00")]
pub struct DayTimeError;

impl DayTime {
    /// The day's beginning.
    pub const START: Self = Self(0);
    /// The day's end.
    pub const END: Self = Self(24 * 60);

    fn seconds(self) -> i32 {
        i32::from(self.0) * 60
    }
}

impl FromStr for DayTime {
    type Err = DayTimeError;

    fn from_str(text: &str) -> Result<Self, DayTimeError> {
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or(DayTimeError)?;
        let (hours, minutes) = (
            two(hours).ok_or(DayTimeError)?,
            two(minutes).ok_or(DayTimeError)?,
        );
        let time = Self(hours * 60 + minutes);
        if minutes > 59 || time > Self::END {
            return Err(DayTimeError);
        }
        Ok(time)
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for DayTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DayTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for DayTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
            "description": "A time of day: 20:00."
        })
    }
}

/// Open on these days from one time of day to another, by the clocks of one place.
///
/// An instant is in the window when clocks there show a time that is: where they are set forward over its beginning, it opens
/// at what they show next; where they are set back, the hour that comes twice is in it twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    days: Vec<Day>,
    from: DayTime,
    to: DayTime,
    zone: Zone,
}

impl Window {
    /// A window that opens on each of `days` at `from`. Where `to` is not later in the day, it ends on the day after.
    #[must_use]
    pub const fn new(days: Vec<Day>, from: DayTime, to: DayTime, zone: Zone) -> Self {
        Self {
            days,
            from,
            to,
            zone,
        }
    }

    /// Where.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    fn opens_on(&self, date: Date) -> bool {
        self.days.contains(&Day::of(date))
    }

    /// Whether it is open.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let shown = self.zone.get().to_datetime(at);
        let time = shown.time();
        let second = i32::from(time.hour()) * 3600
            + i32::from(time.minute()) * 60
            + i32::from(time.second());
        let (from, to) = (self.from.seconds(), self.to.seconds());
        let today = self.opens_on(shown.date());
        if from < to {
            return today && (from..to).contains(&second);
        }
        let since_yesterday = second < to
            && shown
                .date()
                .yesterday()
                .is_ok_and(|date| self.opens_on(date));
        (today && second >= from) || since_yesterday
    }

    /// The first instant after `at` that is in it and comes after one that is not; of an open window, the next opening.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.zone.get().to_datetime(at).date();
        let horizon = at
            .checked_add(SignedDuration::from_hours(24 * i64::from(AHEAD_DAYS)))
            .ok()?;
        let (hour, minute) = (self.from.0 / 60 % 24, self.from.0 % 60);
        let by_clock = (0..=AHEAD_DAYS)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .filter(|date| self.opens_on(*date))
            // Hours and minutes are below 24 and 60, so they fit.
            .map(|date| date.at(hour as i8, minute as i8, 0, 0))
            .flat_map(|shown| self.zone.instants(shown));
        // Clocks that are set may show a time within from one instant to the next.
        let by_setting = self
            .zone
            .get()
            .following(at)
            .map(|transition| transition.timestamp())
            .take_while(|instant| *instant <= horizon);
        by_clock
            .chain(by_setting)
            .filter(|instant| {
                *instant > at && self.contains(*instant) && !self.contains(before(*instant))
            })
            .min()
    }
}

/// The instant before, to the nanosecond.
fn before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at)
}
