//! Command lines.

pub mod check;
pub mod format_card;
pub mod keys;
pub mod read_qr;
