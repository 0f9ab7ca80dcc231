//! The names and places of a ceremony.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::transcript::annex::Annex;

fuzz_target!(|data: &[u8]| {
    if let Ok(annex) = Annex::parse(data) {
        let again = Annex::parse(annex.to_json().as_bytes());
        assert_eq!(again.ok(), Some(annex), "an annex reads back");
    }
});
