//! Deliveries, and the recipients that they are sealed to.

use crate::fixture::{self, refusal, refused};
use bech32::{Bech32, Hrp};
use proptest::prelude::*;
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretText;
use qh_ceremony::vault::delivery::{self, Delivery, MAX_DELIVERY, MAX_SEALED_DELIVERY, Purpose};
use qh_ceremony::vault::recipient::{OneTimeRecipient, Recipient};
use sha2::{Digest, Sha256};

fn ours() -> OneTimeRecipient {
    OneTimeRecipient::from_secret(&fixture::delivery_secret())
}

fn sealed() -> Vec<u8> {
    delivery::seal_to(&fixture::delivery(), &ours().recipient).expect("the delivery is valid")
}

#[test]
fn opens_to_what_was_sealed() {
    let opened = delivery::open_with(&sealed(), &ours().identity).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        opened
            .to_json()
            .unwrap()
            .same(fixture::delivery().to_json().unwrap().expose())
    );
    assert_eq!(opened.require(Purpose::ToLaptop), Ok(()));
    let error = refusal(opened.require(Purpose::ToHost));
    assert_eq!(error.name(), "delivery-other-purpose");
    assert_eq!(
        error.to_string(),
        "The delivery is marked `to-laptop`, but `to-host` is needed here."
    );
}

#[test]
fn a_generated_recipient_opens_and_another_does_not() {
    let (one, other) = (OneTimeRecipient::generate(), OneTimeRecipient::generate());
    assert_ne!(one.recipient, other.recipient);
    let file = delivery::seal_to(&fixture::delivery(), &one.recipient).unwrap();
    assert!(delivery::open_with(&file, &one.identity).is_ok());
    let error = refusal(delivery::open_with(&file, &other.identity));
    assert_eq!(error.name(), "delivery-not-for-us");
    assert_eq!(
        error.to_string(),
        "The delivery is not sealed to this ceremony's recipient."
    );
}

#[test]
fn every_byte_of_the_file_counts() {
    let good = sealed();
    let identity = ours().identity;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(
            delivery::open_with(&bad, &identity).is_err(),
            "byte {at} changed unnoticed"
        );
    }
    for length in (0..good.len()).step_by(7) {
        assert!(
            delivery::open_with(&good[..length], &identity).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn a_recipient_has_one_form() {
    let good = ours().recipient;
    assert_eq!(Recipient::parse(good.as_str()), Ok(good.clone()));
    let text = good.as_str();
    let last_changed = format!("{}q", &text[..text.len() - 1]);
    for bad in [
        "",
        "age1",
        &text.to_uppercase(),
        &format!(" {text}"),
        &format!("{text}\n"),
        &text[..text.len() - 1],
        &last_changed,
        &format!("{text}{text}"),
        &text.replacen("age", "bge", 1),
        ours().identity.expose(),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
    ] {
        assert_eq!(
            refused(Recipient::parse(bad)),
            "recipient-invalid",
            "{}",
            bad.len()
        );
    }
}

/// Without the check, sealing to any of these would end the program.
#[test]
fn points_of_small_order_are_refused() {
    let (mut eight, mut eight_other) = ([0; 32], [0; 32]);
    hex(
        &mut eight,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    );
    hex(
        &mut eight_other,
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    );
    let mut one = [0; 32];
    one[0] = 1;
    let p_plus = |low: u8| {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (low, 0x7f);
        point
    };
    let points = [
        [0; 32],
        one,
        eight,
        eight_other,
        p_plus(0xec),
        p_plus(0xed),
        p_plus(0xee),
    ];
    for mut point in points {
        for high in [0, 0x80] {
            point[31] = (point[31] & 0x7f) | high;
            let text = bech32::encode::<Bech32>(Hrp::parse("age").unwrap(), &point).unwrap();
            assert_eq!(refused(Recipient::parse(&text)), "recipient-weak", "{text}");
        }
    }
}

fn hex(into: &mut [u8; 32], text: &str) {
    into.copy_from_slice(&data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap());
}

#[test]
fn the_fingerprint_is_of_the_text() {
    let recipient = ours().recipient;
    let text = format!("qh-ceremony recipient v1{recipient}");
    assert_eq!(
        recipient.fingerprint(),
        <[u8; 32]>::from(Sha256::digest(text))
    );
    assert_ne!(
        recipient.fingerprint(),
        OneTimeRecipient::generate().recipient.fingerprint()
    );
}

#[test]
fn an_identity_is_checked() {
    for bad in ["", "AGE-SECRET-KEY-1", ours().recipient.as_str()] {
        let identity = SecretText::new(bad.to_owned());
        assert_eq!(
            refused(delivery::open_with(&sealed(), &identity)),
            "identity-invalid"
        );
    }
}

#[test]
fn size_and_content_are_bounded() {
    let big = vec![b' '; MAX_DELIVERY + 1];
    assert_eq!(refused(Delivery::parse(&big)), "delivery-too-large");
    let big = vec![b'a'; MAX_SEALED_DELIVERY + 1];
    assert_eq!(
        refused(delivery::open_with(&big, &ours().identity)),
        "delivery-too-large"
    );
    let mut empty = fixture::delivery();
    empty.keys.clear();
    empty.files.clear();
    let error = refusal(empty.to_json());
    assert_eq!(
        error.to_string(),
        "The key delivery has a bad `keys`: a delivery must hold a key or a file."
    );
    let mut files_only = fixture::delivery();
    files_only.keys.clear();
    assert!(files_only.to_json().is_ok());
}

proptest! {
    #[test]
    fn no_bytes_end_the_program(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Delivery::parse(&bytes).is_err());
        let framed = [b"age-encryption.org/v1\n-> X25519 ".as_slice(), &bytes].concat();
        prop_assert!(delivery::open_with(&framed, &ours().identity).is_err());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(Recipient::parse(text).is_err());
        }
    }
}
