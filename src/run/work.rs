//! Effects: what the core asked for is carried out here, and comes back as an outcome or a refusal by name.

use super::driver::{Driver, RunError};
use crate::ceremony::effect::{Effect, Target};
use crate::ceremony::event::{Event, Finding, Outcome, Refused};
use crate::files::refused;

/// `Ok(None)` means that the effect wrote its own event.
pub(super) type Done = Result<Option<Outcome>, Refused>;

impl Driver {
    pub(super) fn carry_out(&mut self, effect: &Effect) -> Done {
        if touches_keys(effect) {
            still_fit(&self.devices.machine().1)?;
        }
        let outcome = match effect {
            Effect::CheckMachine => {
                let (fit, findings) = self.devices.machine();
                Outcome::Machine { fit, findings }
            }
            Effect::MakeRecipient => self.make_recipient(),
            Effect::ListModules { named } => self.list_modules(named)?,
            Effect::ListTokens { module, named } => self.list_tokens(module, named)?,
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
                extractable,
                dry,
            } => match target {
                Target::Hsm => self.write_token(path, *extractable, *dry)?,
                _ => self.write_keys(*target, path, owner, recipient, *dry)?,
            },
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
                let signed = self
                    .adopt_signature()
                    .map_err(|error| journal_not_kept(&error))?;
                self.certify()?;
                return if signed { Ok(None) } else { Err(not_signed()) };
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

/// What brings secrets into the memory, or out of it: signed for a moment ago, and much can be plugged in a moment.
fn touches_keys(effect: &Effect) -> bool {
    match effect {
        Effect::ReadKeys { .. }
        | Effect::DrawEntropy
        | Effect::Seal { .. }
        | Effect::Split { .. }
        | Effect::PrintSheet { .. }
        | Effect::Validate
        | Effect::Open => true,
        Effect::WriteKeys { dry, .. } => !dry,
        Effect::CheckMachine
        | Effect::MakeRecipient
        | Effect::ListModules { .. }
        | Effect::ListTokens { .. }
        | Effect::InspectSource { .. }
        | Effect::MatchKeys { .. }
        | Effect::ProveSheets { .. }
        | Effect::WriteCopy { .. }
        | Effect::SeeUnplugged { .. }
        | Effect::VerifyCopy { .. }
        | Effect::LoadSealed { .. }
        | Effect::LoadRecord { .. }
        | Effect::WipeShares
        | Effect::Wipe
        | Effect::WriteRecord
        | Effect::Close => false,
    }
}

/// Refuses by the first finding that stops a ceremony.
fn still_fit(findings: &[Finding]) -> Result<(), Refused> {
    match findings.iter().find(|finding| finding.stop) {
        Some(finding) => Err(refused(
            "machine-not-fit",
            format!("The laptop is not fit any more: {}", finding.text),
            "Take away what was plugged in or switched on, then go on. Nothing was done.",
        )),
        None => Ok(()),
    }
}

fn not_signed() -> Refused {
    refused(
        "transcript-not-signed",
        "The ceremony is closed and certified, but its transcript has no valid signature, and the key that could make one is gone.",
        "Keep the certificate that people signed: the head on it is what an auditor relies on (`transcript verify --head`).",
    )
}

fn journal_not_kept(error: &RunError) -> Refused {
    refused(
        "journal-not-kept",
        error.to_string(),
        "Look at the journal's medium, then go on.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceremony::effect::Source;
    use crate::print::page::Paper;
    use crate::run::devices::Devices;
    use crate::secret::hardening::harden;

    #[test]
    fn a_cable_plugged_in_after_the_signatures_stops_the_effect() {
        let root = tempfile::tempdir().unwrap();
        let net = root.path().join("sys/class/net");
        std::fs::create_dir_all(net.join("lo")).unwrap();
        std::fs::create_dir_all(net.join("eth7")).unwrap();
        let own = root.path().join("proc/self");
        std::fs::create_dir_all(own.join("net")).unwrap();
        let counters = "0 ".repeat(16);
        let dev = format!("Inter-|\n face |\n    lo: {counters}\n  eth7: {counters}\n");
        std::fs::write(own.join("net/dev"), dev).unwrap();
        for name in ["status", "limits"] {
            std::fs::copy(format!("/proc/self/{name}"), own.join(name)).unwrap();
        }
        let mut devices = Devices::real(harden(), Paper::A4);
        devices.root = root.path().to_owned();
        let findings = devices.machine().1;
        let cable = |f: &Finding| f.stop && f.text.contains("eth7");
        assert!(findings.iter().any(cable), "{findings:?}");
        let refused = still_fit(&findings).unwrap_err();
        assert_eq!(refused.name, "machine-not-fit");
        let mut rehearsal = Devices::rehearsal(harden(), Paper::A4, vec![]);
        rehearsal.root = root.path().to_owned();
        assert!(still_fit(&rehearsal.machine().1).is_ok());
        let read = Effect::ReadKeys {
            source: Source::Keystore,
            path: String::new(),
            node: String::new(),
            password: false,
            allow_unproven: false,
        };
        assert!(touches_keys(&read) && touches_keys(&Effect::Open));
        assert!(touches_keys(&Effect::Validate));
        assert!(!touches_keys(&Effect::Wipe));
    }
}
