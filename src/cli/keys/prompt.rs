//! A password typed on the terminal. Nothing is echoed, not even its length.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::secret::SecretText;

/// Longest password that is taken, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Reads a line from the controlling terminal without echo. Backspace deletes a character, Ctrl-U all of them, Ctrl-C
/// and Ctrl-D give up.
///
/// # Errors
/// Those of the terminal; [`io::ErrorKind::Interrupted`] when given up; [`io::ErrorKind::InvalidData`] for a line that is
/// too long or not UTF-8.
pub fn password_from_terminal() -> io::Result<SecretText> {
    hidden_line("Keystore password: ")
}

/// Asks with `prompt` and reads one line without echo from the terminal.
///
/// # Errors
/// As [`password_from_terminal`].
pub fn hidden_line(prompt: &str) -> io::Result<SecretText> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    // Before the prompt, so that nothing is echoed, or dropped, that is typed as soon as it shows.
    let quiet = Quiet::start(&terminal)?;
    write!(&terminal, "{prompt}")?;
    let outcome = line(&mut &terminal);
    drop(quiet);
    writeln!(&terminal)?;
    outcome
}

/// Asks with `prompt` and reads one line from the terminal, shown as it is typed: for what is public. White space around
/// it goes.
///
/// # Errors
/// Those of the terminal; [`io::ErrorKind::UnexpectedEof`] when given up with Ctrl-D; [`io::ErrorKind::InvalidData`] for a
/// line that is too long or not UTF-8.
pub fn shown_line(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "{prompt}")?;
    terminal.flush()?;
    let mut typed = Vec::new();
    let mut byte = [0; 1];
    loop {
        match terminal.read(&mut byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if typed.len() == MAX_PASSWORD => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too long"));
            }
            Ok(_) => typed.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    String::from_utf8(typed)
        .map(|text| text.trim().to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// The terminal without echo and signals; its former state comes back when this is dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn start(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Without ISIG, Ctrl-C comes as a byte; otherwise it could end the program and leave the terminal silent.
        quiet.local_modes -= LocalModes::ECHO
            | LocalModes::ECHONL
            | LocalModes::ICANON
            | LocalModes::ISIG
            | LocalModes::IEXTEN;
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn line(input: &mut dyn Read) -> io::Result<SecretText> {
    let mut typed = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD));
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        if input.read(byte.as_mut_slice())? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match byte[0] {
            b'\n' | b'\r' => break,
            // Ctrl-C, Ctrl-D
            0x03 | 0x04 => return Err(io::Error::new(io::ErrorKind::Interrupted, "given up")),
            // Backspace takes a whole UTF-8 character away.
            0x08 | 0x7f => while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {},
            // Ctrl-U
            0x15 => typed.clear(),
            _ if typed.len() == MAX_PASSWORD => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too long"));
            }
            byte => typed.push(byte),
        }
    }
    let text = std::str::from_utf8(&typed)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))?;
    Ok(SecretText::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(mut keys: &[u8]) -> Result<String, io::ErrorKind> {
        line(&mut keys)
            .map(|text| text.expose().to_owned())
            .map_err(|error| error.kind())
    }

    #[test]
    fn editing_keys_work() {
        assert_eq!(typed(b"secret\r"), Ok("secret".to_owned()));
        assert_eq!(typed(b"sex\x7fcret\n"), Ok("secret".to_owned()));
        assert_eq!(typed("a\u{e4}\u{8}b\n".as_bytes()), Ok("ab".to_owned()));
        assert_eq!(typed(b"wrong\x15right\n"), Ok("right".to_owned()));
        assert_eq!(typed(b"\x7f\x7f\n"), Ok(String::new()));
    }

    #[test]
    fn giving_up_and_nonsense_are_errors() {
        assert_eq!(typed(b"abc\x03"), Err(io::ErrorKind::Interrupted));
        assert_eq!(typed(b"abc"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(typed(b"\xff\n"), Err(io::ErrorKind::InvalidData));
        assert_eq!(
            typed(&[b'a'; MAX_PASSWORD + 1]),
            Err(io::ErrorKind::InvalidData)
        );
    }
}
