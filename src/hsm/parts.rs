//! The parts of messages, field by field.

use super::frame::{Body, Fields, FrameError};
use super::{
    Class, Kind, Method, NewObject, ObjectInfo, Parts, PinState, SignWith, TokenInfo, Usage,
};
use crate::secret::SecretBytes;

pub(super) const MAX_TEXT: usize = 1024;
pub(super) const MAX_ID: usize = 255;
pub(super) const MAX_SPKI: usize = 2048;
/// The largest value of an object, bytes.
pub const MAX_VALUE: usize = 64 * 1024;

pub(super) const SIGN_WITH: [SignWith; 4] = [
    SignWith::Ecdsa,
    SignWith::RsaPkcs,
    SignWith::Eddsa,
    SignWith::Hmac,
];
const CLASSES: [Class; 3] = [Class::Private, Class::Secret, Class::Data];
const PIN_STATES: [PinState; 4] = [
    PinState::Good,
    PinState::CountLow,
    PinState::FinalTry,
    PinState::Locked,
];

pub(super) fn at<T: PartialEq>(all: &[T], value: &T) -> u8 {
    let at = all.iter().position(|own| own == value);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

pub(super) fn one_of<T: Copy>(all: &[T], at: u8, name: &'static str) -> Result<T, FrameError> {
    all.get(usize::from(at))
        .copied()
        .ok_or(FrameError::Field(name))
}

pub(super) fn method_byte(method: Method) -> u8 {
    at(&Method::ALL, &method)
}

pub(super) fn sign_byte(with: SignWith) -> u8 {
    at(&SIGN_WITH, &with)
}

pub(super) fn exact(
    bytes: SecretBytes,
    length: usize,
    name: &'static str,
) -> Result<SecretBytes, FrameError> {
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(FrameError::Field(name))
    }
}

pub(super) fn take_iv(f: &mut Fields<'_>) -> Result<[u8; 12], FrameError> {
    f.bytes("iv", 12)?
        .try_into()
        .map_err(|_| FrameError::Field("iv"))
}

pub(super) fn put_token(body: Body, token: &TokenInfo) -> Body {
    body.u64(token.slot)
        .text(&token.label)
        .text(&token.manufacturer)
        .text(&token.model)
        .text(&token.serial)
        .text(&token.firmware)
        .flag(token.initialized)
        .flag(token.pin_pad)
        .flag(token.write_protected)
        .u8(at(&PIN_STATES, &token.pin))
}

pub(super) fn take_token(f: &mut Fields<'_>) -> Result<TokenInfo, FrameError> {
    Ok(TokenInfo {
        slot: f.u64()?,
        label: f.text("label", 128)?,
        manufacturer: f.text("manufacturer", 128)?,
        model: f.text("model", 64)?,
        serial: f.text("serial", 64)?,
        firmware: f.text("firmware", 32)?,
        initialized: f.flag("initialized")?,
        pin_pad: f.flag("pin_pad")?,
        write_protected: f.flag("write_protected")?,
        pin: one_of(&PIN_STATES, f.u8()?, "pin")?,
    })
}

pub(super) fn put_kind(body: Body, kind: Kind) -> Body {
    let (byte, other) = match kind {
        Kind::EcP256 => (0, 0),
        Kind::Rsa => (1, 0),
        Kind::Ed25519 => (2, 0),
        Kind::Generic => (3, 0),
        Kind::Data => (4, 0),
        Kind::Other(kind) => (5, kind),
    };
    body.u8(byte).u64(other)
}

pub(super) fn take_kind(f: &mut Fields<'_>) -> Result<Kind, FrameError> {
    match (f.u8()?, f.u64()?) {
        (0, 0) => Ok(Kind::EcP256),
        (1, 0) => Ok(Kind::Rsa),
        (2, 0) => Ok(Kind::Ed25519),
        (3, 0) => Ok(Kind::Generic),
        (4, 0) => Ok(Kind::Data),
        (5, other) => Ok(Kind::Other(other)),
        _ => Err(FrameError::Field("kind")),
    }
}

pub(super) fn put_usage(body: Body, usage: Usage) -> Body {
    body.flag(usage.sign)
        .flag(usage.decrypt)
        .flag(usage.unwrap)
        .flag(usage.derive)
}

pub(super) fn take_usage(f: &mut Fields<'_>) -> Result<Usage, FrameError> {
    Ok(Usage {
        sign: f.flag("sign")?,
        decrypt: f.flag("decrypt")?,
        unwrap: f.flag("unwrap")?,
        derive: f.flag("derive")?,
    })
}

pub(super) fn put_object(body: Body, object: &ObjectInfo) -> Body {
    let body = body.u64(object.handle).u8(at(&CLASSES, &object.class));
    let body = put_kind(body, object.kind)
        .text(&object.label)
        .bytes(&object.id)
        .text(&object.application)
        .u64(object.size)
        .flag(object.spki.is_some())
        .bytes(object.spki.as_deref().unwrap_or_default())
        .told(object.sensitive)
        .told(object.extractable)
        .told(object.never_extractable)
        .told(object.wrap_with_trusted)
        .told(object.local);
    put_usage(body, object.usage)
}

pub(super) fn take_object(f: &mut Fields<'_>) -> Result<ObjectInfo, FrameError> {
    Ok(ObjectInfo {
        handle: f.u64()?,
        class: one_of(&CLASSES, f.u8()?, "class")?,
        kind: take_kind(f)?,
        label: f.text("label", MAX_TEXT)?,
        id: f.bytes("id", MAX_ID)?.to_vec(),
        application: f.text("application", MAX_TEXT)?,
        size: f.u64()?,
        spki: {
            let is_there = f.flag("spki")?;
            let der = f.bytes("spki", MAX_SPKI)?.to_vec();
            is_there.then_some(der)
        },
        sensitive: f.told("sensitive")?,
        extractable: f.told("extractable")?,
        never_extractable: f.told("never_extractable")?,
        wrap_with_trusted: f.told("wrap_with_trusted")?,
        local: f.told("local")?,
        usage: take_usage(f)?,
    })
}

pub(super) fn put_parts(body: Body, parts: &Parts) -> Body {
    match parts {
        Parts::EcP256(value) => body.u8(0).bytes(value.expose()),
        Parts::Ed25519(value) => body.u8(1).bytes(value.expose()),
        Parts::Rsa {
            n,
            e,
            d,
            p,
            q,
            dp,
            dq,
            qi,
        } => {
            let body = body.u8(2);
            [n, e, d, p, q, dp, dq, qi]
                .into_iter()
                .fold(body, |body, part| body.bytes(part.expose()))
        }
        Parts::Secret(value) => body.u8(3).bytes(value.expose()),
        Parts::Data(value) => body.u8(4).bytes(value.expose()),
    }
}

pub(super) fn take_parts(f: &mut Fields<'_>) -> Result<Parts, FrameError> {
    Ok(match f.u8()? {
        0 => Parts::EcP256(f.secret("value", 32)?),
        1 => Parts::Ed25519(f.secret("value", 64)?),
        2 => Parts::Rsa {
            n: f.secret("number", 1024)?,
            e: f.secret("number", 1024)?,
            d: f.secret("number", 1024)?,
            p: f.secret("number", 1024)?,
            q: f.secret("number", 1024)?,
            dp: f.secret("number", 1024)?,
            dq: f.secret("number", 1024)?,
            qi: f.secret("number", 1024)?,
        },
        3 => Parts::Secret(f.secret("value", MAX_VALUE)?),
        4 => Parts::Data(f.secret("value", MAX_VALUE)?),
        _ => return Err(FrameError::Field("parts")),
    })
}

pub(super) fn put_new(body: Body, object: &NewObject) -> Body {
    let body = body
        .text(&object.label)
        .bytes(&object.id)
        .text(&object.application);
    let body = put_parts(body, &object.parts)
        .bytes(object.wrapped_form.expose())
        .bytes(&object.point);
    put_usage(body, object.usage).flag(object.extractable)
}

pub(super) fn take_new(f: &mut Fields<'_>) -> Result<NewObject, FrameError> {
    Ok(NewObject {
        label: f.text("label", MAX_TEXT)?,
        id: f.bytes("id", MAX_ID)?.to_vec(),
        application: f.text("application", MAX_TEXT)?,
        parts: take_parts(f)?,
        wrapped_form: f.secret("wrapped_form", MAX_VALUE)?,
        point: f.bytes("point", 256)?.to_vec(),
        usage: take_usage(f)?,
        extractable: f.flag("extractable")?,
    })
}
