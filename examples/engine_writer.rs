//! A process that writes to a database at full speed, and one that checks a copy: for tests and benchmarks of snapshots.
//!
//! `engine_writer write rocksdb|paritydb DIR` commits one block after the other until its input ends, each atomically over
//! three columns: the block's record, its header, its state. After each commit the number is printed, so that who reads
//! knows the last acknowledged block. Blocks older than `KEPT` are deleted, so that files come and go.
//!
//! `engine_writer check rocksdb|paritydb DIR AT-LEAST` opens a copy, reads all of it with checksums verified, and says the
//! highest block, the same in all columns, with every block that is kept present and tied together. Exit 4 otherwise.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

/// Blocks that are kept.
const KEPT: u64 = 2000;
const COLUMNS: [&str; 3] = ["record", "header", "state"];

/// A block's value in a column: its number, the hash of the column before, and noise.
fn value(column: usize, number: u64, before: &[u8]) -> Vec<u8> {
    let length = [
        100,
        500,
        4000 + usize::try_from(number * 7919 % 12_000).unwrap(),
    ][column];
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(Sha256::digest(before));
    let mut state = (number * 3 + column as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

fn block(number: u64) -> [Vec<u8>; 3] {
    let record = value(0, number, b"");
    let header = value(1, number, &record);
    let state = value(2, number, &header);
    [record, header, state]
}

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Whether what each column holds is one consistent state; its highest block.
fn consistent(
    get: &dyn Fn(usize, u64) -> Option<Vec<u8>>,
    highest: [Option<u64>; 3],
    at_least: u64,
) -> Result<u64, String> {
    let [Some(a), Some(b), Some(c)] = highest else {
        return Err(format!("a column is empty: {highest:?}"));
    };
    if a != b || b != c {
        return Err(format!("torn across columns: {highest:?}"));
    }
    if a < at_least {
        return Err(format!(
            "block {at_least} was acknowledged, and the highest one is {a}"
        ));
    }
    for number in (1..=a).rev().take(usize::try_from(KEPT).unwrap()) {
        let expected = block(number);
        for (column, expected) in expected.iter().enumerate() {
            match get(column, number) {
                Some(found) if found == *expected => {}
                Some(_) => return Err(format!("block {number} is wrong in {}", COLUMNS[column])),
                None => return Err(format!("block {number} is absent in {}", COLUMNS[column])),
            }
        }
    }
    Ok(a)
}

fn say(number: u64) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{number}").and_then(|()| out.flush()).is_ok()
}

static ENDED: AtomicBool = AtomicBool::new(false);

fn until_input_ends() {
    std::thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        ENDED.store(true, Ordering::Relaxed);
    });
}

#[cfg(feature = "engine-rocksdb")]
mod rocks {
    use super::{COLUMNS, KEPT, Path, block, consistent, key, say};
    use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, ReadOptions, WriteBatch};

    fn options() -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // Small, so that there are flushes and compactions all the time.
        options.set_write_buffer_size(512 * 1024);
        options.set_target_file_size_base(1024 * 1024);
        options.set_max_bytes_for_level_base(4 * 1024 * 1024);
        options.set_compression_type(rocksdb::DBCompressionType::Snappy);
        options
    }

    pub fn write(dir: &Path, ended: impl Fn() -> bool) {
        let families = COLUMNS.map(|name| ColumnFamilyDescriptor::new(name, options()));
        let db = DB::open_cf_descriptors(&options(), dir, families).unwrap();
        let mut number = 0;
        while !ended() {
            number += 1;
            let mut batch = WriteBatch::default();
            for (name, value) in COLUMNS.iter().zip(block(number)) {
                let family = db.cf_handle(name).unwrap();
                batch.put_cf(family, key(number), value);
                if number > KEPT {
                    batch.delete_cf(family, key(number - KEPT));
                }
            }
            db.write(batch).unwrap();
            if !say(number) {
                return;
            }
        }
    }

    pub fn check(dir: &Path, at_least: u64) -> Result<u64, String> {
        let text = |error: rocksdb::Error| error.into_string();
        let mut options = Options::default();
        options.set_paranoid_checks(true);
        let families = COLUMNS.map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
        let default = ColumnFamilyDescriptor::new("default", Options::default());
        let db = DB::open_cf_descriptors(&options, dir, families.into_iter().chain([default]))
            .map_err(text)?;
        let mut highest = [None; 3];
        for (at, name) in COLUMNS.iter().enumerate() {
            let mut reading = ReadOptions::default();
            reading.set_verify_checksums(true);
            for entry in
                db.iterator_cf_opt(db.cf_handle(name).unwrap(), reading, IteratorMode::Start)
            {
                let (key, _) = entry.map_err(text)?;
                highest[at] = Some(u64::from_be_bytes(
                    key[..].try_into().map_err(|_| "a strange key")?,
                ));
            }
        }
        let get = |column: usize, number| {
            db.get_cf(db.cf_handle(COLUMNS[column]).unwrap(), key(number))
                .ok()
                .flatten()
        };
        consistent(&get, highest, at_least)
    }
}

mod parity {
    use super::{COLUMNS, KEPT, Path, block, consistent, key, say};
    use parity_db::{Db, Options};

    fn options(dir: &Path) -> Options {
        let mut options = Options::with_columns(dir, 3);
        for column in &mut options.columns {
            column.btree_index = true;
        }
        options
    }

    pub fn write(dir: &Path, ended: impl Fn() -> bool) {
        let db = Db::open_or_create(&options(dir)).unwrap();
        let mut number = 0;
        while !ended() {
            number += 1;
            let set = (0..)
                .zip(block(number))
                .map(|(column, value)| (column, key(number).to_vec(), Some(value)));
            let gone = number.checked_sub(KEPT).filter(|number| *number > 0);
            let delete = gone
                .into_iter()
                .flat_map(|gone| (0..3).map(move |column| (column, key(gone).to_vec(), None)));
            db.commit(set.chain(delete)).unwrap();
            if !say(number) {
                return;
            }
        }
    }

    pub fn check(dir: &Path, at_least: u64) -> Result<u64, String> {
        let text = |error: parity_db::Error| error.to_string();
        let db = Db::open(&options(dir)).map_err(text)?;
        let mut highest = [None; 3];
        for (column, highest) in (0..).zip(&mut highest) {
            let mut entries = db.iter(column).map_err(text)?;
            entries.seek_to_first().map_err(text)?;
            while let Some((key, _)) = entries.next().map_err(text)? {
                *highest = Some(u64::from_be_bytes(
                    key[..].try_into().map_err(|_| "a strange key")?,
                ));
            }
        }
        let get = |column: usize, number| {
            assert!(column < COLUMNS.len());
            db.get(u8::try_from(column).unwrap(), &key(number))
                .ok()
                .flatten()
        };
        consistent(&get, highest, at_least)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = || ENDED.load(Ordering::Relaxed);
    let checked = match words.as_slice() {
        ["write", engine, dir] => {
            until_input_ends();
            match *engine {
                #[cfg(feature = "engine-rocksdb")]
                "rocksdb" => rocks::write(Path::new(dir), ended),
                "paritydb" => parity::write(Path::new(dir), ended),
                _ => return ExitCode::from(2),
            }
            return ExitCode::SUCCESS;
        }
        #[cfg(feature = "engine-rocksdb")]
        ["check", "rocksdb", dir, at_least] => {
            rocks::check(Path::new(dir), at_least.parse().unwrap())
        }
        ["check", "paritydb", dir, at_least] => {
            parity::check(Path::new(dir), at_least.parse().unwrap())
        }
        _ => return ExitCode::from(2),
    };
    match checked {
        Ok(highest) => {
            say(highest);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(4)
        }
    }
}
