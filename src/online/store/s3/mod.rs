//! A store that is a bucket: AWS S3, and servers that speak as it does (MinIO, Ceph, R2, B2, Wasabi, moto).
//!
//! 1. Only https, except to this machine. No redirect, no proxy, no compression; time and size of each answer are bounded.
//! 2. Every put is conditional and has a SHA-256 that the server compares; see `put`. Every request is signed; see `sign`.
//! 3. Every request may be sent again as it is; see `session`. Pauses grow, and tries are counted.
//! 4. A listing is whole or refused; see `listing`.
//! 5. The host's identity needs `s3:PutObject` and `s3:ListBucket`, and `s3:PutObjectRetention` where objects are locked.
//!    The verifier's needs `s3:GetObject` besides, for attestations and archives `s3:PutObject`; the pruner's `s3:DeleteObject` (`s3:DeleteObjectVersion` in
//!    a bucket with versions) besides.
//! 6. Time is the header `Date` of the server's answers.

mod answer;
mod credentials;
mod instance;
mod listing;
mod put;
mod session;
mod settings;
mod sign;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use ureq::http::Method;

pub use answer::BucketLock;
pub use credentials::{CredentialSource, INSTANCE_METADATA};
pub use settings::{LockMode, ObjectLock, S3Settings};

use self::session::Session;
use self::wire::Ask;
use super::{Listed, Put, Store, StoreFault, valid_name};
use crate::transcript::visible::visible_short;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// A bucket, or a part of it, as a store.
pub struct S3 {
    session: Session,
    /// What all keys begin with: empty, or ending in `/`.
    prefix: String,
    object_lock: ObjectLock,
    /// Whether the bucket was seen to refuse replacing an object.
    proven: Mutex<bool>,
    /// What the bucket said of its object lock.
    bucket_lock: Mutex<Option<BucketLock>>,
}

impl S3 {
    /// The store that the settings describe. Asks nothing yet.
    ///
    /// # Errors
    /// [`StoreFault::Address`].
    pub fn open(settings: S3Settings) -> Result<Self, StoreFault> {
        let prefix = match settings.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let object_lock = settings.object_lock;
        Ok(Self {
            session: Session::new(settings)?,
            prefix,
            object_lock,
            proven: Mutex::new(false),
            bucket_lock: Mutex::new(None),
        })
    }

    fn key(&self, name: &str) -> Result<String, StoreFault> {
        if valid_name(name) {
            return Ok(format!("{}{name}", self.prefix));
        }
        Err(StoreFault::StrangeName {
            store: self.session.store.clone(),
            name: visible_short(name, 200),
        })
    }

    fn absent(&self, name: &str) -> StoreFault {
        StoreFault::Absent {
            store: self.session.store.clone(),
            name: name.to_owned(),
        }
    }

    fn locked(&self, name: &str, reason: String) -> StoreFault {
        StoreFault::Locked {
            store: self.session.store.clone(),
            name: name.to_owned(),
            reason,
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for S3 {
    fn address(&self) -> &str {
        &self.session.store
    }

    fn put_new(
        &self,
        name: &str,
        bytes: &[u8],
        locked_until: Option<Timestamp>,
    ) -> Result<Put, StoreFault> {
        self.put(name, bytes, locked_until)
    }

    fn settle(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    fn get(&self, name: &str, limit: u64) -> Result<Vec<u8>, StoreFault> {
        let key = self.key(name)?;
        let mut ask = Ask::new(Method::GET, &key);
        ask.headers = vec![("x-amz-checksum-mode", "ENABLED".into())];
        ask.limit = limit;
        let got = self
            .session
            .ask(&ask, |answer| match put::sha256_of(answer) {
                Some(sum) if sum != BASE64.encode(&Sha256::digest(&answer.body)) => {
                    Err("the bytes don't have the checksum that came with them".into())
                }
                _ => Ok(()),
            })?;
        match (got.answer.status, got.code()) {
            (200, _) => Ok(got.answer.body),
            (404, code) if code != "NoSuchBucket" => Err(self.absent(name)),
            _ => Err(self.session.refused(&ask, &got)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
        self.listed(prefix)
    }

    fn directories(&self, prefix: &str) -> Result<Vec<String>, StoreFault> {
        self.first_parts(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), StoreFault> {
        let key = self.key(name)?;
        // In a bucket with versions a plain DELETE only hides the object, even a locked one. So its version is deleted.
        let look = Ask::new(Method::HEAD, &key);
        let seen = self.session.ask(&look, |_| Ok(()))?;
        let mut version = None;
        if seen.is_good() {
            let until = seen.answer.header("x-amz-object-lock-retain-until-date");
            let until = until.and_then(|text| text.parse::<Timestamp>().ok());
            let now = seen.answer.date();
            if let Some(until) = until.filter(|until| now.is_none_or(|now| *until > now)) {
                return Err(self.locked(name, format!("until {until}")));
            }
            if seen.answer.header("x-amz-object-lock-legal-hold") == Some("ON") {
                return Err(self.locked(name, "by a legal hold".into()));
            }
            version = seen.answer.header("x-amz-version-id").map(str::to_owned);
        } else if seen.answer.status == 404 {
            return Ok(());
        } else if seen.answer.status != 403 {
            return Err(self.session.refused(&look, &seen));
        }
        let mut ask = Ask::new(Method::DELETE, &key);
        if let Some(version) = &version {
            ask.query = vec![("versionId", version)];
        }
        let got = self.session.ask(&ask, |_| Ok(()))?;
        let words = got.words();
        let lower = words.to_ascii_lowercase();
        let by_lock = ["lock", "worm", "retention"]
            .iter()
            .any(|word| lower.contains(word));
        match (got.answer.status, got.code()) {
            (200..=299, _) => Ok(()),
            (404, code) if code != "NoSuchBucket" => Ok(()),
            (400 | 403 | 405 | 409, _) if by_lock => Err(self.locked(name, words)),
            _ => Err(self.session.refused(&ask, &got)),
        }
    }

    fn now(&self) -> Result<Timestamp, StoreFault> {
        let ask = Ask::new(Method::HEAD, "");
        let got = self.session.ask(&ask, |_| Ok(()))?;
        match (got.answer.status, got.answer.date()) {
            // Who may not look at the bucket is told the time all the same.
            (200..=299 | 403, Some(date)) => Ok(date),
            (200..=299 | 403, None) => Err(StoreFault::Failed {
                store: self.session.store.clone(),
                reason: "its answer has no date".into(),
            }),
            (404, _) => Err(StoreFault::Address {
                given: self.session.store.clone(),
                reason: "there is no such bucket".into(),
            }),
            _ => Err(self.session.refused(&ask, &got)),
        }
    }
}
