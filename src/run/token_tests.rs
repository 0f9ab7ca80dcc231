use super::*;

fn object(label: &str, handle: u64) -> ObjectInfo {
    ObjectInfo {
        handle,
        class: Class::Private,
        kind: Kind::EcP256,
        label: label.into(),
        id: vec![1],
        application: String::new(),
        size: 0,
        spki: None,
        sensitive: Some(true),
        extractable: Some(true),
        never_extractable: None,
        wrap_with_trusted: None,
        local: None,
        usage: crate::hsm::Usage::default(),
    }
}

#[test]
fn what_was_signed_for_is_told_from_anything_else() {
    let seen = [object("a", 1), object("b", 2), object("b", 3)];
    // Handles and order are of one session alone.
    assert!(unchanged(
        &seen,
        &[object("b", 9), object("a", 8), object("b", 7)]
    ));
    assert!(!unchanged(&seen, &seen[..2]));
    assert!(!unchanged(
        &seen,
        &[object("a", 1), object("a", 2), object("b", 3)]
    ));
    let stays = ObjectInfo {
        extractable: Some(false),
        ..object("a", 1)
    };
    assert!(!unchanged(&seen, &[stays, object("b", 2), object("b", 3)]));
    let more = [
        object("a", 1),
        object("b", 2),
        object("b", 3),
        object("c", 4),
    ];
    assert!(!unchanged(&seen, &more));
}

fn token(label: &str, serial: &str, pin: PinState) -> TokenInfo {
    TokenInfo {
        slot: 1,
        label: label.into(),
        manufacturer: "maker".into(),
        model: "model".into(),
        serial: serial.into(),
        firmware: "1.0".into(),
        initialized: true,
        pin_pad: false,
        write_protected: false,
        pin,
    }
}

#[test]
fn a_token_is_named_by_label_and_serial_number_and_tells_its_pin() {
    let own = fact(&token("a b", "01", PinState::FinalTry));
    assert_eq!(own.uri, "pkcs11:serial=01;token=a%20b");
    assert_eq!(own.pin, TokenPin::FinalTry);
    assert_eq!(own.text, "a b, serial 01, model, slot 1");
    let own = fact(&token("a", "", PinState::Locked));
    assert_eq!(own.uri, "pkcs11:model=model;manufacturer=maker;token=a");
    assert!(!own.pin.usable());
    let pad = TokenInfo {
        pin_pad: true,
        ..token("a", "1", PinState::Good)
    };
    assert_eq!(fact(&pad).pin, TokenPin::Pad);
    let blank = TokenInfo {
        initialized: false,
        ..pad
    };
    assert_eq!(fact(&blank).pin, TokenPin::Unset);
}

#[test]
fn a_real_ceremony_takes_no_token_of_a_rehearsal() {
    let (own, other) = (
        token("REHEARSAL validator", "1", PinState::Good),
        token("validator", "2", PinState::Good),
    );
    let mut both = vec![&own, &other];
    of_this_world(true, &mut both).unwrap();
    assert_eq!(both, [&other]);
    let mut one = vec![&own];
    assert_eq!(
        of_this_world(true, &mut one).unwrap_err().name,
        "token-of-rehearsal"
    );
    let mut one = vec![&own];
    of_this_world(false, &mut one).unwrap();
    assert_eq!(one, [&own]);
    of_this_world(true, &mut vec![]).unwrap();
}
