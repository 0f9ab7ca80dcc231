//! The laptop around the ceremony.

pub mod interfaces;
mod kernel_files;
pub mod machine;
pub mod media;
mod media_real;
mod media_sim;
pub mod mounts;
pub mod picture;
