//! Shares come back from paper: typed, scanned, or from a picture. Each becomes a share, or a refusal by name.

use std::path::Path;

use super::driver::{Driver, RunError, names};
use crate::ceremony::event::{Event, Refused};
use crate::ceremony::policy::Kind;
use crate::ceremony::prompt::Ask;
use crate::device::picture;
use crate::files::{self, from_error, refused};
use crate::secret::SecretText;
use crate::share::qr::parse_qr_text;
use crate::share::quorum::UntrustedQuorum;
use crate::share::wire::Share;
use crate::share::words::{WordsOutcome, parse_words};

impl Driver {
    pub(super) fn share_qr(&mut self, text: &SecretText, how: &str) -> Result<(), RunError> {
        match parse_qr_text(text.expose()) {
            Ok(share) => self.share(share, how),
            Err(error) => self.refuse(from_error(&error)),
        }
    }

    pub(super) fn share_words(&mut self, text: &SecretText) -> Result<(), RunError> {
        match parse_words(text.expose()) {
            Ok(WordsOutcome::Share(share)) => self.share(share, "words"),
            Ok(WordsOutcome::Suspect(suspect)) => {
                let mut page = from_error(&suspect);
                page.again = suspect.positions();
                self.refuse(page)
            }
            Err(error) => self.refuse(from_error(&error)),
        }
    }

    pub(super) fn share_picture(&mut self, path: &str) -> Result<(), RunError> {
        if !self.state.opened.rehearsal && !self.state.excepted("pictures-of-sheets") {
            return self.refuse(refused(
                "pictures-of-sheets",
                "Do not photograph sheets: a picture is a copy of the share that nobody can account for.",
                "Type the words or use a scanner; or sign the exception, and destroy the medium of the picture.",
            ));
        }
        let read = files::read(Path::new(path), picture::MAX_FILE);
        match read.and_then(|bytes| pick(&bytes)) {
            Ok((share, how)) => self.share(share, how),
            Err(page) => self.refuse(page),
        }
    }

    /// A rehearsal's scanner: reads the sheet on the table, or the next custodian's, from its picture.
    pub(super) fn share_simulated(&mut self) -> Result<(), RunError> {
        if !self.state.opened.rehearsal {
            return self.refuse(refused(
                "no-simulated-scanner",
                "There is no simulated scanner outside of a rehearsal.",
                "Type the words or use a scanner.",
            ));
        }
        let prompt = self.prompt();
        let sheet = prompt
            .key
            .strip_prefix("sheets.c")
            .and_then(|k| k.strip_suffix(".read"))
            .and_then(|k| k.parse::<u8>().ok());
        let (dir, number) = match sheet {
            Some(number) => (self.dir.join(names::SHEETS), number),
            None => {
                let entered: Vec<u8> = self.state.facts.shares.iter().map(|(x, ..)| *x).collect();
                let next = self
                    .state
                    .custodians
                    .iter()
                    .filter(|c| c.present && c.sheet)
                    .map(|c| c.number)
                    .find(|n| !entered.contains(n));
                let dir = self.dir.parent().unwrap_or(&self.dir).join(names::SHEETS);
                (dir, next.unwrap_or(1))
            }
        };
        let path = dir.join(format!("share-{number}.png"));
        match files::read(&path, picture::MAX_FILE).and_then(|bytes| pick(&bytes)) {
            Ok((share, _)) => self.share(share, "simulated scanner, two decoders"),
            Err(page) => self.refuse(page),
        }
    }

    /// A well-formed share: is it the one that is wanted here?
    fn share(&mut self, share: Share, how: &str) -> Result<(), RunError> {
        let prompt = self.prompt();
        if !matches!(prompt.ask, Ask::ReadShare { .. }) {
            return self.record_event(Event::ShareRead {
                x: share.x(),
                how: how.to_owned(),
                commitment: share.commitment().to_string(),
            });
        }
        let x = share.x();
        let commitment = share.commitment().to_string();
        let custodian = prompt
            .key
            .strip_prefix("sheets.c")
            .and_then(|k| k.strip_suffix(".read"))
            .and_then(|k| k.parse::<u8>().ok());
        if let Err(page) = self.admit(share, custodian) {
            return self.refuse(page);
        }
        if let Err(error) = self.record_event(Event::ShareRead {
            x,
            how: how.to_owned(),
            commitment,
        }) {
            if let Some(quorum) = &mut self.slots.scanned {
                quorum.remove(x);
            }
            return Err(error);
        }
        Ok(())
    }

    fn admit(&mut self, share: Share, custodian: Option<u8>) -> Result<(), Refused> {
        let x = share.x();
        self.residues.share(&share);
        if self.state.opened.kind == Kind::ShareCheck {
            // One share alone, compared and dropped: the threshold is never in memory.
            return self
                .empty_quorum()?
                .add(share)
                .map(|_| ())
                .map_err(|e| from_error(&e));
        }
        let mut quorum = match self.slots.scanned.take() {
            Some(quorum) => quorum,
            None => self.empty_quorum()?,
        };
        let result = add(&mut quorum, share, x, custodian);
        self.slots.scanned = Some(quorum);
        result
    }
}

fn add(
    quorum: &mut UntrustedQuorum,
    share: Share,
    x: u8,
    custodian: Option<u8>,
) -> Result<(), Refused> {
    if let Some(custodian) = custodian {
        let own_set = quorum.set_id() == Some(share.set_id());
        if x != custodian && own_set {
            return Err(refused(
                "share-of-other-custodian",
                format!(
                    "This is sheet {x} of this set; the sheet of custodian {custodian} is asked for."
                ),
                "Put it back to its place on the table and take the right one.",
            ));
        }
        if own_set {
            quorum.remove(x); // read again after a reprint or a pause
        }
    }
    quorum
        .add(share)
        .map(|_| ())
        .map_err(|error| from_error(&error))
}

/// The one share on a picture: what both decoders read, or what one alone read and its checksum confirms.
fn pick(bytes: &[u8]) -> Result<(Share, &'static str), Refused> {
    let reads = picture::decode(bytes).map_err(|error| from_error(&error))?;
    let mut good: Vec<(Share, bool)> = vec![];
    let mut first_error: Option<Refused> = None;
    for read in &reads {
        match parse_qr_text(read.text.expose()) {
            Ok(share) => {
                if !good.iter().any(|(other, _)| other.same_as(&share)) {
                    good.push((share, read.first && read.second));
                }
            }
            Err(error) => {
                first_error.get_or_insert_with(|| from_error(&error));
            }
        }
    }
    if good.len() > 1 {
        return Err(refused(
            "picture-several-shares",
            format!("There are {} shares on this picture.", good.len()),
            "Take them one at a time.",
        ));
    }
    match (good.pop(), first_error) {
        (Some((share, true)), _) => Ok((share, "picture, two decoders")),
        (Some((share, false)), _) => Ok((share, "picture, one decoder")),
        (None, Some(error)) => Err(error),
        (None, None) => Err(refused(
            "picture-no-share",
            "There is a code on this picture, but no share.",
            "Look whether this is the right picture; else type the words.",
        )),
    }
}
