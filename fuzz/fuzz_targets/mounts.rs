//! The kernel's list of mounts.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use qh_ceremony::device::mounts::{Mount, mounted};

fuzz_target!(|table: &[u8]| {
    let path = Path::new("/media/usb/sealed");
    if let Some(mount) = Mount::of(table, path) {
        assert!(path.starts_with(&mount.point));
    }
    mounted(table, 1, "/dev/sdb1");
});
