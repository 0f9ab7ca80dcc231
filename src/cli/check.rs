//! `qh-ceremony check`: whether this machine is fit for a ceremony.
//!
//! Machine and program are judged as in production. Exit code 0 only if nothing stops a ceremony, else 3.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::device::machine::{self, Finding, Report, Severity};
use crate::secret::hardening::{self, Hardening, Mode};

/// Exit code of a fit machine.
pub const FIT: u8 = 0;
/// Exit code of a machine that isn't fit, or of output that could not be written.
pub const UNFIT: u8 = 3;

#[derive(Serialize)]
struct Answer<'r> {
    format: &'static str,
    fit: bool,
    findings: &'r [Finding],
    hardening: &'r Hardening,
}

/// Checks the machine and this program, and writes the report: text, or one JSON document of format `qh-check/1` with
/// `fit`, `findings` and `hardening`. The exit code: [`FIT`] or [`UNFIT`].
pub fn check(out: &mut dyn Write, json: bool) -> u8 {
    // Done by `main` already; the second time it only reads the state back.
    let hardening = hardening::harden();
    let mut findings = machine::inspect(Path::new("/")).findings;
    findings.extend(hardening.findings(Mode::Production));
    let report = Report::new(findings);
    let written = if json {
        write_json(out, &report, &hardening)
    } else {
        write_text(out, &report)
    };
    if written.is_ok() && report.fit {
        FIT
    } else {
        UNFIT
    }
}

fn write_json(out: &mut dyn Write, report: &Report, hardening: &Hardening) -> io::Result<()> {
    let answer = Answer {
        format: "qh-check/1",
        fit: report.fit,
        findings: &report.findings,
        hardening,
    };
    serde_json::to_writer_pretty(&mut *out, &answer)?;
    writeln!(out)?;
    out.flush()
}

fn write_text(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for found in &report.findings {
        let word = match found.severity {
            Severity::Stop => "STOP",
            Severity::Note => "note",
        };
        writeln!(out, "{word}  {}: {}", found.name, found.text)?;
        if found.severity == Severity::Stop {
            writeln!(out, "      {}", found.way_on)?;
        }
    }
    let stops = report.stops().count();
    match stops {
        0 => writeln!(out, "This machine is fit for a ceremony.")?,
        1 => writeln!(
            out,
            "This machine is not fit for a ceremony: 1 finding stops it."
        )?,
        _ => writeln!(
            out,
            "This machine is not fit for a ceremony: {stops} findings stop it."
        )?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(findings: Vec<Finding>) -> String {
        let mut out = Vec::new();
        write_text(&mut out, &Report::new(findings)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_names_what_stops_and_the_way_on() {
        let note = Finding::note(
            "loopback",
            "lo",
            "Only lo exists.",
            "Nothing needs to be done.",
        );
        let stop = Finding::stop(
            "swap-active",
            "/dev/sda2",
            "Swap is active.",
            "Turn it off.",
        );
        assert_eq!(
            text(vec![note.clone(), stop]),
            "note  loopback: Only lo exists.\nSTOP  swap-active: Swap is active.\n      Turn it off.\n\
             This machine is not fit for a ceremony: 1 finding stops it.\n"
        );
        assert_eq!(
            text(vec![note]),
            "note  loopback: Only lo exists.\nThis machine is fit for a ceremony.\n"
        );
    }

    #[test]
    fn output_that_cannot_be_written_is_not_fit() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("closed"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::Error::other("closed"))
            }
        }
        assert!(write_text(&mut Closed, &Report::new(Vec::new())).is_err());
    }
}
