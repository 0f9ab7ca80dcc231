//! The terminal's guard against a real pseudo-terminal: what it sets up it gives back, whatever ends it.
//!
//! The test program starts itself again as the program that owns the terminal (`the_program_under_test`).

use qh_ceremony::ceremony::prompt::{Ask, Offer, Prompt, Way};
use qh_ceremony::ceremony::view::{Item, Mark, View};
use qh_ceremony::secret::SecretText;
use qh_ceremony::secret::entry::Input;
use qh_ceremony::tui::{Ended, Setup, ToScreen, run, run_player};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// As in the program itself: freed memory is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

const ROLE: &str = "QH_TUI_TEST_ROLE";
const ENTERED: &str = "\x1b[?1049h";
const LEFT: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

fn view(ask: Ask) -> View {
    View {
        rehearsal: true,
        title: "Key backup".into(),
        ceremony: "BR-2026-11-22-01".into(),
        head: "ozone pill grain cat fox lid".into(),
        time: 1_795_357_920,
        checklist: vec![Item {
            number: 1,
            title: "Machine check".into(),
            mark: Mark::Current,
            count: None,
            parts: Vec::new(),
        }],
        people: Vec::new(),
        prompt: Prompt {
            key: "first".into(),
            title: "The first page".into(),
            say: Vec::new(),
            facts: Vec::new(),
            ask,
            offers: vec![Offer::Pause],
            qr: None,
        },
        qr: vec![],
        suggestion: String::new(),
    }
}

/// Not a test of its own: what runs on the pseudo-terminal, by role. It prints how the screens ended.
#[test]
fn the_program_under_test() {
    let Ok(role) = std::env::var(ROLE) else {
        assert!(std::env::var_os(ROLE).is_none());
        return;
    };
    let (to_screen, from) = mpsc::channel();
    let (to, inputs) = mpsc::channel();
    let ask = match role.as_str() {
        "over" | "player" => Ask::Over,
        "hand" => Ask::Handwrite { custodian: 1 },
        "scan" | "keep" => Ask::ReadShare {
            ways: vec![Way::Scanner],
        },
        _ => Ask::Ready {
            label: "Done".into(),
        },
    };
    to_screen
        .send(ToScreen::View(Box::new(view(ask))))
        .expect("the receiver lives");
    let driver = role.clone();
    let worker = thread::spawn(move || {
        for input in inputs {
            match (driver.as_str(), input) {
                ("panic", Input::Answer { .. }) => panic!("the driver's own panic"),
                ("bye", Input::Answer { .. }) => {
                    let message = "good-bye".to_owned();
                    to_screen.send(ToScreen::Bye { message }).ok();
                }
                ("gone", Input::Answer { .. }) => return,
                ("hand", Input::Reveal { .. }) => {
                    let words = SecretText::new("zebra ".repeat(36));
                    to_screen.send(ToScreen::Reveal(words)).ok();
                }
                ("keep", Input::ShareQr(_)) => {
                    let over = ToScreen::View(Box::new(view(Ask::Over)));
                    to_screen.send(over).ok();
                }
                ("scan", Input::ShareQr(text)) => {
                    let message = format!("scanned {}", text.expose().len());
                    to_screen.send(ToScreen::Bye { message }).ok();
                }
                _ => {}
            }
        }
    });
    let setup = Setup {
        words: bip39::Language::English.word_list(),
        local_offset: 0,
        colour: true,
        contained: || false,
    };
    let ended = match role.as_str() {
        "player" => run_player(&from, setup),
        _ => run(&from, &to, setup),
    };
    drop(to);
    worker.join().ok();
    println!("ended: {ended:?}");
}

/// The program on a pseudo-terminal.
struct Stage {
    child: Child,
    master: OwnedFd,
    slave: OwnedFd,
    out: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Stage {
    fn new(role: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).expect("a pseudo-terminal");
        unlockpt(&master).expect("a pseudo-terminal");
        let name = ptsname(&master, Vec::new()).expect("a pseudo-terminal");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&*name, flags, Mode::empty()).expect("a pseudo-terminal");
        tcsetwinsize(&slave, size(80, 24)).expect("a pseudo-terminal");
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "the_program_under_test", "--nocapture"])
            .env(ROLE, role)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("this program starts again");
        let (to, out) = mpsc::channel();
        let reader = master.try_clone().expect("a descriptor");
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = rustix::io::read(&reader, &mut bytes) {
                if to.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master,
            slave,
            out,
            seen: String::new(),
        }
    }

    /// Waits until `text` has come, for at most twenty seconds.
    fn see(&mut self, text: &str) {
        let start = Instant::now();
        while !self.seen.contains(text) {
            let left = Duration::from_secs(20).saturating_sub(start.elapsed());
            match self.out.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => {
                    let last = self.seen.len().saturating_sub(2000);
                    let seen = String::from_utf8_lossy(&self.seen.as_bytes()[last..]);
                    panic!("{text:?} did not come, but at last {seen:?}")
                }
            }
        }
    }

    fn press(&self, keys: &str) {
        rustix::io::write(&self.master, keys.as_bytes()).expect("the terminal takes keys");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), signal).expect("the process lives");
    }

    /// Whether the program's memory holds `text`, its characters `stride` bytes apart.
    fn remembers(&self, text: &str, stride: usize) -> bool {
        let process = format!("/proc/{}", self.child.id());
        let maps = std::fs::read_to_string(format!("{process}/maps")).expect("its maps");
        let memory = std::fs::File::open(format!("{process}/mem")).expect("its memory");
        let mut searched = 0;
        let mut found = false;
        for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
            let (from, rest) = line.split_once('-').expect("a range");
            let (to, _) = rest.split_once(' ').expect("a range");
            let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).expect("a number"));
            let mut bytes = vec![0; usize::try_from(to - from).expect("a size")];
            if memory.read_exact_at(&mut bytes, from).is_err() {
                continue;
            }
            searched += bytes.len();
            let letters = text.as_bytes();
            let span = (letters.len() - 1) * stride + 1;
            found |= bytes.windows(span).any(|window| {
                let mut own = window.iter().step_by(stride);
                window[0] == letters[0] && letters.iter().all(|letter| own.next() == Some(letter))
            });
        }
        assert!(searched > 100_000, "too little of its memory was searched");
        found
    }

    fn raw(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("a terminal").local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// It ends by itself, has said `how`, and gave the terminal back before.
    fn ends(mut self, how: Ended) {
        let text = format!("ended: {:?}", Ok::<_, ()>(how));
        self.see(&text);
        assert!(self.child.wait().expect("it ends").success());
        assert!(!self.raw(), "the terminal's modes are not given back");
        let left = self.seen.rfind(LEFT).expect("the alternate screen is left");
        let said = self.seen.find("ended:").expect("just seen");
        assert!(left < said, "the screen is given back before anything else");
        assert!(self.seen[left..].contains(CURSOR), "no cursor");
        assert!(self.seen.contains("\x1b[?2004l"), "pastes stay bracketed");
    }
}

fn size(ws_col: u16, ws_row: u16) -> Winsize {
    Winsize {
        ws_row,
        ws_col,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn opened(role: &str) -> Stage {
    let mut stage = Stage::new(role);
    stage.see(ENTERED);
    stage.see("\x1b[?2004h");
    stage.see("first page");
    assert!(stage.raw());
    stage
}

#[test]
fn a_key_leaves_the_end() {
    let stage = opened("over");
    stage.press("\r");
    stage.ends(Ended::Left);
}

#[test]
fn the_player_is_left_by_a_key() {
    let stage = opened("player");
    stage.press("\rq");
    stage.ends(Ended::Left);
}

#[test]
fn the_driver_says_good_bye() {
    let stage = opened("bye");
    stage.press("\r");
    stage.ends(Ended::Bye("good-bye".into()));
}

#[test]
fn the_driver_goes_without_a_word() {
    let stage = opened("gone");
    stage.press("\r");
    stage.ends(Ended::DriverGone);
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let stage = opened("ready");
        stage.signal(signal);
        stage.ends(Ended::Signal(signal.as_raw()));
    }
}

#[test]
fn keys_never_kill_or_stop() {
    let mut stage = opened("over");
    stage.signal(Signal::TSTP);
    stage.press("\x1a\x1c\x04");
    stage.press("?");
    stage.see("Help");
    stage.press("\r\r");
    stage.ends(Ended::Left);
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_message() {
    let mut stage = opened("panic");
    stage.press("\r");
    stage.see("the driver's own panic");
    let left = stage.seen.find(LEFT).expect("the screen is left");
    let said = stage.seen.find("the driver's own panic");
    assert!(left < said.expect("just seen"));
    stage.ends(Ended::DriverGone);
}

#[test]
fn a_signal_over_shown_words_clears_them() {
    let mut stage = opened("hand");
    stage.press("\r");
    stage.see("zebra");
    stage.signal(Signal::TERM);
    stage.see(LEFT);
    let words = stage.seen.rfind("zebra").expect("just seen");
    let cleared = stage.seen.rfind("\x1b[2J").expect("it is cleared");
    assert!(words < cleared);
    stage.ends(Ended::Signal(Signal::TERM.as_raw()));
}

#[test]
fn a_fast_scanner_is_read_whole_and_never_echoed() {
    let mut stage = opened("scan");
    let text = format!("QHR1{}", "ABCDEFG".repeat(11));
    stage.press(&format!("{text}\r"));
    stage.see("scanned 81");
    assert!(!stage.seen.contains("ABCDEFG"));
    stage.ends(Ended::Bye("scanned 81".into()));
}

#[test]
fn a_scanned_share_leaves_no_trace_in_memory() {
    let mut stage = opened("keep");
    let text = format!("QHR1{}", "KX7PLQZ".repeat(11));
    stage.press(&text);
    while !stage.remembers(&text, 1) {
        assert!(stage.out.recv_timeout(Duration::from_secs(20)).is_ok());
    }
    stage.press("\r");
    stage.see("Leave");
    assert!(!stage.remembers("KX7PLQZ", 1));
    stage.press("q");
    stage.ends(Ended::Left);
}

#[test]
fn shown_words_leave_no_trace_in_memory() {
    /// Bytes from one cell of a buffer to the next.
    const CELL: usize = size_of::<ratatui::buffer::Cell>();
    let mut stage = opened("hand");
    stage.press("\r");
    stage.see("zebra");
    assert!(stage.remembers("zebra zebra", 1) && stage.remembers("zebra", CELL));
    stage.seen.clear();
    stage.press("\x1b");
    stage.see("Show");
    assert!(!stage.remembers("zebra", CELL), "a letter stays in a cell");
    // The test's own text has the word once, in the driver; never twice in a row.
    assert!(!stage.remembers("zebra zebra", 1));
    stage.signal(Signal::TERM);
    stage.ends(Ended::Signal(Signal::TERM.as_raw()));
}

#[test]
fn a_new_size_is_followed() {
    let mut stage = opened("over");
    tcsetwinsize(&stage.slave, size(60, 20)).expect("a terminal");
    stage.see("columns");
    stage.seen.clear();
    tcsetwinsize(&stage.slave, size(100, 30)).expect("a terminal");
    stage.see("first page");
    stage.press("\r");
    stage.ends(Ended::Left);
}

#[test]
fn without_a_terminal_it_says_so() {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "the_program_under_test", "--nocapture"])
        .env(ROLE, "over")
        .stdin(Stdio::null())
        .output()
        .expect("this program starts again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("Standard input and output are not a terminal"),
        "{text}"
    );
    assert!(!text.contains(ENTERED));
}
