//! The key bundle: what it refuses to read, and to write.

use crate::fixture::{self, refusal, refused};
use proptest::prelude::*;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::{Secret32, SecretBytes, SecretText};
use qh_ceremony::vault::bundle::{Bundle, MAX_BUNDLE, Threshold};
use qh_ceremony::vault::checked::CheckedKey;
use qh_ceremony::vault::contents::{BundleFile, BundleKey, FilePath};
use qh_ceremony::vault::delivery::Delivery;
use qh_ceremony::vault::recipient::OneTimeRecipient;
use qh_ceremony::vault::sealed::SealKeys;
use static_assertions::assert_not_impl_any;
use std::fmt::{Debug, Display};

assert_not_impl_any!(Bundle: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(BundleKey: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(BundleFile: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(Delivery: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(SealKeys: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(OneTimeRecipient: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(CheckedKey<Secret32>: Debug, Display, Clone, serde::Serialize, PartialEq);
assert_not_impl_any!(CheckedKey<SecretText>: Debug, Display, Clone, serde::Serialize, PartialEq);

fn good() -> String {
    let json = fixture::bundle().to_json().expect("valid");
    String::from_utf8(json.expose().to_vec()).expect("text")
}

/// The name of the refusal to write a bundle, after `change`.
fn unwritable(change: impl FnOnce(&mut Bundle)) -> (&'static str, String) {
    let mut bundle = fixture::bundle();
    change(&mut bundle);
    let error = refusal(bundle.to_json());
    (error.name(), error.to_string())
}

#[test]
fn reads_what_it_wrote() {
    let read = Bundle::parse(good().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    fixture::assert_same(&read, &fixture::bundle());
    assert!(read.keys[1].secret.same(fixture::SURI.as_bytes()));
    assert_eq!(read.files[1].path, FilePath::SecretEd25519);
    assert_eq!(read.files[1].content.len(), 32);
    assert_eq!(read.threshold, Some(Threshold { k: 3, n: 5 }));
}

#[test]
fn does_not_write_what_it_would_not_read() {
    let bad = |member: &str, why: &str| {
        (
            "bundle-bad-member",
            format!("The key bundle has a bad `{member}`: {why}."),
        )
    };
    assert_eq!(
        unwritable(|b| b.keys[0].secret = SecretBytes::new(vec![0xff, 0xfe])),
        bad("keys[0].secret", "it must be text (UTF-8)")
    );
    assert_eq!(
        unwritable(|b| b.keys[1].secret = SecretBytes::new(vec![])),
        bad("keys[1].secret", "it must have 1 to 16384 bytes")
    );
    assert_eq!(
        unwritable(|b| {
            b.keys[1].key_type = b.keys[0].key_type.clone();
            b.keys[1].public = b.keys[0].public.clone();
        }),
        bad("keys[1]", "the same key stands twice")
    );
    assert_eq!(
        unwritable(|b| b.files[1].path = FilePath::PqcTransportIdentity),
        bad("files[1].path", "the same path stands twice")
    );
    assert_eq!(
        unwritable(|b| b.keys.clear()),
        bad("keys", "there must be at least one")
    );
    assert_eq!(
        unwritable(|b| b.created = "2026-11-22 14:32".to_owned()),
        bad("created", "it must be a time such as 2026-11-22T14:32:00Z")
    );
    assert_eq!(
        unwritable(|b| b.threshold = Some(Threshold { k: 4, n: 3 })),
        bad("k", "2 <= k <= n <= 16 must hold")
    );
    assert_eq!(
        unwritable(|b| b.ceremony = "BR\u{1b}[2J".to_owned()),
        bad("ceremony", "it must be 1 to 64 printable ASCII characters")
    );
    for misleading in ["a\u{202e}b", "a\nb", &"a".repeat(1025)] {
        assert_eq!(
            unwritable(|b| b.node = misleading.to_owned()),
            bad(
                "node",
                "it must be at most 1024 bytes without control characters"
            )
        );
    }
}

#[test]
fn size_is_bounded_both_ways() {
    assert_eq!(
        refused(Bundle::parse(&vec![b' '; MAX_BUNDLE + 1])),
        "bundle-too-large"
    );
    let (name, _) = unwritable(|b| {
        let template = b.keys.swap_remove(1);
        b.keys.extend((0..63).map(|i| BundleKey {
            key_type: template.key_type.clone(),
            scheme: template.scheme.clone(),
            public: format!("0x{}", format!("{i:02x}").repeat(32)),
            secret: SecretBytes::new(vec![b'"'; 16 * 1024]),
            source: String::new(),
        }));
    });
    assert_eq!(name, "bundle-too-large");
}

#[test]
fn each_differing_header_member_is_named() {
    let bundle = fixture::bundle();
    assert_eq!(bundle.header_agrees(&fixture::header()), Ok(()));
    type Change = fn(&mut qh_ceremony::vault::header::Header);
    let changes: [(&str, Change); 9] = [
        ("ceremony", |h| h.ceremony.push('x')),
        ("created", |h| h.created = "2026-11-22T14:32:01Z".to_owned()),
        ("k", |h| h.k = 2),
        ("n", |h| h.n = 4),
        ("public_keys", |h| h.public_keys.swap(0, 1)),
        ("public_keys", |h| h.public_keys.truncate(1)),
        ("key_check", |h| h.key_check[31] ^= 1),
        ("rehearsal", |h| h.rehearsal = true),
        ("set_id", |h| h.set_id[0] ^= 1),
    ];
    for (member, change) in changes {
        let mut header = fixture::header();
        change(&mut header);
        let error = refusal(bundle.header_agrees(&header));
        assert_eq!(error.name(), "sealed-header-differs");
        assert!(
            error.to_string().contains(&format!("`{member}`")),
            "{error}"
        );
    }
}

#[test]
fn no_refusal_quotes_the_bundle() {
    let canary = "horse battery staple";
    let bodies = [
        format!("{{\"{canary}\":1}}"),
        good().replace(
            "\"keystore_password\":false",
            &format!("\"keystore_password\":\"{canary}\""),
        ),
        good().replace("\"keys\":[", &format!("\"keys\":[\"{canary}\",")),
        good().replace(
            "\"files\":[",
            &format!("\"files\":[{{\"path\":\"{canary}\",\"mode\":\"0600\",\"content\":\"\"}},"),
        ),
        good().replace(
            "\"key_type\":\"aura\"",
            &format!("\"key_type\":\"{canary}\\n\""),
        ),
        good().replace("qh-key-bundle/1", canary),
        good().replace("\"mode\":\"0600\"", &format!("\"{canary}\":\"0600\"")),
    ];
    for body in bodies {
        assert!(body.contains(canary));
        let error = refusal(Bundle::parse(body.as_bytes()));
        let said = format!("{error} {error:?} {}", error.way_on());
        assert!(!said.contains("battery"), "{said}");
    }
}

#[test]
fn another_version_is_named_even_with_new_members() {
    let newer = good()
        .replace("qh-key-bundle/1", "qh-key-bundle/2")
        .replacen('{', "{\"new\":1,", 1);
    let error = refusal(Bundle::parse(newer.as_bytes()));
    assert_eq!(error.name(), "bundle-version");
    assert_eq!(
        error.to_string(),
        "The key bundle is of another format or version: this program reads `qh-key-bundle/1`."
    );
    assert_eq!(
        error.way_on(),
        "Use the program version that the certificate of this backup names."
    );
}

proptest! {
    #[test]
    fn no_bytes_end_the_program(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Bundle::parse(&bytes).is_err());
    }

    #[test]
    fn what_is_read_is_written_the_same(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = good().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(bundle) = Bundle::parse(&json) {
            let written = bundle.to_json().expect("what was read can be written");
            let again = Bundle::parse(written.expose()).unwrap_or_else(|e| panic!("{e}"));
            prop_assert!(written.same(again.to_json().expect("valid").expose()));
        }
    }
}
