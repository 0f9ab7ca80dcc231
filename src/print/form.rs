//! The blank form for writing a share by hand, where no printer may see a share.
//!
//! It is printed before the ceremony and holds no secret. It has the frame of a printed sheet, and for each word a
//! number and eight boxes, one a letter: the longest words of the list have eight.

use super::PrintError;
use super::canvas::{Area, Canvas, Type};
use super::font::mm;
use super::frame::{self, MARGIN, SHARE_MARK, fits};
use super::page::{Page, Paper};

const WRITING: [&str; 3] = [
    "Write one capital letter in each box, with a pen that lasts. Strike a wrong word out and start a new \
     form; put the old one on the destroy list.",
    "The words are read back before the form counts for anything.",
    "Recovery: the words are from the English BIP-39 list; the format card says how they become the secret, \
     without our program.",
];

/// What is printed on the form beforehand.
pub struct Form<'a> {
    /// The paper to print on.
    pub paper: Paper,
    /// Ceremony id if it is known already; at most 24 characters.
    pub ceremony: Option<&'a str>,
    /// The form's number among those printed, e.g. `form 3 of 8`; at most 24 characters.
    pub number: &'a str,
    /// Whether this is a rehearsal.
    pub rehearsal: bool,
}

impl Form<'_> {
    /// Lays the form out.
    ///
    /// # Errors
    /// [`PrintError::FieldTooLong`].
    pub fn page(&self) -> Result<Page, PrintError> {
        Ok(self.canvas()?.into_page())
    }

    fn canvas(&self) -> Result<Canvas, PrintError> {
        fits("Ceremony", self.ceremony.unwrap_or_default(), 24)?;
        fits("Form", self.number, 24)?;
        let mut canvas = frame::open(self.paper, self.rehearsal.then_some(SHARE_MARK));
        let under = "Blank form. Once written it is secret.";
        let top = frame::title(&mut canvas, "Key share, by hand", under, "");
        canvas.text_right(
            frame::right(&canvas),
            mm(27.5),
            self.number,
            Type::book(9.0),
        );

        self.fields(&mut canvas, top);
        let y = frame::heading(
            &mut canvas,
            top + mm(26.5),
            "Words 1 to 12: which share this is",
        );
        let y = words(&mut canvas, y, 1, 4);
        let y = frame::heading(&mut canvas, y + mm(2.0), "Words 13 to 36: the share itself");
        let y = words(&mut canvas, y, 13, 8);
        let y = frame::heading(&mut canvas, y + mm(1.5), "Handling");
        let y = frame::bullets(&mut canvas, y, &frame::HANDLING);
        frame::bullets(&mut canvas, y, &WRITING);
        frame::signatures(&mut canvas);
        Ok(canvas)
    }

    fn fields(&self, canvas: &mut Canvas, y: i32) {
        let (left, inner) = (mm(MARGIN), frame::inner(canvas));
        let half = left + inner / 2 + mm(4.0);
        let width = inner / 2 - mm(4.0);
        line(canvas, left, y, width, "Ceremony");
        if let Some(ceremony) = self.ceremony {
            canvas.text(left + mm(1.0), y + mm(9.0), ceremony, Type::bold(11.0));
        }
        line(canvas, half, y, width, "Place");
        let y = y + mm(13.0);
        let name = Type::book(7.0);
        for (x, text) in [
            (left, "Set"),
            (half, "Share x"),
            (half + mm(30.0), "Custodian (label)"),
        ] {
            canvas.text(x, y + name.cap(), text, name);
        }
        let boxes = y + mm(3.0);
        for group in 0..3 {
            comb(canvas, left + group * mm(28.0), boxes, 4);
        }
        comb(canvas, half, boxes, 3);
        comb(canvas, half + mm(30.0), boxes, 4);
    }
}

/// A name and a line to write on, 10 mm under it.
fn line(canvas: &mut Canvas, x: i32, y: i32, w: i32, name: &str) {
    let set = Type::book(7.0);
    canvas.text(x, y + set.cap(), name, set);
    canvas.rule(x, y + mm(10.0), w, 3);
}

/// `count` boxes of 6 by 8 mm beside each other.
fn comb(canvas: &mut Canvas, x: i32, y: i32, count: i32) {
    for nth in 0..count {
        canvas.frame(
            Area {
                x: x + nth * mm(6.0),
                y,
                w: mm(6.0) + 2,
                h: mm(8.0),
            },
            2,
        );
    }
}

/// Numbered boxes in 3 columns of `rows`, read down. Returns where they end.
fn words(canvas: &mut Canvas, y: i32, first: usize, rows: usize) -> i32 {
    let gap = (frame::inner(canvas) - 3 * mm(55.5)) / 2 - 1;
    // A4 is longer: more room for the hand.
    let height = if canvas.height() > mm(290.0) {
        mm(10.6)
    } else {
        mm(9.4)
    };
    for nth in 0..3 * rows {
        let (across, down) = ((nth / rows) as i32, (nth % rows) as i32);
        let x = mm(MARGIN) + across * (mm(55.5) + gap);
        let top = y + down * height;
        let number = (first + nth).to_string();
        canvas.text_right(x + mm(6.0), top + mm(5.6), &number, Type::bold(10.0));
        comb(canvas, x + mm(7.5), top, 8);
    }
    y + height * rows as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::canvas::check::tidy;

    fn form(paper: Paper, rehearsal: bool) -> Form<'static> {
        let ceremony = Some("MMMMMMMMMMMMMMMMMMMMMMMM");
        Form {
            paper,
            ceremony,
            number: "form 3 of 8",
            rehearsal,
        }
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_paper() {
        for paper in [Paper::A4, Paper::Letter] {
            tidy(&form(paper, true).canvas().expect("fits"));
            tidy(&form(paper, false).canvas().expect("fits"));
        }
    }

    #[test]
    fn it_has_the_numbers_1_to_36_once_each() {
        let canvas = form(Paper::A4, false).canvas().expect("fits");
        for number in 1..=36 {
            let text = number.to_string();
            let count = canvas.placed.iter().filter(|(own, _)| *own == text).count();
            assert_eq!(count, 1, "number {number}");
        }
    }

    #[test]
    fn a_rehearsal_form_says_so_twice_and_a_real_one_never() {
        let marks = |rehearsal| {
            let canvas = form(Paper::Letter, rehearsal).canvas().expect("fits");
            canvas
                .placed
                .iter()
                .filter(|(text, _)| text == SHARE_MARK)
                .count()
        };
        assert_eq!((marks(true), marks(false)), (2, 0));
    }

    #[test]
    fn a_long_ceremony_id_is_refused() {
        let long = "M".repeat(25);
        let form = Form {
            ceremony: Some(&long),
            ..form(Paper::A4, false)
        };
        let refused = form.page().err();
        assert_eq!(
            refused,
            Some(PrintError::FieldTooLong {
                field: "Ceremony",
                room: 24
            })
        );
    }
}
