//! Chain snapshots through the program itself: made, listed, verified, restored, by it and by stock tools; and everything
//! that is refused.
#![cfg(feature = "online")]

mod basic;
mod bucket;
mod crash;
mod hostile;
#[path = "../online/node.rs"]
mod node;
mod place;
mod pruning;
#[path = "../s3_server/mod.rs"]
mod s3_server;
mod setup;
mod stock;
mod stopping;
mod stores;
mod volume;
