//! The storage items of sessions and their keys: twox128 of pallet and item, then twox64 of the map key and the key.

use twox_hash::XxHash64;

use super::{Account, scale};
use crate::vault::schemes::KeyType;

/// twox128("Session").
pub(super) const SESSION: [u8; 16] =
    *b"\xce\xc5\x07\x0d\x60\x9d\xd3\x49\x7f\x72\xbd\xe0\x7f\xc9\x6b\xa0";
/// twox128 of "NextKeys", "KeyOwner", "QueuedKeys", "Validators", each after [`SESSION`].
pub(super) const NEXT_KEYS: [u8; 16] =
    *b"\x4c\x01\x4e\x6b\xf8\xb8\xc2\xc0\x11\xe7\x29\x0b\x85\x69\x6b\xb3";
pub(super) const KEY_OWNER: [u8; 16] =
    *b"\x72\x63\x80\x40\x46\x83\xfc\x89\xe8\x23\x34\x50\xc8\xaa\x19\x50";
pub(super) const QUEUED_KEYS: [u8; 16] =
    *b"\xe0\xcd\xd0\x62\xe6\xea\xf2\x42\x95\xad\x4c\xcf\xc4\x1d\x46\x09";
pub(super) const VALIDATORS: [u8; 16] =
    *b"\x88\xdc\xde\x93\x4c\x65\x82\x27\xee\x1d\xfa\xfc\xd6\xe1\x69\x03";
/// twox128("Aura") and twox128("Authorities").
pub(super) const AURA: [u8; 16] =
    *b"\x57\xf8\xdc\x2f\x5a\xb0\x94\x67\x89\x6f\x47\x30\x0f\x04\x24\x38";
pub(super) const AUTHORITIES: [u8; 16] =
    *b"\x5e\x06\x21\xc4\x86\x9a\xa6\x0c\x02\xbe\x9a\xdc\xc9\x8a\x0d\x1d";

/// A storage item that matters here, with its map key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `Session.Validators`: SCALE vector of 32-byte accounts.
    Validators,
    /// `Session.QueuedKeys`: SCALE vector of an account and its keys.
    QueuedKeys,
    /// `Aura.Authorities`: SCALE vector of public keys.
    Authorities,
    /// `Session.NextKeys` of an account: its keys, one after another.
    NextKeys(Account),
    /// `Session.KeyOwner` of a key type and public key: a 32-byte account.
    KeyOwner(KeyType, Vec<u8>),
}

impl Item {
    /// Its name, for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Validators => "Session.Validators",
            Self::QueuedKeys => "Session.QueuedKeys",
            Self::Authorities => "Aura.Authorities",
            Self::NextKeys(_) => "Session.NextKeys",
            Self::KeyOwner(..) => "Session.KeyOwner",
        }
    }

    /// Its storage key, raw bytes.
    pub fn storage_key(&self) -> Vec<u8> {
        let hashed = |prefix, key: &[u8]| {
            let hash = XxHash64::oneshot(0, key).to_le_bytes();
            [&SESSION, &prefix, hash.as_slice(), key].concat()
        };
        match self {
            Self::Validators => [SESSION, VALIDATORS].concat(),
            Self::QueuedKeys => [SESSION, QUEUED_KEYS].concat(),
            Self::Authorities => [AURA, AUTHORITIES].concat(),
            Self::NextKeys(account) => hashed(NEXT_KEYS, &account.0),
            Self::KeyOwner(key_type, public) => {
                let len = scale::compact_of(public.len());
                hashed(KEY_OWNER, &[&key_type.0, len.as_slice(), public].concat())
            }
        }
    }
}
