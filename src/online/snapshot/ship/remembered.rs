//! What is known of files that can't change, so that they are not read each time.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::PlainFile;
use crate::ceremony::event::Refused;
use crate::online::snapshot::freeze::{Still, StillFile};
use crate::transcript::hex::Hash;

/// What is known of unchanging files from the last time: they need not be read again.
#[derive(Debug, Clone, Default)]
pub struct Remembered(HashMap<(String, u64, u64, i128), PlainFile>);

impl Remembered {
    /// What is known of a file, if it can't have changed.
    pub fn of(&self, file: &StillFile) -> Option<&PlainFile> {
        let (inode, time) = file.unchanging?;
        self.0.get(&(file.name.clone(), file.size, inode, time))
    }

    /// Remembers the unchanging files of `still`.
    pub fn new(still: &Still, plain: &[PlainFile]) -> Self {
        let both = still.files.iter().zip(plain);
        let pair = |(file, plain): (&StillFile, &PlainFile)| {
            let (inode, time) = file.unchanging?;
            Some(((file.name.clone(), file.size, inode, time), plain.clone()))
        };
        Self(both.filter_map(pair).collect())
    }

    /// Lines: name, size, inode, time, mode, SHA-256, chunk size, then the chunks' hashes.
    pub fn write(&self, path: &Path) -> Result<(), Refused> {
        use std::fmt::Write;
        let mut text = String::new();
        for ((name, size, inode, time), plain) in &self.0 {
            let chunk = plain.chunks.first().map_or(0, |first| first.1);
            let _ = write!(
                text,
                "{name} {size} {inode} {time} {:o} {} {chunk}",
                plain.mode, plain.sha256
            );
            for (hash, _) in &plain.chunks {
                let _ = write!(text, " {hash}");
            }
            text.push('\n');
        }
        crate::files::write(path, text.as_bytes())
    }

    /// Reads what was written; anything strange is as if it were not there.
    pub fn read(path: &Path, chunk: u64) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self(
            text.lines()
                .filter_map(|line| Self::line(line, chunk))
                .collect(),
        )
    }

    fn line(line: &str, chunk: u64) -> Option<((String, u64, u64, i128), PlainFile)> {
        let mut parts = line.split(' ');
        let name = parts.next()?.to_owned();
        let size: u64 = parts.next()?.parse().ok()?;
        let (inode, time) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mode = u32::from_str_radix(parts.next()?, 8).ok()?;
        let sha256 = parts.next()?.parse().ok()?;
        let first: u64 = parts.next()?.parse().ok()?;
        let hashes: Vec<Hash> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        if first != chunk.min(size) || hashes.len() as u64 != size.div_ceil(chunk) {
            return None;
        }
        let sizes = (0..).map(|n| chunk.min(size - n * chunk));
        let chunks = hashes.into_iter().zip(sizes).collect();
        Some((
            (name.clone(), size, inode, time),
            PlainFile {
                name,
                size,
                mode,
                sha256,
                chunks,
            },
        ))
    }
}
