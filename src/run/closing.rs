//! The end: record, signature, certificate.

use data_encoding::HEXLOWER;

use super::driver::{Driver, RunError, names, now, sha256_hex};
use crate::ceremony::dates;
use crate::ceremony::event::{Event, Refused};
use crate::ceremony::next::{destroy_list, due_by_events};
use crate::ceremony::policy::{Kind, Label};
use crate::ceremony::state::{Ending, SheetState as State};
use crate::files::{self, from_error, refused};
use crate::print::certificate as page;
use crate::transcript::certificate::{Certificate, Closing, Match};
use crate::transcript::chain;
use crate::transcript::entry::{Program, Script};
use crate::transcript::hex::{Hash, Hex};
use crate::transcript::record::{
    self, Clock, Commitment, Copy, Due, Exception, PublicKeyLine, Record, Sealed, SheetLine,
    SheetState,
};
use crate::transcript::sign::{MAX_SIGNATURE, verify_signature};
use crate::transcript::six_words::six_words;

const MAX_TRANSCRIPT: usize = chain::MAX_FILE as usize;

fn hash(hex: &str) -> Option<Hash> {
    let bytes = HEXLOWER.decode(hex.as_bytes()).ok()?;
    Some(Hex(bytes.try_into().ok()?))
}

fn required(hex: &str) -> Result<Hash, Refused> {
    hash(hex).ok_or_else(|| {
        refused(
            "record-incomplete",
            "A hash of the record is missing.",
            "Stop the ceremony.",
        )
    })
}

fn sheet_state(state: State) -> SheetState {
    match state {
        State::Printed => SheetState::Printed,
        State::Accepted => SheetState::Accepted,
        State::Bagged => SheetState::Bagged,
        State::HandedOver => SheetState::HandedOver,
        State::Void => SheetState::Void,
        State::Destroyed => SheetState::Destroyed,
    }
}

impl Driver {
    /// The record as it stands now.
    fn build_record(&self) -> Result<Record, Refused> {
        let state = &self.state;
        let facts = &state.facts;
        let opened = &state.opened;
        let completed = !matches!(state.ending, Some(Ending::Stopped(_) | Ending::NotHeld));
        let sealed = facts.sealed.as_ref();
        let policy = &self.script.policy;
        let backup = opened.kind == Kind::Backup;
        let commitments = match (&facts.record, &self.record) {
            _ if backup => facts
                .commitments
                .iter()
                .enumerate()
                .filter_map(|(i, c)| {
                    Some(Commitment {
                        commitment: hash(c)?,
                        label: format!("C{}", i + 1),
                    })
                })
                .collect(),
            (_, Some(record)) => record.commitments.clone(),
            _ => vec![],
        };
        let sealed_lines = match sealed {
            Some(sealed) => vec![Sealed {
                file: sealed.file.clone(),
                sha256: required(&sealed.sha256)?,
                copies: state
                    .copies
                    .iter()
                    .map(|c| Copy {
                        label: c.label.clone(),
                        place: c.place.clone(),
                    })
                    .collect(),
            }],
            None => vec![],
        };
        let mut sheets: Vec<SheetLine> = state
            .sheets
            .iter()
            .map(|s| SheetLine {
                number: s.number,
                label: format!("C{}", s.custodian),
                state: sheet_state(s.state),
                bag: (!s.bag.is_empty()).then(|| s.bag.clone()),
            })
            .collect();
        for (x, bag) in &facts.rebagged {
            sheets.push(SheetLine {
                number: u32::from(*x),
                label: format!("C{x}"),
                state: SheetState::HandedOver,
                bag: Some(bag.clone()),
            });
        }
        let mut exceptions: Vec<Exception> = state
            .exceptions
            .iter()
            .map(|e| Exception {
                name: e.name.clone(),
                text: e.text.clone(),
                signed: e.signed.iter().map(ToString::to_string).collect(),
            })
            .collect();
        if facts.matched.as_ref().is_some_and(|m| !m.on_chain) {
            exceptions.push(Exception {
                name: "not-matched-to-chain".into(),
                text: "NOT MATCHED TO CHAIN: the key was read out by two people".into(),
                signed: vec!["O".into(), "W".into()],
            });
        }
        let mut due: Vec<Due> = if completed {
            self.script
                .due
                .iter()
                .map(|d| Due {
                    date: dates::months_after(state.time, d.months),
                    task: d.task.clone(),
                    label: "O".into(),
                })
                .collect()
        } else {
            vec![]
        };
        for (date, task) in due_by_events(state) {
            due.push(Due {
                date,
                task,
                label: "W".into(),
            });
        }
        if facts.matched.as_ref().is_some_and(|m| !m.on_chain) {
            due.push(Due {
                date: dates::months_after(state.time, 1),
                task: "Register the key, then verify this backup against the chain".into(),
                label: "O".into(),
            });
        }
        Ok(Record {
            format: record::FORMAT.into(),
            rehearsal: opened.rehearsal,
            ceremony: opened.ceremony.clone(),
            kind: opened.kind.name().into(),
            purpose: facts.purpose.clone(),
            authority: facts.authority.clone(),
            location: facts.location.clone(),
            started: dates::rfc3339(state.began),
            ended: dates::rfc3339(now().max(state.began)),
            clock: facts.clock.as_ref().map(|c| Clock {
                offset_seconds: -c.offset,
                stated_by: "W".into(),
            }),
            script: Script {
                name: opened.script.name.clone(),
                version: opened.script.version,
                sha256: required(&opened.script.sha256)?,
            },
            program: Program {
                version: opened.program.version.clone(),
                sha256: required(&opened.program.sha256)?,
            },
            k: sealed
                .map(|s| s.k)
                .or(facts.record.as_ref().map(|r| r.k))
                .or(backup.then_some(policy.k)),
            n: sealed
                .map(|s| s.n)
                .or(facts.record.as_ref().map(|r| r.n))
                .or(backup.then_some(policy.n)),
            set_id: HEXLOWER
                .decode(facts.set_id.as_bytes())
                .ok()
                .and_then(|b| b.try_into().ok())
                .map(Hex),
            key_check: sealed
                .map(|s| s.key_check.as_str())
                .or(facts.record.as_ref().map(|r| r.key_check.as_str()))
                .and_then(hash),
            commitments,
            public_keys: facts
                .keys
                .iter()
                .map(|k| PublicKeyLine {
                    key_type: k.key_type.clone(),
                    scheme: k.scheme.clone(),
                    public: k.public.clone(),
                })
                .collect(),
            sealed: sealed_lines,
            sheets,
            due,
            exceptions,
            previous_record: facts
                .record
                .as_ref()
                .map(|r| r.sha256.as_str())
                .or(sealed.map(|s| s.record_sha256.as_str()))
                .and_then(hash),
            annex: self.annex.links(),
            transcript: record::Transcript {
                id: required(&opened.id)?,
                ceremony_key: self.ceremony_key.clone(),
                head: Hex(self.writer.head().map(|h| h.hash).unwrap_or_default()),
            },
        })
    }

    /// Writes record and annex; gives the record's hash.
    pub(super) fn write_record(&mut self) -> Result<String, Refused> {
        let record = self.build_record()?;
        let json = record.to_json();
        files::write(&self.dir.join(names::RECORD), json.as_bytes())?;
        let annex = self.annex.to_json();
        files::write(&self.dir.join(names::ANNEX), annex.as_bytes())?;
        Ok(sha256_hex(json.as_bytes()))
    }

    /// Signs the transcript as its closing line will leave it, and only then writes that line: a kill in between loses
    /// no signature, which nobody could make again. Then the key is wiped.
    pub(super) fn close(&mut self) -> Result<(), RunError> {
        let outcome = self.state.ending.as_ref().map_or("completed", |e| e.name());
        let event = Event::Closed {
            outcome: outcome.to_owned(),
        };
        let time = self.time_for_entry()?;
        if let Some(key) = &self.slots.ceremony_key {
            let mut whole = files::read(&self.dir.join(names::TRANSCRIPT), MAX_TRANSCRIPT)?;
            whole.extend(self.writer.next_line(&dates::rfc3339(time), &event)?);
            let signature = key.sign(&whole);
            files::write(&self.dir.join(names::SIGNATURE_AHEAD), signature.as_bytes())?;
        }
        self.take(time, &event)?;
        self.slots.ceremony_key = None;
        self.slots.pins.clear();
        Ok(())
    }

    /// Gives the signature that was made ahead its name, if it is that of the closed transcript. Whether the transcript
    /// has its signature.
    pub(super) fn adopt_signature(&self) -> Result<bool, RunError> {
        let whole = files::read(&self.dir.join(names::TRANSCRIPT), MAX_TRANSCRIPT)?;
        let valid = |name: &str| {
            let bytes = files::read(&self.dir.join(name), MAX_SIGNATURE).ok();
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .is_some_and(|text| verify_signature(&whole, &text, &self.ceremony_key).is_ok())
        };
        if valid(names::SIGNATURE) {
            return Ok(true);
        }
        if !valid(names::SIGNATURE_AHEAD) {
            return Ok(false);
        }
        files::rename(
            &self.dir.join(names::SIGNATURE_AHEAD),
            &self.dir.join(names::SIGNATURE),
        )?;
        Ok(true)
    }

    /// Lays out the certificate of the closed transcript.
    pub(super) fn certify(&self) -> Result<(), Refused> {
        let bytes = files::read(&self.dir.join(names::RECORD), record::MAX_RECORD)?;
        let record = Record::parse(&bytes).map_err(|error| from_error(&error))?;
        let head = self.writer.head().map(|h| h.hash).unwrap_or_default();
        let sha256 = required(&sha256_hex(&bytes))?;
        let certificate =
            Certificate::build(&record, &sha256, &head, &self.ceremony_key, &self.closing())
                .map_err(|error| from_error(&error))?;
        self.write_certificate(&certificate, &head)
    }

    fn closing(&self) -> Closing {
        let state = &self.state;
        let facts = &state.facts;
        let matched = match &facts.matched {
            Some(m) if m.on_chain => {
                Match::Matched(format!("{}: {}", m.source, m.lines.join(", ")))
            }
            Some(_) => Match::NotMatched("the key was read out by two people".into()),
            None if state.opened.kind == Kind::ShareCheck => Match::NotAsked,
            None => Match::NotMatched("the ceremony ended before".into()),
        };
        let mut take_home: Vec<(String, Vec<String>)> = vec![];
        for sheet in state.sheets.iter().filter(|s| s.stands()) {
            take_home.push((
                format!("C{}", sheet.custodian),
                vec![format!(
                    "sheet {} in bag {}, for {}",
                    sheet.number, sheet.bag, sheet.place
                )],
            ));
        }
        for (x, bag) in &facts.rebagged {
            take_home.push((
                format!("C{x}"),
                vec![format!("the sheet of share {x} in bag {bag}")],
            ));
        }
        for copy in &state.copies {
            take_home.push((
                copy.place.clone(),
                vec![format!(
                    "medium {} with the sealed file, {}",
                    copy.label,
                    if copy.past_cache {
                        "read back past the cache"
                    } else {
                        "read back (the cache could not be passed)"
                    }
                )],
            ));
        }
        let mut machine: Vec<String> = facts.machine.iter().map(|f| f.text.clone()).collect();
        machine.extend(
            facts
                .clock_jumps
                .iter()
                .map(|s| format!("The clock went back by {s} seconds.")),
        );
        let mut seen = vec![];
        match &facts.wiped {
            Some((0, _, note)) => {
                machine.push(format!("Memory was not searched after the wipe: {note}"));
            }
            Some((bytes, 0, _)) => seen.push(format!(
                "After the wipe {bytes} bytes of memory were searched for every secret; nothing was left."
            )),
            Some((_, found, note)) => machine.push(format!(
                "After the wipe {found} places still held something: {note}. Power off for ten minutes."
            )),
            None => machine.push("Nothing was wiped.".into()),
        }
        match &state.ending {
            Some(Ending::Stopped(reason)) => {
                machine.push(format!("The ceremony was STOPPED: {reason}"));
            }
            Some(Ending::NotHeld) => {
                machine.push("The ceremony was NOT HELD: too few sheets were brought.".into());
            }
            Some(Ending::Completed) | None => {}
        }
        if let Some((subsets, all)) = facts.subsets {
            let which = if all {
                "every"
            } else {
                "a covering selection, each"
            };
            seen.push(format!(
                "Sheets proven together: {subsets} sets of sheets, {which} one gives the key check."
            ));
        }
        seen.extend(
            facts
                .key_notes
                .iter()
                .map(|line| format!("Key files: {line}")),
        );
        seen.extend(facts.stop.iter().map(|line| format!("Old signer: {line}")));
        seen.extend(facts.written.iter().map(|line| format!("Written: {line}")));
        seen.extend(facts.checked.iter().cloned());
        let mut signers: Vec<String> = vec!["Operator (O)".into(), "Witness (W)".into()];
        signers.extend(
            state
                .custodians
                .iter()
                .filter(|c| c.present)
                .map(|c| format!("Custodian ({})", Label::custodian(c.number))),
        );
        Closing {
            matched,
            machine,
            seen,
            destroy: destroy_list(state),
            take_home,
            resumed: state.resumes,
            signers,
        }
    }

    fn write_certificate(&self, certificate: &Certificate, head: &[u8; 32]) -> Result<(), Refused> {
        let document = page::Certificate {
            title: certificate.title.clone(),
            ceremony: String::new(),
            head: HEXLOWER.encode(head),
            head_words: six_words(head),
            warnings: certificate.warnings.clone(),
            sections: certificate.sections.clone(),
            declaration: "We were present, and what stands above is what we saw.".into(),
            signatures: certificate.signers.clone(),
            rehearsal: self.state.opened.rehearsal,
        }
        .document()
        .map_err(|error| from_error(&error))?;
        let pdf = document
            .pdf(self.devices.paper)
            .map_err(|error| from_error(&error))?;
        files::write(&self.dir.join(names::CERTIFICATE), &pdf)?;
        files::write(
            &self.dir.join(names::CERTIFICATE_TEXT),
            document.text().as_bytes(),
        )?;
        Ok(())
    }
}
