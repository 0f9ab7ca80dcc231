//! The child, as `qh-ceremony` sees it: started over pipes, asked one question at a time, ended when it fails.
//!
//! No PIN and no key is in its arguments or its environment. A question that is not answered in its time, and an answer
//! that is none, end the child by a kill; the caller may start another.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use zeroize::Zeroizing;

use super::fault::HsmFault;
use super::frame::{self, HEAD};
use super::message::{MAX_RANDOM, Reply, Request};
use super::modules::Module;
use super::{Method, NewObject, ObjectInfo, Parts, SignWith, TokenInfo};
use crate::secret::{SecretBytes, SecretText};

/// How long each question may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Loading, listing, reading: seconds.
    pub usual: Duration,
    /// Logging in where the PIN is typed on the token's own pad.
    pub pin_pad: Duration,
    /// Everything that one child does: one piece of work of the ceremony.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            usual: Duration::from_secs(30),
            pin_pad: Duration::from_secs(180),
            whole: Duration::from_secs(600),
        }
    }
}

/// How long a child may take to end once its pipe is closed.
const GOODBYE: Duration = Duration::from_secs(3);

/// A running child with its module loaded.
pub struct Client {
    child: Child,
    /// `None` once the child was told to end.
    to: Option<ChildStdin>,
    from: ChildStdout,
    patience: Patience,
    /// When all of its work must be done.
    deadline: Instant,
    /// What the module calls itself.
    pub library: String,
}

impl Client {
    /// Starts `program` and has it load `module`.
    ///
    /// # Errors
    /// [`HsmFault`]: the program is missing, it could not give up what it doesn't need, the module can't be loaded.
    pub fn start(program: &Path, module: &Module, patience: Patience) -> Result<Self, HsmFault> {
        let missing = |why: std::io::Error| HsmFault::ChildMissing {
            program: program.display().to_string(),
            why: why.to_string(),
        };
        let environment = module
            .environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(missing)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(missing(std::io::Error::other("it has no pipes")));
        };
        let stdin = to.as_fd().try_clone_to_owned().map_err(missing)?;
        let mut own = Self {
            child,
            to: Some(to),
            from,
            patience,
            deadline: Instant::now() + patience.whole,
            library: String::new(),
        };
        // Writing must not wait longer than reading may: a hung child doesn't empty its pipe.
        let flags = fcntl_getfl(&stdin).map_err(|e| missing(e.into()))?;
        fcntl_setfl(&stdin, flags | OFlags::NONBLOCK).map_err(|e| missing(e.into()))?;
        drop(stdin);
        let load = Request::Load {
            module: module.path.display().to_string(),
            init: module.init.clone(),
        };
        match own.ask("load", &load)? {
            Reply::Loaded {
                library,
                unconfined,
            } if unconfined.is_empty() => own.library = library,
            Reply::Loaded { unconfined, .. } => {
                return Err(HsmFault::Unconfined { what: unconfined });
            }
            _ => return Err(own.garbage("load")),
        }
        Ok(own)
    }

    /// The tokens that are there.
    ///
    /// # Errors
    /// [`HsmFault`].
    pub fn tokens(&mut self) -> Result<Vec<TokenInfo>, HsmFault> {
        match self.ask("list its tokens", &Request::Tokens)? {
            Reply::Tokens(tokens) => Ok(tokens),
            _ => Err(self.garbage("list its tokens")),
        }
    }

    /// Opens a session with exactly this token.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-no-token` where another one is in the slot by now.
    pub fn open(&mut self, token: &TokenInfo, write: bool) -> Result<(), HsmFault> {
        let open = Request::Open {
            slot: token.slot,
            label: token.label.clone(),
            serial: token.serial.clone(),
            write,
        };
        self.done("open a session", &open)
    }

    /// Logs in; an empty PIN where it is typed on the token's own pad.
    ///
    /// # Errors
    /// [`HsmFault`]: `hsm-pin-wrong`, `hsm-pin-locked` and others.
    pub fn login(&mut self, pin: SecretText) -> Result<(), HsmFault> {
        let usual = self.patience.usual;
        if pin.expose().is_empty() {
            self.patience.usual = self.patience.pin_pad;
        }
        let done = self.done("log in", &Request::Login { pin });
        self.patience.usual = usual;
        done
    }

    /// The private keys, secret keys and data objects.
    ///
    /// # Errors
    /// [`HsmFault`].
    pub fn objects(&mut self) -> Result<Vec<ObjectInfo>, HsmFault> {
        match self.ask("list its objects", &Request::Objects)? {
            Reply::Objects(objects) => Ok(objects),
            _ => Err(self.garbage("list its objects")),
        }
    }

    /// `count` random bytes of the token, at most 1024.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-module-garbage` for another number of bytes, or all the same.
    pub fn random(&mut self, count: usize) -> Result<SecretBytes, HsmFault> {
        const DOING: &str = "give random bytes";
        let request = Request::Random {
            count: u64::try_from(count).unwrap_or(MAX_RANDOM),
        };
        match self.ask(DOING, &request)? {
            Reply::Random(bytes) if bytes.len() == count && varied(bytes.expose()) => Ok(bytes),
            _ => Err(self.garbage(DOING)),
        }
    }

    /// Gives the child the AES-256 key to wrap under.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-not-offered` where the token takes no such key.
    pub fn use_aes(&mut self, key: SecretBytes) -> Result<(), HsmFault> {
        self.done("take an AES wrapping key", &Request::UseAes { key })
    }

    /// Gives the child the RSA public key to wrap under: modulus and exponent.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-not-offered` where the token takes no such key.
    pub fn use_rsa(&mut self, n: Vec<u8>, e: Vec<u8>) -> Result<(), HsmFault> {
        self.done("take an RSA wrapping key", &Request::UseRsa { n, e })
    }

    /// Has an object wrapped: the IV that was used, and what came out.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-not-offered` where another method may do.
    pub fn wrap(
        &mut self,
        handle: u64,
        method: Method,
        iv: [u8; 12],
    ) -> Result<([u8; 12], Vec<u8>), HsmFault> {
        match self.ask("wrap a key", &Request::Wrap { handle, method, iv })? {
            Reply::Wrapped { iv, blob } => Ok((iv, blob)),
            _ => Err(self.garbage("wrap a key")),
        }
    }

    /// Reads an object that is not sensitive.
    ///
    /// # Errors
    /// [`HsmFault`].
    pub fn read(&mut self, handle: u64) -> Result<Parts, HsmFault> {
        match self.ask("read an object", &Request::Read { handle })? {
            Reply::Plain(parts) => Ok(parts),
            _ => Err(self.garbage("read an object")),
        }
    }

    /// Writes an object and lists it back.
    ///
    /// # Errors
    /// [`HsmFault`]; `hsm-object-exists` and others.
    pub fn create(&mut self, object: NewObject) -> Result<ObjectInfo, HsmFault> {
        match self.ask("write an object", &Request::Create(Box::new(object)))? {
            Reply::Created(info) => Ok(info),
            _ => Err(self.garbage("write an object")),
        }
    }

    /// Signs a challenge.
    ///
    /// # Errors
    /// [`HsmFault`].
    pub fn sign(
        &mut self,
        handle: u64,
        with: SignWith,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, HsmFault> {
        match self.ask(
            "sign a challenge",
            &Request::Sign {
                handle,
                with,
                message,
            },
        )? {
            Reply::Signature(signature) => Ok(signature),
            _ => Err(self.garbage("sign a challenge")),
        }
    }

    /// Destroys an object that was just written.
    ///
    /// # Errors
    /// [`HsmFault`].
    pub fn destroy(&mut self, handle: u64) -> Result<(), HsmFault> {
        self.done("destroy an object", &Request::Destroy { handle })
    }

    fn done(&mut self, doing: &'static str, request: &Request) -> Result<(), HsmFault> {
        match self.ask(doing, request)? {
            Reply::Done => Ok(()),
            _ => Err(self.garbage(doing)),
        }
    }

    /// An answer to another question.
    fn garbage(&mut self, doing: &'static str) -> HsmFault {
        self.end();
        HsmFault::Garbage {
            doing,
            why: "it answers another question".into(),
        }
    }

    fn ask(&mut self, doing: &'static str, request: &Request) -> Result<Reply, HsmFault> {
        let reply = self.exchange(doing, request);
        match reply {
            Ok(Reply::Refused { no, text }) => Err(HsmFault::Refused { doing, no, text }),
            Ok(reply) => Ok(reply),
            Err(fault) => {
                self.end();
                Err(fault)
            }
        }
    }

    fn exchange(&mut self, doing: &'static str, request: &Request) -> Result<Reply, HsmFault> {
        let garbage = |error| HsmFault::garbage(doing, error);
        let until = self.deadline.min(Instant::now() + self.patience.usual);
        let frame = request.frame().map_err(garbage)?;
        self.send(doing, &frame, until)?;
        let mut head = [0; HEAD];
        self.receive(doing, &mut head, until)?;
        let length = frame::body_len(head).map_err(garbage)?;
        let mut body = Zeroizing::new(vec![0; length]);
        self.receive(doing, &mut body, until)?;
        Reply::read(&body).map_err(garbage)
    }

    fn send(
        &mut self,
        doing: &'static str,
        mut bytes: &[u8],
        until: Instant,
    ) -> Result<(), HsmFault> {
        while !bytes.is_empty() {
            self.wait(doing, Direction::Write, until)?;
            let Some(to) = &mut self.to else {
                return Err(self.ended(doing));
            };
            match to.write(bytes) {
                Ok(0) => return Err(self.ended(doing)),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if again(&error) => {}
                Err(_) => return Err(self.ended(doing)),
            }
        }
        Ok(())
    }

    fn receive(
        &mut self,
        doing: &'static str,
        bytes: &mut [u8],
        until: Instant,
    ) -> Result<(), HsmFault> {
        let mut filled = 0;
        while filled < bytes.len() {
            self.wait(doing, Direction::Read, until)?;
            match self.from.read(&mut bytes[filled..]) {
                Ok(0) => return Err(self.ended(doing)),
                Ok(read) => filled += read,
                Err(error) if again(&error) => {}
                Err(_) => return Err(self.ended(doing)),
            }
        }
        Ok(())
    }

    fn wait(
        &self,
        doing: &'static str,
        direction: Direction,
        until: Instant,
    ) -> Result<(), HsmFault> {
        let hangs = HsmFault::Hangs {
            doing,
            seconds: self.patience.usual.as_secs(),
        };
        loop {
            let left = until
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero());
            let Some(left) = left else {
                return Err(hangs);
            };
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let mut fds = [match (direction, &self.to) {
                (Direction::Write, Some(to)) => PollFd::new(to, PollFlags::OUT),
                _ => PollFd::new(&self.from, PollFlags::IN),
            }];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Err(hangs),
                // A hang-up shows when reading or writing.
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(hangs),
            }
        }
    }

    /// The pipe is closed: how the child ended, or that it was ended.
    fn ended(&mut self, doing: &'static str) -> HsmFault {
        let how = match self.reaped(GOODBYE) {
            Some(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("signal {signal}"),
                (None, Some(code)) => format!("exit code {code}"),
                (None, None) => "no reason told".into(),
            },
            None => "it closed its pipe and went on; it was ended".into(),
        };
        HsmFault::Crashed { doing, how }
    }

    /// How the child ended, if it does in this time.
    fn reaped(&mut self, time: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + time;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Ends the child at once and reaps it.
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Client {
    /// Lets the child log out and leave the token in peace; ends it if it doesn't.
    fn drop(&mut self) {
        self.to = None;
        if self.reaped(GOODBYE).is_none() {
            self.end();
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Read,
    Write,
}

fn again(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock
    )
}

/// Whether not all bytes are the same: a module that hands out an untouched buffer gives no randomness.
fn varied(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| Some(byte) != bytes.first())
}
