//! Key material and how it is sealed.
//!
//! A [`bundle::Bundle`] holds what a ceremony backs up. It leaves memory in one of two sealed forms, [`seal_jwe`]
//! (AES-256-GCM) or [`seal_age`] (an age passphrase file with a clear [`sidecar`]); [`sealed::Sealed`] is either of
//! them as read from a medium. A [`delivery::Delivery`] carries key files between host and laptop.
//! A sealed backup opens only with a key whose public key check has been compared ([`checked`]).

mod age_file;
pub mod bundle;
pub mod checked;
pub mod contents;
pub mod delivery;
pub mod document;
pub mod gather;
pub mod header;
pub mod install;
pub mod recipient;
mod rules;
pub mod seal_age;
pub mod seal_jwe;
pub mod sealed;
pub mod sidecar;

pub mod keystore;
pub mod object;
pub mod registered;
pub mod schemes;
mod strict_json;
pub mod token;
