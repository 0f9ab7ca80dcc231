//! Sheets: laid out and, in a rehearsal or by exception, written as files.

use super::driver::{Driver, names};
use crate::ceremony::dates;
use crate::ceremony::effect::Paper;
use crate::ceremony::event::{Outcome, Refused};
use crate::files::{self, from_error, refused};
use crate::print::qr::QrImage;
use crate::print::sheet::Sheet;
use crate::share::qr::qr_matrix;

impl Driver {
    pub(super) fn print_sheet(
        &mut self,
        number: u32,
        custodian: u8,
        paper: Paper,
    ) -> Result<Outcome, Refused> {
        if paper == Paper::Handwriting {
            return Ok(Outcome::Printed {
                number,
                paper,
                files: vec![],
            });
        }
        if paper == Paper::Simulated && !self.state.opened.rehearsal {
            return Err(refused(
                "no-simulated-printer",
                "There is no simulated printer outside of a rehearsal.",
                "Write the sheets by hand.",
            ));
        }
        let Some(share) = self.slots.shares.iter().find(|s| s.x() == custodian) else {
            return Err(refused(
                "slot-empty",
                "The shares are not in memory.",
                "Stop the ceremony and begin anew.",
            ));
        };
        let words = share.to_words();
        let matrix = qr_matrix(&share.to_qr_text()).map_err(|error| from_error(&error))?;
        let qr = QrImage::new(matrix.expose(), matrix.width()).map_err(|e| from_error(&e))?;
        let before = self
            .state
            .sheets
            .iter()
            .filter(|s| s.custodian == custodian)
            .count();
        let policy = &self.script.policy;
        let fingerprints: Vec<String> = self
            .state
            .facts
            .keys
            .iter()
            .take(4)
            .map(|key| {
                let digits = key.public.trim_start_matches("0x");
                format!("{} {}", key.key_type, &digits[..digits.len().min(32)])
            })
            .collect();
        let page = Sheet {
            paper: self.devices.paper,
            ceremony: &self.state.opened.ceremony,
            set_id: share.set_id().0,
            x: share.x(),
            label: &format!("C{custodian}"),
            place: None,
            sheet: &format!(
                "{number} of this set, printed {}",
                dates::minute(self.state.time)
            ),
            created: &self.today(),
            fingerprints: &fingerprints,
            qr,
            words: &words.expose(),
            threshold: policy
                .show_threshold_on_sheet
                .then_some((policy.k, policy.n)),
            rehearsal: self.state.opened.rehearsal,
            reprint: u32::try_from(before).unwrap_or(u32::MAX),
        }
        .page()
        .map_err(|error| from_error(&error))?;
        let dir = self.dir.join(names::SHEETS);
        files::make_dir(&dir)?;
        let png = page.png().map_err(|error| from_error(&error))?;
        let mut written = vec![];
        for (ending, bytes) in [("png", &png), ("pdf", &page.pdf())] {
            let path = dir.join(format!("share-{custodian}.{ending}"));
            files::write(&path, bytes.expose())?;
            written.push(path.display().to_string());
        }
        Ok(Outcome::Printed {
            number,
            paper,
            files: written,
        })
    }
}
