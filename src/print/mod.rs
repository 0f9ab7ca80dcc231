//! Sheets, forms and pages.
//!
//! Everything printed is laid out here and becomes a one-bit picture of the whole page at 300 dpi, so that paper
//! looks the same whichever printer, viewer or file it goes through, and the same input gives the same bytes.
//!
//! - A page is a [`page::Page`] when it is public, or a [`page::SecretPage`] when it shows a share. The type decides
//!   where its bytes may live: a secret page leaves only as [`crate::secret::SecretBytes`].
//! - [`sheet`] is the sheet of one share, [`form`] the blank form for writing one by hand.
//! - [`document`] is everything else that is printed: headings, checklists, tables, signature lines, flowing over
//!   pages ([`flow`]) or as plain text ([`plain`]). [`certificate`] and [`format_card`] are documents.
//! - [`canvas`] draws, with the letters of [`font`] and the codes of [`qr`]; nothing is half black.
//! - In a rehearsal every page carries banners and a watermark, drawn under the content and never over a code.
//!
//! No clock, randomness or file is touched here.

pub mod canvas;
pub mod certificate;
pub mod document;
pub mod flow;
pub mod font;
pub mod form;
pub mod format_card;
mod frame;
pub mod page;
pub mod plain;
pub mod qr;
pub mod refused;
pub mod sheet;
mod watermark;

pub use qr::terminal_qr;
pub use refused::PrintError;
