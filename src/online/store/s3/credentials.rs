//! Who we are to a bucket: an access key from a file, or of the instance's role.
//!
//! 1. The file has the format of AWS's shared credentials. It must be ours (or root's) and closed to everyone else.
//! 2. A secret and a session's token are [`SecretText`]; nothing here prints, and errors name the file and the profile.
//! 3. Credentials are read once and kept until five minutes before they end; one that a store calls expired is read again.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::instance;
use crate::online::store::StoreFault;
use crate::secret::SecretText;

/// Longest file of credentials, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A file in AWS's format; without a path `~/.aws/credentials`.
    File(Option<PathBuf>),
    /// The role of the EC2 instance, asked at this address: [`INSTANCE_METADATA`].
    Instance(String),
}

/// The address at which an EC2 instance is told its role's credentials.
pub const INSTANCE_METADATA: &str = "http://169.254.169.254";

impl CredentialSource {
    /// Reads the setting: `instance`, or the path of a file.
    pub fn parse(text: &str) -> Self {
        match text {
            "instance" => Self::Instance(INSTANCE_METADATA.to_owned()),
            "" => Self::File(None),
            path => Self::File(Some(PathBuf::from(path))),
        }
    }
}

/// One identity's access key.
pub(super) struct Credentials {
    /// The key's id. It is sent in clear with each request.
    pub id: String,
    pub secret: SecretText,
    pub token: Option<SecretText>,
    pub expires: Option<Timestamp>,
}

/// Why there are none.
pub(super) fn fault(from: impl Into<String>, reason: impl Into<String>) -> StoreFault {
    StoreFault::Credentials {
        from: from.into(),
        reason: reason.into(),
    }
}

/// Gives credentials, and keeps them.
pub(super) struct Provider {
    source: CredentialSource,
    profile: String,
    held: Mutex<Option<Arc<Credentials>>>,
}

impl Provider {
    pub fn new(source: CredentialSource, profile: String) -> Self {
        Self {
            source,
            profile,
            held: Mutex::new(None),
        }
    }

    /// Credentials that are good at `now` and five minutes later.
    pub fn get(&self, now: Timestamp) -> Result<Arc<Credentials>, StoreFault> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = now.saturating_add(SignedDuration::from_mins(5));
        let good = |c: &&Arc<Credentials>| match (c.expires, soon) {
            (Some(end), Ok(soon)) => end > soon,
            _ => true,
        };
        if let Some(credentials) = held.as_ref().filter(good) {
            return Ok(Arc::clone(credentials));
        }
        let fresh = Arc::new(self.read()?);
        *held = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Reads them again, and says whether there are other ones now than those that were used.
    pub fn renew(&self, used: &Credentials) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Credentials| {
            let token = |c: &Credentials| c.token.as_ref().map(|token| token.expose().to_owned());
            other.id == used.id
                && other.secret.expose() == used.secret.expose()
                && token(other) == token(used)
        };
        if held.as_ref().is_some_and(|held| !same(held)) {
            return true;
        }
        match self.read() {
            Ok(fresh) if !same(&fresh) => {
                *held = Some(Arc::new(fresh));
                true
            }
            _ => false,
        }
    }

    fn read(&self) -> Result<Credentials, StoreFault> {
        match &self.source {
            CredentialSource::File(path) => from_file(path.as_deref(), &self.profile),
            CredentialSource::Instance(address) => instance::ask(address),
        }
    }
}

fn from_file(path: Option<&Path>, profile: &str) -> Result<Credentials, StoreFault> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => match std::env::var_os("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Path::new(&home).join(".aws/credentials"),
            None => return Err(fault("~/.aws/credentials", "there is no HOME")),
        },
    };
    let from = path.display().to_string();
    let fail = |reason: &str| fault(&from, reason);
    let file = File::open(&path).map_err(|error| fail(&error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fail(&error.to_string()))?;
    if !metadata.is_file() {
        return Err(fail("it is not a file"));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(fail(&format!(
            "others may read or write it (mode {mode:04o}; 0600 or 0400 is right)"
        )));
    }
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        return Err(fail("it belongs to somebody else"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(&error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fail("it is longer than such files are"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| fail("it is not UTF-8"))?;
    parse(text, profile).map_err(|reason| fail(&reason))
}

/// One profile of a file: `[name]`, then lines `name = value`. What is not asked for is passed over.
fn parse(text: &str, profile: &str) -> Result<Credentials, String> {
    let (mut inside, mut seen) = (false, false);
    let (mut id, mut secret, mut token) = (None, None, None);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = name.trim() == profile;
            if inside && std::mem::replace(&mut seen, true) {
                return Err(format!("it has profile [{profile}] twice"));
            }
            continue;
        }
        if !inside {
            continue;
        }
        let number = number + 1;
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("line {number} is not NAME = VALUE"))?;
        let (name, value) = (name.trim(), value.trim());
        let place = match name {
            "aws_access_key_id" => &mut id,
            "aws_secret_access_key" => &mut secret,
            "aws_session_token" => &mut token,
            _ => continue,
        };
        if !sendable(value) {
            return Err(format!("{name} in line {number} is empty or no such value"));
        }
        if place.replace(SecretText::new(value.to_owned())).is_some() {
            return Err(format!("profile [{profile}] has {name} twice"));
        }
    }
    if !seen {
        return Err(format!("it has no profile [{profile}]"));
    }
    let need = |value: Option<SecretText>, name: &str| {
        value.ok_or_else(|| format!("profile [{profile}] has no {name}"))
    };
    Ok(Credentials {
        id: need(id, "aws_access_key_id")?.expose().to_owned(),
        secret: need(secret, "aws_secret_access_key")?,
        token,
        expires: None,
    })
}

/// Whether a value can stand in a header.
pub(super) fn sendable(value: &str) -> bool {
    (1..=8192).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Credentials: std::fmt::Debug, Clone, PartialEq, serde::Serialize);
    assert_not_impl_any!(Provider: std::fmt::Debug, Clone, serde::Serialize);

    const TWO: &str = "# ours\n[default]\naws_access_key_id=A1\naws_secret_access_key = s/1+=\n\
        region = x\n\n[ other ]\naws_secret_access_key=s2\naws_access_key_id=A2\naws_session_token=t==\n";

    #[test]
    fn a_profile_is_found() {
        let first = parse(TWO, "default").ok().unwrap();
        assert_eq!((first.id.as_str(), first.secret.expose()), ("A1", "s/1+="));
        assert!(first.token.is_none());
        let other = parse(TWO, "other").ok().unwrap();
        assert_eq!((other.id.as_str(), other.secret.expose()), ("A2", "s2"));
        assert_eq!(other.token.unwrap().expose(), "t==");
    }

    #[test]
    fn what_is_unclear_is_refused_without_its_secrets() {
        for (text, reason) in [
            ("", "it has no profile [default]"),
            ("[default]\n", "profile [default] has no aws_access_key_id"),
            (
                "[default]\naws_access_key_id=A\n",
                "profile [default] has no aws_secret_access_key",
            ),
            (
                "[default]\naws_secret_access_key=s3cret\naws_secret_access_key=s3cret\n",
                "profile [default] has aws_secret_access_key twice",
            ),
            (
                "[default]\naws_access_key_id=A\naws_secret_access_key=s3cret s\n",
                "aws_secret_access_key in line 3 is empty or no such value",
            ),
            ("[default]\ns3cret\n", "line 2 is not NAME = VALUE"),
            ("[default]\n[default]\n", "it has profile [default] twice"),
        ] {
            assert_eq!(parse(text, "default").err().unwrap(), reason);
        }
    }
}
