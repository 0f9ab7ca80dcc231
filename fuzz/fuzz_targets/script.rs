//! A ceremony script, and whether it is sound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::ceremony::check;
use qh_ceremony::ceremony::script::Script;

fuzz_target!(|text: &str| {
    if let Ok(script) = Script::parse(text) {
        assert!((2..=script.policy.n).contains(&script.policy.k));
        let _ = check::sound(&script);
    }
});
