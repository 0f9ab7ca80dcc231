//! Wrong shares for rehearsals, each wrong in one way.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::answers::Fault;
use super::driver::{RunError, random32};
use crate::secret::SecretText;
use crate::secret::entry::Input;
use crate::share::SetId;
use crate::share::split::split;
use crate::share::wire::Share;

/// The input that carries `fault`, made from the right share (and another one of the set, where that is needed).
///
/// # Errors
/// [`RunError::NoRandomness`].
pub fn input(fault: Fault, right: &Share, other: Option<&Share>) -> Result<Input, RunError> {
    let input = match fault {
        Fault::Duplicate | Fault::OtherCustodian => {
            Input::ShareQr(other.unwrap_or(right).to_qr_text())
        }
        Fault::BitFlip => {
            let mut text = Zeroizing::new(right.to_qr_text().expose().to_owned());
            let last = if text.as_bytes().get(40) == Some(&b'A') {
                "B"
            } else {
                "A"
            };
            text.replace_range(40..41, last);
            Input::ShareQr(SecretText::new(text.to_string()))
        }
        Fault::Truncated => Input::ShareQr(SecretText::new(
            right.to_qr_text().expose()[..40].to_owned(),
        )),
        Fault::WrongWord | Fault::SwappedWords => {
            let text = right.to_words().to_text();
            let mut words: Vec<&str> = text.expose().split(' ').collect();
            if fault == Fault::WrongWord {
                words[20] = if words[20] == "zoo" { "abandon" } else { "zoo" };
            } else {
                words.swap(19, 25);
            }
            Input::ShareWords(SecretText::new(words.join(" ")))
        }
        Fault::ForeignSet => {
            let mut set = right.set_id();
            set.0[0] ^= 0x55;
            Input::ShareQr(of_set(set, right.x(), right.is_rehearsal())?)
        }
        Fault::OfProduction => {
            Input::ShareQr(of_set(right.set_id(), right.x(), !right.is_rehearsal())?)
        }
        Fault::Forged => Input::ShareQr(of_set(right.set_id(), right.x(), right.is_rehearsal())?),
        Fault::XZero => Input::ShareQr(rewritten(right, 1, 0)),
        Fault::UnknownVersion => Input::ShareQr(rewritten(right, 0, 130)),
    };
    Ok(input)
}

/// A share of another secret with this set id and x: its checksum is right, its content is not.
fn of_set(set: SetId, x: u8, rehearsal: bool) -> Result<SecretText, RunError> {
    let shares = split(&random32()?, 2, 16, set, rehearsal, &random32()?)
        .map_err(|error| RunError::Script(error.to_string()))?;
    let share = shares.iter().find(|s| s.x() == x).or(shares.first());
    Ok(share.map_or_else(|| SecretText::new(String::new()), Share::to_qr_text))
}

/// The share with one byte changed and its checksum made right again.
fn rewritten(share: &Share, at: usize, byte: u8) -> SecretText {
    let mut bytes = Zeroizing::new(*share.expose());
    bytes[at] = byte;
    let check = Sha256::new()
        .chain_update(b"qh-ceremony share v1")
        .chain_update(&bytes[..8])
        .chain_update(&bytes[16..])
        .finalize();
    bytes[8..16].copy_from_slice(&check[..8]);
    let prefix = if share.is_rehearsal() { "QHR1" } else { "QHS1" };
    SecretText::new(format!("{prefix}{}", BASE32_NOPAD.encode(&*bytes)))
}
