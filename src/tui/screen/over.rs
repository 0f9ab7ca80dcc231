//! Pages of what lies over a prompt.

use super::page::Page;
use super::widgets::{field, list, pin_line};
use crate::ceremony::policy::Label;
use crate::ceremony::view::View;
use crate::tui::app::App;
use crate::tui::overlay::{Deed, Overlay, Who};
use ratatui::text::Line;

pub(super) fn page(app: &App, overlay: &Overlay, view: &View, width: usize, height: usize) -> Page {
    let theme = app.theme;
    let room = height.saturating_sub(9).max(3);
    let text = |title: &str, say: &[&str]| {
        let say = say.iter().map(|text| (*text).to_owned()).collect();
        Page::text(app, title, say, width)
    };
    let choose = |mut page: Page, labels: &[&str], pick| {
        page.foot = list(theme, labels, pick, width, room);
        page
    };
    let people: Vec<_> = view
        .people
        .iter()
        .map(|(role, label)| named(role, label))
        .collect();
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    match overlay {
        Overlay::Help(_) => Page::help(app, width),
        // It has the whole screen to itself.
        Overlay::Qr => text("", &[]),
        Overlay::Menu(pick) => choose(
            text(
                "Pause, leave, or stop?",
                &[
                    "A pause keeps everything; after half an hour of it entered shares are wiped.",
                    "Who leaves now resumes later, as after a power cut.",
                    "Stopping ends this ceremony for good: everything secret is wiped, and the \
                     transcript says who stopped where and why.",
                ],
            ),
            &[
                "Go back to the ceremony",
                "Pause",
                "Leave now, resume later",
                "Stop the ceremony",
            ],
            pick,
        ),
        Overlay::StopReason(line) => {
            let mut page = text(
                "Why does the ceremony stop?",
                &["The reason goes into the transcript. Write no names and nothing secret."],
            );
            (page.foot, page.cursor) = field(theme, "Type the reason, then Enter.", line, width);
            page
        }
        Overlay::StopConfirm { reason, pick } => choose(
            text(
                "Stop for good?",
                &[
                    "What is secret is wiped. Sheets of this ceremony become void and must be \
                     destroyed, unless they were handed over.",
                    &format!("Reason: {reason}"),
                ],
            ),
            &["No, go back", "Yes, stop the ceremony"],
            pick,
        ),
        Overlay::Person(Who::Objects, pick) => choose(
            text(
                "I do not agree: who?",
                &[
                    "Anybody may object at any time. The ceremony then stands still until the \
                     same person withdraws it, or it is stopped.",
                ],
            ),
            &people,
            pick,
        ),
        Overlay::Person(Who::Forgot, pick) => choose(
            text(
                "Whose PIN is forgotten?",
                &["Two others sign that this person chooses a new PIN."],
            ),
            &people,
            pick,
        ),
        Overlay::ObjectPin { who, .. } => {
            let mut page = text(
                "I do not agree",
                &["The PIN says that it is you who objects."],
            );
            page.foot = pin_line(theme, &Label(who.clone()).spoken(), width);
            page
        }
        Overlay::ObjectReason { reason, .. } => {
            let mut page = text(
                "I do not agree: why?",
                &["The reason goes into the transcript. Write no names and nothing secret."],
            );
            (page.foot, page.cursor) = field(theme, "Type the reason, then Enter.", reason, width);
            page
        }
        Overlay::Confirm(Deed::Reprint, pick) => choose(
            text(
                "Void this sheet?",
                &[
                    "The sheet on the table becomes void and must be destroyed. Its number is \
                     never used again. A new one is printed in its place.",
                ],
            ),
            &["No, keep this sheet", "Yes, make this sheet void"],
            pick,
        ),
        Overlay::Confirm(Deed::Leave, pick) => choose(
            text(
                "Leave now?",
                &[
                    "The program ends and memory is wiped. Started again with the same journal, \
                     the ceremony goes on: people are enrolled anew, and what depended on memory \
                     is done again. Until the sheets are proven and matched, sheets on the table \
                     become void.",
                ],
            ),
            &["No, go on", "Yes, leave now"],
            pick,
        ),
        Overlay::Confirm(Deed::Exception, pick) => choose(
            text(
                "Depart from the script?",
                &[
                    "Two people sign an exception. It stands by name in the transcript, in the \
                     record and on the certificate.",
                ],
            ),
            &["No, go back", "Yes, ask for the exception"],
            pick,
        ),
    }
    .with_gap()
}

impl Page {
    /// Keeps a page without text from looking torn.
    fn with_gap(mut self) -> Self {
        if self.body.is_empty() {
            self.body.push(Line::default());
        }
        self
    }
}

fn named(role: &str, label: &str) -> String {
    let spoken = Label(label.to_owned()).spoken();
    if spoken.ends_with(role) {
        format!("{spoken} ({label})")
    } else {
        format!("{spoken} ({label}, {role})")
    }
}
