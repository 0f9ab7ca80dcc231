//! Databases with one fault each: the engine's program names it, and the snapshot is never good.

use std::fs;
use std::path::Path;
use std::time::Duration;

use qh_ceremony::online::engine::{Engine, Report, Walk, inspect};
use qh_ceremony::refusal::Refuse;

use super::running::{Host, Running};

/// What is done to a database.
type Damage = dyn Fn(&Path);

/// A stopped database of this engine.
fn stopped(engine: &'static str) -> Host {
    let host = Host::new(engine);
    let running = Running::start(engine, &host.database());
    running.wait_for(2500);
    running.stop();
    host
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn opened(engine: Engine, dir: &Path) -> Result<Report, &'static str> {
    let program = Path::new(env!("CARGO_BIN_EXE_qh-engine"));
    inspect(program, engine, dir, Walk::Sample, Duration::from_secs(120))
        .map_err(|fault| fault.name())
}

#[cfg(feature = "engine-rocksdb")]
/// The largest file whose name ends or begins so.
fn file(dir: &Path, part: &str) -> std::path::PathBuf {
    let mut all: Vec<std::path::PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().contains(part))
        .collect();
    all.sort_by_key(|path| fs::metadata(path).unwrap().len());
    all.pop().unwrap_or_else(|| panic!("no {part}"))
}

#[cfg(feature = "engine-rocksdb")]
#[test]
fn faults_of_a_rocksdb() {
    let host = stopped("rocksdb");
    let dir = host.path("copy");
    copy(&host.database(), &dir);
    let good = opened(Engine::RocksDb, &dir).unwrap();
    let values: Vec<(String, u64)> = good
        .columns
        .iter()
        .map(|column| (column.name.clone(), column.values))
        .collect();
    assert!(
        values
            .iter()
            .any(|(name, values)| name == "state" && *values >= 2000),
        "{values:?}"
    );
    assert_eq!(good.chain, None);
    let faults: [(&str, &str, &Damage); 6] = [
        ("a flipped bit in a table", "database-damaged", &|dir| {
            let path = file(dir, ".sst");
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() / 3;
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("a table that is cut off", "database-not-opened", &|dir| {
            let path = file(dir, ".sst");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("an absent table", "database-not-opened", &|dir| {
            fs::remove_file(file(dir, ".sst")).unwrap()
        }),
        ("an absent MANIFEST", "database-not-opened", &|dir| {
            fs::remove_file(file(dir, "MANIFEST")).unwrap()
        }),
        ("an empty CURRENT", "database-not-opened", &|dir| {
            fs::write(dir.join("CURRENT"), b"").unwrap()
        }),
        ("nothing", "database-not-opened", &|dir| {
            fs::remove_dir_all(dir).unwrap();
            fs::create_dir(dir).unwrap();
        }),
    ];
    for (what, name, damage) in faults {
        copy(&host.database(), &dir);
        damage(&dir);
        let found = opened(Engine::RocksDb, &dir).unwrap_err();
        assert!(
            found == name || found == "database-damaged",
            "{what}: {found}"
        );
    }
    assert_eq!(
        opened(Engine::ParityDb, &host.database()),
        Err("database-not-opened")
    );
}

#[test]
fn faults_of_a_paritydb() {
    let host = stopped("paritydb");
    let dir = host.path("copy");
    copy(&host.database(), &dir);
    let good = opened(Engine::ParityDb, &dir).unwrap();
    assert_eq!(good.columns.len(), 3);
    assert!(
        good.columns.iter().all(|column| column.values >= 2000),
        "{:?}",
        good.columns
    );
    let faults: [(&str, &Damage); 4] = [
        ("an absent metadata", &|dir| {
            fs::remove_file(dir.join("metadata")).unwrap()
        }),
        ("garbage as metadata", &|dir| {
            fs::write(dir.join("metadata"), b"version=x\n").unwrap()
        }),
        ("metadata of another version", &|dir| {
            let text = fs::read_to_string(dir.join("metadata")).unwrap();
            fs::write(
                dir.join("metadata"),
                text.replace("version=", "version=100"),
            )
            .unwrap();
        }),
        ("tables full of other bytes", &|dir| {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("table_02")
                {
                    let length = fs::metadata(&path).unwrap().len();
                    fs::write(path, vec![0xff; usize::try_from(length).unwrap()]).unwrap();
                }
            }
        }),
    ];
    for (what, damage) in faults {
        copy(&host.database(), &dir);
        damage(&dir);
        let found = opened(Engine::ParityDb, &dir).expect_err(what);
        assert!(
            matches!(
                found,
                "database-not-opened" | "database-damaged" | "engine-died"
            ),
            "{what}: {found}"
        );
    }
    let other = opened(Engine::RocksDb, &host.database()).unwrap_err();
    assert!(
        matches!(other, "database-not-opened" | "engine-without-rocksdb"),
        "{other}"
    );
}
