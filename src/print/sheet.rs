//! The sheet of one share: what a custodian keeps for years.
//!
//! It shows the share twice, as QR code and as 36 numbered words, says which share of which set it is, how to treat
//! it, and how to recover from it without any program of ours. k, n and the other owners are not on it unless the
//! script says so: a thief should not learn how many more sheets to look for. The page is as secret as the share.

use super::PrintError;
use super::canvas::{Area, Canvas, Type};
use super::font::mm;
use super::frame::{self, MARGIN, SHARE_MARK, fits};
use super::page::{Paper, SecretPage};
use super::qr::QrImage;

const RECOVERY: [&str; 4] = [
    "The code and the words hold the same 48 bytes. Code: QHS1 (in a rehearsal QHR1), then RFC 4648 base32. \
     Words: English BIP-39 list, 11 bits each; 1 to 12 are bytes 0 to 15, 13 to 36 are bytes 16 to 47.",
    "Byte 0 is the version, 1 is x, 2 to 7 the set, 8 to 15 a check sum (first bytes of SHA-256), 16 to 47 \
     are y.",
    "Put enough sheets of one set together. For each of the 32 bytes, the polynomial over GF(2^8), reduced \
     by 0x11d, through the points (x, y) has the secret at 0: Lagrange interpolation.",
    "The format card has a short Python program for this, and opens the sealed file with jose or age.",
];

/// The content of a share's sheet.
pub struct Sheet<'a> {
    /// The paper to print on.
    pub paper: Paper,
    /// Ceremony id, e.g. `BR-2026-11-22-01`; at most 44 characters.
    pub ceremony: &'a str,
    /// Set id, 6 bytes.
    pub set_id: [u8; 6],
    /// The share's x, 1 to 255.
    pub x: u8,
    /// The custodian's label, e.g. `C2`; at most 8 characters.
    pub label: &'a str,
    /// Where the sheet will be kept, by label; at most 22 characters.
    pub place: Option<&'a str>,
    /// Which sheet it is, e.g. `2 of this set, printed 14:31 UTC`; at most 44 characters.
    pub sheet: &'a str,
    /// When the ceremony made the set, e.g. `2026-11-22`; at most 22 characters.
    pub created: &'a str,
    /// Public fingerprints of what the set protects; at most 4 lines of 64 characters.
    pub fingerprints: &'a [String],
    /// The share's QR code.
    pub qr: QrImage<'a>,
    /// The share's 36 words.
    pub words: &'a [&'a str; 36],
    /// k and n, only if the script shows them on the sheet.
    pub threshold: Option<(u8, u8)>,
    /// Whether this is a rehearsal.
    pub rehearsal: bool,
    /// 0 for the first print; else the reprint's number, and the sheet says that earlier prints are void.
    pub reprint: u32,
}

impl Sheet<'_> {
    /// Lays the sheet out.
    ///
    /// # Errors
    /// [`PrintError::FieldTooLong`], [`PrintError::NotAWord`], [`PrintError::OutOfRange`] for x = 0, and
    /// [`PrintError::QrShape`] for a code with over 57 modules a side, which would not leave room for the words.
    pub fn page(&self) -> Result<SecretPage, PrintError> {
        Ok(self.canvas()?.into_secret_page())
    }

    fn check(&self) -> Result<(), PrintError> {
        fits("Ceremony", self.ceremony, 44)?;
        fits("Custodian", self.label, 8)?;
        fits("Place", self.place.unwrap_or_default(), 22)?;
        fits("Sheet", self.sheet, 44)?;
        fits("Created", self.created, 22)?;
        for line in self.fingerprints {
            fits("Fingerprint", line, 64)?;
        }
        if self.fingerprints.len() > 4 {
            return Err(PrintError::OutOfRange {
                field: "Fingerprint",
            });
        }
        if self.x == 0 {
            return Err(PrintError::OutOfRange { field: "Share x" });
        }
        if self.qr.width() > 57 {
            let width = self.qr.width();
            return Err(PrintError::QrShape {
                modules: width * width,
                width,
            });
        }
        for (nth, word) in self.words.iter().enumerate() {
            let letters = word.bytes().all(|letter| letter.is_ascii_lowercase());
            if !letters || !(3..=8).contains(&word.len()) {
                return Err(PrintError::NotAWord { position: nth + 1 });
            }
        }
        Ok(())
    }

    fn canvas(&self) -> Result<Canvas, PrintError> {
        self.check()?;
        let mut canvas = frame::open(self.paper, self.rehearsal.then_some(SHARE_MARK));
        let under = match self.reprint {
            0 => "Secret. Whoever collects enough of these holds the validator's keys.".to_owned(),
            nth => format!("Secret. Reprint {nth}: every earlier print is void."),
        };
        let top = frame::title(&mut canvas, "Key share", &under, self.label);

        // The code itself is at least 50 mm wide, in whole pixels a module.
        let module = mm(50.0).div_euclid(self.qr.width() as i32) + 1;
        // Its quiet zone lies in the margin, so that the code stands in line with the text.
        let left = mm(MARGIN) - 4 * module;
        let side = canvas.code(left, top - mm(1.0), &self.qr, module);
        self.facts(&mut canvas, left + side + mm(5.0), top + mm(2.5));

        let y = top + side.max(mm(62.0)) + mm(2.5);
        let y = frame::heading(&mut canvas, y, "Words 1 to 12: which share this is");
        let y = self.words(&mut canvas, y, 0, 3);
        let y = frame::heading(&mut canvas, y + mm(2.5), "Words 13 to 36: the share itself");
        let y = self.words(&mut canvas, y, 12, 6);

        let y = frame::heading(&mut canvas, y + mm(3.0), "Handling");
        let y = frame::bullets(&mut canvas, y, &frame::HANDLING);
        let y = frame::heading(&mut canvas, y + mm(2.0), "Recovery without our program");
        frame::bullets(&mut canvas, y, &RECOVERY);
        frame::signatures(&mut canvas);
        Ok(canvas)
    }

    fn facts(&self, canvas: &mut Canvas, x: i32, y: i32) {
        let second = x + mm(66.0);
        let small = Type::bold(11.0);
        let row = |nth: usize| y + mm([0.0, 9.4, 20.0, 29.2, 38.0, 46.8][nth]);
        fact(canvas, x, row(0), "Ceremony", self.ceremony, small);
        let set_id = frame::grouped_set_id(self.set_id);
        fact(canvas, x, row(1), "Set", &set_id, Type::bold(15.0));
        fact(
            canvas,
            second,
            row(1),
            "Share x",
            &self.x.to_string(),
            Type::bold(15.0),
        );
        fact(canvas, x, row(2), "Place", self.place.unwrap_or("-"), small);
        fact(canvas, second, row(2), "Custodian", self.label, small);
        fact(canvas, x, row(3), "Sheet", self.sheet, Type::bold(9.5));
        fact(canvas, x, row(4), "Created", self.created, small);
        if let Some((k, n)) = self.threshold {
            fact(
                canvas,
                second,
                row(4),
                "Threshold",
                &format!("{k} of {n}"),
                small,
            );
        }
        let mut line = row(5);
        if !self.fingerprints.is_empty() {
            let set = Type::book(7.0);
            canvas.text(x, line + set.cap(), "Protects these public keys", set);
            for text in self.fingerprints {
                line += mm(3.2);
                canvas.text(x, line + set.cap(), text, set);
            }
        }
    }

    /// Words in 4 columns of `rows`, read down, from word `first` (counted from 0). Returns where they end.
    fn words(&self, canvas: &mut Canvas, y: i32, first: usize, rows: usize) -> i32 {
        let (x, w) = (mm(MARGIN), frame::inner(canvas));
        // A4 is longer: more air for the eye.
        let (column, height) = (
            w / 4,
            if self.paper == Paper::A4 {
                mm(7.8)
            } else {
                mm(6.6)
            },
        );
        let h = height * rows as i32 + mm(1.6);
        canvas.frame(Area { x, y, w, h }, 3);
        for (nth, word) in self.words.iter().skip(first).take(4 * rows).enumerate() {
            let (across, down) = ((nth / rows) as i32, (nth % rows) as i32);
            let left = x + across * column;
            let base = y + mm(0.8) + down * height + (height + mm(3.2)) / 2;
            if across > 0 && down == 0 {
                canvas.fill(
                    Area {
                        x: left,
                        y,
                        w: 2,
                        h,
                    },
                    super::canvas::Ink::Black,
                );
            }
            if down + 1 < rows as i32 {
                canvas.dotted(
                    left + mm(2.0),
                    base + (height - mm(3.3)) / 2,
                    column - mm(4.0),
                );
            }
            let number = (first + nth + 1).to_string();
            canvas.text_right(left + mm(7.5), base, &number, Type::book(8.5));
            canvas.text(left + mm(10.0), base, word, Type::bold(13.0));
        }
        y + h
    }
}

/// A small name and its value under it.
fn fact(canvas: &mut Canvas, x: i32, y: i32, name: &str, value: &str, set: Type) {
    let small = Type::book(7.0);
    canvas.text(x, y + small.cap(), name, small);
    canvas.text(x, y + mm(3.4) + set.cap(), value, set);
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
