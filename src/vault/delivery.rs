//! The key delivery, `qh-delivery/1`: key files on their way between the validator host and the laptop.
//!
//! A delivery is JSON like the key bundle's, sealed by age to exactly one X25519 recipient, binary. It names its purpose,
//! so that what was exported can't be played back to the host as what it shall install. Anybody who knows a recipient
//! can seal to it: a delivery proves nothing about its sender, only the pair proofs and the match with the registered
//! validator do. It opens with `age -d -i`.

use super::age_file::{self, AgeFault};
use super::contents::{self, BundleFile, BundleKey, FileIn, FileOut, KeyIn, KeyOut, Network};
use super::contents::{NetworkIn, NetworkOut};
use super::document::{self, Document, DocumentError, Object, Rules};
use super::recipient::{Recipient, RecipientError, read_identity};
use crate::refusal::Refuse;
use crate::secret::{SecretBytes, SecretText};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The `format` of a delivery.
pub const DELIVERY_FORMAT: &str = "qh-delivery/1";

/// The largest delivery in bytes, of JSON.
pub const MAX_DELIVERY: usize = 1 << 20;

/// The largest sealed delivery in bytes: age adds its first lines, and 16 bytes to each 64 KiB.
pub const MAX_SEALED_DELIVERY: usize = MAX_DELIVERY + 64 * 1024;

const RULES: Rules = Rules(Document::Delivery);

/// Which way a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Host to laptop: keys to be backed up.
    ToLaptop,
    /// Laptop to host: recovered keys to be installed.
    ToHost,
}

impl Purpose {
    /// As written in the member `purpose`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToLaptop => "to-laptop",
            Self::ToHost => "to-host",
        }
    }
}

/// Keys and files on their way. It has neither `Debug` nor `Clone`.
pub struct Delivery {
    /// Which way it goes.
    pub purpose: Purpose,
    /// Whether it belongs to a rehearsal. The caller compares this with its own kind of ceremony.
    pub rehearsal: bool,
    /// The network of the keys.
    pub network: Network,
    /// The node's name, for people.
    pub node: String,
    /// When it was made: RFC 3339, UTC, whole seconds, `Z`.
    pub created: String,
    /// Whether the node runs with a keystore password.
    pub keystore_password: bool,
    /// The key pairs, at most 64.
    pub keys: Vec<BundleKey>,
    /// The files of the closed list.
    pub files: Vec<BundleFile>,
}

/// Why a delivery was refused. Texts hold public facts only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// The delivery breaks its format.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The recipient or the identity is unusable.
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// Not an age file.
    #[error("This is no key delivery: it is not an age file.")]
    NotAge,
    /// An age file in ASCII armor.
    #[error("The age file is in ASCII armor; a key delivery is binary.")]
    Armored,
    /// An age file of another version, or its first lines are damaged.
    #[error("The delivery's first lines are damaged, or of another version of age than v1.")]
    FirstLines,
    /// Sealed to a passphrase, an SSH key, a plugin or nobody.
    #[error(
        "The age file is not sealed to an age recipient (`age1...`), so it is no key delivery."
    )]
    OtherKind,
    /// Sealed to more than one recipient.
    #[error("The delivery is sealed to {count} recipients: somebody else can open it too.")]
    SeveralRecipients {
        /// How many.
        count: usize,
    },
    /// Sealed to somebody else.
    #[error("The delivery is not sealed to this ceremony's recipient.")]
    NotForUs,
    /// Damaged or changed.
    #[error("The delivery was damaged or changed since it was sealed.")]
    Damaged,
    /// Meant for the other way.
    #[error("The delivery is marked `{found}`, but `{expected}` is needed here.")]
    Purpose {
        /// In the delivery.
        found: &'static str,
        /// Needed here.
        expected: &'static str,
    },
}

impl Refuse for DeliveryError {
    fn name(&self) -> &'static str {
        match self {
            Self::Document(error) => error.name(),
            Self::Recipient(error) => error.name(),
            Self::NotAge => "delivery-not-age",
            Self::Armored => "delivery-armored",
            Self::FirstLines => "delivery-first-lines",
            Self::OtherKind => "delivery-other-kind",
            Self::SeveralRecipients { .. } => "delivery-several-recipients",
            Self::NotForUs => "delivery-not-for-us",
            Self::Damaged => "delivery-damaged",
            Self::Purpose { .. } => "delivery-other-purpose",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Document(error) => error.way_on(),
            Self::Recipient(error) => error.way_on(),
            Self::NotAge | Self::OtherKind | Self::Armored => {
                "Choose the delivery file that the host has just made."
            }
            Self::SeveralRecipients { .. } => {
                "Find out who the others are; then have the delivery made again, to this recipient alone."
            }
            Self::NotForUs => {
                "Compare the recipient's six words on both screens, and have the delivery made again."
            }
            Self::FirstLines | Self::Damaged => {
                "Copy the file again, or have the delivery made again."
            }
            Self::Purpose { .. } => "Choose the delivery that goes this way.",
        }
    }
}

impl Delivery {
    /// Compact JSON of at most [`MAX_DELIVERY`] bytes, built without unwiped copies.
    ///
    /// # Errors
    /// [`DeliveryError::Document`] if [`Delivery::parse`] would refuse the result.
    pub fn to_json(&self) -> Result<SecretBytes, DeliveryError> {
        self.check()?;
        let mut json = document::write_secret(&DeliveryOut {
            format: DELIVERY_FORMAT,
            rehearsal: self.rehearsal,
            purpose: self.purpose.as_str(),
            network: NetworkOut::of(&self.network),
            node: &self.node,
            created: &self.created,
            keystore_password: self.keystore_password,
            keys: contents::keys_out(&self.keys),
            files: contents::files_out(&self.files),
        });
        document::bounded(Document::Delivery, &json, MAX_DELIVERY)?;
        Ok(SecretBytes::new(std::mem::take(&mut *json)))
    }

    /// Reads a delivery's JSON strictly.
    ///
    /// # Errors
    /// [`DeliveryError::Document`] for anything but a `qh-delivery/1` of at most [`MAX_DELIVERY`] bytes.
    pub fn parse(json: &[u8]) -> Result<Self, DeliveryError> {
        let document = Document::Delivery;
        let read: DeliveryIn =
            document::read_version(document, json, MAX_DELIVERY, DELIVERY_FORMAT)?;
        document::version(document, &read.format, DELIVERY_FORMAT)?;
        let purpose = [Purpose::ToLaptop, Purpose::ToHost]
            .into_iter()
            .find(|purpose| purpose.as_str() == read.purpose)
            .ok_or_else(|| RULES.bad("purpose", "it must be to-laptop or to-host"))?;
        let Object(network) = read.network;
        let delivery = Self {
            purpose,
            rehearsal: read.rehearsal,
            network: network.into_network(&RULES)?,
            node: read.node,
            created: read.created,
            keystore_password: read.keystore_password,
            keys: contents::keys_in(read.keys),
            files: contents::files_in(&RULES, read.files)?,
        };
        delivery.check()?;
        Ok(delivery)
    }

    /// Whether it goes the way that is needed here.
    ///
    /// # Errors
    /// [`DeliveryError::Purpose`] if it goes the other way.
    pub fn require(&self, expected: Purpose) -> Result<(), DeliveryError> {
        if self.purpose == expected {
            Ok(())
        } else {
            Err(DeliveryError::Purpose {
                found: self.purpose.as_str(),
                expected: expected.as_str(),
            })
        }
    }

    fn check(&self) -> Result<(), DocumentError> {
        RULES.time("created", &self.created)?;
        let something = !self.keys.is_empty() || !self.files.is_empty();
        RULES.hold(something, "keys", "a delivery must hold a key or a file")?;
        contents::check(&RULES, &self.network, &self.node, &self.keys, &self.files)
    }
}

/// Seals a delivery to one recipient. File key, ephemeral key and nonce come from the operating system's generator,
/// inside of the `age` crate.
///
/// # Errors
/// [`DeliveryError::Document`] if the delivery breaks its format.
pub fn seal_to(delivery: &Delivery, recipient: &Recipient) -> Result<Vec<u8>, DeliveryError> {
    let json = delivery.to_json()?;
    Ok(age_file::encrypt(recipient.key(), json.expose()))
}

/// Opens a delivery with the identity (`AGE-SECRET-KEY-1...`) of its one recipient.
///
/// # Errors
/// [`DeliveryError`]: too large, no age file, sealed to others or to several, damaged, or not a `qh-delivery/1`.
pub fn open_with(file: &[u8], identity: &SecretText) -> Result<Delivery, DeliveryError> {
    document::bounded(Document::Delivery, file, MAX_SEALED_DELIVERY)?;
    check_first_lines(file)?;
    let identity = read_identity(identity)?;
    let plain = age_file::decrypt(&identity, file).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => DeliveryError::NotForUs,
        _ => DeliveryError::Damaged,
    })?;
    Delivery::parse(&plain)
}

fn check_first_lines(file: &[u8]) -> Result<(), DeliveryError> {
    let stanzas = age_file::stanzas(file).map_err(|fault| match fault {
        AgeFault::NotAge => DeliveryError::NotAge,
        AgeFault::Armored => DeliveryError::Armored,
        AgeFault::Version | AgeFault::Header => DeliveryError::FirstLines,
    })?;
    // Some writers add a random stanza named `...-grease`, which is for nobody.
    let real = |kind: &&str| !kind.ends_with("-grease");
    let kinds: Vec<&str> = stanzas
        .iter()
        .map(|s| s.kind.as_str())
        .filter(real)
        .collect();
    match kinds.as_slice() {
        ["X25519"] => Ok(()),
        [] | [_] => Err(DeliveryError::OtherKind),
        several => Err(DeliveryError::SeveralRecipients {
            count: several.len(),
        }),
    }
}

#[derive(Serialize)]
struct DeliveryOut<'a> {
    format: &'static str,
    rehearsal: bool,
    purpose: &'static str,
    network: NetworkOut<'a>,
    node: &'a str,
    created: &'a str,
    keystore_password: bool,
    keys: Vec<KeyOut<'a>>,
    files: Vec<FileOut>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryIn {
    format: String,
    rehearsal: bool,
    purpose: String,
    network: Object<NetworkIn>,
    node: String,
    created: String,
    keystore_password: bool,
    keys: Vec<Object<KeyIn>>,
    files: Vec<Object<FileIn>>,
}
