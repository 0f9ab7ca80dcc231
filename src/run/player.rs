//! The simulated people of a rehearsal: given a prompt, what they type.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::answers::{Act, Answers, Fault};
use super::driver::{Driver, RunError, names};
use super::faults;
use super::softhsm::{self, SoftHsm};
use super::world::World;
use crate::ceremony::dates;
use crate::ceremony::next::short;
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::{Ask, Prompt, SecretKind};
use crate::device::picture;
use crate::files;
use crate::secret::entry::Input;
use crate::secret::{SecretBytes, SecretText};
use crate::share::qr::parse_qr_text;
use crate::share::wire::Share;
use crate::share::words::{WordsOutcome, parse_words};

/// What a player wants done next.
pub enum Move {
    /// Type this.
    Type(Input),
    /// Wait until the program is ended.
    Hang,
    /// It is over.
    Over,
}

/// What simulated people wrote by hand, by custodian. It plays paper, which the memory search doesn't look at; so that
/// the search doesn't find it in here, each byte is kept as its complement.
#[derive(Default)]
pub struct Written(BTreeMap<u8, SecretBytes>);

impl Written {
    fn keep(&mut self, custodian: u8, words: &SecretText) {
        let turned = words.expose().bytes().map(|byte| !byte).collect();
        self.0.insert(custodian, SecretBytes::new(turned));
    }

    fn read(&self, custodian: u8) -> Option<SecretText> {
        let turned = self.0.get(&custodian)?.expose();
        let bytes = turned.iter().map(|byte| !byte).collect();
        String::from_utf8(bytes).ok().map(SecretText::new)
    }
}

/// Simulated people for one ceremony.
pub struct Player {
    /// Where everything lies.
    pub world: World,
    /// What they do differently.
    pub answers: Answers,
    /// Custodians whose sheet is lost.
    pub lost: Vec<u8>,
    /// Where the backup lies, for a recovery.
    pub backup: PathBuf,
    /// What was written by hand, by custodian: the next ceremony reads it.
    pub written: Written,
    withdraw: bool,
    refusals: u32,
}

fn pin(who: &str) -> SecretText {
    let digits = match who {
        "O" => "314159".to_owned(),
        "W" => "271828".to_owned(),
        other => format!(
            "1618{:02}",
            33 + other.trim_start_matches('C').parse::<u8>().unwrap_or(0)
        ),
    };
    SecretText::new(digits)
}

impl Player {
    /// People who do what they are told, but for `answers`; `written` are the sheets that they hold in handwriting.
    pub fn new(
        world: World,
        answers: Answers,
        lost: Vec<u8>,
        backup: PathBuf,
        written: Written,
    ) -> Self {
        Self {
            world,
            answers,
            lost,
            backup,
            written,
            withdraw: false,
            refusals: 0,
        }
    }

    /// What is typed next.
    ///
    /// # Errors
    /// [`RunError::Script`] when the same refusal comes back again and again.
    pub fn next(&mut self, driver: &Driver) -> Result<Move, RunError> {
        let prompt = driver.prompt();
        let key = prompt.key.clone();
        if matches!(prompt.ask, Ask::Over) {
            return Ok(Move::Over);
        }
        if !matches!(prompt.ask, Ask::Refusal { .. })
            && let Some(on) = self.answers.take(&driver.script().name, &key)
        {
            if let Some(value) = on.answer {
                return Ok(Move::Type(self.given(&prompt, value)));
            }
            if let Some(fault) = on.fault {
                return Ok(Move::Type(self.faulty(driver, &prompt, fault)?));
            }
            if let Some(act) = on.act {
                return self.act(driver, &prompt, act);
            }
        }
        self.usual(driver, &prompt)
    }

    fn usual(&mut self, driver: &Driver, prompt: &Prompt) -> Result<Move, RunError> {
        let key = prompt.key.clone();
        let input = match &prompt.ask {
            Ask::Ready { .. } => Input::Answer {
                key,
                value: "done".into(),
            },
            Ask::Handwrite { custodian } => {
                if let Some(words) = driver.reveal() {
                    self.written.keep(*custodian, &words);
                }
                Input::Answer {
                    key,
                    value: "done".into(),
                }
            }
            Ask::Choose(choices) => {
                let wanted = match key.as_str() {
                    "export.token" => softhsm::SOURCE,
                    "write.token" => softhsm::TARGET,
                    _ => "",
                };
                let first = choices
                    .iter()
                    .find(|c| c.label.starts_with(wanted))
                    .or(choices.first());
                let first = first.map(|c| c.value.clone()).unwrap_or_default();
                Input::Answer {
                    value: self.choice(&prompt.key).unwrap_or(first),
                    key,
                }
            }
            Ask::Text { .. } => Input::Answer {
                value: self.text(driver, &prompt.key),
                key,
            },
            Ask::Confidential => Input::Confidential {
                text: confidential(&prompt.key),
                key,
            },
            Ask::NewPin { who } => Input::NewPin {
                who: who.0.clone(),
                pin: pin(&who.0),
                again: pin(&who.0),
            },
            Ask::Secret(SecretKind::Dice) => Input::Secret {
                key,
                text: SecretText::new("31415265353152".into()),
            },
            Ask::Secret(SecretKind::Password) => Input::Secret {
                key,
                text: SecretText::new("rehearsal".into()),
            },
            Ask::Secret(SecretKind::TokenPin) => Input::Secret {
                key,
                text: SecretText::new(softhsm::PIN.into()),
            },
            Ask::Sign {
                needs, has, locked, ..
            } => {
                let waiting = |who: &Label| {
                    locked
                        .iter()
                        .any(|(l, until)| l == who && *until > super::driver::now())
                };
                match needs.iter().find(|who| !has.contains(who)) {
                    Some(who) if waiting(who) => {
                        std::thread::sleep(std::time::Duration::from_millis(500));
                        Input::Tick
                    }
                    Some(who) => Input::Sign {
                        who: who.0.clone(),
                        pin: pin(&who.0),
                    },
                    None => Input::Tick,
                }
            }
            Ask::ReadShare { .. } => match self.by_hand(driver, prompt) {
                Some(words) => Input::ShareWords(words),
                None => Input::ShareSimulated,
            },
            Ask::Refusal { name } => {
                self.refusals += 1;
                if self.refusals > 40 {
                    return Err(RunError::Script(format!(
                        "the rehearsal turns in a circle: {}",
                        prompt.say.first().cloned().unwrap_or_default()
                    )));
                }
                let line = format!("refusal.{name}");
                let given = self.answers.take(&driver.script().name, &line);
                match given.or_else(|| self.answers.take(&driver.script().name, "refusal")) {
                    Some(on) if on.act == Some(Act::Exception) => Input::Exception,
                    Some(on) if on.act == Some(Act::Hang) => return Ok(Move::Hang),
                    _ => Input::Acknowledge,
                }
            }
            Ask::Objection { by } => Input::Withdraw { pin: pin(&by.0) },
            Ask::Paused => Input::Continue,
            Ask::Wait => Input::Tick,
            Ask::Over => return Ok(Move::Over),
        };
        Ok(Move::Type(input))
    }

    fn given(&self, prompt: &Prompt, value: String) -> Input {
        let key = prompt.key.clone();
        match &prompt.ask {
            Ask::Confidential => Input::Confidential { key, text: value },
            Ask::Secret(_) => Input::Secret {
                key,
                text: SecretText::new(value),
            },
            Ask::NewPin { who } => Input::NewPin {
                who: who.0.clone(),
                pin: SecretText::new(value),
                again: pin(&who.0),
            },
            Ask::ReadShare { .. } => Input::ShareQr(SecretText::new(value)),
            _ => Input::Answer { key, value },
        }
    }

    fn act(&mut self, driver: &Driver, prompt: &Prompt, act: Act) -> Result<Move, RunError> {
        let next_signer = || match &prompt.ask {
            Ask::Sign { needs, has, .. } => needs
                .iter()
                .find(|n| !has.contains(n))
                .map(|l| l.0.clone())
                .unwrap_or_default(),
            _ => "O".into(),
        };
        let input = match act {
            Act::Object => {
                self.withdraw = true;
                Input::Object {
                    who: "W".into(),
                    pin: pin("W"),
                    reason: "the seal of the bag looked opened".into(),
                }
            }
            Act::Pause => Input::Pause,
            Act::Stop => Input::Stop {
                reason: "stopped by the answers file".into(),
            },
            Act::Reprint => Input::Reprint,
            Act::WrongPin => Input::Sign {
                who: next_signer(),
                pin: SecretText::new("000001".into()),
            },
            Act::ForgottenPin => Input::ForgottenPin { who: next_signer() },
            Act::Hang => return Ok(Move::Hang),
            Act::Words => match self.right_share(driver, prompt) {
                Some(share) => Input::ShareWords(share.to_words().to_text()),
                None => Input::ShareSimulated,
            },
            Act::Exception => Input::Exception,
        };
        Ok(Move::Type(input))
    }

    fn by_hand(&self, driver: &Driver, prompt: &Prompt) -> Option<SecretText> {
        let number = number_wanted(driver, prompt)?;
        self.written.read(number)
    }

    fn faulty(&self, driver: &Driver, prompt: &Prompt, fault: Fault) -> Result<Input, RunError> {
        let Some(right) = self.right_share(driver, prompt) else {
            return Ok(Input::ShareSimulated);
        };
        let other = match fault {
            Fault::Duplicate => driver
                .state()
                .facts
                .shares
                .first()
                .and_then(|(x, ..)| self.sheet(driver, *x)),
            Fault::OtherCustodian => self
                .sheet(driver, right.x() % 5 + 1)
                .or_else(|| self.sheet(driver, 1)),
            _ => None,
        };
        faults::input(fault, &right, other.as_ref())
    }

    /// The share that the simulated scanner would read now.
    fn right_share(&self, driver: &Driver, prompt: &Prompt) -> Option<Share> {
        let number = number_wanted(driver, prompt)?;
        if let Some(words) = self.written.read(number) {
            return match parse_words(words.expose()) {
                Ok(WordsOutcome::Share(share)) => Some(share),
                _ => None,
            };
        }
        self.sheet(driver, number)
    }

    fn sheet(&self, driver: &Driver, number: u8) -> Option<Share> {
        let own = driver.dir().join(names::SHEETS);
        let dir = if own.exists() {
            own
        } else {
            self.backup.join(names::SHEETS)
        };
        let bytes =
            files::read(&dir.join(format!("share-{number}.png")), picture::MAX_FILE).ok()?;
        let reads = picture::decode(&bytes).ok()?;
        reads
            .iter()
            .find_map(|read| parse_qr_text(read.text.expose()).ok())
    }

    fn choice(&self, key: &str) -> Option<String> {
        let parts: Vec<&str> = key.split('.').collect();
        match parts.as_slice() {
            ["attendance", slug] => {
                let number: u8 = slug.trim_start_matches('c').parse().ok()?;
                Some(
                    if self.lost.contains(&number) {
                        "no"
                    } else {
                        "yes"
                    }
                    .into(),
                )
            }
            ["export", "source"] | ["write", "target"] => {
                SoftHsm::of(&self.world.out).exists().then(|| "hsm".into())
            }
            ["store", medium, "place"] => {
                let letter = match *medium {
                    "m1" => "A",
                    "m2" => "B",
                    _ => "C",
                };
                Some(format!("place {letter}"))
            }
            _ => None,
        }
    }

    fn text(&self, driver: &Driver, key: &str) -> String {
        let show = |path: PathBuf| path.display().to_string();
        let sealed = driver.state().facts.sealed.as_ref().map(|s| s.file.clone());
        let parts: Vec<&str> = key.split('.').collect();
        match parts.as_slice() {
            ["opening", "purpose"] => "Rehearsal".into(),
            ["opening", "authority"] => "The rehearsal itself".into(),
            ["clock", "stated"] => dates::rfc3339(super::driver::now())[..16].replace('T', " "),
            ["export", "path"] => show(self.world.source()),
            ["export", "node"] => "validator-1".into(),
            ["match", "read-out", _, index] => read_out(driver, index),
            ["match", "chain"] => "rehearsal".into(),
            ["match", "path"] => show(self.world.registered()),
            ["store", medium, what] => {
                let number = medium.trim_start_matches('m').parse().unwrap_or(1);
                match *what {
                    "path" => show(self.world.medium(number)),
                    _ => format!("MEDIUM-{number}"),
                }
            }
            ["hand", slug, "bag"] => format!("BAG-{}", slug.to_ascii_uppercase()),
            ["hand", _, "carrier"] => "a courier of the operator".into(),
            ["hand", _, "receipt"] => dates::months_after(super::driver::now(), 1),
            ["rebag", x] => format!("NEW-BAG-{x}"),
            ["sealed", "path"] => {
                let dir = self.backup.join(names::SEALED);
                let age = dir.join("backup.age");
                show(sealed.map(|s| dir.join(s)).unwrap_or(if age.exists() {
                    age
                } else {
                    dir.join("backup.jwe")
                }))
            }
            ["sealed", "record"] | ["record", "path"] => show(self.backup.join(names::RECORD)),
            ["stop", "how"] => "service masked and key files moved away".into(),
            ["stop", "seen-by"] => "O and W".into(),
            ["stop", "when"] => dates::rfc3339(super::driver::now())[..16].replace('T', " "),
            ["stop", "silent-from"] => "100".into(),
            ["stop", "silent-to"] => "250".into(),
            ["write", "path"] => show(self.world.recovered()),
            _ => String::new(),
        }
    }
}

/// The sheet that is asked for, or the next one that was brought and not entered.
fn number_wanted(driver: &Driver, prompt: &Prompt) -> Option<u8> {
    if let Some(number) = sheet_number(&prompt.key) {
        return Some(number);
    }
    let state = driver.state();
    let entered = |n: &u8| state.facts.shares.iter().any(|(x, ..)| x == n);
    state
        .custodians
        .iter()
        .filter(|c| c.present && c.sheet)
        .map(|c| c.number)
        .find(|n| !entered(n))
}

fn sheet_number(key: &str) -> Option<u8> {
    key.strip_prefix("sheets.c")?
        .strip_suffix(".read")?
        .parse()
        .ok()
}

/// First and last eight digits of a session key, as one reads them out.
fn read_out(driver: &Driver, index: &str) -> String {
    let keys = &driver.state().facts.keys;
    let key = keys
        .iter()
        .filter(|k| !k.key_type.starts_with("network/"))
        .nth(index.parse().unwrap_or(0));
    key.map(short).unwrap_or_default()
}

fn confidential(key: &str) -> String {
    match key.split('.').collect::<Vec<_>>().as_slice() {
        ["enrol", "operator", _] => "Rehearsal Operator".into(),
        ["enrol", "witness", _] => "Rehearsal Witness".into(),
        ["enrol", slug, _] => format!("Rehearsal Custodian {}", slug.to_ascii_uppercase()),
        ["hand", slug, _] => format!("Rehearsal place of {}", slug.to_ascii_uppercase()),
        _ => "Rehearsal room".into(),
    }
}
