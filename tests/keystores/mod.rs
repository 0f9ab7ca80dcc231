//! Keystore directories made with keys of an independent implementation (PQClean, C), as a stock node writes them.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pqcrypto_sphincsplus::{sphincsshake256fsimple as f, sphincsshake256ssimple as s};
use pqcrypto_traits::sign::{PublicKey as _, SecretKey as _};

/// A key pair as raw bytes; test keys only.
pub struct Pair {
    pub public: Vec<u8>,
    pub secret: Vec<u8>,
}

/// An aura pair as the node makes it.
pub fn aura() -> Pair {
    let (public, secret) = f::keypair();
    Pair {
        public: public.as_bytes().to_vec(),
        secret: secret.as_bytes().to_vec(),
    }
}

/// A pair of the small variant: same sizes, of no use on the chain.
pub fn aura_256s() -> Pair {
    let (public, secret) = s::keypair();
    Pair {
        public: public.as_bytes().to_vec(),
        secret: secret.as_bytes().to_vec(),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A keystore directory in a temporary place.
pub struct Keystore {
    place: tempfile::TempDir,
}

impl Keystore {
    pub fn empty() -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(place.path().join("keystore")).expect("keystore directory");
        Self { place }
    }

    pub fn with(pairs: &[&Pair]) -> Self {
        let keystore = Self::empty();
        for pair in pairs {
            keystore.put_aura(&pair.public, &pair.secret);
        }
        keystore
    }

    pub fn dir(&self) -> PathBuf {
        self.place.path().join("keystore")
    }

    pub fn chain_dir(&self) -> &Path {
        self.place.path()
    }

    /// Writes a file with mode 0600.
    pub fn put(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.dir().join(name);
        fs::write(&path, content).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        path
    }

    /// Writes an aura key file as a stock node does.
    pub fn put_aura(&self, public: &[u8], secret: &[u8]) -> PathBuf {
        self.put(
            &aura_name(public),
            format!("\"0x{}\"", hex(secret)).as_bytes(),
        )
    }

    /// Everything in the directory: name and content, sorted.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        contents(&self.dir())
    }
}

pub fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .expect("list")
        .map(|entry| {
            let entry = entry.expect("entry");
            let name = entry.file_name().into_string().expect("ASCII name");
            (name, fs::read(entry.path()).expect("read"))
        })
        .collect();
    all.sort();
    all
}

pub fn aura_name(public: &[u8]) -> String {
    format!("61757261{}", hex(public))
}
