//! The registered keys of a validator: `qh-registered/1`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::registered;

fuzz_target!(|data: &[u8]| {
    if let Ok(keys) = registered::parse(data) {
        let again = registered::parse(registered::emit(&keys).as_bytes());
        assert!(again.is_ok(), "what is read can be written and read again");
    }
});
