//! Runs every file of `tests/vectors/{jwe,age,bundle,delivery}`: one fault a file, its refusal in the first line.

use crate::fixture;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::vault::bundle::Bundle;
use qh_ceremony::vault::delivery;
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::sealed::Sealed;
use std::fs;
use std::path::PathBuf;

/// The folder of one kind of vectors.
pub fn folder(kind: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", kind]
        .iter()
        .collect()
}

/// A vector: `expect: NAME`, `sidecar: TEXT` if there is one, an empty line, then the file's bytes.
pub struct Vector {
    pub expect: String,
    pub sidecar: Option<Vec<u8>>,
    pub body: Vec<u8>,
}

impl Vector {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(2)
            .position(|two| two == b"\n\n")
            .expect("an empty line");
        let (mut expect, mut sidecar) = (None, None);
        for line in std::str::from_utf8(&bytes[..end]).expect("text").lines() {
            match line.split_once(": ").expect("NAME: VALUE") {
                ("expect", name) => expect = Some(name.to_owned()),
                ("sidecar", text) => sidecar = Some(text.as_bytes().to_vec()),
                other => panic!("unknown line {other:?}"),
            }
        }
        Self {
            expect: expect.expect("expect"),
            sidecar,
            body: bytes[end + 2..].to_vec(),
        }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut bytes = format!("expect: {}\n", self.expect).into_bytes();
        if let Some(sidecar) = &self.sidecar {
            bytes.extend_from_slice(b"sidecar: ");
            bytes.extend_from_slice(sidecar);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn name<T, E: Refuse>(result: Result<T, E>) -> String {
    result.map_or_else(|error| error.name().to_owned(), |_| "ok".to_owned())
}

/// What this program says of a vector.
pub fn outcome(kind: &str, vector: &Vector) -> String {
    match kind {
        "bundle" => name(Bundle::parse(&vector.body)),
        "delivery" => {
            let ours = OneTimeRecipient::from_secret(&fixture::delivery_secret());
            name(delivery::open_with(&vector.body, &ours.identity))
        }
        _ => name(
            Sealed::read(vector.body.clone(), vector.sidecar.as_deref())
                .and_then(|sealed| sealed.open(fixture::KEY_CHECK, fixture::keys())),
        ),
    }
}

fn run(kind: &str, at_least: usize) {
    let mut seen = 0;
    for entry in fs::read_dir(folder(kind)).expect("the folder of vectors") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|end| end == "vector") {
            let vector = Vector::read(&fs::read(&path).expect("a readable vector"));
            assert_eq!(outcome(kind, &vector), vector.expect, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= at_least, "only {seen} vectors of {kind}");
}

#[test]
fn jwe_vectors() {
    run("jwe", 40);
}

#[test]
fn age_vectors() {
    run("age", 25);
}

#[test]
fn bundle_vectors() {
    run("bundle", 25);
}

#[test]
fn delivery_vectors() {
    run("delivery", 10);
}
