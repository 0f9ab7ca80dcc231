//! The state machine of a ceremony. Pure: no files, clock, randomness, terminal or secrets.
//!
//! `step(&Script, &State, &Event) -> Result<State, Refusal>`: an event that was not asked for is refused, never dropped.
//! The state is facts; what comes next ([`prompt::Prompt`] or [`effect::Effect`]) is a function of script and facts. So
//! the transcript, which is the list of events, replays to the very same position after a power cut.

mod answer;
mod bags;
pub mod check;
mod completion;
pub mod dates;
pub mod effect;
pub mod engine;
pub mod event;
pub mod next;
mod outcome;
pub mod policy;
pub mod prompt;
mod request;
mod resume;
pub mod script;
mod signing;
pub mod state;
pub mod view;
