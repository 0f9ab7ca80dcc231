//! `qh-online registered`: the registered validators' keys as a `qh-registered/1` file and as a QR code.

use std::io::Write;
use std::path::PathBuf;

use super::nodes::{Asking, local_keys};
use super::{Failure, Settings};
use crate::files::{self, refused};
use crate::online::account::{GENERIC_PREFIX, ss58};
use crate::online::registered::{Reading, restricted};
use crate::print::qr;
use crate::transcript::six_words;
use crate::vault::registered::{self, Account, Registered};

/// Arguments of `registered`.
#[derive(Debug, clap::Args)]
pub struct RegisteredArgs {
    /// Write the qh-registered/1 document to this new file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The chain's id, if there is no chain spec to tell it
    #[arg(long, value_name = "ID")]
    pub chain_id: Option<String>,

    /// Read block 0, the chain's first state, instead of the last finalized block
    #[arg(long)]
    pub genesis: bool,

    /// Show the document as a QR code, whatever the terminal's size; with --account only that account's keys
    #[arg(long)]
    pub qr: bool,

    /// Write the QR code to this new PNG file
    #[arg(long, value_name = "FILE")]
    pub qr_png: Option<PathBuf>,
}

pub(super) fn run(
    args: &RegisteredArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let asking = Asking::of(settings, args.chain_id.as_deref(), local_keys(settings)?)?;
    let (reading, notes) = asking.read(settings, args.genesis)?;
    let code = Code::of(&reading.registered, asking.account);
    // What can't be done is said before anything is written.
    let wanted = args.qr || args.qr_png.is_some();
    let made = match code.made() {
        Err(failure) if wanted => return Err(failure),
        made => made.ok(),
    };
    for path in args.output.iter().chain(&args.qr_png) {
        files::must_be_new(path).map_err(|refused| Failure::new(1, refused))?;
    }
    if let Some(path) = &args.output {
        let text = registered::emit(&reading.registered);
        files::write_new(path, text.as_bytes()).map_err(Failure::of_file)?;
    }
    if let (Some(path), Some(made)) = (&args.qr_png, &made) {
        let png = qr::png(&made.image()).map_err(|fault| Failure::environment(&fault))?;
        files::write_new(path, &png).map_err(Failure::of_file)?;
    }
    if settings.json {
        // The document itself is the output; its format holds nothing else.
        for note in &notes {
            eprintln!("{note}");
        }
        out.write_all(registered::emit(&reading.registered).as_bytes())?;
        return Ok(0);
    }
    summary(&asking, &reading, &notes, out)?;
    if let Some(path) = &args.output {
        writeln!(out, "Written to {}.", path.display())?;
    } else {
        writeln!(
            out,
            "No document was written. Give --output FILE to keep it."
        )?;
    }
    if let Some(made) = made {
        let lines = qr::terminal_lines(&made.image());
        if args.qr || fits(&lines) {
            code.explain(out)?;
            for line in lines {
                // Light on dark whatever the terminal's colours, as scanners want it.
                writeln!(out, "\u{1b}[97;40m{line}\u{1b}[0m")?;
            }
        } else if args.qr_png.is_some() {
            code.explain(out)?;
        }
    }
    if let Some(path) = &args.qr_png {
        writeln!(out, "The code is in {}.", path.display())?;
    }
    Ok(0)
}

/// The document that the code holds.
struct Code {
    document: Registered,
    account: Option<Account>,
}

impl Code {
    fn of(registered: &Registered, account: Option<Account>) -> Self {
        let document = match account {
            Some(account) => restricted(registered, &[account]),
            None => registered.clone(),
        };
        Self { document, account }
    }

    fn made(&self) -> Result<qr::PublicQr, Failure> {
        let text = registered::emit_compact(&self.document);
        qr::document(&text).map_err(|_| {
            let what = format!(
                "The document has {} bytes, and one QR code holds {}.",
                text.len(),
                qr::MAX_DOCUMENT_QR
            );
            let way_on = "Give --account ACCOUNT to put only that validator's keys into the code, or carry the file.";
            Failure::new(1, refused("registered-qr-too-long", what, way_on))
        })
    }

    fn explain(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Some(account) = self.account else {
            return writeln!(
                out,
                "The QR code holds the whole document, with the same six words."
            );
        };
        let words = six_words(&registered::fingerprint(&self.document));
        writeln!(
            out,
            "The QR code holds only the keys of {account}. Its own six words: {words}"
        )
    }
}

/// Whether the lines fit the terminal that the output goes to. No terminal, no fit.
fn fits(lines: &[String]) -> bool {
    use std::io::IsTerminal;
    let stdout = std::io::stdout();
    stdout.is_terminal()
        && rustix::termios::tcgetwinsize(&stdout).is_ok_and(|size| {
            let width = lines.first().map_or(0, |line| line.chars().count());
            usize::from(size.ws_col) >= width && usize::from(size.ws_row) > lines.len()
        })
}

fn summary(
    asking: &Asking,
    reading: &Reading,
    notes: &[String],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let document = &reading.registered;
    let hash = |hash: Option<[u8; 32]>| {
        hash.map_or_else(String::new, |hash| data_encoding::HEXLOWER.encode(&hash))
    };
    writeln!(out, "Registered keys of {}", document.chain_id)?;
    writeln!(out, "  genesis  {}", hash(document.genesis_hash))?;
    writeln!(
        out,
        "  block    {}, {}",
        document.block_number,
        hash(document.block_hash)
    )?;
    match reading.age {
        Some(age) => writeln!(out, "  age      {age} seconds by the block's own time")?,
        None if document.is_genesis_state() => {
            writeln!(
                out,
                "  age      genesis: the chain's first state, not that of today"
            )?;
        }
        None => writeln!(out, "  age      not known, since this chain keeps no time")?,
    }
    for source in &document.sources {
        writeln!(out, "  node     {}", source.name)?;
    }
    for note in notes {
        writeln!(out, "{note}")?;
    }
    let mut last = None;
    let mut keys: Vec<_> = document.keys.iter().collect();
    keys.sort_by_key(|key| key.account);
    for key in keys {
        if last != Some(key.account) {
            last = Some(key.account);
            match key.account {
                Some(account) => writeln!(
                    out,
                    "\nAccount {account} ({}){}{}",
                    ss58(&account, GENERIC_PREFIX),
                    if reading.active.contains(&account) {
                        ", active"
                    } else {
                        ""
                    },
                    if reading.queued.contains(&account) {
                        ", queued"
                    } else {
                        ""
                    },
                )?,
                None => writeln!(out, "\nAuthorities whose account the chain does not tell")?,
            }
        }
        let public = data_encoding::HEXLOWER.encode(&key.public);
        let here = if asking.is_local(key.key_type, &key.public) {
            "  <- in this host's keystore"
        } else {
            ""
        };
        writeln!(out, "  {} 0x{public}{here}", key.key_type)?;
    }
    for (key_type, public) in &asking.local {
        let known =
            |key: &&registered::RegisteredKey| key.key_type == *key_type && key.public == *public;
        if !document.keys.iter().any(|key| known(&key)) {
            let public = data_encoding::HEXLOWER.encode(public);
            writeln!(
                out,
                "\nNot registered, though in this host's keystore: {key_type} 0x{public}"
            )?;
        }
    }
    let words = six_words(&registered::fingerprint(document));
    writeln!(out, "\nSix words of the document, for the witness: {words}")
}
