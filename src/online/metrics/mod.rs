//! What Prometheus reads: text files for node_exporter's textfile collector.
//!
//! 1. Two programs write: the host that makes snapshots, and the verifier. Each has files of its own, one a source, and no
//!    series of one file is in another, so neither can overwrite or contradict the other.
//! 2. A file is replaced as a whole, by a rename; its writer knows all values, also those that this run didn't change.
//! 3. A value that is not known is left out. The alerts have an `absent()` rule for each that must be there.
//! 4. `qh_last_backup_timestamp` and `qh_backup_verification_success` are named by requirement 9.2; the first has no class
//!    label, since a backup of any class is one. The other names follow Prometheus: base units, and the unit at the end.

mod family;
mod host;
mod verifier;

use std::path::{Path, PathBuf};

use crate::ceremony::event::Refused;
use crate::files;

pub use family::Family;
pub use host::{HostMeasured, StoreMeasured, variance};
pub use verifier::{VerifiedStore, VerifierMeasured};

/// What one program knows of one source.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// The host that makes its snapshots.
    Host(HostMeasured),
    /// The machine that verifies them.
    Verifier(VerifierMeasured),
}

impl Measured {
    /// The source, e.g. `dev3/node-1`.
    pub fn source(&self) -> &str {
        match self {
            Self::Host(measured) => &measured.source,
            Self::Verifier(measured) => &measured.source,
        }
    }

    /// The name of the file that holds it.
    pub fn file_name(&self) -> String {
        match self {
            Self::Host(measured) => host_file(&measured.source),
            Self::Verifier(measured) => verifier_file(&measured.source),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let families = match self {
            Self::Host(measured) => measured.families(),
            Self::Verifier(measured) => measured.families(),
        };
        families.iter().map(Family::to_string).collect()
    }
}

/// The name of the file that the host of a source writes.
pub fn host_file(source: &str) -> String {
    format!("qh_snapshot_{}.prom", file_part(source))
}

/// The name of the file that a verifier writes for a source.
pub fn verifier_file(source: &str) -> String {
    format!("qh_verify_{}.prom", file_part(source))
}

/// Writes the file into the collector's directory, mode 0644, at once or not at all.
///
/// # Errors
/// `file-not-written` with the path; the file is then as it was.
pub fn write(directory: &Path, measured: &Measured) -> Result<PathBuf, Refused> {
    let path = directory.join(measured.file_name());
    files::publish(&path, measured.text().as_bytes())?;
    Ok(path)
}

/// The source as a part of a file's name, a different one for each: what is not a letter, a digit, `.` or `-` becomes `_` and
/// two hex digits.
fn file_part(source: &str) -> String {
    let mut part = String::new();
    for byte in source.bytes() {
        if byte.is_ascii_alphanumeric() || b".-".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part += &format!("_{byte:02x}");
        }
    }
    // A name has 255 bytes at most, with the rest of it.
    if part.len() > 200 {
        let hash = <sha2::Sha256 as sha2::Digest>::digest(source.as_bytes());
        part = format!("_sha256-{}", data_encoding::HEXLOWER.encode(&hash));
    }
    part
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;
    use std::process::{Command, Stdio};

    use jiff::Timestamp;

    use super::*;
    use crate::online::class::Class;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    pub(super) fn host(source: &str) -> Measured {
        let store = |store: &str, shipped| StoreMeasured {
            store: store.into(),
            last_backup: Some(second(1_795_000_000)),
            by_class: BTreeMap::from([
                (Class::Hot, second(1_795_000_000)),
                (Class::Daily, second(1_794_990_000)),
            ]),
            size: Some(1_500),
            previous_sizes: vec![1_000, 900, 1_100],
            shipped: Some(shipped),
            objects: Some(12),
        };
        Measured::Host(HostMeasured {
            source: source.into(),
            last_run: Some(second(1_795_000_050)),
            last_run_success: false,
            duration_seconds: Some(61.25),
            stop_window_seconds: Some(0.0),
            stop_window_limit_seconds: Some(120.0),
            stores: vec![store("s3://bucket/prefix", 42), store("file:///backup", 0)],
        })
    }

    pub(super) fn verifier(source: &str) -> Measured {
        let store = |store: &str, lag: Option<f64>| VerifiedStore {
            store: store.into(),
            reachable: lag.is_some(),
            success: Some(true),
            verified: Some(second(1_795_000_000)),
            last_good: Some(second(1_794_000_000)),
            replication_lag_seconds: lag,
            retained: BTreeMap::from([(Class::Hot, 8), (Class::Monthly, 0)]),
        };
        Measured::Verifier(VerifierMeasured {
            source: source.into(),
            last_run: Some(second(1_795_000_050)),
            last_run_success: true,
            duration_seconds: Some(1.5),
            stores: vec![
                store("s3://bucket/prefix", Some(0.0)),
                store("s3://replica/prefix", None),
            ],
        })
    }

    /// Runs promtool's own check on a text, and gives what it complains about.
    fn promtool(text: &str) -> (Option<i32>, String) {
        let mut child = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool runs: install package prometheus");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    #[test]
    fn promtool_finds_nothing_to_complain_about() {
        // A source that tries every character that has to be escaped.
        let hard = "a\"b\\c\nd\u{e9}{}=,";
        let text = host(hard).text() + &verifier(hard).text();
        assert!(
            text.contains("source=\"a\\\"b\\\\c\\nd\u{e9}{}=,\""),
            "{text}"
        );
        assert_eq!(promtool(&text), (Some(0), String::new()), "{text}");
        // It does see what is wrong.
        assert_ne!(
            promtool("# HELP x y\n# TYPE x gauge\nx{a=\"b\nc\"} 1\n").0,
            Some(0)
        );
    }

    #[test]
    fn the_text_is_what_it_says() {
        let text = host("dev3/node-1").text();
        let labels = "source=\"dev3/node-1\",store=\"s3://bucket/prefix\"";
        for line in [
            "# HELP qh_last_backup_timestamp Time of the last snapshot of any class that the store holds whole, in Unix seconds.\n# TYPE qh_last_backup_timestamp gauge\n".to_owned(),
            format!("qh_last_backup_timestamp{{{labels}}} 1795000000\n"),
            format!("qh_snapshot_last_timestamp_seconds{{{labels},class=\"daily\"}} 1794990000\n"),
            format!("qh_snapshot_size_bytes{{{labels}}} 1500\n"),
            format!("qh_snapshot_size_variance_ratio{{{labels}}} 0.5\n"),
            format!("qh_snapshot_shipped_bytes{{{labels}}} 42\n"),
            "qh_snapshot_duration_seconds{source=\"dev3/node-1\"} 61.25\n".to_owned(),
            "qh_snapshot_last_run_success{source=\"dev3/node-1\"} 0\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}\n{text}");
        }
        let text = verifier("dev3/node-1").text();
        assert!(
            text.contains(&format!("qh_backup_verification_success{{{labels}}} 1\n")),
            "{text}"
        );
        assert!(text.contains(&format!(
            "qh_backup_replication_lag_seconds{{{labels}}} 0\n"
        )));
        // What can't be asked has no lag, and says that it can't be asked.
        assert!(!text.contains("qh_backup_replication_lag_seconds{source=\"dev3/node-1\",store=\"s3://replica/prefix\"}"));
        assert!(text.contains(
            "qh_backup_store_reachable{source=\"dev3/node-1\",store=\"s3://replica/prefix\"} 0\n"
        ));
    }

    #[test]
    fn no_series_is_in_two_files() {
        let mut seen = BTreeSet::new();
        let mut helps = BTreeMap::new();
        for measured in [
            host("dev3/a"),
            host("dev3/b"),
            verifier("dev3/a"),
            verifier("dev3/b"),
        ] {
            for line in measured.text().lines() {
                if let Some(help) = line.strip_prefix("# HELP ") {
                    // The collector refuses two helps of one name.
                    let (name, help) = help.split_once(' ').unwrap();
                    assert_eq!(
                        helps.entry(name.to_owned()).or_insert(help.to_owned()),
                        help
                    );
                } else if !line.starts_with('#') {
                    let (series, _) = line.rsplit_once(' ').unwrap();
                    assert!(seen.insert(series.to_owned()), "{series}");
                }
            }
        }
        assert!(seen.len() > 60, "{}", seen.len());
    }

    #[test]
    fn files_are_apart_and_readable() {
        let dir = tempfile::tempdir().unwrap();
        let all = [
            host("dev3/a"),
            verifier("dev3/a"),
            host("dev3_2fa"),
            host("dev3/A"),
            host(&"x".repeat(300)),
            host(&"x".repeat(301)),
        ];
        for measured in &all {
            let path = write(dir.path(), measured).unwrap();
            assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o7777, 0o644);
        }
        let names: BTreeSet<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), all.len());
        assert!(
            names.contains("qh_snapshot_dev3_2fa.prom")
                && names.contains("qh_verify_dev3_2fa.prom"),
            "{names:?}"
        );
        assert!(names.contains("qh_snapshot_dev3_5f2fa.prom"));
        let refused = write(&dir.path().join("absent"), &all[0]).unwrap_err();
        assert_eq!(refused.name, "file-not-written");
    }

    #[test]
    fn what_is_measured_can_be_kept() {
        for measured in [host("dev3/a"), verifier("dev3/a")] {
            let text = serde_json::to_string(&measured).unwrap();
            assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), measured);
        }
    }
}
