//! A strict S3 server for tests: one bucket, over plain HTTP/1.1 on loopback, in threads of the test's process.
//!
//! It is written from Amazon's public reference alone and shares no code with the client: signatures are verified (every
//! `x-amz-` header must be signed), bodies are compared with their declared length, `x-amz-content-sha256` and
//! `x-amz-checksum-sha256`; `If-None-Match: *`, object lock and ListObjectsV2 work as at AWS. What it doesn't know it
//! refuses. Each test injects the faults it needs.
//!
//! ```ignore
//! mod s3_server;
//! let server = s3_server::S3Server::start();                       // or start_with(Config { page: 2, ..Config::default() })
//! let credentials = server.credentials_file(dir.path(), Who::Writer);
//! // address: s3://bucket/PREFIX?endpoint=http://127.0.0.1:PORT&region=test-1
//! let address = server.address("prefix");
//! server.once(Op::Put, Fault::CloseAfter);                          // the next put is carried out, its answer lost
//! server.inject(|seen| (seen.key.ends_with("/7")).then(|| Fault::Status(503, "SlowDown")));
//! server.set_clock_ahead(3600);
//! assert_eq!(server.counts().puts, 1);
//! server.objects().get("prefix/a").unwrap().bytes;
//! ```
//!
//! Identities: [`Who::Writer`] may put and list; [`Who::Reader`] may get and list; [`Who::Pruner`] may get, list, delete; [`Who::Verifier`] may put besides;
//! [`Who::Owner`] may do everything.

#![allow(
    dead_code,
    reason = "each test that includes this module uses a part of it"
)]

mod handle;
mod http;
pub mod instance;
mod list;
mod sign;

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

/// The bucket's name.
pub const BUCKET: &str = "bucket";

/// The region that requests must be signed for.
pub const REGION: &str = "test-1";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// May put (and lock) and list: the validator's host.
    Writer,
    /// May get and list.
    Reader,
    /// May get, list and delete.
    Pruner,
    /// May get, list, put and delete: it attests, archives and prunes.
    Verifier,
    /// May do everything.
    Owner,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Put,
    Get,
    Head,
    Delete,
    List,
    HeadBucket,
    LockConfiguration,
    PutRetention,
}

/// What the server does with conditions of puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// Keeps to them.
    Kept,
    /// Replaces objects all the same.
    Ignored,
    /// Says 501 NotImplemented.
    Unsupported,
}

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Most keys of one page of a listing.
    pub page: usize,
    pub conditions: Conditions,
    /// Whether the bucket has object lock, and the mode of its default rule.
    pub object_lock: Option<Option<&'static str>>,
    /// Whether the writer may ask for the bucket's object lock.
    pub tells_lock: bool,
    /// Whether answers state checksums, as AWS does and older Ceph does not.
    pub states_checksums: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            page: 1000,
            conditions: Conditions::Kept,
            object_lock: None,
            tells_lock: true,
            states_checksums: true,
        }
    }
}

/// An object that lies there.
#[derive(Debug, Clone, Default)]
pub struct Object {
    pub bytes: Vec<u8>,
    /// Mode and end of its lock.
    pub lock: Option<(String, Timestamp)>,
}

/// A request, as faults are chosen by it. Its signature is good.
#[derive(Debug, Clone)]
pub struct Seen {
    pub op: Op,
    /// The whole key; the prefix for a listing.
    pub key: String,
    pub who: Who,
    /// The raw query.
    pub query: String,
}

/// What goes wrong with one request.
pub enum Fault {
    /// Answers with this status and code, and does nothing.
    Status(u16, &'static str),
    /// Does it, and answers with this status and code.
    StatusAfter(u16, &'static str),
    /// Closes the connection without having read the body: a reset.
    Close,
    /// Does it, and closes the connection without an answer.
    CloseAfter,
    /// Answers, but closes the connection after so many bytes of the body.
    Cut(usize),
    /// Answers with the checksum of other bytes.
    WrongChecksum,
    /// Answers 200 with these bytes instead of the body, and their length.
    Body(Vec<u8>),
    /// Answers with what this makes of the body.
    Edit(Box<dyn FnOnce(String) -> String + Send>),
    /// Answers nothing until the client hangs up.
    Silent,
}

/// What was asked so far. Requests with a bad signature count as requests alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    /// Puts that stored an object.
    pub puts: u64,
    pub gets: u64,
    pub heads: u64,
    pub lists: u64,
    pub deletes: u64,
    /// Bytes of bodies received, whatever became of them.
    pub bytes_in: u64,
    /// Bytes of bodies sent.
    pub bytes_out: u64,
}

struct Key {
    id: String,
    secret: String,
    token: Option<String>,
}

type Injected = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

struct Shared {
    config: Config,
    port: u16,
    objects: Mutex<BTreeMap<String, Object>>,
    counts: Mutex<Counts>,
    keys: Mutex<BTreeMap<Who, Key>>,
    faults: Mutex<Vec<Injected>>,
    ahead: AtomicI64,
    stopped: AtomicBool,
}

impl Shared {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
    }

    fn fault(&self, seen: &Seen) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        faults.iter_mut().find_map(|fault| fault(seen))
    }
}

/// A running server. It ends when dropped.
pub struct S3Server {
    shared: Arc<Shared>,
}

impl S3Server {
    /// Starts on a free port, with an empty bucket.
    pub fn start() -> Self {
        Self::start_with(Config::default())
    }

    pub fn start_with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let key = |name: &str| Key {
            id: format!("AK{name}0"),
            secret: format!("secret+of/{name}"),
            token: None,
        };
        let shared = Arc::new(Shared {
            config,
            port: listener.local_addr().unwrap().port(),
            objects: Mutex::default(),
            counts: Mutex::default(),
            keys: Mutex::new(BTreeMap::from([
                (Who::Writer, key("WRITER")),
                (Who::Reader, key("READER")),
                (Who::Pruner, key("PRUNER")),
                (Who::Verifier, key("VERIFIER")),
                (Who::Owner, key("OWNER")),
            ])),
            faults: Mutex::default(),
            ahead: AtomicI64::new(0),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), serving) = (stream, Arc::clone(&serving)) else {
                    continue;
                };
                std::thread::spawn(move || handle::connection(&serving, stream));
            }
        });
        Self { shared }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// The store's address with everything that it takes, but credentials.
    pub fn address(&self, prefix: &str) -> String {
        let endpoint = self.endpoint();
        format!("s3://{BUCKET}/{prefix}?endpoint={endpoint}&region={REGION}")
    }

    /// Writes a file of credentials (mode 0600) into the directory.
    pub fn credentials_file(&self, directory: &Path, who: Who) -> PathBuf {
        let path = directory.join(format!("credentials-{who:?}"));
        let keys = self.shared.keys.lock().unwrap();
        let Key { id, secret, token } = &keys[&who];
        let token = token.as_ref().map_or(String::new(), |token| {
            format!("aws_session_token = {token}\n")
        });
        let text = format!(
            "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n{token}"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Gives an identity a new key with a session token; the old one is not known any more.
    pub fn rotate(&self, who: Who) -> (String, String, String) {
        let mut keys = self.shared.keys.lock().unwrap();
        let key = keys.get_mut(&who).unwrap();
        key.id.push('1');
        key.secret.push('1');
        let token = format!("token+/of/{who:?}==");
        key.token = Some(token.clone());
        (key.id.clone(), key.secret.clone(), token)
    }

    /// All objects by their keys. Tests may change them; requests wait meanwhile.
    pub fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.shared.objects.lock().unwrap()
    }

    /// Lays an object there.
    pub fn lay(&self, key: &str, bytes: &[u8]) {
        let object = Object {
            bytes: bytes.to_vec(),
            lock: None,
        };
        self.objects().insert(key.to_owned(), object);
    }

    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap().clone()
    }

    /// Asks `fault` about each request from now on; the first that gives a fault wins.
    pub fn inject(&self, fault: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        self.shared.faults.lock().unwrap().push(Box::new(fault));
    }

    /// The next request of this kind goes wrong. May be said several times: each is used once, in order. The client's
    /// probe is not counted.
    pub fn once(&self, op: Op, fault: Fault) {
        let mut fault = Some(fault);
        self.inject(move |seen| {
            let probe = seen.key.ends_with("probe/conditional-put");
            if seen.op == op && !probe {
                fault.take()
            } else {
                None
            }
        });
    }

    /// No more faults.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Sets the server's clock so many seconds ahead of the host's (or behind, if negative).
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.ahead.store(seconds, Ordering::SeqCst);
    }

    /// The server's time.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.shared.port));
    }
}
