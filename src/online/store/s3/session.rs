//! Requests until there is an answer that counts: tries, pauses, the right time, fresh credentials.
//!
//! 1. Answers that say "later" (5xx, 429, time-outs, conflicts), lost and broken ones are asked again, with pauses that
//!    double and are cut by chance. The number of tries is bounded.
//! 2. A server that finds our time wrong is told its own: the difference is kept, and the host's clock doesn't matter.
//! 3. Credentials that are called expired or unknown, or may be meant, are read again, once.
//! 4. What comes back says whether an earlier try of the same request may have arrived.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ureq::http::Method;

use super::answer::ErrorText;
use super::credentials::Provider;
use super::settings::S3Settings;
use super::wire::{Answer, Ask, Broken, Wire};
use crate::online::store::StoreFault;
use crate::transcript::visible::visible_short;

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Times that differ by less are no reason to be refused. S3 allows 15 minutes.
const SAME_TIME: i64 = 300;

/// An answer that counts.
pub(super) struct Got {
    pub answer: Answer,
    /// Its error, if it is one and has a text.
    pub error: Option<ErrorText>,
    /// Whether an earlier try may have been carried out.
    pub doubt: bool,
}

impl Got {
    pub fn code(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.code)
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.answer.status)
    }

    /// The server's words.
    pub fn words(&self) -> String {
        match &self.error {
            Some(error) if error.message.is_empty() => error.code.clone(),
            Some(error) => format!("{}: {}", error.code, error.message.trim_end_matches('.')),
            None => format!("HTTP {}", self.answer.status),
        }
    }

    /// Whether other credentials may be accepted. An answer to HEAD has no text that would say so.
    fn doubts_credentials(&self, method: &Method) -> bool {
        let head = *method == Method::HEAD && self.error.is_none();
        (head && matches!(self.answer.status, 400 | 403))
            || matches!(
                self.code(),
                "ExpiredToken" | "InvalidAccessKeyId" | "InvalidToken" | "TokenRefreshRequired"
            )
    }

    fn is_for_later(&self) -> bool {
        matches!(self.answer.status, 408 | 425 | 429 | 500 | 502..=504)
            || matches!(
                self.code(),
                "BadDigest"
                    | "ConditionalRequestConflict"
                    | "IncompleteBody"
                    | "OperationAborted"
                    | "RequestTimeout"
                    | "SlowDown"
                    | "XAmzContentSHA256Mismatch"
            )
    }
}

pub(super) struct Session {
    wire: Wire,
    credentials: Provider,
    /// The store's address, for texts.
    pub store: String,
    /// Seconds by which the server's clock is ahead of ours.
    ahead: AtomicI64,
    tries: u32,
    backoff: Duration,
}

impl Session {
    pub fn new(settings: S3Settings) -> Result<Self, StoreFault> {
        let place = settings.place()?;
        Ok(Self {
            store: settings.address(),
            wire: Wire::new(place, settings.region, settings.timeout),
            credentials: Provider::new(settings.credentials, settings.profile),
            ahead: AtomicI64::new(0),
            tries: settings.tries.max(1),
            backoff: settings.backoff,
        })
    }

    fn time(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Whether the answer says that our time is wrong; then it is corrected.
    fn corrected(&self, got: &Got) -> bool {
        let Some(date) = got.answer.date() else {
            return false;
        };
        let off = date.duration_since(self.time()).as_secs();
        // An answer to HEAD has no text that would say so.
        let skewed = got.code() == "RequestTimeTooSkewed"
            || (got.error.is_none() && got.answer.status == 403 && off.abs() > SAME_TIME);
        if skewed {
            let ahead = date.duration_since(Timestamp::now()).as_secs();
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        skewed
    }

    /// Waits before a further try.
    fn pause(&self, tried: u32, got: Option<&Got>) {
        let doubled = self.backoff.saturating_mul(1 << (tried - 1).min(16));
        let longest = doubled.min(LONGEST_PAUSE);
        let mut chance = [0; 4];
        // Without randomness the pause is just not cut.
        let _ = getrandom::fill(&mut chance);
        let cut = f64::from(u32::from_le_bytes(chance)) / f64::from(u32::MAX) / 2.0;
        let mut pause = longest.mul_f64(1.0 - cut);
        let asked = got.and_then(|got| got.answer.header("retry-after")?.parse().ok());
        if let Some(seconds) = asked {
            pause = pause.max(Duration::from_secs(seconds).min(LONGEST_PAUSE));
        }
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }

    /// Asks until there is an answer that counts. `whole` looks at a good one and says what is wrong with it.
    pub fn ask(
        &self,
        ask: &Ask<'_>,
        whole: impl Fn(&Answer) -> Result<(), String>,
    ) -> Result<Got, StoreFault> {
        let (mut doubt, mut corrected, mut renewed) = (false, false, false);
        let mut tried = 0;
        loop {
            tried += 1;
            let time = self.time();
            let credentials = self.credentials.get(time)?;
            let (last, got) = match self.wire.exchange(ask, &credentials, time) {
                Err(Broken::TooLarge) => {
                    return Err(StoreFault::TooLarge {
                        store: self.store.clone(),
                        name: visible_short(ask.key, 600),
                        limit: ask.limit,
                    });
                }
                Err(Broken::Lost(reason)) => (reason, None),
                Ok(answer) => {
                    let good = (200..300).contains(&answer.status);
                    let error = (!good).then(|| ErrorText::read(&answer.body)).flatten();
                    let got = Got {
                        answer,
                        error,
                        doubt,
                    };
                    if good {
                        match whole(&got.answer) {
                            Ok(()) => return Ok(got),
                            Err(reason) => (reason, Some(got)),
                        }
                    } else if !corrected && self.corrected(&got) {
                        (corrected, tried) = (true, tried - 1);
                        continue;
                    } else if !renewed
                        && got.doubts_credentials(&ask.method)
                        && self.credentials.renew(&credentials)
                    {
                        (renewed, tried) = (true, tried - 1);
                        continue;
                    } else if got.is_for_later() {
                        (got.words(), Some(got))
                    } else {
                        return Ok(got);
                    }
                }
            };
            doubt = true;
            if tried >= self.tries {
                let times = if tried == 1 {
                    "once"
                } else {
                    &format!("{tried} times")
                };
                return Err(StoreFault::Failed {
                    store: self.store.clone(),
                    reason: format!("{} {}, tried {times}: {last}", ask.method, shown(ask)),
                });
            }
            self.pause(tried, got.as_ref());
        }
    }

    /// What an answer that is no success means, where no caller knows better.
    pub fn refused(&self, ask: &Ask<'_>, got: &Got) -> StoreFault {
        let store = self.store.clone();
        let words = got.words();
        let reason = format!("{} {}: {words}", ask.method, shown(ask));
        match (got.answer.status, got.code()) {
            (507, _)
            | (_, "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded") => {
                StoreFault::Full { store, reason }
            }
            (_, "NoSuchBucket") => StoreFault::Address {
                given: store,
                reason: "there is no such bucket".into(),
            },
            (301 | 302 | 307 | 308, _) | (400, "AuthorizationHeaderMalformed") => {
                let region = got.answer.header("x-amz-bucket-region");
                let region = region.map(|name| format!(" (in region {})", visible_short(name, 64)));
                StoreFault::Address {
                    given: store,
                    reason: format!(
                        "the bucket is elsewhere{}: {words}",
                        region.unwrap_or_default()
                    ),
                }
            }
            (401 | 403, _) => StoreFault::Denied { store, reason },
            _ => StoreFault::Failed { store, reason },
        }
    }
}

fn shown<'a>(ask: &'a Ask<'_>) -> &'a str {
    if ask.key.is_empty() {
        "the bucket"
    } else {
        ask.key
    }
}
