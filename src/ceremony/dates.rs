//! Dates as people write them, without a clock: every time is an argument.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// UTC seconds of `YYYY-MM-DD HH:MM` (UTC), optionally with seconds.
pub fn parse_minute(text: &str) -> Option<i64> {
    let text = text.trim();
    let civil = DateTime::strptime("%Y-%m-%d %H:%M", text)
        .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", text))
        .ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// A date `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", text.trim()).ok()
}

/// `2026-11-22T14:32:05Z` for UTC seconds (RFC 3339).
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}

/// UTC seconds of an RFC 3339 time.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(|t| t.as_second())
}

/// `14:32 UTC`.
pub fn minute(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|t| t.strftime("%H:%M UTC").to_string())
        .unwrap_or_default()
}

/// The date `YYYY-MM-DD` that lies `months` after UTC `seconds`.
pub fn months_after(seconds: i64, months: u8) -> String {
    let date = |t: Timestamp| t.to_zoned(TimeZone::UTC).date();
    Timestamp::from_second(seconds)
        .ok()
        .and_then(|t| {
            date(t)
                .checked_add(Span::new().months(i64::from(months)))
                .ok()
        })
        .map(|d| d.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_and_write() {
        let noon = parse_minute("2026-11-22 12:00").unwrap();
        assert_eq!(rfc3339(noon), "2026-11-22T12:00:00Z");
        assert_eq!(parse_rfc3339("2026-11-22T12:00:00Z"), Some(noon));
        assert_eq!(minute(noon), "12:00 UTC");
        assert_eq!(months_after(noon, 12), "2027-11-22");
        assert_eq!(
            months_after(parse_minute("2026-01-31 00:00").unwrap(), 1),
            "2026-02-28"
        );
        for bad in [
            "",
            "2026-13-01 00:00",
            "22.11.2026 12:00",
            "2026-11-22",
            "2026-11-22 25:00",
        ] {
            assert_eq!(parse_minute(bad), None, "{bad}");
        }
        assert!(parse_date("2026-02-30").is_none());
    }
}
