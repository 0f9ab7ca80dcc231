//! Frames between the two programs: a fixed head, a length with a bound, a body.
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..3 | `QHP` |
//! | 3 | version, 1 |
//! | 4..8 | length of the body, big-endian, 1 to [`MAX_BODY`] |
//! | 8.. | body: one byte for the kind of message, then its fields |
//!
//! Fields are fixed-width big-endian numbers, or a 32-bit length with that many bytes. Nothing is optional, nothing may
//! follow the last field.

use crate::secret::{SecretBytes, SecretText};
use zeroize::Zeroizing;

/// The largest body in bytes: 64 KiB of a data object, twice over, and room.
pub const MAX_BODY: usize = 256 * 1024;
/// The bytes before a body.
pub const HEAD: usize = 8;

const MAGIC: [u8; 4] = *b"QHP\x01";

/// Why a frame or its body is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The head is not `QHP` and the version.
    #[error("the frame does not begin as one of this version")]
    Magic,
    /// The body is empty or too long.
    #[error("the frame says that it has {0} bytes")]
    Length(u32),
    /// The body ends early.
    #[error("the frame is cut short")]
    Short,
    /// The body goes on after its last field.
    #[error("the frame has more bytes than its fields")]
    Trailing,
    /// A field has a value that it can't have.
    #[error("the field `{0}` has no value that it can have")]
    Field(&'static str),
}

/// The length of the body that this head announces.
///
/// # Errors
/// [`FrameError::Magic`], [`FrameError::Length`].
pub fn body_len(head: [u8; HEAD]) -> Result<usize, FrameError> {
    let [a, b, c, d, l0, l1, l2, l3] = head;
    if [a, b, c, d] != MAGIC {
        return Err(FrameError::Magic);
    }
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    match usize::try_from(length) {
        Ok(length) if (1..=MAX_BODY).contains(&length) => Ok(length),
        _ => Err(FrameError::Length(length)),
    }
}

/// A frame that is being written. Wiped when dropped.
pub struct Body(Zeroizing<Vec<u8>>);

impl Body {
    /// A body of this kind of message.
    pub(super) fn new(kind: u8) -> Self {
        let mut bytes = Vec::with_capacity(MAX_BODY / 64);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.push(kind);
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn flag(self, value: bool) -> Self {
        self.u8(u8::from(value))
    }

    /// Not told, no, yes.
    pub(super) fn told(self, value: Option<bool>) -> Self {
        self.u8(match value {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        })
    }

    /// A length that doesn't fit makes the frame too long, which [`Body::finish`] refuses.
    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// The whole frame.
    ///
    /// # Errors
    /// [`FrameError::Length`] if the body is longer than [`MAX_BODY`].
    pub fn finish(mut self) -> Result<Zeroizing<Vec<u8>>, FrameError> {
        let length = u32::try_from(self.0.len() - HEAD).unwrap_or(u32::MAX);
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4..].copy_from_slice(&length.to_be_bytes());
        body_len(head)?;
        self.0[..HEAD].copy_from_slice(&head);
        Ok(self.0)
    }
}

/// A body that is being read.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of a body, and its kind of message.
    ///
    /// # Errors
    /// [`FrameError::Short`] of an empty body.
    pub(super) fn of(body: &'a [u8]) -> Result<(u8, Self), FrameError> {
        let (kind, rest) = body.split_first().ok_or(FrameError::Short)?;
        Ok((*kind, Self(rest)))
    }

    fn cut(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (own, rest) = self.0.split_at_checked(length).ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(own)
    }

    pub(super) fn u8(&mut self) -> Result<u8, FrameError> {
        self.cut(1).map(|own| own[0])
    }

    pub(super) fn u64(&mut self) -> Result<u64, FrameError> {
        let own = self.cut(8)?;
        own.try_into()
            .map(u64::from_be_bytes)
            .map_err(|_| FrameError::Short)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, FrameError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Field(name)),
        }
    }

    pub(super) fn told(&mut self, name: &'static str) -> Result<Option<bool>, FrameError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(false)),
            2 => Ok(Some(true)),
            _ => Err(FrameError::Field(name)),
        }
    }

    /// At most `most` bytes.
    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<&'a [u8], FrameError> {
        let own = self.cut(4)?;
        let length = own
            .try_into()
            .map(u32::from_be_bytes)
            .map_err(|_| FrameError::Short)?;
        match usize::try_from(length) {
            Ok(length) if length <= most => self.cut(length),
            _ => Err(FrameError::Field(name)),
        }
    }

    /// At most `most` bytes of printable text: nothing that moves a cursor or turns the direction of writing.
    pub(super) fn text(&mut self, name: &'static str, most: usize) -> Result<String, FrameError> {
        let own =
            std::str::from_utf8(self.bytes(name, most)?).map_err(|_| FrameError::Field(name))?;
        if printable(own) == own {
            Ok(own.to_owned())
        } else {
            Err(FrameError::Field(name))
        }
    }

    pub(super) fn secret(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<SecretBytes, FrameError> {
        self.bytes(name, most)
            .map(|own| SecretBytes::new(own.to_vec()))
    }

    pub(super) fn secret_text(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<SecretText, FrameError> {
        let own =
            std::str::from_utf8(self.bytes(name, most)?).map_err(|_| FrameError::Field(name))?;
        Ok(SecretText::new(own.to_owned()))
    }

    /// How many of something follow: at most `most`.
    pub(super) fn count(&mut self, name: &'static str, most: u64) -> Result<u64, FrameError> {
        match self.u64()? {
            count if count <= most => Ok(count),
            _ => Err(FrameError::Field(name)),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), FrameError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(FrameError::Trailing)
        }
    }
}

/// The first `most` bytes of a text, or fewer: no character is cut.
pub fn cut(text: &str, most: usize) -> String {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= most).last().unwrap_or(0);
    text[..end].to_owned()
}

/// Text as a terminal may show it: what is not printable is a question mark. Modules send any bytes as labels.
pub fn printable(text: &str) -> String {
    let shown = |c: char| {
        let turns = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if c.is_control() || turns { '?' } else { c }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_strict() {
        assert_eq!(body_len(*b"QHP\x01\x00\x00\x00\x01"), Ok(1));
        assert_eq!(body_len(*b"QHP\x01\x00\x04\x00\x00"), Ok(MAX_BODY));
        assert_eq!(
            body_len(*b"QHP\x01\x00\x04\x00\x01"),
            Err(FrameError::Length(262_145))
        );
        assert_eq!(
            body_len(*b"QHP\x01\xff\xff\xff\xff"),
            Err(FrameError::Length(u32::MAX))
        );
        assert_eq!(
            body_len(*b"QHP\x01\x00\x00\x00\x00"),
            Err(FrameError::Length(0))
        );
        assert_eq!(
            body_len(*b"QHP\x02\x00\x00\x00\x01"),
            Err(FrameError::Magic)
        );
        assert_eq!(body_len(*b"Segmenta"), Err(FrameError::Magic));
    }

    #[test]
    fn fields_are_strict() {
        let frame = Body::new(7).u64(9).text("a b").told(None).finish().unwrap();
        let body = &frame[HEAD..];
        let (kind, mut fields) = Fields::of(body).unwrap();
        assert_eq!(
            (kind, fields.u64(), fields.text("t", 3)),
            (7, Ok(9), Ok("a b".into()))
        );
        assert_eq!(fields.told("x"), Ok(None));
        assert_eq!(fields.end(), Ok(()));
        let (_, mut fields) = Fields::of(body).unwrap();
        assert_eq!(fields.u64(), Ok(9));
        assert_eq!(fields.text("t", 2), Err(FrameError::Field("t")));
        let (_, fields) = Fields::of(body).unwrap();
        assert_eq!(fields.end(), Err(FrameError::Trailing));
        let (_, mut fields) = Fields::of(&body[..8]).unwrap();
        assert_eq!(fields.u64(), Err(FrameError::Short));
        let (_, mut fields) = Fields::of(&[0, 2, 3]).unwrap();
        assert_eq!(fields.flag("f"), Err(FrameError::Field("f")));
        assert_eq!(fields.told("f"), Err(FrameError::Field("f")));
        assert_eq!(
            Fields::of(&[]).map(|(kind, _)| kind),
            Err(FrameError::Short)
        );
        let escape = Body::new(1).text("\u{1b}[2J").finish().unwrap();
        let (_, mut fields) = Fields::of(&escape[HEAD..]).unwrap();
        assert_eq!(fields.text("t", 32), Err(FrameError::Field("t")));
    }

    #[test]
    fn a_body_that_is_too_long_is_no_frame() {
        let long = Body::new(1).bytes(&vec![0; MAX_BODY]).finish();
        assert!(matches!(long, Err(FrameError::Length(_))));
    }

    #[test]
    fn labels_are_made_printable() {
        assert_eq!(printable("a\u{1b}[0m\u{202e}b\n"), "a?[0m?b?");
        assert_eq!(printable("\u{ad}\u{61c}\u{e0041}\u{e9}"), "???\u{e9}");
        assert_eq!(
            (cut("a\u{e9}b", 2), cut("a\u{e9}b", 3), cut("ab", 9)),
            ("a".into(), "a\u{e9}".into(), "ab".into())
        );
    }
}
