//! Snapshots of databases that another process writes, judged by their engines.

mod faults;
mod live;
mod running;
mod stock;
