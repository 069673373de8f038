//! When to ask again: `Retry-After` in all its forms, and pauses that grow with jitter.

use std::time::Duration;

use jiff::Timestamp;

use super::settings::Limits;

/// How long the service wishes us to stay away: `Retry-After`, and where that is missing or unreadable `Rate-Limit-Reset`
/// when nothing remains (`microsoft.md` 3.6). `header` gives an answer's header by its name in lower case.
#[must_use]
pub fn wish<'a>(header: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Option<Duration> {
    let date = header("date");
    let after = header("retry-after").and_then(|text| retry_after(text, date, now));
    after.or_else(|| {
        let remains = header("rate-limit-remaining").and_then(|text| text.trim().parse().ok());
        if remains.is_some_and(|left: f64| left > 0.0) {
            return None;
        }
        until(header("rate-limit-reset")?, date, now)
    })
}

/// Reads a `Retry-After` header: seconds, also fractional, or a date (RFC 9110 section 10.2.3).
///
/// A date is compared with the answer's own `Date`, if it has one, so that a wrong clock here does not matter.
/// `None` when it is neither; a negative or past one is zero.
#[must_use]
pub fn retry_after(header: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        if seconds.is_nan() {
            return None;
        }
        return Some(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST)));
    }
    until(header, date, now)
}

/// More than a day is as good as a day, and cannot overflow.
const LONGEST: f64 = 86_400.0;

/// The time until a date, by the service's own clock where it told it.
fn until(text: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    // A date of RFC 3339 is none of HTTP's forms, but it is what Rate-Limit-Reset holds.
    let until = http_date(text).or_else(|| text.trim().parse().ok())?;
    let now = date.and_then(http_date).unwrap_or(now);
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(Duration::from_secs_f64(LONGEST)))
}

/// Reads an HTTP date in each of the three forms that a recipient must accept (RFC 9110 section 5.6.7):
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(date) = jiff::fmt::rfc2822::DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(text)
    {
        return Some(date);
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| jiff::civil::DateTime::strptime(form, text).ok())
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|date| date.timestamp())
}

/// The pause before attempt `next` (2 is the first repeat): the service's wish if it had one, else doubling, with jitter.
///
/// `None` when the service asks for more than we sleep here; then the caller gets the wish instead.
#[must_use]
pub fn pause(limits: &Limits, next: u32, wish: Option<Duration>) -> Option<Duration> {
    if let Some(wish) = wish {
        // Up to a tenth more, so that many runs told the same time do not come back at once.
        return (wish <= limits.longest_pause).then(|| wish + jitter(wish / 10));
    }
    let doubled = limits
        .backoff
        .saturating_mul(1 << next.saturating_sub(2).min(16));
    let pause = doubled.min(limits.longest_pause);
    Some(pause / 2 + jitter(pause / 2))
}

/// A random part of a duration.
fn jitter(of: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_bytes()[0];
    of.mul_f64(f64::from(random) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn every_form_of_retry_after() {
        let now = Timestamp::UNIX_EPOCH;
        let read = |text| retry_after(text, Some(DATE), now);
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(read("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(read("-3"), Some(Duration::ZERO));
        assert_eq!(read("1e300"), Some(Duration::from_secs(86_400)));
        assert_eq!(
            read("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for same in [
            "Sun, 06 Nov 1994 08:50:37 GMT",
            "Sunday, 06-Nov-94 08:50:37 GMT",
            "Sun Nov  6 08:50:37 1994",
            "1994-11-06T08:50:37Z",
            "1994-11-06T09:50:37+01:00",
        ] {
            assert_eq!(read(same), Some(Duration::from_secs(60)), "{same}");
        }
        assert_eq!(
            read("Mon, 07 Nov 2094 08:49:37 GMT").map(|wait| wait.as_secs()),
            Some(86_400)
        );
        for bad in ["", "soon", "NaN", "Sunday"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let now: Timestamp = "1994-11-06T08:49:27Z".parse().unwrap();
        assert_eq!(retry_after(DATE, None, now), Some(Duration::from_secs(10)));
    }

    #[test]
    fn the_rate_limit_tells_when_retry_after_does_not() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let read = |headers: &[(&str, &'static str)]| {
            wish(
                |name| {
                    let found = headers.iter().find(|(of, _)| *of == name);
                    found.map(|(_, value)| *value)
                },
                now,
            )
        };
        let reset = ("rate-limit-reset", "1994-11-06T08:50:07Z");
        assert_eq!(read(&[reset]), Some(Duration::from_secs(30)));
        let none_left = ("rate-limit-remaining", "0");
        assert_eq!(read(&[reset, none_left]), Some(Duration::from_secs(30)));
        assert_eq!(read(&[reset, ("rate-limit-remaining", "7")]), None);
        let after = ("retry-after", "2");
        assert_eq!(read(&[reset, after]), Some(Duration::from_secs(2)));
        let odd = ("retry-after", "soon");
        assert_eq!(read(&[reset, odd]), Some(Duration::from_secs(30)));
        assert_eq!(read(&[("rate-limit-reset", "never")]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn pauses_grow_within_bounds() {
        let limits = Limits::default();
        for _ in 0..50 {
            let second = pause(&limits, 2, None).unwrap();
            assert!(
                second >= Duration::from_millis(500) && second <= Duration::from_secs(1),
                "{second:?}"
            );
            let late = pause(&limits, 40, None).unwrap();
            assert!(
                late >= Duration::from_secs(30) && late <= Duration::from_secs(60),
                "{late:?}"
            );
            let wished = pause(&limits, 2, Some(Duration::from_secs(10))).unwrap();
            assert!(
                wished >= Duration::from_secs(10) && wished <= Duration::from_secs(11),
                "{wished:?}"
            );
        }
        assert_eq!(pause(&limits, 2, Some(Duration::from_secs(61))), None);
    }
}
