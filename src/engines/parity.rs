//! ParityDB, opened for writing as a node opens it: only so its logs are replayed. The directory is a copy.

use std::path::Path;

use parity_db::{Db, Options};

use super::{Opened, Refused};
use crate::online::engine::Column;

/// The newest version of files that this crate writes. It opens files that say a newer one, too, and may read them wrong.
const NEWEST: u32 = 9;

pub(super) struct Parity {
    db: Db,
    /// Which columns are trees, read in order of their keys.
    trees: Vec<bool>,
}

impl Parity {
    pub(super) fn open(dir: &Path) -> Result<Self, Refused> {
        let not_opened = |error: parity_db::Error| Refused::NotOpened(error.to_string());
        let metadata = Options::load_metadata(dir)
            .map_err(not_opened)?
            .ok_or_else(|| Refused::NotOpened("it has no metadata".to_owned()))?;
        if metadata.version > NEWEST {
            let version = metadata.version;
            return Err(Refused::NotOpened(format!(
                "its files have version {version}, and {NEWEST} is the newest that is known"
            )));
        }
        let count = u8::try_from(metadata.columns.len())
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| {
                Refused::NotOpened(format!("it has {} columns", metadata.columns.len()))
            })?;
        let mut options = Options::with_columns(dir, count);
        options.columns = metadata.columns;
        if !options.is_valid() {
            return Err(Refused::NotOpened(
                "its columns' settings contradict each other".to_owned(),
            ));
        }
        let trees = options
            .columns
            .iter()
            .map(|column| column.btree_index)
            .collect();
        let db = Db::open(&options).map_err(not_opened)?;
        Ok(Self { db, trees })
    }
}

fn damaged(error: parity_db::Error) -> Refused {
    Refused::Damaged(error.to_string())
}

impl Opened for Parity {
    fn engine(&self) -> String {
        "ParityDB".to_owned()
    }

    fn read_all(&self) -> Result<Vec<Column>, Refused> {
        let mut columns = Vec::new();
        for (number, tree) in (0..).zip(&self.trees) {
            let mut column = Column {
                name: number.to_string(),
                values: 0,
                bytes: 0,
            };
            if *tree {
                let mut entries = self.db.iter(number).map_err(damaged)?;
                entries.seek_to_first().map_err(damaged)?;
                while let Some((key, value)) = entries.next().map_err(damaged)? {
                    column.values += 1;
                    column.bytes += (key.len() + value.len()) as u64;
                }
            } else {
                let read = self.db.iter_column_while(number, |entry| {
                    column.values += 1;
                    column.bytes += entry.value.len() as u64;
                    true
                });
                read.map_err(damaged)?;
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn get(&self, column: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
        if usize::from(column) >= self.trees.len() {
            return Ok(None);
        }
        self.db.get(column, key).map_err(damaged)
    }

    fn places_in_keys(&self) -> bool {
        false
    }
}
