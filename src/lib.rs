//! The map of `qh-ceremony`: key ceremonies on an air-gapped laptop.
//!
//! One paragraph per room, and which way imports run.
//!
//! - [`ceremony`] is the state machine: scripts, steps, policy, prompts, events, effects. It is pure: no files,
//!   clock, randomness, terminal or secrets, and it imports nothing of ours.
//! - [`files`] reads files with a bound, and writes them whole or not at all.
//! - [`refusal`] is the one trait by which every room names what it refuses, why, and the way on.
//! - [`secret`] holds what must never leave memory unsealed: secret types, PINs, entropy, hardening, the search for residue.
//! - [`share`] splits a secret into sheets and brings it back: wire, words, QR text, quorum.
//! - [`vault`] holds key material and seals it: validator keystores, pair proofs, bundles, JWE and age files.
//! - [`transcript`] is what the auditor reads: hash-chained entries, record, annex, signature, verification.
//! - [`hsm`] is what both programs know of PKCS#11 tokens: URIs, frames, the child `qh-pkcs11` as its parent sees it.
//! - `pkcs11` (feature `pkcs11`, program `qh-pkcs11`) is that child's inside: the vendor's module runs there alone.
//! - [`device`] is the laptop around the ceremony: network check, clock, media, pictures.
//! - [`mod@print`] lays out sheets and forms and rasters them to pages.
//! - [`run`] is the driver, the only bridge from effects to devices and secrets, and back to events.
//! - [`tui`] shows prompts and takes answers. Drawing changes nothing.
//! - `online` (feature `online`, program `qh-online`) is the validator host's half: the registered validator, read from
//!   nodes, and keys on their way between the host's keystore and the laptop.
//! - `engines` (feature `engines`, program `qh-engine`) opens databases that were restored from snapshots.
//! - [`cli`] holds the command line of each program.
//!
//! `ceremony` imports nothing of ours; `tui` imports `ceremony` and the secret entry types; `run` imports
//! everything except `tui`, `online` and `pkcs11`; `online` imports neither `run` nor the ceremony's screens. `tests/house.rs`
//! checks this.
#![deny(unsafe_code, missing_docs)]

pub mod ceremony;
pub mod cli;
pub mod device;
#[cfg(feature = "engines")]
pub mod engines;
pub mod files;
pub mod hsm;
#[cfg(feature = "online")]
pub mod online;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod print;
pub mod refusal;
pub mod run;
pub mod secret;
pub mod share;
pub mod transcript;
pub mod tui;
pub mod vault;
