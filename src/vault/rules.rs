//! The rules that single members of our documents keep, in each of them alike.

use super::document::{Document, DocumentError};
use data_encoding::HEXLOWER;

/// Names the member of a document whose value breaks a rule.
pub(super) struct Rules(pub(super) Document);

impl Rules {
    /// The error for a member's value.
    pub(super) fn bad(&self, member: impl Into<String>, why: &'static str) -> DocumentError {
        DocumentError::Member {
            document: self.0,
            member: member.into(),
            why,
        }
    }

    /// `Ok` if `holds`.
    pub(super) fn hold(
        &self,
        holds: bool,
        member: impl Into<String>,
        why: &'static str,
    ) -> Result<(), DocumentError> {
        if holds {
            Ok(())
        } else {
            Err(self.bad(member, why))
        }
    }

    /// Reads exactly `N` bytes of lower-case hex without prefix.
    pub(super) fn hex<const N: usize>(
        &self,
        member: &str,
        text: &str,
    ) -> Result<[u8; N], DocumentError> {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.bad(member, "it is not lower-case hex of the right length"))
    }

    /// A short name: 1 to 64 printable ASCII characters, so that it can be shown on any terminal and sheet.
    pub(super) fn short_name(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        self.hold(
            printable && (1..=64).contains(&text.len()),
            member,
            "it must be 1 to 64 printable ASCII characters",
        )
    }

    /// A free text: at most 1024 bytes, no control characters, and none that change the direction of writing: it is
    /// shown to people, and a delivery's sender isn't known.
    pub(super) fn free_text(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        let misleading = |c: char| {
            c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        self.hold(
            text.len() <= 1024 && !text.chars().any(misleading),
            member,
            "it must be at most 1024 bytes without control characters",
        )
    }

    /// A time: RFC 3339, UTC, whole seconds, `Z`.
    pub(super) fn time(&self, member: &str, text: &str) -> Result<(), DocumentError> {
        let canonical = text.len() == 20
            && text
                .parse::<jiff::Timestamp>()
                .is_ok_and(|time| time.to_string() == text);
        self.hold(
            canonical,
            member,
            "it must be a time such as 2026-11-22T14:32:00Z",
        )
    }

    /// A public key as Substrate writes it: `0x` and lower-case hex, 1 to 2048 bytes.
    pub(super) fn public(
        &self,
        member: impl Into<String>,
        text: &str,
    ) -> Result<(), DocumentError> {
        let length = text
            .strip_prefix("0x")
            .and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok())
            .map_or(0, |bytes| bytes.len());
        self.hold(
            (1..=2048).contains(&length),
            member,
            "it must be 0x and lower-case hex of 1 to 2048 bytes",
        )
    }
}
