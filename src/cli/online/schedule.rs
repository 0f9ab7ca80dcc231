//! `qh-online schedule`: what makes snapshots happen on time.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use super::{Failure, Settings, SettingsArgs};
use crate::ceremony::event::Refused;
use crate::online::class::Class;
use crate::online::config::DEFAULT_CONFIG;
use crate::online::schedule::{
    By, Change, Host, Installed, LastSnapshots, Plan, Role, below, due, installed, next,
};

/// Timers of systemd, or cron.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Write the timers that make snapshots: first the plan, then the files, then what enables them.
    ///
    /// Hot at 00, 06, 12 and 18, daily at 02, weekly on Sundays at 03, monthly on the 1st at 04, all in UTC; what was missed
    /// is caught up. Another unit starts the node again if a run stopped it and died. Nothing of others is replaced.
    Install(InstallArgs),
    /// Show what is installed, what is due, and when the next slots are.
    ///
    /// Exit codes: 0 installed, whole and enabled; 4 anything else.
    Show(ShowArgs),
}

/// Arguments of `schedule install`.
#[derive(Debug, clap::Args)]
pub struct InstallArgs {
    /// Write a file for cron instead of timers of systemd
    #[arg(long)]
    pub cron: bool,

    /// This machine verifies and prunes instead of making snapshots
    #[arg(long)]
    pub verifier: bool,

    /// Install below this directory, where another machine's file system is mounted
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// The program that is run [default: this one]
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,

    /// Write over files that are there with other content
    #[arg(long)]
    pub replace: bool,

    /// Write the files, and enable nothing
    #[arg(long)]
    pub no_enable: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `schedule show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Look below this directory
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,

    /// The program that should be run [default: this one]
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,

    /// As if it were this time, such as 2026-11-29T03:00:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
}

/// Runs the command and gives the exit code.
///
/// # Errors
/// [`Failure`].
pub(super) fn run(
    command: &ScheduleCommand,
    flags: &SettingsArgs,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    match command {
        ScheduleCommand::Install(args) => install(
            args,
            &host(args.program.as_deref(), flags, settings)?,
            settings.json,
            out,
        ),
        ScheduleCommand::Show(args) => show(
            args,
            &host(args.program.as_deref(), flags, settings)?,
            settings,
            out,
        ),
    }
}

fn host(
    program: Option<&Path>,
    flags: &SettingsArgs,
    settings: &Settings,
) -> Result<Host, Failure> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()?,
    };
    Ok(Host {
        program,
        config: flags
            .config
            .clone()
            .unwrap_or_else(|| DEFAULT_CONFIG.into()),
        state: settings.state.clone(),
        name_state: flags.state.is_some(),
    })
}

/// Exit 3 for what is not there or not writable, else 1.
fn failed(refused: Refused) -> Failure {
    let exit = match refused.name.as_str() {
        "file-unreadable"
        | "file-not-written"
        | "schedule-no-systemd"
        | "schedule-step-failed"
        | "schedule-program-absent" => 3,
        _ => 1,
    };
    Failure::new(exit, refused)
}

#[derive(Serialize)]
struct Planned {
    format: &'static str,
    files: Vec<PlannedFile>,
    steps: Vec<String>,
    done: bool,
}

#[derive(Serialize)]
struct PlannedFile {
    path: String,
    change: &'static str,
    reason: &'static str,
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Write => "write",
        Change::Keep => "keep",
        Change::Replace => "replace",
    }
}

fn install(
    args: &InstallArgs,
    host: &Host,
    json: bool,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let by = if args.cron { By::Cron } else { By::Systemd };
    let role = if args.verifier {
        Role::Verifier
    } else {
        Role::Host
    };
    // What is shown, written and told to systemctl is one place, wherever each of them works.
    let root = std::path::absolute(&args.root)?;
    let plan = Plan::make(&root, by, role, host, !args.no_enable).map_err(failed)?;
    if !json {
        for (file, path, change) in &plan.files {
            writeln!(
                out,
                "{:<8} {}: {}",
                word(*change),
                path.display(),
                file.reason
            )?;
        }
        for step in &plan.steps {
            writeln!(out, "{:<8} {step}", "run")?;
        }
        // The plan is read before anything is done.
        out.flush()?;
    }
    if !args.dry_run {
        plan.act(args.replace).map_err(failed)?;
    }
    if json {
        let files = plan.files.iter().map(|(file, path, change)| PlannedFile {
            path: path.display().to_string(),
            change: word(*change),
            reason: file.reason,
        });
        let shown = Planned {
            format: "qh-schedule-install/1",
            files: files.collect(),
            steps: plan.steps.iter().map(ToString::to_string).collect(),
            done: !args.dry_run,
        };
        let text = serde_json::to_string_pretty(&shown).expect("strings");
        writeln!(out, "{text}")?;
    } else if args.dry_run {
        writeln!(out, "Nothing was done.")?;
    } else {
        writeln!(out, "Installed.")?;
    }
    Ok(0)
}

#[derive(Serialize)]
struct Shown {
    format: &'static str,
    now: String,
    installed: Vec<Found>,
    whole: bool,
    classes: Vec<Slot>,
}

#[derive(Serialize)]
struct Found {
    path: String,
    same: bool,
    enabled: Option<bool>,
}

#[derive(Serialize)]
struct Slot {
    class: Class,
    last: Option<String>,
    due: bool,
    next: String,
}

fn show(
    args: &ShowArgs,
    host: &Host,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let now = args.at.unwrap_or_else(Timestamp::now);
    let last = LastSnapshots::load(&below(&args.root, &settings.state))
        .map_err(failed)?
        .0;
    let mut found: Vec<Installed> = Vec::new();
    let mut whole = true;
    for by in [By::Systemd, By::Cron] {
        for role in [Role::Host, Role::Verifier] {
            let (files, count) = installed(&args.root, by, role, host);
            whole &= files.is_empty() || files.len() == count;
            found.extend(files);
        }
    }
    whole &= !found.is_empty()
        && found
            .iter()
            .all(|file| file.same && file.enabled != Some(false));
    let due = due(now, &last);
    let shown = Shown {
        format: "qh-schedule/1",
        now: now.to_string(),
        installed: found
            .iter()
            .map(|file| Found {
                path: file.path.display().to_string(),
                same: file.same,
                enabled: file.enabled,
            })
            .collect(),
        whole,
        classes: Class::ALL
            .into_iter()
            .map(|class| Slot {
                class,
                last: last.get(&class).map(ToString::to_string),
                due: due.contains(&class),
                next: next(class, now).to_string(),
            })
            .collect(),
    };
    if settings.json {
        let text = serde_json::to_string_pretty(&shown).expect("strings");
        writeln!(out, "{text}")?;
    } else {
        text(&shown, out)?;
    }
    Ok(if whole { 0 } else { 4 })
}

fn text(shown: &Shown, out: &mut dyn Write) -> std::io::Result<()> {
    for file in &shown.installed {
        let same = if file.same {
            "as this program writes it"
        } else {
            "DIFFERS from what this program writes"
        };
        let enabled = match file.enabled {
            Some(true) => ", enabled",
            Some(false) => ", NOT ENABLED",
            None => "",
        };
        writeln!(out, "{}: {same}{enabled}", file.path)?;
    }
    if shown.installed.is_empty() {
        writeln!(
            out,
            "Nothing is installed. `qh-online schedule install` does it."
        )?;
    } else if !shown.whole {
        writeln!(
            out,
            "This is not whole. `qh-online schedule install` writes what is missing, with --replace what differs."
        )?;
    }
    writeln!(out, "\nAt {}, all in UTC:", shown.now)?;
    for slot in &shown.classes {
        let last = slot.last.as_deref().unwrap_or("never");
        let due = if slot.due { "due" } else { "not due" };
        writeln!(
            out,
            "  {:<8} {due:<8} last {last:<20}  next {}",
            slot.class.to_string(),
            slot.next
        )?;
    }
    Ok(())
}
