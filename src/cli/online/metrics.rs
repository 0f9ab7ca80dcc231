//! `qh-online metrics`: where the text files for Prometheus lie, and what is in them.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::Failure;
use crate::online::metrics::Measured;

#[derive(Serialize)]
struct Shown<'a> {
    format: &'static str,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    /// Nothing, if no directory is set.
    path: Option<String>,
    written: bool,
    measured: &'a Measured,
}

/// Shows what is measured, and where it is written: `directory` is the collector's, if one is set.
///
/// # Errors
/// `output-not-written`.
pub fn show(
    directory: Option<&Path>,
    measured: &[Measured],
    json: bool,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let path = |of: &Measured| directory.map(|directory| directory.join(of.file_name()));
    if json {
        let files = measured.iter().map(|measured| File {
            path: path(measured).map(|path| path.display().to_string()),
            written: path(measured).is_some_and(|path| path.is_file()),
            measured,
        });
        let shown = Shown {
            format: "qh-metrics/1",
            files: files.collect(),
        };
        let text = serde_json::to_string_pretty(&shown).expect("strings and numbers");
        writeln!(out, "{text}")?;
        return Ok(0);
    }
    for of in measured {
        match path(of) {
            Some(path) if path.is_file() => writeln!(out, "# {}", path.display())?,
            Some(path) => writeln!(out, "# {} is not written yet", path.display())?,
            None => writeln!(
                out,
                "# No directory is set for Prometheus, so this is written nowhere"
            )?,
        }
        write!(out, "{}", of.text())?;
    }
    if measured.is_empty() {
        writeln!(out, "Nothing is measured yet: no run has ended.")?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::metrics::{HostMeasured, write};

    #[test]
    fn it_says_where_and_what() {
        let dir = tempfile::tempdir().unwrap();
        let last_run = Some(jiff::Timestamp::from_second(5).unwrap());
        let measured = [Measured::Host(HostMeasured {
            source: "dev3/a".into(),
            last_run,
            ..HostMeasured::default()
        })];
        let said = |directory, measured: &[Measured], json| {
            let mut out = Vec::new();
            assert_eq!(show(directory, measured, json, &mut out), Ok(0));
            String::from_utf8(out).unwrap()
        };
        let directory = Some(dir.path());
        let line = "qh_snapshot_last_run_timestamp_seconds{source=\"dev3/a\"} 5\n";
        assert!(
            said(directory, &measured, false)
                .contains("qh_snapshot_dev3_2fa.prom is not written yet\n")
        );
        assert!(said(None, &measured, false).contains("written nowhere\n"));
        write(dir.path(), &measured[0]).unwrap();
        let text = said(directory, &measured, false);
        assert!(
            text.contains("qh_snapshot_dev3_2fa.prom\n") && text.contains(line),
            "{text}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&said(directory, &measured, true)).unwrap();
        assert_eq!(json["files"][0]["written"], true);
        assert_eq!(json["files"][0]["measured"]["host"]["source"], "dev3/a");
        assert!(said(directory, &[], false).starts_with("Nothing is measured"));
    }
}
