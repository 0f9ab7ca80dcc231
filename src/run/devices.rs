//! The devices of one ceremony: real ones, or a rehearsal's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::token::Hsm;
use crate::ceremony::event::Finding;
use crate::device::machine;
use crate::device::media::{Media, MediaError, Medium};
use crate::device::media::{MountedMedia, SimulatedMedia};
use crate::print::page::Paper;
use crate::secret::hardening::{Hardening, Mode, Severity};

/// Machine, media, paper.
pub struct Devices {
    /// What hardening came to at the start of the program.
    pub hardening: Hardening,
    /// Whether network, radios and swap are looked at for real.
    pub real: bool,
    /// The root of /proc and /sys.
    pub root: PathBuf,
    /// Media: real.
    pub mounted: MountedMedia,
    /// Media: a rehearsal's directories.
    pub simulated: Option<SimulatedMedia>,
    /// What each copy's medium was, while it is plugged out and in.
    pub media: BTreeMap<u8, Medium>,
    /// Paper size.
    pub paper: Paper,
    /// HSMs.
    pub hsm: Hsm,
}

impl Devices {
    /// The devices of a production ceremony.
    pub fn real(hardening: Hardening, paper: Paper) -> Self {
        Self {
            hardening,
            real: true,
            root: PathBuf::from("/"),
            mounted: MountedMedia,
            simulated: None,
            media: BTreeMap::new(),
            paper,
            hsm: Hsm::real(),
        }
    }

    /// The devices of a rehearsal, with these directories as media.
    pub fn rehearsal(hardening: Hardening, paper: Paper, media: Vec<PathBuf>) -> Self {
        Self {
            real: false,
            simulated: Some(SimulatedMedia::new(media)),
            hsm: Hsm::none(),
            ..Self::real(hardening, paper)
        }
    }

    /// Looks at the machine: whether it is fit, and what was found.
    pub fn machine(&self) -> (bool, Vec<Finding>) {
        let mode = if self.real {
            Mode::Production
        } else {
            Mode::Rehearsal
        };
        let mut found = self.hardening.findings(mode);
        if self.real {
            found.extend(machine::inspect(&self.root).findings);
        }
        let mut findings: Vec<Finding> = found
            .into_iter()
            .map(|f| Finding {
                name: f.name,
                text: f.text,
                stop: f.severity == Severity::Stop,
            })
            .collect();
        if !self.real {
            findings.push(Finding {
                name: "simulated-laptop".into(),
                text: "A rehearsal: network and radios of this machine were not looked at.".into(),
                stop: false,
            });
        }
        (findings.iter().all(|f| !f.stop), findings)
    }

    /// The medium of a path in production, where it can be told.
    pub fn mounted_medium(&self, path: &str) -> Option<Medium> {
        // What isn't there yet will lie on what is there around it.
        let path = std::path::absolute(path).ok()?;
        let dir = path.ancestors().find(|dir| dir.is_dir())?;
        self.real.then(|| self.mounted.probe(dir).ok()).flatten()
    }

    /// The media behind their trait.
    pub fn media(&self) -> &dyn Media {
        match &self.simulated {
            Some(simulated) => simulated,
            None => &self.mounted,
        }
    }

    /// A rehearsal's hand pulls the medium out when told; a real one is looked for.
    pub fn see_unplugged(&self, copy: u8) -> Result<(), MediaError> {
        let Some(medium) = self.media.get(&copy) else {
            return Ok(());
        };
        if let Some(simulated) = &self.simulated {
            simulated.unplug(&medium.path);
        }
        self.media().unplugged(medium)
    }

    /// The medium, plugged in again.
    pub fn back(&self, copy: u8, path: &Path) -> Result<Medium, MediaError> {
        if let Some(simulated) = &self.simulated {
            simulated.plug(path);
        }
        match self.media.get(&copy) {
            Some(medium) => self.media().back(medium),
            None => self.media().probe(path),
        }
    }
}
