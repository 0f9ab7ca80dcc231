//! Key material and how it is sealed.

pub mod keystore;
pub mod registered;
pub mod schemes;
