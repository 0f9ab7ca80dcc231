//! Drawing on one page: letters, lines, boxes and codes, black on white, 300 dots an inch.
//!
//! Positions are pixels from the upper left corner; [`crate::print::font::mm`] converts. Drawing outside of the page is
//! cut off; tests make sure that no layout does it. In a rehearsal the watermark is the first thing drawn, so that
//! everything else stands on top of it, and a code clears its own ground.

use super::font::{CAP_EM, Face, advance, glyph, pt};
use super::page::{Page, Paper, SecretPage};
use super::qr::QrImage;
use crate::secret::SecretBytes;
use zeroize::Zeroizing;

/// What a pixel becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Black, on the paper.
    Black,
    /// White, on a black ground.
    White,
}

/// How a text is set: face and size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Type {
    /// Face.
    pub face: Face,
    /// Size in points.
    pub size: f32,
}

impl Type {
    /// The normal weight at `size` points.
    pub const fn book(size: f32) -> Self {
        Self {
            face: Face::Book,
            size,
        }
    }

    /// The heavy weight at `size` points.
    pub const fn bold(size: f32) -> Self {
        Self {
            face: Face::Bold,
            size,
        }
    }

    /// The width of `text` in pixels.
    pub fn width(self, text: &str) -> i32 {
        (text.chars().count() as f32 * advance(self.size)).ceil() as i32
    }

    /// The distance from one baseline to the next, in pixels: 1.32 em.
    pub fn leading(self) -> i32 {
        (pt(self.size) * 1.32).round() as i32
    }

    /// The height of capitals, in pixels.
    pub fn cap(self) -> i32 {
        (pt(self.size) * CAP_EM).round() as i32
    }
}

/// A rectangle in pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// One page while it is being drawn. Wiped when dropped, since it may show a share.
pub struct Canvas {
    paper: Paper,
    /// Rows of [`Paper::stride`] bytes, most significant bit left, 1 is black.
    bits: Zeroizing<Vec<u8>>,
    #[cfg(test)]
    pub(crate) placed: Vec<(String, Area)>,
}

impl Canvas {
    /// A white page.
    pub fn new(paper: Paper) -> Self {
        Self {
            paper,
            bits: Zeroizing::new(vec![0; paper.stride() * paper.height()]),
            #[cfg(test)]
            placed: Vec::new(),
        }
    }

    /// Width of the page in pixels.
    pub fn width(&self) -> i32 {
        self.paper.width() as i32
    }

    /// Height of the page in pixels.
    pub fn height(&self) -> i32 {
        self.paper.height() as i32
    }

    /// Ends drawing: a public page.
    pub fn into_page(mut self) -> Page {
        Page::from_bits(self.paper, std::mem::take(&mut *self.bits))
    }

    /// Ends drawing: a page that shows a share.
    pub fn into_secret_page(mut self) -> SecretPage {
        SecretPage::from_bits(
            self.paper,
            SecretBytes::new(std::mem::take(&mut *self.bits)),
        )
    }

    /// Whether the pixel is black; outside of the page it is not.
    pub fn is_black(&self, x: i32, y: i32) -> bool {
        self.place(x, y)
            .and_then(|(byte, mask)| self.bits.get(byte).map(|bits| bits & mask != 0))
            .unwrap_or(false)
    }

    /// How many pixels are black.
    #[cfg(test)]
    pub(crate) fn black(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }

    fn place(&self, x: i32, y: i32) -> Option<(usize, u8)> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.paper.width() && y < self.paper.height())
            .then(|| (y * self.paper.stride() + x / 8, 0x80 >> (x % 8)))
    }

    fn dot(&mut self, x: i32, y: i32, ink: Ink) {
        if let Some((byte, mask)) = self.place(x, y)
            && let Some(bits) = self.bits.get_mut(byte)
        {
            match ink {
                Ink::Black => *bits |= mask,
                Ink::White => *bits &= !mask,
            }
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Area, ink: Ink) {
        let clip = |from: i32, length: i32, end: usize| {
            let at = |edge: i32| usize::try_from(edge).unwrap_or(0).min(end);
            at(from)..at(from.saturating_add(length))
        };
        let columns = clip(area.x, area.w, self.paper.width());
        let rows = clip(area.y, area.h, self.paper.height());
        if columns.is_empty() {
            return;
        }
        let (first, last) = (columns.start / 8, (columns.end - 1) / 8);
        let (left, right) = (
            0xff_u8 >> (columns.start % 8),
            0xff_u8 << (7 - (columns.end - 1) % 8),
        );
        let stride = self.paper.stride();
        for row in self
            .bits
            .chunks_exact_mut(stride)
            .take(rows.end)
            .skip(rows.start)
        {
            for (at, byte) in row.iter_mut().enumerate().take(last + 1).skip(first) {
                let mut mask = 0xff_u8;
                if at == first {
                    mask &= left;
                }
                if at == last {
                    mask &= right;
                }
                match ink {
                    Ink::Black => *byte |= mask,
                    Ink::White => *byte &= !mask,
                }
            }
        }
    }

    /// Draws the frame of a rectangle, `weight` pixels thick, inwards.
    pub fn frame(&mut self, area: Area, weight: i32) {
        let Area { x, y, w, h } = area;
        self.fill(Area { x, y, w, h: weight }, Ink::Black);
        self.fill(
            Area {
                x,
                y: y + h - weight,
                w,
                h: weight,
            },
            Ink::Black,
        );
        self.fill(Area { x, y, w: weight, h }, Ink::Black);
        self.fill(
            Area {
                x: x + w - weight,
                y,
                w: weight,
                h,
            },
            Ink::Black,
        );
    }

    /// Draws a horizontal line, `weight` pixels thick.
    pub fn rule(&mut self, x: i32, y: i32, w: i32, weight: i32) {
        self.fill(Area { x, y, w, h: weight }, Ink::Black);
    }

    /// Draws a dotted horizontal line of 2-pixel dots: a guide for the eye or the pen.
    pub fn dotted(&mut self, x: i32, y: i32, w: i32) {
        for at in (x..x + w).step_by(8) {
            self.fill(
                Area {
                    x: at,
                    y,
                    w: 2,
                    h: 2,
                },
                Ink::Black,
            );
        }
    }

    /// Writes `text` with its baseline at `y`, starting at `x`, and returns where it ends.
    pub fn text(&mut self, x: i32, y: i32, text: &str, set: Type) -> i32 {
        self.write(x, y, text, set, Ink::Black)
    }

    /// Writes `text` in white; the caller has made the ground black.
    pub fn text_white(&mut self, x: i32, y: i32, text: &str, set: Type) -> i32 {
        self.write(x, y, text, set, Ink::White)
    }

    /// Writes `text` so that it ends at `right`.
    pub fn text_right(&mut self, right: i32, y: i32, text: &str, set: Type) {
        self.text(right - set.width(text), y, text, set);
    }

    fn write(&mut self, x: i32, y: i32, text: &str, set: Type, ink: Ink) -> i32 {
        #[cfg(test)]
        self.placed.push((
            text.to_owned(),
            Area {
                x,
                y: y - set.cap(),
                w: set.width(text),
                h: set.cap() + (pt(set.size) * 0.18).ceil() as i32,
            },
        ));
        let step = advance(set.size);
        for (nth, letter) in text.chars().enumerate() {
            if letter != ' ' {
                self.letter(x + (nth as f32 * step).round() as i32, y, letter, set, ink);
            }
        }
        x + set.width(text)
    }

    fn letter(&mut self, x: i32, y: i32, letter: char, set: Type, ink: Ink) {
        let drawn = glyph(letter, set.face, set.size);
        if drawn.width == 0 {
            return;
        }
        for (row, dots) in drawn.coverage.chunks(drawn.width).enumerate() {
            for (column, dot) in dots.iter().enumerate() {
                if *dot >= 118 {
                    self.dot(
                        x + drawn.left + column as i32,
                        y - drawn.top + row as i32,
                        ink,
                    );
                }
            }
        }
    }

    /// Draws a QR code with modules of `module` pixels and its quiet zone of 4 modules, its upper left corner
    /// (quiet zone included) at `x`, `y`. The ground is cleared first. Returns the side, quiet zone included.
    pub fn code(&mut self, x: i32, y: i32, code: &QrImage<'_>, module: i32) -> i32 {
        let side = (code.width() as i32 + 8) * module;
        self.fill(
            Area {
                x,
                y,
                w: side,
                h: side,
            },
            Ink::White,
        );
        for (row, modules) in code.rows().enumerate() {
            for (column, dark) in modules.iter().enumerate() {
                if *dark {
                    let left = x + (column as i32 + 4) * module;
                    let top = y + (row as i32 + 4) * module;
                    self.fill(
                        Area {
                            x: left,
                            y: top,
                            w: module,
                            h: module,
                        },
                        Ink::Black,
                    );
                }
            }
        }
        side
    }
}

#[cfg(test)]
pub(crate) mod check {
    use super::*;
    use crate::print::font::mm;

    /// Panics if two texts on the canvas overlap, or one comes closer than 5 mm to the paper's edge.
    pub(crate) fn tidy(canvas: &Canvas) {
        let edge = mm(5.0);
        for (nth, (text, area)) in canvas.placed.iter().enumerate() {
            assert!(
                area.x >= edge
                    && area.y >= edge
                    && area.x + area.w <= canvas.width() - edge
                    && area.y + area.h <= canvas.height() - edge,
                "{text:?} at {area:?} leaves the page"
            );
            for (other, theirs) in canvas.placed.iter().skip(nth + 1) {
                let apart = area.x + area.w <= theirs.x
                    || theirs.x + theirs.w <= area.x
                    || area.y + area.h <= theirs.y
                    || theirs.y + theirs.h <= area.y;
                assert!(
                    apart,
                    "{text:?} at {area:?} overlaps {other:?} at {theirs:?}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_beyond_the_edge_is_cut_off_and_does_not_wrap_around() {
        let mut canvas = Canvas::new(Paper::Letter);
        let (w, h) = (canvas.width(), canvas.height());
        canvas.fill(
            Area {
                x: w - 2,
                y: h - 3,
                w: 100,
                h: 100,
            },
            Ink::Black,
        );
        canvas.fill(
            Area {
                x: -50,
                y: -50,
                w: 51,
                h: 52,
            },
            Ink::Black,
        );
        assert_eq!(canvas.black(), 2 * 3 + 2);
        assert!(canvas.is_black(0, 1) && !canvas.is_black(0, 2) && !canvas.is_black(-1, 0));
    }

    #[test]
    fn a_rectangle_has_exactly_its_pixels_wherever_bytes_begin() {
        let mut canvas = Canvas::new(Paper::A4);
        let count = |canvas: &Canvas| {
            let all = (0..6).flat_map(|y| (0..48).map(move |x| (x, y)));
            all.filter(|(x, y)| canvas.is_black(*x, *y)).count() as i32
        };
        for x in 0..17 {
            for w in 0..20 {
                canvas.fill(Area { x, y: 3, w, h: 2 }, Ink::Black);
                assert_eq!(count(&canvas), 2 * w);
                assert!((x..x + w).all(|x| canvas.is_black(x, 3) && canvas.is_black(x, 4)));
                canvas.fill(
                    Area {
                        x: x + 1,
                        y: 0,
                        w,
                        h: 9,
                    },
                    Ink::White,
                );
                assert_eq!(count(&canvas), if w == 0 { 0 } else { 2 });
                canvas.fill(
                    Area {
                        x,
                        y: 0,
                        w: 1,
                        h: 9,
                    },
                    Ink::White,
                );
            }
        }
    }

    #[test]
    fn a_letter_stands_on_its_baseline_and_is_as_high_as_a_capital() {
        let mut canvas = Canvas::new(Paper::A4);
        let set = Type::bold(40.0);
        canvas.text(100, 500, "H", set);
        let rows: Vec<i32> = (0..1000)
            .filter(|y| (100..300).any(|x| canvas.is_black(x, *y)))
            .collect();
        assert_eq!(rows.last(), Some(&499));
        assert!((rows.len() as i32 - set.cap()).abs() <= 1);
    }

    #[test]
    fn a_code_clears_the_watermark_under_its_quiet_zone() {
        let mut canvas = Canvas::new(Paper::A4);
        canvas.watermark("REHEARSAL");
        let modules = crate::print::qr::public("abc").expect("short text");
        let side = canvas.code(600, 600, &modules.image(), 10);
        assert_eq!(side, (21 + 8) * 10);
        let quiet = (600..640)
            .flat_map(|y| (600..600 + side).map(move |x| (x, y)))
            .filter(|(x, y)| canvas.is_black(*x, *y));
        assert_eq!(quiet.count(), 0);
        assert!(canvas.is_black(640, 640), "the finder's corner is black");
    }
}
