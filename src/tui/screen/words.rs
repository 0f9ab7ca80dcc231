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
    let suspects = words.suspects();
    let open = suspects
        .iter()
        .filter(|at| !words.is_done(**at - 1))
        .count();
    let title = match (at, open) {
        (COUNT, _) => format!("All {COUNT} words stand"),
        (_, 0) => format!("Word {} of {COUNT} (finished ones are hidden)", at + 1),
        _ if words.is_suspect(at) => {
            format!("Word {}: read it again, letter by letter", at + 1)
        }
        _ => format!("Word {} of {COUNT} ({open} to read again)", at + 1),
    };
    // The grid needs the whole pane of the smallest screen, so the headline says it all.
    let mut page = Page::text(app, &title, Vec::new(), width);
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
        return super::widgets::text(text, width);
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
            Line::from(format!("  next to it: {}", beside.join(", "))),
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
