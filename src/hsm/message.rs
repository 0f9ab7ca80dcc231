//! What the two programs say to each other: `qh-ceremony` asks, `qh-pkcs11` answers each question once.

use super::frame::{Body, Fields, FrameError};
use super::{
    Class, Kind, Method, NewObject, ObjectInfo, Parts, PinState, SignWith, TokenInfo, Usage,
};
use crate::secret::{SecretBytes, SecretText};
use zeroize::Zeroizing;

/// What tells an answer from a question: an echo is no answer.
const ANSWER: u8 = 0x80;
const MAX_TEXT: usize = 1024;
const MAX_ID: usize = 255;
const MAX_SPKI: usize = 2048;
/// The largest value of an object, bytes.
pub const MAX_VALUE: usize = 64 * 1024;
const MAX_WRAPPED: usize = MAX_VALUE + 1024;
const MAX_PIN: usize = 256;
/// The most tokens and the most objects that are listed.
pub const MAX_LISTED: u64 = 256;
/// The most random bytes at once.
pub const MAX_RANDOM: u64 = 1024;

/// A question to the child.
pub enum Request {
    /// Load a module and initialise it. The first question.
    Load {
        /// The shared object's path.
        module: String,
        /// Initialisation arguments of the module (`pReserved`); empty for none.
        init: String,
    },
    /// List the slots with a token.
    Tokens,
    /// Open a session with the token in this slot.
    Open {
        /// Slot number.
        slot: u64,
        /// The label it must have.
        label: String,
        /// The serial number it must have.
        serial: String,
        /// Whether anything will be written.
        write: bool,
    },
    /// Log in as user.
    Login {
        /// The PIN; empty where it is typed on the token's own pad.
        pin: SecretText,
    },
    /// List the objects of interest.
    Objects,
    /// Draw random bytes.
    Random {
        /// How many, at most [`MAX_RANDOM`].
        count: u64,
    },
    /// Take this AES-256 key for wrapping, as a session object.
    UseAes {
        /// 32 bytes.
        key: SecretBytes,
    },
    /// Take this RSA public key for wrapping, as a session object.
    UseRsa {
        /// Modulus.
        n: Vec<u8>,
        /// Public exponent.
        e: Vec<u8>,
    },
    /// Wrap an object.
    Wrap {
        /// Its handle.
        handle: u64,
        /// How.
        method: Method,
        /// The IV of [`Method::AesGcm`], 12 bytes.
        iv: [u8; 12],
    },
    /// Read an object that is not sensitive.
    Read {
        /// Its handle.
        handle: u64,
    },
    /// Write a new object, and list it back.
    Create(Box<NewObject>),
    /// Sign a challenge.
    Sign {
        /// The key's handle.
        handle: u64,
        /// How.
        with: SignWith,
        /// What; for [`SignWith::Ecdsa`] its digest.
        message: Vec<u8>,
    },
    /// Destroy an object that was just written and is not what was sent.
    Destroy {
        /// Its handle.
        handle: u64,
    },
}

/// Why the child says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// The module can't be loaded or initialised.
    NotLoaded,
    /// There is no such token in that slot.
    NoToken,
    /// The token is gone.
    Removed,
    /// The PIN is wrong.
    PinWrong,
    /// The PIN is locked.
    PinLocked,
    /// The object is not extractable.
    NotExtractable,
    /// Only a trusted key may wrap the object.
    TrustedOnly,
    /// The value is sensitive.
    Sensitive,
    /// The token doesn't offer this.
    NotOffered,
    /// An object with this label, id and class is there already.
    Exists,
    /// Anything else.
    Device,
}

impl No {
    const ALL: [No; 11] = [
        No::NotLoaded,
        No::NoToken,
        No::Removed,
        No::PinWrong,
        No::PinLocked,
        No::NotExtractable,
        No::TrustedOnly,
        No::Sensitive,
        No::NotOffered,
        No::Exists,
        No::Device,
    ];
}

/// An answer of the child.
pub enum Reply {
    /// The module is loaded.
    Loaded {
        /// What it calls itself.
        library: String,
        /// What the child could not drop; empty when it dropped everything.
        unconfined: String,
    },
    /// The tokens.
    Tokens(Vec<TokenInfo>),
    /// It is done.
    Done,
    /// The objects.
    Objects(Vec<ObjectInfo>),
    /// Random bytes.
    Random(SecretBytes),
    /// A wrapped object.
    Wrapped {
        /// The IV of [`Method::AesGcm`] as the module left it: some put one of their own.
        iv: [u8; 12],
        /// What came out.
        blob: Vec<u8>,
    },
    /// An object's parts in the clear.
    Plain(Parts),
    /// The new object, listed back.
    Created(ObjectInfo),
    /// A signature.
    Signature(Vec<u8>),
    /// No.
    Refused {
        /// Why.
        no: No,
        /// The function and its code, e.g. `C_Login: CKR_PIN_LOCKED`. Printable, never a value.
        text: String,
    },
}

type Frame = Result<Zeroizing<Vec<u8>>, FrameError>;

impl Request {
    /// The frame.
    ///
    /// # Errors
    /// [`FrameError::Length`] if it would be too long.
    pub fn frame(&self) -> Frame {
        match self {
            Request::Load { module, init } => Body::new(1).text(module).text(init),
            Request::Tokens => Body::new(2),
            Request::Open {
                slot,
                label,
                serial,
                write,
            } => Body::new(3)
                .u64(*slot)
                .text(label)
                .text(serial)
                .flag(*write),
            Request::Login { pin } => Body::new(4).text(pin.expose()),
            Request::Objects => Body::new(5),
            Request::Random { count } => Body::new(6).u64(*count),
            Request::UseAes { key } => Body::new(7).bytes(key.expose()),
            Request::UseRsa { n, e } => Body::new(8).bytes(n).bytes(e),
            Request::Wrap { handle, method, iv } => {
                Body::new(9).u64(*handle).u8(method_byte(*method)).bytes(iv)
            }
            Request::Read { handle } => Body::new(10).u64(*handle),
            Request::Create(object) => put_new(Body::new(11), object),
            Request::Sign {
                handle,
                with,
                message,
            } => Body::new(12)
                .u64(*handle)
                .u8(sign_byte(*with))
                .bytes(message),
            Request::Destroy { handle } => Body::new(13).u64(*handle),
        }
        .finish()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`FrameError`]: anything but exactly one request.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut f) = Fields::of(body)?;
        let request = match kind {
            1 => Request::Load {
                module: f.text("module", MAX_TEXT)?,
                init: f.text("init", MAX_TEXT)?,
            },
            2 => Request::Tokens,
            3 => Request::Open {
                slot: f.u64()?,
                label: f.text("label", MAX_TEXT)?,
                serial: f.text("serial", MAX_TEXT)?,
                write: f.flag("write")?,
            },
            4 => Request::Login {
                pin: f.secret_text("pin", MAX_PIN)?,
            },
            5 => Request::Objects,
            6 => Request::Random {
                count: f.count("count", MAX_RANDOM)?,
            },
            7 => Request::UseAes {
                key: exact(f.secret("key", 32)?, 32, "key")?,
            },
            8 => Request::UseRsa {
                n: f.bytes("n", 1024)?.to_vec(),
                e: f.bytes("e", 8)?.to_vec(),
            },
            9 => Request::Wrap {
                handle: f.u64()?,
                method: one_of(&Method::ALL, f.u8()?, "method")?,
                iv: take_iv(&mut f)?,
            },
            10 => Request::Read { handle: f.u64()? },
            11 => Request::Create(Box::new(take_new(&mut f)?)),
            12 => Request::Sign {
                handle: f.u64()?,
                with: one_of(&SIGN_WITH, f.u8()?, "with")?,
                message: f.bytes("message", MAX_TEXT)?.to_vec(),
            },
            13 => Request::Destroy { handle: f.u64()? },
            _ => return Err(FrameError::Field("request")),
        };
        f.end()?;
        Ok(request)
    }
}

impl Reply {
    /// The frame.
    ///
    /// # Errors
    /// [`FrameError::Length`] if it would be too long.
    pub fn frame(&self) -> Frame {
        match self {
            Reply::Loaded {
                library,
                unconfined,
            } => Body::new(ANSWER | 1).text(library).text(unconfined),
            Reply::Tokens(tokens) => {
                let body = Body::new(ANSWER | 2).u64(tokens.len() as u64);
                tokens.iter().fold(body, put_token)
            }
            Reply::Done => Body::new(ANSWER | 3),
            Reply::Objects(objects) => {
                let body = Body::new(ANSWER | 4).u64(objects.len() as u64);
                objects.iter().fold(body, put_object)
            }
            Reply::Random(bytes) => Body::new(ANSWER | 5).bytes(bytes.expose()),
            Reply::Wrapped { iv, blob } => Body::new(ANSWER | 6).bytes(iv).bytes(blob),
            Reply::Plain(parts) => put_parts(Body::new(ANSWER | 7), parts),
            Reply::Created(object) => put_object(Body::new(ANSWER | 8), object),
            Reply::Signature(bytes) => Body::new(ANSWER | 9).bytes(bytes),
            Reply::Refused { no, text } => {
                let at = No::ALL
                    .iter()
                    .position(|own| own == no)
                    .unwrap_or(No::ALL.len() - 1);
                Body::new(ANSWER | 10)
                    .u8(u8::try_from(at).unwrap_or(u8::MAX))
                    .text(text)
            }
        }
        .finish()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`FrameError`]: anything but exactly one reply.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut f) = Fields::of(body)?;
        let reply = match kind ^ ANSWER {
            1 => Reply::Loaded {
                library: f.text("library", MAX_TEXT)?,
                unconfined: f.text("unconfined", MAX_TEXT)?,
            },
            2 => {
                let count = f.count("tokens", MAX_LISTED)?;
                Reply::Tokens(
                    (0..count)
                        .map(|_| take_token(&mut f))
                        .collect::<Result<_, _>>()?,
                )
            }
            3 => Reply::Done,
            4 => {
                let count = f.count("objects", MAX_LISTED)?;
                Reply::Objects(
                    (0..count)
                        .map(|_| take_object(&mut f))
                        .collect::<Result<_, _>>()?,
                )
            }
            5 => Reply::Random(f.secret("random", MAX_TEXT)?),
            6 => Reply::Wrapped {
                iv: take_iv(&mut f)?,
                blob: f.bytes("wrapped", MAX_WRAPPED)?.to_vec(),
            },
            7 => Reply::Plain(take_parts(&mut f)?),
            8 => Reply::Created(take_object(&mut f)?),
            9 => Reply::Signature(f.bytes("signature", MAX_SPKI)?.to_vec()),
            10 => Reply::Refused {
                no: one_of(&No::ALL, f.u8()?, "no")?,
                text: f.text("text", MAX_TEXT)?,
            },
            _ => return Err(FrameError::Field("reply")),
        };
        f.end()?;
        Ok(reply)
    }
}

const SIGN_WITH: [SignWith; 4] = [
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

fn at<T: PartialEq>(all: &[T], value: &T) -> u8 {
    let at = all.iter().position(|own| own == value);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn one_of<T: Copy>(all: &[T], at: u8, name: &'static str) -> Result<T, FrameError> {
    all.get(usize::from(at))
        .copied()
        .ok_or(FrameError::Field(name))
}

fn method_byte(method: Method) -> u8 {
    at(&Method::ALL, &method)
}

fn sign_byte(with: SignWith) -> u8 {
    at(&SIGN_WITH, &with)
}

fn exact(bytes: SecretBytes, length: usize, name: &'static str) -> Result<SecretBytes, FrameError> {
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(FrameError::Field(name))
    }
}

fn take_iv(f: &mut Fields<'_>) -> Result<[u8; 12], FrameError> {
    f.bytes("iv", 12)?
        .try_into()
        .map_err(|_| FrameError::Field("iv"))
}

fn put_token(body: Body, token: &TokenInfo) -> Body {
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

fn take_token(f: &mut Fields<'_>) -> Result<TokenInfo, FrameError> {
    Ok(TokenInfo {
        slot: f.u64()?,
        label: f.text("label", MAX_TEXT)?,
        manufacturer: f.text("manufacturer", MAX_TEXT)?,
        model: f.text("model", MAX_TEXT)?,
        serial: f.text("serial", MAX_TEXT)?,
        firmware: f.text("firmware", MAX_TEXT)?,
        initialized: f.flag("initialized")?,
        pin_pad: f.flag("pin_pad")?,
        write_protected: f.flag("write_protected")?,
        pin: one_of(&PIN_STATES, f.u8()?, "pin")?,
    })
}

fn put_kind(body: Body, kind: Kind) -> Body {
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

fn take_kind(f: &mut Fields<'_>) -> Result<Kind, FrameError> {
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

fn put_usage(body: Body, usage: Usage) -> Body {
    body.flag(usage.sign)
        .flag(usage.decrypt)
        .flag(usage.unwrap)
        .flag(usage.derive)
}

fn take_usage(f: &mut Fields<'_>) -> Result<Usage, FrameError> {
    Ok(Usage {
        sign: f.flag("sign")?,
        decrypt: f.flag("decrypt")?,
        unwrap: f.flag("unwrap")?,
        derive: f.flag("derive")?,
    })
}

fn put_object(body: Body, object: &ObjectInfo) -> Body {
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

fn take_object(f: &mut Fields<'_>) -> Result<ObjectInfo, FrameError> {
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

fn put_parts(body: Body, parts: &Parts) -> Body {
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

fn take_parts(f: &mut Fields<'_>) -> Result<Parts, FrameError> {
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

fn put_new(body: Body, object: &NewObject) -> Body {
    let body = body
        .text(&object.label)
        .bytes(&object.id)
        .text(&object.application);
    let body = put_parts(body, &object.parts)
        .bytes(object.wrapped_form.expose())
        .bytes(&object.point);
    put_usage(body, object.usage).flag(object.extractable)
}

fn take_new(f: &mut Fields<'_>) -> Result<NewObject, FrameError> {
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

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
