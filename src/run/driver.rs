//! The driver: the only bridge from effects to devices and secrets, and back to events.
//!
//! One order: an event is tried on the state machine, then written to the transcript and synced, then the state is
//! taken, and only then the effect that follows is carried out. What is on disk is therefore never behind the work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::devices::Devices;
use super::residue::Residues;
use super::slots::Slots;
use crate::ceremony::event::{Event, Opened, Outcome, Program, Refused, Request, ScriptRef};
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::{Ask, Prompt};
use crate::ceremony::script::Script;
use crate::ceremony::state::{IDLE_LIMIT, State};
use crate::ceremony::{dates, engine, next};
use crate::files;
use crate::refusal::Refuse;
use crate::secret::Secret32;
use crate::transcript::annex::{self, Annex};
use crate::transcript::chain::{ChainError, Writer};
use crate::transcript::entry::{LineFault, MAX_LINE};
use crate::transcript::record::Record;
use crate::transcript::sign::CeremonyKey;
use crate::vault::sealed::Sealed;

/// File names in a journal directory.
pub mod names {
    /// The transcript, which is the journal.
    pub const TRANSCRIPT: &str = "transcript.jsonl";
    /// Its detached signature.
    pub const SIGNATURE: &str = "transcript.jsonl.sig";
    /// The signature of the transcript as the closing line will leave it, before that line is written.
    pub const SIGNATURE_AHEAD: &str = "transcript.jsonl.sig.ahead";
    /// The record.
    pub const RECORD: &str = "record.json";
    /// Names and places.
    pub const ANNEX: &str = "annex.json";
    /// The sealed file's directory.
    pub const SEALED: &str = "sealed";
    /// Sheets, where they are files.
    pub const SHEETS: &str = "sheets";
    /// A copy of the script that ran.
    pub const SCRIPT: &str = "script.toml";
    /// The certificate to print and sign.
    pub const CERTIFICATE: &str = "certificate.pdf";
    /// The same as text.
    pub const CERTIFICATE_TEXT: &str = "certificate.txt";
}

/// Why a ceremony can't begin, go on, or be resumed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The script can't be used.
    #[error("The script can't be used: {0}.")]
    Script(String),
    /// The journal can't be written; nothing further is done.
    #[error("The journal can't be kept: {0}")]
    Journal(#[from] ChainError),
    /// The event didn't fit the state.
    #[error("{0}")]
    Refusal(#[from] engine::Refusal),
    /// A file of the journal.
    #[error("{what}")]
    File {
        /// The refusal's name.
        name: String,
        /// What and why.
        what: String,
    },
    /// The annex can't be read, or is another ceremony's.
    #[error("{what}")]
    Annex {
        /// The refusal's name.
        name: &'static str,
        /// What and why.
        what: String,
    },
    /// No randomness.
    #[error("The operating system gives no randomness.")]
    NoRandomness,
    /// A rehearsal's journal in production, or the other way round.
    #[error("The journal directory holds {}.", if *.rehearsal { "a rehearsal" } else { "a real ceremony, and this is a rehearsal" })]
    OtherWorld {
        /// What the journal holds.
        rehearsal: bool,
    },
    /// The transcript holds an event that doesn't fit.
    #[error("Entry {seq} of the transcript doesn't fit the ceremony: {why}")]
    Replay {
        /// Which entry.
        seq: u64,
        /// Why.
        why: String,
    },
}

impl Refuse for RunError {
    fn name(&self) -> &'static str {
        match self {
            RunError::Script(_) => "script-unfit",
            RunError::Journal(error) => error.name(),
            RunError::Refusal(refusal) => refusal.name,
            RunError::File { .. } => "journal-file",
            RunError::Annex { name, .. } => name,
            RunError::NoRandomness => "no-randomness",
            RunError::OtherWorld { rehearsal: true } => "journal-of-rehearsal",
            RunError::OtherWorld { rehearsal: false } => "journal-not-of-rehearsal",
            RunError::Replay { .. } => "journal-does-not-replay",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            RunError::Script(_) => "Use a script that `qh-ceremony script check` finds sound.",
            RunError::Journal(error) => error.way_on(),
            RunError::Refusal(_) => "Answer what is asked on the screen.",
            RunError::File { .. } => {
                "Look at the journal directory's medium; it must be writable and have space."
            }
            RunError::Annex { .. } => {
                "Put this ceremony's own annex.json back, from a copy of the journal; nothing was overwritten."
            }
            RunError::OtherWorld { .. } => "Give the directory of the right ceremony.",
            RunError::NoRandomness => "Restart the laptop from the ceremony image.",
            RunError::Replay { .. } => {
                "Use the same version of the program and the same script as before; else begin a new ceremony and destroy the old one's sheets."
            }
        }
    }
}

impl From<Refused> for RunError {
    fn from(refused: Refused) -> Self {
        RunError::File {
            name: refused.name,
            what: refused.what,
        }
    }
}

/// What a ceremony is begun with.
pub struct Setup {
    /// The script's text.
    pub script: String,
    /// The journal directory; made if it is absent.
    pub dir: PathBuf,
    /// The ceremony's name.
    pub ceremony: String,
    /// Whether nothing is real.
    pub rehearsal: bool,
    /// Devices.
    pub devices: Devices,
    /// Answers given on the command line, by prompt key; each is used once.
    pub prefill: BTreeMap<String, String>,
}

/// A running ceremony.
pub struct Driver {
    pub(super) script: Script,
    pub(super) state: State,
    pub(super) writer: Writer,
    pub(super) annex: Annex,
    pub(super) slots: Slots,
    pub(super) residues: Residues,
    pub(super) devices: Devices,
    pub(super) dir: PathBuf,
    pub(super) sealed: Option<Sealed>,
    pub(super) record: Option<Record>,
    pub(super) names: Vec<(Label, String)>,
    pub(super) source: Option<crate::device::media::Medium>,
    pub(super) ceremony_key: String,
    pub(super) suggestions: BTreeMap<String, String>,
    pub(super) prefill: BTreeMap<String, String>,
    pub(super) last_input: i64,
}

/// 32 bytes of the operating system's randomness.
///
/// # Errors
/// [`RunError::NoRandomness`].
pub fn random32() -> Result<Secret32, RunError> {
    let mut failed = false;
    let secret = Secret32::init_with(|own| failed = getrandom::fill(own).is_err());
    if failed {
        Err(RunError::NoRandomness)
    } else {
        Ok(secret)
    }
}

/// UTC seconds now.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Lower-case hex of the SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// This program, by version and hash of its file.
fn program() -> Program {
    let bytes = std::env::current_exe()
        .and_then(std::fs::read)
        .unwrap_or_default();
    Program {
        version: env!("CARGO_PKG_VERSION").into(),
        sha256: sha256_hex(&bytes),
    }
}

impl Driver {
    /// Begins a ceremony in an empty journal directory.
    ///
    /// # Errors
    /// [`RunError`]: the script, the journal, or randomness.
    pub fn begin(setup: Setup) -> Result<Self, RunError> {
        let script = parse(&setup.script)?;
        std::fs::create_dir_all(&setup.dir).map_err(|error| RunError::File {
            name: "journal-directory".into(),
            what: format!("{} can't be made: {error}.", setup.dir.display()),
        })?;
        let seed = random32()?;
        let key = CeremonyKey::from_seed(&seed);
        let opened = Opened {
            format: "qh-transcript/1".into(),
            rehearsal: setup.rehearsal,
            id: HEXLOWER.encode(random32()?.expose()),
            ceremony: setup.ceremony.clone(),
            kind: script.kind(),
            program: program(),
            script: ScriptRef {
                name: script.name.clone(),
                version: script.version,
                sha256: sha256_hex(setup.script.as_bytes()),
            },
            ceremony_key: key.public_openssh(),
        };
        let time = now();
        let (state, _) = engine::open(&script, opened.clone(), time)?;
        let mut writer = Writer::create_new(&setup.dir.join(names::TRANSCRIPT))?;
        files::write(&setup.dir.join(names::SCRIPT), setup.script.as_bytes())?;
        writer.append(&dates::rfc3339(time), &Event::Opened(opened.clone()))?;
        let annex = Annex {
            format: annex::FORMAT.into(),
            rehearsal: setup.rehearsal,
            ceremony: setup.ceremony,
            entries: vec![],
        };
        Ok(Self {
            ceremony_key: opened.ceremony_key,
            script,
            state,
            writer,
            annex,
            slots: Slots::new(key),
            residues: Residues::new(&random32()?),
            devices: setup.devices,
            dir: setup.dir,
            sealed: None,
            record: None,
            names: vec![],
            source: None,
            suggestions: BTreeMap::new(),
            prefill: setup.prefill,
            last_input: time,
        })
    }

    /// The state, for tests and reports.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The journal directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The transcript's head, 64 hex digits.
    pub fn head_hex(&self) -> String {
        self.writer
            .head()
            .map(|h| HEXLOWER.encode(&h.hash))
            .unwrap_or_default()
    }

    /// The prompt now.
    pub fn prompt(&self) -> Prompt {
        next::prompt(&self.script, &self.state)
    }

    /// Whether the driver has work to do before a person's turn.
    pub fn busy(&self) -> bool {
        self.state.busy.is_some()
    }

    /// Whether the transcript is closed.
    pub fn closed(&self) -> bool {
        self.state.closed
    }

    /// Tries an event, writes it, takes the new state.
    pub(super) fn record_event(&mut self, event: Event) -> Result<(), RunError> {
        let time = self.time_for_entry()?;
        self.take(time, &event)
    }

    /// Now. A clock that went back is an event of its own.
    pub(super) fn time_for_entry(&mut self) -> Result<i64, RunError> {
        let time = now();
        if time < self.state.time {
            let back = Event::ClockBack {
                seconds: self.state.time - time,
            };
            self.take(time, &back)?;
        }
        Ok(time)
    }

    pub(super) fn take(&mut self, time: i64, event: &Event) -> Result<(), RunError> {
        let (state, _) = engine::step(&self.script, &self.state, time, event)?;
        self.writer.append(&dates::rfc3339(time), event)?;
        self.state = state;
        Ok(())
    }

    /// Carries out the pending effect, if there is one, or answers what was answered on the command line. Whether
    /// there was anything to do.
    ///
    /// # Errors
    /// [`RunError`]: only when the journal can't be kept. What an effect refuses is an event.
    pub fn work(&mut self) -> Result<bool, RunError> {
        let Some(effect) = self.state.busy.clone() else {
            return self.answer_beforehand();
        };
        let outcome = match self.carry_out(&effect) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Ok(true), // it wrote its own event
            Err(refused) if self.closed() => {
                return Err(RunError::File {
                    name: refused.name,
                    what: refused.what,
                });
            }
            Err(refused) => Outcome::Failed(refused),
        };
        match self.record_event(Event::Finished { outcome }) {
            // Nothing was written. A token may list more than one entry holds; that must not end the program.
            Err(RunError::Journal(ChainError::Entry(LineFault::TooLong(bytes)))) => {
                let outcome = Outcome::Failed(files::refused(
                    "outcome-too-long",
                    format!(
                        "What came back has {bytes} bytes, and an entry of the transcript holds {MAX_LINE}."
                    ),
                    "Choose a source that lists less, e.g. a token with fewer keys.",
                ));
                self.record_event(Event::Finished { outcome })?;
            }
            recorded => recorded?,
        }
        Ok(true)
    }

    fn answer_beforehand(&mut self) -> Result<bool, RunError> {
        if self.prefill.is_empty() || self.closed() {
            return Ok(false);
        }
        let prompt = self.prompt();
        if matches!(prompt.ask, Ask::Text { .. } | Ask::Choose(_))
            && let Some(value) = self.prefill.remove(&prompt.key)
        {
            self.record_event(Event::Answered {
                key: prompt.key,
                value,
            })?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Half an hour without an input wipes entered shares.
    pub(super) fn tick(&mut self) -> Result<(), RunError> {
        if self.closed() {
            return Ok(());
        }
        let time = now();
        if time < self.state.time {
            let seconds = self.state.time - time;
            self.last_input = time;
            return self.take(time, &Event::ClockBack { seconds });
        }
        let since = self.last_input.max(self.state.time);
        if time - since >= IDLE_LIMIT && !self.busy() {
            self.last_input = time;
            self.record_event(Event::PauseExpired)?;
        }
        Ok(())
    }

    pub(super) fn touched(&mut self) {
        self.last_input = now();
    }

    pub(super) fn request(&mut self, request: Request) -> Result<(), RunError> {
        self.record_event(Event::Requested { request })
    }

    pub(super) fn refuse(&mut self, refused: Refused) -> Result<(), RunError> {
        self.record_event(Event::Refused(refused))
    }
}

pub(super) fn parse(text: &str) -> Result<Script, RunError> {
    Script::parse(text).map_err(|error| RunError::Script(error.to_string()))
}
