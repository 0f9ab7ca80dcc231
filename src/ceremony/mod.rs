//! The state machine of a ceremony. Pure: no files, clock, randomness, terminal or secrets.
//!
//! `step(&Script, &State, &Event) -> Result<State, Refusal>`: an event that was not asked for is refused, never dropped.
//! The state is facts; what comes next ([`prompt::Prompt`] or [`effect::Effect`]) is a function of script and facts. So
//! the transcript, which is the list of events, replays to the very same position after a power cut.

pub mod check;
pub mod effect;
pub mod event;
pub mod policy;
pub mod prompt;
pub mod script;
pub mod view;
