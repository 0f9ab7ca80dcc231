//! What goes wrong with a token, by name. A module's own words are its function and code, nothing else.

use super::frame::FrameError;
use super::message::No;
use crate::refusal::Refuse;

/// Why a question to a token was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HsmFault {
    /// The child program is not there.
    #[error("{program} can't be started: {why}.")]
    ChildMissing {
        /// Its path.
        program: String,
        /// The system's reason.
        why: String,
    },
    /// The child ended.
    #[error(
        "The module crashed while it was asked to {doing} ({how}). Nothing but its own process ended."
    )]
    Crashed {
        /// What it was doing.
        doing: &'static str,
        /// Signal or exit code.
        how: String,
    },
    /// The child didn't answer in time and was ended.
    #[error("The module was asked to {doing} and did not answer within {seconds} s; it was ended.")]
    Hangs {
        /// What it was doing.
        doing: &'static str,
        /// The time given.
        seconds: u64,
    },
    /// What came back is no answer.
    #[error(
        "The module was asked to {doing} and answered with something that is no answer: {why}."
    )]
    Garbage {
        /// What it was doing.
        doing: &'static str,
        /// Why it is none.
        why: String,
    },
    /// The child refused.
    #[error("{}", said(*.no, .doing, .text))]
    Refused {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        no: No,
        /// Function and code.
        text: String,
    },
    /// No token fits.
    #[error("No token is there that fits {wanted}.")]
    NoToken {
        /// The URI.
        wanted: String,
    },
    /// Several tokens fit.
    #[error("{count} tokens fit {wanted}; their serial numbers tell them apart.")]
    Ambiguous {
        /// The URI.
        wanted: String,
        /// How many.
        count: usize,
    },
    /// The child could not give up what it doesn't need.
    #[error(
        "The child process that runs the module could not give up what it doesn't need: {what}."
    )]
    Unconfined {
        /// What.
        what: String,
    },
}

fn said(no: No, doing: &str, text: &str) -> String {
    match no {
        No::NotLoaded => format!("The module can't be loaded ({text})."),
        No::NoToken => "The token that was chosen is not in its slot any more.".into(),
        No::Removed => {
            format!("The token is gone: it was taken out while it was asked to {doing} ({text}).")
        }
        No::PinWrong => "The token refuses this PIN.".into(),
        No::PinLocked => "The token's PIN is locked.".into(),
        No::NotExtractable => "The token reports the object as not extractable.".into(),
        No::TrustedOnly => "Only a trusted wrapping key may take the object out.".into(),
        No::Sensitive => "The object's value is sensitive and is not read in the clear.".into(),
        No::NotOffered => format!("The token does not {doing} ({text})."),
        No::Exists => {
            "An object of this label and id lies in the token already; nothing is overwritten."
                .into()
        }
        No::Device => format!("The token was asked to {doing} and failed ({text})."),
    }
}

impl HsmFault {
    pub(super) fn garbage(doing: &'static str, error: FrameError) -> Self {
        Self::Garbage {
            doing,
            why: error.to_string(),
        }
    }

    /// The child's reason, where it gave one.
    pub fn no(&self) -> Option<No> {
        match self {
            Self::Refused { no, .. } => Some(*no),
            _ => None,
        }
    }
}

impl Refuse for HsmFault {
    fn name(&self) -> &'static str {
        match self {
            Self::ChildMissing { .. } => "hsm-child-missing",
            Self::Crashed { .. } => "hsm-module-crashed",
            Self::Hangs { .. } => "hsm-module-hangs",
            Self::Garbage { .. } => "hsm-module-garbage",
            Self::NoToken { .. } => "hsm-no-token",
            Self::Ambiguous { .. } => "hsm-token-ambiguous",
            Self::Unconfined { .. } => "hsm-child-unconfined",
            Self::Refused { no, .. } => match no {
                No::NotLoaded => "hsm-module-not-loaded",
                No::NoToken => "hsm-no-token",
                No::Removed => "hsm-token-removed",
                No::PinWrong => "hsm-pin-wrong",
                No::PinLocked => "hsm-pin-locked",
                No::NotExtractable => "hsm-not-extractable",
                No::TrustedOnly => "hsm-wrap-trusted-only",
                No::Sensitive | No::NotOffered => "hsm-not-offered",
                No::Exists => "hsm-object-exists",
                No::Device => "hsm-device",
            },
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::ChildMissing { .. } => {
                "Put qh-pkcs11 beside qh-ceremony, or name it in the device file (`program` under `[hsm]`)."
            }
            Self::Crashed { .. } | Self::Hangs { .. } => {
                "Take the token out and put it in again, then try once more; if it comes again, use another version of the vendor's module."
            }
            Self::Garbage { .. } => {
                "Nothing of the answer was used. Try once more; if it comes again, don't trust this module: use another version of it."
            }
            Self::NoToken { .. } => {
                "Plug the token in, and look whether script or device file name the right one."
            }
            Self::Ambiguous { .. } => {
                "Take the other tokens out, or name the serial number in the URI (serial=...)."
            }
            Self::Unconfined { .. } => {
                "Start the program as root on the ceremony image, then try once more."
            }
            Self::Refused { no, .. } => match no {
                No::NotLoaded => {
                    "Look at the module's path and at what the vendor says it needs (docs/hsm.md), then choose it again."
                }
                No::NoToken | No::Removed => {
                    "Put the token in again, then choose it once more. Nothing was changed by this."
                }
                No::PinWrong => "Type the PIN again. A token locks itself after a few wrong ones.",
                No::PinLocked => {
                    "Its security officer unlocks it with the vendor's tool, or take another token."
                }
                No::NotExtractable | No::TrustedOnly => {
                    "Back this key up by the vendor's own token-to-token means (docs/hsm.md), or go on without it."
                }
                No::Sensitive | No::NotOffered => {
                    "Go on without this object, or use a token that offers it (docs/hsm.md)."
                }
                No::Exists => "Take an empty token, or one that does not hold this key yet.",
                No::Device => "Take the token out and put it in again, then try once more.",
            },
        }
    }
}
