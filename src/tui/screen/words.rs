//! The pages that show secret words: typed ones, the unfinished one alone; and those to be written by hand, four at a
//! time.

use super::page::Page;
use crate::tui::app::App;
use crate::tui::form::Form;
use crate::tui::form::words::{COLUMN, COUNT, Words, chosen, matching, neighbours};
use crate::tui::text::wrap;
use ratatui::text::{Line, Span};

/// The page of the form under way, if it shows words.
pub(super) fn page(app: &App, width: usize) -> Option<Page> {
    match &app.form {
        Form::Read(read) => read.words().map(|words| typed(app, words, width)),
        Form::Hand(hand) => hand
            .shown()
            .map(|(from, words)| written(app, from, &words, hand.count(), width)),
        _ => None,
    }
}

fn typed(app: &App, words: &Words, width: usize) -> Page {
    let at = words.at();
    let title = if at < COUNT {
        format!("Word {} of {COUNT}", at + 1)
    } else {
        format!("All {COUNT} words stand")
    };
    let suspects = words.suspects();
    let open: Vec<_> = suspects
        .iter()
        .filter(|at| !words.is_done(**at - 1))
        .collect();
    let say = match open[..] {
        [] => "A finished word is hidden.".to_owned(),
        [only] => format!("Read word {only} again, letter by letter."),
        _ => {
            let list: Vec<_> = open.iter().map(|at| at.to_string()).collect();
            format!("Read these again: words {}.", list.join(", "))
        }
    };
    let mut page = Page::text(app, &title, vec![say], width);
    let mut foot = Vec::new();
    for row in 0..COLUMN {
        let mut line = Vec::new();
        for position in [row, row + COLUMN, row + 2 * COLUMN] {
            let number = format!("{:>2}", position + 1);
            let (text, style) = if position == at {
                (
                    format!("{number} {:_<8}", words.letters()),
                    app.theme.chosen(),
                )
            } else if words.is_done(position) {
                (format!("{number} ********"), app.theme.plain())
            } else if words.is_suspect(position) {
                (format!("{number} ? again "), app.theme.note())
            } else {
                (format!("{number} ........"), app.theme.plain())
            };
            line.push(Span::styled(text, style));
            line.push(Span::raw("  "));
        }
        foot.push(Line::from(line));
    }
    foot.push(Line::default());
    foot.extend(completions(app, words, width));
    page.foot = foot;
    page
}

/// Two lines: what the letters may become, or the word that they mean and what stands beside it in the list.
fn completions(app: &App, words: &Words, width: usize) -> Vec<Line<'static>> {
    let list = app.setup.words;
    let letters = words.letters();
    if words.at() >= COUNT {
        return super::widgets::button(app.theme, "Enter", "Check these words", width);
    }
    if letters.is_empty() {
        let text = if words.is_done(words.at()) {
            "Type to replace this word, or Tab to go on."
        } else {
            "Type its letters as they stand on the sheet."
        };
        return vec![Line::from(text)];
    }
    if let Some(word) = chosen(list, letters) {
        let beside: Vec<_> = neighbours(list, word).into_iter().flatten().collect();
        let others = matching(list, letters).len() - 1;
        let first = match others {
            0 => format!("= {word}   Space, Tab or Enter takes it"),
            _ => format!("= {word}   Space takes it; or type on"),
        };
        return vec![
            Line::from(Span::styled(first, app.theme.strong())),
            Line::from(format!("  not {}", beside.join(", not "))),
        ];
    }
    let all = matching(list, letters);
    let mut line = String::new();
    let mut shown = 0;
    for word in all {
        // Room for "  +999 more" behind.
        if line.len() + word.len() + 2 > 2 * width - 14 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        shown += 1;
    }
    if shown < all.len() {
        line.push_str(&format!(" +{} more", all.len() - shown));
    }
    wrap(&line, width)
        .into_iter()
        .take(2)
        .map(Line::from)
        .collect()
}

fn written(app: &App, from: usize, words: &[&str], count: usize, width: usize) -> Page {
    let last = from + words.len() - 1;
    let title = format!("Words {from} to {last} of {count}");
    let say = "Write these on the form, in capitals, and compare them letter by letter.";
    let mut page = Page::text(app, &title, vec![say.to_owned()], width);
    let mut foot = vec![Line::default()];
    for (number, word) in (from..).zip(words) {
        let spelt: Vec<_> = word.to_uppercase().chars().map(String::from).collect();
        foot.push(Line::from(vec![
            Span::raw(format!("   {number:>2}  ")),
            Span::styled(format!("{word:<10}"), app.theme.strong()),
            Span::raw(spelt.join(" ")),
        ]));
        foot.push(Line::default());
    }
    let next = if last < count {
        "The next four"
    } else {
        "All are written"
    };
    foot.extend(super::widgets::button(app.theme, "Enter", next, width));
    page.foot = foot;
    page
}
