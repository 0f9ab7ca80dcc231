//! Shares: split, wire, words, QR text, quorum.
