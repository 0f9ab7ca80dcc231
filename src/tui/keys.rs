//! From bytes of a terminal to keys.
//!
//! The Linux console, xterm, screen and tmux are understood. A sequence that isn't known does nothing. Every byte is
//! wiped from the decoder once it is decoded: a scanner types a whole share in one piece.

use zeroize::{Zeroize, Zeroizing};

/// One key. It has no `Debug`: it may be a digit of a PIN.
#[derive(PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// Pasted text (bracketed paste).
    Paste(Zeroizing<String>),
    /// A control character, by its lower-case letter.
    Ctrl(char),
    /// F1 to F12.
    Function(u8),
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Escape.
    Esc,
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
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// The most bytes that wait for the rest of a sequence or paste; what is longer is dropped.
const MOST: usize = 8192;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into keys; keeps incomplete sequences until the rest comes.
pub struct Decoder {
    pending: Zeroizing<Vec<u8>>,
}

enum Parsed {
    Key(Key, usize),
    Skip(usize),
    More,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with nothing pending.
    pub fn new() -> Self {
        Self {
            pending: Zeroizing::new(Vec::with_capacity(2 * MOST)),
        }
    }

    /// Decodes `bytes` after what was pending.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        if self.pending.len() + bytes.len() > MOST {
            self.pending.zeroize();
        }
        // What doesn't fit even then is no person's typing.
        self.pending
            .extend_from_slice(&bytes[..bytes.len().min(MOST)]);
        let mut keys = Vec::new();
        let mut used = 0;
        while used < self.pending.len() {
            match parse(&self.pending[used..]) {
                Parsed::Key(key, length) => {
                    keys.push(key);
                    used += length;
                }
                Parsed::Skip(length) => used += length,
                Parsed::More => break,
            }
        }
        let rest = Zeroizing::new(self.pending[used..].to_vec());
        // Wipes the whole capacity; keeps it.
        self.pending.zeroize();
        self.pending.extend_from_slice(&rest);
        keys
    }

    /// No byte came for a while: a lone escape byte was the Escape key, other beginnings were noise. An unfinished
    /// paste goes on waiting.
    pub fn idle(&mut self) -> Option<Key> {
        if self.pending.starts_with(b"\x1b[200~") {
            return None;
        }
        let lone = self.pending.as_slice() == b"\x1b";
        self.pending.zeroize();
        lone.then_some(Key::Esc)
    }
}

fn parse(bytes: &[u8]) -> Parsed {
    match bytes {
        [] | [0x1b] => Parsed::More,
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O'] => Parsed::More,
        [0x1b, b'O', last, ..] => named(*last).map_or(Parsed::Skip(3), |key| Parsed::Key(key, 3)),
        [0x1b, 0x1b, ..] => Parsed::Key(Key::Esc, 1),
        // Alt and a character: no such key here.
        [0x1b, _, ..] => Parsed::Skip(2),
        [b'\r' | b'\n', ..] => Parsed::Key(Key::Enter, 1),
        [b'\t', ..] => Parsed::Key(Key::Tab, 1),
        [0x7f | 0x08, ..] => Parsed::Key(Key::Backspace, 1),
        [control @ 0x01..=0x1a, ..] => Parsed::Key(Key::Ctrl((b'a' + control - 1).into()), 1),
        [0x00..=0x1f, ..] => Parsed::Skip(1),
        _ => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Parsed {
    let length = match bytes[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Parsed::Skip(1),
    };
    let Some(own) = bytes.get(..length) else {
        return Parsed::More;
    };
    match std::str::from_utf8(own)
        .ok()
        .and_then(|own| own.chars().next())
    {
        Some(c) if c.is_control() => Parsed::Skip(length),
        Some(c) => Parsed::Key(Key::Char(c), length),
        None => Parsed::Skip(1),
    }
}

/// `rest` follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Parsed {
    if let [b'[', tail @ ..] = rest {
        // The Linux console's F1 to F5.
        return match tail {
            [] => Parsed::More,
            [c @ b'A'..=b'E', ..] => Parsed::Key(Key::Function(c - b'A' + 1), 4),
            _ => Parsed::Skip(4),
        };
    }
    let Some(end) = rest.iter().position(|b| (0x40..=0x7e).contains(b)) else {
        return if rest.len() > 16 {
            Parsed::Skip(2)
        } else {
            Parsed::More
        };
    };
    let length = end + 3;
    let number = rest[..end]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .take(4)
        .fold(0u32, |sum, b| sum * 10 + u32::from(b - b'0'));
    let key = match (rest[end], number) {
        (b'~', 200) => return paste(&rest[end + 1..], length),
        (b'~', 1 | 7) => Key::Home,
        (b'~', 4 | 8) => Key::End,
        (b'~', 3) => Key::Delete,
        (b'~', 5) => Key::PageUp,
        (b'~', 6) => Key::PageDown,
        (b'~', n @ 11..=15) => Key::Function((n - 10) as u8),
        (b'~', n @ 17..=21) => Key::Function((n - 11) as u8),
        (b'~', _) => return Parsed::Skip(length),
        (last, _) => match named(last) {
            Some(key) => key,
            None => return Parsed::Skip(length),
        },
    };
    Parsed::Key(key, length)
}

fn named(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'Z' => Key::BackTab,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::Function(last - b'P' + 1),
        _ => return None,
    })
}

fn paste(rest: &[u8], before: usize) -> Parsed {
    let end = rest
        .windows(PASTE_END.len())
        .position(|window| window == PASTE_END);
    let Some(end) = end else {
        return Parsed::More;
    };
    let length = before + end + PASTE_END.len();
    match std::str::from_utf8(&rest[..end]) {
        Ok(text) => Parsed::Key(Key::Paste(Zeroizing::new(text.to_owned())), length),
        Err(_) => Parsed::Skip(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &Key) -> String {
        match key {
            Key::Char(c) => format!("{c}"),
            Key::Paste(text) => format!("paste({})", text.as_str()),
            Key::Ctrl(c) => format!("^{c}"),
            Key::Function(n) => format!("F{n}"),
            Key::Enter => "enter".into(),
            Key::Tab => "tab".into(),
            Key::BackTab => "backtab".into(),
            Key::Esc => "esc".into(),
            Key::Backspace => "backspace".into(),
            Key::Delete => "delete".into(),
            Key::Up => "up".into(),
            Key::Down => "down".into(),
            Key::Left => "left".into(),
            Key::Right => "right".into(),
            Key::Home => "home".into(),
            Key::End => "end".into(),
            Key::PageUp => "pgup".into(),
            Key::PageDown => "pgdn".into(),
        }
    }

    fn decoded(bytes: &[u8]) -> String {
        let names: Vec<_> = Decoder::new().feed(bytes).iter().map(name).collect();
        names.join(" ")
    }

    #[test]
    fn keys_of_the_console_and_of_xterm() {
        assert_eq!(
            decoded(b"a\xc3\xa9\r\t\x7f\x08\x03\x1a"),
            "a é enter tab backspace backspace ^c ^z"
        );
        assert_eq!(decoded(b"\x1b[[A\x1b[[E"), "F1 F5");
        assert_eq!(
            decoded(b"\x1bOP\x1bOS\x1b[15~\x1b[17~\x1b[11~"),
            "F1 F4 F5 F6 F1"
        );
        assert_eq!(
            decoded(b"\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA"),
            "up down right left up"
        );
        assert_eq!(
            decoded(b"\x1b[1~\x1b[4~\x1b[H\x1b[F\x1b[3~"),
            "home end home end delete"
        );
        assert_eq!(decoded(b"\x1b[5~\x1b[6~\x1b[Z"), "pgup pgdn backtab");
        assert_eq!(decoded(b"\x1b[1;5A"), "up");
    }

    #[test]
    fn unknown_sequences_do_nothing() {
        assert_eq!(decoded(b"\x1b[99~\x1b[?62;c\x1bx\x1bOz\xff\xc0a"), "a");
        assert_eq!(decoded(b"\x1b[[Za"), "a");
    }

    #[test]
    fn a_lone_escape_waits_for_the_rest() {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(b"\x1b").is_empty());
        assert_eq!(decoder.idle().as_ref().map(name).as_deref(), Some("esc"));
        assert!(decoder.feed(b"\x1b").is_empty());
        let keys: Vec<_> = decoder.feed(b"[A").iter().map(name).collect();
        assert_eq!(keys, ["up"]);
        assert!(decoder.idle().is_none());
    }

    #[test]
    fn characters_and_pastes_may_come_in_pieces() {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(b"\xc3").is_empty());
        let keys: Vec<_> = decoder.feed(b"\xa9").iter().map(name).collect();
        assert_eq!(keys, ["é"]);
        assert!(decoder.feed(b"\x1b[200~/media/a").is_empty());
        assert!(decoder.idle().is_none());
        let keys: Vec<_> = decoder.feed(b" b\x1b[201~\r").iter().map(name).collect();
        assert_eq!(keys, ["paste(/media/a b)", "enter"]);
    }

    #[test]
    fn an_endless_paste_is_dropped() {
        let mut decoder = Decoder::new();
        assert!(decoder.feed(b"\x1b[200~").is_empty());
        for _ in 0..10 {
            decoder.feed(&[b'\x01'; 1024]);
        }
        decoder.feed(PASTE_END);
        let keys: Vec<_> = decoder.feed(b"a").iter().map(name).collect();
        assert_eq!(keys, ["a"]);
    }

    #[test]
    fn nothing_decoded_stays_in_the_buffer() {
        let mut decoder = Decoder::new();
        decoder.feed(b"QHS1ABCDEF\x1b");
        assert_eq!(decoder.pending.as_slice(), b"\x1b");
        // Grows within the capacity, so what stood there would show.
        let capacity = decoder.pending.capacity();
        decoder.pending.resize(capacity.min(64), 0);
        assert!(decoder.pending[1..].iter().all(|byte| *byte == 0));
    }
}
