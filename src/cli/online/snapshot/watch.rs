//! What others see of a run: the audit log, the metrics, the command for failures.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use crate::cli::online::Settings;
use crate::files;
use crate::online::audit_log::{AuditLog, Entry, Level};
use crate::online::metrics::{self, HostMeasured, Measured, VerifierMeasured};

/// Longest file of measured values that is read, in bytes.
const MAX_MEASURED: usize = 1024 * 1024;

/// Who watches.
pub(super) struct Watch<'a> {
    settings: &'a Settings,
    log: AuditLog,
}

impl<'a> Watch<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let node = settings
            .node
            .clone()
            .or_else(|| settings.file.source.clone());
        let node = node.unwrap_or_else(|| {
            rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned()
        });
        Self {
            log: AuditLog::new(settings.file.watch.log.clone(), false, node),
            settings,
        }
    }

    /// Writes an entry. That it can't be written is said, and stops nothing: a backup matters more than its log.
    pub(super) fn log(&self, entry: &Entry) {
        if let Err(fault) = self.log.write(Timestamp::now(), entry) {
            eprintln!("{fault}");
        }
    }

    /// Writes of a failure, and runs the command that was set for it.
    pub(super) fn failed(&self, target: &'static str, event: &'static str, name: &str, what: &str) {
        let entry = Entry::new(Level::Error, target, event)
            .with_text("refused", name)
            .with_text("what", what);
        self.log(&entry);
        let Some((program, arguments)) = self.settings.file.snapshot.on_failure.split_first()
        else {
            return;
        };
        let ran = Command::new(program)
            .args(arguments)
            .arg(name)
            .stdin(Stdio::null())
            .status();
        if !ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
            eprintln!("on_failure: {program} failed ({ran:?}).");
        }
    }

    /// What was measured last on this machine, as a host.
    pub(super) fn host(&self, source: &str) -> HostMeasured {
        self.read(&Measured::Host(HostMeasured {
            source: source.to_owned(),
            ..HostMeasured::default()
        }))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_else(|| HostMeasured {
            source: source.to_owned(),
            ..HostMeasured::default()
        })
    }

    /// What was measured last on this machine, as a verifier.
    pub(super) fn verifier(&self, source: &str) -> VerifierMeasured {
        self.read(&Measured::Verifier(VerifierMeasured {
            source: source.to_owned(),
            ..VerifierMeasured::default()
        }))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_else(|| VerifierMeasured {
            source: source.to_owned(),
            ..VerifierMeasured::default()
        })
    }

    fn file(&self, measured: &Measured) -> PathBuf {
        let name = measured.file_name().replace(".prom", ".json");
        self.settings.state.join("measured").join(name)
    }

    fn read(&self, measured: &Measured) -> Option<Vec<u8>> {
        files::read(&self.file(measured), MAX_MEASURED).ok()
    }

    /// Keeps what was measured, and publishes it where a directory is set.
    pub(super) fn measured(&self, measured: &Measured) {
        let bytes = match measured {
            Measured::Host(host) => serde_json::to_vec(host),
            Measured::Verifier(verifier) => serde_json::to_vec(verifier),
        };
        let path = self.file(measured);
        let kept = files::make_dir(&self.settings.state.join("measured"))
            .and_then(|()| files::write(&path, &bytes.expect("strings and numbers")));
        let published = match &self.settings.file.watch.textfile {
            Some(directory) => metrics::write(directory, measured).map(|_| ()),
            None => Ok(()),
        };
        for refused in [kept, published].into_iter().filter_map(Result::err) {
            eprintln!("{}", refused.what); // as with the log
        }
    }
}

/// Everything that was measured on this machine, for `qh-online metrics`.
pub(in crate::cli::online) fn all(settings: &Settings) -> Vec<Measured> {
    let directory = settings.state.join("measured");
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    for path in paths {
        let Ok(bytes) = files::read(&path, MAX_MEASURED) else {
            continue;
        };
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("qh_verify_") {
            found.extend(serde_json::from_slice(&bytes).map(Measured::Verifier).ok());
        } else {
            found.extend(serde_json::from_slice(&bytes).map(Measured::Host).ok());
        }
    }
    found
}
