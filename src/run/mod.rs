//! The driver: effects to devices and secrets, and back to events.
//!
//! - [`driver`] keeps the one order: event tried, written, taken, effect carried out.
//! - `input` turns what people type into events; what is secret of it goes into [`slots`].
//! - `work` carries effects out, with `keys`, `opened`, `load`, `backup`, `read`, `paper`, `media` and `closing` for their rooms.
//! - [`token`] speaks to HSM tokens through the child `qh-pkcs11`; [`softhsm`] makes those of a rehearsal.
//! - `resume` goes on after a kill, and gives a closed ceremony the papers that a kill took.
//! - `shown` adds what only the driver knows to what the state machine says is on the screen.
//! - [`devices`] are real or a rehearsal's; [`residue`] watches what must be gone at the end.

pub mod answers;
mod backup;
mod closing;
pub mod devices;
pub mod driver;
pub mod faults;
mod input;
mod keys;
mod load;
mod media;
mod opened;
mod paper;
pub mod player;
mod read;
pub mod residue;
mod resume;
mod shown;
pub mod slots;
pub mod softhsm;
pub mod token;
mod token_export;
mod token_write;
mod work;
pub mod world;

pub use resume::{Again, Finished};
