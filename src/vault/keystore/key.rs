use crate::secret::{SecretBytes, SecretText};
use crate::vault::schemes::{self, KeyType, PairFault, Scheme};

/// A key as a file or bundle presents it. Nothing about it is proven.
pub struct KeyClaim {
    /// Key type.
    pub key_type: KeyType,
    /// Public key, raw bytes.
    pub public: Vec<u8>,
    /// The secret, as it stands between the quotes of a keystore file (unescaped).
    pub secret_text: SecretBytes,
    /// Where it came from, for people: a file name, never a secret.
    pub source: String,
}

/// A key whose secret gives its public key. Exists only when that was computed.
pub struct ProvenKey {
    claim: KeyClaim,
    scheme: Scheme,
}

/// A key whose type no known scheme can prove. Sealed or written only by an exception that two people sign.
pub struct UnprovableKey {
    claim: KeyClaim,
}

/// What [`KeyClaim::prove`] gives instead of a proven key.
pub enum NotProven {
    /// No known scheme fits; the key itself, for an exception.
    Unprovable(UnprovableKey),
    /// The pair is wrong or damaged; it is never excepted.
    Wrong(PairFault),
}

impl KeyClaim {
    /// Proves the pair. `password` is the keystore password, if the node has one.
    ///
    /// # Errors
    /// [`NotProven`]; the secret of a wrong pair is wiped.
    pub fn prove(self, password: Option<&SecretText>) -> Result<ProvenKey, NotProven> {
        match schemes::prove(self.key_type, &self.public, &self.secret_text, password) {
            Ok(scheme) => Ok(ProvenKey {
                claim: self,
                scheme,
            }),
            Err(PairFault::Unprovable { .. }) => {
                Err(NotProven::Unprovable(UnprovableKey { claim: self }))
            }
            Err(fault) => Err(NotProven::Wrong(fault)),
        }
    }
}

impl NotProven {
    /// The fault, in both cases.
    pub fn fault(&self) -> PairFault {
        match self {
            Self::Wrong(fault) => fault.clone(),
            Self::Unprovable(key) => key.fault(),
        }
    }
}

impl ProvenKey {
    /// The scheme under which the pair is proven.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Gives up the proof, e.g. to put the key into a bundle.
    pub fn into_claim(self) -> KeyClaim {
        self.claim
    }
}

macro_rules! claim_accessors {
    ($type:ty) => {
        impl $type {
            /// Key type.
            pub fn key_type(&self) -> KeyType {
                self.claim.key_type
            }

            /// Public key, raw bytes.
            pub fn public(&self) -> &[u8] {
                &self.claim.public
            }

            /// The secret, as it stands between the quotes of a keystore file (unescaped).
            pub fn secret_text(&self) -> &SecretBytes {
                &self.claim.secret_text
            }

            /// Where it came from, for people.
            pub fn source(&self) -> &str {
                &self.claim.source
            }
        }
    };
}

claim_accessors!(ProvenKey);
claim_accessors!(UnprovableKey);

impl UnprovableKey {
    /// Why it is not proven.
    pub fn fault(&self) -> PairFault {
        let (key_type, public_len) = (self.key_type(), self.public().len());
        PairFault::Unprovable {
            key_type,
            public_len,
        }
    }

    /// Gives up the marking, e.g. to put the key into a bundle.
    pub fn into_claim(self) -> KeyClaim {
        self.claim
    }
}
