//! The state machine of a ceremony.
