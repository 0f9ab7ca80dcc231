//! Keys on their way between the validator host and the laptop.
//!
//! 1. What leaves is sealed to the laptop's recipient of one ceremony, whose six words people have read on both screens.
//! 2. What arrives is sealed to the host's own recipient ([`identity`]), proven pair by pair, and matched with the chain.
//! 3. A key signs in one place. What arrives is written only with [`evidence`] that the old signer has stopped, or with
//!    two people's word that the key never signed. This has no exception.
//! 4. A plaintext key touches no disk but the keystore's own.

pub mod chain;
pub mod evidence;
pub mod export;
pub mod identity;
pub mod insert;
pub mod record;
pub mod silence;
