//! Finished pages, and their files.
//!
//! A page is a one-bit picture of the whole sheet at 300 dpi. [`Page`] is public; [`SecretPage`] shows a share, has no
//! `Debug` or `Clone`, and leaves only as [`SecretBytes`]. Files hold no date and no name: the same page gives the same
//! bytes. PNG is 1-bit grey with the resolution set (PNG specification, chunk pHYs); PDF has one 1-bit image a page and a
//! media box of the paper's exact size (ISO 32000-1, 7.7.3.3, 8.9.5).

use super::PrintError;
use crate::secret::SecretBytes;
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};
use zeroize::Zeroizing;

/// A size of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paper {
    /// 210 by 297 mm; 2480 by 3508 pixels.
    #[default]
    A4,
    /// 215.9 by 279.4 mm; 2550 by 3300 pixels.
    Letter,
}

impl Paper {
    /// Width in pixels at 300 dpi.
    pub fn width(self) -> usize {
        match self {
            Self::A4 => 2480,
            Self::Letter => 2550,
        }
    }

    /// Height in pixels at 300 dpi.
    pub fn height(self) -> usize {
        match self {
            Self::A4 => 3508,
            Self::Letter => 3300,
        }
    }

    /// Width and height in millimetres.
    pub fn millimetres(self) -> (f32, f32) {
        match self {
            Self::A4 => (210.0, 297.0),
            Self::Letter => (215.9, 279.4),
        }
    }

    /// Bytes in a row of pixels.
    pub fn stride(self) -> usize {
        self.width().div_ceil(8)
    }
}

/// A finished page without secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    paper: Paper,
    bits: Vec<u8>,
}

impl Page {
    pub(crate) fn from_bits(paper: Paper, bits: Vec<u8>) -> Self {
        Self { paper, bits }
    }

    /// The paper that it is for.
    pub fn paper(&self) -> Paper {
        self.paper
    }

    /// The raster: rows of [`Paper::stride`] bytes from the top, most significant bit left, 1 is black.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The page as a PNG file.
    ///
    /// # Errors
    /// [`PrintError::Encoder`], which only a fault of the encoder causes.
    pub fn png(&self) -> Result<Vec<u8>, PrintError> {
        png(self.paper, &self.bits)
    }
}

/// Pages without secrets as one PDF file. All are of the same paper as a rule, but need not be.
pub fn pdf(pages: &[Page]) -> Vec<u8> {
    let pages: Vec<_> = pages
        .iter()
        .map(|page| (page.paper, page.bits.as_slice()))
        .collect();
    pdf_file(&pages)
}

/// A finished page that shows a share.
pub struct SecretPage {
    paper: Paper,
    bits: SecretBytes,
}

impl SecretPage {
    pub(crate) fn from_bits(paper: Paper, bits: SecretBytes) -> Self {
        Self { paper, bits }
    }

    /// The paper that it is for.
    pub fn paper(&self) -> Paper {
        self.paper
    }

    /// The raster, as [`Page::bits`].
    pub fn expose(&self) -> &[u8] {
        self.bits.expose()
    }

    /// The page as a PNG file, which is as secret as the page.
    ///
    /// # Errors
    /// [`PrintError::Encoder`], which only a fault of the encoder causes.
    pub fn png(&self) -> Result<SecretBytes, PrintError> {
        png(self.paper, self.bits.expose()).map(SecretBytes::new)
    }

    /// The page as a PDF file, which is as secret as the page.
    pub fn pdf(&self) -> SecretBytes {
        SecretBytes::new(pdf_file(&[(self.paper, self.bits.expose())]))
    }
}

fn png(paper: Paper, bits: &[u8]) -> Result<Vec<u8>, PrintError> {
    let failed = |error: png::EncodingError| PrintError::Encoder(error.to_string());
    // In PNG grey, 0 is black.
    let grey = Zeroizing::new(bits.iter().map(|byte| !byte).collect::<Vec<u8>>());
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, paper.width() as u32, paper.height() as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    // 300 dpi is 11811 pixels a metre.
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: 11811,
        yppu: 11811,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&grey).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn pdf_file(pages: &[(Paper, &[u8])]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let own = |nth: usize, part: usize| Ref::new((3 + 3 * nth + part) as i32);
    let name = Name(b"Page");
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree)
        .kids((0..pages.len()).map(|nth| own(nth, 0)))
        .count(pages.len() as i32);
    for (nth, (paper, bits)) in pages.iter().enumerate() {
        let (width, height) = paper.millimetres();
        let (width, height) = (width * 72.0 / 25.4, height * 72.0 / 25.4);
        let mut page = pdf.page(own(nth, 0));
        page.parent(tree)
            .media_box(Rect::new(0.0, 0.0, width, height))
            .contents(own(nth, 1));
        page.resources().x_objects().pair(name, own(nth, 2));
        page.finish();

        // At its true scale, from the upper left corner: 50 mm on the page are 50 mm on paper.
        let (w, h) = (paper.width() as f32 * 0.24, paper.height() as f32 * 0.24);
        let mut content = Content::new();
        content.save_state();
        content.transform([w, 0.0, 0.0, h, 0.0, height - h]);
        content.x_object(name);
        content.restore_state();
        pdf.stream(own(nth, 1), &content.finish());

        let packed = Zeroizing::new(compress_to_vec_zlib(bits, 6));
        let mut image = pdf.image_xobject(own(nth, 2), &packed);
        image.filter(Filter::FlateDecode);
        image
            .width(paper.width() as i32)
            .height(paper.height() as i32);
        image.color_space().device_gray();
        image.bits_per_component(1);
        // Our 1 is black.
        image.decode([1.0, 0.0]);
        image.finish();
    }
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::canvas::{Area, Canvas, Ink};

    static_assertions::assert_not_impl_any!(SecretPage: std::fmt::Debug, Clone, PartialEq);

    fn marked(paper: Paper) -> Canvas {
        let mut canvas = Canvas::new(paper);
        canvas.fill(
            Area {
                x: 8,
                y: 1,
                w: 8,
                h: 1,
            },
            Ink::Black,
        );
        canvas
    }

    #[test]
    fn the_raster_is_as_large_as_the_paper_at_300_dpi() {
        for (paper, bytes) in [(Paper::A4, 310 * 3508), (Paper::Letter, 319 * 3300)] {
            assert_eq!(Canvas::new(paper).into_page().bits().len(), bytes);
            let (w, h) = paper.millimetres();
            assert_eq!((w * 300.0 / 25.4).floor() as usize, paper.width());
            assert!((h * 300.0 / 25.4 - paper.height() as f32).abs() < 1.0);
        }
    }

    #[test]
    fn a_png_reads_back_as_the_same_picture_with_its_resolution() {
        for paper in [Paper::A4, Paper::Letter] {
            let page = marked(paper).into_page();
            let file = page.png().expect("encodes");
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file))
                .read_info()
                .expect("a PNG");
            let info = reader.info();
            assert_eq!(
                (info.width as usize, info.height as usize),
                (paper.width(), paper.height())
            );
            assert_eq!(info.bit_depth, png::BitDepth::One);
            assert_eq!(info.pixel_dims.map(|dims| dims.xppu), Some(11811));
            let mut raster = vec![0; reader.output_buffer_size().expect("small")];
            reader.next_frame(&mut raster).expect("whole");
            let back: Vec<u8> = raster.iter().map(|byte| !byte).collect();
            assert_eq!(back, page.bits());
        }
    }

    #[test]
    fn files_hold_no_date_and_are_the_same_every_time() {
        let page = marked(Paper::A4).into_page();
        assert_eq!(page.png(), page.png());
        let once = pdf(&[page.clone(), page.clone()]);
        assert_eq!(once, pdf(&[page.clone(), page]));
        for word in [&b"Date"[..], b"Producer", b"/ID", b"Info"] {
            assert!(!once.windows(word.len()).any(|window| window == word));
        }
    }

    #[test]
    fn a_secret_page_has_the_files_of_the_same_public_page() {
        let (public, secret) = (
            marked(Paper::A4).into_page(),
            marked(Paper::A4).into_secret_page(),
        );
        assert!(
            secret
                .png()
                .expect("encodes")
                .same(&public.png().expect("encodes"))
        );
        assert!(secret.pdf().same(&pdf(&[public])));
        assert_eq!(secret.expose()[310 + 1], 0xff);
    }
}
