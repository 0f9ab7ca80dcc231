//! What people open over a prompt: help, pause or stop, an objection, a forgotten PIN, a confirmation.

use super::field::{Hidden, Line, Pick};
use super::form::{PIN, PIN_EMPTY, Step, pin_edit};
use super::keymap::Cmd;
use crate::ceremony::view::View;
use crate::secret::entry::Input;

/// What has to be confirmed before it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Void the sheet and print anew.
    Reprint,
    /// Depart from the script.
    Exception,
    /// Leave the program, and resume the ceremony another time.
    Leave,
}

/// Why a person is chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The person doesn't agree.
    Objects,
    /// The person forgot the PIN.
    Forgot,
}

/// What lies over the prompt.
pub(super) enum Overlay {
    /// Keys, what this prompt is, and the rules.
    Help(Option<Box<Overlay>>),
    /// The prompt's QR code, on the whole screen.
    Qr,
    /// Pause, leave, stop, or back.
    Menu(Pick),
    /// Why the ceremony stops.
    StopReason(Line),
    /// Whether it really stops.
    StopConfirm { reason: String, pick: Pick },
    /// Choose a person.
    Person(Who, Pick),
    /// The objecting person's PIN.
    ObjectPin { who: String, pin: Hidden },
    /// Why that person doesn't agree.
    ObjectReason {
        who: String,
        pin: Hidden,
        reason: Line,
    },
    /// Whether it is really wanted.
    Confirm(Deed, Pick),
}

/// Where a command leads.
pub(super) enum Next {
    /// This overlay, after this step.
    Stay(Overlay, Step),
    /// Back to the prompt, after this step.
    Close(Step),
}

fn stay(overlay: Overlay) -> Next {
    Next::Stay(overlay, Step::Nothing)
}

fn close() -> Next {
    Next::Close(Step::Nothing)
}

const REASON: &str = "A reason is needed. It goes into the transcript; write no names.";

impl Overlay {
    /// The menu behind `q`.
    pub(super) fn menu() -> Self {
        Overlay::Menu(Pick::new(4))
    }

    /// The question before `deed`.
    pub(super) fn confirm(deed: Deed) -> Self {
        Overlay::Confirm(deed, Pick::new(2))
    }

    /// Whether characters are text here.
    pub(super) fn typing(&self) -> bool {
        match self {
            Overlay::StopReason(_) | Overlay::ObjectPin { .. } | Overlay::ObjectReason { .. } => {
                true
            }
            Overlay::Help(_)
            | Overlay::Qr
            | Overlay::Menu(_)
            | Overlay::StopConfirm { .. }
            | Overlay::Person(..)
            | Overlay::Confirm(..) => false,
        }
    }

    /// Takes `cmd`.
    pub(super) fn key(self, cmd: &Cmd, view: &View) -> Next {
        match (self, cmd) {
            // Any key comes back: what stands on the screen then says which keys there are.
            (Overlay::Qr, _) => close(),
            (Overlay::Help(below), Cmd::Esc | Cmd::Go | Cmd::Help) => match below {
                Some(below) => stay(*below),
                None => close(),
            },
            (Overlay::Help(below), _) => stay(Overlay::Help(below)),
            (below, Cmd::Help) => stay(Overlay::Help(Some(Box::new(below)))),
            // Where a reason was typed Escape goes one page back, else to the prompt.
            (Overlay::StopConfirm { .. }, Cmd::Esc) => stay(Overlay::StopReason(Line::new())),
            (_, Cmd::Esc) => close(),
            (Overlay::Menu(mut pick), _) => match pick.key(cmd) {
                Some(0) => close(),
                Some(1) => Next::Close(Step::Send(Input::Pause)),
                Some(2) => stay(Overlay::confirm(Deed::Leave)),
                Some(_) => stay(Overlay::StopReason(Line::new())),
                None => stay(Overlay::Menu(pick)),
            },
            (Overlay::StopReason(mut line), _) => match (cmd, line.text().trim()) {
                (Cmd::Go, "") => Next::Stay(Overlay::StopReason(line), Step::Say(REASON)),
                (Cmd::Go, reason) => stay(Overlay::StopConfirm {
                    reason: reason.to_owned(),
                    pick: Pick::new(2),
                }),
                _ => {
                    let step = line.edit(cmd).map_or(Step::Nothing, Step::Say);
                    Next::Stay(Overlay::StopReason(line), step)
                }
            },
            (Overlay::StopConfirm { reason, mut pick }, _) => match pick.key(cmd) {
                Some(0) => close(),
                Some(_) => Next::Close(Step::Send(Input::Stop { reason })),
                None => stay(Overlay::StopConfirm { reason, pick }),
            },
            (Overlay::Person(why, mut pick), _) => {
                match (
                    pick.key(cmd).and_then(|at| view.people.get(at)).cloned(),
                    why,
                ) {
                    (Some((_, who)), Who::Objects) => stay(Overlay::ObjectPin {
                        who,
                        pin: Hidden::new(PIN),
                    }),
                    (Some((_, who)), Who::Forgot) => {
                        Next::Close(Step::Send(Input::ForgottenPin { who }))
                    }
                    (None, _) => stay(Overlay::Person(why, pick)),
                }
            }
            (Overlay::ObjectPin { who, mut pin }, Cmd::Go) => {
                if pin.is_empty() {
                    pin.clear();
                    return Next::Stay(Overlay::ObjectPin { who, pin }, Step::Say(PIN_EMPTY));
                }
                stay(Overlay::ObjectReason {
                    who,
                    pin,
                    reason: Line::new(),
                })
            }
            (Overlay::ObjectPin { who, mut pin }, _) => {
                let step = pin_edit(&mut pin, cmd);
                Next::Stay(Overlay::ObjectPin { who, pin }, step)
            }
            (
                Overlay::ObjectReason {
                    who,
                    mut pin,
                    mut reason,
                },
                _,
            ) => match (cmd, reason.text().trim()) {
                (Cmd::Go, "") => Next::Stay(
                    Overlay::ObjectReason { who, pin, reason },
                    Step::Say(REASON),
                ),
                (Cmd::Go, text) => Next::Close(Step::Send(Input::Object {
                    who,
                    pin: pin.take(),
                    reason: text.to_owned(),
                })),
                _ => {
                    let step = reason.edit(cmd).map_or(Step::Nothing, Step::Say);
                    Next::Stay(Overlay::ObjectReason { who, pin, reason }, step)
                }
            },
            (Overlay::Confirm(deed, mut pick), _) => match (pick.key(cmd), deed) {
                (Some(0), _) => close(),
                (Some(_), Deed::Reprint) => Next::Close(Step::Send(Input::Reprint)),
                (Some(_), Deed::Leave) => Next::Close(Step::Quit),
                (Some(_), Deed::Exception) => Next::Close(Step::Send(Input::Exception)),
                (None, _) => stay(Overlay::Confirm(deed, pick)),
            },
        }
    }
}
