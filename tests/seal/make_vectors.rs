//! Makes vectors that don't exist yet. A published vector never changes: existing files are left alone.

use crate::fixture;
use crate::vectors::{Vector, folder, outcome};
use std::fs;

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// `text` with its only `old` replaced.
pub fn swap(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}` must stand once");
    text.replace(old, new)
}

pub fn add(kind: &str, name: &str, expect: &str, body: impl AsRef<[u8]>, sidecar: Option<&str>) {
    let vector = Vector {
        expect: expect.to_owned(),
        sidecar: sidecar.map(|text| text.as_bytes().to_vec()),
        body: body.as_ref().to_vec(),
    };
    assert_eq!(outcome(kind, &vector), expect, "{kind}/{name}");
    let path = folder(kind).join(format!("{name}.vector"));
    if !path.exists() {
        fs::write(path, vector.write()).expect("a writable folder");
    }
}

pub fn good_bundle() -> String {
    text(fixture::bundle().to_json().expect("valid").expose())
}
