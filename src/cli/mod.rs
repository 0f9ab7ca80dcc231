//! Command lines.

pub mod check;
