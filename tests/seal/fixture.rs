//! Test material of the sealing tests. None of these keys is a real one.
#![allow(dead_code, reason = "each test program uses a part of this")]

use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::{Secret32, SecretBytes, SecretText};
use qh_ceremony::vault::bundle::{Bundle, Threshold};
use qh_ceremony::vault::contents::{BundleFile, BundleKey, FilePath, Network};
use qh_ceremony::vault::delivery::{Delivery, Purpose};
use qh_ceremony::vault::header::Header;
use qh_ceremony::vault::sealed::SealKeys;

/// 24 words of the BIP-39 list, as `age_passphrase` would give them.
pub const PASSPHRASE: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd \
     amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless";

/// The key check of the test secret.
pub const KEY_CHECK: [u8; 32] = [0xc7; 32];

/// The iv of the test files.
pub const IV: [u8; 12] = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254];

/// The private key of the deliveries' recipient.
pub fn delivery_secret() -> Secret32 {
    Secret32::init_with(|bytes| bytes.fill(0x5a))
}

pub fn jwe_key_bytes() -> [u8; 32] {
    std::array::from_fn(|i| i as u8 ^ 0xa5)
}

pub fn jwe_key() -> Secret32 {
    Secret32::init_with(|bytes| *bytes = jwe_key_bytes())
}

pub fn passphrase() -> SecretText {
    SecretText::new(PASSPHRASE.to_owned())
}

pub fn keys() -> SealKeys {
    SealKeys {
        jwe: jwe_key(),
        age: passphrase(),
    }
}

pub fn bundle() -> Bundle {
    Bundle {
        ceremony: "BR-2026-11-22-01".to_owned(),
        rehearsal: false,
        set_id: [0x88, 0xb1, 0x02, 0xae, 0x5c, 0x19],
        key_check: KEY_CHECK,
        threshold: Some(Threshold { k: 3, n: 5 }),
        network: network(),
        node: "validator-1".to_owned(),
        created: "2026-11-22T14:32:00Z".to_owned(),
        keystore_password: false,
        keys: bundle_keys(),
        files: files(),
    }
}

pub fn header() -> Header {
    bundle().header().expect("the test bundle says k and n")
}

pub fn delivery() -> Delivery {
    Delivery {
        purpose: Purpose::ToLaptop,
        rehearsal: false,
        network: network(),
        node: "validator-1".to_owned(),
        created: "2026-11-22T14:32:00Z".to_owned(),
        keystore_password: true,
        keys: bundle_keys(),
        files: files(),
    }
}

fn network() -> Network {
    Network {
        chain_id: "quantumharmony_prod".to_owned(),
        genesis_hash: Some([0x42; 32]),
    }
}

fn bundle_keys() -> Vec<BundleKey> {
    vec![
        BundleKey {
            key_type: "aura".to_owned(),
            scheme: "sphincs-shake-256f-simple".to_owned(),
            public: format!("0x{}", "1f".repeat(64)),
            secret: SecretBytes::new(format!("0x{}", "e3".repeat(128)).into_bytes()),
            source: "keystore".to_owned(),
        },
        BundleKey {
            key_type: "babe".to_owned(),
            scheme: "sr25519".to_owned(),
            public: format!("0x{}", "2e".repeat(32)),
            secret: SecretBytes::new(SURI.to_owned().into_bytes()),
            source: "keystore".to_owned(),
        },
    ]
}

/// A SURI whose password needs escapes in JSON.
pub const SURI: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk\
     //Alice/soft///pass\"word\\ \u{e9}";

fn files() -> Vec<BundleFile> {
    vec![
        BundleFile {
            path: FilePath::PqcTransportIdentity,
            content: SecretBytes::new(
                br#"{"falcon_public_key":"0x0a","falcon_secret_key":"0x5b"}"#.to_vec(),
            ),
        },
        BundleFile {
            path: FilePath::SecretEd25519,
            content: SecretBytes::new((0..32).map(|i| i * 7).collect()),
        },
    ]
}

/// The refusal of something that has no `Debug`.
#[track_caller]
pub fn refusal<T, E>(result: Result<T, E>) -> E {
    match result {
        Ok(_) => panic!("this was accepted, and should have been refused"),
        Err(error) => error,
    }
}

/// The name of the refusal.
#[track_caller]
pub fn refused<T, E: Refuse>(result: Result<T, E>) -> &'static str {
    let error = refusal(result);
    assert!(error.to_string().ends_with('.'), "a full sentence: {error}");
    assert!(
        error.way_on().ends_with('.'),
        "a full sentence: {}",
        error.way_on()
    );
    error.name()
}

/// Asserts that two bundles hold the same.
#[track_caller]
pub fn assert_same(one: &Bundle, other: &Bundle) {
    let (one, other) = (
        one.to_json().expect("valid"),
        other.to_json().expect("valid"),
    );
    assert!(one.same(other.expose()), "the bundles differ");
}
