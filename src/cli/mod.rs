//! Command lines.

pub mod keys;
