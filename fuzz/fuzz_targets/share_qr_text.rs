//! Any text as the text of a sheet's QR code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::share::fuzz;

fuzz_target!(|data: &str| fuzz::share_qr_text(data));
