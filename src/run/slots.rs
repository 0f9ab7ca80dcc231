//! The locker: the driver's secrets, each slot of the ceremony as the type that it really is. Nothing here is `Debug` or `Clone`.

use std::collections::BTreeMap;

use crate::ceremony::policy::Label;
use crate::secret::entropy::Pool;
use crate::secret::pin::PinHash;
use crate::secret::{Secret32, SecretBytes, SecretText};
use crate::share::quorum::{Quorum, UntrustedQuorum};
use crate::share::wire::Share;
use crate::transcript::sign::CeremonyKey;
use crate::vault::bundle::Bundle;
use crate::vault::gather::ProvenAll;
use crate::vault::recipient::OneTimeRecipient;

/// Keys as opened from the sealed file, each pair proven anew.
pub struct Opened {
    /// The proven pairs; unproven those that an exception let into the backup.
    pub proven: ProvenAll,
    /// The bundle that they came from, for a delivery.
    pub bundle: Bundle,
}

/// Everything that must not leave memory.
pub struct Slots {
    /// Signs the closed transcript.
    pub ceremony_key: Option<CeremonyKey>,
    /// PINs of this boot.
    pub pins: BTreeMap<Label, PinHash>,
    /// Keystore password.
    pub password: Option<SecretText>,
    /// The chosen token's PIN, until the token has done what it was typed for.
    pub token_pin: Option<SecretText>,
    /// Random bytes of the token that the keys came from.
    pub token_random: Option<SecretBytes>,
    /// Dice rolls.
    pub dice: Option<SecretText>,
    /// This ceremony's recipient.
    pub identity: Option<OneTimeRecipient>,
    /// Exported keys.
    pub bundle: Option<Bundle>,
    /// What S, set id, nonce and coefficients come from.
    pub pool: Option<Pool>,
    /// S.
    pub secret: Option<Secret32>,
    /// Shares as split.
    pub shares: Vec<Share>,
    /// Shares as read from paper.
    pub scanned: Option<UntrustedQuorum>,
    /// Their proven secret.
    pub quorum: Option<Quorum>,
    /// Opened keys.
    pub opened: Option<Opened>,
}

impl Slots {
    /// Empty slots with a ceremony key.
    pub fn new(ceremony_key: CeremonyKey) -> Self {
        Self {
            ceremony_key: Some(ceremony_key),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            ceremony_key: None,
            pins: BTreeMap::new(),
            password: None,
            token_pin: None,
            token_random: None,
            dice: None,
            identity: None,
            bundle: None,
            pool: None,
            secret: None,
            shares: vec![],
            scanned: None,
            quorum: None,
            opened: None,
        }
    }

    /// Wipes everything but the PINs and the ceremony key, which the closing entries still need.
    pub fn wipe(&mut self) {
        let mut kept = Self::empty();
        kept.ceremony_key = self.ceremony_key.take();
        kept.pins = std::mem::take(&mut self.pins);
        *self = kept;
    }
}
