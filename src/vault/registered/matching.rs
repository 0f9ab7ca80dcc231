//! Comparing keys with the registered ones. The match is byte for byte, type and public key.

use std::collections::BTreeSet;

use super::{Account, Place, Registered, RegisteredKey, UNKNOWN_TYPE};
use crate::vault::schemes::KeyType;

/// A public key to be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey<'a> {
    /// Key type.
    pub key_type: KeyType,
    /// Public key, raw bytes.
    pub public: &'a [u8],
}

/// What the chain says about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMatch {
    /// The chain knows it.
    Registered {
        /// The validator's account; `None` if it stands only in the list of authorities.
        account: Option<Account>,
        /// Where it stands; empty if the source doesn't tell.
        found_in: BTreeSet<Place>,
    },
    /// The chain knows these bytes as a key of another type.
    OtherType {
        /// The type that the chain has.
        key_type: KeyType,
    },
    /// The chain does not know it.
    NotRegistered,
}

/// Whose keys they are, all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// All keys that the chain knows belong to this account.
    One(Account),
    /// Some belong to one account and some to another.
    Several(BTreeSet<Account>),
    /// Known as authority, and the source doesn't tell the account.
    Unnamed,
    /// The chain knows none of them.
    None,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every key is registered, and all for one validator.
    Match,
    /// No key is registered.
    NoMatch,
    /// Some keys are registered and some are not, or they belong to several validators.
    Partial,
}

/// The outcome for a whole set of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchReport {
    /// One answer a key, in the order given.
    pub keys: Vec<KeyMatch>,
    /// Whose they are.
    pub validator: Validator,
    /// The answer in one word.
    pub verdict: Verdict,
}

impl MatchReport {
    /// The answers as short lines, the keys in the order that was matched, then whose they are.
    pub fn lines(&self, keys: &[PublicKey<'_>]) -> Vec<String> {
        let mut lines = vec![];
        for (key, found) in keys.iter().zip(&self.keys) {
            let (key_type, short) = (key.key_type, short(key.public));
            lines.push(match found {
                KeyMatch::Registered { .. } => format!("{key_type} {short} registered"),
                KeyMatch::OtherType { key_type: other } => {
                    format!("{key_type} {short} registered as {other}")
                }
                KeyMatch::NotRegistered => format!("{key_type} {short} not registered"),
            });
        }
        match &self.validator {
            Validator::One(account) => lines.push(format!("of validator {account}")),
            Validator::Several(accounts) => {
                lines.push(format!("of {} different validators", accounts.len()));
            }
            Validator::Unnamed => {
                lines.push("an authority whose account the file doesn't tell".into());
            }
            Validator::None => {}
        }
        lines
    }
}

/// First and last eight digits: what people read out and compare.
fn short(public: &[u8]) -> String {
    let digits = data_encoding::HEXLOWER.encode(public);
    match (
        digits.get(..8),
        digits.get(digits.len().saturating_sub(8)..),
    ) {
        (Some(first), Some(last)) if digits.len() > 16 => format!("{first} ... {last}"),
        _ => digits,
    }
}

/// Matches `keys` with the registered ones. No keys match nothing.
pub fn match_keys(registered: &Registered, keys: &[PublicKey<'_>]) -> MatchReport {
    let keys: Vec<KeyMatch> = keys.iter().map(|key| match_key(registered, key)).collect();
    let (mut accounts, mut unnamed, mut unknown) = (BTreeSet::new(), false, false);
    for key in &keys {
        match key {
            KeyMatch::Registered {
                account: Some(account),
                ..
            } => {
                accounts.insert(*account);
            }
            KeyMatch::Registered { account: None, .. } => unnamed = true,
            KeyMatch::OtherType { .. } | KeyMatch::NotRegistered => unknown = true,
        }
    }
    let validator = match accounts.first() {
        Some(only) if accounts.len() == 1 => Validator::One(*only),
        Some(_) => Validator::Several(accounts),
        None if unnamed => Validator::Unnamed,
        None => Validator::None,
    };
    let verdict = match &validator {
        Validator::None => Verdict::NoMatch,
        Validator::One(_) | Validator::Unnamed if !unknown => Verdict::Match,
        _ => Verdict::Partial,
    };
    MatchReport {
        keys,
        validator,
        verdict,
    }
}

fn match_key(registered: &Registered, key: &PublicKey<'_>) -> KeyMatch {
    let same_bytes = || {
        registered
            .keys
            .iter()
            .filter(|known| known.public == key.public)
    };
    let fits =
        |known: &&RegisteredKey| known.key_type == key.key_type || known.key_type == UNKNOWN_TYPE;
    // An entry that names the account tells more than one that doesn't.
    let best = same_bytes()
        .filter(fits)
        .max_by_key(|known| known.account.is_some());
    match (best, same_bytes().next()) {
        (Some(known), _) => KeyMatch::Registered {
            account: known.account,
            found_in: known.found_in.clone(),
        },
        (None, Some(other)) => KeyMatch::OtherType {
            key_type: other.key_type,
        },
        (None, None) => KeyMatch::NotRegistered,
    }
}
