//! Command lines.

pub mod args;
pub mod check;
pub mod format_card;
pub mod home;
pub mod keys;
#[cfg(feature = "online")]
pub mod online;
pub mod read_qr;
pub mod rehearse;
pub mod run;
pub mod screen;
pub mod scripts;
pub mod share;
pub mod transcript;

use crate::ceremony::event::Refused;

/// The exit code of a file's refusal: 3 where it can't be read or written, else 1.
pub(crate) fn exit_of(refused: &Refused) -> u8 {
    match refused.name.as_str() {
        "file-unreadable" | "file-not-written" => 3,
        _ => 1,
    }
}
