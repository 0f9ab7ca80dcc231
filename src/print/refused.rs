//! What printing refuses.

use crate::refusal::Refuse;

/// Why a page was not made. Texts name fields and positions, never a word of a share.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// A field is longer than the place it has on the page.
    #[error("The field \"{field}\" does not fit the page: it has room for {room} characters.")]
    FieldTooLong {
        /// The field's name as it stands on the page.
        field: &'static str,
        /// How many characters fit.
        room: usize,
    },
    /// A word of a share is not 3 to 8 lower-case letters.
    #[error("Word {position} of the share is not a word of the English BIP-39 list.")]
    NotAWord {
        /// The word's number, 1 to 36.
        position: usize,
    },
    /// The modules given for a QR code are not a square of a QR code's size.
    #[error("The QR code has {modules} modules and a width of {width}, which is no QR code.")]
    QrShape {
        /// The number of modules given.
        modules: usize,
        /// The width given.
        width: usize,
    },
    /// A text is too long for a QR code.
    #[error("The text for the QR code has {bytes} bytes, which is more than a printed code holds.")]
    QrTooLong {
        /// The text's length.
        bytes: usize,
    },
    /// A transcript head is not 64 lower-case hex digits.
    #[error("The transcript head is not 64 lower-case hex digits.")]
    HeadShape,
    /// A value that only the program itself sets is out of its range.
    #[error("The value \"{field}\" is out of its range.")]
    OutOfRange {
        /// The field's name.
        field: &'static str,
    },
    /// Writing the picture file failed in the encoder.
    #[error("The picture of the page could not be written: {0}.")]
    Encoder(String),
}

impl Refuse for PrintError {
    fn name(&self) -> &'static str {
        match self {
            Self::FieldTooLong { .. } => "print-field-too-long",
            Self::NotAWord { .. } => "print-not-a-word",
            Self::QrShape { .. } => "print-qr-shape",
            Self::QrTooLong { .. } => "print-qr-too-long",
            Self::HeadShape => "print-head-shape",
            Self::OutOfRange { .. } => "print-out-of-range",
            Self::Encoder(_) => "print-encoder",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::FieldTooLong { .. } => {
                "Shorten the field in the ceremony script, then print again."
            }
            Self::QrTooLong { .. } => "Shorten the text, or print it without a code.",
            Self::NotAWord { .. }
            | Self::QrShape { .. }
            | Self::HeadShape
            | Self::OutOfRange { .. }
            | Self::Encoder(_) => {
                "Nothing was printed. This is a fault of the program: stop, and report it by this name."
            }
        }
    }
}
