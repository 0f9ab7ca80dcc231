//! One chunk of one file as an object: packed where that pays, then sealed.
//!
//! Its name is HMAC-SHA-256(epoch key, SHA-256 of the plain chunk): who doesn't have the key can't tell which content an
//! object has, nor place one that we would take for ours.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::online::engine::Engine;
use crate::transcript::hex::{Hash, Hex};
use crate::vault::object::{Identities, Unopened, seal};
use crate::vault::recipient::Recipient;

/// Largest chunk that a manifest may name, in bytes.
pub const MAX_CHUNK: u64 = 64 * 1024 * 1024;

/// Compression level of zstd, the one that the requirements' own pipe has.
const LEVEL: i32 = 3;

/// Bytes at three places of a chunk that are packed to see whether packing pays.
const PROBE: usize = 64 * 1024;

/// How a chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// As it is: it hardly gets smaller.
    Stored,
    /// One zstd frame.
    Zstd,
}

/// Size of the chunks that files of this engine are cut in, in bytes (docs/snapshots.md has the measurement).
pub const fn chunk_bytes(engine: Engine) -> u64 {
    match engine {
        // Tables are written once, and are as large as 64 MiB.
        Engine::RocksDb => 8 * 1024 * 1024,
        // Tables change in place: small chunks, so that a small change ships little.
        Engine::ParityDb => 1024 * 1024,
    }
}

/// The object's name for a chunk with this hash.
pub fn name(epoch_key: &[u8; 32], plain: &Hash) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(epoch_key).expect("HMAC takes any key");
    mac.update(&plain.0);
    Hex::<32>(mac.finalize().into_bytes().into()).to_string()
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hex(Sha256::digest(bytes).into())
}

/// Packs and seals chunks, with buffers of its own. One a thread.
pub struct Packer<'a> {
    recipients: &'a [Recipient],
    zstd: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
    /// The last object.
    pub sealed: Vec<u8>,
}

impl<'a> Packer<'a> {
    /// For these recipients; chunks have at most `chunk` bytes.
    ///
    /// # Errors
    /// If zstd has no memory.
    pub fn new(recipients: &'a [Recipient], chunk: usize) -> std::io::Result<Self> {
        Ok(Self {
            recipients,
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
            packed: Vec::new(),
            sealed: Vec::with_capacity(chunk + 64 * 1024),
        })
    }

    /// Makes the object of `plain` in [`Packer::sealed`].
    pub fn pack(&mut self, plain: &[u8]) -> Codec {
        if self.pays(plain) {
            self.packed
                .resize(zstd::zstd_safe::compress_bound(plain.len()), 0);
            if let Ok(length) = self.zstd.compress_to_buffer(plain, &mut self.packed[..])
                && length < plain.len()
            {
                seal(self.recipients, &self.packed[..length], &mut self.sealed);
                return Codec::Zstd;
            }
        }
        seal(self.recipients, plain, &mut self.sealed);
        Codec::Stored
    }

    /// Whether samples get smaller by a twentieth at least.
    fn pays(&mut self, plain: &[u8]) -> bool {
        let mut sample = [0; 3 * PROBE];
        let sample: &[u8] = if plain.len() <= sample.len() {
            plain
        } else {
            let places = [0, plain.len() / 2, plain.len() - PROBE];
            for (part, at) in sample.chunks_exact_mut(PROBE).zip(places) {
                part.copy_from_slice(&plain[at..at + PROBE]);
            }
            &sample
        };
        self.packed
            .resize(zstd::zstd_safe::compress_bound(sample.len()), 0);
        self.zstd
            .compress_to_buffer(sample, &mut self.packed[..])
            .is_ok_and(|length| length < sample.len() - sample.len() / 20)
    }
}

/// Opens objects, with buffers of its own. One a thread.
pub struct Opener<'a> {
    identities: &'a Identities,
    zstd: zstd::bulk::Decompressor<'static>,
    opened: Vec<u8>,
    plain: Vec<u8>,
}

impl<'a> Opener<'a> {
    /// With these identities.
    ///
    /// # Errors
    /// If zstd has no memory.
    pub fn new(identities: &'a Identities) -> std::io::Result<Self> {
        Ok(Self {
            identities,
            zstd: zstd::bulk::Decompressor::new()?,
            opened: Vec::new(),
            plain: Vec::new(),
        })
    }

    /// The plain bytes of an object, `size` of them.
    ///
    /// # Errors
    /// [`Unopened`]; `Damaged` too if they are fewer.
    pub fn open(&mut self, sealed: &[u8], codec: Codec, size: u64) -> Result<&[u8], Unopened> {
        let length = usize::try_from(size).map_err(|_| Unopened::TooLong)?;
        // A frame of zstd is never longer than its bound, and an object never holds more than that.
        let limit = zstd::zstd_safe::compress_bound(length) as u64;
        self.identities.open(sealed, limit, &mut self.opened)?;
        let plain = match codec {
            Codec::Stored => &self.opened[..],
            Codec::Zstd => {
                self.plain.resize(length, 0);
                let unpacked = self
                    .zstd
                    .decompress_to_buffer(&self.opened, &mut self.plain[..])
                    .map_err(|_| Unopened::Damaged)?;
                &self.plain[..unpacked]
            }
        };
        if plain.len() == length {
            Ok(plain)
        } else {
            Err(Unopened::Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_opens_and_packing_is_done_where_it_pays() {
        let (own, _) = Identities::generate();
        let to = [Recipient::parse(&own.recipients()[0]).unwrap()];
        let mut packer = Packer::new(&to, 1 << 20).unwrap();
        let mut opener = Opener::new(&own).unwrap();
        let mut random = vec![0; 700_000];
        getrandom::fill(&mut random).unwrap();
        let zeros = vec![0; 1 << 20];
        for (plain, codec) in [
            (&random[..], Codec::Stored),
            (&zeros, Codec::Zstd),
            (b"", Codec::Stored),
            (b"x", Codec::Stored),
        ] {
            assert_eq!(packer.pack(plain), codec);
            let size = plain.len() as u64;
            assert_eq!(opener.open(&packer.sealed, codec, size), Ok(plain));
            assert_eq!(
                opener.open(&packer.sealed, codec, size + 1),
                Err(Unopened::Damaged)
            );
        }
        assert_eq!(packer.pack(&zeros), Codec::Zstd);
        assert!(packer.sealed.len() < 1024);
        assert!(opener.open(&packer.sealed, Codec::Zstd, 1 << 19).is_err());
    }

    #[test]
    fn a_name_tells_nothing_without_the_key() {
        let named = name(&[0; 32], &sha256(b""));
        // Python: hmac.new(bytes(32), hashlib.sha256(b"").digest(), "sha256").hexdigest()
        let expected = "af7220c93e5c02736bfc91499f00b1e2c939dda1e12f88e43e898489c94db4a5";
        assert_eq!(named, expected);
        assert_ne!(named, name(&[1; 32], &sha256(b"")));
        assert_ne!(named, name(&[0; 32], &sha256(b"x")));
    }
}
