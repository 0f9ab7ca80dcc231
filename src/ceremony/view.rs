//! The whole screen as data: checklist, corner, prompt.

use super::prompt::Prompt;

/// How a step or a part of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// To come.
    ToCome,
    /// Now.
    Current,
    /// Done.
    Done,
    /// Refused, not yet resolved.
    Refused,
    /// Done or passed with a signed exception.
    Exception,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Step number from 1.
    pub number: usize,
    /// Short title.
    pub title: String,
    /// How it stands.
    pub mark: Mark,
    /// e.g. `1/5`.
    pub count: Option<String>,
    /// Parts of the current step, e.g. one line a custodian.
    pub parts: Vec<(Mark, String)>,
}

/// Everything a screen shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether nothing here is real.
    pub rehearsal: bool,
    /// The script's title.
    pub title: String,
    /// The ceremony's name.
    pub ceremony: String,
    /// Six words of the transcript head.
    pub head: String,
    /// UTC seconds.
    pub time: i64,
    /// The checklist.
    pub checklist: Vec<Item>,
    /// Role and label of each person enrolled with a PIN: those who may object.
    pub people: Vec<(String, String)>,
    /// What to do now.
    pub prompt: Prompt,
}
