//! Objects of a snapshot store, sealed to recipients whose identities are elsewhere (<https://age-encryption.org/v1>).
//!
//! What is sealed here is chain data, which is public on the chain's network; it is sealed so that a store learns
//! nothing of the host, and so that what comes back from a store is whole or an error.

use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::recipient::{Recipient, RecipientError, read_identity};
use crate::secret::SecretText;

/// Longest file of identities that is read, in bytes.
pub const MAX_IDENTITIES: usize = 16 * 1024;

/// Seals `plain` to all recipients into `sealed`, which is emptied first.
///
/// # Panics
/// Without a recipient.
pub fn seal(recipients: &[Recipient], plain: &[u8], sealed: &mut Vec<u8>) {
    const WHY: &str = "recipients of one kind can't conflict, and memory takes every byte";
    assert!(!recipients.is_empty());
    sealed.clear();
    let keys = recipients
        .iter()
        .map(|recipient| recipient.key() as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).expect(WHY);
    let mut writer = encryptor.wrap_output(sealed).expect(WHY);
    writer.write_all(plain).expect(WHY);
    writer.finish().expect(WHY);
}

/// Seals a stream to all recipients; what it gives must be finished with `finish`.
///
/// # Errors
/// Of `writer`.
///
/// # Panics
/// Without a recipient.
pub fn sealing<W: Write>(
    recipients: &[Recipient],
    writer: W,
) -> std::io::Result<age::stream::StreamWriter<W>> {
    assert!(!recipients.is_empty());
    let keys = recipients
        .iter()
        .map(|recipient| recipient.key() as &dyn age::Recipient);
    let encryptor =
        age::Encryptor::with_recipients(keys).expect("recipients of one kind can't conflict");
    encryptor.wrap_output(writer)
}

/// Why an object did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    /// No identity of ours is among its recipients.
    OtherRecipient,
    /// It is damaged, or no age file.
    Damaged,
    /// It holds more than it may.
    TooLong,
}

/// The identities that open objects. On the verifier, or at a restore; never on the host that makes snapshots.
pub struct Identities(Vec<age::x25519::Identity>);

impl Identities {
    /// Reads a file as `age-keygen` writes it: one identity a line, empty lines and lines that begin with `#`.
    ///
    /// # Errors
    /// [`RecipientError::Identity`] for anything else, or no identity at all.
    pub fn read(text: &SecretText) -> Result<Self, RecipientError> {
        let mut all = Vec::new();
        for line in text.expose().lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                all.push(read_identity(&SecretText::new(line.to_owned()))?);
            }
        }
        if all.is_empty() {
            return Err(RecipientError::Identity);
        }
        Ok(Self(all))
    }

    /// The recipients of these identities, `age1...`.
    pub fn recipients(&self) -> Vec<String> {
        let text = |identity: &age::x25519::Identity| identity.to_public().to_string();
        self.0.iter().map(text).collect()
    }

    /// A new identity and its text, as `age-keygen` writes it. For tests and rehearsals.
    pub fn generate() -> (Self, Zeroizing<String>) {
        let identity = age::x25519::Identity::generate();
        let text = Zeroizing::new(format!("{}\n", identity.to_string().expose_secret()));
        (Self(vec![identity]), text)
    }

    /// Opens a sealed stream. What is read of it is authentic; one that was cut off ends in an error.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn reading<R: Read>(
        &self,
        sealed: R,
    ) -> Result<age::stream::StreamReader<impl Read>, Unopened> {
        let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(sealed))
            .map_err(|_| Unopened::Damaged)?;
        let identities = self.0.iter().map(|identity| identity as &dyn age::Identity);
        decryptor.decrypt(identities).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => Unopened::OtherRecipient,
            _ => Unopened::Damaged,
        })
    }

    /// Opens an object of at most `limit` plain bytes into `plain`, which is emptied first.
    ///
    /// # Errors
    /// [`Unopened`]; then `plain` holds nothing.
    pub fn open(&self, sealed: &[u8], limit: u64, plain: &mut Vec<u8>) -> Result<(), Unopened> {
        plain.clear();
        let opened = self.read_into(sealed, limit, plain);
        if opened.is_err() {
            plain.clear();
        }
        opened
    }

    fn read_into(&self, sealed: &[u8], limit: u64, plain: &mut Vec<u8>) -> Result<(), Unopened> {
        let decryptor = age::Decryptor::new_buffered(sealed).map_err(|_| Unopened::Damaged)?;
        let identities = self.0.iter().map(|identity| identity as &dyn age::Identity);
        let reader = decryptor.decrypt(identities).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => Unopened::OtherRecipient,
            _ => Unopened::Damaged,
        })?;
        let read = reader
            .take(limit + 1)
            .read_to_end(plain)
            .map_err(|_| Unopened::Damaged)?;
        if read as u64 > limit {
            return Err(Unopened::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Identities: std::fmt::Debug, Clone);

    fn identity() -> (Identities, Recipient) {
        let (own, _) = Identities::generate();
        let recipient = Recipient::parse(&own.recipients()[0]).unwrap();
        (own, recipient)
    }

    #[test]
    fn every_recipient_opens_and_nobody_else() {
        let ((one, to_one), (two, to_two), (other, _)) = (identity(), identity(), identity());
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        for size in [0, 1, 65_535, 65_536, 200_000] {
            let bytes = vec![7; size];
            seal(&[to_one.clone(), to_two.clone()], &bytes, &mut sealed);
            for own in [&one, &two] {
                assert_eq!(own.open(&sealed, size as u64, &mut plain), Ok(()));
                assert_eq!(plain, bytes);
            }
            assert_eq!(
                other.open(&sealed, 1 << 20, &mut plain),
                Err(Unopened::OtherRecipient)
            );
            if size > 0 {
                assert_eq!(
                    one.open(&sealed, size as u64 - 1, &mut plain),
                    Err(Unopened::TooLong)
                );
                assert_eq!(plain, b"");
            }
            sealed.pop();
            assert_eq!(
                one.open(&sealed, 1 << 20, &mut plain),
                Err(Unopened::Damaged)
            );
        }
        assert_eq!(one.open(b"", 1, &mut plain), Err(Unopened::Damaged));
    }

    #[test]
    fn a_file_of_identities_is_as_age_keygen_writes_it() {
        let (_, text) = Identities::generate();
        let read = |text: &str| {
            Identities::read(&SecretText::new(text.to_owned())).map(|own| own.recipients().len())
        };
        assert_eq!(
            read(&format!(
                "# created: now\n# public key: age1x\n{}\n{}",
                *text, *text
            )),
            Ok(2)
        );
        for bad in [
            "",
            "# nothing\n",
            "AGE-SECRET-KEY-1",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert_eq!(read(bad), Err(RecipientError::Identity));
        }
    }
}
