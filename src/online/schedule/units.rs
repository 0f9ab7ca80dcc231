//! The files that make the program run, and why each is there.

use std::path::{Path, PathBuf};

use super::{STOPPED_MARKER, crontab, systemd};

/// What runs on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The host that makes snapshots.
    Host,
    /// The machine that verifies them and prunes the store.
    Verifier,
}

/// What wakes the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// Timers of systemd.
    Systemd,
    /// A file in `/etc/cron.d`.
    Cron,
}

/// Where things are on the machine where the files will work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The program.
    pub program: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its state directory.
    pub state: PathBuf,
    /// Whether the command has to name the state directory, since the configuration doesn't.
    pub name_state: bool,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// Its absolute path on that machine.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    /// Why it is there.
    pub reason: &'static str,
    /// The directory of systemd where a link enables it, if one does.
    pub wanted_by: Option<&'static str>,
}

impl UnitFile {
    /// The file's name.
    pub fn name(&self) -> &str {
        self.path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }
}

const UNITS: &str = "/etc/systemd/system";
const CRON: &str = "/etc/cron.d";
/// How each file begins.
pub(super) const HEAD: &str =
    "# Written by `qh-online schedule install`, which writes it anew with --replace.\n";

/// The files for this machine, in the order in which they are written.
pub fn files(by: By, role: Role, host: &Host) -> Vec<UnitFile> {
    match (by, role) {
        (By::Systemd, Role::Host) => vec![
            unit(
                "qh-online-snapshot.service",
                systemd::snapshot_service(host),
                "makes one snapshot for all classes that are due",
                None,
            ),
            unit(
                "qh-online-snapshot.timer",
                systemd::snapshot_timer(),
                "starts it at the slots, and at boot for what was missed",
                Some("timers.target"),
            ),
            unit(
                "qh-online-restart.service",
                systemd::restart_service(host),
                "starts the node again if a run stopped it and died; at boot too",
                Some("multi-user.target"),
            ),
            unit(
                "qh-online-restart.timer",
                systemd::restart_timer(),
                "looks for such a node every 20 seconds",
                Some("timers.target"),
            ),
        ],
        (By::Systemd, Role::Verifier) => vec![
            unit(
                "qh-online-verify.service",
                systemd::verifier_service(host, "Verify snapshots", "verify snapshots"),
                "restores snapshots and attests the good ones",
                None,
            ),
            unit(
                "qh-online-verify.timer",
                systemd::verifier_timer("Verify snapshots every week", systemd::VERIFY),
                "starts it on Sundays, after the weekly snapshot",
                Some("timers.target"),
            ),
            unit(
                "qh-online-prune.service",
                systemd::verifier_service(host, "Delete expired snapshots", "snapshot prune"),
                "deletes what has expired, by its plan",
                None,
            ),
            unit(
                "qh-online-prune.timer",
                systemd::verifier_timer("Delete expired snapshots every day", systemd::PRUNE),
                "starts it daily",
                Some("timers.target"),
            ),
        ],
        (By::Cron, Role::Host) => vec![cron(
            "qh-online",
            crontab::host(host),
            "the slots, a run every hour for what was missed, and the node's restart",
        )],
        (By::Cron, Role::Verifier) => vec![cron(
            "qh-online-verifier",
            crontab::verifier(host),
            "weekly verification and daily pruning",
        )],
    }
}

fn unit(
    name: &str,
    text: String,
    reason: &'static str,
    wanted_by: Option<&'static str>,
) -> UnitFile {
    let path = Path::new(UNITS).join(name);
    UnitFile {
        path,
        text,
        reason,
        wanted_by,
    }
}

fn cron(name: &str, text: String, reason: &'static str) -> UnitFile {
    // Debian's cron skips names with a dot.
    let path = Path::new(CRON).join(name);
    UnitFile {
        path,
        text,
        reason,
        wanted_by: None,
    }
}

/// The command line of the program.
pub(super) fn command(host: &Host, what: &str) -> String {
    let state = if host.name_state {
        format!(" --state {}", host.state.display())
    } else {
        String::new()
    };
    format!(
        "{} --config {}{state} {what}",
        host.program.display(),
        host.config.display()
    )
}

/// The file that says that the node was stopped.
pub(super) fn marker(host: &Host) -> PathBuf {
    host.state.join(STOPPED_MARKER)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::super::crontab::fields;
    use super::super::systemd::calendar;
    use super::super::{check_cron, latest};
    use super::*;
    use crate::online::class::Class;

    fn host(name_state: bool) -> Host {
        Host {
            program: "/usr/local/bin/qh-online".into(),
            config: "/etc/qh-online/config.toml".into(),
            state: "/var/lib/qh-online".into(),
            name_state,
        }
    }

    #[test]
    fn units_run_what_is_due() {
        let files = files(By::Systemd, Role::Host, &host(false));
        let names: Vec<_> = files.iter().map(UnitFile::name).collect();
        assert_eq!(
            names,
            [
                "qh-online-snapshot.service",
                "qh-online-snapshot.timer",
                "qh-online-restart.service",
                "qh-online-restart.timer"
            ]
        );
        let run = "ExecStart=/usr/local/bin/qh-online --config /etc/qh-online/config.toml snapshot create --due\n";
        assert!(files[0].text.contains(run), "{}", files[0].text);
        assert!(files[1].text.contains("\nPersistent=true\n"));
        for class in Class::ALL {
            assert!(
                files[1]
                    .text
                    .contains(&format!("\nOnCalendar={}\n", calendar(class)))
            );
        }
        assert!(
            files[2]
                .text
                .contains("\nConditionPathExists=/var/lib/qh-online/node-stopped.json\n")
        );
        assert!(files[2].text.contains(" snapshot resume-node\n"));
        // What enables a unit is what its own text asks for.
        for file in &files {
            let asked = file
                .text
                .lines()
                .find_map(|line| line.strip_prefix("WantedBy="));
            assert_eq!(asked, file.wanted_by, "{}", file.name());
        }
    }

    #[test]
    fn cron_files_are_cron() {
        for role in [Role::Host, Role::Verifier] {
            for name_state in [false, true] {
                for file in files(By::Cron, role, &host(name_state)) {
                    assert_eq!(check_cron(&file.text), Ok(()), "{}", file.text);
                    let visible = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
                    assert!(
                        file.name().chars().all(visible),
                        "cron skips {}",
                        file.name()
                    );
                    assert_eq!(
                        file.text.contains(" --state /var/lib/qh-online "),
                        name_state
                    );
                }
            }
        }
    }

    /// Whether five fields of `*`, numbers and lists hold at a time.
    fn holds(line: &str, time: Timestamp) -> bool {
        let at = time.to_zoned(TimeZone::UTC);
        let week_day = at.weekday().to_sunday_zero_offset();
        let is = [at.minute(), at.hour(), at.day(), at.month(), week_day];
        line.split(' ').zip(is).all(|(field, is)| {
            field == "*"
                || field
                    .split(',')
                    .any(|n| n.parse::<i8>().expect("a number") == is)
        })
    }

    #[test]
    fn cron_lines_are_the_slots() {
        let start: Timestamp = "2027-12-20T00:00:00Z".parse().unwrap();
        let mut found = 0;
        for minute in 0..(80 * 24 * 60) {
            let time = start + jiff::SignedDuration::from_mins(minute);
            for class in Class::ALL {
                let slot = latest(class, time) == time;
                assert_eq!(holds(fields(class), time), slot, "{class} {time}");
                found += usize::from(slot);
            }
        }
        assert_eq!(found, 80 * 4 + 80 + 11 + 3);
    }
}
