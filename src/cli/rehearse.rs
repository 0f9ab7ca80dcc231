//! `rehearse`: backup, loss of two sheets, recovery, with simulated people and devices.

mod between;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use super::args::RehearseArgs;
use super::exit_of;
use super::screen;
use super::scripts;
use crate::ceremony::policy::Kind;
use crate::ceremony::prompt::{Ask, Prompt};
use crate::ceremony::script::Script;
use crate::files;
use crate::print::page::Paper;
use crate::refusal::Refuse;
use crate::run::Again;
use crate::run::answers::{Answers, MAX_ANSWERS};
use crate::run::devices::Devices;
use crate::run::driver::{Driver, RunError, Setup, names};
use crate::run::player::{Move, Player, Written};
use crate::run::softhsm::SoftHsm;
use crate::run::world::World;
use crate::secret::hardening::Hardening;
use crate::tui::ToScreen;

/// One ceremony of the rehearsal.
struct Act {
    script: String,
    dir: PathBuf,
    name: String,
}

/// How the rehearsal is shown.
enum Show {
    /// Plain lines.
    Lines,
    /// On the screen, by itself.
    Screen(Sender<ToScreen>),
}

/// Runs the rehearsal; the exit code: 1 also where a ceremony was stopped or not held.
pub fn rehearse(args: &RehearseArgs, hardening: &Hardening, out: &mut dyn Write) -> u8 {
    match play(args, hardening, out) {
        Ok(code) => code,
        Err((code, text)) => {
            eprintln!("{text}");
            code
        }
    }
}

type Failure = (u8, String);

fn failed(error: &RunError) -> Failure {
    (1, format!("{error} ({}) {}", error.name(), error.way_on()))
}

fn play(args: &RehearseArgs, hardening: &Hardening, out: &mut dyn Write) -> Result<u8, Failure> {
    let auto = args.auto || args.answers.is_some();
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !auto && !terminal {
        return Err((
            2,
            "A rehearsal needs a terminal; with --auto it plays by itself.".into(),
        ));
    }
    let answers = match &args.answers {
        Some(path) => {
            let bytes = files::read(path, MAX_ANSWERS).map_err(|r| (exit_of(&r), r.what))?;
            Answers::parse(&String::from_utf8_lossy(&bytes))
                .map_err(|error| (2, format!("{}: {error}", path.display())))?
        }
        None => Answers::default(),
    };
    let base = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("rehearsal-{}", crate::run::driver::now())));
    // The script is read before anything is made; where its papers go is known only afterwards.
    acts(args, &base)?;
    std::fs::create_dir_all(&base)
        .map_err(|error| (3, format!("{} can't be made: {error}.", base.display())))?;
    let base = base
        .canonicalize()
        .map_err(|error| (3, format!("{} can't be found: {error}.", base.display())))?;
    let acts = acts(args, &base)?;
    let world = World { out: base.clone() };
    world.build(9).map_err(|r| (3, r.what))?;
    if args.hsm.is_some() {
        SoftHsm::of(&base)
            .build(&world.source())
            .map_err(|r| (3, format!("{} ({}) {}", r.what, r.name, r.way_on)))?;
    }

    if auto && terminal {
        let (to, from) = channel();
        let hardening = hardening.clone();
        let worker = std::thread::spawn(move || {
            let mut log = Vec::new();
            let result = all(
                &acts,
                &base,
                &hardening,
                answers,
                &Show::Screen(to.clone()),
                &mut log,
            );
            let message = match &result {
                Ok(_) => String::from_utf8_lossy(&log).into_owned(),
                Err((_, text)) => text.clone(),
            };
            let _ = to.send(ToScreen::Bye { message });
            result
        });
        let ended = screen::watch(&from);
        if let Ok(text) = &ended {
            let _ = write!(out, "{text}");
        }
        drop(from);
        return match worker.join() {
            Ok(Ok(code)) => Ok(code),
            Ok(Err((_, text))) if text == LEFT => Ok(0),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err((3, "The rehearsal ended unexpectedly.".into())),
        };
    }
    if auto {
        return all(&acts, &base, hardening, answers, &Show::Lines, out);
    }
    for (at, act) in acts.iter().enumerate() {
        if completed(act) {
            continue;
        }
        let page = between::page(at, act, &base)?;
        let answer =
            screen::ask(page).map_err(|e| (3, format!("The terminal can't be used: {e}.")))?;
        if answer.is_none() {
            line(out, &format!("Left. Go on with --out {}.", base.display()))?;
            return Ok(1);
        }
        let mut driver = match open(act, &base, hardening)? {
            Again::Open(driver) => *driver,
            Again::Closed(finished) => {
                line(out, &finished.text(&act.dir))?;
                continue;
            }
        };
        driver.suggest(between::paths(&base));
        let code = screen::hold(driver, out)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

const LEFT: &str = "left";

/// The ceremonies of this rehearsal: a verification, share check or recovery needs a backup before it.
fn acts(args: &RehearseArgs, base: &Path) -> Result<Vec<Act>, Failure> {
    let (last, text) = match &args.script {
        Some(name) => {
            let (script, text) = scripts::sound(name)?;
            (Some(script), text)
        }
        None => (None, String::new()),
    };
    let shipped = |name: &str| scripts::text_of(name);
    let backup = |script: String| Act {
        script,
        dir: base.to_owned(),
        name: "RH-BACKUP-01".into(),
    };
    let second = |script: String, folder: &str, name: &str| Act {
        script,
        dir: base.join(folder),
        name: name.into(),
    };
    Ok(match last.as_ref().map(Script::kind) {
        None => vec![
            backup(shipped("key-backup")?),
            second(shipped("key-recovery")?, "recovery", "RH-RECOVERY-01"),
        ],
        Some(Kind::Backup) => vec![backup(text)],
        Some(Kind::Recovery) => {
            vec![
                backup(shipped("key-backup")?),
                second(text, "recovery", "RH-RECOVERY-01"),
            ]
        }
        Some(Kind::Verification) => {
            vec![
                backup(shipped("key-backup")?),
                second(text, "verification", "RH-VERIFICATION-01"),
            ]
        }
        Some(Kind::ShareCheck) => {
            vec![
                backup(shipped("key-backup")?),
                second(text, "share-check", "RH-SHARE-CHECK-01"),
            ]
        }
    })
}

/// Begins the ceremony of an act, or resumes it where its journal stands open.
fn open(act: &Act, base: &Path, hardening: &Hardening) -> Result<Again, Failure> {
    let world = World {
        out: base.to_owned(),
    };
    let media = (1..=9).map(|n| world.medium(n)).collect();
    let mut devices = Devices::rehearsal(hardening.clone(), Paper::A4, media);
    let softhsm = SoftHsm::of(base);
    if softhsm.exists() {
        devices.hsm = softhsm
            .hsm()
            .map_err(|r| (3, format!("{} ({}) {}", r.what, r.name, r.way_on)))?;
    }
    let journal = act.dir.join(names::TRANSCRIPT);
    let begun = if journal.exists() {
        Driver::again(&act.dir, devices)
    } else {
        Driver::begin(Setup {
            script: act.script.clone(),
            dir: act.dir.clone(),
            ceremony: act.name.clone(),
            rehearsal: true,
            devices,
            prefill: BTreeMap::new(),
        })
        .map(|driver| Again::Open(Box::new(driver)))
    };
    begun.map_err(|error| failed(&error))
}

/// Whether an act was completed by an earlier run in the same directory.
fn completed(act: &Act) -> bool {
    act.dir.join(names::CERTIFICATE_TEXT).exists()
}

fn all(
    acts: &[Act],
    base: &Path,
    hardening: &Hardening,
    mut answers: Answers,
    show: &Show,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut code = 0;
    let mut written = Written::default();
    for act in acts {
        let script = Script::parse(&act.script).map_err(|error| (1, error.to_string()))?;
        if completed(act) {
            line(
                out,
                &format!("{}: complete already, {}", script.name, act.dir.display()),
            )?;
            continue;
        }
        let mut driver = match open(act, base, hardening)? {
            Again::Open(driver) => *driver,
            Again::Closed(finished) => {
                line(
                    out,
                    &format!("{}: {}", script.name, finished.text(&act.dir)),
                )?;
                if !finished.signed {
                    code = 4;
                }
                continue;
            }
        };
        let policy = script.policy;
        let lost = lost_sheets(policy.k, policy.n);
        let world = World {
            out: base.to_owned(),
        };
        let mut player = Player::new(world, answers, lost.clone(), base.to_owned(), written);
        line(out, &format!("{}: {}", script.name, script.title))?;
        if script
            .steps
            .iter()
            .any(|s| s.verb == crate::ceremony::policy::Verb::Attendance)
        {
            let lost: Vec<String> = lost.iter().map(u8::to_string).collect();
            line(
                out,
                &format!("  the sheets of custodians {} are lost", lost.join(" and ")),
            )?;
        }
        perform(&mut driver, &mut player, show, out)?;
        line(out, &format!("  head {}", driver.head_hex()))?;
        let done = driver
            .state()
            .ending
            .as_ref()
            .map_or("open", |e| e.name())
            .to_owned();
        line(
            out,
            &format!("  {done}; everything is in {}", act.dir.display()),
        )?;
        answers = player.answers;
        written = player.written;
        if done != "completed" {
            code = 1;
            break;
        }
    }
    let unused: Vec<&str> = answers
        .unused()
        .iter()
        .map(|on| on.prompt.as_str())
        .collect();
    if !unused.is_empty() {
        return Err((
            1,
            format!(
                "These lines of the answers file were never reached: {}.",
                unused.join(", ")
            ),
        ));
    }
    Ok(code)
}

/// Two of five; in general all that may be lost, from the second on.
fn lost_sheets(k: u8, n: u8) -> Vec<u8> {
    if (k, n) == (3, 5) {
        vec![2, 4]
    } else {
        (k + 1..=n).collect()
    }
}

fn perform(
    driver: &mut Driver,
    player: &mut Player,
    show: &Show,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut last = String::new();
    loop {
        if let Show::Screen(to) = show {
            if to.send(ToScreen::View(Box::new(driver.view()))).is_err() {
                return Err((0, LEFT.into()));
            }
            std::thread::sleep(Duration::from_millis(60));
        }
        if driver.busy() {
            driver.work().map_err(|error| failed(&error))?;
            continue;
        }
        let prompt = driver.prompt();
        if let Show::Lines = show {
            report(driver, &prompt, &mut last, out)?;
        }
        match player.next(driver).map_err(|error| failed(&error))? {
            Move::Over => return Ok(()),
            Move::Hang => {
                line(out, &format!("  waiting at {}", prompt.key))?;
                loop {
                    std::thread::sleep(Duration::from_secs(3600));
                }
            }
            Move::Type(input) => driver.input(input).map_err(|error| failed(&error))?,
        }
    }
}

/// A line for each new prompt that matters: steps, signatures, shares, refusals.
fn report(
    driver: &Driver,
    prompt: &Prompt,
    last: &mut String,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let state = driver.state();
    let step = driver
        .script()
        .steps
        .get(state.step)
        .map_or("end", |s| s.short());
    let text = match &prompt.ask {
        Ask::Refusal { name } => {
            format!(
                "  {:>2} {step}: refused {name}: {}",
                state.step + 1,
                prompt.say.first().cloned().unwrap_or_default()
            )
        }
        Ask::Wait => return Ok(()),
        _ => format!("  {:>2} {step}: {}", state.step + 1, prompt.title),
    };
    if text != *last {
        line(out, &text)?;
        *last = text;
    }
    Ok(())
}

fn line(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| (3, format!("Output failed: {error}.")))
}
