//! What one thread does: it reads, hashes, packs, seals, and puts.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::{Job, Results, ShipFault, Target, Work};
use crate::online::snapshot::freeze::{Content, Still, StillFile};
use crate::online::snapshot::ledger::Claim;
use crate::online::snapshot::object::{Packer, sha256};
use crate::transcript::hex::{Hash, Hex};

/// One thread.
pub(super) struct Worker<'a> {
    still: &'a Still,
    work: &'a Work<'a>,
    results: &'a Mutex<Results>,
    packer: Packer<'a>,
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        still: &'a Still,
        work: &'a Work<'a>,
        results: &'a Mutex<Results>,
    ) -> Result<Self, ShipFault> {
        let chunk = usize::try_from(work.chunk).expect("a chunk fits in memory");
        Ok(Self {
            still,
            work,
            results,
            packer: Packer::new(work.recipients, chunk)
                .map_err(|error| ShipFault::Worker(error.to_string()))?,
            buffer: vec![0; chunk],
        })
    }

    /// Whether to go on: within the window, with a store that is left.
    pub(super) fn check(&self) -> Result<(), ShipFault> {
        if let Some((deadline, seconds)) = self.work.deadline
            && Instant::now() > deadline
        {
            return Err(ShipFault::Window { seconds });
        }
        let faults: Vec<_> = self.work.targets.iter().filter_map(Target::fault).collect();
        if !faults.is_empty() && faults.len() == self.work.targets.len() {
            let all: Vec<_> = faults.into_iter().map(|fault| fault.what).collect();
            return Err(ShipFault::NoStore(all.join(" ")));
        }
        Ok(())
    }

    /// Does one job.
    pub(super) fn work(&mut self, job: Job) -> Result<(), ShipFault> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let done = self.work_with(job, &mut buffer);
        self.buffer = buffer;
        done
    }

    fn work_with(&mut self, job: Job, buffer: &mut [u8]) -> Result<(), ShipFault> {
        let (still, work) = (self.still, self.work);
        match job {
            Job::File(at) => {
                let file = &still.files[at];
                if self.remember(at) {
                    return Ok(());
                }
                let mut reader = self.open(file)?;
                let mut whole = Sha256::new();
                let mut left = file.size;
                for n in 0.. {
                    if left == 0 {
                        break;
                    }
                    self.check()?;
                    let size = left.min(work.chunk);
                    let length = usize::try_from(size).expect("a chunk fits in memory");
                    reader
                        .read_exact(&mut buffer[..length])
                        .map_err(|error| self.unreadable(file, &error))?;
                    let one = file.size <= work.chunk;
                    if !one {
                        whole.update(&buffer[..length]);
                    }
                    let hash = self.chunk(&buffer[..length]);
                    let mut results = self.results.lock().expect("no panic inside");
                    results.files[at].1[n] = Some((hash, size));
                    if one {
                        results.files[at].0 = Some(hash);
                    }
                    drop(results);
                    left -= size;
                }
                let mut results = self.results.lock().expect("no panic inside");
                results.files[at]
                    .0
                    .get_or_insert_with(|| Hex(whole.finalize().into()));
            }
            Job::Chunk(at, n) => {
                let file = &still.files[at];
                let mut reader = self.open(file)?;
                let start = n * work.chunk;
                let size = work.chunk.min(file.size - start);
                let length = usize::try_from(size).expect("a chunk fits in memory");
                reader
                    .seek(SeekFrom::Start(start))
                    .and_then(|_| reader.read_exact(&mut buffer[..length]))
                    .map_err(|error| self.unreadable(file, &error))?;
                let hash = self.chunk(&buffer[..length]);
                let index = usize::try_from(n).expect("chunks fit in memory");
                self.results.lock().expect("no panic inside").files[at].1[index] =
                    Some((hash, size));
            }
            Job::Hash(at) => {
                let file = &still.files[at];
                let mut reader = self.open(file)?.take(file.size);
                let mut whole = Sha256::new();
                let mut read = 0;
                loop {
                    self.check()?;
                    let part = buffer.len().min(256 * 1024);
                    let length = reader
                        .read(&mut buffer[..part])
                        .map_err(|error| self.unreadable(file, &error))?;
                    if length == 0 {
                        break;
                    }
                    whole.update(&buffer[..length]);
                    read += length as u64;
                }
                if read != file.size {
                    return Err(self.unreadable(file, &io::ErrorKind::UnexpectedEof.into()));
                }
                self.results.lock().expect("no panic inside").files[at].0 =
                    Some(Hex(whole.finalize().into()));
            }
        }
        Ok(())
    }

    /// Takes over what is known of an unchanging file, if every store has all of it.
    fn remember(&self, at: usize) -> bool {
        let Some(plain) = self.work.remembered.of(&self.still.files[at]) else {
            return false;
        };
        let stored = |target: &Target| {
            let known = |(hash, _): &(Hash, u64)| target.ledger.known(hash).is_some();
            target.fault().is_some() || plain.chunks.iter().all(known)
        };
        if !self.work.targets.iter().all(stored) {
            return false;
        }
        let chunks = plain.chunks.iter().copied().map(Some).collect();
        self.results.lock().expect("no panic inside").files[at] = (Some(plain.sha256), chunks);
        self.work
            .progress
            .done
            .fetch_add(plain.size, Ordering::Relaxed);
        true
    }

    /// Hashes a chunk and puts it where it is lacking.
    fn chunk(&mut self, plain: &[u8]) -> Hash {
        let hash = sha256(plain);
        let size = plain.len() as u64;
        let mut packed = None;
        for target in self
            .work
            .targets
            .iter()
            .filter(|target| target.fault().is_none())
        {
            if target.ledger.claim(&hash) == Claim::Yours {
                let codec = *packed.get_or_insert_with(|| self.packer.pack(plain));
                if let Err(fault) =
                    target.put(self.work.source, hash, size, codec, &self.packer.sealed)
                {
                    target.fail_with(&fault);
                }
                self.work
                    .progress
                    .sent
                    .fetch_add(self.packer.sealed.len() as u64, Ordering::Relaxed);
            }
        }
        self.work.progress.done.fetch_add(size, Ordering::Relaxed);
        hash
    }

    fn open(&self, file: &StillFile) -> Result<Reader, ShipFault> {
        match &file.content {
            Content::Bytes(bytes) => Ok(Reader::Bytes(io::Cursor::new(bytes.clone()))),
            Content::File => self
                .still
                .open
                .file(&file.name, OFlags::RDONLY, 0)
                .map(Reader::File)
                .map_err(|error| self.unreadable(file, &error)),
        }
    }

    fn unreadable(&self, file: &StillFile, error: &io::Error) -> ShipFault {
        ShipFault::Unreadable {
            path: self.still.dir.join(&file.name),
            reason: match error.kind() {
                io::ErrorKind::UnexpectedEof => "it became shorter while it was read".to_owned(),
                _ => error.to_string(),
            },
        }
    }
}

enum Reader {
    File(File),
    Bytes(io::Cursor<Vec<u8>>),
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Bytes(bytes) => bytes.read(into),
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Bytes(bytes) => bytes.seek(to),
        }
    }
}
