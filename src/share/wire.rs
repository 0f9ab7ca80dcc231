//! A share's 48 bytes.
//!
//! | bytes | meaning |
//! |---|---|
//! | 0 | version: 1, in a rehearsal 129 |
//! | 1 | x, 1 to 255 |
//! | 2..8 | set id |
//! | 8..16 | first 8 bytes of SHA-256(`qh-ceremony share v1` ‖ bytes 0..8 ‖ bytes 16..48) |
//! | 16..48 | y, one byte per byte of S |
//!
//! The check finds damage, not forgery: whoever knows the format can compute it. Forgery is found by the commitments
//! of the record, or by the key check.

use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::public::{Commitment, SetId};
use crate::refusal::Refuse;

/// Bytes in a share.
pub const SHARE_BYTES: usize = 48;
/// The version byte of a share.
pub const VERSION: u8 = 1;
/// The version byte of a share of a rehearsal.
pub const VERSION_REHEARSAL: u8 = 129;

/// Why bytes are not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not 48 bytes.
    #[error("A share has 48 bytes; this has {found}.")]
    Length {
        /// How many there are.
        found: usize,
    },
    /// The version byte is neither 1 nor 129.
    #[error(
        "This share has version {found}; this program reads version 1, and version 129 of a \
         rehearsal."
    )]
    Version {
        /// The version byte.
        found: u8,
    },
    /// The check in bytes 8..16 does not fit the rest.
    #[error("This share is damaged: its check does not fit its content.")]
    Checksum,
    /// x is 0: such a share would be the secret itself.
    #[error("This share has number 0, which no sheet can have.")]
    XZero,
}

impl Refuse for ShareError {
    fn name(&self) -> &'static str {
        match self {
            Self::Length { .. } => "share-length",
            Self::Version { .. } => "share-version",
            Self::Checksum => "share-checksum",
            Self::XZero => "share-x-zero",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Length { .. } | Self::Checksum => {
                "Read the sheet again; if it fails again, type its 36 words."
            }
            Self::Version { .. } => {
                "Read the sheet again; if it reads the same, it needs a newer release of this program."
            }
            Self::XZero => "Set this sheet aside as not genuine, and bring another custodian's.",
        }
    }
}

/// A share: 48 secret bytes whose version, number and check are right.
///
/// It may still be forged, foreign or of a rehearsal: [`super::quorum::UntrustedQuorum`] decides that.
pub struct Share(SecretBox<[u8; SHARE_BYTES]>);

impl Share {
    /// Reads exactly 48 bytes.
    ///
    /// # Errors
    /// In this order: other length, unknown version, wrong check, x = 0.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShareError> {
        if bytes.len() != SHARE_BYTES {
            return Err(ShareError::Length { found: bytes.len() });
        }
        let share = Self::init_with(|own| own.copy_from_slice(bytes));
        let own = share.expose();
        if own[0] != VERSION && own[0] != VERSION_REHEARSAL {
            return Err(ShareError::Version { found: own[0] });
        }
        if check(&own[..8], &own[16..])[..] != own[8..16] {
            return Err(ShareError::Checksum);
        }
        if own[1] == 0 {
            return Err(ShareError::XZero);
        }
        Ok(share)
    }

    /// Builds a share from its parts and computes its check. `y` writes the 32 bytes of y in place; `x` is not 0.
    pub(super) fn assemble(
        rehearsal: bool,
        x: u8,
        set_id: SetId,
        y: impl FnOnce(&mut [u8]),
    ) -> Self {
        debug_assert_ne!(x, 0, "x = 0 is the secret itself");
        Self::init_with(|own| {
            own[0] = if rehearsal {
                VERSION_REHEARSAL
            } else {
                VERSION
            };
            own[1] = x;
            own[2..8].copy_from_slice(&set_id.0);
            y(&mut own[16..]);
            let (head, tail) = own.split_at_mut(16);
            let check = check(&head[..8], tail);
            head[8..].copy_from_slice(&check);
        })
    }

    fn init_with(fill: impl FnOnce(&mut [u8; SHARE_BYTES])) -> Self {
        let mut own = SecretBox::new(Box::new([0; SHARE_BYTES]));
        fill(own.expose_secret_mut());
        Self(own)
    }

    /// The 48 bytes.
    pub fn expose(&self) -> &[u8; SHARE_BYTES] {
        self.0.expose_secret()
    }

    /// The 32 bytes of y.
    pub(super) fn expose_y(&self) -> &[u8] {
        &self.expose()[16..]
    }

    /// The share's number x, 1 to 255. Public: it is printed on the sheet.
    pub fn x(&self) -> u8 {
        self.expose()[1]
    }

    /// The set that this share belongs to. Public.
    pub fn set_id(&self) -> SetId {
        let mut id = [0; 6];
        id.copy_from_slice(&self.expose()[2..8]);
        SetId(id)
    }

    /// Whether the share was made in a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.expose()[0] == VERSION_REHEARSAL
    }

    /// The public commitment: SHA-256(`qh-ceremony commitment v1` ‖ 48 bytes).
    pub fn commitment(&self) -> Commitment {
        let hash = Sha256::new()
            .chain_update(b"qh-ceremony commitment v1")
            .chain_update(self.expose());
        Commitment(hash.finalize().into())
    }

    /// Whether both are the same 48 bytes; compares in constant time.
    pub fn same_as(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

/// The 8 bytes of check over `header` (bytes 0..8) and `y` (bytes 16..48).
pub(super) fn check(header: &[u8], y: &[u8]) -> [u8; 8] {
    let hash = Sha256::new()
        .chain_update(b"qh-ceremony share v1")
        .chain_update(header)
        .chain_update(y)
        .finalize();
    let mut check = [0; 8];
    check.copy_from_slice(&hash[..8]);
    check
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Share: std::fmt::Debug, std::fmt::Display, Clone, Copy, PartialEq, serde::Serialize);

    const SET: SetId = SetId([1, 2, 3, 4, 5, 6]);

    fn name(bytes: &[u8]) -> &'static str {
        match Share::from_bytes(bytes) {
            Ok(_) => "accepted",
            Err(refused) => refused.name(),
        }
    }

    /// Bytes with any version and x, whose check is right.
    fn checked(version: u8, x: u8) -> Vec<u8> {
        let mut bytes = vec![version, x, 1, 2, 3, 4, 5, 6];
        let y = [7; 32];
        bytes.extend(check(&bytes, &y));
        bytes.extend(y);
        bytes
    }

    #[test]
    fn tells_its_parts() {
        let share = Share::assemble(true, 9, SET, |y| y.fill(7));
        assert_eq!(share.expose()[..], checked(129, 9)[..]);
        assert_eq!((share.x(), share.set_id()), (9, SET));
        assert!(share.is_rehearsal());
        let again = Share::from_bytes(share.expose()).ok().unwrap();
        assert!(again.same_as(&share));
        assert_eq!(again.commitment(), share.commitment());
        let real = Share::assemble(false, 9, SET, |y| y.fill(7));
        assert!(!real.is_rehearsal());
        assert!(!real.same_as(&share));
        assert_ne!(real.commitment(), share.commitment());
    }

    #[test]
    fn refuses_by_name() {
        let good = checked(1, 255);
        assert_eq!(name(&good), "accepted");
        assert_eq!(name(&good[..47]), "share-length");
        assert_eq!(name(&[&good[..], &[0]].concat()), "share-length");
        assert_eq!(name(&[]), "share-length");
        for version in [0, 2, 127, 128, 130, 255] {
            assert_eq!(name(&checked(version, 1)), "share-version");
        }
        assert_eq!(name(&checked(1, 0)), "share-x-zero");
        assert_eq!(name(&checked(129, 0)), "share-x-zero");
        let mut rehearsed = good;
        rehearsed[0] = 129;
        assert_eq!(name(&rehearsed), "share-checksum");
    }

    #[test]
    fn says_what_and_why() {
        let text = |refused: ShareError| refused.to_string();
        assert_eq!(
            text(ShareError::Length { found: 47 }),
            "A share has 48 bytes; this has 47."
        );
        assert_eq!(
            text(ShareError::Version { found: 2 }),
            "This share has version 2; this program reads version 1, and version 129 of a rehearsal."
        );
        assert_eq!(
            text(ShareError::Checksum),
            "This share is damaged: its check does not fit its content."
        );
        assert_eq!(
            text(ShareError::XZero),
            "This share has number 0, which no sheet can have."
        );
    }

    proptest! {
        #[test]
        fn every_bit_counts(y: [u8; 32], x in 1u8.., bit in 0usize..384) {
            let share = Share::assemble(false, x, SET, |own| own.copy_from_slice(&y));
            let mut bytes = *share.expose();
            prop_assert!(Share::from_bytes(&bytes).is_ok());
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Share::from_bytes(&bytes).is_err());
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            prop_assert!(Share::from_bytes(&bytes).is_err());
        }
    }
}
