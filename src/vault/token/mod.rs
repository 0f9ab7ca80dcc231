//! Keys of HSM tokens: unwrapped, proven, put into a bundle, and made ready for a token again.
//!
//! 1. What comes out of a token is foreign. It counts when its secret gives the public key that the token holds.
//! 2. A token that holds the validator's own keys gives them as what they are: a generic secret of 128 bytes is a
//!    SPHINCS+ session key, a data object named as a file of the node is that file.
//! 3. Everything else becomes a key of type `hsm/...` whose secret is a `qh-token-key/1` document.

pub mod challenge;
mod fault;
mod key;
mod members;
mod restore;
mod stored;
mod wrap;

pub use fault::TokenFault;
pub use key::{Material, TokenKey, prove};
pub use members::{Member, known_data, member};
pub use restore::{fresh_object, new_file, new_object};
pub use stored::{is_token_key, secret_numbers, token_key};
pub use wrap::WrapKeys;

#[cfg(test)]
mod tests;
