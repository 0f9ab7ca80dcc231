//! A sealed file and its sidecar, as they lie on a medium: the sidecar follows the first NUL byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::vault::sealed::Sealed;
use qh_ceremony::vault::sidecar::Sidecar;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let file = parts.next().unwrap_or_default().to_vec();
    if let Ok(sealed) = Sealed::read(file.clone(), parts.next()) {
        assert_eq!(sealed.file(), file, "a sealed file is kept byte for byte");
    }
    if let Ok(sidecar) = Sidecar::parse(data) {
        let again = Sidecar::parse(&sidecar.to_json()).expect("what is read can be written");
        assert!(again.header == sidecar.header, "a sidecar reads back");
    }
});
