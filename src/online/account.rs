//! Accounts as people write them: `0x` and 64 hex digits, or SS58 (Substrate's base 58 with prefix and checksum).
//!
//! SS58: base58( prefix ‖ 32 bytes ‖ checksum ), checksum = first 2 bytes of BLAKE2b-512(`SS58PRE` ‖ prefix ‖ 32 bytes).
//! A prefix below 64 is one byte; up to 16383 it is two. Source: the SS58 document of Substrate, `sp_core::crypto`.

use blake2::{Blake2b512, Digest};

use crate::refusal::Refuse;
use crate::vault::registered::Account;

/// The prefix of chains that have none of their own ("generic Substrate").
pub const GENERIC_PREFIX: u16 = 42;

/// Why a text is no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountFault {
    /// Neither form.
    #[error("The account is neither 0x and 64 hex digits nor an SS58 address.")]
    Form,
    /// An SS58 address with a wrong character or several.
    #[error("The account's SS58 checksum does not fit, so a character of it is wrong.")]
    Checksum,
    /// An SS58 address of something that has not 32 bytes.
    #[error("The SS58 address is not that of a 32-byte account.")]
    Length,
}

impl Refuse for AccountFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Form => "account-form",
            Self::Checksum => "account-checksum",
            Self::Length => "account-length",
        }
    }

    fn way_on(&self) -> &'static str {
        "Copy the account anew from where it is kept, whole."
    }
}

/// Reads an account in either form; the prefix of an SS58 address is not looked at, since one account has one in every
/// network.
///
/// # Errors
/// [`AccountFault`].
pub fn parse(text: &str) -> Result<Account, AccountFault> {
    if let Some(digits) = text.strip_prefix("0x") {
        return data_encoding::HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Account)
            .ok_or(AccountFault::Form);
    }
    if !(3..=64).contains(&text.len()) {
        return Err(AccountFault::Form);
    }
    let bytes = bs58::decode(text)
        .into_vec()
        .map_err(|_| AccountFault::Form)?;
    let prefix_len = match bytes.first() {
        Some(0..=63) => 1,
        Some(64..=127) => 2,
        _ => return Err(AccountFault::Form),
    };
    let (body, check) = bytes.split_last_chunk::<2>().ok_or(AccountFault::Form)?;
    if checksum(body) != *check {
        return Err(AccountFault::Checksum);
    }
    let account = body.get(prefix_len..).ok_or(AccountFault::Length)?;
    account
        .try_into()
        .map(Account)
        .map_err(|_| AccountFault::Length)
}

/// The SS58 address of an account; a prefix above 16383 counts as the generic one.
pub fn ss58(account: &Account, prefix: u16) -> String {
    let mut bytes = match prefix {
        0..=63 => vec![prefix.to_le_bytes()[0]],
        64..=16383 => {
            let [low, high] = prefix.to_le_bytes();
            // Six bits of the low byte behind 01, its other two in front of the high byte.
            vec![low >> 2 | 0x40, high | (low & 3) << 6]
        }
        _ => vec![GENERIC_PREFIX.to_le_bytes()[0]],
    };
    bytes.extend(account.0);
    let check = checksum(&bytes);
    bytes.extend(check);
    bs58::encode(bytes).into_string()
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new()
        .chain_update(b"SS58PRE")
        .chain_update(body)
        .finalize();
    [hash[0], hash[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alice of the Substrate development chains, in published forms.
    const ALICE: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    const ALICE_42: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const ALICE_0: &str = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";

    #[test]
    fn published_addresses_are_one_account() {
        let alice = parse(ALICE).unwrap();
        assert_eq!(parse(ALICE_42), Ok(alice));
        assert_eq!(parse(ALICE_0), Ok(alice));
        assert_eq!(ss58(&alice, 42), ALICE_42);
        assert_eq!(ss58(&alice, 0), ALICE_0);
        for prefix in [63, 64, 255, 256, 1284, 16383] {
            assert_eq!(parse(&ss58(&alice, prefix)), Ok(alice), "{prefix}");
        }
    }

    #[test]
    fn wrong_texts_are_refused_by_name() {
        for (text, fault) in [
            ("", AccountFault::Form),
            ("0x", AccountFault::Form),
            (&ALICE[..65], AccountFault::Form),
            (&format!("{ALICE}0"), AccountFault::Form),
            (&ALICE[2..], AccountFault::Form),
            (
                "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ0",
                AccountFault::Form,
            ),
            (
                "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ",
                AccountFault::Checksum,
            ),
            (&ALICE_42[..47], AccountFault::Form),
            (&ALICE_42.repeat(9), AccountFault::Form),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
        let mut short = vec![42, 1, 2, 3];
        short.extend(checksum(&short));
        let short = bs58::encode(short).into_string();
        assert_eq!(parse(&short), Err(AccountFault::Length));
    }
}
