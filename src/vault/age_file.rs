//! The clear first lines of an age file (<https://c2sp.org/age>), read before any key is tried.
//!
//! `age` itself parses and authenticates them; this reading only tells, by name and before work is spent, who a file is
//! sealed to. It is bounded: a header of more than 16 KiB is refused.

use std::io::Read;
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"age-encryption.org/";
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const MAX_HEADER: usize = 16 * 1024;

/// Why bytes are not an age file that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AgeFault {
    /// Something else altogether.
    NotAge,
    /// An age file in ASCII armor.
    Armored,
    /// Another version of age.
    Version,
    /// The first lines are damaged or cut off.
    Header,
}

/// Whom an age file is sealed to, by its stanzas' first words and arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stanza {
    pub(super) kind: String,
    pub(super) arguments: Vec<String>,
}

/// Whether these bytes begin like an age file, armored or not.
pub(super) fn looks_like_age(file: &[u8]) -> bool {
    file.starts_with(MAGIC) || file.starts_with(ARMOR)
}

/// Reads the stanzas of an age file.
pub(super) fn stanzas(file: &[u8]) -> Result<Vec<Stanza>, AgeFault> {
    if file.starts_with(ARMOR) {
        return Err(AgeFault::Armored);
    }
    let rest = file.strip_prefix(MAGIC).ok_or(AgeFault::NotAge)?;
    let head = rest.get(..rest.len().min(MAX_HEADER)).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    if lines.next() != Some(b"v1") {
        return Err(AgeFault::Version);
    }
    let mut stanzas = Vec::new();
    for line in lines {
        let text = std::str::from_utf8(line).map_err(|_| AgeFault::Header)?;
        if let Some(stanza) = text.strip_prefix("-> ") {
            let mut words = stanza.split(' ').map(str::to_owned);
            let kind = words.next().unwrap_or_default();
            stanzas.push(Stanza {
                kind,
                arguments: words.collect(),
            });
        } else if text.starts_with("--- ") {
            return if stanzas.is_empty() {
                Err(AgeFault::Header)
            } else {
                Ok(stanzas)
            };
        } else if stanzas.is_empty() || text.len() > 64 {
            return Err(AgeFault::Header);
        }
    }
    Err(AgeFault::Header)
}

/// Encrypts to one recipient. Salt, file key and nonce come from the operating system's generator, inside of `age`.
pub(super) fn encrypt(recipient: &dyn age::Recipient, plain: &[u8]) -> Vec<u8> {
    const WHY: &str = "one recipient can't conflict, and memory takes every byte";
    let mut file = Vec::with_capacity(plain.len() + 4096);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient)).expect(WHY);
    let mut writer = encryptor.wrap_output(&mut file).expect(WHY);
    std::io::Write::write_all(&mut writer, plain).expect(WHY);
    writer.finish().expect(WHY);
    file
}

/// Decrypts with one identity into memory that is wiped and never grows: the plaintext is shorter than the file.
pub(super) fn decrypt(
    identity: &dyn age::Identity,
    file: &[u8],
) -> Result<Zeroizing<Vec<u8>>, age::DecryptError> {
    let decryptor = age::Decryptor::new_buffered(file)?;
    let mut reader = decryptor.decrypt(std::iter::once(identity))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plain)?;
    Ok(plain)
}
