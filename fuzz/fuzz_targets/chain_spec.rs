//! A raw chain spec.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::registered;

fuzz_target!(|data: &[u8]| {
    if let Ok(keys) = registered::from_chain_spec(data, "chain-spec.json") {
        assert!(keys.is_genesis_state());
        let again = registered::parse(registered::emit(&keys).as_bytes());
        assert!(again.is_ok(), "what a chain spec gives can be written down");
    }
});
