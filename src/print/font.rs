//! The letters of every page: DejaVu Sans Mono, Book and Bold.
//!
//! Both faces are compiled in (`fonts/README.txt` says how they were made), so that a page depends on nothing that is
//! installed. All characters are equally wide; [`advance`] is that width. A character that the fonts don't have is
//! drawn as an empty box: visible, so that nobody signs a name that silently lost a letter.
//!
//! Glyphs are rastered anew each time. A cache would, after a share was printed, still tell its letters.

use fontdue::{Font, FontSettings};
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Dots per inch of every page.
pub const DPI: f32 = 300.0;

/// The width of any character, in em: DejaVu Sans Mono's 1233 of 2048 units.
pub const ADVANCE_EM: f32 = 1233.0 / 2048.0;

/// Height of the capital letters, in em: 1493 of 2048 units.
pub const CAP_EM: f32 = 1493.0 / 2048.0;

/// One of the two faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The normal weight.
    Book,
    /// The heavy weight, for what must be found or copied.
    Bold,
}

static BOOK: LazyLock<Font> =
    LazyLock::new(|| load(include_bytes!("fonts/DejaVuSansMono-subset.ttf")));
static BOLD: LazyLock<Font> =
    LazyLock::new(|| load(include_bytes!("fonts/DejaVuSansMono-Bold-subset.ttf")));

fn load(bytes: &'static [u8]) -> Font {
    let settings = FontSettings {
        load_substitutions: false,
        ..FontSettings::default()
    };
    Font::from_bytes(bytes, settings).expect("the compiled-in font is whole, a test loads it")
}

/// Converts a type size in points to pixels.
pub fn pt(size: f32) -> f32 {
    size * DPI / 72.0
}

/// Converts millimetres to whole pixels.
pub fn mm(length: f32) -> i32 {
    (length * DPI / 25.4).round() as i32
}

/// The width of one character at `size` points, in pixels.
pub fn advance(size: f32) -> f32 {
    pt(size) * ADVANCE_EM
}

/// How many characters of `size` points fit into `width` pixels.
pub fn columns(width: i32, size: f32) -> usize {
    // A hair of tolerance: 84.999 is 85, since the last character has side bearing.
    ((width as f32 + 0.5) / advance(size)).floor().max(1.0) as usize
}

/// A glyph as black dots.
pub(crate) struct Glyph {
    /// Left edge, in pixels from the pen.
    pub(crate) left: i32,
    /// Upper edge, in pixels above the baseline.
    pub(crate) top: i32,
    /// Width in pixels.
    pub(crate) width: usize,
    /// Coverage, 0 to 255, row by row. Which letter it is can be seen, hence wiped.
    pub(crate) coverage: Zeroizing<Vec<u8>>,
}

/// Rasters `letter` at `size` points.
pub(crate) fn glyph(letter: char, face: Face, size: f32) -> Glyph {
    let font = match face {
        Face::Book => &*BOOK,
        Face::Bold => &*BOLD,
    };
    let letter = if font.has_glyph(letter) {
        letter
    } else {
        '\u{25a1}'
    };
    let (metrics, coverage) = font.rasterize(letter, pt(size));
    Glyph {
        left: metrics.xmin,
        top: metrics.ymin + metrics.height as i32,
        width: metrics.width,
        coverage: Zeroizing::new(coverage),
    }
}

/// Breaks `text` into lines of at most `width` characters at spaces; a longer word is cut.
///
/// Line feeds in `text` stand, and so do several spaces within a line that fits as it is. The result has at least one line. For public text only: the lines are plain strings.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        if paragraph.chars().count() <= width {
            lines.push(paragraph.to_owned());
            continue;
        }
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let mut rest: Vec<char> = word.chars().collect();
            if used > 0 && used + 1 + rest.len() > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            while rest.len() > width {
                let tail = rest.split_off(width);
                lines.push(rest.into_iter().collect());
                rest = tail;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            used += rest.len();
            line.extend(rest);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_have_every_letter_that_names_and_hex_need() {
        for font in [&*BOOK, &*BOLD] {
            for letter in (' '..='~').chain("äöüßéèñçøåłőž–—‘’“”•…€□".chars())
            {
                assert!(font.has_glyph(letter), "{letter:?} is missing");
                let width = font.metrics(letter, 2048.0).advance_width;
                assert_eq!(width, 1233.0, "{letter:?} is not as wide as the others");
            }
        }
    }

    #[test]
    fn an_unknown_letter_is_a_visible_box() {
        let unknown = glyph('漢', Face::Book, 10.0);
        let boxed = glyph('□', Face::Book, 10.0);
        assert_eq!(*unknown.coverage, *boxed.coverage);
        assert!(unknown.coverage.iter().any(|dot| *dot > 200));
    }

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        let text = "Bring every sheet you have; more never hurts.";
        let lines = wrap(text, 16);
        assert_eq!(
            lines,
            ["Bring every", "sheet you have;", "more never", "hurts."]
        );
        assert_eq!(wrap("a   b", 5), ["a   b"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut_not_lost() {
        assert_eq!(
            wrap("see 0123456789abcdef end", 8),
            ["see", "01234567", "89abcdef", "end"]
        );
        assert_eq!(wrap("0123456789", 4), ["0123", "4567", "89"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }
}
