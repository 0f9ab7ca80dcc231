//! A terminal in `tmux`, driven by keys and read by its screen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a screen may take to change. Work on a loaded machine is slow; a ceremony that hangs is not that slow.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than a held key repeats, so that each Enter counts as one that a person pressed.
const BREATH: Duration = Duration::from_millis(130);

/// A running program on a terminal of its own.
pub struct Terminal {
    socket: PathBuf,
    /// Every settled pane, for the message of a failure and for whoever looks at the screens.
    seen: Vec<String>,
}

impl Terminal {
    /// Runs `command` in a shell, in an empty network namespace, on a terminal of this size.
    pub fn new(home: &Path, command: &str, columns: u16, rows: u16) -> Self {
        let own = Self {
            socket: home.join(format!("tmux-{columns}")),
            seen: Vec::new(),
        };
        let script = home.join("command.sh");
        let text = format!(
            "ulimit -c 0\ncd '{}'\nunshare --net {command}\necho \"exit $?\"\nexec sleep 1000\n",
            home.display()
        );
        std::fs::write(&script, text).expect("the test's own directory");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let shell = format!("exec sh '{}'", script.display());
        own.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            &shell,
        ]);
        own.tmux(&["set-option", "-g", "escape-time", "0"]);
        own
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(arguments)
            .output()
            .unwrap_or_else(|fault| {
                panic!("tmux did not start ({fault}): install the package tmux")
            });
        assert!(
            output.status.success(),
            "tmux {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What stands on the screen, and what scrolled off it.
    pub fn scrollback(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// Presses a key by tmux's name for it.
    pub fn key(&self, name: &str) {
        self.tmux(&["send-keys", name]);
    }

    /// Types `text`.
    pub fn text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// The terminal has this size from now on.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// The process id of the program in the terminal.
    pub fn process(&self) -> rustix::process::Pid {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let child = children.expect("the shell's children");
        let child: i32 = child.trim().parse().expect("one child");
        rustix::process::Pid::from_raw(child).expect("a process id")
    }

    /// Waits until the screen satisfies `wanted`, and doesn't change any more.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Pane) -> bool) -> Pane {
        let start = Instant::now();
        let mut before = Pane::default();
        loop {
            let now = Pane::read(&self.screen());
            if now.right == before.right && now.ready && wanted(&now) {
                if self.seen.last() != Some(&now.whole) {
                    self.seen.push(now.whole.clone());
                }
                return now;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the screen never showed {what}; it shows:\n{}\nbefore:\n{}",
                now.whole,
                self.seen.last().map_or("", String::as_str)
            );
            before = now;
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The page that stands when the screen is quiet.
    pub fn page(&mut self) -> Pane {
        self.until("a page", |pane| !pane.title.is_empty())
    }

    /// Presses Enter and waits for another page.
    pub fn enter(&mut self) -> Pane {
        let before = Pane::read(&self.screen()).right;
        std::thread::sleep(BREATH);
        self.key("Enter");
        self.until("another page", |pane| pane.right != before)
    }

    /// Types `text` into a field that shows it, and waits until it stands there.
    pub fn field(&mut self, text: &str) {
        self.text(text);
        let end: String = text
            .chars()
            .skip(text.chars().count().saturating_sub(12))
            .collect();
        self.until(text, |pane| {
            pane.right.iter().any(|line| line.contains(&end))
        });
    }

    /// Chooses the line that holds `label`.
    pub fn choose(&mut self, label: &str) -> Pane {
        let page = self.page();
        let line = page.right.iter().find(|line| line.contains(label));
        let line = line.unwrap_or_else(|| panic!("no choice {label} on\n{}", page.whole));
        let number: String = line.chars().filter(char::is_ascii_digit).take(1).collect();
        let marked = format!("> {number}");
        self.text(&number);
        self.until(label, |pane| {
            pane.right.iter().any(|line| line.starts_with(&marked))
        });
        self.enter()
    }

    /// Waits for the end of the program; its exit code.
    pub fn end(&mut self) -> u8 {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if let Some(code) = screen.lines().find_map(|line| line.strip_prefix("exit ")) {
                return code.trim().parse().expect("an exit code");
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the program never ended:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(file) = std::env::var("QH_TEST_SCREENS") {
            let text = self.seen.join("\n\n");
            let _ = std::fs::write(file, text);
        }
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

/// A screen, taken apart.
#[derive(Default)]
pub struct Pane {
    /// All of it.
    pub whole: String,
    /// The headline of the right pane.
    pub title: String,
    /// The right pane.
    pub right: Vec<String>,
    /// Whether keys work, which the last lines say.
    ready: bool,
}

impl Pane {
    fn read(screen: &str) -> Self {
        let lines: Vec<&str> = screen.lines().collect();
        let middle = lines
            .iter()
            .find_map(|line| line.chars().position(|glyph| glyph == '┬'));
        let mut right = Vec::new();
        if let Some(middle) = middle {
            for line in &lines {
                let glyphs: Vec<char> = line.chars().collect();
                if glyphs.get(middle) == Some(&'│') {
                    let own: String = glyphs.iter().skip(middle + 1).collect();
                    right.push(
                        own.trim_end_matches(['│', ' '])
                            .trim_start_matches(' ')
                            .to_owned(),
                    );
                }
            }
        }
        let title: Vec<&str> = right
            .iter()
            .map(String::as_str)
            .take_while(|line| !line.is_empty())
            .collect();
        let title = title.join(" ");
        let frame = lines.iter().rposition(|line| line.contains('┴'));
        let keys = frame.map_or(String::new(), |at| lines[at..].join(" "));
        let ready = ["Enter", "help", "leave"]
            .iter()
            .any(|key| keys.contains(key))
            && title != "One moment";
        Self {
            whole: screen.trim_end().to_owned(),
            title,
            right,
            ready,
        }
    }
}
