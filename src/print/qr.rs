//! QR codes: as modules for a page, and as characters for a terminal.
//!
//! [`QrImage`] is a borrowed view of modules that somebody else has made: the code of a share is made, and wiped, by
//! who holds the share. [`public`] makes the code of a public text, error correction level M (ISO/IEC 18004, 6.5).
//! Never give a secret to it: what it returns is ordinary memory.

use super::PrintError;
use qrcode::{EcLevel, QrCode};

/// The modules of a QR code without quiet zone, row by row, `true` is dark.
pub struct QrImage<'a> {
    modules: &'a [bool],
    width: usize,
}

impl<'a> QrImage<'a> {
    /// Takes `modules` as a square of `width` modules a side.
    ///
    /// # Errors
    /// [`PrintError::QrShape`] unless `width` is 21, 25, ... 177 and there are `width` x `width` modules.
    pub fn new(modules: &'a [bool], width: usize) -> Result<Self, PrintError> {
        let known = (21..=177).contains(&width) && (width - 17).is_multiple_of(4);
        if known && modules.len() == width * width {
            Ok(Self { modules, width })
        } else {
            Err(PrintError::QrShape {
                modules: modules.len(),
                width,
            })
        }
    }

    /// The side in modules, quiet zone not included.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.modules.chunks(self.width)
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width
            && self
                .modules
                .get(y * self.width + x)
                .copied()
                .unwrap_or(false)
    }
}

/// The QR code of a public text.
pub struct PublicQr {
    modules: Vec<bool>,
    width: usize,
}

impl PublicQr {
    /// The modules.
    pub fn image(&self) -> QrImage<'_> {
        QrImage {
            modules: &self.modules,
            width: self.width,
        }
    }
}

/// Makes the code of a public text of at most 400 bytes: version 16 at most, so that it stays coarse on paper.
///
/// # Errors
/// [`PrintError::QrTooLong`].
pub fn public(text: &str) -> Result<PublicQr, PrintError> {
    let too_long = || PrintError::QrTooLong { bytes: text.len() };
    if text.len() > 400 {
        return Err(too_long());
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| too_long())?;
    Ok(code.into())
}

/// Most bytes of a document that becomes one code.
pub const MAX_DOCUMENT_QR: usize = 2_300;

/// Makes the code of a public document of at most [`MAX_DOCUMENT_QR`] bytes, for a screen or a picture, not for paper:
/// level L, since a screen has no damage, and version 37 at most.
///
/// # Errors
/// [`PrintError::QrTooLong`].
pub fn document(text: &str) -> Result<PublicQr, PrintError> {
    let too_long = || PrintError::QrTooLong { bytes: text.len() };
    if text.len() > MAX_DOCUMENT_QR {
        return Err(too_long());
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| too_long())?;
    Ok(code.into())
}

impl From<QrCode> for PublicQr {
    fn from(code: QrCode) -> Self {
        let width = code.width();
        let modules = code
            .into_colors()
            .into_iter()
            .map(|color| color == qrcode::Color::Dark);
        Self {
            modules: modules.collect(),
            width,
        }
    }
}

/// A code as a PNG, 8 pixels a module, with a quiet zone of 4 modules.
///
/// # Errors
/// [`PrintError::Encoder`].
pub fn png(code: &QrImage<'_>) -> Result<Vec<u8>, PrintError> {
    const SCALE: usize = 8;
    let failed = |error: png::EncodingError| PrintError::Encoder(error.to_string());
    let side = code.width() + 8;
    let dark = |x: usize, y: usize| x >= 4 && y >= 4 && code.is_dark(x - 4, y - 4);
    let mut pixels = Vec::with_capacity(side * side * SCALE * SCALE);
    for y in 0..side {
        let row: Vec<u8> = (0..side)
            .flat_map(|x| [if dark(x, y) { 0 } else { 255 }; SCALE])
            .collect();
        pixels.extend(row.repeat(SCALE));
    }
    let pixel_side =
        u32::try_from(side * SCALE).map_err(|_| PrintError::OutOfRange { field: "qr" })?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixel_side, pixel_side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// The QR code of a public text as lines for a terminal, two rows of modules in a line.
///
/// Only glyphs of code page 437: full block, upper and lower half block, space. What is lit is the *light* modules, so
/// that on the usual dark ground the code is dark on light, as scanners want it; the quiet zone of 4 modules is lit
/// too. On a light ground the caller sets white on black for these lines. No lines if the text has more than
/// 400 bytes.
pub fn terminal_qr(text: &str) -> Vec<String> {
    match public(text) {
        Ok(code) => terminal_lines(&code.image()),
        Err(_) => Vec::new(),
    }
}

/// A code as lines for a terminal, as [`terminal_qr`] makes them.
pub fn terminal_lines(code: &QrImage<'_>) -> Vec<String> {
    let side = code.width() + 8;
    let light = |x: usize, y: usize| {
        // Below an odd last row there is no module, and no ground to light.
        y < side && !(x >= 4 && y >= 4 && code.is_dark(x - 4, y - 4))
    };
    (0..side)
        .step_by(2)
        .map(|y| {
            (0..side)
                .map(|x| match (light(x, y), light(x, y + 1)) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refuse;

    #[test]
    fn modules_that_are_no_square_of_a_code_are_refused() {
        let modules = vec![false; 41 * 41];
        assert!(QrImage::new(&modules, 41).is_ok());
        for width in [0, 1, 20, 22, 40, 42, 181, usize::MAX] {
            let refused = QrImage::new(&modules, width).err().expect("refused");
            assert_eq!(
                refused,
                PrintError::QrShape {
                    modules: 1681,
                    width
                }
            );
        }
        let refused = QrImage::new(&modules[1..], 41).err().expect("refused");
        assert_eq!(refused.name(), "print-qr-shape");
        assert_eq!(
            refused.to_string(),
            "The QR code has 1680 modules and a width of 41, which is no QR code."
        );
    }

    #[test]
    fn a_text_too_long_for_paper_is_refused_and_gives_no_terminal_lines() {
        let long = "x".repeat(401);
        assert_eq!(
            public(&long).err(),
            Some(PrintError::QrTooLong { bytes: 401 })
        );
        assert_eq!(terminal_qr(&long), Vec::<String>::new());
        let longest = public(&"\u{ff}".repeat(200)).expect("400 bytes fit");
        assert!(longest.image().width() <= 17 + 4 * 16);
    }

    #[test]
    fn terminal_lines_are_of_one_width_in_code_page_437() {
        let lines = terminal_qr("age1example");
        assert_eq!(lines.len(), 15);
        for line in &lines {
            assert_eq!(line.chars().count(), 29);
            assert!(
                line.chars()
                    .all(|sign| " \u{2580}\u{2584}\u{2588}".contains(sign))
            );
        }
        assert_eq!(lines[0], "\u{2588}".repeat(29), "the quiet zone is lit");
        assert!(lines[2].starts_with("\u{2588}\u{2588}\u{2588}\u{2588} \u{2584}\u{2584}"));
    }
}
