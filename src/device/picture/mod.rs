//! Reading QR codes from pictures, by two decoders that share no code.
//!
//! - A picture is PNG or JPEG, at most 64 MiB and 50 megapixels; both limits are checked before pixels are decoded.
//! - It becomes grey, and each decoder, `rqrr` then `rxing`, looks for codes at full size and at half and quarter size,
//!   which forgives blur and noise. A picture with over 12 megapixels is halved first.
//! - A picture with very many marks like a code's corner, such as noise, is refused instead of searched for hours.
//! - A text that only one decoder read, or two texts where one was expected, are reported as they are. Whoever asked
//!   decides by the share's check sum; nothing is chosen here.
//! - Any text may be a share: it leaves as [`SecretText`], pixels are wiped, and the stack that the decoders used is
//!   overwritten afterwards.
//! - A decoder that panics on a hostile picture is contained and named. The process's panic hook runs first: it should
//!   return at once while [`is_contained`] is true.

mod busy;
mod decoders;
mod grey;

use crate::refusal::Refuse;
use crate::secret::SecretText;

pub use decoders::is_contained;

/// The largest picture file, in bytes: 64 MiB.
pub const MAX_FILE: usize = 64 << 20;

/// The largest picture, in pixels: 50 million.
pub const MAX_PIXELS: u64 = 50_000_000;

/// One text that was read from a picture.
pub struct Read {
    /// The text. It may be a share.
    pub text: SecretText,
    /// Whether the first decoder (`rqrr`) read exactly this text.
    pub first: bool,
    /// Whether the second decoder (`rxing`) read exactly this text.
    pub second: bool,
    /// How much of its error correction the code has left, 0 to 100 per cent: 100 is a perfect print, at 0 one more
    /// damaged byte could make it unreadable. Known only for codes of a share's kind (version 6, level H).
    pub margin: Option<u8>,
}

/// Why a picture gave no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Neither PNG nor JPEG by its first bytes.
    #[error("The file is neither a PNG nor a JPEG picture.")]
    KindUnknown,
    /// The file or the picture is over the limit.
    #[error("The picture is too large: a file may have 64 MiB and a picture 50 megapixels.")]
    TooLarge,
    /// The file ends before the picture does.
    #[error("The picture file is cut off: it ends before the picture does.")]
    Truncated,
    /// The file is damaged, or of a variety that is not read.
    #[error("The picture can't be decoded: {0}.")]
    Unreadable(String),
    /// No QR code was found.
    #[error("No QR code was found in the picture.")]
    NoCode,
    /// A QR code was found, but is damaged beyond its error correction.
    #[error("There is a QR code in the picture, but it is too blurred or damaged to be read.")]
    CodeDamaged,
    /// So much in the picture looks like a code's corner that it is not searched.
    #[error(
        "The picture is too restless to be searched: too much in it looks like the corner of a QR code."
    )]
    TooBusy,
    /// A decoder failed, and the other one read nothing.
    #[error("The {0} QR decoder failed on this picture, and the other one read nothing.")]
    DecoderFailed(&'static str),
}

impl Refuse for PictureError {
    fn name(&self) -> &'static str {
        match self {
            Self::KindUnknown => "picture-kind-unknown",
            Self::TooLarge => "picture-too-large",
            Self::Truncated => "picture-truncated",
            Self::Unreadable(_) => "picture-unreadable",
            Self::NoCode => "picture-no-code",
            Self::CodeDamaged => "picture-code-damaged",
            Self::TooBusy => "picture-too-busy",
            Self::DecoderFailed(_) => "picture-decoder-failed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::KindUnknown => "Save the scan as PNG or JPEG and read it again.",
            Self::TooLarge => "Scan again at 300 dpi, in grey, and only the sheet.",
            Self::Truncated | Self::Unreadable(_) => "Scan or copy the picture again.",
            Self::NoCode | Self::TooBusy => {
                "Scan the whole sheet flat and sharp, or enter the words instead."
            }
            Self::CodeDamaged | Self::DecoderFailed(_) => {
                "Scan the sheet again, flat, in even light; if that fails, enter the words instead."
            }
        }
    }
}

/// Reads every QR code in a PNG or JPEG file.
///
/// The result has at least one text and no text twice. It is ordered by the first decoder's finds, then the second's.
///
/// # Errors
/// [`PictureError`], one variant for each fault.
pub fn decode(file: &[u8]) -> Result<Vec<Read>, PictureError> {
    let picture = grey::load(file)?;
    decoders::read(picture)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
