//! Sealing, opening and refusing: bundles, JWE and age files, deliveries.

mod age;
mod bundle;
mod delivery;
mod fixture;
mod jwe;
mod make_age;
mod make_bundle;
mod make_jwe;
mod make_vectors;
mod vectors;
