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

    /// Searches all readable memory of this process. Takes about a second for 100 MB in a release build.
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

/// One line of `/proc/self/maps`, proc_pid_maps(5).
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'t> {
    start: u64,
    end: u64,
    readable: bool,
    name: &'t str,
}

impl<'t> Mapping<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        let permissions = fields.next().filter(|text| text.len() == 4)?;
        let name = fields.nth(3).unwrap_or_default().trim();
        (start < end).then_some(Self {
            start,
            end,
            readable: permissions.starts_with('r'),
            name: if name.is_empty() { "anonymous" } else { name },
        })
    }

    /// Pages that the kernel puts there, and that the program can't write.
    fn of_the_kernel(&self) -> bool {
        self.name.starts_with("[vvar")
            || self.name.starts_with("[vdso")
            || self.name == "[vsyscall]"
    }
}

/// `all` without `hole`: at most two parts.
fn without(
    all: std::ops::Range<u64>,
    hole: std::ops::Range<u64>,
) -> impl Iterator<Item = (u64, u64)> {
    let before = (all.start, all.end.min(hole.start));
    let after = (all.start.max(hole.end), all.end);
    let apart = hole.end <= all.start || hole.start >= all.end;
    let parts = if apart {
        [(all.start, all.end), (0, 0)]
    } else {
        [before, after]
    };
    parts.into_iter().filter(|(start, end)| start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_from_their_lines() {
        let heap =
            "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(
            Mapping::parse(heap),
            Some(Mapping {
                start: 0x55d0_c0a0_0000,
                end: 0x55d0_c0a2_1000,
                readable: true,
                name: "[heap]"
            })
        );
        let file = "7f00-7f01 ---p 00000000 fe:00 42    /usr/lib/with a space.so";
        let file = Mapping::parse(file).unwrap();
        assert!(!file.readable);
        assert_eq!(file.name, "/usr/lib/with a space.so");
        assert_eq!(
            Mapping::parse("7f00-7f01 rw-p 00000000 00:00 0")
                .unwrap()
                .name,
            "anonymous"
        );
        for line in [
            "",
            "7f00 rw-p 0 0 0",
            "zz-7f rw-p 0 0 0",
            "7f01-7f00 rw-p 0 0 0",
            "7f00-7f01 rw 0 0 0",
        ] {
            assert_eq!(Mapping::parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_hole_is_cut_out() {
        let cut = |all, hole| without(all, hole).collect::<Vec<_>>();
        assert_eq!(cut(10..20, 0..5), [(10, 20)]);
        assert_eq!(cut(10..20, 20..25), [(10, 20)]);
        assert_eq!(cut(10..20, 12..15), [(10, 12), (15, 20)]);
        assert_eq!(cut(10..20, 5..15), [(15, 20)]);
        assert_eq!(cut(10..20, 15..30), [(10, 15)]);
        assert_eq!(cut(10..20, 5..30), []);
    }

    #[test]
    fn what_cannot_be_told_from_chance_is_refused() {
        let mut residue = Residue::new([3; 32]);
        let short = residue.watch("PIN", Form::Raw, b"402917").unwrap_err();
        assert_eq!(
            short.to_string(),
            "The form PIN is too short to be searched for: 6 bytes, and at least 8 are needed."
        );
        let trivial = residue.watch("zeros", Form::Raw, &[0; 32]).unwrap_err();
        assert_eq!(trivial.name(), "residue-trivial");
        assert_eq!(
            residue.watch("", Form::Raw, &[]).unwrap_err().name(),
            "residue-too-short"
        );
    }

    #[test]
    fn every_window_passes_the_filter_and_is_known() {
        let needle: Vec<u8> = (0..48_u8).map(|n| n.wrapping_mul(37)).collect();
        let mut residue = Residue::new([3; 32]);
        residue.watch("share", Form::Raw, &needle).unwrap();
        let group = &residue.groups[&16];
        for window in needle.windows(16) {
            assert!(group.lets_pass(sieve(residue.mixers, window)));
            assert!(group.digests.contains_key(&keyed(&residue.key, window)));
        }
        assert!(!group.digests.contains_key(&keyed(&residue.key, &[1; 16])));
    }

    #[test]
    fn a_copy_across_two_chunks_is_found_once() {
        let needle: Vec<u8> = (0..48_u8).map(|n| n.wrapping_mul(37)).collect();
        let mut residue = Residue::new([3; 32]);
        residue.watch("share", Form::Raw, &needle).unwrap();
        let mut memory = vec![0_u8; 4096];
        memory[1000..1048].copy_from_slice(&needle);
        memory[3000..3020].copy_from_slice(&needle[5..25]);
        let mapping = Mapping {
            start: 0,
            end: 4096,
            readable: true,
            name: "[heap]",
        };
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&memory, 0).unwrap();
        let mut copies = BTreeMap::new();
        // Small chunks, so that the copy lies across several of them.
        let read = residue
            .search_mapping(&file, &mapping, &mut [0; 64], &mut copies)
            .unwrap();
        assert!(read >= 4096);
        let found: Vec<_> = copies
            .iter()
            .map(|(key, (count, _))| (*key, *count))
            .collect();
        assert_eq!(found, [((1000, 0), 33), ((2995, 0), 5)]);
    }

    #[test]
    fn a_mapping_that_cannot_be_read_is_no_absence() {
        let residue = Residue::new([3; 32]);
        let mapping = Mapping {
            start: 0,
            end: 4096,
            readable: true,
            name: "[heap]",
        };
        let file = tempfile::tempfile().unwrap();
        let cut = residue.search_mapping(&file, &mapping, &mut [0; 64], &mut BTreeMap::new());
        assert_eq!(
            cut.unwrap_err().to_string(),
            "The search is incomplete: 4096 bytes of [heap] could not be read."
        );
    }
}
