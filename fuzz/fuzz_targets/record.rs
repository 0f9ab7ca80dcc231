//! The record of a ceremony.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::transcript::record::Record;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = Record::parse(data) {
        let again = Record::parse(record.to_json().as_bytes());
        assert_eq!(again.ok(), Some(record), "a record reads back");
    }
});
