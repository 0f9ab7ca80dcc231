//! What stands inside a sealed backup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::bundle::Bundle;

fuzz_target!(|data: &[u8]| {
    if let Ok(bundle) = Bundle::parse(data) {
        let json = bundle.to_json().ok().expect("what is read can be written");
        let again = Bundle::parse(json.expose())
            .ok()
            .expect("what is written can be read");
        assert!(again.header() == bundle.header(), "a bundle reads back");
    }
});
