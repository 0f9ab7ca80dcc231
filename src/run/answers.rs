//! `--answers FILE`: what a rehearsal's people do differently, with scripted faults. Rehearsals alone have it.
//!
//! ```toml
//! [[on]]
//! prompt = "sheets.c2.read"   # the key of a prompt; a trailing * matches any ending; `refusal` is any refusal page,
//!                             # `refusal.NAME` one of this name
//! ceremony = "key-backup"     # optional: the script's name
//! fault = "forged"            # or: answer = "text", or: act = "object"
//! times = 1                   # how often it applies; default 1
//! ```

use serde::Deserialize;

/// Largest answers file, bytes.
pub const MAX_ANSWERS: usize = 64 * 1024;

/// A share that is wrong in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The share that was entered before.
    Duplicate,
    /// A share of another set.
    ForeignSet,
    /// One character of the QR text is another.
    BitFlip,
    /// One word is another.
    WrongWord,
    /// Two words stand in each other's place.
    SwappedWords,
    /// A share that says it is no rehearsal's.
    OfProduction,
    /// A forged share of this set with a right checksum.
    Forged,
    /// x = 0 with a right checksum.
    XZero,
    /// A version that doesn't exist, with a right checksum.
    UnknownVersion,
    /// Another custodian's sheet.
    OtherCustodian,
    /// Only the first half of the QR text.
    Truncated,
}

/// Something done instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The witness does not agree; the objection is withdrawn at the next prompt.
    Object,
    /// Pause and come back.
    Pause,
    /// End the ceremony.
    Stop,
    /// Void the sheet on the table.
    Reprint,
    /// A wrong PIN.
    WrongPin,
    /// The one who signs next forgot the PIN.
    ForgottenPin,
    /// Wait until somebody ends the program: a power cut.
    Hang,
    /// Read by words instead of the scanner.
    Words,
    /// Take the exception that a refusal offers.
    Exception,
}

/// One line of an answers file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// Prompt key.
    pub prompt: String,
    /// Script name.
    pub ceremony: Option<String>,
    /// The answer.
    pub answer: Option<String>,
    /// The fault.
    pub fault: Option<Fault>,
    /// The act.
    pub act: Option<Act>,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// All lines, with what is left of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// In order; the first that fits is used.
    #[serde(default)]
    pub on: Vec<On>,
}

impl Answers {
    /// Parses an answers file.
    ///
    /// # Errors
    /// What TOML finds, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let answers: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for on in &answers.on {
            let given = [on.answer.is_some(), on.fault.is_some(), on.act.is_some()]
                .iter()
                .filter(|g| **g)
                .count();
            if given != 1 {
                return Err(format!(
                    "`{}` needs exactly one of `answer`, `fault` and `act`",
                    on.prompt
                ));
            }
        }
        Ok(answers)
    }

    /// The line for this prompt, used up once.
    pub fn take(&mut self, ceremony: &str, prompt: &str) -> Option<On> {
        let fits = |on: &On| {
            let same = match on.prompt.strip_suffix('*') {
                Some(prefix) => prompt.starts_with(prefix),
                None => on.prompt == prompt,
            };
            same && on.times > 0 && on.ceremony.as_deref().is_none_or(|c| c == ceremony)
        };
        let on = self.on.iter_mut().find(|on| fits(on))?;
        on.times -= 1;
        Some(on.clone())
    }

    /// Lines that were never reached: a rehearsal that was to show something must show it.
    pub fn unused(&self) -> Vec<&On> {
        self.on.iter().filter(|on| on.times > 0).collect()
    }
}
