//! The terminal: it draws a [`View`] and produces [`Input`]s, nothing else.
//!
//! Rules of this room:
//!
//! - Key -> [`keymap::Cmd`] -> change of [`app::App`] -> [`Input`] -> draw. One order, one channel each way. Drawing
//!   takes `&App` and changes nothing.
//! - One input is under way at a time. After an input (other than [`Input::Tick`]) the keyboard does nothing until the
//!   next [`ToScreen`] arrives, so no key typed ahead reaches a question that its typist hasn't seen. The driver answers
//!   every such input with a view, also when it refuses.
//! - An Enter that follows another within [`HELD`] doesn't answer a question that came between: a held key repeats, and
//!   some scanners send two.
//! - One thing to do at a time. The keys that work stand at the bottom; no others do anything. Function keys work
//!   everywhere; letters stand for them where nothing is typed.
//! - What is typed secretly is never drawn, not even its length; words are hidden once finished. When a screen that
//!   showed a secret is left, every cell of both buffers is overwritten, then the terminal is cleared.
//! - Input bytes are read and decoded here rather than by crossterm's event reader, because its buffers keep what was
//!   typed (a scanner's whole share in one piece) and can't be wiped. Output goes through a buffer that is wiped at
//!   each flush, for the same reason.
//! - Only glyphs of code page 437, sixteen colours or none. Colour repeats what a glyph and a word say.
//! - The terminal is given back on return, on panic and on signals; a signal ends [`run`] and sends nothing more.

pub mod app;
mod field;
mod form;
pub mod keymap;
pub mod keys;
mod overlay;
pub mod screen;
pub mod terminal;
pub mod text;
pub mod theme;

#[cfg(test)]
mod tests;

use crate::ceremony::view::View;
use crate::secret::SecretText;
use crate::secret::entry::Input;
use app::App;
use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};
use terminal::Screen;

/// What the driver tells the terminal.
pub enum ToScreen {
    /// Show this, and take the answer to its prompt.
    View(Box<View>),
    /// The words of a share, separated by spaces, for [`crate::ceremony::prompt::Ask::Handwrite`]: the answer to
    /// [`Input::Reveal`]. Dropped (and so wiped) when another prompt stands.
    Reveal(SecretText),
    /// Leave; the message is for the caller to print once the terminal is given back.
    Bye {
        /// What to print.
        message: String,
    },
}

/// What the terminal needs to know about the place it runs in.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The sorted word list of shares (BIP-39, English): completions come from it.
    pub words: &'static [&'static str],
    /// Seconds that local time is ahead of UTC; 0 shows UTC alone.
    pub local_offset: i32,
    /// Whether colour may be used; see [`colour_wanted`].
    pub colour: bool,
    /// Whether a panic of the calling thread is caught and named by who runs it: the terminal then stays as it is.
    pub contained: fn() -> bool,
}

/// Whether colour may be used: not if `NO_COLOR` is set to anything (<https://no-color.org>), nor on a terminal that
/// names itself dumb or monochrome (`TERM`).
pub fn colour_wanted(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    let plain = term.is_some_and(|term| {
        let term = term.to_string_lossy();
        term == "dumb" || term.ends_with("-m") || term.ends_with("-mono")
    });
    no_color.is_none_or(OsStr::is_empty) && !plain
}

/// Why the terminal was given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The ceremony is over, or the player was left, by a key.
    Left,
    /// The driver said good-bye.
    Bye(String),
    /// A signal (its number): the caller wipes and exits.
    Signal(i32),
    /// The driver went away without a word.
    DriverGone,
}

/// Runs the screens until somebody leaves, the driver says good-bye, or a signal comes.
///
/// Inputs go to `to`; [`Input::Tick`] goes there every ten seconds without a key. Standard input and output must be a
/// terminal.
///
/// # Errors
/// Whatever the terminal refuses: not a terminal, closed, not writable.
pub fn run(from: &Receiver<ToScreen>, to: &Sender<Input>, setup: Setup) -> io::Result<Ended> {
    drive(from, Some(to), App::new(setup))
}

/// Runs the same screens for a ceremony that plays by itself: the keyboard only leaves (`q`) and scrolls.
///
/// # Errors
/// As [`run`].
pub fn run_player(from: &Receiver<ToScreen>, setup: Setup) -> io::Result<Ended> {
    drive(from, None, App::player(setup))
}

/// How long one wait for keys lasts: the screen's pulse.
const PULSE: Duration = Duration::from_millis(40);
/// How long until clocks and moving glyphs are drawn anew.
const REDRAW: Duration = Duration::from_millis(200);
/// How long without a key until the driver gets a tick, and between ticks.
const TICK: Duration = Duration::from_secs(10);

/// An Enter so soon after another is the same one, held down or sent twice. The Linux console repeats 11 times a second.
pub const HELD: Duration = Duration::from_millis(120);

fn drive(from: &Receiver<ToScreen>, to: Option<&Sender<Input>>, mut app: App) -> io::Result<Ended> {
    let mut screen = Screen::open(app.setup.contained)?;
    let mut before = Instant::now();
    let mut idle = Duration::ZERO;
    // Since the last drawing; `None` when something happened that isn't drawn yet.
    let mut still = None;
    loop {
        loop {
            let message = from.try_recv();
            if message.is_ok() {
                still = None;
            }
            match message {
                Ok(ToScreen::View(view)) => app.show(*view),
                Ok(ToScreen::Reveal(words)) => app.reveal(words),
                Ok(ToScreen::Bye { message }) => {
                    screen.close()?;
                    return Ok(Ended::Bye(message));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    screen.close()?;
                    return Ok(Ended::DriverGone);
                }
            }
        }
        let now = Instant::now();
        let passed = now - before;
        app.pass(passed);
        idle += passed;
        before = now;
        let size = screen.size()?;
        if size != app.size {
            app.resize(size);
            still = None;
        }
        if app.take_wipe() {
            screen.wipe()?;
            still = None;
        }
        still = match still {
            Some(time) if time < REDRAW => Some(time + passed),
            _ => {
                screen.draw(&app)?;
                Some(Duration::ZERO)
            }
        };
        let keys = screen.keys(PULSE)?;
        if let Some(signal) = screen.signal() {
            drop(app);
            screen.close()?;
            return Ok(Ended::Signal(signal));
        }
        for key in keys {
            idle = Duration::ZERO;
            still = None;
            if let Some(input) = app.key(key)
                && let Some(to) = to
                && to.send(input).is_err()
            {
                screen.close()?;
                return Ok(Ended::DriverGone);
            }
        }
        if app.left() {
            screen.close()?;
            return Ok(Ended::Left);
        }
        if idle >= TICK && !app.waiting() {
            idle = Duration::ZERO;
            if let Some(to) = to
                && to.send(Input::Tick).is_err()
            {
                screen.close()?;
                return Ok(Ended::DriverGone);
            }
        }
    }
}
