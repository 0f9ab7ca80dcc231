//! Command lines.

pub mod transcript;
