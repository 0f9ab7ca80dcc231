//! One entry as one line.

use jiff::Timestamp;

use super::value::{Value, string};

/// Longest line, with its end, in bytes.
pub const MAX_LINE: usize = 16 * 1024;

/// Longest node id, in bytes as they stand in the line.
const MAX_NODE: usize = 256;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It went as it should.
    Info,
    /// Somebody should look.
    Warn,
    /// Something was not done.
    Error,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    level: Level,
    target: &'static str,
    event: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Entry {
    /// An entry without fields. `target` is the part of the program, `event` what it did, both as fixed words.
    pub fn new(level: Level, target: &'static str, event: &'static str) -> Self {
        Self {
            level,
            target,
            event,
            fields: Vec::new(),
        }
    }

    /// With a field; a later one of the same name counts.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value.into()));
        self
    }

    /// With a text as a field.
    #[must_use]
    pub fn with_text(self, name: &'static str, text: impl Into<String>) -> Self {
        self.with(name, Value::text(text))
    }

    /// The line with its end, never longer than [`MAX_LINE`]: texts are cut until it fits, and then fields left out.
    pub(super) fn line(&self, now: Timestamp, node_id: &str) -> String {
        let mut limit = MAX_LINE;
        loop {
            let kept = self.fields.len();
            let line = self.written(now, node_id, limit, kept);
            if line.len() <= MAX_LINE {
                return line;
            }
            if limit <= 64 {
                break;
            }
            limit /= 2;
        }
        (0..self.fields.len())
            .rev()
            .map(|kept| self.written(now, node_id, 64, kept))
            .find(|line| line.len() <= MAX_LINE)
            .unwrap_or_default()
    }

    fn written(&self, now: Timestamp, node_id: &str, limit: usize, kept: usize) -> String {
        let level = match self.level {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        let mut out = format!("{{\"timestamp\":\"{now:.6}\",\"level\":\"{level}\",\"target\":");
        let mut cut = string(&mut out, self.target, 256);
        out += ",\"event\":";
        cut |= string(&mut out, self.event, 256);
        out += ",\"fields\":{";
        for (index, (name, value)) in self.fields.iter().take(kept).enumerate() {
            if index > 0 {
                out.push(',');
            }
            cut |= string(&mut out, name, 256);
            out.push(':');
            cut |= value.json(&mut out, limit);
        }
        if cut || kept < self.fields.len() {
            out += if kept == 0 {
                "\"truncated\":true"
            } else {
                ",\"truncated\":true"
            };
        }
        out += "},\"node_id\":";
        string(&mut out, node_id, MAX_NODE);
        out += ",\"version\":";
        string(&mut out, env!("CARGO_PKG_VERSION"), 64);
        out += "}\n";
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::online::class::Class;

    fn now() -> Timestamp {
        "2026-11-27T06:00:03.1234567Z".parse().expect("a time")
    }

    #[test]
    fn a_line_is_in_the_nodes_format() {
        let entry = Entry::new(Level::Info, "snapshot", "created")
            .with_text("store", "s3://bucket/prefix")
            .with("bytes", u64::MAX)
            .with("classes", vec![Class::Hot, Class::Daily])
            .with("stopped", false)
            .with("took", Duration::from_millis(61_250))
            .with("until", Timestamp::UNIX_EPOCH);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            entry.line(now(), "validator-1"),
            format!(
                "{{\"timestamp\":\"2026-11-27T06:00:03.123456Z\",\"level\":\"INFO\",\"target\":\"snapshot\",\
                 \"event\":\"created\",\"fields\":{{\"store\":\"s3://bucket/prefix\",\"bytes\":18446744073709551615,\
                 \"classes\":[\"hot\",\"daily\"],\"stopped\":false,\"took\":61.250,\
                 \"until\":\"1970-01-01T00:00:00.000000Z\"}},\"node_id\":\"validator-1\",\"version\":\"{version}\"}}\n"
            )
        );
        let bare = Entry::new(Level::Error, "a", "b").line(Timestamp::UNIX_EPOCH, "");
        assert!(
            bare.contains("\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"ERROR\""),
            "{bare}"
        );
        assert!(bare.contains("\"fields\":{},"));
        let twice = Entry::new(Level::Warn, "a", "b")
            .with("x", 1)
            .with("x", 2)
            .line(now(), "");
        assert!(twice.contains("\"fields\":{\"x\":2}"), "{twice}");
    }

    #[test]
    fn nothing_on_a_terminal_is_fooled() {
        let text = "a\u{1b}[2J\n\r\t\0\u{7f}\u{9b}\u{202e}\u{2028}\u{200b}\u{e0041}\"\\z\u{e9}";
        let line = Entry::new(Level::Warn, "a", "b")
            .with_text("t", text)
            .line(now(), text);
        let written = "a\\u001b[2J\\n\\r\\t\\u0000\\u007f\\u009b\\u202e\\u2028\\u200b\\udb40\\udc41\\\"\\\\z\u{e9}";
        assert_eq!(line.matches(written).count(), 2, "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["fields"]["t"], text);
        assert_eq!(value["node_id"], text);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = "\u{1b}".repeat(100_000);
        let entry = Entry::new(Level::Warn, "a", "b")
            .with("n", 7)
            .with_text("one", &long)
            .with_text("two", &long);
        let line = entry.line(now(), &long);
        assert!(
            line.len() <= MAX_LINE && line.len() > MAX_LINE / 4,
            "{}",
            line.len()
        );
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["fields"]["truncated"], true);
        assert_eq!(value["fields"]["n"], 7);
        let many = Entry::new(Level::Warn, "a", "b")
            .with("n", 7)
            .with("list", vec![7_u64; 100_000]);
        let line = many.line(now(), "x");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value["fields"],
            serde_json::json!({"n": 7, "truncated": true})
        );
        let only = Entry::new(Level::Warn, "a", "b")
            .with("list", vec![7_u64; 100_000])
            .line(now(), "x");
        let value: serde_json::Value = serde_json::from_str(&only).unwrap();
        assert_eq!(value["fields"], serde_json::json!({"truncated": true}));
    }

    proptest! {
        #[test]
        fn any_text_is_one_line_of_json(texts in prop::collection::vec(any::<String>(), 0..4), node in any::<String>()) {
            let mut entry = Entry::new(Level::Info, "a", "b");
            for (text, name) in texts.iter().zip(["w", "x", "y", "z"]) {
                entry = entry.with_text(name, text);
            }
            let line = entry.line(now(), &node);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(line.ends_with('\n') && !line.trim_end_matches('\n').chars().any(char::is_control));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            for (text, name) in texts.iter().zip(["w", "x", "y", "z"]) {
                prop_assert_eq!(value["fields"][name].as_str().unwrap(), text);
            }
        }
    }
}
