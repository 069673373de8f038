//! Durations and instants as people read them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A duration in its two largest units: `850 ms`, `45 s`, `5 min 10 s`, `1 h 05 min`, `2 d 03 h`.
pub fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return match duration.as_millis() {
            0 => "0 s".to_owned(),
            few => format!("{few} ms"),
        };
    }
    // Half up, so that a countdown that starts at a minute says a minute.
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_millis() >= 500));
    let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let Some(index) = units.iter().position(|(_, size)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let (unit, size) = units[index];
    let (whole, rest) = (seconds / size, seconds % size);
    match units.get(index + 1) {
        Some((small, small_size)) if rest / small_size > 0 => {
            format!("{whole} {unit} {:02} {small}", rest / small_size)
        }
        _ => format!("{whole} {unit}"),
    }
}

/// From one instant to a later one; zero when it is not later.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from).max(SignedDuration::ZERO)).unwrap_or_default()
}

/// `in 5 min 10 s`, or `now` when the instant has passed.
pub fn from_now(until: Timestamp, now: Timestamp) -> String {
    match between(now, until) {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", duration(left)),
    }
}

/// `5 min 10 s ago`, or `just now`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    match between(at, now) {
        short if short < Duration::from_secs(1) => "just now".to_owned(),
        passed => format!("{} ago", duration(passed)),
    }
}

/// Something that happened: `2026-11-21 21:33:05 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Something to come. A part of a second is rounded up: nobody shall come back too early.
pub fn deadline(at: Timestamp) -> String {
    utc(whole_second(at))
}

/// `21:33:05Z`, for lines that come one after the other.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// The same instant by this machine's time zone, as in `2026-11-21 22:33:05 CET`; `None` where that is UTC.
pub fn local(at: Timestamp) -> Option<String> {
    local_in(at, TimeZone::system())
}

fn local_in(at: Timestamp, zone: TimeZone) -> Option<String> {
    let zoned = whole_second(at).to_zoned(zone);
    (zoned.offset().seconds() != 0).then(|| zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// Relative, absolute and local in one: `in 5 min (2026-11-21 21:33:05 UTC, 2026-11-21 22:33:05 CET here)`.
pub fn all_ways(until: Timestamp, now: Timestamp) -> String {
    let relative = from_now(until, now);
    match local(until) {
        Some(here) => format!("{relative} ({}, {here} here)", deadline(until)),
        None => format!("{relative} ({})", deadline(until)),
    }
}

/// The text with every instant in it (RFC 3339, as the engine writes them) in the form of [`deadline`].
pub fn tidy(text: &str) -> String {
    if !text.contains("Z") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches([' ', ',', ';', ':', '.', ')']);
        match bare.parse::<Timestamp>() {
            Ok(at) if bare.ends_with('Z') => {
                out.push_str(&deadline(at));
                out.push_str(&word[bare.len()..]);
            }
            _ => out.push_str(word),
        }
    }
    out
}

fn whole_second(at: Timestamp) -> Timestamp {
    let up = i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(at.as_second().saturating_add(up)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn durations_have_at_most_two_units() {
        let shown = |millis| duration(Duration::from_millis(millis));
        assert_eq!(shown(0), "0 s");
        assert_eq!(shown(850), "850 ms");
        assert_eq!(shown(1_400), "1 s");
        assert_eq!(shown(59_600), "1 min");
        assert_eq!(shown(310_000), "5 min 10 s");
        assert_eq!(shown(3_605_000), "1 h");
        assert_eq!(shown(3_900_000), "1 h 05 min");
        assert_eq!(shown(86_400_000 * 2 + 3 * 3_600_000), "2 d 03 h");
        assert!(duration(Duration::MAX).ends_with(" h"));
    }

    #[test]
    fn instants_are_absolute_and_never_too_early() {
        assert_eq!(
            deadline(at("2026-11-21T21:33:04.2Z")),
            "2026-11-21 21:33:05 UTC"
        );
        assert_eq!(
            deadline(at("2026-11-21T21:33:04Z")),
            "2026-11-21 21:33:04 UTC"
        );
        assert_eq!(clock(at("2026-11-21T21:33:04.9Z")), "21:33:04Z");
    }

    #[test]
    fn local_time_is_shown_only_where_it_differs() {
        assert_eq!(local_in(at("2026-11-21T21:33:05Z"), TimeZone::UTC), None);
        let west = TimeZone::fixed(jiff::tz::offset(-5));
        let shown = local_in(at("2026-11-21T01:00:00Z"), west).unwrap();
        assert!(shown.starts_with("2026-11-20 20:00:00"), "{shown}");
    }

    #[test]
    fn instants_within_a_text_are_tidied() {
        assert_eq!(
            tidy("MX until 2026-11-21T21:56:47.719715127Z: ns1 served it"),
            "MX until 2026-11-21 21:56:48 UTC: ns1 served it"
        );
        assert_eq!(tidy("Zone A.Z, then 12Z"), "Zone A.Z, then 12Z");
    }

    #[test]
    fn relative_times_never_go_below_now() {
        let (early, late) = (at("2026-11-21T21:00:00Z"), at("2026-11-21T21:05:10Z"));
        assert_eq!(from_now(late, early), "in 5 min 10 s");
        assert_eq!(from_now(early, late), "now");
        assert_eq!(ago(early, late), "5 min 10 s ago");
        assert_eq!(ago(late, early), "just now");
    }
}
