//! The inside of `qh-pkcs11`, the child that runs a vendor's module.
//!
//! It answers one question at a time over its pipes and does nothing of its own accord. Before it loads anything it gives
//! up what it doesn't need ([`confine`]). What the module does to this process ends this process alone.

pub mod confine;
mod create;
mod export;
mod listing;
#[allow(unsafe_code)]
mod raw;
mod token;

use std::io::{Read, Write};

use zeroize::Zeroizing;

use crate::hsm::frame::{FrameError, HEAD, body_len};
use crate::hsm::message::{No, Reply, Request};
use token::Token;

/// Why the child ends. Nobody reads it but the parent, as an exit code.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The pipe.
    #[error("the pipe failed: {0}")]
    Pipe(#[from] std::io::Error),
    /// A frame that is none.
    #[error("the question is none: {0}")]
    Frame(#[from] FrameError),
}

/// A refusal of the child: why, and the function and code that it came from.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) No, pub(crate) String);

/// Answers questions until the parent closes the pipe. `unconfined` says what could not be given up; empty for nothing.
///
/// # Errors
/// [`ServeError`]: the pipe, or a question that is none.
pub fn serve(mut from: impl Read, mut to: impl Write, unconfined: &str) -> Result<(), ServeError> {
    let mut token = Token::default();
    while let Some(request) = next(&mut from)? {
        let reply = token.answer(request, unconfined);
        let reply = reply.unwrap_or_else(|Refusal(no, text)| Reply::Refused { no, text });
        let frame = match reply.frame() {
            Ok(frame) => frame,
            Err(error) => Reply::Refused {
                no: No::Device,
                text: error.to_string(),
            }
            .frame()?,
        };
        to.write_all(&frame)?;
        to.flush()?;
    }
    token.leave();
    Ok(())
}

fn next(from: &mut impl Read) -> Result<Option<Request>, ServeError> {
    let mut head = [0; HEAD];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut body = Zeroizing::new(vec![0; body_len(head)?]);
    from.read_exact(&mut body)?;
    Ok(Some(Request::read(&body)?))
}
