//! What people see next: one thing to do at a time. A prompt is computed from the state and holds no secret.

use super::policy::{Label, Sensitive};

/// One thing to do, said in full sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Stable key, e.g. `enrol.operator.name`. Answers name it, so that no answer reaches a question it was not meant for.
    pub key: String,
    /// Headline of the right pane.
    pub title: String,
    /// Paragraphs: what to do, and why.
    pub say: Vec<String>,
    /// Numbers and facts to compare, one under the other.
    pub facts: Vec<(String, String)>,
    /// What kind of answer is wanted.
    pub ask: Ask,
    /// What may be asked for here besides answering.
    pub offers: Vec<Offer>,
    /// A public text that another machine's camera may read from the screen.
    pub qr: Option<String>,
}

/// What may be asked for besides answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `n` I do not agree.
    Object,
    /// `q` pause, or stop.
    Pause,
    /// `r` reprint: voids this sheet.
    Reprint,
    /// `x` exception: two people sign a departure from the script.
    Exception,
    /// `f` forgotten PIN.
    ForgottenPin,
    /// Esc: leave this question.
    Back,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value that the answer carries.
    pub value: String,
    /// What the person reads.
    pub label: String,
}

/// The kind of text wanted, for the entry field's hint and check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Any printable line.
    Line,
    /// A file or directory path.
    Path,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DD HH:MM`.
    DateTime,
    /// Digits.
    Number,
}

/// The kind of secret wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Dice rolls, digits 1 to 6; may be empty.
    Dice,
    /// The node's keystore password.
    Password,
    /// A PKCS#11 token's PIN.
    TokenPin,
}

/// A way to read a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A scanner that types the QR text.
    Scanner,
    /// 36 words by hand.
    Words,
    /// A picture file.
    Picture,
    /// A rehearsal's simulated scanner.
    Simulated,
}

/// What kind of answer is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Read it, then go on.
    Ready {
        /// The word on the key, e.g. "It is unplugged".
        label: String,
    },
    /// One of these.
    Choose(Vec<Choice>),
    /// A line of public text.
    Text {
        /// What kind.
        kind: TextKind,
        /// Whether an empty answer is one.
        optional: bool,
    },
    /// A line for the confidential annex: a name, a place.
    Confidential,
    /// A PIN to choose, typed twice.
    NewPin {
        /// Who.
        who: Label,
    },
    /// Something secret.
    Secret(SecretKind),
    /// Two people sign.
    Sign {
        /// For what.
        verb: Sensitive,
        /// Who must.
        needs: Vec<Label>,
        /// Who has.
        has: Vec<Label>,
        /// Who may not for now, and until when (UTC seconds).
        locked: Vec<(Label, i64)>,
    },
    /// A share is read.
    ReadShare {
        /// How it may be read.
        ways: Vec<Way>,
    },
    /// Words are shown four at a time and written on the form.
    Handwrite {
        /// Whose, from 1.
        custodian: u8,
    },
    /// The machine works.
    Wait,
    /// A refusal page: read it, then go on.
    Refusal {
        /// Its name.
        name: String,
    },
    /// An objection blocks; its author may withdraw it with the PIN.
    Objection {
        /// Its author.
        by: Label,
    },
    /// Paused.
    Paused,
    /// The ceremony is over.
    Over,
}
