//! Any text as a sheet's words, and any numbers as the words of an entry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::share::fuzz;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        fuzz::share_words(text);
    }
    fuzz::share_entry(data);
});
