//! Chain snapshots: taken of a database that another program owns, kept in stores, verified, restored.
//!
//! 1. Consistency comes from a method that is argued for the engine, never from luck: see [`freeze`]. What can't be
//!    taken consistently is refused.
//! 2. Only files that belong to the database go into a snapshot, by the names that its engine gives. The keystore and the
//!    network keys lie beside it and can't get in.
//! 3. A file is cut in chunks; a chunk that the epoch has is not sent again. Objects are sealed to recipients whose
//!    identities are not on the host. The manifest comes last, signed, and names the one before it.
//! 4. Nothing that a store says is believed. What counts is a manifest signed by a trusted host, and for restoring the
//!    attestation of a trusted verifier.
//! 5. A restore is whole or it changes nothing: staged beside the place, checked, then renamed. Old data is kept.

pub mod archive;
pub mod catalog;
pub mod commit;
pub mod create;
pub mod database;
pub mod fetch;
pub mod freeze;
mod hold;
pub mod key;
pub mod ledger;
pub mod manifest;
pub mod names;
pub mod object;
mod parallel;
pub mod place;
pub mod prune;
pub mod ship;
pub mod staging;
pub mod stop;
pub mod trust;
pub mod verify;
