//! The laptop around the ceremony.
