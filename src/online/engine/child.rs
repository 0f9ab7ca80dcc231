//! `qh-engine` as its parent sees it: run, bounded in time and output, and its report read strictly.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Engine, EngineFault, REPORT_FORMAT, RefusedReport, Report, Walk};
use crate::transcript::visible::visible_short;

/// The program's name.
const PROGRAM: &str = "qh-engine";
/// Longest report, in bytes.
const MAX_REPORT: u64 = 1024 * 1024;

/// `qh-engine` beside this program.
///
/// # Errors
/// [`EngineFault::NoProgram`].
pub fn beside() -> Result<PathBuf, EngineFault> {
    let own = std::env::current_exe().unwrap_or_default();
    let path = own.with_file_name(PROGRAM);
    if path.is_file() {
        Ok(path)
    } else {
        Err(EngineFault::NoProgram { path })
    }
}

/// Opens the database in `dir` with its engine and reads all of it. The directory is the engine's from then on: opening
/// replays logs.
///
/// # Errors
/// [`EngineFault`].
pub fn inspect(
    program: &Path,
    engine: Engine,
    dir: &Path,
    walk: Walk,
    timeout: Duration,
) -> Result<Report, EngineFault> {
    let not_run = |error: std::io::Error| EngineFault::NotRun {
        path: program.to_owned(),
        reason: error.to_string(),
    };
    let mut child = Command::new(program)
        .args(["inspect", "--engine", engine.word(), "--walk"])
        .arg(match walk {
            Walk::Sample => "sample",
            Walk::All => "all",
        })
        .arg(dir)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(not_run)?;
    let mut output = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        // One byte more than it may say tells that it says too much; then the pipe closes, and the child ends.
        let read = (&mut output).take(MAX_REPORT + 1).read_to_end(&mut said);
        read.map(|_| said)
    });
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().map_err(not_run)? {
            Some(status) => break status,
            None if begun.elapsed() > timeout => {
                let _ = child.kill(); // it may have ended just now
                let _ = child.wait();
                return Err(EngineFault::TooLong {
                    seconds: timeout.as_secs(),
                });
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let said = reader.join().ok().and_then(Result::ok).unwrap_or_default();
    if said.len() as u64 > MAX_REPORT {
        return Err(nonsense("it is too long")); // its pipe was closed on it, so its status says nothing
    }
    match status.code() {
        Some(0) => read_report(&said),
        Some(4) => Err(read_refusal(&said)),
        _ => Err(EngineFault::Died {
            how: status.to_string(),
        }),
    }
}

fn nonsense(reason: &str) -> EngineFault {
    EngineFault::Nonsense {
        reason: visible_short(reason, 200),
    }
}

fn read_report(said: &[u8]) -> Result<Report, EngineFault> {
    let report: Report =
        serde_json::from_slice(said).map_err(|error| nonsense(&error.to_string()))?;
    if report.format == REPORT_FORMAT {
        Ok(Report {
            engine: visible_short(&report.engine, 60),
            ..report
        })
    } else {
        Err(nonsense("it has another format"))
    }
}

fn read_refusal(said: &[u8]) -> EngineFault {
    let read: Result<RefusedReport, _> = serde_json::from_slice(said);
    match read {
        Ok(refused) if refused.format == REPORT_FORMAT => {
            let what = visible_short(&refused.what, 400);
            EngineFault::named(&refused.refused, what)
                .unwrap_or_else(|| nonsense("it refuses by an unknown name"))
        }
        _ => nonsense("its refusal can't be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refuse;

    /// A program that behaves as `script` says.
    fn with(script: &str) -> Result<Report, EngineFault> {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("engine");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        inspect(
            &program,
            Engine::RocksDb,
            dir.path(),
            Walk::Sample,
            Duration::from_secs(5),
        )
    }

    #[test]
    fn every_way_to_fail_has_its_name() {
        let good = r#"{"format":"qh-engine-report/1","engine":"E 1","columns":[],"chain":null}"#;
        assert_eq!(with(&format!("echo '{good}'")).unwrap().engine, "E 1");
        let refusal = |name: &str| {
            format!(
                r#"echo '{{"format":"qh-engine-report/1","refused":"{name}","what":"x"}}'; exit 4"#
            )
        };
        for (script, name) in [
            ("exit 1".to_owned(), "engine-died"),
            ("kill -SEGV $$".into(), "engine-died"),
            ("exit 0".into(), "engine-nonsense"),
            (format!("echo '{good}x'"), "engine-nonsense"),
            (
                format!("echo '{}'", good.replace("/1", "/2")),
                "engine-nonsense",
            ),
            (
                format!("echo '{}'", good.replace("null", "7")),
                "engine-nonsense",
            ),
            ("head -c 2000000 /dev/zero".into(), "engine-nonsense"),
            ("exit 4".into(), "engine-nonsense"),
            (refusal("database-damaged"), "database-damaged"),
            (refusal("database-not-opened"), "database-not-opened"),
            (refusal("database-chain-broken"), "database-chain-broken"),
            (refusal("else"), "engine-nonsense"),
            ("exec sleep 60".into(), "engine-too-long"),
        ] {
            assert_eq!(with(&script).unwrap_err().name(), name, "{script}");
        }
        let absent = inspect(
            Path::new("/absent"),
            Engine::ParityDb,
            Path::new("/"),
            Walk::All,
            Duration::ZERO,
        );
        assert_eq!(absent.unwrap_err().name(), "engine-not-run");
    }
}
