//! Sealing as a JWE: flattened JSON serialisation (RFC 7516, section 7.2.2), `dir`, A256GCM (RFC 7518, section 5.3).
//!
//! The file is one JSON object of exactly `protected`, `iv`, `ciphertext` and `tag`, base64url without padding, and
//! opens with `jose jwe dec`. The additional authenticated data is the ASCII text of `protected`, so the whole header is
//! under the seal. `unprotected` and `header` are refused: nothing that isn't under the seal may steer a reader. Written
//! without any white space, no byte of the file can change unnoticed.

use super::bundle::{Bundle, MAX_BUNDLE};
use super::checked::CheckedKey;
use super::document::{self, Document, DocumentError, Object, Present, Rules};
use super::header::{Header, QhIn, QhOut, SEALED_FORMAT};
use super::sealed::{MAX_SEALED, SealedError};
use crate::secret::Secret32;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const ALG: &str = "dir";
const ENC: &str = "A256GCM";
const CTY: &str = "qh-key-bundle+json";
const MAX_PROTECTED: usize = 512 * 1024;

/// Seals a bundle: `key` is HMAC(S, `qh-ceremony jwe v1` and set id), `iv` 12 bytes never used with this key before.
/// One secret seals once, so a fresh iv from the ceremony's pool is enough.
///
/// # Errors
/// [`SealedError::Bundle`] if header and bundle differ or the bundle breaks its format;
/// [`SealedError::ThresholdMissing`] if the bundle doesn't say k and n.
pub fn seal(
    bundle: &Bundle,
    header: &Header,
    key: &Secret32,
    iv: [u8; 12],
) -> Result<Vec<u8>, SealedError> {
    let json = super::sealed::checked_json(bundle, header, Document::JweHeader)?;
    const WHY: &str = "our structs have text keys and memory takes every byte";
    let protected = serde_json::to_vec(&ProtectedOut {
        alg: ALG,
        enc: ENC,
        kid: header.set_id_hex(),
        cty: CTY,
        qh: QhOut::of(header),
    })
    .expect(WHY);
    let protected = BASE64URL_NOPAD.encode(&protected);
    // Encrypted in place: after this line the buffer holds no plaintext.
    let mut buffer = Zeroizing::new(json.expose().to_vec());
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_in_place_detached((&iv).into(), protected.as_bytes(), &mut buffer)
        .expect("a bundle of 1 MiB is far below the limit of AES-GCM");
    let file = serde_json::to_vec(&JweOut {
        protected: &protected,
        iv: BASE64URL_NOPAD.encode(&iv),
        ciphertext: BASE64URL_NOPAD.encode(&buffer),
        tag: BASE64URL_NOPAD.encode(&tag),
    })
    .expect(WHY);
    Ok(file)
}

/// Reads the public header. It is unproven until [`open`] succeeds.
///
/// # Errors
/// [`SealedError::Document`], or the variant that names a forbidden member, algorithm or encoding.
pub fn read_header(file: &[u8]) -> Result<Header, SealedError> {
    Ok(Parts::read(file)?.header)
}

/// Opens a sealed file and compares its header with the bundle inside.
///
/// # Errors
/// As [`read_header`]; [`SealedError::KeyCheck`] if the key was checked against another file's header;
/// [`SealedError::Changed`] if any byte was changed since sealing; [`SealedError::Bundle`] for the content.
pub fn open(file: &[u8], key: &CheckedKey<Secret32>) -> Result<Bundle, SealedError> {
    let mut parts = Parts::read(file)?;
    let key = key.for_header(&parts.header)?;
    // `aes-gcm` compares the tag first and decrypts only then; a failure leaves ciphertext in the buffer.
    Aes256Gcm::new(key.expose().into())
        .decrypt_in_place_detached(
            (&parts.iv).into(),
            parts.protected.as_bytes(),
            &mut parts.ciphertext,
            (&parts.tag).into(),
        )
        .map_err(|_| SealedError::Changed)?;
    let bundle = Bundle::parse(&parts.ciphertext)?;
    bundle.header_agrees(&parts.header)?;
    Ok(bundle)
}

#[derive(Serialize)]
struct ProtectedOut<'a> {
    alg: &'static str,
    enc: &'static str,
    kid: String,
    cty: &'static str,
    qh: QhOut<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtectedIn {
    alg: String,
    enc: String,
    kid: String,
    cty: String,
    qh: Object<QhIn>,
}

#[derive(Serialize)]
struct JweOut<'a> {
    protected: &'a str,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JweIn {
    protected: String,
    iv: String,
    ciphertext: String,
    tag: String,
    #[serde(default)]
    unprotected: Present,
    #[serde(default)]
    header: Present,
    #[serde(default)]
    encrypted_key: Present,
    #[serde(default)]
    recipients: Present,
    #[serde(default)]
    aad: Present,
}

struct Parts {
    header: Header,
    protected: String,
    iv: [u8; 12],
    ciphertext: Zeroizing<Vec<u8>>,
    tag: [u8; 16],
}

impl Parts {
    fn read(file: &[u8]) -> Result<Self, SealedError> {
        let jwe: JweIn = document::read(Document::Jwe, file, MAX_SEALED)?;
        let forbidden = [
            ("unprotected", jwe.unprotected),
            ("header", jwe.header),
            ("encrypted_key", jwe.encrypted_key),
            ("recipients", jwe.recipients),
            ("aad", jwe.aad),
        ];
        if let Some((member, _)) = forbidden.into_iter().find(|(_, Present(there))| *there) {
            return Err(SealedError::Forbidden { member });
        }
        let iv = base64url(&jwe.iv, "iv")?
            .as_slice()
            .try_into()
            .map_err(|_| length("iv", "it must have 12 bytes"))?;
        let tag = base64url(&jwe.tag, "tag")?
            .as_slice()
            .try_into()
            .map_err(|_| length("tag", "it must have 16 bytes"))?;
        let ciphertext = Zeroizing::new(base64url(&jwe.ciphertext, "ciphertext")?);
        if ciphertext.is_empty() || ciphertext.len() > MAX_BUNDLE {
            return Err(length("ciphertext", "it must have 1 to 1048576 bytes"));
        }
        let header = read_protected(&base64url(&jwe.protected, "protected")?)?;
        Ok(Self {
            header,
            protected: jwe.protected,
            iv,
            ciphertext,
            tag,
        })
    }
}

fn read_protected(json: &[u8]) -> Result<Header, SealedError> {
    let document = Document::JweHeader;
    let read: ProtectedIn = document::read_version(document, json, MAX_PROTECTED, SEALED_FORMAT)?;
    if read.alg != ALG {
        return Err(SealedError::Algorithm {
            member: "alg",
            wanted: ALG,
        });
    }
    if read.enc != ENC {
        return Err(SealedError::Algorithm {
            member: "enc",
            wanted: ENC,
        });
    }
    Rules(document).hold(read.cty == CTY, "cty", "it must be qh-key-bundle+json")?;
    let Object(qh) = read.qh;
    Ok(qh.into_header(document, "kid", &read.kid)?)
}

fn base64url(text: &str, member: &'static str) -> Result<Vec<u8>, SealedError> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| SealedError::Base64Url { member })
}

fn length(member: &'static str, why: &'static str) -> SealedError {
    SealedError::Document(DocumentError::Member {
        document: Document::Jwe,
        member: member.to_owned(),
        why,
    })
}
