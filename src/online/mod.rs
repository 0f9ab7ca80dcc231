//! The validator host's half: what the chain says of the validator, and keys on their way.
//!
//! 1. A node is not believed. Every answer is bounded in time and size and parsed strictly; what two nodes say is
//!    compared, and a difference is refused with both answers.
//! 2. Nothing is read at a moving target: one finalized block is chosen, and everything is read at its hash.
//! 3. An account is never computed from a key. `Session.NextKeys` and `Session.KeyOwner` say whose a key is.
//! 4. A plaintext key touches no disk but the keystore's own. What leaves the host is sealed to the laptop's recipient;
//!    what arrives is sealed to the host's.
//! 5. A key signs in one place: nothing is installed without evidence that the old signer has stopped.

pub mod account;
pub mod alerts;
pub mod amount;
pub mod audit_log;
pub mod authorship;
pub mod class;
pub mod config;
pub mod engine;
pub mod genesis;
pub mod health;
pub mod keys;
pub mod metrics;
pub mod node;
pub mod registered;
pub mod retention;
pub mod rpc;
pub mod schedule;
pub mod shred;
pub mod snapshot;
pub mod store;
