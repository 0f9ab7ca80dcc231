//! Inputs of people become events. What is secret goes to the slots; events carry what is public of it.

use super::driver::{Driver, RunError};
use crate::ceremony::event::{Event, Refused, Request};
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::Ask;
use crate::files::{self, from_error, refused};
use crate::secret::SecretText;
use crate::secret::entry::Input;
use crate::secret::pin::{PinError, PinHash, typed_twice};
use crate::share::words;
use crate::transcript::annex::AnnexEntry;
use crate::transcript::hex::Hex;

impl Driver {
    /// Takes one input. What it refuses becomes a page on the screen; an input that nobody asked for is an error and
    /// changes nothing.
    ///
    /// # Errors
    /// [`RunError::Refusal`] for an input that doesn't fit the prompt; the journal's errors.
    pub fn input(&mut self, input: Input) -> Result<(), RunError> {
        if !matches!(input, Input::Tick) {
            self.touched();
        }
        if let Some(page) = leaks(&input) {
            return self.refuse(page);
        }
        match input {
            Input::Answer { key, value } => self.record_event(Event::Answered { key, value }),
            Input::Confidential { key, text } => self.confidential(key, &text),
            Input::NewPin { who, pin, again } => self.new_pin(&who, &pin, &again),
            Input::Secret { key, text } => self.secret(key, text),
            Input::Sign { who, pin } => self.sign(&who, &pin),
            Input::ShareQr(text) => self.share_qr(&text, "scanner"),
            Input::ShareWords(text) => self.share_words(&text),
            Input::SharePicture(path) => self.share_picture(&path),
            Input::ShareSimulated => self.share_simulated(),
            Input::Object { who, pin, reason } => {
                let who = Label(who);
                if self.pin_is_right(&who, &pin)? {
                    self.record_event(Event::Objected { who, reason })?;
                }
                Ok(())
            }
            Input::Withdraw { pin } => {
                let Ask::Objection { by } = self.prompt().ask else {
                    return Ok(());
                };
                if self.pin_is_right(&by, &pin)? {
                    self.record_event(Event::Withdrawn { who: by })?;
                }
                Ok(())
            }
            Input::Pause => self.request(Request::Pause),
            Input::Continue => self.request(Request::Continue),
            Input::Acknowledge => self.request(Request::Acknowledge),
            Input::Reprint => self.request(Request::Reprint),
            Input::Exception => self.request(Request::Exception),
            Input::ForgottenPin { who } => self.request(Request::ForgottenPin { who: Label(who) }),
            Input::Back => self.request(Request::Back),
            Input::Stop { reason } => self.request(Request::Stop { reason }),
            Input::Tick => self.tick(),
            Input::Reveal { .. } => Ok(()),
        }
    }

    /// The words of the share that is to be written by hand now; `None` unless that is asked for.
    pub fn reveal(&self) -> Option<SecretText> {
        match self.prompt().ask {
            Ask::Handwrite { custodian } => {
                let share = self.slots.shares.iter().find(|s| s.x() == custodian)?;
                Some(share.to_words().to_text())
            }
            _ => None,
        }
    }

    fn confidential(&mut self, key: String, text: &str) -> Result<(), RunError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            return self.refuse(refused(
                "answer-not-understood",
                "A name or place is one printable line of at most 200 characters.",
                "Type it again.",
            ));
        }
        let prompt = self.prompt();
        if prompt.ask != Ask::Confidential || prompt.key != key {
            return self.record_event(Event::Annexed {
                key,
                annex: String::new(),
                same_as: None,
            });
        }
        let label = annex_label(&key);
        let normal = normalised(text);
        let same_as = key
            .ends_with(".name")
            .then(|| {
                self.names
                    .iter()
                    .find(|(who, name)| *name == normal && who.0 != label)
            })
            .flatten()
            .map(|(who, _)| who.clone());
        let salt = super::driver::random32()?;
        let entry = AnnexEntry {
            label: label.clone(),
            text: text.to_owned(),
            salt: Hex(*salt.expose()),
        };
        let annex = entry.hash().to_string();
        self.annex.entries.retain(|e| e.label != label);
        self.annex.entries.push(entry);
        files::write(
            &self.dir.join(super::driver::names::ANNEX),
            self.annex.to_json().as_bytes(),
        )?;
        if key.ends_with(".name") {
            self.names.retain(|(who, _)| who.0 != label);
            self.names.push((Label(label), normal));
        }
        self.record_event(Event::Annexed {
            key,
            annex,
            same_as,
        })
    }

    fn new_pin(&mut self, who: &str, pin: &SecretText, again: &SecretText) -> Result<(), RunError> {
        if !typed_twice(pin, again) {
            return self.refuse(refused(
                "pin-not-same",
                "The two PINs are not the same.",
                "Choose a PIN and type it twice.",
            ));
        }
        let salt = super::driver::random32()?;
        let mut short = [0; 16];
        short.copy_from_slice(&salt.expose()[..16]);
        match PinHash::new(pin, short) {
            Ok(hash) => {
                let who = Label(who.to_owned());
                self.record_event(Event::PinChosen { who: who.clone() })?;
                self.slots.pins.insert(who, hash);
                Ok(())
            }
            Err(error) => self.refuse(from_error::<PinError>(&error)),
        }
    }

    fn secret(&mut self, key: String, text: SecretText) -> Result<(), RunError> {
        let mut count = 0;
        match key.as_str() {
            "entropy.dice" => {
                let rolls = text.expose().chars().filter(|c| !c.is_whitespace());
                if rolls.clone().any(|c| !('1'..='6').contains(&c)) {
                    return self.refuse(refused(
                        "dice-not-understood",
                        "Dice rolls are digits from 1 to 6.",
                        "Type the rolls again, or leave them empty.",
                    ));
                }
                count = u32::try_from(rolls.count()).unwrap_or(u32::MAX);
                self.record_event(Event::Stored { key, count })?;
                self.slots.dice = Some(text);
            }
            "export.pin" | "write.pin" => {
                self.record_event(Event::Stored { key, count })?;
                self.slots.token_pin = Some(text);
            }
            _ => {
                self.record_event(Event::Stored { key, count })?;
                self.slots.password = Some(text);
            }
        }
        Ok(())
    }

    fn sign(&mut self, who: &str, pin: &SecretText) -> Result<(), RunError> {
        let who = Label(who.to_owned());
        let Ask::Sign { verb, .. } = self.prompt().ask else {
            return self.record_event(Event::Signed {
                who,
                verb: crate::ceremony::policy::Sensitive::Certify,
            });
        };
        if self.pin_is_right(&who, pin)? {
            self.record_event(Event::Signed { who, verb })?;
        }
        Ok(())
    }

    /// Compares a PIN, unless its owner must wait; a wrong one is an event.
    fn pin_is_right(&mut self, who: &Label, pin: &SecretText) -> Result<bool, RunError> {
        if self.state.locked(who, super::driver::now()) {
            self.refuse(refused(
                "pin-locked",
                format!("After three wrong PINs {} waits a minute.", who.spoken()),
                "Wait, then try again.",
            ))?;
            return Ok(false);
        }
        let right = self
            .slots
            .pins
            .get(who)
            .is_some_and(|hash| hash.verify(pin));
        if !right {
            self.record_event(Event::WrongPin { who: who.clone() })?;
        }
        Ok(right)
    }
}

/// A scanner that types doesn't know which question is open. What looks like a share, its words or an identity never
/// becomes a public answer, and is not quoted.
fn leaks(input: &Input) -> Option<Refused> {
    let text = match input {
        Input::Answer { value, .. } => value,
        Input::Confidential { text, .. } => text,
        Input::SharePicture(path) => path,
        Input::Object { reason, .. } | Input::Stop { reason } => reason,
        _ => return None,
    };
    let upper = zeroize::Zeroizing::new(text.to_ascii_uppercase());
    let coded = ["QHS1", "QHR1", "AGE-SECRET-KEY-"]
        .iter()
        .any(|mark| upper.contains(mark));
    let words = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| words::is_word(word))
        .count();
    (coded || words >= 12).then(|| {
        refused(
            "secret-in-a-public-answer",
            "This looks like a share or a key, and this question takes a public answer. It was not written down.",
            "Answer the question that is on the screen; scan a sheet only when a share is asked for.",
        )
    })
}

/// The annex label of a confidential prompt.
fn annex_label(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    match parts.as_slice() {
        ["enrol", "operator", _] => "O".into(),
        ["enrol", "witness", _] => "W".into(),
        ["enrol", slug, _] => slug.to_ascii_uppercase(),
        ["hand", slug, _] => format!("place {}", slug.to_ascii_uppercase()),
        _ => "room".into(),
    }
}

/// Case and spaces don't make another person.
fn normalised(name: &str) -> String {
    name.to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
