//! Proof of absence: searching this program's own memory for what should no longer be there.
//!
//! - While the secret still exists, each of its forms is watched: raw, hex, words and so on. A watch keeps no part of
//!   the secret: of every window it keeps a keyed SHA-256, and one bit of a keyed filter. A window is long enough (16
//!   bytes raw, about as many bits in text) that its hash cannot be turned back by trying.
//! - After wiping, [`Residue::search`] reads every readable mapping through `/proc/self/mem`. A fragment of one window
//!   is enough to be found.
//! - The search must not find itself: it reads into one buffer whose own addresses are skipped, and the stack below
//!   is overwritten after every window that was hashed.
//! - It can't see registers, memory that was given back to the kernel (which the image's kernel zeroes: `init_on_free`),
//!   or other processes. Mappings that nobody may read are counted as skipped.
//! - A process that is not dumpable reads `/proc/self/mem` only as root. Where it can't, the answer is "could not
//!   search", never "absent".

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::mappings::{Mapping, without};
use crate::refusal::Refuse;

/// Why there is no answer, or no watch.
#[derive(Debug, thiserror::Error)]
pub enum ResidueError {
    /// The needle is too short to tell from chance.
    #[error(
        "The form {label} is too short to be searched for: {len} bytes, and at least 8 are needed."
    )]
    TooShort {
        /// The label of the watch.
        label: String,
        /// Its length in bytes.
        len: usize,
    },
    /// The needle is one byte repeated, which memory is full of.
    #[error("The form {label} is one byte repeated, so finding it would mean nothing.")]
    Trivial {
        /// The label of the watch.
        label: String,
    },
    /// The kernel did not let the program read its own memory.
    #[error("The program's memory could not be searched, because {file} cannot be read: {source}.")]
    CannotSearch {
        /// `/proc/self/maps` or `/proc/self/mem`.
        file: &'static str,
        /// What the kernel answered.
        source: std::io::Error,
    },
    /// A line of `/proc/self/maps` was not understood.
    #[error(
        "The program's memory could not be searched: line {line} of /proc/self/maps was not understood."
    )]
    MapsNotUnderstood {
        /// The line, from 1.
        line: usize,
    },
    /// A mapping that is readable could not be read.
    #[error("The search is incomplete: {bytes} bytes of {mapping} could not be read.")]
    Incomplete {
        /// The mapping's name.
        mapping: String,
        /// How many bytes stayed unread.
        bytes: u64,
    },
}

impl Refuse for ResidueError {
    fn name(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "residue-too-short",
            Self::Trivial { .. } => "residue-trivial",
            Self::CannotSearch { .. } => "residue-cannot-search",
            Self::MapsNotUnderstood { .. } => "residue-maps-not-understood",
            Self::Incomplete { .. } => "residue-incomplete",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::TooShort { .. } | Self::Trivial { .. } => "Watch another form of the secret.",
            _ => {
                "Start the program as root. Until then switch the laptop off and leave it off for ten minutes: \
                 absence is not proven."
            }
        }
    }
}

/// How a secret is written, which says how many bytes of it are beyond guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Random bytes.
    Raw,
    /// Hexadecimal digits, either case.
    Hex,
    /// RFC 4648 base32.
    Base32,
    /// RFC 4648 base64.
    Base64,
    /// BIP-39 words, one space between.
    Words,
}

impl Form {
    /// Bytes that hold about 128 bits (about 120 for words: 5.4 letters and a space carry 11 bits).
    fn window(self) -> usize {
        match self {
            Self::Raw => 16,
            Self::Hex => 32,
            Self::Base32 => 26,
            Self::Base64 => 22,
            Self::Words => 64,
        }
    }
}

/// One place where a watched form, or a part of it, still lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The label of the watch.
    pub label: String,
    /// The mapping: `[heap]`, `[stack]`, a file, or `anonymous`.
    pub mapping: String,
    /// Whether all of it lies there, or a part.
    pub whole: bool,
}

/// What a search saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Searched {
    /// Bytes of memory read.
    pub bytes: u64,
    /// Bytes of mappings that nobody may read, so not searched.
    pub skipped: u64,
    /// How many forms were watched.
    pub watched: usize,
    /// Every place where something was found, in order of address.
    pub finds: Vec<Find>,
}

impl Searched {
    /// Whether nothing was found.
    pub fn absent(&self) -> bool {
        self.finds.is_empty()
    }
}

/// A window of a watched form: which watch, and the window's offset in it.
#[derive(Clone, Copy)]
struct Place {
    watch: usize,
    offset: usize,
}

struct Watch {
    label: String,
    windows: usize,
}

/// All windows of one length.
struct Group {
    window: usize,
    filter: Vec<u64>,
    digests: HashMap<[u8; 32], Vec<Place>>,
}

/// Watches over secrets, and the search for them.
pub struct Residue {
    key: Zeroizing<[u8; 32]>,
    mixers: [u64; 2],
    watches: Vec<Watch>,
    groups: BTreeMap<usize, Group>,
}

/// Bits of the filter: few enough that it says little about a window, many enough that it lets little pass.
const FILTER_BITS: u32 = 16;
/// More windows of one form than this are not kept: of a long form every n-th window is.
const MOST_WINDOWS: usize = 256;
/// The shortest form that can be told from chance, in bytes.
const SHORTEST: usize = 8;
const CHUNK: usize = 1 << 20;

impl Residue {
    /// No watches yet. `key` is 32 random bytes for this search alone.
    pub fn new(key: [u8; 32]) -> Self {
        let mix = |label: &[u8]| {
            let digest = Sha256::new()
                .chain_update(key)
                .chain_update(label)
                .finalize();
            // Odd, so that multiplying loses nothing.
            digest
                .iter()
                .take(8)
                .fold(0_u64, |all, byte| all << 8 | u64::from(*byte))
                | 1
        };
        Self {
            mixers: [mix(b"first"), mix(b"second")],
            key: Zeroizing::new(key),
            watches: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Watches one form of a secret. `needle` isn't kept. `label` says in public what it is, e.g. `secret S, hex`.
    ///
    /// [`ResidueError::TooShort`] under 8 bytes, [`ResidueError::Trivial`] for one byte repeated.
    pub fn watch(&mut self, label: &str, form: Form, needle: &[u8]) -> Result<(), ResidueError> {
        if needle.len() < SHORTEST {
            return Err(ResidueError::TooShort {
                label: label.to_owned(),
                len: needle.len(),
            });
        }
        if needle.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(ResidueError::Trivial {
                label: label.to_owned(),
            });
        }
        let window = form.window().min(needle.len());
        let all = needle.len() - window + 1;
        let stride = all.div_ceil(MOST_WINDOWS);
        let watch = self.watches.len();
        let mixers = self.mixers;
        let group = self.groups.entry(window).or_insert_with(|| Group {
            window,
            filter: vec![0; 1 << FILTER_BITS >> 6],
            digests: HashMap::new(),
        });
        let mut windows = 0;
        for (offset, bytes) in needle.windows(window).enumerate().step_by(stride) {
            group.set(sieve(mixers, bytes));
            group
                .digests
                .entry(keyed(&self.key, bytes))
                .or_default()
                .push(Place { watch, offset });
            windows += 1;
        }
        self.watches.push(Watch {
            label: label.to_owned(),
            windows,
        });
        scrub_stack();
        Ok(())
    }

    /// Searches all readable memory of this process. Takes about two seconds for 100 MB in a release build.
    ///
    /// [`ResidueError::CannotSearch`] if the kernel does not let it, [`ResidueError::Incomplete`] if a readable
    /// mapping stayed unread.
    pub fn search(&self) -> Result<Searched, ResidueError> {
        // Another thread may have given a mapping back between the list and the reading; then the list is read anew.
        for _ in 0..3 {
            match self.search_once() {
                Err(ResidueError::Incomplete { .. }) => {}
                answer => return answer,
            }
        }
        self.search_once()
    }

    fn search_once(&self) -> Result<Searched, ResidueError> {
        let cannot = |file| move |source| ResidueError::CannotSearch { file, source };
        let memory = File::open("/proc/self/mem").map_err(cannot("/proc/self/mem"))?;
        let mut buffer = vec![0_u8; CHUNK];
        // Read after the buffer exists, so that its mapping is in the list.
        let maps = std::fs::read_to_string("/proc/self/maps").map_err(cannot("/proc/self/maps"))?;
        let mut copies = BTreeMap::new();
        let mut searched = Searched {
            bytes: 0,
            skipped: 0,
            watched: self.watches.len(),
            finds: Vec::new(),
        };
        for (at, line) in maps.lines().enumerate() {
            let mapping =
                Mapping::parse(line).ok_or(ResidueError::MapsNotUnderstood { line: at + 1 })?;
            if !mapping.readable || mapping.of_the_kernel() {
                searched.skipped += mapping.end - mapping.start;
                continue;
            }
            let done = self.search_mapping(&memory, &mapping, &mut buffer, &mut copies);
            // Whatever was found, no copy of it stays in the buffer.
            buffer.as_mut_slice().zeroize();
            searched.bytes += done?;
        }
        for ((_, watch), (count, mapping)) in copies {
            if let Some(Watch { label, windows }) = self.watches.get(watch) {
                searched.finds.push(Find {
                    label: label.clone(),
                    mapping,
                    whole: count >= *windows,
                });
            }
        }
        Ok(searched)
    }

    fn search_mapping(
        &self,
        memory: &File,
        mapping: &Mapping<'_>,
        buffer: &mut [u8],
        copies: &mut Copies,
    ) -> Result<u64, ResidueError> {
        let overlap = self.groups.keys().max().map_or(0, |longest| longest - 1);
        let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
        let mut read = 0;
        for (start, end) in without(mapping.start..mapping.end, own) {
            let mut at = start;
            while at < end {
                let wanted = usize::try_from(end - at)
                    .unwrap_or(usize::MAX)
                    .min(buffer.len());
                let chunk = &mut buffer[..wanted];
                if memory.read_exact_at(chunk, at).is_err() {
                    return Err(ResidueError::Incomplete {
                        mapping: mapping.name.to_owned(),
                        bytes: end - at,
                    });
                }
                for group in self.groups.values() {
                    self.search_chunk(group, chunk, at, mapping, copies);
                }
                read += wanted as u64;
                if at + wanted as u64 == end {
                    break;
                }
                // The last bytes again, for a window that lies across two chunks.
                at += (wanted - overlap) as u64;
            }
        }
        Ok(read)
    }

    fn search_chunk(
        &self,
        group: &Group,
        chunk: &[u8],
        base: u64,
        mapping: &Mapping<'_>,
        copies: &mut Copies,
    ) {
        for (index, bytes) in chunk.windows(group.window).enumerate() {
            if !group.lets_pass(sieve(self.mixers, bytes)) {
                continue;
            }
            let found = group.digests.get(&keyed(&self.key, bytes));
            if let Some(places) = found {
                // Hashing left a copy of the window on the stack, which is searched last.
                scrub_stack();
                for place in places {
                    let begins = (base + index as u64).wrapping_sub(place.offset as u64);
                    copies
                        .entry((begins, place.watch))
                        .or_insert_with(|| (0, mapping.name.to_owned()))
                        .0 += 1;
                }
            }
        }
    }
}

/// By address of the copy and watch: how many of its windows were found, and the name of the mapping.
type Copies = BTreeMap<(u64, usize), (usize, String)>;

impl Group {
    fn set(&mut self, sieved: usize) {
        if let Some(word) = self.filter.get_mut(sieved >> 6) {
            *word |= 1 << (sieved & 63);
        }
    }

    fn lets_pass(&self, sieved: usize) -> bool {
        self.filter
            .get(sieved >> 6)
            .is_some_and(|word| word >> (sieved & 63) & 1 == 1)
    }
}

/// A few bits of a window: of its first and its last 8 bytes, so that they say nothing about either alone.
fn sieve(mixers: [u64; 2], window: &[u8]) -> usize {
    let (Some(first), Some(last)) = (window.first_chunk::<8>(), window.last_chunk::<8>()) else {
        return 0;
    };
    let [one, two] = mixers;
    let mixed = u64::from_le_bytes(*first).wrapping_mul(one).rotate_left(29)
        ^ u64::from_le_bytes(*last).wrapping_mul(two);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(one);
    (mixed >> (64 - FILTER_BITS)) as usize
}

/// In a frame of its own, which [`scrub_stack`] overwrites: inlined, the hash's copy of the window would stand in the
/// frame of the search, and be found.
#[inline(never)]
fn keyed(key: &[u8; 32], window: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(key)
        .chain_update(window)
        .finalize()
        .into()
}

/// Overwrites 64 KiB of the stack below the caller, where functions that have returned left their locals.
#[inline(never)]
pub fn scrub_stack() {
    let mut below = [0xa5_u8; 64 * 1024];
    black_box(&mut below);
    below.zeroize();
    black_box(&below);
}

#[cfg(test)]
#[path = "residue_tests.rs"]
mod tests;
