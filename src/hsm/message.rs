//! What the two programs say to each other: `qh-ceremony` asks, `qh-pkcs11` answers each question once.

use super::frame::{Body, Fields, FrameError};
use super::parts::*;
use super::{Method, NewObject, ObjectInfo, Parts, SignWith, TokenInfo};
use crate::secret::{SecretBytes, SecretText};
use zeroize::Zeroizing;

/// What tells an answer from a question: an echo is no answer.
const ANSWER: u8 = 0x80;
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
    /// Why an object stays in its token, in the middle of a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            No::TrustedOnly => "only a trusted wrapping key may take the object out",
            _ => "the token reports the object as not extractable",
        }
    }

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

/// The longest text of a module's own, bytes: what it says goes into the transcript.
pub const MAX_SAID: usize = 120;

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
                library: f.text("library", MAX_SAID)?,
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
                text: f.text("text", MAX_SAID)?,
            },
            _ => return Err(FrameError::Field("reply")),
        };
        f.end()?;
        Ok(reply)
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
