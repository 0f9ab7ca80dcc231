//! Objects are put once: the condition, the checksum, the lock, and what is done when it can't be told what happened.
//!
//! 1. Every put says `If-None-Match: *`, and SHA-256 of the body, which the server compares.
//! 2. Before the first object a probe shows that the server keeps to the condition: a server that doesn't would replace
//!    what is there without a word.
//! 3. "Taken" after a try whose answer was lost may be our own object. Then the store is asked what lies there: its
//!    SHA-256, or else its size and MD5. Only a match is [`Put::Stored`].

use data_encoding::{BASE64, HEXLOWER};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use md5::Md5;
use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::S3;
use super::answer::BucketLock;
use super::session::Got;
use super::settings::{LockMode, ObjectLock};
use super::wire::{Answer, Ask};
use crate::online::store::{Put, StoreFault};

/// The object that shows whether the server keeps to conditions. It has one name, so that at most one is left: who may
/// only write can't delete it.
const PROBE: &str = "probe/conditional-put";

impl S3 {
    fn ask_to_put<'a>(&self, key: &'a str, bytes: &'a [u8]) -> Ask<'a> {
        let mut ask = Ask::new(Method::PUT, key);
        ask.body = bytes;
        ask.hash = Sha256::digest(bytes).into();
        ask.headers = vec![
            ("if-none-match", "*".into()),
            ("x-amz-checksum-sha256", BASE64.encode(&ask.hash)),
            ("x-amz-sdk-checksum-algorithm", "SHA256".into()),
        ];
        ask
    }

    fn send(&self, ask: &Ask<'_>) -> Result<Got, StoreFault> {
        let sum = BASE64.encode(&ask.hash);
        let got = self.session.ask(ask, |answer| match sha256_of(answer) {
            Some(theirs) if theirs != sum => Err("the store says that it got other bytes".into()),
            _ => Ok(()),
        })?;
        if got.answer.status == 501 || got.code() == "NotImplemented" {
            return Err(self.replaces(&got.words()));
        }
        Ok(got)
    }

    fn replaces(&self, reason: &str) -> StoreFault {
        StoreFault::Replaces {
            store: self.session.store.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Asks the store, with an object `probe/conditional-put` that it keeps, whether it refuses to replace objects. Each
    /// value of this type does so by itself before its first put. Only the right to put is needed.
    ///
    /// # Errors
    /// [`StoreFault::Replaces`] if it replaces them or can't be asked; else what went wrong.
    pub fn probe(&self) -> Result<(), StoreFault> {
        let key = format!("{}{PROBE}", self.prefix);
        let bytes = b"qh-online asks whether this store replaces objects.\n";
        let ask = self.ask_to_put(&key, bytes);
        for _ in 0..2 {
            let got = self.send(&ask)?;
            match got.answer.status {
                412 => return Ok(()),
                200..=299 => {}
                _ => return Err(self.session.refused(&ask, &got)),
            }
        }
        Err(self.replaces("it let one be put twice under one name"))
    }

    fn must_be_proven(&self) -> Result<(), StoreFault> {
        let mut proven = super::held(&self.proven);
        if !*proven {
            self.probe()?;
            *proven = true;
        }
        Ok(())
    }

    /// Asks whether the bucket has object lock.
    ///
    /// # Errors
    /// [`StoreFault`], unless the answer tells; that it is denied tells [`BucketLock::Unknown`].
    pub fn lock_configuration(&self) -> Result<BucketLock, StoreFault> {
        let mut ask = Ask::new(Method::GET, "");
        ask.query = vec![("object-lock", "")];
        let got = self.session.ask(&ask, |_| Ok(()))?;
        match (got.answer.status, got.code()) {
            (200, _) => {
                super::answer::lock(&got.answer.body).map_err(|reason| StoreFault::Failed {
                    store: self.session.store.clone(),
                    reason: format!("the bucket's object lock: {reason}"),
                })
            }
            (401 | 403, _) => Ok(BucketLock::Unknown(got.words())),
            // The configuration is absent, or the server has no such thing; nothing vaguer leaves objects unlocked.
            (405 | 501, _)
            | (
                _,
                "ObjectLockConfigurationNotFoundError"
                | "NoSuchObjectLockConfiguration"
                | "NotImplemented"
                | "NotSupported"
                | "InvalidRequest",
            ) => Ok(BucketLock::Absent),
            _ => Err(self.session.refused(&ask, &got)),
        }
    }

    /// The mode to lock in, and whether it is a guess.
    fn lock_mode(&self) -> Result<Option<(LockMode, bool)>, StoreFault> {
        match self.object_lock {
            ObjectLock::Off => return Ok(None),
            ObjectLock::On(mode) => return Ok(Some((mode, false))),
            ObjectLock::Auto => {}
        }
        let mut known = super::held(&self.bucket_lock);
        let lock = match known.take() {
            Some(lock) => lock,
            None => self.lock_configuration()?,
        };
        let mode = match &lock {
            BucketLock::Enabled(mode) => Some((mode.unwrap_or(LockMode::Governance), false)),
            BucketLock::Absent => None,
            BucketLock::Unknown(_) => Some((LockMode::Governance, true)),
        };
        *known = Some(lock);
        Ok(mode)
    }

    /// See [`Store::put_new`](crate::online::store::Store::put_new).
    pub(super) fn put(
        &self,
        name: &str,
        bytes: &[u8],
        locked_until: Option<Timestamp>,
    ) -> Result<Put, StoreFault> {
        let key = self.key(name)?;
        self.must_be_proven()?;
        let mut ask = self.ask_to_put(&key, bytes);
        let plain = ask.headers.len();
        let mut guessed = false;
        if let Some(until) = locked_until
            && let Some((mode, guess)) = self.lock_mode()?
        {
            guessed = guess;
            let until = date(until);
            ask.headers
                .push(("x-amz-object-lock-mode", mode.as_str().into()));
            ask.headers
                .push(("x-amz-object-lock-retain-until-date", until));
        }
        let mut got = self.send(&ask)?;
        let lockless = got.answer.status == 400
            && got
                .error
                .as_ref()
                .is_some_and(|e| e.message.to_ascii_lowercase().contains("lock"));
        if guessed && lockless {
            *super::held(&self.bucket_lock) = Some(BucketLock::Absent);
            ask.headers.truncate(plain);
            let doubt = got.doubt;
            got = self.send(&ask)?;
            got.doubt |= doubt;
        }
        match got.answer.status {
            200..=299 => Ok(Put::Stored),
            412 if got.doubt && self.is_ours(&ask)? => Ok(Put::Stored),
            412 => Ok(Put::Taken),
            _ => Err(self.session.refused(&ask, &got)),
        }
    }

    /// Whether the store says that what lies under the key is what the request sends.
    fn is_ours(&self, sent: &Ask<'_>) -> Result<bool, StoreFault> {
        let size = sent.body.len() as u64;
        let md5 = || HEXLOWER.encode(&Md5::digest(sent.body));
        let mut ask = Ask::new(Method::HEAD, sent.key);
        ask.headers = vec![("x-amz-checksum-mode", "ENABLED".into())];
        // What can't be told is not ours.
        if let Ok(got) = self.session.ask(&ask, |_| Ok(()))
            && got.is_good()
        {
            if got.answer.header("content-length") != Some(size.to_string().as_str()) {
                return Ok(false);
            }
            if let Some(sum) = sha256_of(&got.answer) {
                return Ok(sum == BASE64.encode(&sent.hash));
            }
            let etag = got.answer.header("etag").unwrap_or_default();
            return Ok(etag.trim_matches('"').eq_ignore_ascii_case(&md5()));
        }
        // Who may only write and list: the first key that begins with this one is this one.
        Ok(self
            .page(sent.key, false, Some("1"), None)
            .is_ok_and(|page| {
                page.objects.first().is_some_and(|object| {
                    object.key == sent.key
                        && object.size == size
                        && object.etag.eq_ignore_ascii_case(&md5())
                })
            }))
    }
}

/// The SHA-256 that an answer states for a whole object, in base 64. Those of objects in parts end in `-N`.
pub(super) fn sha256_of(answer: &Answer) -> Option<&str> {
    let sum = answer.header("x-amz-checksum-sha256")?;
    (!sum.contains('-')).then_some(sum)
}

/// A time in whole seconds, never earlier than asked.
fn date(time: Timestamp) -> String {
    let whole = match time.subsec_nanosecond() {
        0 => time,
        _ => time
            .checked_add(SignedDuration::from_secs(1))
            .unwrap_or(time),
    };
    let utc = whole.to_zoned(TimeZone::UTC);
    utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
