//! Copies of the sealed file on media: written, unplugged, plugged in, read back.

use std::path::Path;

use super::driver::Driver;
use crate::ceremony::event::{Outcome, Refused};
use crate::device::media::{Medium, Reading, distinct};
use crate::files::{from_error, refused};
use crate::vault::sealed::Sealed;

impl Driver {
    /// The files of a copy: the sealed file, and an age file's sidecar.
    fn copied(&self) -> Result<Vec<(String, Vec<u8>)>, Refused> {
        let (Some(sealed), Some(facts)) = (&self.sealed, &self.state.facts.sealed) else {
            return Err(refused(
                "slot-empty",
                "The sealed file is not at hand.",
                "Look into the journal directory, folder sealed; if it is gone, stop and begin anew.",
            ));
        };
        let mut files = vec![(facts.file.clone(), sealed.file().to_vec())];
        if let Sealed::Age {
            sidecar: Some(sidecar),
            ..
        } = sealed
        {
            files.push((format!("{}.json", facts.file), sidecar.to_json()));
        }
        Ok(files)
    }

    pub(super) fn write_copy(&mut self, copy: u8, path: &str) -> Result<Outcome, Refused> {
        let files = self.copied()?;
        let medium = self
            .devices
            .media()
            .probe(Path::new(path))
            .map_err(|e| from_error(&e))?;
        if self.devices.real {
            self.is_another_medium(copy, &medium)?;
        }
        for (name, bytes) in &files {
            if self
                .devices
                .media()
                .verify_copy(&medium, name, &hash(bytes))
                .is_ok()
            {
                continue; // there already, byte for byte: a copy that was cut short goes on
            }
            self.devices
                .media()
                .write_copy(&medium, name, bytes)
                .map_err(|error| from_error(&error))?;
        }
        let described = describe(&medium);
        self.devices.media.insert(copy, medium);
        Ok(Outcome::CopyWritten {
            copy,
            medium: described,
        })
    }

    /// Source, journal and copies are different media.
    fn is_another_medium(&self, copy: u8, medium: &Medium) -> Result<(), Refused> {
        let own = describe(medium);
        let before = self
            .state
            .copies
            .iter()
            .find(|c| c.number != copy && c.medium == own);
        // Also after a resume, when the media of earlier copies are known from the transcript alone.
        if let (Some(before), Some(_)) = (before, &medium.id) {
            return Err(refused(
                "medium-same-device",
                format!(
                    "This is the medium of copy {} ({}).",
                    before.number, before.label
                ),
                "Use a medium of its own for each copy.",
            ));
        }
        let mut others: Vec<Medium> = self
            .devices
            .media
            .iter()
            .filter(|(n, _)| **n != copy)
            .map(|(_, m)| m.clone())
            .collect();
        if let Ok(journal) = self.devices.media().probe(&self.dir) {
            others.push(journal);
        }
        if let Some(source) = &self.source {
            others.push(source.clone());
        }
        others.push(medium.clone());
        // Journal and source may share a disk; only the new medium must differ from each.
        let new = others.len() - 1;
        for other in &others[..new] {
            distinct(&[other.clone(), others[new].clone()]).map_err(|error| from_error(&error))?;
        }
        Ok(())
    }

    pub(super) fn see_unplugged(&self, copy: u8) -> Result<Outcome, Refused> {
        self.devices
            .see_unplugged(copy)
            .map_err(|error| from_error(&error))?;
        Ok(Outcome::Unplugged { copy })
    }

    pub(super) fn verify_copy(&mut self, copy: u8, path: &str) -> Result<Outcome, Refused> {
        let files = self.copied()?;
        let medium = self
            .devices
            .back(copy, Path::new(path))
            .map_err(|e| from_error(&e))?;
        let mut past_cache = true;
        let mut sha256 = String::new();
        for (name, bytes) in &files {
            let verified = self
                .devices
                .media()
                .verify_copy(&medium, name, &hash(bytes))
                .map_err(|error| from_error(&error))?;
            past_cache &= verified.reading == Reading::PastTheCache;
            if sha256.is_empty() {
                sha256 = verified.sha256;
            }
        }
        self.devices.media.insert(copy, medium);
        Ok(Outcome::CopyVerified {
            copy,
            sha256,
            past_cache,
        })
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// One line for record and screen.
fn describe(medium: &Medium) -> String {
    let id = medium.id.as_deref().unwrap_or("no id");
    format!("{} on {}, {id}", medium.fs_type, medium.source)
}
