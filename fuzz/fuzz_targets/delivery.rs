//! A delivery as it is inside of its seal, and a recipient as it is typed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::delivery::Delivery;
use qh_ceremony::vault::recipient::Recipient;

fuzz_target!(|data: &[u8]| {
    if let Ok(delivery) = Delivery::parse(data) {
        let json = delivery
            .to_json()
            .ok()
            .expect("what is read can be written");
        assert!(
            Delivery::parse(json.expose()).is_ok(),
            "what is written can be read"
        );
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Recipient::parse(text);
    }
});
