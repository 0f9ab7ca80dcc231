//! The two QR decoders, contained, and what they agree on.

use super::busy::too_many_marks;
use super::grey::Grey;
use super::{PictureError, Read};
use crate::secret::SecretText;
use qrcode::{Color, EcLevel, QrCode, Version, bits::Bits};
use rqrr::{BitGrid, PreparedImage, SimpleGrid};
use rxing::common::HybridBinarizer;
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8Source};
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zeroize::Zeroize;

/// Pictures with more pixels are halved first: 300 dpi of a page is 8.7 megapixels.
const FULL_PIXELS: usize = 12_500_000;

/// Error correction blocks of version 6, level H, and what each corrects (ISO/IEC 18004, table 9).
const BLOCKS: usize = 4;
const CORRECTS: usize = 14;
const CODEWORDS: usize = 172;

/// How `rqrr` names level H.
const LEVEL_H: u16 = 2;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a decoder whose panics are caught. A panic hook should then do nothing.
pub fn is_contained() -> bool {
    CONTAINED.get()
}

/// Runs a decoder; `None` if it panicked.
pub(super) fn contained<T>(decoder: impl FnOnce() -> T) -> Option<T> {
    let outer = CONTAINED.replace(true);
    // Nothing of a decoder is used after its panic, so nothing half done can be seen.
    let result = catch_unwind(AssertUnwindSafe(decoder));
    CONTAINED.set(outer);
    result.ok()
}

/// One text by one decoder.
struct Found {
    text: SecretText,
    margin: Option<u8>,
}

/// What one decoder made of a picture.
#[derive(Default)]
struct Finds {
    texts: Vec<Found>,
    damaged: bool,
    busy: bool,
    failed: bool,
}

impl Finds {
    fn add(&mut self, text: String, margin: Option<u8>) {
        let text = SecretText::new(text);
        match self
            .texts
            .iter_mut()
            .find(|found| found.text.expose() == text.expose())
        {
            Some(found) => found.margin = found.margin.max(margin),
            None => self.texts.push(Found { text, margin }),
        }
    }
}

/// Reads all codes of a picture, by both decoders, at three sizes.
pub(super) fn read(picture: Grey) -> Result<Vec<Read>, PictureError> {
    let mut picture = picture;
    if picture.width * picture.height > FULL_PIXELS {
        picture = picture.half();
    }
    let (mut first, mut second) = (Finds::default(), Finds::default());
    let mut busy = false;
    for size in 0..3 {
        if size > 0 {
            picture = picture.half();
        }
        if picture.width < 21 || picture.height < 21 {
            break;
        }
        let done = contained(|| read_first(&picture, &mut first));
        first.failed |= done.is_none();
        if std::mem::take(&mut first.busy) {
            busy = true;
            continue;
        }
        let done = contained(|| read_second(&picture, &mut second));
        second.failed |= done.is_none();
    }
    scrub_stack();
    first.busy = busy;
    merge(first, second)
}

fn merge(first: Finds, mut second: Finds) -> Result<Vec<Read>, PictureError> {
    let mut reads = Vec::new();
    for Found { text, margin } in first.texts {
        let same = second
            .texts
            .iter()
            .position(|found| found.text.expose() == text.expose());
        if let Some(same) = same {
            second.texts.swap_remove(same);
        }
        reads.push(Read {
            text,
            first: true,
            second: same.is_some(),
            margin,
        });
    }
    for Found { text, margin } in second.texts {
        reads.push(Read {
            text,
            first: false,
            second: true,
            margin,
        });
    }
    if !reads.is_empty() {
        return Ok(reads);
    }
    if first.failed || second.failed {
        return Err(PictureError::DecoderFailed(if first.failed {
            "first"
        } else {
            "second"
        }));
    }
    Err(match (first.damaged, first.busy) {
        (true, _) => PictureError::CodeDamaged,
        (false, true) => PictureError::TooBusy,
        (false, false) => PictureError::NoCode,
    })
}

fn read_first(picture: &Grey, finds: &mut Finds) {
    let pixel = |x: usize, y: usize| picture.pixels[y * picture.width + x];
    let mut prepared = PreparedImage::prepare_from_greyscale(picture.width, picture.height, pixel);
    // The decoder's own black, after its threshold.
    let dark = |x: usize, y: usize| prepared.get_pixel_at(x, y) == 1;
    if too_many_marks(picture.width, picture.height, dark) {
        finds.busy = true;
        return;
    }
    for grid in prepared.detect_grids() {
        let mut bytes = Vec::new();
        match grid.decode_to(&mut bytes) {
            Ok(meta) => {
                let share = meta.version.0 == 6 && meta.ecc_level == LEVEL_H;
                match String::from_utf8(bytes) {
                    Ok(text) => {
                        let margin = share.then(|| margin(&grid, &text)).flatten();
                        finds.add(text, margin);
                    }
                    Err(error) => error.into_bytes().zeroize(),
                }
            }
            Err(_) => {
                bytes.zeroize();
                finds.damaged = true;
            }
        }
    }
}

fn read_second(picture: &Grey, finds: &mut Finds) {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let Ok(source) = Luma8Source::new_with_slice(&picture.pixels, width, height) else {
        return;
    };
    let hints = DecodeHints {
        PossibleFormats: Some(HashSet::from([BarcodeFormat::QR_CODE])),
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let results = QrReader.decode_multiple_with_hints(&mut bitmap, &hints);
    for result in results.into_iter().flatten() {
        finds.add(result.getText().to_owned(), None);
    }
}

/// How much error correction a code of version 6, level H, has left, in per cent.
///
/// The text is encoded anew, and its codewords are compared with those seen. Codewords of the 4 blocks are interleaved;
/// the block with most wrong ones decides. `None` if the code was made with another mask or segmentation.
fn margin<G: BitGrid>(grid: &rqrr::Grid<G>, text: &str) -> Option<u8> {
    let perfect = perfect(text)?;
    let width = perfect.width();
    let colors = perfect.into_colors();
    let ideal = SimpleGrid::from_func(width, |x, y| colors[y * width + x] == Color::Dark);
    let (own, mut seen) = grid.get_raw_data().ok()?;
    let (other, mut right) = rqrr::Grid::new(ideal).get_raw_data().ok()?;
    let mut wrong = [0_usize; BLOCKS];
    let pairs = seen.data.iter().zip(&right.data).take(CODEWORDS);
    for (nth, _) in pairs.enumerate().filter(|(_, (seen, right))| seen != right) {
        wrong[nth % BLOCKS] += 1;
    }
    seen.data.zeroize();
    right.data.zeroize();
    let most = wrong.into_iter().max().unwrap_or(0);
    // More than it corrects can't have been read: the code differs from ours by design, not by damage.
    (own.mask == other.mask && most <= CORRECTS).then(|| (100 * (CORRECTS - most) / CORRECTS) as u8)
}

/// The undamaged code of a share's text: alphanumeric mode, version 6, level H.
fn perfect(text: &str) -> Option<QrCode> {
    let mut bits = Bits::new(Version::Normal(6));
    bits.push_alphanumeric_data(text.as_bytes()).ok()?;
    bits.push_terminator(EcLevel::H).ok()?;
    QrCode::with_bits(bits, EcLevel::H).ok()
}

/// Overwrites the stack below: the decoders keep up to 9 KB of codewords in local variables that can't be reached.
#[inline(never)]
fn scrub_stack() {
    let mut below = [0_u8; 96 * 1024];
    below.zeroize();
    std::hint::black_box(&below);
}
