//! What happened. Every event is an entry of the transcript, so none of them can hold a secret: results carry public
//! fingerprints, refusals carry names.

use super::effect::Paper;
use super::policy::{Kind, Label, Sensitive};
use serde::{Deserialize, Serialize};

/// A refusal as people and transcripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Stable kebab-case name.
    pub name: String,
    /// What was refused and why.
    pub what: String,
    /// What to do now.
    pub way_on: String,
    /// Positions of words to read again, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<u8>,
}

/// One public key of the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// `aura`, `gran`, or the path of a network file.
    pub key_type: String,
    /// Scheme name.
    pub scheme: String,
    /// `0x` and lower-case hex.
    pub public: String,
}

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Version.
    pub version: String,
    /// SHA-256 of the executable, hex.
    pub sha256: String,
}

/// The script that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptRef {
    /// Name.
    pub name: String,
    /// Version.
    pub version: u32,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

/// Entry 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// `qh-transcript/1`.
    pub format: String,
    /// Whether nothing here is real.
    pub rehearsal: bool,
    /// 32 random bytes, hex.
    pub id: String,
    /// The ceremony's name, e.g. `BR-2026-11-22-01`.
    pub ceremony: String,
    /// What it is for.
    pub kind: Kind,
    /// The program.
    pub program: Program,
    /// The script.
    pub script: ScriptRef,
    /// OpenSSH public key that will sign the closed transcript.
    pub ceremony_key: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case"
)]
pub enum Event {
    /// The ceremony began.
    Opened(Opened),
    /// Somebody answered the current prompt.
    Answered {
        /// Key of the prompt.
        key: String,
        /// The public answer.
        value: String,
    },
    /// Something confidential (a name, a place) was written to the annex.
    Annexed {
        /// Key of the prompt.
        key: String,
        /// Salted hash, hex.
        annex: String,
        /// The person already enrolled under the same name, if any.
        same_as: Option<Label>,
    },
    /// A person chose a PIN, typed twice the same.
    PinChosen {
        /// Who.
        who: Label,
    },
    /// Something secret was typed and lies in the locker.
    Stored {
        /// Key of the prompt.
        key: String,
        /// A public count (dice rolls), else 0.
        count: u32,
    },
    /// A person entered the PIN for the verb now open.
    Signed {
        /// Who.
        who: Label,
        /// For what.
        verb: Sensitive,
    },
    /// A wrong PIN.
    WrongPin {
        /// Whose.
        who: Label,
    },
    /// A share was read and is good as far as can be known now.
    ShareRead {
        /// Its x.
        x: u8,
        /// How: `words`, `scanner`, `picture`, `picture (two decoders)`, `simulated`.
        how: String,
        /// Public commitment, hex.
        commitment: String,
    },
    /// The driver refused something that was typed, read or pointed at.
    Refused(Refused),
    /// The driver finished the pending effect.
    Finished {
        /// What came of it.
        outcome: Outcome,
    },
    /// "I do not agree."
    Objected {
        /// Who.
        who: Label,
        /// Why.
        reason: String,
    },
    /// The objection's author withdrew it.
    Withdrawn {
        /// Who.
        who: Label,
    },
    /// The people asked for a global thing: see [`Request`].
    Requested {
        /// What.
        request: Request,
    },
    /// Half an hour without a hand on the keyboard.
    PauseExpired,
    /// The clock went backwards by so many seconds.
    ClockBack {
        /// Seconds.
        seconds: i64,
    },
    /// The program was started again after a power cut or kill.
    Resumed {
        /// Bytes of a torn last line that were set aside.
        torn_bytes: u64,
        /// Their SHA-256, hex.
        torn_sha256: Option<String>,
        /// The new ceremony key: the old one died with the memory.
        ceremony_key: String,
    },
    /// The record was written.
    Record {
        /// SHA-256 of the file, hex.
        sha256: String,
    },
    /// The last entry.
    Closed {
        /// `completed`, `stopped` or `not-held`.
        outcome: String,
    },
}

/// What people may ask for at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "ask",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case"
)]
pub enum Request {
    /// Leave the keyboard.
    Pause,
    /// Come back.
    Continue,
    /// Read the refusal, go on.
    Acknowledge,
    /// Make the sheet on the table void and print anew.
    Reprint,
    /// Depart from the script where the refusal offers it.
    Exception,
    /// Somebody forgot a PIN.
    ForgottenPin {
        /// Who.
        who: Label,
    },
    /// Leave a question that was opened by a request.
    Back,
    /// End the ceremony here.
    Stop {
        /// Why.
        reason: String,
    },
}

/// A finding of the machine check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable name.
    pub name: String,
    /// One line.
    pub text: String,
    /// Whether it stops the ceremony.
    pub stop: bool,
}

/// A PKCS#11 module that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleFact {
    /// Short name.
    pub name: String,
    /// The shared object's path.
    pub path: String,
    /// Whether the script names it.
    pub named: bool,
}

/// What a token says of its PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPin {
    /// It is typed here; no wrong one since the last right one.
    Good,
    /// It is typed here; there was a wrong one.
    CountLow,
    /// It is typed here; the next wrong one locks the token.
    FinalTry,
    /// It is typed on the token's own pad.
    Pad,
    /// It is locked.
    Locked,
    /// None is set: the token is not initialised.
    Unset,
}

impl TokenPin {
    /// Whether the token can be used.
    pub fn usable(self) -> bool {
        !matches!(self, TokenPin::Locked | TokenPin::Unset)
    }
}

/// A token in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFact {
    /// By which it is chosen, RFC 7512.
    pub uri: String,
    /// Label, serial number, model, for people.
    pub text: String,
    /// Its PIN.
    pub pin: TokenPin,
}

/// How one effect ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "result",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case"
)]
pub enum Outcome {
    /// It failed by name; nothing was changed by it.
    Failed(Refused),
    /// The machine was looked at.
    Machine {
        /// Whether a ceremony may run here.
        fit: bool,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The one-time recipient.
    Recipient {
        /// `age1...`
        recipient: String,
        /// Six words.
        fingerprint: String,
    },
    /// The modules.
    Modules {
        /// Each.
        modules: Vec<ModuleFact>,
    },
    /// The tokens of a module.
    Tokens {
        /// What the module calls itself.
        library: String,
        /// Each.
        tokens: Vec<TokenFact>,
    },
    /// The public side of the source.
    Inspected {
        /// One line a file or object.
        files: Vec<String>,
        /// Objects that stay in a token, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stays: Vec<String>,
    },
    /// Keys are proven and lie in a slot.
    Keys {
        /// Public side.
        keys: Vec<PublicKey>,
        /// Notes, e.g. file modes.
        notes: Vec<String>,
    },
    /// The keys are the registered validator's.
    Matched {
        /// Chain id.
        chain_id: String,
        /// Genesis hash, hex, where the source knows it.
        genesis_hash: Option<String>,
        /// One line a key.
        lines: Vec<String>,
        /// What was compared with.
        source: String,
    },
    /// Randomness was drawn.
    Entropy {
        /// Set id, hex.
        set_id: String,
        /// How many random bytes of a token went in.
        #[serde(default, skip_serializing_if = "is_zero")]
        token_bytes: u32,
    },
    /// The backup is sealed.
    Sealed {
        /// File name.
        file: String,
        /// SHA-256, hex.
        sha256: String,
        /// Key check, hex.
        key_check: String,
    },
    /// The secret is split.
    Split {
        /// One commitment a share, by x from 1.
        commitments: Vec<String>,
    },
    /// The sheet is on paper.
    Printed {
        /// Which sheet.
        number: u32,
        /// How.
        paper: Paper,
        /// Files that hold it, if any.
        files: Vec<String>,
    },
    /// All sheets belong together.
    SheetsProven {
        /// Subsets tried.
        subsets: u32,
        /// Whether that is every subset.
        all: bool,
    },
    /// The sealed file opened, every pair proven again.
    Opened {
        /// Public side.
        keys: Vec<PublicKey>,
    },
    /// A copy was written and synced.
    CopyWritten {
        /// Which.
        copy: u8,
        /// What the medium is.
        medium: String,
    },
    /// The medium is gone.
    Unplugged {
        /// Which.
        copy: u8,
    },
    /// The copy was read back.
    CopyVerified {
        /// Which.
        copy: u8,
        /// SHA-256, hex.
        sha256: String,
        /// Whether the reading went past the cache.
        past_cache: bool,
    },
    /// The sealed file's header.
    SealedLoaded(Box<SealedFacts>),
    /// The record.
    RecordLoaded(Box<RecordFacts>),
    /// The shares are a quorum.
    Quorum {
        /// The x of each share in it.
        used: Vec<u8>,
    },
    /// What writing would do.
    Plan {
        /// One line a file.
        lines: Vec<String>,
    },
    /// The shares are no quorum; those named were put aside.
    QuorumFailed {
        /// Why.
        refused: Refused,
        /// The x of shares that don't count any more.
        dropped: Vec<u8>,
    },
    /// Keys were written and listed back.
    Written {
        /// One line a file.
        files: Vec<String>,
    },
    /// Entered shares are wiped.
    SharesWiped,
    /// Memory is wiped and searched.
    Wiped {
        /// Bytes searched; 0 when the search was not possible.
        searched: u64,
        /// Places where something was found.
        found: u32,
        /// Why the search was not possible; empty when it was.
        note: String,
    },
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The public side of a sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedFacts {
    /// File name.
    pub file: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// The backup ceremony.
    pub ceremony: String,
    /// Set id, hex.
    pub set_id: String,
    /// Key check, hex.
    pub key_check: String,
    /// Threshold.
    pub k: u8,
    /// Sheets.
    pub n: u8,
    /// Public keys.
    pub keys: Vec<PublicKey>,
    /// SHA-256 of the record; empty for none.
    pub record_sha256: String,
    /// Whether the record's commitments are known.
    pub commitments: bool,
}

/// The public side of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFacts {
    /// SHA-256 of the record, hex.
    pub sha256: String,
    /// The backup ceremony.
    pub ceremony: String,
    /// Set id, hex.
    pub set_id: String,
    /// Key check, hex.
    pub key_check: String,
    /// Threshold.
    pub k: u8,
    /// Sheets.
    pub n: u8,
    /// Labels by commitment: who holds what.
    pub commitments: Vec<(String, String)>,
}
