use std::path::PathBuf;

use crate::refusal::Refuse;
use crate::vault::schemes::PairFault;

/// What is wrong with one file. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// A symbolic link.
    #[error("It is a symbolic link, and links are not followed.")]
    Symlink,
    /// A directory.
    #[error("It is a directory, and a keystore has none.")]
    Directory,
    /// A device, pipe or socket.
    #[error("It is neither file nor directory, and is not opened.")]
    Special,
    /// The name is not hex.
    #[error("Its name is not hex, so it is no key file, and the node ignores it.")]
    NameNotHex,
    /// The name has no public key after the key type.
    #[error("Its name has no public key after the key type, and the node ignores it.")]
    NameTooShort,
    /// The name has upper-case digits.
    #[error("Its name has upper-case digits. The node lists such a key, but cannot open it.")]
    NameUpperCase,
    /// Left behind by a writing that was cut short.
    #[error("It was left behind when writing a key was cut short, and may hold part of a secret.")]
    UnfinishedWrite,
    /// Two names for one key.
    #[error("Another file names the same key, in other letter case.")]
    DuplicatePublic,
    /// More bytes than such a file ever has.
    #[error("It has more than {max} bytes, which no such file has.")]
    TooLarge {
        /// Limit in bytes.
        max: usize,
    },
    /// No bytes at all.
    #[error("It is empty.")]
    Empty,
    /// The file ends within the JSON string.
    #[error("It is truncated: the text ends before its closing quote.")]
    CutOff,
    /// Not a JSON string.
    #[error("Its content is not one JSON string.")]
    Json,
    /// Bytes after the JSON string.
    #[error("There are bytes after the closing quote, which the node never writes.")]
    TrailingBytes,
    /// A JSON string, but not as the node writes it.
    #[error("Its JSON string is not written as the node writes it.")]
    JsonForm,
    /// Not the JSON form of a P2P identity.
    #[error(
        "It is not a P2P identity: falcon_public_key and falcon_secret_key must each stand there once, as 0x and hex."
    )]
    IdentityForm,
    /// The operating system refused to read it.
    #[error("It cannot be read: {reason}.")]
    Unreadable {
        /// The operating system's words.
        reason: String,
    },
    /// The size changed while it was read.
    #[error("It changed while it was read.")]
    Changed,
    /// The secret is that of another file in the same directory.
    #[error("Its secret belongs to the public key that names {other}.")]
    NamesSwapped {
        /// The other file's name.
        other: String,
    },
    /// The pair is not proven.
    #[error(transparent)]
    Pair(#[from] PairFault),
}

impl Refuse for FileFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Symlink => "key-file-symlink",
            Self::Directory => "key-file-directory",
            Self::Special => "key-file-special",
            Self::NameNotHex => "key-file-name-not-hex",
            Self::NameTooShort => "key-file-name-too-short",
            Self::NameUpperCase => "key-file-name-upper-case",
            Self::UnfinishedWrite => "key-file-unfinished-write",
            Self::DuplicatePublic => "key-file-duplicate-public",
            Self::TooLarge { .. } => "key-file-too-large",
            Self::Empty => "key-file-empty",
            Self::CutOff => "key-truncated",
            Self::Json => "key-file-not-json",
            Self::TrailingBytes => "key-file-trailing-bytes",
            Self::JsonForm => "key-file-json-form",
            Self::IdentityForm => "identity-file-form",
            Self::Unreadable { .. } => "key-file-unreadable",
            Self::Changed => "key-file-changed",
            Self::NamesSwapped { .. } => "key-file-names-swapped",
            Self::Pair(fault) => fault.name(),
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Symlink | Self::Directory | Self::Special | Self::NameNotHex => {
                "Find out what it is; move it out of the keystore, or point at the right directory."
            }
            Self::NameTooShort | Self::NameUpperCase | Self::DuplicatePublic => {
                "Find out who named it; a node never does. Keep a copy until the keys are proven."
            }
            Self::UnfinishedWrite => {
                "Have it overwritten and removed, then write the keys again from the backup."
            }
            Self::TooLarge { .. } | Self::Json | Self::TrailingBytes | Self::JsonForm => {
                "Find out what wrote it; the node's own files have an exact form. Copy the original again."
            }
            Self::Empty | Self::CutOff | Self::IdentityForm => {
                "Copy the file again from the validator; if it is the same there, the key is lost."
            }
            Self::Unreadable { .. } => "Check the permissions and the medium, then try again.",
            Self::Changed => "Make sure that no program is writing here, then try again.",
            Self::NamesSwapped { .. } => {
                "The secrets may be sound; have the operator put the names right, then check again."
            }
            Self::Pair(fault) => fault.way_on(),
        }
    }
}

/// What deserves a look and stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileWarning {
    /// Others may read it.
    #[error("Its mode is {mode:04o}, so others than its owner can reach it; a key file has 0600.")]
    ModeOpen {
        /// Permission bits.
        mode: u32,
    },
    /// It does not belong to the keystore's owner.
    #[error("It belongs to user {uid}, and the keystore to user {dir_uid}.")]
    OwnerDiffers {
        /// The file's user id.
        uid: u32,
        /// The directory's user id.
        dir_uid: u32,
    },
    /// The same file has further names.
    #[error("It has {links} names (hard links); the secret is also reachable elsewhere.")]
    HardLinked {
        /// Number of names.
        links: u64,
    },
}

impl FileWarning {
    /// The stable kebab-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ModeOpen { .. } => "key-file-mode-open",
            Self::OwnerDiffers { .. } => "key-file-owner-differs",
            Self::HardLinked { .. } => "key-file-hard-linked",
        }
    }
}

/// A fault and the file that has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct Finding {
    /// File name relative to the directory that was read, escaped for display.
    pub file: String,
    /// What is wrong.
    pub fault: FileFault,
}

impl Refuse for Finding {
    fn name(&self) -> &'static str {
        self.fault.name()
    }

    fn way_on(&self) -> &'static str {
        self.fault.way_on()
    }
}

/// Why a directory as a whole is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreFault {
    /// Nothing there.
    #[error("There is no directory {}.", .dir.display())]
    Absent {
        /// The path that was given.
        dir: PathBuf,
    },
    /// Something else than a directory.
    #[error("{} is not a directory.", .dir.display())]
    NotDirectory {
        /// The path that was given.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("{} cannot be read: {reason}.", .dir.display())]
    Unreadable {
        /// The path that was given.
        dir: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// No key at all.
    #[error("{} holds no key.", .dir.display())]
    Empty {
        /// The path that was given.
        dir: PathBuf,
    },
    /// More entries than a keystore ever has.
    #[error("{} has more than {max} entries, so it is no keystore.", .dir.display())]
    TooManyFiles {
        /// The path that was given.
        dir: PathBuf,
        /// Limit.
        max: usize,
    },
    /// At least one file is refused.
    #[error("{}", list(.0))]
    Files(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(Finding::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Refuse for KeystoreFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "keystore-absent",
            Self::NotDirectory { .. } => "keystore-not-directory",
            Self::Unreadable { .. } => "keystore-unreadable",
            Self::Empty { .. } => "keystore-empty",
            Self::TooManyFiles { .. } => "keystore-too-many-files",
            Self::Files(findings) => match findings.as_slice() {
                [only] => only.name(),
                _ => "keystore-files-refused",
            },
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Absent { .. } | Self::NotDirectory { .. } | Self::Empty { .. } => {
                "Give the keystore directory itself, usually chains/<id>/keystore under the base path."
            }
            Self::Unreadable { .. } => "Check the permissions and the medium, then try again.",
            Self::TooManyFiles { .. } => "Give the keystore directory itself.",
            Self::Files(findings) => match findings.as_slice() {
                [only] => only.way_on(),
                _ => "Deal with each of these files by its name, then try again.",
            },
        }
    }
}

/// Why keys were not written, or not all of them. Files that are complete stay; writing again continues.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFault {
    /// The directory is refused.
    #[error(transparent)]
    Keystore(#[from] KeystoreFault),
    /// Nothing was given to write.
    #[error("There is no key to write.")]
    NothingToWrite,
    /// The public key makes a name that no file system takes.
    #[error("The key's file name would have {len} bytes, and file systems end at 255.")]
    NameTooLong {
        /// Length of the name in bytes.
        len: usize,
    },
    /// Two of the keys have one name.
    #[error("{file} was given twice.")]
    GivenTwice {
        /// File name.
        file: String,
    },
    /// A different file has that name.
    #[error("{file} exists with other content. Nothing was overwritten.")]
    ExistsDifferent {
        /// File name.
        file: String,
    },
    /// What has that name can't be compared.
    #[error("{file} exists and is refused. {fault}")]
    ExistsRefused {
        /// File name.
        file: String,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// The temporary file of an earlier writing is still there.
    #[error("{file} was left behind when an earlier writing was cut short.")]
    Unfinished {
        /// File name.
        file: String,
    },
    /// No space.
    #[error("{file} was not written: the file system is full.")]
    DiskFull {
        /// File name.
        file: String,
    },
    /// Read-only file system.
    #[error("{file} was not written: the file system is read-only.")]
    ReadOnly {
        /// File name.
        file: String,
    },
    /// Permission denied, or the owner can't be set.
    #[error("{file} was not written: {action} is not permitted.")]
    NotPermitted {
        /// File name.
        file: String,
        /// What was tried.
        action: &'static str,
    },
    /// Any other answer of the operating system.
    #[error("{file} was not written: {action} failed ({reason}).")]
    Failed {
        /// File name.
        file: String,
        /// What was tried.
        action: &'static str,
        /// The operating system's words.
        reason: String,
    },
    /// What is on the disk is not what was written.
    #[error("{file} was written, but what is read back is not what was written.")]
    NotAsWritten {
        /// File name.
        file: String,
    },
}

impl Refuse for WriteFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Keystore(fault) => fault.name(),
            Self::NothingToWrite => "key-write-nothing",
            Self::NameTooLong { .. } => "key-file-name-too-long",
            Self::GivenTwice { .. } => "key-given-twice",
            Self::ExistsDifferent { .. } => "key-exists-different",
            Self::ExistsRefused { .. } => "key-exists-refused",
            Self::Unfinished { .. } => "key-file-unfinished-write",
            Self::DiskFull { .. } => "key-write-disk-full",
            Self::ReadOnly { .. } => "key-write-read-only",
            Self::NotPermitted { .. } => "key-write-not-permitted",
            Self::Failed { .. } => "key-write-failed",
            Self::NotAsWritten { .. } => "key-not-as-written",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Keystore(fault) => fault.way_on(),
            Self::NothingToWrite | Self::GivenTwice { .. } => "Look at what the backup holds.",
            Self::NameTooLong { .. } => {
                "Such a key has no place in a keystore; write it to the file where its node keeps it."
            }
            Self::ExistsDifferent { .. } | Self::ExistsRefused { .. } => {
                "Find out what is there. Move it away only when two people agree, then write again."
            }
            Self::Unfinished { .. } => {
                "Have the unfinished file overwritten and removed, then write again."
            }
            Self::DiskFull { .. } => "Make space, or choose another target, then write again.",
            Self::ReadOnly { .. } | Self::NotPermitted { .. } => {
                "Mount the target writable and run with the rights to write there, then write again."
            }
            Self::Failed { .. } | Self::NotAsWritten { .. } => {
                "Do not start the node on this directory. Use another medium, then write again."
            }
        }
    }
}
