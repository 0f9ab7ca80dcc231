//! Signing: who must, who has, and the PIN of who does now.

use super::{PIN, PIN_EMPTY, Step, pin_edit};
use crate::ceremony::policy::Label;
use crate::secret::entry::Input;
use crate::tui::field::{Hidden, Pick};
use crate::tui::keymap::Cmd;

/// A signature under way.
pub(in crate::tui) struct Sign {
    /// Who may sign now.
    pub(in crate::tui) open: Vec<Label>,
    pub(in crate::tui) pick: Pick,
    /// The PIN, once a signer is chosen.
    pub(in crate::tui) pin: Option<Hidden>,
}

impl Sign {
    pub(super) fn new(needs: &[Label], has: &[Label], locked: &[(Label, i64)]) -> Self {
        let open: Vec<_> = needs
            .iter()
            .filter(|who| !has.contains(who) && !locked.iter().any(|(label, _)| label == *who))
            .cloned()
            .collect();
        Self {
            pick: Pick::new(open.len()),
            // With one person left there is nothing to choose.
            pin: (open.len() == 1).then(|| Hidden::new(PIN)),
            open,
        }
    }

    /// Whose PIN is typed, or who stands under the cursor.
    pub(in crate::tui) fn signer(&self) -> Option<&Label> {
        self.open.get(self.pick.at)
    }

    pub(super) fn key(&mut self, cmd: &Cmd) -> Step {
        let signer = self.signer().map(|who| who.0.clone());
        match (&mut self.pin, cmd) {
            (Some(_), Cmd::Esc) if self.open.len() > 1 => {
                self.pin = None;
                Step::Nothing
            }
            (_, Cmd::Esc) => Step::Leave,
            (Some(pin), Cmd::Go) => match signer {
                _ if pin.is_empty() => Step::Say(PIN_EMPTY),
                Some(who) => Step::Send(Input::Sign {
                    who,
                    pin: pin.take(),
                }),
                None => Step::Nothing,
            },
            (Some(pin), _) => pin_edit(pin, cmd),
            (None, _) => {
                if self.pick.key(cmd).is_some() {
                    self.pin = Some(Hidden::new(PIN));
                }
                Step::Nothing
            }
        }
    }
}
