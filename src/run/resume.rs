//! Going on after a kill or a power cut: a ceremony that is open, or one that is closed and lacks its papers.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::devices::Devices;
use super::driver::{Driver, RunError, names, now, parse, random32, sha256_hex};
use super::residue::Residues;
use super::slots::Slots;
use crate::ceremony::event::Event;
use crate::ceremony::script::Script;
use crate::ceremony::state::State;
use crate::ceremony::{dates, engine};
use crate::files;
use crate::refusal::Refuse;
use crate::transcript::annex::{self, Annex};
use crate::transcript::entry::Entry;
use crate::transcript::resume::{Resume, closed, resume};
use crate::transcript::sign::CeremonyKey;

/// What a closed ceremony has, after what it lacked was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Whether the transcript has its signature. One that is lost can't be made again: the key died with the memory.
    pub signed: bool,
    /// Whether the certificate was laid out anew.
    pub certificate: bool,
}

/// What a journal directory is when it is opened again.
pub enum Again {
    /// The ceremony goes on.
    Open(Box<Driver>),
    /// It was closed; this is what it has now.
    Closed(Finished),
}

impl Finished {
    /// What people are told.
    pub fn text(self, dir: &Path) -> String {
        let dir = dir.display();
        let mut text = format!("The ceremony in {dir} is closed.");
        if self.certificate {
            text +=
                " Its certificate was missing and was laid out anew: print it and have it signed.";
        }
        if !self.signed {
            text += " Its transcript has no signature, and none can be made any more. The head on the signed certificate is then what an auditor relies on.";
        }
        text
    }
}

impl Driver {
    /// Opens a journal directory again, whatever stands in it.
    ///
    /// # Errors
    /// As [`Driver::resume`] and [`Driver::finish`].
    pub fn again(dir: &Path, devices: Devices) -> Result<Again, RunError> {
        if closed(&dir.join(names::TRANSCRIPT)).is_ok() {
            Self::finish(dir, devices).map(Again::Closed)
        } else {
            Self::resume(dir, devices).map(|driver| Again::Open(Box::new(driver)))
        }
    }

    /// Goes on where a kill or power cut left the journal directory.
    ///
    /// # Errors
    /// [`RunError`]: no open transcript, damage, a script or program that replays differently.
    pub fn resume(dir: &Path, devices: Devices) -> Result<Self, RunError> {
        let (mut driver, resumed) = Self::replayed(dir, devices, resume)?;
        let (torn_bytes, torn_sha256) = resumed
            .first()
            .map_or((0, None), |t| (t.bytes, Some(t.sha256.to_string())));
        let ceremony_key = driver.ceremony_key.clone();
        driver.record_event(Event::Resumed {
            torn_bytes,
            torn_sha256,
            ceremony_key,
        })?;
        driver.reload();
        Ok(driver)
    }

    /// Gives a closed ceremony what a kill between its closing line and its certificate took: the signature that was
    /// made ahead, and the certificate. What is there already is left as it is.
    ///
    /// # Errors
    /// [`RunError`]: the transcript is not closed, damage, files that can't be read or written.
    pub fn finish(dir: &Path, devices: Devices) -> Result<Finished, RunError> {
        let (mut driver, _) = Self::replayed(dir, devices, closed)?;
        driver.slots.ceremony_key = None;
        let signed = driver.adopt_signature()?;
        let papers = [names::CERTIFICATE, names::CERTIFICATE_TEXT];
        let certificate = papers.iter().any(|name| !dir.join(name).exists());
        if certificate {
            driver.certify()?;
        }
        Ok(Finished {
            signed,
            certificate,
        })
    }

    /// The ceremony as its transcript tells it, with a new key for what is still to be signed.
    fn replayed(
        dir: &Path,
        devices: Devices,
        read: fn(&Path) -> Result<Resume, crate::transcript::chain::ChainError>,
    ) -> Result<(Self, Vec<crate::transcript::resume::Torn>), RunError> {
        let script_bytes = files::read(&dir.join(names::SCRIPT), 64 * 1024)?;
        let text = String::from_utf8_lossy(&script_bytes).into_owned();
        let script = parse(&text)?;
        let resumed = read(&dir.join(names::TRANSCRIPT))?;
        let state = replay(&script, &text, &resumed.entries)?;
        // Real people and simulated ones never meet in one transcript: refused before anything is written.
        if devices.real == state.opened.rehearsal {
            return Err(RunError::OtherWorld {
                rehearsal: state.opened.rehearsal,
            });
        }
        let key = CeremonyKey::from_seed(&random32()?);
        let annex = annex_of(&dir.join(names::ANNEX), &state)?;
        let ceremony_key = if resumed.writer.is_closed() {
            key_in_force(&resumed.entries)
        } else {
            key.public_openssh()
        };
        let driver = Self {
            ceremony_key,
            script,
            state,
            writer: resumed.writer,
            annex,
            slots: Slots::new(key),
            residues: Residues::new(&random32()?),
            devices,
            dir: dir.to_owned(),
            sealed: None,
            record: None,
            names: vec![],
            source: None,
            suggestions: BTreeMap::new(),
            prefill: BTreeMap::new(),
            last_input: now(),
        };
        Ok((driver, resumed.torn))
    }

    /// The sealed file that the state says stands. A damaged one doesn't keep people from voiding and wiping: whoever
    /// needs it is refused by name.
    fn reload(&mut self) {
        let Some(facts) = &self.state.facts.sealed else {
            return;
        };
        let path = self.dir.join(names::SEALED).join(&facts.file);
        if let Ok(sealed) = super::load::read_sealed(&path)
            && HEXLOWER.encode(&sealed.sha256()) == facts.sha256
        {
            self.sealed = Some(sealed);
        }
    }
}

/// The annex of this ceremony. One that is not there yet is empty; anything else that keeps it from being read is
/// refused, since writing it anew would lose the names and places in it.
fn annex_of(path: &Path, state: &State) -> Result<Annex, RunError> {
    let absent = path
        .symlink_metadata()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if absent {
        return Ok(Annex {
            format: annex::FORMAT.into(),
            rehearsal: state.opened.rehearsal,
            ceremony: state.opened.ceremony.clone(),
            entries: vec![],
        });
    }
    let bytes = files::read(path, 1 << 20).map_err(|refused| RunError::Annex {
        name: "annex-unreadable",
        what: refused.what,
    })?;
    let annex = Annex::parse(&bytes).map_err(|error| RunError::Annex {
        name: error.name(),
        what: error.to_string(),
    })?;
    if (annex.rehearsal, &annex.ceremony) == (state.opened.rehearsal, &state.opened.ceremony) {
        return Ok(annex);
    }
    Err(RunError::Annex {
        name: "annex-of-other-ceremony",
        what: format!(
            "{} is of ceremony {}, the transcript beside it of {}.",
            path.display(),
            annex.ceremony,
            state.opened.ceremony
        ),
    })
}

/// The state that the entries lead to.
fn replay(script: &Script, text: &str, entries: &[Entry]) -> Result<State, RunError> {
    let mut state: Option<State> = None;
    for entry in entries {
        let why = |why: String| RunError::Replay {
            seq: entry.seq,
            why,
        };
        let time = dates::parse_rfc3339(&entry.time).unwrap_or_default();
        let event: Event = serde_json::from_value(serde_json::Value::Object(entry.body.clone()))
            .map_err(|error| why(error.to_string()))?;
        let new = match (&state, event) {
            (None, Event::Opened(opened)) => {
                if opened.script.sha256 != sha256_hex(text.as_bytes()) {
                    return Err(why("script.toml is not the script that began it".into()));
                }
                engine::open(script, opened, time)
            }
            (Some(state), event) => engine::step(script, state, time, &event),
            (None, _) => return Err(why("it doesn't begin with `opened`".into())),
        };
        state = Some(new.map_err(|refusal| why(refusal.what))?.0);
    }
    state.ok_or_else(|| RunError::Replay {
        seq: 0,
        why: "it is empty".into(),
    })
}

/// The ceremony key that was named last.
fn key_in_force(entries: &[Entry]) -> String {
    let named = |entry: &Entry| Some(entry.body.get("ceremony_key")?.as_str()?.to_owned());
    entries.iter().rev().find_map(named).unwrap_or_default()
}
