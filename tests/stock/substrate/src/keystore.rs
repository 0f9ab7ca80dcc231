//! `sc-keystore`, by the trait that a node uses.

use std::str::FromStr;

use sc_keystore::LocalKeystore;
use serde_json::json;
use sp_core::crypto::{ByteArray, KeyTypeId, Pair, SecretString};
use sp_core::{ecdsa, ed25519, sr25519};
use sp_keystore::Keystore;

use crate::Outcome;

/// The phrase of Substrate's development keys.
const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const MESSAGE: &[u8] = b"qh-ceremony";

const GRAN: KeyTypeId = KeyTypeId(*b"gran");
const BABE: KeyTypeId = KeyTypeId(*b"babe");
const BEEF: KeyTypeId = KeyTypeId(*b"beef");

/// Types that are listed by `read`, each with the scheme that a stock node gives it.
const TYPES: [(KeyTypeId, Scheme); 6] = [
    (GRAN, Scheme::Ed25519),
    (BABE, Scheme::Sr25519),
    (KeyTypeId(*b"aura"), Scheme::Sr25519),
    (KeyTypeId(*b"imon"), Scheme::Sr25519),
    (KeyTypeId(*b"audi"), Scheme::Sr25519),
    (BEEF, Scheme::Ecdsa),
];

#[derive(Clone, Copy)]
enum Scheme {
    Ed25519,
    Sr25519,
    Ecdsa,
}

fn open(dir: &str, password: Option<&str>) -> Result<LocalKeystore, Box<dyn std::error::Error>> {
    let password = password.map(|text| SecretString::from_str(text).expect("infallible"));
    Ok(LocalKeystore::open(dir, password)?)
}

pub fn write(dir: &str, password: Option<&str>) -> Outcome {
    let keystore = open(dir, password)?;
    let seed = format!("0x{}", "42".repeat(32));
    insert::<ed25519::Pair>(&keystore, GRAN, &format!("{PHRASE}//Alice"), password)?;
    insert::<ed25519::Pair>(&keystore, GRAN, &seed, password)?;
    insert::<sr25519::Pair>(
        &keystore,
        BABE,
        &format!("{PHRASE}//Alice//stash"),
        password,
    )?;
    insert::<sr25519::Pair>(&keystore, BABE, &format!("{PHRASE}//Bob/soft/7"), password)?;
    insert::<sr25519::Pair>(&keystore, BABE, &seed, password)?;
    insert::<sr25519::Pair>(&keystore, BABE, "//Charlie", password)?;
    // A password of its own, which the keystore's takes the place of.
    insert::<sr25519::Pair>(&keystore, BABE, &format!("{PHRASE}//Eve///own"), password)?;
    insert::<ecdsa::Pair>(&keystore, BEEF, &format!("{PHRASE}//Dave"), password)?;
    keystore.ed25519_generate_new(GRAN, None)?;
    keystore.sr25519_generate_new(BABE, None)?;
    keystore.ecdsa_generate_new(BEEF, None)?;
    Ok(())
}

/// As `author_insertKey` and the node's `key insert` do: the public key is made under the keystore's password.
fn insert<P: Pair>(
    keystore: &LocalKeystore,
    key_type: KeyTypeId,
    suri: &str,
    password: Option<&str>,
) -> Outcome {
    let pair = P::from_string(suri, password).map_err(|error| format!("{error:?}"))?;
    keystore
        .insert(key_type, suri, pair.public().as_slice())
        .map_err(|()| "the keystore refuses a key".into())
}

pub fn read(dir: &str, password: Option<&str>) -> Outcome {
    let keystore = open(dir, password)?;
    let mut wrong = 0;
    for (key_type, scheme) in TYPES {
        let name = String::from_utf8_lossy(&key_type.0).into_owned();
        for public in keystore.keys(key_type)? {
            let (signed, reason) = match verified(&keystore, key_type, scheme, &public) {
                Ok(()) => (true, String::new()),
                Err(error) => (false, error.to_string()),
            };
            wrong += usize::from(!signed);
            let public = format!("0x{}", hex(&public));
            let line =
                json!({ "type": name, "public": public, "signed": signed, "reason": reason });
            println!("{line}");
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(format!("{wrong} keys don't sign").into()),
    }
}

/// Signs with the key of that name, as the node does, and verifies against the name.
fn verified(
    keystore: &LocalKeystore,
    key_type: KeyTypeId,
    scheme: Scheme,
    public: &[u8],
) -> Outcome {
    macro_rules! judge {
        ($module:ident, $sign:ident) => {{
            let public = $module::Public::from_slice(public).map_err(|()| "wrong length")?;
            let signature = keystore
                .$sign(key_type, &public, MESSAGE)?
                .ok_or("no such key")?;
            $module::Pair::verify(&signature, MESSAGE, &public)
        }};
    }
    let good = match scheme {
        Scheme::Ed25519 => judge!(ed25519, ed25519_sign),
        Scheme::Sr25519 => judge!(sr25519, sr25519_sign),
        Scheme::Ecdsa => judge!(ecdsa, ecdsa_sign),
    };
    if good {
        Ok(())
    } else {
        Err("the signature is not by this public key".into())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
