//! The right pane: headline, text that may scroll, and the widget, which is always in sight.

use super::{Places, help, over, put, widgets};
use crate::ceremony::prompt::Ask;
use crate::tui::app::App;
use crate::tui::text::{facts, wrap};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Size};
use ratatui::text::{Line, Span};

/// The least lines of text that stay in sight above a long list.
const LEAST_TEXT: usize = 4;

/// What stands in the right pane.
pub(super) struct Page {
    pub(super) title: Vec<Line<'static>>,
    pub(super) body: Vec<Line<'static>>,
    pub(super) foot: Vec<Line<'static>>,
    /// Line of the foot and column where the cursor stands.
    pub(super) cursor: Option<(usize, usize)>,
}

impl Page {
    /// The page of `app` in a pane whose inside has `size`.
    pub(super) fn new(app: &App, size: Size) -> Self {
        let width = usize::from(size.width);
        let height = usize::from(size.height);
        match (&app.overlay, &app.view) {
            (Some(overlay), Some(view)) => over::page(app, overlay, view, width, height),
            (_, None) => Page::text(app, "One moment", vec![String::new()], width),
            (None, Some(view)) => {
                if let Some(page) = super::words::page(app, width) {
                    return page;
                }
                let mut page = Page::prompt(app, width);
                // A headline, a blank line, some text, a blank line; what remains is the widget's.
                let text = page.body.len().min(LEAST_TEXT) + page.title.len() + 2;
                let room = height.saturating_sub(text).max(3);
                (page.foot, page.cursor) = widgets::foot(app, &view.prompt.ask, width, room);
                page
            }
        }
    }

    /// A headline and paragraphs.
    pub(super) fn text(app: &App, title: &str, say: Vec<String>, width: usize) -> Self {
        let width_of_text = width.min(76);
        let mut body = Vec::new();
        for paragraph in say {
            if !body.is_empty() {
                body.push(Line::default());
            }
            body.extend(wrap(&paragraph, width_of_text).into_iter().map(Line::from));
        }
        let title = wrap(title, width)
            .into_iter()
            .map(|line| Line::from(Span::styled(line, app.theme.strong())))
            .collect();
        Page {
            title,
            body,
            foot: Vec::new(),
            cursor: None,
        }
    }

    fn prompt(app: &App, width: usize) -> Self {
        let Some(prompt) = app.view.as_ref().map(|view| &view.prompt) else {
            return Page::text(app, "", Vec::new(), width);
        };
        let title = match &prompt.ask {
            Ask::Refusal { .. } => format!("[!] {}", prompt.title),
            _ => prompt.title.clone(),
        };
        let mut page = Page::text(app, &title, prompt.say.clone(), width);
        if let Ask::Refusal { .. } = prompt.ask {
            for line in &mut page.title {
                *line = line.clone().style(app.theme.note());
            }
        }
        if !prompt.facts.is_empty() {
            // What a person compares stands first in a refusal, after the text elsewhere.
            let mut last: Vec<_> = facts(&prompt.facts, width)
                .into_iter()
                .map(Line::from)
                .collect();
            if let Ask::Refusal { .. } = prompt.ask {
                std::mem::swap(&mut page.body, &mut last);
            }
            if !page.body.is_empty() && !last.is_empty() {
                page.body.push(Line::default());
            }
            page.body.append(&mut last);
        }
        page
    }

    /// Rows that the text has, in a pane of `height`.
    fn room(&self, height: u16) -> usize {
        let gap = usize::from(!self.foot.is_empty()) + 1;
        usize::from(height).saturating_sub(self.title.len() + self.foot.len() + gap)
    }

    /// Lines of text that don't fit into a pane of `height`.
    pub(super) fn overflow(&self, height: u16) -> usize {
        self.body.len().saturating_sub(self.room(height))
    }

    /// Draws the page; where the cursor stands.
    pub(super) fn draw(&self, buffer: &mut Buffer, app: &App, places: &Places) -> Option<Position> {
        let area = places.right;
        let mut row = area.y;
        let mut next = |line: &Line| {
            if row < area.bottom() {
                put(buffer, area.x, row, line, area.width);
            }
            row += 1;
        };
        self.title.iter().for_each(&mut next);
        next(&Line::default());
        let room = self.room(area.height);
        let most = self.overflow(area.height);
        let from = app.scroll.min(most);
        self.body.iter().skip(from).take(room).for_each(&mut next);
        if !self.foot.is_empty() && !self.body.is_empty() {
            next(&Line::default());
        }
        self.foot.iter().for_each(&mut next);
        let foot = row.saturating_sub(u16::try_from(self.foot.len()).unwrap_or(0));
        if most > 0 {
            let text = match (from, most - from) {
                (0, below) => format!(" {below} more below: PgDn "),
                (above, 0) => format!(" {above} more above: PgUp "),
                (above, below) => format!(" {above} more above, {below} below: PgUp, PgDn "),
            };
            let line = Line::from(Span::styled(text, app.theme.strong()));
            put(buffer, area.x, area.bottom(), &line, area.width);
        }
        let (line, column) = self.cursor?;
        let x = area.x.checked_add(u16::try_from(column).ok()?)?;
        let y = foot.checked_add(u16::try_from(line).ok()?)?;
        (x < area.right() && y < area.bottom()).then_some(Position::new(x, y))
    }

    /// A page of help, for which [`help`] has the words.
    pub(super) fn help(app: &App, width: usize) -> Self {
        let (about, keys, rules) = help::text(app);
        let mut page = Page::text(app, "Help", vec![about.to_owned()], width);
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, what)| ((*key).into(), (*what).into()))
            .collect();
        page.body.push(Line::default());
        page.body
            .extend(facts(&keys, width).into_iter().map(Line::from));
        page.body.push(Line::default());
        page.body.extend(Page::text(app, "", rules, width).body);
        page
    }
}
