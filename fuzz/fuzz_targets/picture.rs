//! A picture of a sheet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::device::picture;

fuzz_target!(|data: &[u8]| {
    let _ = picture::decode(data);
});
