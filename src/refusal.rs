//! How every room says no: by name, with the reason and the way on.

/// An error a person reads. [`std::fmt::Display`] says what was refused and why, in full sentences.
///
/// Texts never hold a secret: they name files, positions, set ids and public keys only.
pub trait Refuse: std::error::Error {
    /// The stable kebab-case name of this refusal, e.g. `share-foreign-set`. Transcripts and tests use it.
    fn name(&self) -> &'static str;

    /// What the person does next, in a full sentence.
    fn way_on(&self) -> &'static str;
}
