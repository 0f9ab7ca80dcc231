//! The driver: effects to devices and secrets, and back to events.
