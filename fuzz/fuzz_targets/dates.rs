//! Dates that people type, and dates of transcripts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::ceremony::dates;

fuzz_target!(|text: &str| {
    let _ = dates::parse_minute(text);
    let _ = dates::parse_date(text);
    if let Some(at) = dates::parse_rfc3339(text) {
        assert_eq!(dates::parse_rfc3339(&dates::rfc3339(at)), Some(at));
    }
});
