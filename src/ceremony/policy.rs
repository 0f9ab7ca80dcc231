//! The closed vocabulary of a ceremony: verbs, roles, slots, ciphers, and what two people must sign.

use serde::{Deserialize, Serialize};

/// What a ceremony is for. Derived from the verbs of its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Keys are sealed and the sealing secret is split onto sheets.
    Backup,
    /// Sheets and a sealed file become a keystore again.
    Recovery,
    /// A recovery that ends before anything is written: proof that it would work.
    Verification,
    /// One custodian's sheet against its public commitment.
    ShareCheck,
}

impl Kind {
    /// The kind as documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Backup => "backup",
            Kind::Recovery => "recovery",
            Kind::Verification => "verification",
            Kind::ShareCheck => "share-check",
        }
    }
}

/// One step of a script does one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Network interfaces, radios, swap, dumps, memory locking.
    MachineCheck,
    /// People are identified and choose a PIN.
    Enrol,
    /// A witness reads date and time from a watch.
    Clock,
    /// Keys come into the `bundle` slot, each proven to match its public key.
    Export,
    /// Public keys are compared with the registered validator.
    Match,
    /// A fresh secret comes into the `secret` slot.
    Entropy,
    /// The bundle is sealed under the secret.
    Seal,
    /// The secret is split into shares.
    Split,
    /// Each share goes onto paper and is read back; then all are accepted at once.
    Sheets,
    /// The sealed file is opened with shares alone.
    Open,
    /// The sealed file goes onto media, each proven by reading back.
    Store,
    /// Sheets go into numbered bags and to their custodians.
    HandOver,
    /// Who brought a sheet? Fewer than k ends the ceremony with nothing entered.
    Attendance,
    /// The sealed file and, where there is one, the record are read.
    SealedFile,
    /// Shares are entered until they are a quorum.
    Shares,
    /// Evidence that the old signer has stopped.
    StopEvidence,
    /// Keys are written to a keystore, or sealed to the host.
    Write,
    /// The record of a backup is read.
    Record,
    /// One sheet is compared with its commitment.
    CheckShare,
    /// Every slot is wiped, and memory is searched.
    Wipe,
    /// Record, closing entries, signature, certificate.
    Certify,
}

impl Verb {
    /// The sensitive verb that this step carries out, if it does.
    pub fn sensitive(self) -> Option<Sensitive> {
        match self {
            Verb::Export => Some(Sensitive::Export),
            Verb::Seal => Some(Sensitive::Seal),
            Verb::Split => Some(Sensitive::Split),
            Verb::Sheets => Some(Sensitive::AcceptSheets),
            Verb::Open => Some(Sensitive::Open),
            Verb::Write => Some(Sensitive::Write),
            Verb::Certify => Some(Sensitive::Certify),
            Verb::MachineCheck
            | Verb::Enrol
            | Verb::Clock
            | Verb::Match
            | Verb::Entropy
            | Verb::Store
            | Verb::HandOver
            | Verb::Attendance
            | Verb::SealedFile
            | Verb::Shares
            | Verb::StopEvidence
            | Verb::Record
            | Verb::CheckShare
            | Verb::Wipe => None,
        }
    }

    /// The verb as scripts write it.
    pub fn name(self) -> &'static str {
        match self {
            Verb::MachineCheck => "machine-check",
            Verb::Enrol => "enrol",
            Verb::Clock => "clock",
            Verb::Export => "export",
            Verb::Match => "match",
            Verb::Entropy => "entropy",
            Verb::Seal => "seal",
            Verb::Split => "split",
            Verb::Sheets => "sheets",
            Verb::Open => "open",
            Verb::Store => "store",
            Verb::HandOver => "hand-over",
            Verb::Attendance => "attendance",
            Verb::SealedFile => "sealed-file",
            Verb::Shares => "shares",
            Verb::StopEvidence => "stop-evidence",
            Verb::Write => "write",
            Verb::Record => "record",
            Verb::CheckShare => "check-share",
            Verb::Wipe => "wipe",
            Verb::Certify => "certify",
        }
    }
}

/// The closed list of what two people sign. [`Sensitive::Statement`] is the one addition to the design's list: the
/// statement that the old signer has stopped is worth nothing without two names under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitive {
    /// Read secret keys.
    Export,
    /// Seal them.
    Seal,
    /// Split the sealing secret.
    Split,
    /// Accept all sheets, once.
    AcceptSheets,
    /// Make a sheet void.
    Void,
    /// Open a sealed file.
    Open,
    /// Write keys to a keystore.
    Write,
    /// Seal keys to a host's recipient.
    Deliver,
    /// Depart from the script.
    Exception,
    /// State that the old signer has stopped.
    Statement,
    /// Enrol a person anew who forgot a PIN.
    Reenrol,
    /// Close and certify.
    Certify,
}

impl Sensitive {
    /// How a screen names it, after "to".
    pub fn phrase(self) -> &'static str {
        match self {
            Sensitive::Export => "export the keys",
            Sensitive::Seal => "seal the keys",
            Sensitive::Split => "split the secret",
            Sensitive::AcceptSheets => "accept all sheets",
            Sensitive::Void => "make this sheet void",
            Sensitive::Open => "open the sealed file",
            Sensitive::Write => "write the keys",
            Sensitive::Deliver => "seal the keys to the host",
            Sensitive::Exception => "allow this exception",
            Sensitive::Statement => "state that the old signer has stopped",
            Sensitive::Reenrol => "let this person choose a new PIN",
            Sensitive::Certify => "certify the ceremony",
        }
    }
}

/// Who somebody is in a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works the keyboard.
    Operator,
    /// Watches, and states what was seen.
    Witness,
    /// Holds one sheet.
    Custodian,
}

impl Role {
    /// The role in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Witness => "witness",
            Role::Custodian => "custodian",
        }
    }
}

/// A named place in the locker. The core knows that a slot is filled and with what public fingerprint, never more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Exported keys.
    Bundle,
    /// The sealing secret S and what is drawn with it.
    Secret,
    /// The shares as split.
    Shares,
    /// The shares as read back from paper, or as entered at recovery.
    Scanned,
    /// Keys as opened from the sealed file.
    Opened,
    /// The identity of this ceremony's one-time recipient.
    Identity,
}

/// How a backup is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cipher {
    /// JWE, AES-256-GCM.
    #[default]
    #[serde(rename = "aes-256-gcm")]
    AesGcm,
    /// age passphrase file.
    #[serde(rename = "age")]
    Age,
}

impl Cipher {
    /// The file that a backup is sealed into.
    pub fn file_name(self) -> &'static str {
        match self {
            Cipher::AesGcm => "backup.jwe",
            Cipher::Age => "backup.age",
        }
    }
}

/// A person's label in every document: `O`, `W`, `C1` to `C16`. Names stand in the annex alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(pub String);

impl Label {
    /// The operator's.
    pub fn operator() -> Self {
        Self("O".into())
    }
    /// The witness's.
    pub fn witness() -> Self {
        Self("W".into())
    }
    /// The `number`th custodian's, from 1.
    pub fn custodian(number: u8) -> Self {
        Self(format!("C{number}"))
    }
    /// "the operator", "custodian 2".
    pub fn spoken(&self) -> String {
        match self.0.as_str() {
            "O" => "the operator".into(),
            "W" => "the witness".into(),
            other => format!("custodian {}", other.trim_start_matches('C')),
        }
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
