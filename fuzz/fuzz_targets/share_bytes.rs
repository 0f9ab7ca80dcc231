//! Any bytes as a share.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::share::fuzz;

fuzz_target!(|data: &[u8]| fuzz::share_bytes(data));
