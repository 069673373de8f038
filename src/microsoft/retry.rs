//! When to ask again: `Retry-After` in all its forms, and pauses that grow with jitter.

use std::time::Duration;

use jiff::Timestamp;

use super::settings::Limits;

/// Reads a `Retry-After` header: seconds, also fractional, or an HTTP date (RFC 9110 section 10.2.3).
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
        // More than a day is as good as a day, and cannot overflow.
        return Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)));
    }
    let until = http_date(header)?;
    let now = date.and_then(http_date).unwrap_or(now);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Reads an HTTP date (IMF-fixdate), such as `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
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
        for bad in ["", "soon", "NaN", "Sunday"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let now: Timestamp = "1994-11-06T08:49:27Z".parse().unwrap();
        assert_eq!(retry_after(DATE, None, now), Some(Duration::from_secs(10)));
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
