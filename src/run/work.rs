//! Effects: what the core asked for is carried out here, and comes back as an outcome or a refusal by name.

use super::driver::{Driver, RunError};
use crate::ceremony::effect::Effect;
use crate::ceremony::event::{Event, Outcome, Refused};
use crate::files::refused;

/// `Ok(None)` means that the effect wrote its own event.
pub(super) type Done = Result<Option<Outcome>, Refused>;

impl Driver {
    pub(super) fn carry_out(&mut self, effect: &Effect) -> Done {
        let outcome = match effect {
            Effect::CheckMachine => {
                let (fit, findings) = self.devices.machine();
                Outcome::Machine { fit, findings }
            }
            Effect::MakeRecipient => self.make_recipient(),
            Effect::InspectSource { source, path } => self.inspect_source(*source, path)?,
            Effect::ReadKeys {
                source,
                path,
                node,
                password,
                allow_unproven,
            } => self.read_keys(*source, path, node, *password, *allow_unproven)?,
            Effect::MatchKeys {
                from,
                against,
                path,
            } => self.match_keys(*from, *against, path)?,
            Effect::DrawEntropy => self.draw_entropy()?,
            Effect::Seal { cipher, k, n } => self.seal(*cipher, *k, *n)?,
            Effect::Split { k, n } => self.split(*k, *n)?,
            Effect::PrintSheet {
                number,
                custodian,
                paper,
            } => self.print_sheet(*number, *custodian, *paper)?,
            Effect::ProveSheets { k } => self.prove_sheets(*k)?,
            Effect::Open => self.open_sealed()?,
            Effect::WriteCopy { copy, path } => self.write_copy(*copy, path)?,
            Effect::SeeUnplugged { copy, .. } => self.see_unplugged(*copy)?,
            Effect::VerifyCopy { copy, path } => self.verify_copy(*copy, path)?,
            Effect::LoadSealed { path, record } => self.load_sealed(path, record)?,
            Effect::LoadRecord { path } => self.load_record(path)?,
            Effect::Validate => self.validate()?,
            Effect::WriteKeys {
                target,
                path,
                owner,
                recipient,
                dry,
            } => self.write_keys(*target, path, owner, recipient, *dry)?,
            Effect::WipeShares => {
                self.slots.scanned = None;
                self.slots.quorum = None;
                Outcome::SharesWiped
            }
            Effect::Wipe => {
                self.slots.wipe();
                let (searched, found, note) = self.residues.search();
                Outcome::Wiped {
                    searched,
                    found,
                    note,
                }
            }
            Effect::WriteRecord => {
                let sha256 = self.write_record()?;
                return self.own(Event::Record { sha256 });
            }
            Effect::Close => {
                self.close().map_err(|error| journal_not_kept(&error))?;
                // Closed whatever comes now: what is missing is made when the journal is opened again.
                self.adopt_signature()
                    .map_err(|error| journal_not_kept(&error))?;
                return self.certify().map(|()| None);
            }
        };
        Ok(Some(outcome))
    }

    fn own(&mut self, event: Event) -> Done {
        self.record_event(event)
            .map_err(|error| journal_not_kept(&error))?;
        Ok(None)
    }
}

fn journal_not_kept(error: &RunError) -> Refused {
    refused(
        "journal-not-kept",
        error.to_string(),
        "Look at the journal's medium, then go on.",
    )
}
