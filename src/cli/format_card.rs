//! `qh-ceremony format-card`: the recovery instructions that need none of our software.

use crate::print::format_card::format_card as card;
use crate::print::page::Paper;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Prints the recovery instructions that need none of this software.
#[derive(Debug, clap::Args)]
pub struct FormatCardArgs {
    /// Write the card as PDF to this new file.
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// Write the card as plain text to standard output. This is what happens without --pdf.
    #[arg(long)]
    pub text: bool,
    /// The paper of the PDF.
    #[arg(long, value_enum, default_value_t = PaperArg::A4)]
    pub paper: PaperArg,
}

/// A size of paper on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PaperArg {
    /// 210 by 297 mm.
    A4,
    /// 215.9 by 279.4 mm.
    Letter,
}

impl From<PaperArg> for Paper {
    fn from(paper: PaperArg) -> Self {
        match paper {
            PaperArg::A4 => Self::A4,
            PaperArg::Letter => Self::Letter,
        }
    }
}

/// Runs the command; `python` is the program that the card prints. Returns the exit code: 0, or 3 if a file can't be
/// written. A file that exists is not overwritten.
pub fn format_card(args: &FormatCardArgs, python: &str, out: &mut dyn Write) -> u8 {
    let card = card(python);
    let mut done = Ok(());
    if let Some(path) = &args.pdf {
        let pdf = match card.pdf(args.paper.into()) {
            Ok(pdf) => pdf,
            Err(error) => {
                let _ = writeln!(out, "{error}");
                return 1;
            }
        };
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let written = file.and_then(|mut file| file.write_all(&pdf).and_then(|()| file.sync_all()));
        done = match written {
            Ok(()) => writeln!(out, "{}: written", path.display()),
            Err(error) => {
                let name = path.display();
                let _ = writeln!(
                    out,
                    "{name}: the format card was not written: {error}. Name a new file on a writable medium."
                );
                return 3;
            }
        };
    }
    if args.text || args.pdf.is_none() {
        done = done.and_then(|()| out.write_all(card.text().as_bytes()));
    }
    if done.and_then(|()| out.flush()).is_ok() {
        0
    } else {
        3
    }
}
