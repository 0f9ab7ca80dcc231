//! An archive unpacked: what a store gives is compared with the signed clear part before a byte of it is opened.

use std::io::{self, Read};

use super::super::names::SourceName;
use super::super::object::sha256;
use super::super::staging::Staging;
use super::{ArchiveHead, part_name};
use crate::ceremony::event::Refused;
use crate::files::refused;
use crate::online::store::Store;
use crate::vault::object::{Identities, Unopened};

/// Unpacks an archive into `staging`, an empty directory. Gives its files, in order of their names.
///
/// # Errors
/// What is wrong with it; what was unpacked until then stays in `staging`.
pub fn unpack(
    store: &dyn Store,
    source: &SourceName,
    head: &ArchiveHead,
    identities: &Identities,
    staging: &Staging,
) -> Result<Vec<String>, Refused> {
    let fail = |reason: String| {
        refused(
            "archive-damaged",
            format!(
                "The archive {} in {} can't be unpacked: {reason}.",
                head.name(),
                store.address()
            ),
            "Use another archive or another store.",
        )
    };
    staging.has_room(head.bytes)?;
    let mut reader = PartReader {
        store,
        source,
        head,
        next: 0,
        part: io::Cursor::new(vec![]),
    };
    let opened = identities
        .reading(&mut reader)
        .map_err(|unopened| match unopened {
            Unopened::OtherRecipient => refused(
                "snapshot-other-recipient",
                format!(
                    "The archive {} in {} is not sealed to this identity.",
                    head.name(),
                    store.address()
                ),
                "Give the identity (--identity) of one of the recipients that the verifier seals to.",
            ),
            unopened => fail(format!("{unopened:?}")),
        })?;
    let zstd = zstd::stream::read::Decoder::new(opened).map_err(|error| fail(error.to_string()))?;
    let mut tar = tar::Archive::new(zstd);
    let mut files = Vec::new();
    let mut left = head.bytes;
    let damaged = |error: io::Error| fail(error.to_string());
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry
            .path()
            .map_err(damaged)?
            .to_string_lossy()
            .into_owned();
        let size = entry.size();
        let belongs = crate::online::snapshot::database::belongs(head.engine, &name)
            && entry.header().entry_type().is_file();
        if !belongs || files.contains(&name) || size > left {
            return Err(fail(
                "it holds a file that does not belong to the database".into(),
            ));
        }
        left -= size;
        let mode = entry.header().mode().map_err(damaged)?;
        let mut file = staging.make(&name, 0, mode)?;
        io::copy(&mut entry, &mut file).map_err(damaged)?;
        files.push(name);
    }
    if left > 0 {
        return Err(fail(format!("it lacks {left} bytes")));
    }
    staging.sync()?;
    files.sort();
    Ok(files)
}

/// The parts, each compared with its hash before a byte of it is given.
struct PartReader<'a> {
    store: &'a dyn Store,
    source: &'a SourceName,
    head: &'a ArchiveHead,
    next: usize,
    part: io::Cursor<Vec<u8>>,
}

impl Read for PartReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.part.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Some(part) = self.head.parts.get(self.next) else {
                return Ok(0);
            };
            let name = part_name(self.source, &self.head.name(), self.next);
            let bytes = self
                .store
                .get(&name, part.size)
                .map_err(|fault| io::Error::other(fault.to_string()))?;
            if sha256(&bytes) != part.sha256 {
                return Err(io::Error::other(format!(
                    "{name} is not the one that was signed"
                )));
            }
            self.part = io::Cursor::new(bytes);
            self.next += 1;
        }
    }
}
