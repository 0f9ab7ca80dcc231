use super::super::frame::HEAD;
use super::super::{Class, Kind, PinState, Usage};
use super::*;

fn object() -> ObjectInfo {
    ObjectInfo {
        handle: 7,
        class: Class::Private,
        kind: Kind::Other(0x1234),
        label: "a key".into(),
        id: vec![0, 1, 255],
        application: String::new(),
        size: 3072,
        spki: Some(vec![0x30, 0]),
        sensitive: Some(true),
        extractable: Some(false),
        never_extractable: None,
        wrap_with_trusted: Some(false),
        local: Some(true),
        usage: Usage {
            sign: true,
            ..Usage::default()
        },
    }
}

fn token() -> TokenInfo {
    TokenInfo {
        slot: u64::MAX,
        label: "t".into(),
        manufacturer: "m".into(),
        model: "o".into(),
        serial: "1".into(),
        firmware: "2.6".into(),
        initialized: true,
        pin_pad: false,
        write_protected: true,
        pin: PinState::FinalTry,
    }
}

fn secret(byte: u8, length: usize) -> SecretBytes {
    SecretBytes::new(vec![byte; length])
}

fn requests() -> Vec<Request> {
    let rsa = Parts::Rsa {
        n: secret(1, 384),
        e: secret(2, 3),
        d: secret(3, 384),
        p: secret(4, 192),
        q: secret(5, 192),
        dp: secret(6, 192),
        dq: secret(7, 192),
        qi: secret(8, 192),
    };
    vec![
        Request::Load {
            module: "/m.so".into(),
            init: "a='b'".into(),
        },
        Request::Tokens,
        Request::Open {
            slot: 3,
            label: "l".into(),
            serial: "s".into(),
            write: true,
        },
        Request::Login {
            pin: SecretText::new("1234".into()),
        },
        Request::Objects,
        Request::Random { count: 64 },
        Request::UseAes { key: secret(9, 32) },
        Request::UseRsa {
            n: vec![1; 384],
            e: vec![1, 0, 1],
        },
        Request::Wrap {
            handle: 5,
            method: Method::OaepSha1,
            iv: [4; 12],
        },
        Request::Read { handle: 6 },
        Request::Create(Box::new(NewObject {
            label: "l".into(),
            id: vec![1],
            application: "app".into(),
            parts: rsa,
            wrapped_form: secret(1, 1800),
            point: vec![4; 65],
            usage: Usage::default(),
            extractable: true,
        })),
        Request::Sign {
            handle: 8,
            with: SignWith::Hmac,
            message: vec![1; 32],
        },
        Request::Destroy { handle: 8 },
    ]
}

fn replies() -> Vec<Reply> {
    vec![
        Reply::Loaded {
            library: "SoftHSM 2.6".into(),
            unconfined: String::new(),
        },
        Reply::Tokens(vec![token(), token()]),
        Reply::Done,
        Reply::Objects(vec![
            object(),
            ObjectInfo {
                spki: None,
                kind: Kind::Data,
                ..object()
            },
        ]),
        Reply::Random(secret(1, 64)),
        Reply::Wrapped {
            iv: [2; 12],
            blob: vec![1; 40],
        },
        Reply::Plain(Parts::EcP256(secret(1, 32))),
        Reply::Plain(Parts::Ed25519(secret(1, 32))),
        Reply::Plain(Parts::Secret(secret(1, 128))),
        Reply::Plain(Parts::Data(secret(1, 65_536))),
        Reply::Created(object()),
        Reply::Signature(vec![1; 64]),
        Reply::Refused {
            no: No::Device,
            text: "C_Sign: CKR_DEVICE_ERROR".into(),
        },
    ]
}

/// Each message comes back as the same bytes; each cut of it, and each byte more, is refused.
#[test]
fn messages_are_read_whole_or_not_at_all() {
    for request in requests() {
        let frame = request.frame().unwrap();
        let body = &frame[HEAD..];
        let again = Request::read(body).ok().unwrap();
        assert!(*again.frame().unwrap() == *frame);
        for cut in 0..body.len() {
            assert!(
                Request::read(&body[..cut]).is_err(),
                "kind {} cut at {cut}",
                body[0]
            );
        }
        let longer = [body, &[0]].concat();
        assert_eq!(Request::read(&longer).err(), Some(FrameError::Trailing));
    }
    for reply in replies() {
        let frame = reply.frame().unwrap();
        let body = &frame[HEAD..];
        let again = Reply::read(body).ok().unwrap();
        assert!(*again.frame().unwrap() == *frame);
        for cut in 0..body.len().min(4096) {
            assert!(
                Reply::read(&body[..cut]).is_err(),
                "kind {} cut at {cut}",
                body[0]
            );
        }
        let longer = [body, &[0]].concat();
        assert_eq!(Reply::read(&longer).err(), Some(FrameError::Trailing));
    }
}

#[test]
fn bounds_hold() {
    let field = |reply: Reply| Reply::read(&reply.frame().unwrap()[HEAD..]).err();
    assert_eq!(
        field(Reply::Plain(Parts::EcP256(secret(1, 33)))),
        Some(FrameError::Field("value"))
    );
    assert_eq!(
        field(Reply::Plain(Parts::Data(secret(1, MAX_VALUE + 1)))),
        Some(FrameError::Field("value"))
    );
    assert_eq!(
        field(Reply::Tokens(vec![token(); 257])),
        Some(FrameError::Field("tokens"))
    );
    let long = ObjectInfo {
        id: vec![0; 256],
        ..object()
    };
    assert_eq!(field(Reply::Created(long)), Some(FrameError::Field("id")));
    let escape = ObjectInfo {
        label: "\u{1b}]0;x".into(),
        ..object()
    };
    assert_eq!(
        field(Reply::Created(escape)),
        Some(FrameError::Field("label"))
    );
    let short = Request::UseAes { key: secret(1, 31) }.frame().unwrap();
    assert_eq!(
        Request::read(&short[HEAD..]).err(),
        Some(FrameError::Field("key"))
    );
    let many = Request::Random {
        count: MAX_RANDOM + 1,
    }
    .frame()
    .unwrap();
    assert_eq!(
        Request::read(&many[HEAD..]).err(),
        Some(FrameError::Field("count"))
    );
    for unknown in [0, 2, 3, 11, 0x80, 0x80 | 11, 255] {
        assert!(Reply::read(&[unknown]).is_err());
    }
}

proptest::proptest! {
    /// Whatever a child says is an answer or none: nothing panics, and what is read says the same again.
    #[test]
    fn any_bytes_are_a_message_or_none(start in 0_usize..26, changes in proptest::collection::vec((0_usize..4096, 0_u8..), 0..8), tail in proptest::collection::vec(0_u8.., 0..40)) {
        let frames: Vec<_> = requests().iter().map(Request::frame).chain(replies().iter().map(Reply::frame)).collect();
        let mut body = frames[start % frames.len()].as_ref().unwrap()[HEAD..].to_vec();
        for (at, byte) in changes {
            let length = body.len();
            body[at % length] = byte;
        }
        body.extend(tail);
        if let Ok(reply) = Reply::read(&body) {
            proptest::prop_assert!(reply.frame().unwrap()[HEAD..] == body);
        }
        if let Ok(request) = Request::read(&body) {
            proptest::prop_assert!(request.frame().unwrap()[HEAD..] == body);
        }
    }
}
