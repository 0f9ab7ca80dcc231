//! The hostile module against the client: each lie is named, and a client that was lied to is done with it.

use qh_ceremony::hsm::message::No;
use qh_ceremony::hsm::{Class, Kind, Method, SignWith};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::vault::token::{Material, WrapKeys, challenge, prove};

use super::*;

#[test]
fn a_sound_module_gives_its_keys() {
    let mut client = session(&hostile_module("", &[]), "123456", false).unwrap();
    assert_eq!(client.library, "hostile module 1.0");
    let objects = client.objects().unwrap();
    let kinds: Vec<(Class, Kind, &str)> = objects
        .iter()
        .map(|o| (o.class, o.kind, o.label.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (Class::Private, Kind::EcP256, "signer"),
            (Class::Secret, Kind::Generic, "secret"),
            (Class::Data, Kind::Data, "note"),
        ]
    );
    let keys = WrapKeys::fresh().unwrap();
    client.use_aes(keys.aes_key()).unwrap();
    for method in [Method::AesGcm, Method::AesKeyWrapPad] {
        let iv = WrapKeys::fresh_iv().unwrap();
        let (iv, blob) = client.wrap(objects[0].handle, method, iv).unwrap();
        let plain = keys.unwrap(method, iv, &blob).pop().unwrap();
        let key = prove(&objects[0], Material::Wrapped(plain)).unwrap();
        let fresh = [3; 32];
        let signature = client.sign(
            objects[0].handle,
            SignWith::Ecdsa,
            challenge::to_sign(SignWith::Ecdsa, &fresh),
        );
        assert!(challenge::verify(
            Kind::EcP256,
            &key.public,
            None,
            &fresh,
            &signature.unwrap()
        ));
    }
    let no = client
        .wrap(objects[0].handle, Method::AesKeyWrapKwp, [0; 12])
        .unwrap_err();
    assert_eq!(no.no(), Some(No::NotOffered));
    assert_eq!(
        client.read(objects[0].handle).err().unwrap().no(),
        Some(No::Sensitive)
    );
    assert_eq!(client.random(64).unwrap().len(), 64);
}

/// What is asked until it fails, and by which name.
fn first_fault(mode: &str) -> Option<(&'static str, String)> {
    let module = hostile_module(mode, &[]);
    let all = || -> Result<(), HsmFault> {
        let mut client = session(&module, "123456", true)?;
        let objects = client.objects()?;
        client.random(64)?;
        let keys = WrapKeys::fresh().unwrap();
        client.use_aes(keys.aes_key())?;
        client.wrap(objects[0].handle, Method::AesGcm, [1; 12])?;
        client.create(secret_object("new", &[7; 32]))?;
        client.sign(objects[0].handle, SignWith::Ecdsa, vec![1; 32])?;
        Ok(())
    };
    all().err().map(|fault| (fault.name(), fault.to_string()))
}

#[test]
fn every_hang_crash_and_lie_has_a_name() {
    let cases = [
        ("hang-initialize", "hsm-module-hangs"),
        ("hang-slots", "hsm-module-hangs"),
        ("hang-login", "hsm-module-hangs"),
        ("hang-objects", "hsm-module-hangs"),
        ("hang-wrap", "hsm-module-hangs"),
        ("hang-create", "hsm-module-hangs"),
        ("hang-sign", "hsm-module-hangs"),
        ("crash-initialize", "hsm-module-crashed"),
        ("crash-slots", "hsm-module-crashed"),
        ("crash-login", "hsm-module-crashed"),
        ("crash-objects", "hsm-module-crashed"),
        ("crash-wrap", "hsm-module-crashed"),
        ("crash-create", "hsm-module-crashed"),
        ("exit-wrap", "hsm-module-crashed"),
        ("deaf-slots", "hsm-module-crashed"),
        ("deaf-wrap", "hsm-module-crashed"),
        ("long-wrap", "hsm-module-crashed"),
        ("large-wrap", "hsm-device"),
        ("long-attribute", "hsm-device"),
        ("many-slots", "hsm-device"),
        ("many-objects", "hsm-device"),
        ("grow-wrap", "hsm-not-offered"),
        ("changing-label", "hsm-device"),
        ("changing-public", "hsm-device"),
        ("lying-extractable", "hsm-not-extractable"),
        ("untold-extractable", "hsm-not-extractable"),
        ("never-extractable", "hsm-not-extractable"),
        ("trusted-only", "hsm-wrap-trusted-only"),
        ("removed-find", "hsm-token-removed"),
        ("removed-wrap", "hsm-token-removed"),
        ("locked", "hsm-pin-locked"),
        ("same-random", "hsm-module-garbage"),
    ];
    for (mode, name) in cases {
        let (own, text) =
            first_fault(mode).unwrap_or_else(|| panic!("{mode}: nothing was refused"));
        assert_eq!(own, name, "{mode}: {text}");
        assert!(!text.contains("123456"), "{mode}: {text}");
    }
    // Noise on standard output is no answer, and odd labels are no escape sequences.
    for mode in ["", "stdout", "escape-label", "two-tokens", "odd-wrap"] {
        assert_eq!(first_fault(mode), None, "{mode}");
    }
}

#[test]
fn a_crash_says_how_and_a_hang_how_long() {
    assert!(first_fault("crash-wrap").unwrap().1.contains("signal 11"));
    assert!(first_fault("exit-wrap").unwrap().1.contains("exit code 0"));
    let deaf = first_fault("deaf-wrap").unwrap().1;
    assert!(deaf.contains("closed its pipe and went on"), "{deaf}");
    assert!(first_fault("hang-login").unwrap().1.contains("within 1 s"));
}

#[test]
fn labels_can_not_move_the_cursor() {
    let mut client = session(&hostile_module("escape-label", &[]), "123456", false).unwrap();
    let tokens = client.tokens().unwrap();
    let objects = client.objects().unwrap();
    for text in tokens
        .iter()
        .map(|t| &t.label)
        .chain(objects.iter().map(|o| &o.label))
    {
        assert!(
            text.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{text:?}"
        );
        assert!(text.contains("?[2J"), "{text:?}");
    }
}

#[test]
fn wrong_pins_are_counted_until_the_token_locks() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let module = hostile_module("", &[("QH_HOSTILE_STATE", &state)]);
    let pin = || start(&module).unwrap().tokens().unwrap()[0].pin;
    use qh_ceremony::hsm::PinState::{CountLow, FinalTry, Good, Locked};
    assert_eq!(pin(), Good);
    for (after, name) in [
        (CountLow, "hsm-pin-wrong"),
        (FinalTry, "hsm-pin-wrong"),
        (Locked, "hsm-pin-wrong"),
    ] {
        assert_eq!(
            session(&module, "000000", false).err().unwrap().name(),
            name
        );
        assert_eq!(pin(), after);
    }
    assert_eq!(
        session(&module, "123456", false).err().unwrap().name(),
        "hsm-pin-locked"
    );
}

#[test]
fn another_token_in_the_slot_is_not_used() {
    let two = hostile_module("two-tokens", &[]);
    let mut client = start(&two).unwrap();
    let mut token = client.tokens().unwrap().remove(1);
    assert_eq!(
        (token.label.as_str(), token.serial.as_str()),
        ("hostile", "0002")
    );
    client.open(&token, false).unwrap();
    token.serial = "0003".into();
    assert_eq!(
        client.open(&token, false).unwrap_err().name(),
        "hsm-no-token"
    );
    token.slot = 9;
    assert_eq!(
        client.open(&token, false).unwrap_err().name(),
        "hsm-no-token"
    );
}

#[test]
fn what_a_lying_module_gives_out_is_never_a_key() {
    for (mode, name) in [
        ("other-key", "hsm-key-mismatch"),
        ("changing-key", "hsm-key-mismatch"),
        ("no-public", "hsm-no-public-key"),
    ] {
        let mut client = session(&hostile_module(mode, &[]), "123456", false).unwrap();
        let objects = client.objects().unwrap();
        let keys = WrapKeys::fresh().unwrap();
        client.use_aes(keys.aes_key()).unwrap();
        let (iv, blob) = client
            .wrap(objects[0].handle, Method::AesGcm, [1; 12])
            .unwrap();
        let plain = keys.unwrap(Method::AesGcm, iv, &blob).pop().unwrap();
        let fault = prove(&objects[0], Material::Wrapped(plain)).err().unwrap();
        assert_eq!(fault.name(), name, "{mode}: {fault}");
    }
    for mode in ["short-wrap", "garbage-wrap"] {
        let mut client = session(&hostile_module(mode, &[]), "123456", false).unwrap();
        let objects = client.objects().unwrap();
        let keys = WrapKeys::fresh().unwrap();
        client.use_aes(keys.aes_key()).unwrap();
        for method in [Method::AesGcm, Method::AesKeyWrapPad, Method::AesKeyWrap] {
            if let Ok((iv, blob)) = client.wrap(objects[0].handle, method, [1; 12]) {
                assert!(keys.unwrap(method, iv, &blob).is_empty(), "{mode}");
            }
        }
    }
}

#[test]
fn nothing_is_overwritten_and_what_is_destroyed_is_gone() {
    let mut client = session(&hostile_module("", &[]), "123456", true).unwrap();
    let made = client.create(secret_object("new", &[7; 32])).unwrap();
    assert_eq!(
        client
            .create(secret_object("new", &[8; 32]))
            .err()
            .unwrap()
            .name(),
        "hsm-object-exists"
    );
    client.destroy(made.handle).unwrap();
    client.create(secret_object("new", &[8; 32])).unwrap();
}
