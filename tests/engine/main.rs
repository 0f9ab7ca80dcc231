//! The state machine proven without a driver: a pure fake answers every prompt and every effect.

mod fake;
mod guard;
mod policy;
mod prompts;
mod properties;
mod recovery;
mod resume;
mod scripts;
mod walk;
