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
