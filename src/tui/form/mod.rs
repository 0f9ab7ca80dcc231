//! What is being answered: one form a kind of [`Ask`]. Forms take commands and give [`Step`]s; how they look is in
//! [`super::screen`].

pub(super) mod hand;
pub(super) mod read;
pub(super) mod sign;
pub(super) mod words;

use super::field::{Hidden, Line, Pick};
use super::keymap::Cmd;
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::{Ask, Choice, Prompt, SecretKind, TextKind};
use crate::secret::entry::Input;
use hand::Hand;
use read::Read;
use sign::Sign;

/// What a command led to.
pub(super) enum Step {
    /// Nothing to send.
    Nothing,
    /// This goes to the driver.
    Send(Input),
    /// The person is told why nothing was sent.
    Say(&'static str),
    /// The program is left; the ceremony can be resumed.
    Quit,
    /// The form has nothing to leave inside itself: the question itself is left.
    Leave,
}

/// The most digits of a PIN.
pub(super) const PIN: usize = 64;
/// The most characters of a password or of dice rolls.
const SECRET: usize = 1024;

pub(super) const PIN_DIGITS: &str = "A PIN has digits only. That key was not taken.";
pub(super) const PIN_EMPTY: &str = "Type the PIN first, then Enter.";
const FULL: &str = "The field is full.";

/// A PIN to choose.
pub(super) struct NewPin {
    pub(super) who: Label,
    pub(super) fields: [Hidden; 2],
    pub(super) at: usize,
}

/// What is being answered.
pub(super) enum Form {
    /// Nothing to answer: waiting, or over.
    Still,
    /// Read, then Enter.
    Ready,
    /// One of these.
    Choose(Vec<Choice>, Pick),
    /// A public line.
    Text {
        kind: TextKind,
        optional: bool,
        line: Line,
    },
    /// A line for the annex.
    Confidential(Line),
    /// A PIN to choose.
    NewPin(NewPin),
    /// Dice or a password.
    Secret(SecretKind, Hidden),
    /// Two people sign.
    Sign(Sign),
    /// A share is read.
    Read(Read),
    /// Words are written by hand.
    Hand(Hand),
    /// A refusal is read.
    Refusal,
    /// An objection blocks; its author may type the PIN.
    Objection { pick: Pick, pin: Option<Hidden> },
    /// Any key goes on.
    Paused,
}

impl Form {
    /// The empty form for `prompt`.
    pub(super) fn new(prompt: &Prompt) -> Self {
        match &prompt.ask {
            Ask::Ready { .. } => Form::Ready,
            Ask::Choose(choices) => Form::Choose(choices.clone(), Pick::new(choices.len())),
            Ask::Text { kind, optional } => Form::Text {
                kind: *kind,
                optional: *optional,
                line: Line::new(),
            },
            Ask::Confidential => Form::Confidential(Line::new()),
            Ask::NewPin { who } => Form::NewPin(NewPin {
                who: who.clone(),
                fields: [Hidden::new(PIN), Hidden::new(PIN)],
                at: 0,
            }),
            Ask::Secret(kind) => Form::Secret(*kind, Hidden::new(SECRET)),
            Ask::Sign {
                needs, has, locked, ..
            } => Form::Sign(Sign::new(needs, has, locked)),
            Ask::ReadShare { ways } => Form::Read(Read::new(ways)),
            Ask::Handwrite { .. } => Form::Hand(Hand::new()),
            Ask::Refusal { .. } => Form::Refusal,
            Ask::Objection { .. } => Form::Objection {
                pick: Pick::new(2),
                pin: None,
            },
            Ask::Paused => Form::Paused,
            Ask::Wait | Ask::Over => Form::Still,
        }
    }

    /// Whether characters are text here, so that letters are no commands.
    pub(super) fn typing(&self) -> bool {
        match self {
            Form::Text { .. } | Form::Confidential(_) | Form::NewPin(_) | Form::Secret(..) => true,
            Form::Sign(sign) => sign.pin.is_some(),
            Form::Objection { pin, .. } => pin.is_some(),
            Form::Read(read) => read.typing(),
            Form::Still
            | Form::Ready
            | Form::Choose(..)
            | Form::Hand(_)
            | Form::Refusal
            | Form::Paused => false,
        }
    }

    /// Whether secret text stands on the screen now.
    pub(super) fn shows_secret(&self) -> bool {
        match self {
            Form::Read(read) => read.words().is_some(),
            Form::Hand(hand) => hand.shown().is_some(),
            _ => false,
        }
    }

    /// Takes `cmd`. `words` is the sorted word list of shares.
    pub(super) fn key(&mut self, cmd: &Cmd, prompt: &Prompt, words: &[&'static str]) -> Step {
        let key = &prompt.key;
        match self {
            Form::Still => Step::Nothing,
            Form::Ready => match cmd {
                Cmd::Go => answer(key, "done"),
                Cmd::Esc => Step::Leave,
                _ => Step::Nothing,
            },
            Form::Choose(choices, pick) => match pick.key(cmd).and_then(|at| choices.get(at)) {
                Some(choice) => answer(key, &choice.value),
                None if *cmd == Cmd::Esc => Step::Leave,
                None => Step::Nothing,
            },
            Form::Text {
                kind,
                optional,
                line,
            } => match cmd {
                Cmd::Go => match fault(*kind, *optional, line.text().trim()) {
                    Some(fault) => Step::Say(fault),
                    None => answer(key, line.text().trim()),
                },
                Cmd::Esc => Step::Leave,
                _ => line.edit(cmd).map_or(Step::Nothing, Step::Say),
            },
            Form::Confidential(line) => match cmd {
                Cmd::Go if line.text().trim().is_empty() => Step::Say("Type it first, then Enter."),
                Cmd::Go => Step::Send(Input::Confidential {
                    key: key.clone(),
                    text: line.text().trim().to_owned(),
                }),
                Cmd::Esc => Step::Leave,
                _ => line.edit(cmd).map_or(Step::Nothing, Step::Say),
            },
            Form::NewPin(form) => form.key(cmd),
            Form::Secret(kind, field) => secret(*kind, field, cmd, key),
            Form::Sign(sign) => sign.key(cmd),
            Form::Read(read) => read.key(cmd, words),
            Form::Hand(hand) => hand.key(cmd, key),
            Form::Refusal => match cmd {
                Cmd::Go => Step::Send(Input::Acknowledge),
                Cmd::Esc => Step::Leave,
                _ => Step::Nothing,
            },
            Form::Objection { pick, pin } => objection(pick, pin, cmd),
            // Only here does any key do something: nobody should have to search for one.
            Form::Paused => Step::Send(Input::Continue),
        }
    }
}

fn answer(key: &str, value: &str) -> Step {
    Step::Send(Input::Answer {
        key: key.to_owned(),
        value: value.to_owned(),
    })
}

/// What keeps a line from being sent.
fn fault(kind: TextKind, optional: bool, text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return (!optional).then_some("An answer is needed here. Type it, then Enter.");
    }
    match kind {
        TextKind::Line | TextKind::Path => None,
        TextKind::Number => (!text.bytes().all(|b| b.is_ascii_digit()))
            .then_some("Digits only are wanted here, such as 12."),
        TextKind::Date => (text.len() != 10 || text.parse::<jiff::civil::Date>().is_err())
            .then_some("That is no date. Type year-month-day, such as 2026-11-22."),
        TextKind::DateTime => {
            let shaped = text.len() == 16 && text.as_bytes().get(10) == Some(&b' ');
            (!shaped || text.parse::<jiff::civil::DateTime>().is_err())
                .then_some("That is no date and time. Type it as 2026-11-22 14:30.")
        }
    }
}

/// Adds typed or pasted digits to a PIN field.
pub(super) fn pin_edit(field: &mut Hidden, cmd: &Cmd) -> Step {
    match cmd {
        Cmd::Char(c) if c.is_ascii_digit() => {
            if field.push(*c) {
                Step::Nothing
            } else {
                Step::Say(FULL)
            }
        }
        Cmd::Char(_) => Step::Say(PIN_DIGITS),
        Cmd::Paste(_) => Step::Say("A PIN is typed by the person it belongs to, not pasted."),
        // All of it: nobody sees how much one step back takes.
        Cmd::Backspace | Cmd::Delete => {
            field.clear();
            Step::Say("The field is empty again. Type the PIN from its first digit.")
        }
        _ => Step::Nothing,
    }
}

impl NewPin {
    fn key(&mut self, cmd: &Cmd) -> Step {
        match cmd {
            Cmd::Go if self.fields[self.at].is_empty() => Step::Say(PIN_EMPTY),
            Cmd::Go if self.at == 0 => {
                self.at = 1;
                Step::Nothing
            }
            Cmd::Go if self.fields[0].is_empty() => {
                self.at = 0;
                Step::Say(PIN_EMPTY)
            }
            Cmd::Go => Step::Send(Input::NewPin {
                who: self.who.0.clone(),
                pin: self.fields[0].take(),
                again: self.fields[1].take(),
            }),
            Cmd::Next | Cmd::Down => {
                self.at = 1;
                Step::Nothing
            }
            Cmd::Previous | Cmd::Up => {
                self.at = 0;
                Step::Nothing
            }
            Cmd::Esc => Step::Leave,
            _ => pin_edit(&mut self.fields[self.at], cmd),
        }
    }
}

fn secret(kind: SecretKind, field: &mut Hidden, cmd: &Cmd, key: &str) -> Step {
    let wanted = |c: char| match kind {
        SecretKind::Dice => ('1'..='6').contains(&c),
        SecretKind::Password | SecretKind::TokenPin => !c.is_control(),
    };
    match cmd {
        Cmd::Go if field.is_empty() && kind == SecretKind::Password => {
            Step::Say("Type the password first, then Enter.")
        }
        Cmd::Go if field.is_empty() && kind == SecretKind::TokenPin => Step::Say(PIN_EMPTY),
        Cmd::Go => Step::Send(Input::Secret {
            key: key.to_owned(),
            text: field.take(),
        }),
        Cmd::Char(' ') if kind == SecretKind::Dice => Step::Nothing,
        Cmd::Char(c) if !wanted(*c) => Step::Say("A die shows 1 to 6. That key was not taken."),
        Cmd::Char(c) => {
            if field.push(*c) {
                Step::Nothing
            } else {
                Step::Say(FULL)
            }
        }
        Cmd::Paste(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            if text.chars().all(wanted) && text.chars().all(|c| field.push(c)) {
                Step::Nothing
            } else {
                field.clear();
                Step::Say("What was pasted does not fit here. The field is empty again.")
            }
        }
        Cmd::Backspace => {
            field.pop();
            Step::Nothing
        }
        Cmd::Esc => Step::Leave,
        _ => Step::Nothing,
    }
}

fn objection(pick: &mut Pick, pin: &mut Option<Hidden>, cmd: &Cmd) -> Step {
    match (pin.as_mut(), cmd) {
        (Some(_), Cmd::Esc) => {
            *pin = None;
            Step::Nothing
        }
        (Some(field), Cmd::Go) if field.is_empty() => Step::Say(PIN_EMPTY),
        (Some(field), Cmd::Go) => Step::Send(Input::Withdraw { pin: field.take() }),
        (Some(field), _) => pin_edit(field, cmd),
        (None, _) => match pick.key(cmd) {
            Some(0) => {
                *pin = Some(Hidden::new(PIN));
                Step::Nothing
            }
            // The app opens the stop page.
            Some(_) => Step::Leave,
            None => Step::Nothing,
        },
    }
}
