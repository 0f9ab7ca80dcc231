//! The laptop around the ceremony.

pub mod picture;
