//! What the core asks the driver to do. Effects name slots and files, never contents.

use super::policy::{Cipher, Slot};
use serde::{Deserialize, Serialize};

/// Where key material comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A keystore directory, or the chain directory around it.
    Keystore,
    /// A `qh-delivery/1` file sealed to this ceremony's recipient.
    Delivery,
    /// A PKCS#11 token.
    Hsm,
}

/// Where recovered keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The keystore's final place.
    Keystore,
    /// A `qh-delivery/1` file sealed to the host's recipient.
    Delivery,
    /// Bare key files on a medium: an exception.
    Medium,
    /// A PKCS#11 token.
    Hsm,
}

/// What public keys are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// A `qh-registered/1` file.
    Registered,
    /// A raw chain spec: genesis state.
    ChainSpec,
    /// Nothing on the chain yet: two people read the key out.
    ReadOut,
}

/// How a share gets onto paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    /// A rehearsal's simulated printer, which writes PNG and PDF.
    Simulated,
    /// A printed blank form, written by hand.
    Handwriting,
    /// PNG and PDF files: an exception in production.
    Files,
}

/// One piece of work for the driver. Each ends in exactly one [`super::event::Outcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Look at network, radios, swap, dumps, memory.
    CheckMachine,
    /// Make the one-time recipient of this ceremony.
    MakeRecipient,
    /// List the PKCS#11 modules that may be loaded; none is.
    ListModules {
        /// The token's URI in the script; empty for none.
        named: String,
    },
    /// Load a module and list its tokens.
    ListTokens {
        /// The module's path.
        module: String,
        /// The token's URI in the script; empty for none.
        named: String,
    },
    /// List the public side of a key source.
    InspectSource {
        /// Which kind of source.
        source: Source,
        /// Directory, file, or a token's URI.
        path: String,
    },
    /// Read and prove every key.
    ReadKeys {
        /// Which kind of source.
        source: Source,
        /// Directory, file, or a token's URI.
        path: String,
        /// The node's name, for the bundle.
        node: String,
        /// Whether a keystore password was typed.
        password: bool,
        /// Whether a signed exception lets unprovable keys in.
        allow_unproven: bool,
    },
    /// Compare public keys with the registered validator.
    MatchKeys {
        /// Bundle or opened keys.
        from: Slot,
        /// What to compare with.
        against: Against,
        /// The file; empty for [`Against::ReadOut`].
        path: String,
    },
    /// Mix dice and operating-system randomness into the pool.
    DrawEntropy,
    /// Seal the bundle.
    Seal {
        /// How.
        cipher: Cipher,
        /// Threshold, for the header.
        k: u8,
        /// Sheets, for the header.
        n: u8,
    },
    /// Split the secret.
    Split {
        /// Threshold.
        k: u8,
        /// Sheets.
        n: u8,
    },
    /// Put one share on paper.
    PrintSheet {
        /// Serial number of the sheet in this ceremony, from 1.
        number: u32,
        /// Whose, from 1; also its x.
        custodian: u8,
        /// How.
        paper: Paper,
    },
    /// Prove that all scanned sheets lie on one polynomial and that subsets give the key check.
    ProveSheets {
        /// Threshold.
        k: u8,
    },
    /// Open the sealed file with the scanned shares alone.
    Open,
    /// Write a copy of the sealed file.
    WriteCopy {
        /// Which copy, from 1.
        copy: u8,
        /// Directory on the medium.
        path: String,
    },
    /// See that the medium is gone.
    SeeUnplugged {
        /// Which copy, from 1.
        copy: u8,
        /// Directory on the medium.
        path: String,
    },
    /// Read the copy back past the cache and hash it.
    VerifyCopy {
        /// Which copy, from 1.
        copy: u8,
        /// Directory on the medium.
        path: String,
    },
    /// Read a sealed file's public header, and the record where there is one.
    LoadSealed {
        /// The sealed file.
        path: String,
        /// The record; empty for none.
        record: String,
    },
    /// Read a record.
    LoadRecord {
        /// The record.
        path: String,
    },
    /// Turn the entered shares into a quorum by the key check.
    Validate,
    /// Write keys, list back, compare.
    WriteKeys {
        /// Where to.
        target: Target,
        /// Directory, file, or a token's URI.
        path: String,
        /// `uid:gid`, or empty to leave the owner.
        owner: String,
        /// The host's recipient; empty unless the target is a delivery.
        recipient: String,
        /// Whether keys in a token may be exported from it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        extractable: bool,
        /// Only say what would be written.
        dry: bool,
    },
    /// Wipe entered shares, because a pause grew too long.
    WipeShares,
    /// Wipe every slot and search memory.
    Wipe,
    /// Write record and annex.
    WriteRecord,
    /// Close, sign and certify.
    Close,
}

impl Effect {
    /// What the screen says while it runs, and how long it may take.
    pub fn progress(&self) -> &'static str {
        match self {
            Effect::CheckMachine => "Looking at network, radios, swap and memory (a second).",
            Effect::MakeRecipient => "Making this ceremony's recipient (a second).",
            Effect::ListModules { .. } => "Listing the PKCS#11 modules (a second).",
            Effect::ListTokens { .. } => {
                "Loading the module, listing its tokens (half a minute at most)."
            }
            Effect::InspectSource {
                source: Source::Hsm,
                ..
            } => "Opening the token, listing its objects (half a minute at most).",
            Effect::InspectSource { .. } => "Listing the key source (a second).",
            Effect::ReadKeys {
                source: Source::Hsm,
                ..
            } => "Exporting and proving each key (up to a minute).",
            Effect::ReadKeys { .. } => "Reading and proving each key (a few seconds).",
            Effect::MatchKeys { .. } => "Comparing with the registered validator (a few seconds).",
            Effect::DrawEntropy => "Mixing randomness (a second).",
            Effect::Seal { .. } => "Sealing (up to half a minute on a slow laptop).",
            Effect::Split { .. } => "Splitting the secret (a second).",
            Effect::PrintSheet { .. } => "Laying out the sheet (a few seconds).",
            Effect::ProveSheets { .. } => {
                "Proving that every set of sheets recovers (a few seconds)."
            }
            Effect::Open => "Opening with the shares alone (up to half a minute).",
            Effect::WriteCopy { .. } => "Writing and syncing the copy (up to a minute).",
            Effect::SeeUnplugged { .. } => "Looking whether the medium is gone (a second).",
            Effect::VerifyCopy { .. } => "Reading the copy back past the cache (up to a minute).",
            Effect::LoadSealed { .. } => "Reading the sealed file's public header (a second).",
            Effect::LoadRecord { .. } => "Reading the record (a second).",
            Effect::Validate => "Checking the shares against the key check (a few seconds).",
            Effect::WriteKeys { dry: true, .. } => "Looking at the place (a second).",
            Effect::WriteKeys {
                target: Target::Hsm,
                ..
            } => "Writing, reading back, signing a challenge (up to a minute).",
            Effect::WriteKeys { .. } => "Writing, listing back and comparing (a few seconds).",
            Effect::WipeShares => "Wiping entered shares (a second).",
            Effect::Wipe => "Wiping, and searching memory for what should be gone (some seconds).",
            Effect::WriteRecord => "Writing the record (a second).",
            Effect::Close => "Closing and signing (a few seconds).",
        }
    }
}
