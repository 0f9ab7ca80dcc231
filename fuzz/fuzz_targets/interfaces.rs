//! The kernel's lists of interfaces, routes and addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::device::interfaces;

fuzz_target!(|text: &str| {
    if let Ok(names) = interfaces::names(text) {
        // A list that is understood names each line after its head.
        assert_eq!(names.len() + 2, text.lines().count());
    }
    let _ = interfaces::routes4(text);
    let _ = interfaces::default_routes6(text);
    let _ = interfaces::addresses4(text);
    let _ = interfaces::addresses6(text);
});
