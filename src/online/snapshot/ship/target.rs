//! A store on the way of a snapshot: what was sent to it, and what failed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::ceremony::event::Refused;
use crate::online::snapshot::ledger::{Known, Ledger};
use crate::online::snapshot::names::{self, SourceName};
use crate::online::snapshot::object::{Codec, name, sha256};
use crate::online::store::{Put, Store, StoreFault};
use crate::transcript::hex::{Hash, Hex};

/// After so many bytes a store is asked to make durable what it has, so that a crash costs at most them.
const SETTLE_AFTER: u64 = 2 * 1024 * 1024 * 1024;

/// As how many bytes an object counts at least: small ones take memory, too, until they are noted.
const COUNTS: u64 = 64 * 1024;

/// How long an object lock holds beyond the end of its epoch, in days.
const LOCK_DAYS: i64 = 30;

/// A store on the way.
pub struct Target {
    /// The store.
    pub store: Box<dyn Store>,
    /// What we know of it.
    pub ledger: Ledger,
    /// Bytes that were sent.
    pub sent: AtomicU64,
    /// Objects that were sent.
    pub puts: AtomicU64,
    unsettled: AtomicU64,
    fault: Mutex<Option<Refused>>,
}

impl Target {
    /// A store and its ledger.
    pub fn new(store: Box<dyn Store>, ledger: Ledger) -> Self {
        Self {
            store,
            ledger,
            sent: AtomicU64::new(0),
            puts: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            fault: Mutex::new(None),
        }
    }

    /// Until when a bucket with object lock is to keep what is put: the end of this store's epoch and some days. No other
    /// store's clock has a say in it.
    pub fn locked_until(&self) -> Option<Timestamp> {
        let end = self.ledger.epoch.end()?;
        end.checked_add(SignedDuration::from_hours(24 * LOCK_DAYS))
            .ok()
    }

    /// What failed, if anything did.
    pub fn fault(&self) -> Option<Refused> {
        self.fault
            .lock()
            .expect("no thread panics while it holds this")
            .clone()
    }

    /// Notes the first failure.
    pub fn fail(&self, refused: Refused) {
        let mut fault = self
            .fault
            .lock()
            .expect("no thread panics while it holds this");
        fault.get_or_insert(refused);
    }

    pub(super) fn fail_with(&self, fault: &StoreFault) {
        self.fail(crate::files::from_error(fault));
    }

    /// Makes durable what was put, then notes it in the ledger.
    pub fn settle(&self) {
        let lines = self.ledger.unwritten();
        self.unsettled.store(0, Ordering::Relaxed);
        match self.store.settle() {
            Ok(()) => {
                if let Err(refused) = self.ledger.settled(&lines) {
                    self.fail(refused);
                }
            }
            Err(fault) => self.fail_with(&fault),
        }
    }

    /// Puts an object under its name, or, where that is taken, under its name and a random suffix.
    pub(super) fn put(
        &self,
        source: &SourceName,
        plain: Hash,
        size: u64,
        codec: Codec,
        sealed: &[u8],
    ) -> Result<(), StoreFault> {
        let mut object = name(&self.ledger.note.key.0, &plain);
        for _ in 0..3 {
            let path = names::object(source, &self.ledger.epoch, &object);
            if self.store.put_new(&path, sealed, self.locked_until())? == Put::Stored {
                let stored_size = sealed.len() as u64;
                let known = Known {
                    object,
                    codec,
                    size,
                    stored_sha256: sha256(sealed),
                    stored_size,
                };
                self.ledger.stored(plain, known);
                self.sent.fetch_add(stored_size, Ordering::Relaxed);
                self.puts.fetch_add(1, Ordering::Relaxed);
                let counts = stored_size.max(COUNTS);
                if self.unsettled.fetch_add(counts, Ordering::Relaxed) + counts > SETTLE_AFTER {
                    self.settle();
                }
                return Ok(());
            }
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|error| self.broken(&error.to_string()))?;
            object = format!("{}-{}", &object[..64], Hex(random));
        }
        Err(self.broken("three names for one object were taken"))
    }

    fn broken(&self, reason: &str) -> StoreFault {
        StoreFault::Failed {
            store: self.store.address().to_owned(),
            reason: reason.to_owned(),
        }
    }
}
