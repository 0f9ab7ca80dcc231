//! The world of a rehearsal: a generated keystore, the chain that knows it, people, media. Nothing here is real.

use std::collections::BTreeSet;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use fips205::slh_dsa_shake_256f;
use fips205::traits::{KeyGen, SerDes};
use zeroize::Zeroizing;

use super::driver::random32;
use crate::ceremony::event::Refused;
use crate::files::{self, refused};
use crate::vault::keystore::file_name;
use crate::vault::registered::{
    self, Account, Place, Registered, RegisteredKey, Source, SourceKind,
};
use crate::vault::schemes::{KeyType, ed25519, sr25519};

/// Where the parts of a rehearsal lie.
pub struct World {
    /// The directory given with `--out`.
    pub out: PathBuf,
}

impl World {
    /// The generated keystore.
    pub fn source(&self) -> PathBuf {
        self.out.join("keystore-source")
    }

    /// Where recovery writes.
    pub fn recovered(&self) -> PathBuf {
        self.out.join("keystore-recovered")
    }

    /// The registered keys.
    pub fn registered(&self) -> PathBuf {
        self.out.join("registered.json")
    }

    /// The directory that plays a medium.
    pub fn medium(&self, number: u8) -> PathBuf {
        self.out.join("media").join(number.to_string())
    }

    /// Makes keystore, registered keys and media, unless they are there.
    ///
    /// # Errors
    /// What can't be written, by path.
    pub fn build(&self, media: u8) -> Result<(), Refused> {
        for number in 1..=media {
            files::make_dir(&self.medium(number))?;
        }
        if self.registered().exists() {
            return Ok(());
        }
        files::make_dir(&self.source())?;
        let mut keys = vec![];
        for (key_type, public, text) in generate()? {
            let content = Zeroizing::new(format!("\"{}\"", text.as_str()));
            files::write(
                &self.source().join(file_name(key_type, &public)),
                content.as_bytes(),
            )?;
            keys.push(RegisteredKey {
                key_type,
                public,
                account: Some(Account([7; 32])),
                found_in: BTreeSet::from([Place::NextKeys]),
            });
        }
        let registered = Registered {
            chain_id: "rehearsal".into(),
            genesis_hash: Some([0x11; 32]),
            block_number: 1,
            block_hash: Some([0x22; 32]),
            rehearsal: true,
            sources: vec![Source {
                kind: SourceKind::Rpc,
                name: "a rehearsal's simulated node".into(),
                genesis_state: false,
            }],
            keys,
        };
        files::write(&self.registered(), registered::emit(&registered).as_bytes())
    }
}

/// Key type, public key, and the text of the key file.
type Generated = (KeyType, Vec<u8>, Zeroizing<String>);

/// One key of each world: SPHINCS+ as today's chain has it, ed25519 and sr25519 as stock Substrate has them.
fn generate() -> Result<Vec<Generated>, Refused> {
    let failed = |_| {
        refused(
            "no-randomness",
            "The operating system gives no randomness.",
            "Restart.",
        )
    };
    let parts: Vec<_> = (0..3)
        .map(|_| random32())
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let (public, secret) = slh_dsa_shake_256f::KG::keygen_from_seed(
        parts[0].expose(),
        parts[1].expose(),
        parts[2].expose(),
    );
    let secret = Zeroizing::new(secret.into_bytes());
    let aura = Zeroizing::new(format!("0x{}", HEXLOWER.encode(&*secret)));
    let mut keys = vec![(KeyType::AURA, public.into_bytes().to_vec(), aura)];
    for name in ["gran", "babe"] {
        let seed = random32().map_err(failed)?;
        let text = Zeroizing::new(format!("0x{}", HEXLOWER.encode(seed.expose())));
        let public = match name {
            "gran" => ed25519::public_of(&text, None),
            _ => sr25519::public_of(&text, None),
        }
        .map_err(|fault| files::from_error(&fault))?;
        let Some(key_type) = KeyType::parse(name) else {
            continue;
        };
        keys.push((key_type, public.to_vec(), text));
    }
    Ok(keys)
}
