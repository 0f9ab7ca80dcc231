//! Sealing as an age passphrase file (<https://c2sp.org/age>), with a clear sidecar.
//!
//! The passphrase is 24 BIP-39 words of 256 bits, so scrypt's work adds nothing: log N is 15 exactly, and `age -d` opens
//! the file in a moment. A file that demands more work than stock `age -p` does (log N 18, 256 MiB) is refused before
//! the work, and so is anything that isn't sealed to one passphrase. Salt, file key and nonce come from the operating
//! system's generator, inside of the `age` crate; the passphrase alone comes from the ceremony's secret.

use super::age_file::{self, AgeFault};
use super::bundle::Bundle;
use super::checked::CheckedKey;
use super::document::Document;
use super::header::Header;
use super::sealed::{MAX_SEALED, SealedError, checked_json, too_large};
use super::sidecar::Sidecar;
use crate::secret::SecretText;
use age::secrecy::SecretString;
use subtle::ConstantTimeEq;

/// log2 of scrypt's N in files that this program seals.
pub const LOG_N: u8 = 15;

/// The largest log2 of scrypt's N that is opened: what stock `age -p` writes.
pub const MAX_LOG_N: u8 = 18;

/// Seals a bundle: the age file, and its sidecar's JSON.
///
/// # Errors
/// [`SealedError::Bundle`] if header and bundle differ or the bundle breaks its format;
/// [`SealedError::ThresholdMissing`] if the bundle doesn't say k and n.
pub fn seal(
    bundle: &Bundle,
    header: &Header,
    passphrase: &SecretText,
) -> Result<(Vec<u8>, Vec<u8>), SealedError> {
    let json = checked_json(bundle, header, Document::Sidecar)?;
    let mut recipient = age::scrypt::Recipient::new(secret_string(passphrase));
    recipient.set_work_factor(LOG_N);
    let file = age_file::encrypt(&recipient, json.expose());
    let sidecar = Sidecar::new(header.clone(), &file)?.to_json();
    Ok((file, sidecar))
}

/// Opens an age file that has its sidecar, and compares each member with the bundle.
///
/// # Errors
/// [`SealedError::Document`] for the sidecar, [`SealedError::SidecarHash`] if it belongs to other bytes, the variants for
/// files that aren't sealed to one passphrase, [`SealedError::KeyCheck`] if the key was checked against another header,
/// [`SealedError::Changed`] if the file was changed since sealing, [`SealedError::Bundle`] for the content.
pub fn open(
    file: &[u8],
    sidecar: &Sidecar,
    key: &CheckedKey<SecretText>,
) -> Result<Bundle, SealedError> {
    check_first_lines(file)?;
    sidecar.belongs_to(file)?;
    let bundle = decrypt(file, key.for_header(&sidecar.header)?)?;
    bundle.header_agrees(&sidecar.header)?;
    Ok(bundle)
}

/// Opens an age file whose sidecar is lost. Nothing public stands before the seal then, so `computed`, the key check of
/// the recovered secret, is compared with the bundle's after opening. Prefer a sidecar made again from the record.
///
/// # Errors
/// As [`open`], without those of the sidecar; [`SealedError::KeyCheck`] if the bundle has another key check.
pub fn open_without_sidecar(
    file: &[u8],
    computed: [u8; 32],
    passphrase: &SecretText,
) -> Result<Bundle, SealedError> {
    check_first_lines(file)?;
    let bundle = decrypt(file, passphrase)?;
    if bool::from(bundle.key_check.ct_eq(&computed)) {
        Ok(bundle)
    } else {
        Err(SealedError::KeyCheck {
            set_id: data_encoding::HEXLOWER.encode(&bundle.set_id),
        })
    }
}

/// Checks size, version, recipient and work factor, without a key.
///
/// # Errors
/// [`SealedError`]: too large, not age, armored, another version, damaged, not a passphrase, too much work.
pub fn check_first_lines(file: &[u8]) -> Result<(), SealedError> {
    if file.len() > MAX_SEALED {
        return Err(too_large(file));
    }
    let stanzas = age_file::stanzas(file).map_err(|fault| match fault {
        AgeFault::NotAge => SealedError::UnknownKind,
        AgeFault::Armored => SealedError::Armored,
        AgeFault::Version => SealedError::AgeVersion,
        AgeFault::Header => SealedError::AgeHeader,
    })?;
    let [stanza] = stanzas.as_slice() else {
        return Err(SealedError::NotPassphrase);
    };
    if stanza.kind != "scrypt" {
        return Err(SealedError::NotPassphrase);
    }
    let [_salt, log_n] = stanza.arguments.as_slice() else {
        return Err(SealedError::AgeHeader);
    };
    let canonical = log_n.bytes().all(|b| b.is_ascii_digit()) && !log_n.starts_with('0');
    match log_n.parse::<u64>() {
        Ok(log_n) if canonical && log_n <= u64::from(MAX_LOG_N) => Ok(()),
        Ok(log_n) if canonical => Err(SealedError::WorkFactor {
            log_n,
            limit: MAX_LOG_N,
        }),
        _ => Err(SealedError::AgeHeader),
    }
}

fn decrypt(file: &[u8], passphrase: &SecretText) -> Result<Bundle, SealedError> {
    let mut identity = age::scrypt::Identity::new(secret_string(passphrase));
    identity.set_max_work_factor(MAX_LOG_N);
    // With the key check compared and the first lines read, what is left to fail is the file itself.
    let plain = age_file::decrypt(&identity, file).map_err(|_| SealedError::Changed)?;
    Ok(Bundle::parse(&plain)?)
}

fn secret_string(passphrase: &SecretText) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}
