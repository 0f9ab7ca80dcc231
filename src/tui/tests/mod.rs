//! The screens drawn, the keys pressed, without a terminal.

mod answers;
mod code;
mod drawn;
mod requests;
pub(super) mod samples;
mod secrets;

use super::app::App;
use super::keys::Decoder;
use super::{HELD, Setup, screen};
use crate::ceremony::view::View;
use crate::secret::entry::Input;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

fn setup() -> Setup {
    Setup {
        words: bip39::Language::English.word_list(),
        local_offset: 3600,
        colour: true,
        contained: || false,
    }
}

fn app(view: View) -> App {
    let mut app = App::new(setup());
    app.show(view);
    app
}

fn sample(name: &str) -> View {
    let all = samples::all();
    let found = all.into_iter().find(|(own, _)| *own == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).1
}

/// Types `bytes` as a terminal would send them; the inputs that they led to.
fn press(app: &mut App, bytes: &str) -> Vec<Input> {
    let mut decoder = Decoder::new();
    let mut keys = decoder.feed(bytes.as_bytes());
    keys.extend(decoder.idle());
    // A person takes a moment before each of them.
    let press = |key| {
        app.pass(HELD);
        app.key(key)
    };
    keys.into_iter().filter_map(press).collect()
}

/// The one input that `bytes` lead to.
fn one(app: &mut App, bytes: &str) -> Input {
    let mut inputs = press(app, bytes);
    assert_eq!(inputs.len(), 1, "exactly one input");
    inputs.remove(0)
}

/// Key and value of a public answer.
fn answer(input: Input) -> (String, String) {
    match input {
        Input::Answer { key, value } => (key, value),
        _ => panic!("not a public answer"),
    }
}

fn answered(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Nothing is sent, and the bottom says `why`.
fn refused(app: &mut App, keys: &str, why: &str) {
    assert!(press(app, keys).is_empty(), "nothing is sent");
    let text = drawn(app);
    assert!(text.contains(why), "{why}\n{text}");
}

fn draw(app: &mut App, width: u16, height: u16) -> Buffer {
    app.resize(Size::new(width, height));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend");
    terminal
        .draw(|frame| screen::draw(frame, app))
        .expect("a test backend never fails");
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut line = String::new();
        for column in 0..buffer.area.width {
            line.push_str(buffer[(column, row)].symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn drawn(app: &mut App) -> String {
    lines(&draw(app, 80, 24))
}

const ESC: &str = "\x1b";
const F1: &str = "\x1bOP";
const F2: &str = "\x1bOQ";
const F3: &str = "\x1bOR";
const F4: &str = "\x1bOS";
const F5: &str = "\x1b[15~";
const F6: &str = "\x1b[17~";
const DOWN: &str = "\x1b[B";
const PGDN: &str = "\x1b[6~";
