//! Key material and how it is sealed.
