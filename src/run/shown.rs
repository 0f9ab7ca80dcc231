//! What the screen shows: the state machine's prompt, and what only the driver knows of it: the transcript's head, where
//! the files lie, QR codes of public data, suggested paths.

use std::collections::BTreeMap;

use super::driver::{Driver, names, now};
use crate::ceremony::prompt::Ask;
use crate::ceremony::view::{View, view};
use crate::print::qr::terminal_qr;
use crate::transcript::six_words::six_words;

/// What a QR code of the head begins with, so that a camera's owner knows what it is.
const HEAD: &str = "qh-head:";

impl Driver {
    /// What the screen shows.
    pub fn view(&self) -> View {
        let head = self
            .writer
            .head()
            .map(|h| six_words(&h.hash))
            .unwrap_or_default();
        let mut view = view(&self.script, &self.state, &head, now());
        let prompt = &mut view.prompt;
        if prompt.ask == Ask::Over {
            let head = self.head_hex();
            let mut label = "Head";
            for line in grouped(&head) {
                prompt.facts.push((label.into(), line));
                label = "";
            }
            let dir = self.dir.display().to_string();
            prompt.facts.push(("Files in".into(), dir));
            if self.dir.join(names::CERTIFICATE).exists() {
                prompt
                    .facts
                    .push(("To print".into(), names::CERTIFICATE.into()));
            }
            prompt.qr = Some(format!("{HEAD}{head}"));
        }
        view.qr = prompt.qr.as_deref().map(terminal_qr).unwrap_or_default();
        view.suggestion = self
            .suggestions
            .get(&prompt.key)
            .cloned()
            .unwrap_or_default();
        view
    }

    /// What stands in text fields at first, by prompt key: a rehearsal's own paths, which nobody can know.
    pub fn suggest(&mut self, suggestions: BTreeMap<String, String>) {
        self.suggestions = suggestions;
    }
}

/// 64 digits as four lines of four groups, which people compare one under the other.
fn grouped(hex: &str) -> Vec<String> {
    let digits: Vec<char> = hex.chars().collect();
    digits
        .chunks(16)
        .map(|line| {
            let groups: Vec<String> = line.chunks(4).map(|g| g.iter().collect()).collect();
            groups.join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_stands_in_four_lines_of_four_groups() {
        let head = "0123456789abcdef".repeat(4);
        assert_eq!(grouped(&head), vec!["0123 4567 89ab cdef"; 4]);
        assert_eq!(grouped(""), Vec::<String>::new());
    }

    #[test]
    fn a_head_fits_the_smallest_screen_as_a_code() {
        let lines = terminal_qr(&format!("{HEAD}{}", "f".repeat(64)));
        assert!(!lines.is_empty() && lines.len() < 24, "{}", lines.len());
        // A recipient is as long as this one.
        let lines = terminal_qr(&format!("age1{}", "q".repeat(58)));
        assert!(!lines.is_empty() && lines.len() < 24, "{}", lines.len());
    }
}
