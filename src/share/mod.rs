//! Shares: split, wire, words, QR text, quorum.
//!
//! The rules of this room:
//!
//! - One set id, one secret S, one sealed backup. A share carries its number x, its set id, whether it is of a
//!   rehearsal, and a 64-bit check over all of it ([`wire`]).
//! - What is read from paper is parsed strictly, as QR text ([`qr`]) or as 36 words ([`words`]). Words that do not fit
//!   lead to a suspect position ([`suspect`]), which is read again on the sheet: no word is ever filled in.
//! - Only a [`quorum::Quorum`] gives the secret, and only [`quorum::UntrustedQuorum::validate`] makes one. Duplicates,
//!   x = 0, too few shares and forged shares are ruled out before crate `blahaj` is called, since it accepts them all
//!   with a silently wrong answer.
//! - Commitments, key checks and set ids ([`public`]) are public; everything else here is secret.
//!
//! The polynomials are over GF(2^8) with polynomial 0x11d, one for each byte of S, as crate `blahaj` has them.

pub mod derive;
pub mod fuzz;
mod interpolate;
pub mod public;
pub mod qr;
pub mod quorum;
pub mod sheets;
pub mod split;
mod subsets;
pub mod suspect;
pub mod wire;
pub mod words;

pub use public::{Commitment, HexError, KeyCheck, SetId};
pub use qr::{QrError, QrMatrix, parse_qr_text, qr_matrix};
pub use quorum::{Added, Expected, Quorum, QuorumRefusal, ShareRefusal, UntrustedQuorum};
pub use sheets::{SheetsProof, SheetsRefusal, prove_sheets};
pub use split::{SplitError, split};
pub use suspect::Suspect;
pub use wire::{Share, ShareError};
pub use words::{Entry, ShareWords, WordsError, WordsOutcome, parse_words};
