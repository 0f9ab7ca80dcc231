//! Why nothing is installed.

use std::path::PathBuf;

use crate::refusal::Refuse;

/// Longest path that goes into a unit or a cron line, in bytes.
pub(super) const MAX_PATH: usize = 200;

/// Why nothing is installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallFault {
    /// A path that a unit or a cron line could misread.
    #[error(
        "The path \"{path}\" of the {what} can't stand in a unit: it must be absolute, without \"..\", of at most {MAX_PATH} bytes of letters, digits and /._+@:-."
    )]
    Path {
        /// Which one.
        what: &'static str,
        /// The path, as given.
        path: String,
    },
    /// The program is not there.
    #[error("There is no program {path}.", path = .0.display())]
    NoProgram(PathBuf),
    /// Others than root can change what would run as root.
    #[error("{path} can be changed by others than root, and would run as root.", path = .0.display())]
    OthersWrite(PathBuf),
    /// Files of ours would replace files of others.
    #[error("Something else lies under {}.", list(.0))]
    OtherContent(Vec<PathBuf>),
    /// No regular file: a link, as `systemctl mask` makes one.
    #[error("{path} is no regular file; a link to /dev/null there means that the unit is masked.", path = .0.display())]
    NoFile(PathBuf),
    /// Timers and cron would both run it.
    #[error("{path} is installed, which does the same another way.", path = .0.display())]
    BothWays(PathBuf),
    /// No systemd to install for.
    #[error("systemd does not run this machine.")]
    NoSystemd,
    /// A command of systemd did not work.
    #[error("`{command}` did not work: {reason}.")]
    Step {
        /// What was run.
        command: String,
        /// What it said.
        reason: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    let shown: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    shown.join(", ")
}

impl Refuse for InstallFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Path { .. } => "schedule-path",
            Self::NoProgram(_) => "schedule-program-absent",
            Self::OthersWrite(_) => "schedule-others-write",
            Self::OtherContent(_) => "schedule-other-content",
            Self::NoFile(_) => "schedule-no-file",
            Self::BothWays(_) => "schedule-both-ways",
            Self::NoSystemd => "schedule-no-systemd",
            Self::Step { .. } => "schedule-step-failed",
        }
    }

    fn way_on(&self) -> &'static str {
        match self {
            Self::Path { .. } => "Move it, or link to it from such a path, and give that.",
            Self::NoProgram(_) => "Give the program's path with --program.",
            Self::OthersWrite(_) => {
                "Give it to root and take the right away: chown root, chmod go-w."
            }
            Self::OtherContent(_) => "Look at what is there; --replace writes over it.",
            Self::NoFile(_) => "Unmask the unit or remove what lies there, then start again.",
            Self::BothWays(_) => "Disable and remove that one first.",
            Self::NoSystemd => "Use --cron, or --root DIR for another machine's files.",
            Self::Step { .. } => {
                "The files are written. Run the command by hand and look at what it says."
            }
        }
    }
}
