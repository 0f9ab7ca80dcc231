//! `qh-online schedule install | show`, by the real program, checked by systemd's own tools.
#![cfg(feature = "online")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use qh_ceremony::online::class::Class;
use qh_ceremony::online::schedule::next;
use serde_json::Value;

/// A machine's file system, with the program in its place.
struct Machine(tempfile::TempDir);

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn refused(self, code: i32, name: &str) -> Self {
        let said = self.ended(code);
        assert!(said.err.contains(&format!("[{name}]")), "{}", said.err);
        said
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        let bin = machine.at("usr/local/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("qh-online"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(bin.join("qh-online"), fs::Permissions::from_mode(0o755)).unwrap();
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn root(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn schedule(&self, what: &str, more: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qh-online"));
        command
            .args([
                "schedule",
                what,
                "--root",
                self.root(),
                "--program",
                "/usr/local/bin/qh-online",
            ])
            .args(more)
            .stdin(Stdio::null());
        let output = command.output().expect("qh-online runs");
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs one of systemd's tools; whether it ended well, and what it said.
fn systemd(tool: &str, args: &[&str]) -> (bool, String) {
    let output = Command::new(tool)
        .args(args)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{tool} does not run ({error}): install package systemd"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn the_plan_comes_first_and_the_units_are_enabled() {
    let machine = Machine::new();
    let plan = machine.schedule("install", &["--dry-run"]).ended(0);
    assert!(plan.out.ends_with("Nothing was done.\n"), "{}", plan.out);
    assert!(
        plan.out
            .contains("qh-online-snapshot.timer: starts it at the slots"),
        "{}",
        plan.out
    );
    assert!(!machine.at("etc").exists());
    let said = machine.schedule("install", &[]).ended(0);
    assert_eq!(
        said.out.replace("Installed.", "Nothing was done."),
        plan.out
    );
    for link in [
        "timers.target.wants/qh-online-snapshot.timer",
        "timers.target.wants/qh-online-restart.timer",
        "multi-user.target.wants/qh-online-restart.service",
    ] {
        let link = machine.at("etc/systemd/system").join(link);
        assert!(fs::symlink_metadata(&link).is_ok(), "{}", link.display());
    }
    let again = machine.schedule("install", &["--json"]).ended(0).json();
    let files = again["files"].as_array().unwrap();
    assert!(
        files.len() == 4 && files.iter().all(|file| file["change"] == "keep"),
        "{again}"
    );
    assert_eq!(again["done"], true);
}

#[test]
fn systemd_finds_nothing_to_complain_about() {
    for more in [&[][..], &["--verifier"]] {
        let machine = Machine::new();
        machine
            .schedule("install", &[more, &["--no-enable"]].concat())
            .ended(0);
        let units = machine.at("etc/systemd/system");
        // The program itself is looked for by the tool, so it needs one that is there.
        let mut paths = Vec::new();
        for entry in fs::read_dir(&units).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path)
                .unwrap()
                .replace("/usr/local/bin/qh-online", "/bin/true");
            fs::write(&path, text).unwrap();
            paths.push(path.to_str().unwrap().to_owned());
        }
        assert_eq!(paths.len(), 4);
        let mut args = vec!["verify", "--man=no", "--recursive-errors=no"];
        args.extend(paths.iter().map(String::as_str));
        let (good, said) = systemd("systemd-analyze", &args);
        let ours: Vec<_> = said
            .lines()
            .filter(|line| line.contains("qh-online"))
            .collect();
        assert!(good && ours.is_empty(), "{said}");
        // It does see what is wrong.
        let broken = machine.at("broken.service");
        fs::write(
            &broken,
            "[Service]\nType=oneshot\nExecStart=/bin/true\nProtectSystm=full\n",
        )
        .unwrap();
        let (_, said) = systemd(
            "systemd-analyze",
            &["verify", "--man=no", broken.to_str().unwrap()],
        );
        assert!(said.contains("ProtectSystm"), "{said}");
    }
}

/// The times of each OnCalendar line, as systemd computes them, are the slots, as we do.
#[test]
fn systemds_slots_are_ours() {
    let machine = Machine::new();
    machine.schedule("install", &["--no-enable"]).ended(0);
    let text =
        fs::read_to_string(machine.at("etc/systemd/system/qh-online-snapshot.timer")).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("OnCalendar="))
        .collect();
    assert_eq!(lines.len(), Class::ALL.len());
    for (class, line) in Class::ALL.into_iter().zip(lines) {
        for from in [
            "2026-02-27 05:59:59",
            "2027-12-31 23:59:59",
            "2028-02-28 04:00:00",
        ] {
            let base = format!("--base-time={from} UTC");
            let (good, said) = systemd(
                "systemd-analyze",
                &["calendar", &base, "--iterations=10", line],
            );
            assert!(good, "{said}");
            let mut now = format!("{}Z", from.replace(' ', "T")).parse().unwrap();
            let mut found = 0;
            for elapse in said.lines().filter_map(|line| {
                line.trim().strip_prefix("Next elapse: ").or_else(|| {
                    line.trim()
                        .strip_prefix("Iter. #")?
                        .split_once(": ")
                        .map(|(_, time)| time)
                })
            }) {
                // Such as "Sun 2026-11-29 03:00:00 UTC".
                let words: Vec<_> = elapse.split_whitespace().collect();
                now = next(class, now);
                assert_eq!(
                    format!("{}T{}Z", words[1], words[2]),
                    now.to_string(),
                    "{class} from {from}: {said}"
                );
                found += 1;
            }
            assert_eq!(found, 10, "{said}");
        }
    }
    let (good, said) = systemd("systemd-analyze", &["calendar", "*-*-* *:*:00/20"]);
    assert!(good, "{said}");
}

#[test]
fn what_others_wrote_stays_unless_told() {
    let machine = Machine::new();
    let path = machine.at("etc/cron.d/qh-online");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "mine\n").unwrap();
    let said = machine
        .schedule("install", &["--cron"])
        .refused(1, "schedule-other-content");
    assert!(
        said.out.starts_with("replace  "),
        "the plan is shown: {}",
        said.out
    );
    assert!(said.err.contains("etc/cron.d/qh-online"), "{}", said.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
    machine
        .schedule("install", &["--cron", "--replace"])
        .ended(0);
    let text = fs::read_to_string(&path).unwrap();
    qh_ceremony::online::schedule::check_cron(&text).unwrap();
    assert!(text.contains("0 3 * * 0 root "), "{text}");
    machine
        .schedule("install", &[])
        .refused(1, "schedule-both-ways");
    machine
        .schedule("install", &["--cron", "--state", "/a b"])
        .refused(1, "schedule-path");
}

#[test]
fn a_program_that_is_missing_or_not_roots_is_refused() {
    let machine = Machine::new();
    let program = machine.at("usr/local/bin/qh-online");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    machine
        .schedule("install", &[])
        .refused(1, "schedule-others-write");
    fs::remove_file(program).unwrap();
    machine
        .schedule("install", &[])
        .refused(3, "schedule-program-absent");
    assert!(!machine.at("etc").exists());
}

#[test]
fn show_tells_what_is_there_and_what_is_due() {
    let machine = Machine::new();
    let at = ["--at", "2026-11-29T03:10:00Z"];
    let said = machine.schedule("show", &at).ended(4);
    assert!(
        said.out.starts_with("Nothing is installed."),
        "{}",
        said.out
    );
    machine.schedule("install", &[]).ended(0);
    fs::create_dir_all(machine.at("var/lib/qh-online")).unwrap();
    let last = r#"{"format":"qh-last-snapshots/1","last":{"hot":"2026-11-29T02:00:00Z","daily":"2026-11-29T02:00:00Z","weekly":"2026-11-22T03:00:00Z"}}"#;
    fs::write(machine.at("var/lib/qh-online/last-snapshots.json"), last).unwrap();
    let said = machine.schedule("show", &at).ended(0);
    assert!(
        said.out.ends_with(
            "\nAt 2026-11-29T03:10:00Z, all in UTC:\n\
         \x20 hot      not due  last 2026-11-29T02:00:00Z  next 2026-11-29T06:00:00Z\n\
         \x20 daily    not due  last 2026-11-29T02:00:00Z  next 2026-11-30T02:00:00Z\n\
         \x20 weekly   due      last 2026-11-22T03:00:00Z  next 2026-12-06T03:00:00Z\n\
         \x20 monthly  due      last never                 next 2026-12-01T04:00:00Z\n"
        ),
        "{}",
        said.out
    );
    let shown = machine
        .schedule("show", &[&at[..], &["--json"]].concat())
        .ended(0)
        .json();
    assert_eq!(shown["format"], "qh-schedule/1");
    assert_eq!(shown["classes"][2]["due"], true);
    assert_eq!(shown["classes"][3]["last"], Value::Null);
    assert_eq!(shown["installed"].as_array().unwrap().len(), 4);
    // A unit that is not enabled, that differs, that is gone.
    let units = machine.at("etc/systemd/system");
    let link = units.join("timers.target.wants/qh-online-restart.timer");
    fs::remove_file(&link).unwrap();
    assert!(
        machine
            .schedule("show", &at)
            .ended(4)
            .out
            .contains("NOT ENABLED")
    );
    machine.schedule("install", &[]).ended(0);
    let unit = units.join("qh-online-snapshot.service");
    fs::write(&unit, "mine\n").unwrap();
    assert!(
        machine
            .schedule("show", &at)
            .ended(4)
            .out
            .contains("DIFFERS")
    );
    fs::remove_file(&unit).unwrap();
    assert!(
        machine
            .schedule("show", &at)
            .ended(4)
            .out
            .contains("This is not whole.")
    );
    fs::write(machine.at("var/lib/qh-online/last-snapshots.json"), "{}").unwrap();
    machine
        .schedule("show", &at)
        .refused(1, "last-snapshots-malformed");
}

#[test]
fn nothing_is_installed_where_systemd_does_not_run() {
    if Path::new("/run/systemd/system").is_dir() {
        // Here it does, and this test must not change the machine; the dry run shows the commands.
        let output = Command::new(env!("CARGO_BIN_EXE_qh-online"))
            .args(["schedule", "install", "--dry-run"])
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            said.contains("systemctl daemon-reload") || said.contains("[schedule-"),
            "{said}"
        );
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_qh-online"))
        .args(["schedule", "install", "--dry-run", "--program", "/bin/true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("[schedule-no-systemd]"), "{err}");
}
