//! A driver on a worker thread, the terminal on the main one, two channels between.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::ceremony::state::IDLE_LIMIT;
use crate::ceremony::view::View;
use crate::refusal::Refuse;
use crate::run::driver::{Driver, RunError};
use crate::secret::entry::Input;
use crate::share::words;
use crate::tui::{self, Ended, ToScreen};

/// What the terminal needs to know about the place.
fn setup() -> tui::Setup {
    tui::Setup {
        words: words::list(),
        local_offset: local_offset(),
        colour: tui::colour_wanted(
            std::env::var_os("NO_COLOR").as_deref(),
            std::env::var_os("TERM").as_deref(),
        ),
        contained: crate::device::picture::is_contained,
    }
}

/// Seconds that local time is ahead of UTC; 0 where the laptop has no zone.
fn local_offset() -> i32 {
    let zone = jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC);
    zone.to_offset(jiff::Timestamp::now()).seconds()
}

/// Shows a rehearsal that plays by itself; the message at its end.
///
/// # Errors
/// What the terminal refuses.
pub fn watch(from: &Receiver<ToScreen>) -> std::io::Result<String> {
    Ok(match tui::run_player(from, setup())? {
        Ended::Bye(message) => message,
        Ended::Left | Ended::Signal(_) | Ended::DriverGone => String::new(),
    })
}

/// Shows one page outside of a ceremony; what was answered, or nothing when somebody left.
///
/// # Errors
/// What the terminal refuses.
pub fn ask(view: View) -> std::io::Result<Option<String>> {
    let (to_screen, from) = channel();
    let (to, from_screen) = channel();
    // The receiver lives until the end of this function.
    let _ = to_screen.send(ToScreen::View(Box::new(view.clone())));
    let worker = std::thread::spawn(move || {
        while let Ok(input) = from_screen.recv() {
            let answer = match input {
                Input::Answer { value, .. } => Some(value),
                Input::Stop { .. } | Input::Pause | Input::Back => None,
                Input::Tick => continue,
                // Nothing else is offered; the page stands again.
                _ => {
                    let _ = to_screen.send(ToScreen::View(Box::new(view.clone())));
                    continue;
                }
            };
            let message = String::new();
            let _ = to_screen.send(ToScreen::Bye { message });
            return answer;
        }
        None
    });
    let ended = tui::run(&from, &to, setup());
    drop(to);
    let answer = worker.join().ok().flatten();
    Ok(match ended? {
        Ended::Bye(_) => answer,
        Ended::Left | Ended::Signal(_) | Ended::DriverGone => None,
    })
}

/// Holds a ceremony on this terminal; the exit code.
///
/// # Errors
/// A code and a sentence when the terminal or the journal fails.
pub fn hold(driver: Driver, out: &mut dyn Write) -> Result<u8, (u8, String)> {
    let (to_screen, from_driver) = channel();
    let (to_driver, from_screen) = channel();
    let dir = driver.dir().to_owned();
    let worker = std::thread::spawn(move || serve(driver, &from_screen, &to_screen));
    let ended = tui::run(&from_driver, &to_driver, setup());
    drop(to_driver);
    drop(from_driver);
    let driver = worker.join().map_err(|_| {
        (
            3,
            "The ceremony's worker ended unexpectedly; start again to resume.".to_owned(),
        )
    })?;
    let ended = ended.map_err(|error| (3, format!("The terminal can't be used: {error}.")))?;
    match (ended, driver) {
        (_, Err(error)) => Err((1, format!("{error} ({}) {}", error.name(), error.way_on()))),
        (Ended::Signal(signal), Ok(driver)) => {
            drop(driver); // wipes every slot
            Err((
                3,
                format!(
                    "Ended by signal {signal}. Memory is wiped; start again with --journal {} to resume.",
                    dir.display()
                ),
            ))
        }
        (_, Ok(driver)) => {
            let ending = driver.state().ending.as_ref().map(|e| e.name());
            let text = match ending {
                Some(name) if driver.closed() => format!(
                    "The ceremony is closed: {name}. Head {}.\nEverything is in {}.",
                    driver.head_hex(),
                    dir.display()
                ),
                _ if driver.state().opened.rehearsal => {
                    "The ceremony is not finished. Start the rehearsal again with the same --out to resume."
                        .to_owned()
                }
                _ => format!(
                    "The ceremony is not finished. Start again with --journal {} to resume.",
                    dir.display()
                ),
            };
            let _ = writeln!(out, "{text}");
            Ok(if ending == Some("completed") { 0 } else { 1 })
        }
    }
}

/// Serves inputs until the screen goes away. What an input doesn't fit changes nothing; the view is shown again.
fn serve(
    mut driver: Driver,
    from: &Receiver<Input>,
    to: &Sender<ToScreen>,
) -> Result<Driver, RunError> {
    let show = |driver: &Driver| to.send(ToScreen::View(Box::new(driver.view()))).is_ok();
    loop {
        if !show(&driver) {
            return Ok(driver);
        }
        if driver.work()? {
            continue;
        }
        let input = match from.recv_timeout(Duration::from_secs(60)) {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => Input::Tick,
            Err(RecvTimeoutError::Disconnected) => return Ok(driver),
        };
        let mut input = input;
        // The words stay until the prompt is answered: no new view in between.
        while matches!(input, Input::Reveal { .. }) {
            let Some(words) = driver.reveal() else { break };
            if to.send(ToScreen::Reveal(words)).is_err() {
                return Ok(driver);
            }
            // Words don't stand on a screen that nobody looks at: after half an hour they go.
            input = match from.recv_timeout(Duration::from_secs(IDLE_LIMIT.unsigned_abs())) {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => return Ok(driver),
            };
        }
        answer(&mut driver, input)?;
    }
}

fn answer(driver: &mut Driver, input: Input) -> Result<(), RunError> {
    match driver.input(input) {
        // A key that came too late for its prompt: nothing happened.
        Ok(()) | Err(RunError::Refusal(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
