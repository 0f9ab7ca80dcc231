//! The name of a key file, and a secret URI as a key file holds it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::keystore::{file_name, parse_name};
use qh_ceremony::vault::schemes::suri;

fuzz_target!(|data: &[u8]| {
    if let Ok((key_type, public)) = parse_name(data) {
        assert_eq!(
            file_name(key_type, &public).as_bytes(),
            data,
            "a key has one file name"
        );
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = suri::parse(text);
    }
});
