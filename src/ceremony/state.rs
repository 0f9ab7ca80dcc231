//! What is known: facts alone. What comes next is computed from them, never stored.

use super::effect::{Against, Effect, Paper};
use super::event::{
    Finding, ModuleFact, Opened, PublicKey, RecordFacts, Refused, SealedFacts, TokenFact,
};
use super::policy::{Kind, Label, Role, Slot};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds after which a PIN entered wrongly three times may be tried again.
pub const PIN_PAUSE: i64 = 60;
/// Seconds of silence after which entered shares are wiped.
pub const IDLE_LIMIT: i64 = 30 * 60;

/// One person, by label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `O`, `W`, `C1`...
    pub label: Label,
    /// First role.
    pub role: Role,
    /// Kind of document, as the witness (for the witness: the operator) stated it.
    pub identified: String,
    /// Whether a PIN is set: only then the person can sign or object.
    pub pin: bool,
}

/// Where a custodian stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custodian {
    /// Number from 1; in a backup also the share's x.
    pub number: u8,
    /// Whether the custodian is in the room.
    pub present: bool,
    /// Whether a sheet was brought (recovery).
    pub sheet: bool,
    /// The person: mostly `C1`..., but `O` or `W` where a signer is custodian by exception.
    pub person: Option<Label>,
}

/// The life of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetState {
    /// On the table, not accepted.
    Printed,
    /// Accepted with all the others.
    Accepted,
    /// In a bag, for an absent custodian, on its way.
    Bagged,
    /// With its custodian.
    HandedOver,
    /// Counts for nothing; to be destroyed.
    Void,
    /// Void, and destroyed before witnesses.
    Destroyed,
}

impl SheetState {
    /// As record and certificate write it.
    pub fn name(self) -> &'static str {
        match self {
            SheetState::Printed => "printed",
            SheetState::Accepted => "accepted",
            SheetState::Bagged => "bagged",
            SheetState::HandedOver => "handed over",
            SheetState::Void => "void",
            SheetState::Destroyed => "destroyed",
        }
    }
}

/// One sheet of paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Serial number in this ceremony, from 1.
    pub number: u32,
    /// Whose.
    pub custodian: u8,
    /// How it was made.
    pub paper: Paper,
    /// Where it stands.
    pub state: SheetState,
    /// How it was read back; empty until proven.
    pub proven: String,
    /// Bag number; empty until bagged.
    pub bag: String,
    /// Place label; empty until given.
    pub place: String,
    /// Carrier and receipt due date of an absent custodian's bag.
    pub carrier: Option<(String, String)>,
}

impl Sheet {
    /// Whether it still counts.
    pub fn stands(&self) -> bool {
        !matches!(self.state, SheetState::Void | SheetState::Destroyed)
    }
}

/// One copy of the sealed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCopy {
    /// From 1.
    pub number: u8,
    /// Label on the medium.
    pub label: String,
    /// Place label.
    pub place: String,
    /// What the medium is, as the kernel tells.
    pub medium: String,
    /// Whether reading back went past the cache.
    pub past_cache: bool,
}

/// A departure from the script that two people signed, or that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Stable name.
    pub name: String,
    /// What it means.
    pub text: String,
    /// Who signed; empty where it happened by itself (a resume, a residue).
    pub signed: Vec<Label>,
}

/// How the ceremony ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every step done.
    Completed,
    /// Stopped by the people, with the reason.
    Stopped(String),
    /// Too few sheets were brought.
    NotHeld,
}

impl Ending {
    /// As the closing entry writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Ending::Completed => "completed",
            Ending::Stopped(_) => "stopped",
            Ending::NotHeld => "not-held",
        }
    }
}

/// What is asked anew after a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clears {
    /// Nothing: the same question stands.
    Nothing,
    /// The step's signatures, and with them the machine check.
    Signatures,
    /// Answers and marks that begin so.
    Prefix(String),
    /// What depends on this of a token.
    Token(TokenPart),
    /// Everything of the step.
    Step,
}

/// What is asked anew of a token, each with all that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenPart {
    /// Its objects are listed anew.
    Objects,
    /// It is chosen anew, and its PIN typed.
    Token,
}

/// An exception that a refusal offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Stable name.
    pub name: &'static str,
    /// What it means, and for whom.
    pub text: String,
}

/// What lies over the current step until it is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// A refusal page.
    Refusal {
        /// What was refused.
        refused: Refused,
        /// The exception that it offers, if any.
        exception: Option<Offered>,
        /// What is asked anew once it was read.
        clears: Clears,
    },
    /// Somebody does not agree.
    Objection {
        /// Who.
        by: Label,
        /// Why.
        reason: String,
    },
    /// Nobody at the keyboard.
    Paused,
    /// Two people sign an exception.
    Excepting {
        /// Which.
        offered: Offered,
        /// Whether the machine was looked at for it.
        checked: bool,
        /// Who has signed.
        signed: Vec<Label>,
    },
    /// Two others let a person choose a new PIN.
    Reenrolling {
        /// Who forgot it.
        who: Label,
        /// Who has signed.
        signed: Vec<Label>,
    },
    /// Two people make a sheet void.
    Voiding {
        /// Which.
        number: u32,
        /// Whether the machine was looked at for it.
        checked: bool,
        /// Who has signed.
        signed: Vec<Label>,
    },
}

/// What the current step has so far. Emptied when the step is done or begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Public answers by prompt key.
    pub answers: BTreeMap<String, String>,
    /// Effects that are done, by name, with lines to show.
    pub done: BTreeMap<String, Vec<String>>,
    /// PKCS#11 modules, once listed.
    pub modules: Option<Vec<ModuleFact>>,
    /// The chosen module's name for itself and its tokens, once listed.
    pub tokens: Option<(String, Vec<TokenFact>)>,
    /// Whether the machine was looked at again for this step's signatures.
    pub rechecked: bool,
    /// Who has signed.
    pub signed: Vec<Label>,
}

/// The clock as a witness's watch saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockStated {
    /// What the watch said, UTC.
    pub stated: String,
    /// Laptop minus watch, seconds.
    pub offset: i64,
}

/// How public keys were matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchFact {
    /// Chain id.
    pub chain_id: String,
    /// Genesis hash, where known.
    pub genesis_hash: Option<String>,
    /// One line a key.
    pub lines: Vec<String>,
    /// What was compared with.
    pub source: String,
    /// False on the read-out path: NOT MATCHED TO CHAIN.
    pub on_chain: bool,
}

/// Everything the ceremony has established.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Purpose, as typed.
    pub purpose: String,
    /// By whose authority.
    pub authority: String,
    /// Place label of the room.
    pub location: String,
    /// Findings of the last machine check.
    pub machine: Vec<Finding>,
    /// The clock.
    pub clock: Option<ClockStated>,
    /// Backward jumps of the clock, seconds.
    pub clock_jumps: Vec<i64>,
    /// The node's name.
    pub node: String,
    /// One-time recipient and its six words.
    pub recipient: Option<(String, String)>,
    /// Exported, or opened at recovery.
    pub keys: Vec<PublicKey>,
    /// Notes on key files.
    pub key_notes: Vec<String>,
    /// Whether a keystore password is in use.
    pub keystore_password: bool,
    /// The match.
    pub matched: Option<MatchFact>,
    /// What the first match compared with, for the second.
    pub match_source: Option<(Against, String)>,
    /// Dice rolled.
    pub dice: u32,
    /// Random bytes of a token that went into the pool.
    pub token_bytes: u32,
    /// Set id, hex.
    pub set_id: String,
    /// Sealed file name, SHA-256, key check.
    pub sealed: Option<SealedFacts>,
    /// Commitments by x from 1.
    pub commitments: Vec<String>,
    /// Subsets tried, and whether all.
    pub subsets: Option<(u32, bool)>,
    /// Shares entered at recovery or check: x, how, commitment.
    pub shares: Vec<(u8, String, String)>,
    /// Whether the shares are a quorum.
    pub quorum: Vec<u8>,
    /// The sealed file was opened with shares alone.
    pub opened: bool,
    /// The record, where one was read.
    pub record: Option<RecordFacts>,
    /// Statement that the old signer has stopped, line by line.
    pub stop: Vec<String>,
    /// New bag by x, after sheets were opened.
    pub rebagged: Vec<(u8, String)>,
    /// Files written at recovery.
    pub written: Vec<String>,
    /// Result of a share check: label by commitment.
    pub checked: Vec<String>,
    /// Media to destroy.
    pub destroy: Vec<String>,
    /// Residue: bytes searched, places found, note.
    pub wiped: Option<(u64, u32, String)>,
    /// SHA-256 of the record.
    pub recorded: Option<String>,
}

/// Where the ceremony stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Entry 0.
    pub opened: Opened,
    /// UTC seconds of the first event.
    pub began: i64,
    /// UTC seconds of the last event.
    pub time: i64,
    /// Index of the current step.
    pub step: usize,
    /// After a resume: the step to go to once people are enrolled.
    pub resume_to: Option<usize>,
    /// The work of that step, which stands.
    pub resume_work: Work,
    /// The current step's work.
    pub work: Work,
    /// What lies over it, the newest last.
    pub overlays: Vec<Overlay>,
    /// The effect the driver is carrying out.
    pub busy: Option<Effect>,
    /// Entered shares must be wiped before anything else.
    pub wipe_shares: bool,
    /// People enrolled.
    pub people: Vec<Person>,
    /// Custodians.
    pub custodians: Vec<Custodian>,
    /// Wrong PINs in a row and until when the person is locked.
    pub locks: BTreeMap<Label, (u32, i64)>,
    /// Slots that are filled.
    pub slots: BTreeSet<Slot>,
    /// Sheets, as they were made.
    pub sheets: Vec<Sheet>,
    /// Copies.
    pub copies: Vec<StoredCopy>,
    /// Exceptions.
    pub exceptions: Vec<Exception>,
    /// Refusals, by name, as they happened.
    pub refusals: Vec<String>,
    /// Facts.
    pub facts: Facts,
    /// How it ends, once that is decided.
    pub ending: Option<Ending>,
    /// Whether the transcript is closed.
    pub closed: bool,
    /// How often it was resumed.
    pub resumes: u32,
}

impl State {
    /// The person with this label.
    pub fn person(&self, label: &Label) -> Option<&Person> {
        self.people.iter().find(|p| &p.label == label)
    }

    /// Whether an exception was signed (or happened).
    pub fn excepted(&self, name: &str) -> bool {
        self.exceptions.iter().any(|e| e.name == name)
    }

    /// Whether this person must wait, at UTC second `time`, after three wrong PINs.
    pub fn locked(&self, who: &Label, time: i64) -> bool {
        self.locks.get(who).is_some_and(|(_, until)| *until > time)
    }

    /// How many sheets were brought.
    pub fn brought(&self) -> usize {
        self.custodians
            .iter()
            .filter(|c| c.present && c.sheet)
            .count()
    }

    /// Sheets that are neither with their custodian nor destroyed.
    pub fn open_sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets
            .iter()
            .filter(|s| !matches!(s.state, SheetState::HandedOver | SheetState::Destroyed))
    }

    /// Whether a sheet that was read in a later ceremony didn't read well: it may have to be made anew.
    pub fn damaged_sheet(&self) -> bool {
        const DAMAGE: [&str; 5] = [
            "share-checksum",
            "share-word-suspect",
            "share-words-transposed",
            "share-two-words-suspect",
            "share-words-unlocated",
        ];
        self.opened.kind != Kind::Backup
            && self.refusals.iter().any(|r| DAMAGE.contains(&r.as_str()))
    }

    /// The sheet of a custodian that stands.
    pub fn sheet_of(&self, custodian: u8) -> Option<&Sheet> {
        self.sheets
            .iter()
            .rev()
            .find(|s| s.custodian == custodian && s.stands())
    }

    /// The same, to change it.
    pub fn sheet_of_mut(&mut self, custodian: u8) -> Option<&mut Sheet> {
        self.sheets
            .iter_mut()
            .rev()
            .find(|s| s.custodian == custodian && s.stands())
    }

    /// An answer of the current step.
    pub fn answer(&self, key: &str) -> Option<&str> {
        self.work.answers.get(key).map(String::as_str)
    }

    /// Whether an effect of the current step is done.
    pub fn did(&self, name: &str) -> bool {
        self.work.done.contains_key(name)
    }

    /// How many people are enrolled with a PIN.
    pub fn signers(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|p| p.pin)
    }
}
