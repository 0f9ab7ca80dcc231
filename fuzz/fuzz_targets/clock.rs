//! Dates that people type, and dates of transcripts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::device::clock;

fuzz_target!(|text: &str| {
    let _ = clock::watch_offset(text, 0, epoch());
    if let Ok(at) = clock::parse_rfc3339(text) {
        assert_eq!(clock::rfc3339(at), text);
    }
});

fn epoch() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}
