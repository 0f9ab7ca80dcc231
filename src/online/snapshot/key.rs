//! This host's signing key: `host_key` in the state directory, an ed25519 key as OpenSSH writes it, and `host_key.pub`.
//!
//! A host signs heads of snapshots with it (namespace `qh-snapshot`), a verifier its attestations (`qh-snapshot-good`).
//! Which key counts for which is said by the trust file alone.

use std::path::{Path, PathBuf};

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::secret::Secret32;
use crate::transcript::sign::CeremonyKey;

/// Namespace of signatures over heads of snapshots.
pub const HEADS: &str = "qh-snapshot";
/// Namespace of signatures over attestations.
pub const ATTESTATIONS: &str = "qh-snapshot-good";

/// The key's name in the state directory.
pub const KEY_FILE: &str = "host_key";

/// Longest key file that is read, in bytes.
const MAX_KEY: usize = 8 * 1024;

/// The host's signing key.
pub struct HostKey(CeremonyKey);

impl HostKey {
    /// Reads the key, or makes it, with its public half beside it for the trust file of those who restore.
    ///
    /// # Errors
    /// `file-not-private`, `host-key-malformed`, `file-not-written`.
    pub fn open_or_make(state: &Path, comment: &str) -> Result<Self, Refused> {
        let path = state.join(KEY_FILE);
        if path.symlink_metadata().is_err() {
            make(&path, comment)?;
        }
        let bytes = files::read_private(&path, MAX_KEY)?;
        let malformed = || {
            refused(
                "host-key-malformed",
                format!(
                    "{} is not an ed25519 key without a passphrase, as OpenSSH writes it.",
                    path.display()
                ),
                "Put the key back; or move it away to have a new one made, and give its public half to those who restore.",
            )
        };
        let key = PrivateKey::from_openssh(&bytes[..]).map_err(|_| malformed())?;
        let KeypairData::Ed25519(pair) = key.key_data() else {
            return Err(malformed());
        };
        let seed = Secret32::init_with(|seed| seed.copy_from_slice(pair.private.as_ref()));
        let own = Self(CeremonyKey::from_seed(&seed));
        // The public half may be absent after a power cut; it is made anew from what counts.
        let public = public_file(&path);
        let line = format!("{} {comment}\n", own.public());
        if !public.exists() {
            files::write(&public, line.as_bytes())?;
            use std::os::unix::fs::PermissionsExt;
            let open = std::fs::Permissions::from_mode(0o644);
            let _ = std::fs::set_permissions(&public, open); // for people's convenience alone
        }
        Ok(own)
    }

    /// `ssh-ed25519 AAAA...`
    pub fn public(&self) -> String {
        self.0.public_openssh()
    }

    /// An armoured SSH signature of `bytes` for one of the two namespaces.
    pub fn sign(&self, namespace: &'static str, bytes: &[u8]) -> String {
        self.0.sign_for(namespace, bytes)
    }
}

fn public_file(path: &Path) -> PathBuf {
    path.with_extension("pub")
}

fn make(path: &Path, comment: &str) -> Result<(), Refused> {
    let mut filled = true;
    let seed = Secret32::init_with(|seed| filled = getrandom::fill(seed).is_ok());
    let none = || {
        refused(
            "no-randomness",
            "The system gives no random bytes.",
            "Wait until it has started up, and try again.",
        )
    };
    if !filled {
        return Err(none());
    }
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(seed.expose()));
    let text = PrivateKey::new(pair, comment)
        .and_then(|key| key.to_openssh(LineEnding::LF))
        .map_err(|_| none())?;
    files::write_new(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::sign::verify_for;

    static_assertions::assert_not_impl_any!(HostKey: std::fmt::Debug, Clone);

    #[test]
    fn the_key_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let one = HostKey::open_or_make(dir.path(), "node-1").unwrap();
        let two = HostKey::open_or_make(dir.path(), "node-1").unwrap();
        assert_eq!(one.public(), two.public());
        let public = std::fs::read_to_string(dir.path().join("host_key.pub")).unwrap();
        assert_eq!(public, format!("{} node-1\n", one.public()));
        let signature = one.sign(HEADS, b"head");
        assert_eq!(
            verify_for(HEADS, b"head", &signature, &two.public()),
            Ok(())
        );
        assert!(verify_for(ATTESTATIONS, b"head", &signature, &two.public()).is_err());
        std::fs::write(
            dir.path().join(KEY_FILE),
            b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
        )
        .unwrap();
        let fault = HostKey::open_or_make(dir.path(), "node-1").err().unwrap();
        assert_eq!(fault.name, "host-key-malformed");
    }
}
