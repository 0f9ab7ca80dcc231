//! Command lines.

pub mod format_card;
pub mod read_qr;
