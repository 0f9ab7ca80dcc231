//! The locker: where a ceremony's secrets lie between steps.
//!
//! - A slot is filled once. Filling it again is refused, so that no step silently replaces a secret that another step
//!   has already sealed or split; whoever means it wipes the slot first.
//! - Taking moves the secret out. Wiping drops it, and dropping zeroes it.

use std::collections::BTreeMap;
use std::fmt;

use super::{Secret32, SecretBytes, SecretText};
use crate::refusal::Refuse;

/// What a slot holds.
pub enum Content {
    /// Bytes of any length.
    Bytes(SecretBytes),
    /// Text.
    Text(SecretText),
    /// A 32-byte key or secret.
    Key32(Secret32),
}

/// Why the locker refuses. Slots are named, contents never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockerError {
    /// The slot already holds something.
    #[error(
        "The slot {slot} already holds a secret. A secret is not replaced without being wiped."
    )]
    Filled {
        /// The slot's name.
        slot: String,
    },
    /// The slot holds nothing.
    #[error(
        "The slot {slot} is empty. The step that fills it has not run, or its secret has been wiped."
    )]
    Empty {
        /// The slot's name.
        slot: String,
    },
    /// The slot holds another kind of secret.
    #[error(
        "The slot {slot} holds a secret of another kind ({holds}) than the step needs ({needs})."
    )]
    OtherKind {
        /// The slot's name.
        slot: String,
        /// The kind it holds.
        holds: &'static str,
        /// The kind that was asked for.
        needs: &'static str,
    },
}

impl Refuse for LockerError {
    fn name(&self) -> &'static str {
        match self {
            Self::Filled { .. } => "slot-filled",
            Self::Empty { .. } => "slot-empty",
            Self::OtherKind { .. } => "slot-other-kind",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Filled { .. } => "Wipe the slot first, or use another one.",
            Self::Empty { .. } => "Run the step that fills it again.",
            Self::OtherKind { .. } => "Stop, and have the ceremony script checked.",
        }
    }
}

/// Slots named by `K`. All are wiped when the locker is dropped.
pub struct Locker<K: Ord + fmt::Debug> {
    slots: BTreeMap<K, Content>,
}

impl<K: Ord + fmt::Debug> Default for Locker<K> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
        }
    }
}

impl<K: Ord + fmt::Debug> Locker<K> {
    /// An empty locker.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the slot `k`. A filled slot keeps what it has, and `content` is wiped ([`LockerError::Filled`]).
    pub fn put(&mut self, k: K, content: Content) -> Result<(), LockerError> {
        if self.slots.contains_key(&k) {
            return Err(LockerError::Filled { slot: named(&k) });
        }
        self.slots.insert(k, content);
        Ok(())
    }

    /// What the slot holds ([`LockerError::Empty`]).
    pub fn get(&self, k: &K) -> Result<&Content, LockerError> {
        self.slots
            .get(k)
            .ok_or_else(|| LockerError::Empty { slot: named(k) })
    }

    /// The bytes in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn bytes(&self, k: &K) -> Result<&SecretBytes, LockerError> {
        match self.get(k)? {
            Content::Bytes(bytes) => Ok(bytes),
            other => Err(other_kind(k, other, "bytes")),
        }
    }

    /// The text in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn text(&self, k: &K) -> Result<&SecretText, LockerError> {
        match self.get(k)? {
            Content::Text(text) => Ok(text),
            other => Err(other_kind(k, other, "text")),
        }
    }

    /// The key in the slot ([`LockerError::Empty`], [`LockerError::OtherKind`]).
    pub fn key32(&self, k: &K) -> Result<&Secret32, LockerError> {
        match self.get(k)? {
            Content::Key32(key) => Ok(key),
            other => Err(other_kind(k, other, "32-byte key")),
        }
    }

    /// Takes the content out; the slot is empty afterwards ([`LockerError::Empty`]).
    pub fn take(&mut self, k: &K) -> Result<Content, LockerError> {
        self.slots
            .remove(k)
            .ok_or_else(|| LockerError::Empty { slot: named(k) })
    }

    /// Wipes one slot; whether it held something.
    pub fn wipe(&mut self, k: &K) -> bool {
        self.slots.remove(k).is_some()
    }

    /// Wipes all slots; how many held something.
    pub fn wipe_all(&mut self) -> usize {
        let held = self.slots.len();
        self.slots.clear();
        held
    }

    /// The slots that hold something, in order.
    pub fn filled(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    /// Whether no slot holds anything.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

fn named<K: fmt::Debug>(k: &K) -> String {
    format!("{k:?}")
}

fn other_kind<K: fmt::Debug>(k: &K, holds: &Content, needs: &'static str) -> LockerError {
    LockerError::OtherKind {
        slot: named(k),
        holds: match holds {
            Content::Bytes(_) => "bytes",
            Content::Text(_) => "text",
            Content::Key32(_) => "32-byte key",
        },
        needs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> SecretText {
        SecretText::new(value.to_owned())
    }

    #[test]
    fn a_slot_is_filled_once_and_keeps_its_first_content() {
        let mut locker = Locker::new();
        locker
            .put("bundle", Content::Bytes(SecretBytes::new(vec![1, 2])))
            .unwrap();
        let again = locker.put("bundle", Content::Bytes(SecretBytes::new(vec![3])));
        assert_eq!(
            again.unwrap_err().to_string(),
            "The slot \"bundle\" already holds a secret. A secret is not replaced without being wiped."
        );
        assert_eq!(
            locker.bytes(&"bundle").ok().map(SecretBytes::expose),
            Some(&[1, 2][..])
        );
    }

    #[test]
    fn an_empty_slot_and_another_kind_are_named() {
        let mut locker = Locker::new();
        let empty = locker.bytes(&"s").err().unwrap();
        assert_eq!(empty.name(), "slot-empty");
        locker.put("s", Content::Text(text("x"))).unwrap();
        let other = locker.key32(&"s").err().unwrap();
        assert_eq!(
            other.to_string(),
            "The slot \"s\" holds a secret of another kind (text) than the step needs (32-byte key)."
        );
        assert!(locker.text(&"s").is_ok());
    }

    #[test]
    fn taking_and_wiping_empty_the_slot() {
        let mut locker = Locker::new();
        for slot in 1..=4 {
            locker
                .put(
                    slot,
                    Content::Key32(Secret32::init_with(|own| own.fill(slot))),
                )
                .unwrap();
        }
        assert!(matches!(locker.take(&1), Ok(Content::Key32(key)) if key.expose() == &[1; 32]));
        assert!(locker.take(&1).is_err());
        assert!(locker.wipe(&2));
        assert!(!locker.wipe(&2));
        assert_eq!(locker.filled().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(locker.wipe_all(), 2);
        assert!(locker.is_empty());
    }
}
