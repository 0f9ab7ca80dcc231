//! A host with a database, a store, and a verifier, each with its own keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use qh_ceremony::vault::object::Identities;
use serde_json::Value;
use tempfile::TempDir;

pub struct Setup {
    pub dir: TempDir,
    pub recipient: String,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The refusal's name, of the JSON document.
    #[track_caller]
    pub fn refused(&self) -> String {
        let document: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"));
        document["refused"]
            .as_str()
            .unwrap_or_else(|| panic!("{self:?}"))
            .to_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

pub fn online() -> Command {
    Command::new(env!("CARGO_BIN_EXE_qh-online"))
}

/// Bytes that can't be packed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

impl Setup {
    /// A ParityDB of some megabytes, with keys beside it.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (own, text) = Identities::generate();
        let setup = Self {
            recipient: own.recipients().remove(0),
            dir,
        };
        for part in ["state", "verifier"] {
            fs::create_dir(setup.path(part)).unwrap();
            fs::set_permissions(setup.path(part), fs::Permissions::from_mode(0o700)).unwrap();
        }
        fs::create_dir(setup.path("store")).unwrap();
        setup.private("identity", text.as_bytes());
        let database = setup.database();
        fs::create_dir_all(&database).unwrap();
        let chain = database.parent().unwrap().parent().unwrap().to_owned();
        fs::create_dir_all(chain.join("keystore")).unwrap();
        fs::write(chain.join("keystore/61757261aa"), b"\"0xKEYSECRET\"").unwrap();
        fs::create_dir_all(chain.join("network")).unwrap();
        fs::write(chain.join("network/secret_ed25519"), b"NETWORKSECRET").unwrap();
        fs::write(database.join("metadata"), b"version=8\n").unwrap();
        fs::write(database.join("lock"), b"").unwrap();
        fs::write(database.join("table_00_15"), noise(1, 3_500_000)).unwrap();
        fs::write(database.join("table_01_01"), noise(2, 100_000)).unwrap();
        fs::write(database.join("index_00_16"), vec![0; 2_000_000]).unwrap();
        fs::write(database.join("log0"), b"").unwrap();
        setup
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("chains/dev3/paritydb/full")
    }

    /// A file for its owner alone.
    pub fn private(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn store(&self) -> String {
        format!("file://{}", self.path("store").display())
    }

    /// `snapshot create` on the host.
    pub fn create(&self, more: &[&str]) -> Ran {
        Ran::of(self.creating(&self.store(), more).output().unwrap())
    }

    pub fn creating(&self, store: &str, more: &[&str]) -> Command {
        let mut command = online();
        command.args([
            "snapshot", "create", "--json", "--source", "node-1", "--store", store,
        ]);
        command
            .args(["--recipient", &self.recipient, "--database"])
            .arg(self.database());
        command.arg("--state").arg(self.path("state")).args(more);
        command
    }

    /// The trust file with the host's key, and the verifier's if it has one.
    pub fn trust(&self) -> PathBuf {
        let key = |state: &str| {
            let text = fs::read_to_string(self.path(state).join("host_key.pub")).ok()?;
            Some(
                text.split(' ')
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(" ")
                    .trim()
                    .to_owned(),
            )
        };
        let mut text = String::new();
        if let Some(key) = key("state") {
            text += &format!("node-1 namespaces=\"qh-snapshot\" {key}\n");
        }
        if let Some(key) = key("verifier") {
            text += &format!("verifier namespaces=\"qh-snapshot-good\" {key}\n");
        }
        let path = self.path("trust");
        fs::write(&path, text).unwrap();
        path
    }

    /// A command on the verifier, or where something is restored.
    pub fn elsewhere(&self, words: &[&str], store: &str, more: &[&str]) -> Ran {
        let mut command = online();
        command
            .args(words)
            .args(["--json", "--store", store, "--trust"])
            .arg(self.trust());
        command.arg("--state").arg(self.path("verifier")).args(more);
        Ran::of(command.output().unwrap())
    }

    pub fn list(&self) -> Ran {
        self.elsewhere(&["snapshot", "list"], &self.store(), &[])
    }

    pub fn restore(&self, to: &Path, more: &[&str]) -> Ran {
        let (to, identity) = (
            to.display().to_string(),
            self.path("identity").display().to_string(),
        );
        let mut all = vec!["--to", &to, "--identity", &identity];
        all.extend(more);
        self.elsewhere(&["snapshot", "restore"], &self.store(), &all)
    }

    /// `verify snapshots` with a program in the engine's place, which says what `report` says.
    pub fn verify(&self, report: &str, more: &[&str]) -> Ran {
        self.verify_in(&self.store(), report, more)
    }

    pub fn verify_in(&self, store: &str, report: &str, more: &[&str]) -> Ran {
        // The verifier's key is made at its first run; the trust file must know it before its word counts.
        let engine = self.path("engine");
        fs::write(&engine, format!("#!/bin/sh\ncat <<'END'\n{report}\nEND\n")).unwrap();
        fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
        let (engine, identity) = (
            engine.display().to_string(),
            self.path("identity").display().to_string(),
        );
        let mut all = vec!["--engine", &engine, "--identity", &identity];
        if !more.contains(&"--recipient") {
            all.extend(["--recipient", &self.recipient]);
        }
        all.extend(more);
        self.elsewhere(&["verify", "snapshots"], store, &all)
    }

    /// The one epoch's directory in the store.
    #[track_caller]
    pub fn epoch(&self) -> PathBuf {
        let mut all: Vec<PathBuf> = fs::read_dir(self.path("store/dev3/node-1"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("manifests").exists())
            .collect();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The names of snapshots in the store, oldest first, of all epochs.
    pub fn names(&self) -> Vec<String> {
        let document = self.list().json();
        let all = document.as_array().unwrap();
        all.iter()
            .map(|one| one["snapshot"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A report of an engine that found nothing wrong, and no chain.
pub const FINE: &str =
    r#"{"format":"qh-engine-report/1","engine":"Test 1","columns":[],"chain":null}"#;

/// Whether two directories hold the same files, locks apart.
#[track_caller]
pub fn same_files(one: &Path, other: &Path) {
    let read = |dir: &Path| {
        let mut all: Vec<(String, u32, Vec<u8>)> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    mode,
                    fs::read(&path).unwrap(),
                )
            })
            .filter(|(name, _, _)| name != "lock" && name != "LOCK")
            .collect();
        all.sort();
        all
    };
    let (one, other) = (read(one), read(other));
    let names = |all: &[(String, u32, Vec<u8>)]| {
        all.iter()
            .map(|(name, mode, bytes)| (name.clone(), *mode, bytes.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&one), names(&other));
    assert!(one == other, "the files' bytes differ");
}
