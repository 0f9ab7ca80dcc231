//! RocksDB, opened for reading: its logs are replayed into memory, and no file is changed.

use std::path::Path;

use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options, ReadOptions};

use super::{Opened, Refused};
use crate::online::engine::Column;

pub(super) struct Rocks {
    db: DB,
    names: Vec<String>,
}

impl Rocks {
    pub(super) fn open(dir: &Path) -> Result<Self, Refused> {
        let not_opened = |error: rocksdb::Error| Refused::NotOpened(error.into_string());
        let mut options = Options::default();
        options.set_paranoid_checks(true);
        // As many as a verifier may have open; RocksDB closes what was not used for long.
        options.set_max_open_files(512);
        let names = DB::list_cf(&options, dir).map_err(not_opened)?;
        let families = names
            .iter()
            .map(|name| ColumnFamilyDescriptor::new(name, options.clone()));
        let db = DB::open_cf_descriptors_read_only(&options, dir, families, false)
            .map_err(not_opened)?;
        Ok(Self { db, names })
    }
}

fn damaged(error: rocksdb::Error) -> Refused {
    Refused::Damaged(error.into_string())
}

impl Opened for Rocks {
    fn engine(&self) -> String {
        "RocksDB".to_owned()
    }

    fn read_all(&self) -> Result<Vec<Column>, Refused> {
        let mut columns = Vec::new();
        for name in &self.names {
            let family = self
                .db
                .cf_handle(name)
                .ok_or_else(|| Refused::Damaged(format!("no column family {name}")))?;
            let mut reading = ReadOptions::default();
            reading.set_verify_checksums(true);
            reading.fill_cache(false);
            let mut column = Column {
                name: name.clone(),
                values: 0,
                bytes: 0,
            };
            for entry in self
                .db
                .iterator_cf_opt(family, reading, IteratorMode::Start)
            {
                let (key, value) = entry.map_err(damaged)?;
                column.values += 1;
                column.bytes += (key.len() + value.len()) as u64;
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn get(&self, column: u8, key: &[u8]) -> Result<Option<Vec<u8>>, Refused> {
        match self.db.cf_handle(&format!("col{column}")) {
            Some(family) => self.db.get_cf(family, key).map_err(damaged),
            None => Ok(None),
        }
    }

    fn places_in_keys(&self) -> bool {
        true
    }
}
