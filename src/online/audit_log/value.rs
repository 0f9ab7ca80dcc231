//! What a field may hold.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use crate::online::class::Class;

/// A value. It is made from types that a secret is none of, and can't be turned into.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text: a name, an address, a reason.
    Text(String),
    /// A whole number.
    Number(i128),
    /// Yes or no.
    Flag(bool),
    /// Seconds, to the millisecond.
    Seconds(Duration),
    /// A moment.
    Time(Timestamp),
    /// Several.
    List(Vec<Value>),
}

impl Value {
    /// A text. Only what a person may read belongs here: names, addresses without credentials, texts of refusals.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Appends it as JSON; texts are cut after `limit` bytes. Whether one was cut.
    pub(super) fn json(&self, out: &mut String, limit: usize) -> bool {
        match self {
            Self::Text(text) => return string(out, text, limit),
            Self::Number(number) => *out += &number.to_string(),
            Self::Flag(flag) => *out += if *flag { "true" } else { "false" },
            Self::Seconds(seconds) => {
                let _ = write!(out, "{}.{:03}", seconds.as_secs(), seconds.subsec_millis());
            }
            Self::Time(time) => *out += &format!("\"{time:.6}\""),
            Self::List(values) => {
                let mut cut = false;
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    cut |= value.json(out, limit);
                }
                out.push(']');
                return cut;
            }
        }
        false
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Seconds(duration)
    }
}

impl From<Class> for Value {
    fn from(class: Class) -> Self {
        Self::Text(class.to_string())
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// Appends a text as a JSON string of at most `limit` bytes of text. Whether it was cut.
pub(super) fn string(out: &mut String, text: &str, limit: usize) -> bool {
    out.push('"');
    let mut room = limit;
    let mut cut = false;
    for c in text.chars() {
        let before = out.len();
        match c {
            '"' => *out += "\\\"",
            '\\' => *out += "\\\\",
            '\n' => *out += "\\n",
            '\r' => *out += "\\r",
            '\t' => *out += "\\t",
            c if c.is_control() || hides(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
        let grown = out.len() - before;
        if grown > room {
            out.truncate(before);
            cut = true;
            break;
        }
        room -= grown;
    }
    out.push('"');
    cut
}

/// Characters that turn the direction of text, break lines, or show nothing.
fn hides(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
