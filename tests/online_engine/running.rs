//! A database and the process that writes it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qh_ceremony::vault::object::Identities;
use tempfile::TempDir;

pub fn writer() -> Command {
    // Examples lie beside the programs.
    let programs = Path::new(env!("CARGO_BIN_EXE_qh-online")).parent().unwrap();
    Command::new(programs.join("examples/engine_writer"))
}

/// A database that is written.
pub struct Running {
    child: Child,
    acknowledged: Arc<AtomicU64>,
}

impl Running {
    pub fn start(engine: &str, database: &Path) -> Self {
        let mut child = writer()
            .args(["write", engine])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example engine_writer is built");
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (out, heard) = (child.stdout.take().unwrap(), Arc::clone(&acknowledged));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                heard.store(line.parse().unwrap(), Ordering::SeqCst);
            }
        });
        Self {
            child,
            acknowledged,
        }
    }

    /// The last block that was acknowledged, so far as we have heard.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until so many blocks are acknowledged.
    pub fn wait_for(&self, blocks: u64) {
        while self.acknowledged() < blocks {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Ends it as a node is ended.
    pub fn stop(mut self) -> u64 {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        self.acknowledged()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a copy of a database is one consistent state at or after a block; it is used up by that.
pub fn check(engine: &str, copy: &Path, at_least: u64) -> Result<u64, String> {
    let ran = writer()
        .args(["check", engine])
        .arg(copy)
        .arg(at_least.to_string())
        .output()
        .unwrap();
    if ran.status.success() {
        Ok(String::from_utf8(ran.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap())
    } else {
        Err(format!(
            "{}: {}",
            ran.status,
            String::from_utf8_lossy(&ran.stderr)
                .lines()
                .next()
                .unwrap_or_default()
        ))
    }
}

/// Stores, keys, and a place for a database.
pub struct Host {
    pub dir: TempDir,
    recipient: String,
    engine: &'static str,
}

impl Host {
    pub fn new(engine: &'static str) -> Self {
        let dir = TempDir::new().unwrap();
        let (own, text) = Identities::generate();
        let host = Self {
            recipient: own.recipients().remove(0),
            dir,
            engine,
        };
        for part in ["state", "verifier", "store"] {
            rustix::fs::mkdir(host.path(part), rustix::fs::Mode::RWXU).unwrap();
        }
        qh_ceremony::files::write_new(&host.path("identity"), text.as_bytes()).unwrap();
        fs::create_dir_all(host.database().parent().unwrap()).unwrap();
        host
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path(if self.engine == "rocksdb" {
            "chains/dev3/db/full"
        } else {
            "chains/dev3/paritydb/full"
        })
    }

    pub fn online(&self, words: &[&str], state: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qh-online"));
        command
            .args(words)
            .arg("--json")
            .arg("--store")
            .arg(format!("file://{}", self.path("store").display()));
        command.arg("--state").arg(self.path(state));
        command
    }

    pub fn create(&self, more: &[&str]) -> Output {
        let mut command = self.online(&["snapshot", "create", "--source", "node-1"], "state");
        command
            .args(["--recipient", &self.recipient])
            .arg("--database")
            .arg(self.database())
            .args(more);
        command.output().unwrap()
    }

    pub fn trust(&self) -> PathBuf {
        let mut text = String::new();
        for (state, name, namespace) in [
            ("state", "node-1", "qh-snapshot"),
            ("verifier", "verifier", "qh-snapshot-good"),
        ] {
            if let Ok(key) = fs::read_to_string(self.path(state).join("host_key.pub")) {
                let key: Vec<&str> = key.split_whitespace().take(2).collect();
                text += &format!("{name} namespaces=\"{namespace}\" {}\n", key.join(" "));
            }
        }
        fs::write(self.path("trust"), text).unwrap();
        self.path("trust")
    }

    pub fn restore(&self, name: &str, to: &Path) -> Output {
        let mut command = self.online(
            &["snapshot", "restore", "--unattested", "--snapshot", name],
            "verifier",
        );
        command
            .arg("--trust")
            .arg(self.trust())
            .arg("--identity")
            .arg(self.path("identity"))
            .arg("--to")
            .arg(to);
        command.output().unwrap()
    }

    pub fn verify(&self, more: &[&str]) -> Output {
        let mut command = self.online(&["verify", "snapshots"], "verifier");
        command
            .arg("--trust")
            .arg(self.trust())
            .arg("--identity")
            .arg(self.path("identity"))
            .args(more);
        command.output().unwrap()
    }
}

#[track_caller]
pub fn json(ran: &Output) -> serde_json::Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}
