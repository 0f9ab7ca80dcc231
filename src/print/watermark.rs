//! The watermark of a rehearsal.

use super::canvas::{Area, Canvas, Ink, Type};
use super::font::{advance, glyph, mm, pt};

impl Canvas {
    /// Covers the page with `text`, slanted, in light dots (one dot of 2 by 2 pixels in 8 by 8).
    ///
    /// To be drawn first. One sixteenth of the ink leaves any text above it legible.
    pub fn watermark(&mut self, text: &str) {
        let set = Type::bold(44.0);
        let stamp = Stamp::new(text, set);
        let (sin, cos) = (30f32.to_radians().sin(), 30f32.to_radians().cos());
        let (period_x, period_y) = (stamp.width + mm(30.0), mm(42.0));
        for y in (0..self.height()).step_by(8) {
            for x in (0..self.width()).step_by(8) {
                let along = (x as f32 * cos - y as f32 * sin).round() as i32;
                let down = (x as f32 * sin + y as f32 * cos).round() as i32;
                let line = down.div_euclid(period_y);
                // Every other line is shifted, so that no part of the page stays clean.
                let shift = line.rem_euclid(2) * period_x / 2;
                if stamp.is_black(
                    (along + shift).rem_euclid(period_x),
                    down.rem_euclid(period_y),
                ) {
                    self.fill(Area { x, y, w: 2, h: 2 }, Ink::Black);
                }
            }
        }
    }
}

/// The watermark's line of text as a bitmap, to be sampled at an angle.
struct Stamp {
    width: i32,
    height: i32,
    dots: Vec<bool>,
}

impl Stamp {
    fn new(text: &str, set: Type) -> Self {
        let (width, height) = (set.width(text), (pt(set.size) * 1.2) as i32);
        let mut dots = vec![false; (width * height) as usize];
        for (nth, letter) in text.chars().enumerate() {
            let pen = (nth as f32 * advance(set.size)) as i32;
            let drawn = glyph(letter, set.face, set.size);
            for (index, dot) in drawn.coverage.iter().enumerate() {
                let x = pen + drawn.left + (index % drawn.width) as i32;
                let y = set.cap() - drawn.top + (index / drawn.width) as i32;
                if *dot >= 128
                    && (0..width).contains(&x)
                    && let Some(own) = usize::try_from(y * width + x).ok()
                    && let Some(own) = dots.get_mut(own)
                {
                    *own = true;
                }
            }
        }
        Self {
            width,
            height,
            dots,
        }
    }

    fn is_black(&self, x: i32, y: i32) -> bool {
        x < self.width
            && y < self.height
            && self
                .dots
                .get((y * self.width + x) as usize)
                .copied()
                .unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::page::Paper;

    #[test]
    fn the_watermark_is_light_and_reaches_all_over_the_page() {
        let mut canvas = Canvas::new(Paper::A4);
        canvas.watermark("REHEARSAL - NOT A REAL SHARE");
        let share = f64::from(canvas.black()) / f64::from(canvas.width() * canvas.height());
        assert!((0.005..0.04).contains(&share), "{share}");
        for quarter in 0..4 {
            let (left, top) = (quarter % 2 * 1240, quarter / 2 * 1754);
            let dots = (top..top + 1754)
                .flat_map(|y| (left..left + 1240).map(move |x| (x, y)))
                .filter(|(x, y)| canvas.is_black(*x, *y))
                .count();
            assert!(dots > 2000, "quarter {quarter} has {dots} dots");
        }
    }
}
