//! A share as QR text.
//!
//! `QHS1` (in a rehearsal `QHR1`) and the 48 bytes in RFC 4648 base32, upper case, without padding, whose last bit is
//! 0: 81 characters. As a QR symbol: alphanumeric mode, error correction level H, version 6 (41 modules wide), so that
//! about a quarter of the symbol may be lost.
//!
//! The prefix tells a person and a program what a scan is before anything is decoded; it and the version byte must
//! agree. Each share has exactly one QR text: lower case, padding and a last bit of 1 are refused.

use data_encoding::BASE32_NOPAD;
use qrcode::bits::Bits;
use qrcode::{EcLevel, QrCode, Version};
use zeroize::Zeroizing;

use super::wire::{SHARE_BYTES, Share, ShareError};
use crate::refusal::Refuse;
use crate::secret::SecretText;

/// Characters in a share's QR text.
pub const QR_TEXT_CHARACTERS: usize = 81;
/// Modules in one row of a share's QR symbol (version 6).
pub const QR_WIDTH: usize = 41;

const PREFIX: &str = "QHS1";
const PREFIX_REHEARSAL: &str = "QHR1";

/// Why text is not a share's QR text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// It starts with neither `QHS1` nor `QHR1`.
    #[error("This is not the QR text of a share: it starts with neither QHS1 nor QHR1.")]
    Prefix,
    /// Not 81 characters.
    #[error("The QR text of a share has 81 characters; this has {found}.")]
    Length {
        /// How many there are, without white space at both ends.
        found: usize,
    },
    /// A lower-case letter.
    #[error("The QR text of a share has capital letters only; character {position} is lower case.")]
    LowerCase {
        /// The character's position, counted from 1.
        position: usize,
    },
    /// A character outside of A to Z and 2 to 7.
    #[error(
        "After its first four characters, the QR text of a share has only A to Z and 2 to 7; \
         character {position} is none of these."
    )]
    Character {
        /// The character's position, counted from 1.
        position: usize,
    },
    /// The last bit, which belongs to no byte, is 1.
    #[error("The last character of this QR text cannot end a share: its last bit is not 0.")]
    LastBit,
    /// Prefix and version byte disagree.
    #[error(
        "This QR text contradicts itself: it starts with {prefix}, but the share in it has version \
         {version}."
    )]
    PrefixVersion {
        /// `QHS1` or `QHR1`.
        prefix: &'static str,
        /// The version byte, 1 or 129.
        version: u8,
    },
    /// The decoded bytes are not a share.
    #[error(transparent)]
    Share(#[from] ShareError),
}

impl Refuse for QrError {
    fn name(&self) -> &'static str {
        match self {
            Self::Prefix => "share-qr-prefix",
            Self::Length { .. } => "share-qr-length",
            Self::LowerCase { .. } => "share-qr-lower-case",
            Self::Character { .. } => "share-qr-character",
            Self::LastBit => "share-qr-last-bit",
            Self::PrefixVersion { .. } => "share-qr-prefix-version",
            Self::Share(refused) => refused.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Prefix => "Scan the large QR code of a share sheet.",
            Self::LowerCase { .. } => {
                "Check that the scanner is set to change no letters and that Caps Lock is off, and \
                 scan again."
            }
            Self::Length { .. } | Self::Character { .. } | Self::LastBit => {
                "Scan the sheet again; if it fails again, type its 36 words."
            }
            Self::PrefixVersion { .. } => {
                "Set this sheet aside as not genuine, and bring another custodian's."
            }
            Self::Share(refused) => refused.way_on(),
        }
    }
}

impl Share {
    /// The share as QR text of 81 characters.
    pub fn to_qr_text(&self) -> SecretText {
        let mut text = String::with_capacity(QR_TEXT_CHARACTERS);
        text.push_str(if self.is_rehearsal() {
            PREFIX_REHEARSAL
        } else {
            PREFIX
        });
        BASE32_NOPAD.encode_append(self.expose(), &mut text);
        SecretText::new(text)
    }
}

/// Reads a share's QR text. White space and line ends before and after it are ignored, since scanners that type send
/// them.
///
/// # Errors
/// In this order: foreign prefix, lower case, other length, a character outside of base32, last bit 1, prefix against
/// version, then those of [`Share::from_bytes`].
pub fn parse_qr_text(text: &str) -> Result<Share, QrError> {
    let text = text.trim();
    let prefix = match text.get(..4) {
        Some(PREFIX) => PREFIX,
        Some(PREFIX_REHEARSAL) => PREFIX_REHEARSAL,
        Some(other)
            if other.eq_ignore_ascii_case(PREFIX)
                || other.eq_ignore_ascii_case(PREFIX_REHEARSAL) =>
        {
            return Err(QrError::LowerCase {
                position: 1 + position(other, |c| c.is_ascii_lowercase()),
            });
        }
        _ => return Err(QrError::Prefix),
    };
    let body = &text[4..];
    // Byte length first: it bounds the work on any input.
    if text.len() != QR_TEXT_CHARACTERS {
        let found = text.chars().count();
        if found != QR_TEXT_CHARACTERS || text.is_ascii() {
            return Err(QrError::Length { found });
        }
    }
    if body.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(QrError::LowerCase {
            position: 5 + position(body, |c| c.is_ascii_lowercase()),
        });
    }
    let foreign = |c: char| !matches!(c, 'A'..='Z' | '2'..='7');
    if body.contains(foreign) {
        return Err(QrError::Character {
            position: 5 + position(body, foreign),
        });
    }
    let mut bytes = Box::new(Zeroizing::new([0; SHARE_BYTES]));
    // Only the surplus bit can still be wrong: 77 characters of the alphabet are 385 bits.
    BASE32_NOPAD
        .decode_mut(body.as_bytes(), &mut bytes[..])
        .map_err(|_| QrError::LastBit)?;
    let share = Share::from_bytes(&bytes[..])?;
    if share.is_rehearsal() != (prefix == PREFIX_REHEARSAL) {
        return Err(QrError::PrefixVersion {
            prefix,
            version: bytes[0],
        });
    }
    Ok(share)
}

/// The index of the first such character, 0 if there is none.
fn position(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.chars().position(such).unwrap_or(0)
}

/// A QR symbol of a share: secret, since it shows the share.
pub struct QrMatrix {
    modules: Zeroizing<Vec<bool>>,
    width: usize,
}

impl QrMatrix {
    /// The modules, row by row from the top left, `true` is dark; no quiet zone.
    pub fn expose(&self) -> &[bool] {
        &self.modules
    }

    /// Modules in a row, and rows: 41.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Draws a share's QR text as a symbol of version 6, level H, in alphanumeric mode.
///
/// # Errors
/// Those of [`parse_qr_text`]: nothing but a share is drawn.
pub fn qr_matrix(text: &SecretText) -> Result<QrMatrix, QrError> {
    parse_qr_text(text.expose())?;
    let mut bits = Bits::new(Version::Normal(6));
    let symbol = bits
        .push_alphanumeric_data(text.expose().trim().as_bytes())
        .and_then(|()| bits.push_terminator(EcLevel::H))
        .and_then(|()| QrCode::with_bits(bits, EcLevel::H))
        .expect("81 alphanumeric characters fit version 6 at level H, which holds 84");
    let width = symbol.width();
    let modules = symbol
        .into_colors()
        .into_iter()
        .map(|module| module == qrcode::Color::Dark)
        .collect();
    Ok(QrMatrix {
        modules: Zeroizing::new(modules),
        width,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use static_assertions::assert_not_impl_any;

    use super::*;
    use crate::share::public::SetId;

    assert_not_impl_any!(QrMatrix: std::fmt::Debug, Clone, serde::Serialize);

    fn share(rehearsal: bool) -> Share {
        Share::assemble(
            rehearsal,
            3,
            SetId([0x88, 0xb1, 2, 0xae, 0x5c, 0x19]),
            |y| {
                y.fill(0x5a);
            },
        )
    }

    fn refusal(text: &str) -> QrError {
        match parse_qr_text(text) {
            Ok(_) => panic!("accepted"),
            Err(refused) => refused,
        }
    }

    #[test]
    fn one_text_for_a_share() {
        for rehearsal in [false, true] {
            let share = share(rehearsal);
            let text = share.to_qr_text();
            assert_eq!(text.expose().len(), 81);
            assert!(
                text.expose()
                    .starts_with(if rehearsal { "QHR1" } else { "QHS1" })
            );
            assert!(parse_qr_text(text.expose()).is_ok_and(|read| read.same_as(&share)));
            let typed = format!(" \t{}\r\n", text.expose());
            assert!(parse_qr_text(&typed).is_ok_and(|read| read.same_as(&share)));
        }
    }

    #[test]
    fn refuses_by_name() {
        let text = share(false).to_qr_text();
        let good = text.expose();
        assert_eq!(refusal(""), QrError::Prefix);
        assert_eq!(refusal("https://example.org/"), QrError::Prefix);
        assert_eq!(refusal(&good.replace("QHS1", "QHS2")), QrError::Prefix);
        assert_eq!(refusal("QHS1"), QrError::Length { found: 4 });
        assert_eq!(refusal(&good[..80]), QrError::Length { found: 80 });
        assert_eq!(
            refusal(&format!("{good}===")),
            QrError::Length { found: 84 }
        );
        assert_eq!(
            refusal(&format!("{good}\n{good}")),
            QrError::Length { found: 163 }
        );
        assert_eq!(
            refusal(&good.to_lowercase()),
            QrError::LowerCase { position: 1 }
        );
        assert_eq!(
            refusal(&format!("{}{}", &good[..80], good[80..].to_lowercase())),
            QrError::LowerCase { position: 81 }
        );
        for foreign in ["0", "1", "8", "9", "=", "é"] {
            assert_eq!(
                refusal(&format!("{}{foreign}{}", &good[..40], &good[41..])),
                QrError::Character { position: 41 },
                "{foreign}"
            );
        }
        let last = BASE32_NOPAD
            .specification()
            .symbols
            .find(&good[80..])
            .unwrap();
        let odd = &BASE32_NOPAD.specification().symbols[last + 1..last + 2];
        assert_eq!(refusal(&format!("{}{odd}", &good[..80])), QrError::LastBit);
        assert_eq!(
            refusal(&good.replace("QHS1", "QHR1")).to_string(),
            "This QR text contradicts itself: it starts with QHR1, but the share in it has version 1."
        );
        assert_eq!(
            refusal(&good.replace("QHS1", "QHR1")).name(),
            "share-qr-prefix-version"
        );
    }

    #[test]
    fn draws_version_6_level_h() {
        let text = share(true).to_qr_text();
        let matrix = qr_matrix(&text).ok().unwrap();
        assert_eq!(matrix.width(), QR_WIDTH);
        assert_eq!(matrix.expose().len(), QR_WIDTH * QR_WIDTH);
        // Format information beside the top left finder: level H is 10 before masking with 10101.
        let row = &matrix.expose()[8 * QR_WIDTH..];
        assert_eq!([row[0] ^ true, row[1] ^ false], [true, false]);
        let foreign = SecretText::new("QHS1".into());
        assert_eq!(
            qr_matrix(&foreign).err(),
            Some(QrError::Length { found: 4 })
        );
    }

    proptest! {
        #[test]
        fn every_bit_of_the_text_counts(bit in 0usize..81 * 8) {
            let text = share(false).to_qr_text();
            let mut bytes = text.expose().as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // What is no longer UTF-8 never reaches the parser.
            if let Ok(changed) = String::from_utf8(bytes) {
                let kept = changed.trim().len() == 81;
                prop_assert!(parse_qr_text(&changed).is_err(), "{kept}");
            }
        }

        #[test]
        fn any_share_reads_back(y: [u8; 32], x in 1u8.., rehearsal: bool, set: [u8; 6]) {
            let share = Share::assemble(rehearsal, x, SetId(set), |own| own.copy_from_slice(&y));
            let text = share.to_qr_text();
            prop_assert!(parse_qr_text(text.expose()).is_ok_and(|read| read.same_as(&share)));
        }

        #[test]
        fn never_panics(text in "\\PC{0,100}", tail in "QH[SR]1[A-Z2-7é]{70,80}") {
            prop_assert!(parse_qr_text(&text).is_err());
            prop_assert!(parse_qr_text(&tail).is_err());
        }
    }
}
