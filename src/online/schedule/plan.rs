//! Installing: what would be done and why, then doing it.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fault::{InstallFault, MAX_PATH};
use super::units::{By, Host, Role, UnitFile, files};
use crate::ceremony::event::Refused;
use crate::files::{make_dir, publish, read};

/// Longest file of others that is compared, in bytes.
pub(super) const MAX: usize = 256 * 1024;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Write,
    /// It is there, as it would be written.
    Keep,
    /// Something else is there.
    Replace,
}

/// A command that follows when the files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step(pub Vec<String>);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Each file, where it lies below the root, and what becomes of it.
    pub files: Vec<(UnitFile, PathBuf, Change)>,
    /// What is run afterwards.
    pub steps: Vec<Step>,
}

/// Where a path of the machine lies below `root`.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl Plan {
    /// Looks at what is there. `root` is `/`, or where the machine's file system is mounted.
    ///
    /// # Errors
    /// [`InstallFault`]; a file that can't be read. That other content lies there is no error yet, see
    /// [`Plan::others`].
    pub fn make(
        root: &Path,
        by: By,
        role: Role,
        host: &Host,
        enable: bool,
    ) -> Result<Self, Refused> {
        fit("program", &host.program)?;
        fit("configuration", &host.config)?;
        fit("state directory", &host.state)?;
        runs_as_root(root, host)?;
        // The directory is systemd's own sign that it runs (sd_booted).
        let here = root == Path::new("/") && by == By::Systemd && enable;
        if here && !Path::new("/run/systemd/system").is_dir() {
            return Err(fault(&InstallFault::NoSystemd));
        }
        let other_way = match by {
            By::Systemd => By::Cron,
            By::Cron => By::Systemd,
        };
        for file in files(other_way, role, host) {
            if below(root, &file.path).symlink_metadata().is_ok() {
                return Err(fault(&InstallFault::BothWays(file.path)));
            }
        }
        let mut planned = Vec::new();
        for file in files(by, role, host) {
            let path = below(root, &file.path);
            let change = match path.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Change::Write,
                Ok(found) if !found.is_file() => return Err(fault(&InstallFault::NoFile(path))),
                _ if read(&path, MAX)? == file.text.as_bytes() => Change::Keep,
                _ => Change::Replace,
            };
            planned.push((file, path, change));
        }
        let steps = match by {
            By::Systemd if enable => steps(root, &planned),
            _ => Vec::new(),
        };
        Ok(Self {
            files: planned,
            steps,
        })
    }

    /// The files of others that would be written over.
    pub fn others(&self) -> Vec<PathBuf> {
        let others = self
            .files
            .iter()
            .filter(|(_, _, change)| *change == Change::Replace);
        others.map(|(_, path, _)| path.clone()).collect()
    }

    /// Does it.
    ///
    /// # Errors
    /// `schedule-other-content` before anything is written, unless `replace`; `file-not-written`; `schedule-step-failed`.
    pub fn act(&self, replace: bool) -> Result<(), Refused> {
        let others = self.others();
        if !replace && !others.is_empty() {
            return Err(fault(&InstallFault::OtherContent(others)));
        }
        for (file, path, change) in &self.files {
            if *change != Change::Keep {
                if let Some(directory) = path.parent() {
                    make_dir(directory)?;
                }
                publish(path, file.text.as_bytes())?;
            }
        }
        self.steps.iter().try_for_each(|step| {
            run(step).map_err(|reason| {
                fault(&InstallFault::Step {
                    command: step.to_string(),
                    reason,
                })
            })
        })
    }
}

fn fault(fault: &InstallFault) -> Refused {
    crate::files::from_error(fault)
}

/// Paths are refused rather than quoted: units, cron lines and the shell quote in three ways.
fn fit(what: &'static str, path: &Path) -> Result<(), Refused> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._+@:-".contains(&b);
    let text = path.to_str().unwrap_or_default();
    let fits = path.is_absolute()
        && text.len() <= MAX_PATH
        && text.bytes().all(plain)
        && !path
            .components()
            .any(|part| part == std::path::Component::ParentDir);
    if fits {
        return Ok(());
    }
    Err(fault(&InstallFault::Path {
        what,
        path: crate::transcript::visible::visible_short(&path.to_string_lossy(), MAX_PATH),
    }))
}

/// The program is there, and nobody but root can change it or its configuration.
fn runs_as_root(root: &Path, host: &Host) -> Result<(), Refused> {
    for (path, needed) in [(&host.program, true), (&host.config, false)] {
        match fs::metadata(below(root, path)) {
            Ok(found)
                if found.mode() & 0o022 != 0
                    || ![0, rustix::process::geteuid().as_raw()].contains(&found.uid()) =>
            {
                return Err(fault(&InstallFault::OthersWrite(path.clone())));
            }
            Ok(found) if found.is_file() => {}
            _ if needed => return Err(fault(&InstallFault::NoProgram(path.clone()))),
            _ => {}
        }
    }
    Ok(())
}

/// What enables the units: on this machine they are started too.
fn steps(root: &Path, planned: &[(UnitFile, PathBuf, Change)]) -> Vec<Step> {
    let wanted = |target: Option<&str>| -> Vec<String> {
        let units = planned.iter().filter(|(file, _, _)| match target {
            Some(target) => file.wanted_by == Some(target),
            None => file.wanted_by.is_some(),
        });
        units.map(|(file, _, _)| file.name().to_owned()).collect()
    };
    let step = |words: &[&str], units: Vec<String>| {
        let words = words.iter().map(|&word| word.to_owned());
        Step(words.chain(units).collect())
    };
    if root != Path::new("/") {
        let root = format!("--root={}", root.display());
        return vec![step(&["systemctl", &root, "enable"], wanted(None))];
    }
    vec![
        step(&["systemctl", "daemon-reload"], vec![]),
        step(&["systemctl", "enable"], wanted(None)),
        step(&["systemctl", "start"], wanted(Some("timers.target"))),
    ]
}

fn run(step: &Step) -> Result<(), String> {
    let (program, args) = step.0.split_first().ok_or("it is empty")?;
    let output = Command::new(program)
        .args(args)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = crate::transcript::visible::visible_short(said.trim(), 300);
    Err(format!("{}, {said}", output.status))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn host() -> Host {
        Host {
            program: "/usr/bin/qh-online".into(),
            config: "/etc/qh-online/config.toml".into(),
            state: "/var/lib/qh-online".into(),
            name_state: false,
        }
    }

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        let program = root.path().join("usr/bin/qh-online");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        root
    }

    fn plan(root: &Path, by: By) -> Result<Plan, Refused> {
        Plan::make(root, by, Role::Host, &host(), false)
    }

    fn changes(plan: &Plan) -> Vec<Change> {
        plan.files.iter().map(|(_, _, change)| *change).collect()
    }

    #[test]
    fn planning_writes_nothing_and_acting_twice_keeps() {
        let root = machine();
        let first = plan(root.path(), By::Systemd).unwrap();
        assert_eq!(changes(&first), [Change::Write; 4]);
        assert!(!root.path().join("etc").exists());
        first.act(false).unwrap();
        let file = root
            .path()
            .join("etc/systemd/system/qh-online-snapshot.timer");
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o7777, 0o644);
        let second = plan(root.path(), By::Systemd).unwrap();
        assert_eq!(changes(&second), [Change::Keep; 4]);
        let refused = plan(root.path(), By::Cron).unwrap_err();
        assert_eq!(refused.name, "schedule-both-ways");
    }

    #[test]
    fn content_of_others_is_kept_unless_told() {
        let root = machine();
        let file = root.path().join("etc/cron.d/qh-online");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "0 2 * * * root mine\n").unwrap();
        let plan = plan(root.path(), By::Cron).unwrap();
        assert_eq!(changes(&plan), [Change::Replace]);
        let refused = plan.act(false).unwrap_err();
        assert_eq!(refused.name, "schedule-other-content");
        assert!(
            refused.what.contains("etc/cron.d/qh-online"),
            "{}",
            refused.what
        );
        assert_eq!(fs::read(&file).unwrap(), b"0 2 * * * root mine\n");
        plan.act(true).unwrap();
        assert!(
            fs::read_to_string(&file)
                .unwrap()
                .contains("snapshot create --due")
        );
    }

    #[test]
    fn a_masked_unit_stays_masked() {
        let root = machine();
        let units = root.path().join("etc/systemd/system");
        fs::create_dir_all(&units).unwrap();
        symlink("/dev/null", units.join("qh-online-snapshot.timer")).unwrap();
        assert_eq!(
            plan(root.path(), By::Systemd).unwrap_err().name,
            "schedule-no-file"
        );
    }

    #[test]
    fn what_would_run_as_root_is_roots_alone() {
        let root = machine();
        let program = root.path().join("usr/bin/qh-online");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o775)).unwrap();
        assert_eq!(
            plan(root.path(), By::Cron).unwrap_err().name,
            "schedule-others-write"
        );
        fs::remove_file(&program).unwrap();
        assert_eq!(
            plan(root.path(), By::Cron).unwrap_err().name,
            "schedule-program-absent"
        );
    }

    #[test]
    fn paths_that_could_be_misread_are_refused() {
        let root = machine();
        let long = format!("/{}", "x".repeat(MAX_PATH));
        for path in [
            "relative", "/a b", "/a%b", "/a\nb", "/a'b", "/a$b", "/a/../b", "/a;b", "/\u{e4}", "",
            &long,
        ] {
            for which in 0..3 {
                let mut host = host();
                *[&mut host.program, &mut host.config, &mut host.state][which] = path.into();
                let refused =
                    Plan::make(root.path(), By::Cron, Role::Host, &host, false).unwrap_err();
                assert_eq!(refused.name, "schedule-path", "{path}");
            }
        }
    }

    #[test]
    fn units_are_enabled_and_on_this_machine_started() {
        let file = |name: &str, wanted_by| UnitFile {
            path: Path::new("/etc/systemd/system").join(name),
            text: String::new(),
            reason: "",
            wanted_by,
        };
        let planned: Vec<_> = [
            file("a.service", None),
            file("a.timer", Some("timers.target")),
            file("b.service", Some("multi-user.target")),
        ]
        .map(|file| (file, PathBuf::new(), Change::Write))
        .into();
        let shown = |root: &str| {
            steps(Path::new(root), &planned)
                .iter()
                .map(Step::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown("/mnt"),
            ["systemctl --root=/mnt enable a.timer b.service"]
        );
        assert_eq!(
            shown("/"),
            [
                "systemctl daemon-reload",
                "systemctl enable a.timer b.service",
                "systemctl start a.timer"
            ]
        );
        let failed = run(&Step(vec!["false".into()])).unwrap_err();
        assert!(failed.contains("exit status: 1"), "{failed}");
    }
}
