//! The ceremony's signature over its closed transcript.
//!
//! The key is made for one ceremony, its public half stands in entry 0, and it is wiped after its one signature.
//! The signature is SSH's (`PROTOCOL.sshsig` of OpenSSH): ed25519, SHA-512, namespace `qh-ceremony`, armoured, so that
//! `ssh-keygen -Y verify` checks it without any software of ours.

use ed25519_dalek::{Signer, SigningKey};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

use super::visible::visible_short;
use crate::refusal::Refuse;
use crate::secret::Secret32;

/// The namespace of all signatures over ceremony transcripts.
pub const NAMESPACE: &str = "qh-ceremony";

/// The longest signature file and public key that are read, in bytes.
pub const MAX_SIGNATURE: usize = 8 * 1024;

/// The signing key of one ceremony, an ed25519 seed.
pub struct CeremonyKey(Secret32);

/// Why a signature or a public key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The public key is no OpenSSH ed25519 key.
    #[error("The ceremony key is not an ed25519 public key in OpenSSH's form.")]
    BadKey,
    /// The text is no SSH signature.
    #[error("The signature is not an armoured SSH signature.")]
    Malformed,
    /// Made by another key.
    #[error("The signature was made by another key than the ceremony's.")]
    OtherKey,
    /// Made for another purpose.
    #[error("The signature was made for the namespace \"{found}\", not for \"{asked}\".")]
    OtherNamespace {
        /// The signature's.
        found: String,
        /// The one that counts here.
        asked: &'static str,
    },
    /// The file is not the one that was signed.
    #[error(
        "The signature is of other bytes: the file was changed after it was signed, or it is another file."
    )]
    Mismatch,
}

impl Refuse for SignatureFault {
    fn name(&self) -> &'static str {
        match self {
            Self::BadKey => "signature-bad-key",
            Self::Malformed => "signature-malformed",
            Self::OtherKey => "signature-other-key",
            Self::OtherNamespace { .. } => "signature-other-namespace",
            Self::Mismatch => "signature-mismatch",
        }
    }

    fn way_on(&self) -> &'static str {
        "Check that the signature belongs to this file; if it does, ask another holder for transcript and signature."
    }
}

impl CeremonyKey {
    /// The key of `seed` (RFC 8032 private key, 32 bytes).
    pub fn from_seed(seed: &Secret32) -> Self {
        Self(Secret32::init_with(|own| {
            own.copy_from_slice(seed.expose())
        }))
    }

    /// The public key as OpenSSH writes it, without comment: `ssh-ed25519 AAAA...`.
    pub fn public_openssh(&self) -> String {
        let key = PublicKey::new(public(&self.expanded()), "");
        key.to_openssh().expect("an ed25519 key always encodes")
    }

    /// The armoured signature of `bytes`, ending in LF: the content of `FILE.sig`.
    pub fn sign(&self, bytes: &[u8]) -> String {
        self.sign_for(NAMESPACE, bytes)
    }

    /// As [`CeremonyKey::sign`], for another purpose than a ceremony's transcript.
    ///
    /// # Panics
    /// For an empty namespace.
    pub fn sign_for(&self, namespace: &str, bytes: &[u8]) -> String {
        let key = self.expanded();
        let signed = SshSig::signed_data(namespace, HashAlg::Sha512, bytes)
            .expect("the namespace is not empty");
        let signature = Signature::new(Algorithm::Ed25519, key.sign(&signed).to_vec())
            .expect("an ed25519 signature has 64 bytes");
        let signature = SshSig::new(public(&key), namespace, HashAlg::Sha512, signature)
            .expect("the namespace is not empty");
        let mut text = signature
            .to_pem(LineEnding::LF)
            .expect("a short signature always encodes");
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// The expanded key; it wipes itself when dropped.
    fn expanded(&self) -> SigningKey {
        SigningKey::from_bytes(self.0.expose())
    }
}

fn public(key: &SigningKey) -> KeyData {
    KeyData::Ed25519(Ed25519PublicKey(key.verifying_key().to_bytes()))
}

/// Checks that `armored` is the signature of `bytes` by the key `public` for [`NAMESPACE`].
///
/// # Errors
/// [`SignatureFault`], for the first thing that is wrong.
pub fn verify_signature(bytes: &[u8], armored: &str, public: &str) -> Result<(), SignatureFault> {
    verify_for(NAMESPACE, bytes, armored, public)
}

/// As [`verify_signature`], for another namespace.
///
/// # Errors
/// [`SignatureFault`], for the first thing that is wrong.
pub fn verify_for(
    namespace: &'static str,
    bytes: &[u8],
    armored: &str,
    public: &str,
) -> Result<(), SignatureFault> {
    let key = public_key(public)?;
    if armored.len() > MAX_SIGNATURE {
        return Err(SignatureFault::Malformed);
    }
    let signature = SshSig::from_pem(armored).map_err(|_| SignatureFault::Malformed)?;
    if signature.version() != SshSig::VERSION || signature.hash_alg() != HashAlg::Sha512 {
        return Err(SignatureFault::Malformed);
    }
    if signature.public_key() != key.key_data() {
        return Err(SignatureFault::OtherKey);
    }
    if signature.namespace() != namespace {
        return Err(SignatureFault::OtherNamespace {
            found: visible_short(signature.namespace(), 60),
            asked: namespace,
        });
    }
    key.verify(namespace, bytes, &signature)
        .map_err(|_| SignatureFault::Mismatch)
}

/// The fingerprint of an OpenSSH public key, `SHA256:...` as `ssh-keygen -l` shows it.
///
/// # Errors
/// [`SignatureFault::BadKey`].
pub fn fingerprint(public: &str) -> Result<String, SignatureFault> {
    Ok(public_key(public)?.fingerprint(HashAlg::Sha256).to_string())
}

fn public_key(text: &str) -> Result<PublicKey, SignatureFault> {
    if text.len() > MAX_SIGNATURE {
        return Err(SignatureFault::BadKey);
    }
    let key = PublicKey::from_openssh(text).map_err(|_| SignatureFault::BadKey)?;
    match key.key_data() {
        // One spelling: no comment, no other white space.
        KeyData::Ed25519(_)
            if key.comment().is_empty() && key.to_openssh().is_ok_and(|own| own == text) =>
        {
            Ok(key)
        }
        _ => Err(SignatureFault::BadKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> CeremonyKey {
        CeremonyKey::from_seed(&Secret32::init_with(|seed| seed.fill(byte)))
    }

    static_assertions::assert_not_impl_any!(CeremonyKey: std::fmt::Debug, Clone, serde::Serialize);

    #[test]
    fn public_key_is_that_of_rfc_8032() {
        // RFC 8032, 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: crate::transcript::hex::Hash = seed.parse().unwrap();
        let key = CeremonyKey::from_seed(&Secret32::from_slice(&seed.0).unwrap());
        let parsed = public_key(&key.public_openssh()).unwrap();
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let bytes = parsed.key_data().ed25519().unwrap().0;
        assert_eq!(super::super::hex::Hex(bytes).to_string(), expected);
    }

    #[test]
    fn signature_is_of_this_file_by_this_key_for_this_purpose() {
        let (own, public) = (key(1), key(1).public_openssh());
        let signature = own.sign(b"lines");
        assert!(signature.starts_with("-----BEGIN SSH SIGNATURE-----\n"));
        assert!(signature.ends_with("-----END SSH SIGNATURE-----\n"));
        let check = |bytes: &[u8], text: &str| verify_signature(bytes, text, &public);
        assert_eq!(check(b"lines", &signature), Ok(()));
        assert_eq!(check(b"linez", &signature), Err(SignatureFault::Mismatch));
        assert_eq!(
            check(b"lines", &key(2).sign(b"lines")),
            Err(SignatureFault::OtherKey)
        );
        let other = own.sign_for("file", b"lines");
        assert_eq!(
            check(b"lines", &other),
            Err(SignatureFault::OtherNamespace {
                found: "file".into(),
                asked: NAMESPACE
            })
        );
        for bad in ["", "x", &signature[..100], &"A".repeat(9000)] {
            assert_eq!(check(b"lines", bad), Err(SignatureFault::Malformed));
        }
        let trailing = format!("{signature}more");
        assert_eq!(check(b"lines", &trailing), Err(SignatureFault::Malformed));
    }

    #[test]
    fn only_a_bare_ed25519_key_is_a_ceremony_key() {
        let good = key(1).public_openssh();
        assert!(fingerprint(&good).unwrap().starts_with("SHA256:"));
        for bad in [
            format!("{good} comment"),
            format!("{good}\n"),
            "ssh-rsa AAAA".into(),
            String::new(),
        ] {
            assert_eq!(fingerprint(&bad), Err(SignatureFault::BadKey), "{bad}");
        }
    }
}
