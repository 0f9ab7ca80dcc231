//! The guard of the terminal: raw mode, alternate screen, bracketed paste; given back on drop, panic and signals.
//!
//! What is typed and drawn passes through buffers of this module alone, which are wiped after each use. Beyond them
//! (the kernel's terminal, the terminal itself) nothing can be wiped but what stands on the screen.

use super::app::App;
use super::keys::{Decoder, Key};
use super::screen;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// Whether the terminal is ours now: the panic hook gives it back only then, and only once.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The signals that end the program in an orderly way.
const ENDING: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// Output that keeps nothing after a flush. `std::io::Stdout` keeps what it wrote in its own buffer.
struct Output {
    buffer: Zeroizing<Vec<u8>>,
}

/// The most bytes gathered before they are written.
const GATHER: usize = 64 * 1024;

impl Output {
    fn new() -> Self {
        Self {
            buffer: Zeroizing::new(Vec::with_capacity(2 * GATHER)),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > GATHER {
            self.flush()?;
        }
        let bytes = &bytes[..bytes.len().min(GATHER)];
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut from = 0;
        while from < self.buffer.len() {
            match rustix::io::write(rustix::stdio::stdout(), &self.buffer[from..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => from += length,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.buffer.zeroize();
        Ok(())
    }
}

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Output>>,
    decoder: Decoder,
    signalled: Arc<AtomicUsize>,
    registered: Vec<signal_hook::SigId>,
}

impl Screen {
    /// Takes the terminal. A panic gives it back, unless `contained` says that it is caught.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or refuses raw mode.
    pub fn open(contained: fn() -> bool) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "Standard input and output are not a terminal, and the screens need one.",
            ));
        }
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if contained() {
                    return;
                }
                give_back();
                before(panic);
            }));
        });
        let signalled = Arc::new(AtomicUsize::new(0));
        let mut registered = Vec::new();
        for signal in ENDING {
            // A signal number is small and positive.
            let value = usize::try_from(signal).unwrap_or(1);
            let flag = Arc::clone(&signalled);
            registered.push(signal_hook::flag::register_usize(signal, flag, value)?);
        }
        // Stopping would leave a share on a screen that nobody guards; the flag is never read.
        registered.push(signal_hook::flag::register(SIGTSTP, Arc::default())?);
        terminal::enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        let mut output = Output::new();
        let opened = execute!(
            output,
            EnterAlternateScreen,
            EnableBracketedPaste,
            Clear(ClearType::All)
        );
        let terminal = opened.and_then(|()| Terminal::new(CrosstermBackend::new(output)));
        match terminal {
            Ok(terminal) => Ok(Self {
                terminal,
                decoder: Decoder::new(),
                signalled,
                registered,
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// When the terminal doesn't tell.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Draws `app`.
    ///
    /// # Errors
    /// When the terminal can't be written.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        if !ours() {
            return Ok(());
        }
        self.terminal
            .draw(|frame| screen::draw(frame, app))
            .map(|_| ())
    }

    /// Overwrites every cell of both buffers and clears the terminal.
    ///
    /// # Errors
    /// When the terminal can't be written.
    pub fn wipe(&mut self) -> io::Result<()> {
        if !ours() {
            return Ok(());
        }
        wipe(&mut self.terminal)
    }

    /// Waits up to `time` for keys.
    ///
    /// # Errors
    /// When the terminal can't be read, or was closed.
    pub fn keys(&mut self, time: Duration) -> io::Result<Vec<Key>> {
        let stdin = rustix::stdio::stdin();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) => return Ok(self.decoder.idle().into_iter().collect()),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let mut bytes = Zeroizing::new([0; 1024]);
        match rustix::io::read(stdin, &mut bytes[..]) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "The terminal was closed.",
            )),
            Ok(length) => Ok(self.decoder.feed(&bytes[..length])),
            Err(Errno::INTR | Errno::AGAIN) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<i32> {
        match self.signalled.load(Ordering::SeqCst) {
            0 => None,
            signal => i32::try_from(signal).ok(),
        }
    }

    /// Overwrites what stands on the screen, and gives the terminal back.
    ///
    /// # Errors
    /// When the terminal can't be written; it is given back all the same.
    pub fn close(mut self) -> io::Result<()> {
        self.wipe()?;
        Backend::flush(self.terminal.backend_mut())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Whether the terminal is still ours. A panic of any thread gives it back, so that its message can be read; what is
/// drawn after that would land on the person's own screen.
fn ours() -> bool {
    OURS.load(Ordering::SeqCst)
}

/// Gives the terminal back, once. Failures have nobody left to tell.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        // A place of its own: the macro names its writer more than once.
        let mut output = Output::new();
        let _ = execute!(
            output,
            DisableBracketedPaste,
            Clear(ClearType::All),
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = terminal::disable_raw_mode();
    }
}

/// Overwrites every cell of both buffers of `terminal` with a blank, then clears it. A reset alone would leave the
/// letters in the cells' memory: a cell without a symbol is only marked so. Nothing is drawn for it, since drawing may
/// first follow a new size and so lose cells out of sight.
///
/// # Errors
/// Those of the backend.
pub fn wipe<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    for _ in 0..2 {
        for cell in &mut terminal.current_buffer_mut().content {
            cell.reset();
            cell.set_char(' ');
        }
        terminal.swap_buffers();
    }
    // Not `Terminal::clear`, which asks the terminal where its cursor is and reads the answer past our decoder.
    terminal.backend_mut().clear()
}
