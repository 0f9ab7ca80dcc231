use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::FileFault;
use crate::secret::SecretBytes;
use crate::vault::schemes::KeyType;

/// Longest content of a keystore file that is read, in bytes. An aura key has 260.
pub const MAX_KEY_FILE: usize = 8 * 1024;

/// Longest file name, in bytes: `NAME_MAX` of Linux.
pub const MAX_NAME: usize = 255;

/// The file name of a key: hex(key type) and hex(public key), lower case.
pub fn file_name(key_type: KeyType, public: &[u8]) -> String {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    hex(&key_type.0) + &hex(public)
}

/// Key type and public key of a file name.
///
/// # Errors
/// [`FileFault::NameNotHex`], [`FileFault::NameTooShort`], [`FileFault::NameUpperCase`].
pub fn parse_name(name: &[u8]) -> Result<(KeyType, Vec<u8>), FileFault> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(name)
        .map_err(|_| FileFault::NameNotHex)?;
    match bytes.split_first_chunk::<4>() {
        None | Some((_, [])) => Err(FileFault::NameTooShort),
        Some(_) if name.iter().any(u8::is_ascii_uppercase) => Err(FileFault::NameUpperCase),
        Some((key_type, public)) => Ok((KeyType::from_bytes(*key_type), public.to_vec())),
    }
}

/// The content that a stock node writes for a secret: one JSON string.
pub(in crate::vault) fn content_of(
    secret_text: &SecretBytes,
) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let text = std::str::from_utf8(secret_text.expose()).map_err(|_| FileFault::Json)?;
    serde_json::to_vec(text)
        .map(Zeroizing::new)
        .map_err(|_| FileFault::Json)
}

/// The secret of a file's content. Only the very bytes that [`content_of`] gives for it are accepted.
pub(in crate::vault) fn text_of(content: &[u8]) -> Result<SecretBytes, FileFault> {
    if content.is_empty() {
        return Err(FileFault::Empty);
    }
    let mut strings = serde_json::Deserializer::from_slice(content).into_iter::<String>();
    let secret = match strings.next() {
        Some(Ok(text)) => SecretBytes::new(text.into_bytes()),
        Some(Err(error)) if error.is_eof() => return Err(FileFault::CutOff),
        _ => return Err(FileFault::Json),
    };
    if strings.byte_offset() < content.len() {
        return Err(FileFault::TrailingBytes);
    }
    if *content_of(&secret)? == content {
        Ok(secret)
    } else {
        Err(FileFault::JsonForm)
    }
}

/// A file name for messages: control characters and foreign bytes escaped.
pub(super) fn printable(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}

/// Refuses whatever is not a regular file.
pub(super) fn require_regular(stat: &Stat) -> Result<(), FileFault> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Symlink => Err(FileFault::Symlink),
        FileType::Directory => Err(FileFault::Directory),
        _ => Err(FileFault::Special),
    }
}

/// Reads the regular file `name` of `dir`, at most `max` bytes, through one descriptor that follows no link.
pub(super) fn read_bounded(
    dir: impl AsFd,
    name: &[u8],
    max: usize,
) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    // O_NONBLOCK: a pipe under a key's name must not stop the ceremony.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file: OwnedFd =
        rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP => FileFault::Symlink,
            Errno::NXIO => FileFault::Special,
            errno => FileFault::Unreadable {
                reason: reason(errno),
            },
        })?;
    let unreadable = |errno: Errno| FileFault::Unreadable {
        reason: reason(errno),
    };
    let stat = rustix::fs::fstat(&file).map_err(unreadable)?;
    require_regular(&stat)?;
    let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    if size > max {
        return Err(FileFault::TooLarge { max });
    }
    // One byte more than the size, so that growth is noticed; never reallocated, so that nothing is left behind.
    let mut content = Zeroizing::new(vec![0; size + 1]);
    let mut filled = 0;
    loop {
        let space = content.get_mut(filled..).unwrap_or_default();
        match rustix::io::read(&file, space) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(unreadable(errno)),
        }
    }
    if filled != size {
        return Err(FileFault::Changed);
    }
    content.truncate(size);
    Ok(content)
}

/// What the operating system says, in its own words.
pub(super) fn reason(errno: Errno) -> String {
    std::io::Error::from(errno).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(content: &str) -> Option<FileFault> {
        text_of(content.as_bytes()).err()
    }

    #[test]
    fn names_round_trip() {
        let name = file_name(KeyType::AURA, &[0xAB, 0xCD]);
        assert_eq!(name, "61757261abcd");
        assert_eq!(
            parse_name(name.as_bytes()),
            Ok((KeyType::AURA, vec![0xAB, 0xCD]))
        );
    }

    #[test]
    fn odd_names_are_named() {
        for name in [
            "",
            "README",
            ".hidden",
            "617572 1ab",
            "0x61757261ab",
            "61757261a",
        ] {
            let expected = if name.is_empty() {
                FileFault::NameTooShort
            } else {
                FileFault::NameNotHex
            };
            assert_eq!(parse_name(name.as_bytes()), Err(expected), "{name:?}");
        }
        assert_eq!(parse_name(b"61757261"), Err(FileFault::NameTooShort));
        assert_eq!(parse_name(b"617572"), Err(FileFault::NameTooShort));
        assert_eq!(parse_name(b"61757261AB"), Err(FileFault::NameUpperCase));
        assert_eq!(parse_name(b"61757261\xff\xfe"), Err(FileFault::NameNotHex));
    }

    #[test]
    fn content_is_one_exact_json_string() {
        for good in [r#""0x00""#, r#""//Alice""#, r#""a\"b\\c""#, "\"\u{e4}\""] {
            let secret = text_of(good.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(*content_of(&secret).expect("text"), good.as_bytes());
        }
        assert_eq!(fault(""), Some(FileFault::Empty));
        assert_eq!(fault("\""), Some(FileFault::CutOff));
        assert_eq!(fault("\"0x00"), Some(FileFault::CutOff));
        assert_eq!(fault("0x00"), Some(FileFault::Json));
        assert_eq!(fault("{}"), Some(FileFault::Json));
        assert_eq!(fault("[\"0x00\"]"), Some(FileFault::Json));
        assert_eq!(fault("\"0x00\"\n"), Some(FileFault::TrailingBytes));
        assert_eq!(fault("\"0x00\"\"0x00\""), Some(FileFault::TrailingBytes));
        assert_eq!(fault("\"0x00\"\0"), Some(FileFault::TrailingBytes));
        assert_eq!(fault(" \"0x00\""), Some(FileFault::JsonForm));
        assert_eq!(fault(r#""\u0030x00""#), Some(FileFault::JsonForm));
    }
}
