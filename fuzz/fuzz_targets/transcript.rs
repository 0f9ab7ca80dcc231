//! A whole transcript with its signature, which follows the first NUL byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::transcript::verify::{Anchor, Verdict, verify};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let file = parts.next().unwrap_or_default();
    let signature = parts
        .next()
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let bare = verify(file, signature, Anchor::None);
    assert!(
        bare.verdict() != Verdict::Verified,
        "nothing is good without an anchor"
    );
    let zeros = verify(file, signature, Anchor::Head([0; 32]));
    assert!(
        zeros.verdict() != Verdict::Verified,
        "no file has this head"
    );
    let _ = verify(file, signature, Anchor::Record(data));
});
