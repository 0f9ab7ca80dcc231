//! A picture file as grey pixels.

use super::{MAX_FILE, MAX_PIXELS, PictureError, decoders};
use std::io::{Cursor, ErrorKind};
use zeroize::Zeroizing;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Grey pixels, 0 is black. Wiped when dropped.
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Zeroizing<Vec<u8>>,
}

impl Grey {
    /// Half as wide and high; each pixel is the mean of four.
    pub(super) fn half(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
        let pairs = self.pixels.chunks_exact(2 * self.width.max(1)).take(height);
        for rows in pairs {
            let (upper, lower) = rows.split_at(self.width);
            let columns = upper.chunks_exact(2).zip(lower.chunks_exact(2)).take(width);
            pixels.extend(columns.map(|(above, below)| {
                let sum: u16 = above
                    .iter()
                    .chain(below)
                    .map(|pixel| u16::from(*pixel))
                    .sum();
                (sum / 4) as u8
            }));
        }
        Self {
            width,
            height,
            pixels,
        }
    }
}

/// Decodes a PNG or JPEG file within the limits.
pub(super) fn load(file: &[u8]) -> Result<Grey, PictureError> {
    if file.len() > MAX_FILE {
        return Err(PictureError::TooLarge);
    }
    let load = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        load_png
    } else if file.starts_with(&[0xff, 0xd8, 0xff]) {
        load_jpeg
    } else {
        return Err(PictureError::KindUnknown);
    };
    decoders::contained(|| load(file))
        .unwrap_or_else(|| Err(PictureError::Unreadable("its decoder failed".to_owned())))
}

fn load_png(file: &[u8]) -> Result<Grey, PictureError> {
    let limits = png::Limits {
        bytes: 4 * MAX_PIXELS as usize,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(png_fault)?;
    let (width, height) = (header.width as usize, header.height as usize);
    if u64::from(header.width) * u64::from(header.height) > MAX_PIXELS {
        return Err(PictureError::TooLarge);
    }
    let mut reader = decoder.read_info().map_err(png_fault)?;
    let size = reader.output_buffer_size().ok_or(PictureError::TooLarge)?;
    let mut raster = Zeroizing::new(vec![0; size]);
    let frame = reader.next_frame(&mut raster).map_err(png_fault)?;
    // Reads to the end, so that a file cut off behind its pixels is noticed as well.
    reader.finish().map_err(png_fault)?;
    let samples = frame.color_type.samples();
    let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
    pixels.extend(
        raster
            .chunks_exact(samples)
            .take(width * height)
            .map(|sample| match *sample {
                [grey] => grey,
                [grey, alpha] => on_white(grey, alpha),
                [red, green, blue] => luma(red, green, blue),
                [red, green, blue, alpha] => on_white(luma(red, green, blue), alpha),
                _ => 255,
            }),
    );
    checked(Grey {
        width,
        height,
        pixels,
    })
}

fn png_fault(error: png::DecodingError) -> PictureError {
    match error {
        png::DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            PictureError::Truncated
        }
        png::DecodingError::LimitsExceeded => PictureError::TooLarge,
        other => PictureError::Unreadable(other.to_string()),
    }
}

fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    (sum / 1000) as u8
}

/// A half-transparent pixel as it looks on white paper.
fn on_white(grey: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    ((u32::from(grey) * alpha + 255 * (255 - alpha)) / 255) as u8
}

fn load_jpeg(file: &[u8]) -> Result<Grey, PictureError> {
    if !jpeg_ends(file) {
        return Err(PictureError::Truncated);
    }
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_strict_mode(true)
        .set_max_width(65_535)
        .set_max_height(65_535);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder
        .decode_headers()
        .map_err(|error| jpeg_fault(&error))?;
    let info = decoder.info().ok_or(PictureError::Truncated)?;
    if u64::from(info.width) * u64::from(info.height) > MAX_PIXELS {
        return Err(PictureError::TooLarge);
    }
    let pixels = Zeroizing::new(decoder.decode().map_err(|error| jpeg_fault(&error))?);
    checked(Grey {
        width: info.width.into(),
        height: info.height.into(),
        pixels,
    })
}

fn jpeg_fault(error: &DecodeErrors) -> PictureError {
    match error {
        DecodeErrors::LargeDimensions(_) => PictureError::TooLarge,
        _ => PictureError::Unreadable(format!("{error:?}").trim_end_matches('.').to_owned()),
    }
}

/// Whether the last scan has an end marker. In a scan's data, 0xff is followed by 0 or a restart marker, so that neither
/// marker can stand there by chance (ITU-T T.81, B.1.1.5).
fn jpeg_ends(file: &[u8]) -> bool {
    let scan = file.windows(2).rposition(|marker| marker == [0xff, 0xda]);
    let data = scan.and_then(|scan| file.get(scan..)).unwrap_or_default();
    data.windows(2).any(|marker| marker == [0xff, 0xd9])
}

/// What decoders rely on: as many pixels as the size says, and at least one.
fn checked(picture: Grey) -> Result<Grey, PictureError> {
    if picture.pixels.is_empty() || picture.pixels.len() != picture.width * picture.height {
        return Err(PictureError::Unreadable(
            "it has no or too few pixels".to_owned(),
        ));
    }
    Ok(picture)
}
