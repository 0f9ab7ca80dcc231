//! The certificate of a ceremony: the paper that anchors the transcript.
//!
//! The transcript's head stands on it in full, 256 bits: as 64 hex digits in groups, and as QR code of these digits after [`HEAD_PREFIX`]. Its
//! six words are for eyes only. Each page carries the six words at its foot, so that pages of two ceremonies can't be
//! mixed. What people sign stands above their lines.

use super::PrintError;
use super::document::{Block, Document};
use super::frame::fits;

/// What the certificate's QR code holds before the 64 digits. It tells a head, which is public, from any other 32 bytes
/// in hex, which might be a key.
pub const HEAD_PREFIX: &str = "qh-head:";

/// The content of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// E.g. `Certificate of ceremony BR-2026-11-22-01 (key-backup)`; at most 80 characters.
    pub title: String,
    /// The ceremony id, if the title doesn't name it; at most 40 characters, may be empty.
    pub ceremony: String,
    /// The transcript's full head: 64 lower-case hex digits.
    pub head: String,
    /// The head's six words, single spaces between.
    pub head_words: String,
    /// What must not be overlooked: it stands in a frame above everything else.
    pub warnings: Vec<String>,
    /// Headings, and the lines under each.
    pub sections: Vec<(String, Vec<String>)>,
    /// What the signers declare, above their lines.
    pub declaration: String,
    /// The roles that sign, in order.
    pub signatures: Vec<String>,
    /// Whether this is a rehearsal.
    pub rehearsal: bool,
}

impl Certificate {
    /// The certificate as a document, for paper or as text.
    ///
    /// # Errors
    /// [`PrintError::HeadShape`] if the head is not 64 lower-case hex digits, [`PrintError::FieldTooLong`].
    pub fn document(&self) -> Result<Document, PrintError> {
        let digits = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if self.head.len() != 64 || !self.head.bytes().all(digits) {
            return Err(PrintError::HeadShape);
        }
        fits("Title", &self.title, 80)?;
        fits("Ceremony", &self.ceremony, 40)?;
        fits("Head words", &self.head_words, 53)?;
        let words = &self.head_words;
        let mut blocks = Vec::new();
        if !self.warnings.is_empty() {
            blocks.push(Block::Warning(self.warnings.clone()));
        }
        blocks.extend([
            Block::Heading("Head of the transcript".to_owned()),
            Block::Big(vec![
                groups(&self.head, 0..8),
                groups(&self.head, 8..16),
                words.clone(),
            ]),
            Block::Qr {
                text: format!("{HEAD_PREFIX}{}", self.head),
                caption: format!(
                    "This code holds {HEAD_PREFIX} and the 64 digits above. The transcript is the one of this \
                     ceremony only if its verification gives all 64 digits:\n\n\
                     qh-ceremony transcript verify FILE\n  --head {}...\n\n\
                     The six words are for comparing by eye and prove less.",
                    &self.head[..8]
                ),
            },
        ]);
        for (heading, lines) in &self.sections {
            blocks.push(Block::Heading(heading.clone()));
            blocks.push(Block::Lines(lines.clone()));
        }
        blocks.push(Block::Heading("Signatures".to_owned()));
        if !self.declaration.is_empty() {
            blocks.push(Block::Para(self.declaration.clone()));
        }
        blocks.extend(self.signatures.iter().cloned().map(Block::Sign));
        Ok(Document {
            title: self.title.clone(),
            subtitle: if self.ceremony.is_empty() {
                String::new()
            } else {
                format!("Ceremony {}", self.ceremony)
            },
            footer: format!("head: {words}"),
            rehearsal: self.rehearsal,
            blocks,
        })
    }
}

/// Groups `which` of the head, four digits each.
fn groups(head: &str, which: std::ops::Range<usize>) -> String {
    let groups: Vec<&str> = which
        .filter_map(|nth| head.get(4 * nth..4 * nth + 4))
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::canvas::check::tidy;
    use crate::print::{flow, page::Paper};

    fn certificate() -> Certificate {
        Certificate {
            title: "Certificate of key backup".to_owned(),
            ceremony: "BR-2026-11-22-01".to_owned(),
            head: "0123456789abcdef".repeat(4),
            head_words: "ozone pill grain cat fox lid".to_owned(),
            warnings: vec!["NOT MATCHED TO CHAIN: the key was made today".to_owned()],
            sections: vec![(
                "Sheets".to_owned(),
                (1..=5)
                    .map(|nth| format!("sheet {nth}: handed over to C{nth}"))
                    .collect(),
            )],
            declaration: "We were present, and what stands here happened.".to_owned(),
            signatures: ["Operator", "Witness"].map(str::to_owned).to_vec(),
            rehearsal: true,
        }
    }

    #[test]
    fn the_whole_head_is_on_paper_and_in_the_text() {
        let document = certificate().document().expect("good");
        let text = document.text();
        assert_eq!(
            text.matches("0123 4567 89ab cdef 0123 4567 89ab cdef")
                .count(),
            2
        );
        assert!(
            text.replace('\n', "")
                .contains(&"0123456789abcdef".repeat(4))
        );
        for paper in [Paper::A4, Paper::Letter] {
            let pages = flow::canvases(&document, paper).expect("fits");
            pages.iter().for_each(tidy);
            for page in &pages {
                let foot = "head: ozone pill grain cat fox lid";
                assert!(page.placed.iter().any(|(text, _)| text == foot));
            }
        }
    }

    #[test]
    fn a_head_that_is_not_64_lower_case_hex_digits_is_refused() {
        let long = "0".repeat(65);
        let upper = "A".repeat(64);
        for head in ["", &long[..63], &long, &upper, &"ä".repeat(32)] {
            let refused = Certificate {
                head: head.to_owned(),
                ..certificate()
            }
            .document()
            .err();
            assert_eq!(refused, Some(PrintError::HeadShape));
        }
        let shown = PrintError::HeadShape.to_string();
        assert_eq!(
            shown,
            "The transcript head is not 64 lower-case hex digits."
        );
    }
}
