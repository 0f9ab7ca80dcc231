//! Command lines.

pub mod keys;
pub mod format_card;
pub mod read_qr;
pub mod check;
