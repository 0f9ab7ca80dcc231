//! The people of a ceremony: what they answer to each page, by its headline.

use std::collections::BTreeMap;

use super::sticks::Stick;
use super::terminal::{Pane, Terminal};

/// The words that a custodian wrote on a form.
pub type Sheet = Vec<String>;

/// Answers with a line of text, by the headline's beginning.
pub type Lines = Vec<(&'static str, String)>;
/// Answers to choices, by the headline's beginning: a part of the label.
pub type Choices = Vec<(&'static str, &'static str)>;

/// The people in the room, and what lies on the table.
pub struct Room {
    /// What they type.
    pub lines: Lines,
    /// What they choose.
    pub choices: Choices,
    /// Sheets by number.
    pub sheets: BTreeMap<u8, Sheet>,
    /// Media for copies.
    pub sticks: Vec<Stick>,
    /// Custodians who brought sheets, in the order in which they enter them.
    pub brought: Vec<u8>,
    /// Headlines of pages that refused something.
    pub refused: Vec<String>,
    faults: Faults,
}

/// What goes wrong once each, as it does among people.
#[derive(Default)]
struct Faults {
    pin: bool,
    plugged: bool,
    word: bool,
}

fn pin(who: &str) -> String {
    match who.to_lowercase() {
        who if who.contains("operator") => "314159".into(),
        who if who.contains("witness") => "271828".into(),
        who => format!("16180{}", number(&who)),
    }
}

/// The first number in `text`.
fn number(text: &str) -> u8 {
    let digits = text.split(|c: char| !c.is_ascii_digit());
    let first = digits.filter_map(|digits| digits.parse().ok()).next();
    first.unwrap_or_else(|| panic!("no number in {text}"))
}

impl Room {
    /// People with these answers.
    pub fn new(lines: Lines, choices: Choices) -> Self {
        Self {
            lines,
            choices,
            sheets: BTreeMap::new(),
            sticks: Vec::new(),
            brought: Vec::new(),
            refused: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Answers page after page until one whose headline begins with `last` stands.
    pub fn hold(&mut self, terminal: &mut Terminal, last: &str) -> Pane {
        loop {
            let page = terminal.page();
            if page.title.starts_with(last) {
                return page;
            }
            self.answer(terminal, &page);
        }
    }

    fn answer(&mut self, terminal: &mut Terminal, page: &Pane) {
        let title = page.title.as_str();
        if let Some((_, line)) = self
            .lines
            .iter()
            .find(|(start, _)| title.starts_with(start))
        {
            let line = line.replace(
                "{}",
                &title
                    .chars()
                    .filter(char::is_ascii_digit)
                    .collect::<String>(),
            );
            if !line.is_empty() {
                terminal.field(&line);
            }
            terminal.enter();
            return;
        }
        if let Some((_, label)) = self
            .choices
            .iter()
            .find(|(start, _)| title.starts_with(start))
        {
            terminal.choose(label);
            return;
        }
        if title.starts_with("A PIN for") {
            terminal.text(&pin(title));
            terminal.enter();
            terminal.text(&pin(title));
            terminal.enter();
        } else if title.starts_with("Sign to") {
            self.sign(terminal, page);
        } else if title.starts_with("Roll dice") {
            terminal.text("314265");
            terminal.until("the count", |pane| pane.right.join(" ").contains("6 rolls"));
            terminal.enter();
        } else if title.starts_with("Write the share") {
            self.write(terminal, number(title));
        } else if title.starts_with("Prove the sheet") {
            terminal.choose("36 words");
            self.type_words(terminal, number(title));
        } else if title.starts_with("Share ") {
            let at = usize::from(number(title)) - 1;
            let sheet = self.brought[at];
            terminal.choose("36 words");
            self.type_words(terminal, sheet);
        } else if title.starts_with("Path of medium") {
            let path = self.sticks[usize::from(number(title)) - 1].path();
            terminal.field(&path);
            terminal.enter();
        } else if title.starts_with("Unplug medium") {
            if std::mem::replace(&mut self.faults.plugged, true) {
                self.sticks[usize::from(number(title)) - 1].unplug();
            }
            terminal.enter();
        } else if title.starts_with("Plug medium") {
            self.sticks[usize::from(number(title)) - 1].plug();
            terminal.enter();
        } else if title.contains("Not accepted") && page.right.join(" ").contains("post-quantum") {
            // The one exception that these people sign: keys leave sealed to an X25519 recipient.
            terminal.key("x");
            terminal.until("the exception", |pane| pane.title != title);
        } else if title.contains("Not accepted") {
            self.refused.push(page.right.join(" "));
            assert!(self.refused.len() < 6, "{:#?}", self.refused);
            terminal.enter();
        } else if page.right.iter().any(|line| line.starts_with("Enter ")) {
            terminal.enter();
        } else {
            panic!("nobody knows what to do with this page:\n{}", page.whole);
        }
    }

    fn sign(&mut self, terminal: &mut Terminal, page: &Pane) {
        let Some(line) = page
            .right
            .iter()
            .find(|line| line.contains("alone types the PIN"))
        else {
            terminal.choose("to sign");
            return;
        };
        // The first PIN of all is a wrong one.
        if std::mem::replace(&mut self.faults.pin, true) {
            terminal.text(&pin(line));
        } else {
            terminal.text("000000");
        }
        terminal.enter();
    }

    fn write(&mut self, terminal: &mut Terminal, custodian: u8) {
        let mut words: Sheet = Vec::new();
        let mut page = terminal.enter();
        while page.title.starts_with("Words ") {
            for line in &page.right {
                let parts: Vec<&str> = line.split_whitespace().collect();
                let Some((number, [word, letters @ ..])) = parts.split_first() else {
                    continue;
                };
                if number.parse() == Ok(words.len() + 1) {
                    assert_eq!(word.to_uppercase(), letters.concat(), "spelt as written");
                    words.push((*word).to_owned());
                }
            }
            page = terminal.enter();
        }
        assert_eq!(words.len(), 36, "all words were shown");
        assert!(
            page.right
                .iter()
                .any(|line| line.contains("I have written")),
            "{}",
            page.whole
        );
        self.sheets.insert(custodian, words);
        terminal.enter();
    }

    fn type_words(&mut self, terminal: &mut Terminal, sheet: u8) {
        let words = self.sheets[&sheet].clone();
        let wrong = !std::mem::replace(&mut self.faults.word, true);
        for (at, word) in words.iter().enumerate() {
            let word = match (wrong, at) {
                (true, 20) if word == "zebra" => "zero",
                (true, 20) => "zebra",
                _ => word.as_str(),
            };
            // A finished word is hidden; only the letters of the one under way are on the screen.
            terminal.text(word);
            terminal.key("Space");
        }
        terminal.until("all words", |pane| pane.title.starts_with("All 36"));
        let mut page = terminal.enter();
        if wrong {
            assert!(page.title.contains("Not accepted"), "{}", page.whole);
            assert!(page.right.join(" ").contains("21"), "{}", page.whole);
            self.refused.push(page.right.join(" "));
            page = terminal.enter();
            assert!(page.title.starts_with("Word 21"), "{}", page.whole);
            terminal.text(&words[20]);
            terminal.key("Space");
            terminal.until("all words", |pane| pane.title.starts_with("All 36"));
            terminal.enter();
        }
    }
}
