//! From keys to commands. Function keys mean the same everywhere; letters stand for them where nothing is typed, so
//! that a letter of a name or a word never opens a menu. Capital letters are no commands: a scanner types them.

use super::keys::Key;
use zeroize::Zeroizing;

/// What a key asks for. It has no `Debug`: it may carry what is typed.
#[derive(PartialEq, Eq)]
pub enum Cmd {
    /// A character, where it isn't a command.
    Char(char),
    /// Pasted text.
    Paste(Zeroizing<String>),
    /// Enter.
    Go,
    /// Escape.
    Esc,
    /// Tab.
    Next,
    /// Shift and Tab.
    Previous,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Scroll back.
    PageUp,
    /// Scroll on.
    PageDown,
    /// F1 or `?`.
    Help,
    /// F2 or `n`: I do not agree.
    Object,
    /// F3, `q` or Ctrl-C: pause or stop.
    Pause,
    /// F4 or `f`: forgotten PIN.
    Forgotten,
    /// F5 or `r`: reprint.
    Reprint,
    /// F6 or `x`: exception.
    Exception,
    /// F7 or `v`: the QR code.
    Qr,
    /// A key without meaning.
    Nothing,
}

/// The command of `key`; `typing` where characters are text.
pub fn command(key: Key, typing: bool) -> Cmd {
    match key {
        Key::Function(1) => Cmd::Help,
        Key::Function(2) => Cmd::Object,
        Key::Function(3) | Key::Ctrl('c') => Cmd::Pause,
        Key::Function(4) => Cmd::Forgotten,
        Key::Function(5) => Cmd::Reprint,
        Key::Function(6) => Cmd::Exception,
        Key::Function(7) => Cmd::Qr,
        Key::Function(_) | Key::Ctrl(_) => Cmd::Nothing,
        Key::Char(c) if typing => Cmd::Char(c),
        Key::Char('?') => Cmd::Help,
        Key::Char('n') => Cmd::Object,
        Key::Char('q') => Cmd::Pause,
        Key::Char('f') => Cmd::Forgotten,
        Key::Char('r') => Cmd::Reprint,
        Key::Char('x') => Cmd::Exception,
        Key::Char('v') => Cmd::Qr,
        Key::Char(c) => Cmd::Char(c),
        Key::Paste(text) => Cmd::Paste(text),
        Key::Enter => Cmd::Go,
        Key::Esc => Cmd::Esc,
        Key::Tab => Cmd::Next,
        Key::BackTab => Cmd::Previous,
        Key::Backspace => Cmd::Backspace,
        Key::Delete => Cmd::Delete,
        Key::Up => Cmd::Up,
        Key::Down => Cmd::Down,
        Key::Left => Cmd::Left,
        Key::Right => Cmd::Right,
        Key::Home => Cmd::Home,
        Key::End => Cmd::End,
        Key::PageUp => Cmd::PageUp,
        Key::PageDown => Cmd::PageDown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_text_where_text_is_typed() {
        for letter in ['n', 'q', 'f', 'r', 'x', 'v', '?'] {
            assert!(command(Key::Char(letter), true) == Cmd::Char(letter));
            assert!(command(Key::Char(letter), false) != Cmd::Char(letter));
        }
    }

    #[test]
    fn function_keys_mean_the_same_everywhere() {
        for typing in [true, false] {
            assert!(command(Key::Function(1), typing) == Cmd::Help);
            assert!(command(Key::Function(2), typing) == Cmd::Object);
            assert!(command(Key::Function(3), typing) == Cmd::Pause);
            assert!(command(Key::Ctrl('c'), typing) == Cmd::Pause);
            assert!(command(Key::Ctrl('z'), typing) == Cmd::Nothing);
        }
    }

    #[test]
    fn a_scanner_gives_no_command() {
        for letter in "QHS1QHR1ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars() {
            assert!(command(Key::Char(letter), false) == Cmd::Char(letter));
        }
    }
}
