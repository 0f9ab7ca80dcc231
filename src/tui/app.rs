//! The state of the terminal: the view to draw, the form under way, what lies over it. Keys and views change it;
//! drawing doesn't.

use super::field::{Line, Pick};
use super::form::hand::Hand;
use super::form::read::{Read, Stage};
use super::form::words::Words;
use super::form::{Form, Step};
use super::keymap::{self, Cmd};
use super::keys::Key;
use super::overlay::{Deed, Next, Overlay, Who};
use super::screen;
use super::theme::Theme;
use super::{HELD, Setup};
use crate::ceremony::prompt::{Ask, Offer, Prompt};
use crate::ceremony::view::View;
use crate::secret::SecretText;
use crate::secret::entry::Input;
use ratatui::layout::Size;
use std::time::Duration;

/// Words typed for the prompt with `key`, kept while their refusal is read.
struct Kept {
    key: String,
    words: Box<Words>,
    /// A refusal named these positions (from 1); `None` before any.
    again: Option<Vec<usize>>,
}

/// The state of the terminal.
pub struct App {
    pub(super) setup: Setup,
    pub(super) theme: Theme,
    pub(super) view: Option<View>,
    pub(super) form: Form,
    pub(super) overlay: Option<Overlay>,
    /// Why the last key led to nothing.
    pub(super) note: Option<&'static str>,
    /// Lines that the right pane is scrolled by.
    pub(super) scroll: usize,
    /// Since the view came: moves its clock on.
    pub(super) since_view: Duration,
    /// Since this prompt stands: how long work takes.
    pub(super) since_prompt: Duration,
    pub(super) size: Size,
    pub(super) player: bool,
    waiting: bool,
    /// Since the last Enter, whatever it did.
    since_enter: Duration,
    /// No Enter was pressed yet for the prompt that stands.
    fresh: bool,
    kept: Option<Kept>,
    wipe: bool,
    left: bool,
}

impl App {
    /// An empty screen that takes answers.
    pub fn new(setup: Setup) -> Self {
        Self {
            theme: Theme::new(setup.colour),
            setup,
            view: None,
            form: Form::Still,
            overlay: None,
            note: None,
            scroll: 0,
            since_view: Duration::ZERO,
            since_prompt: Duration::ZERO,
            size: Size::new(80, 24),
            player: false,
            waiting: true,
            since_enter: HELD,
            fresh: true,
            kept: None,
            wipe: false,
            left: false,
        }
    }

    /// An empty screen that only shows.
    pub fn player(setup: Setup) -> Self {
        Self {
            player: true,
            ..Self::new(setup)
        }
    }

    /// Shows `view`. A form stays as it is when the very same question still stands and nothing was sent.
    pub fn show(&mut self, view: View) {
        let asked = self.view.as_ref().map(|old| &old.prompt);
        let same = !self.waiting
            && asked.is_some_and(|old| old.key == view.prompt.key && old.ask == view.prompt.ask);
        if !same {
            self.change_form(&view.prompt);
            if let Form::Text { line, .. } = &mut self.form {
                *line = Line::of(&view.suggestion);
            }
        }
        self.waiting = false;
        self.since_view = Duration::ZERO;
        self.view = Some(view);
    }

    fn change_form(&mut self, prompt: &Prompt) {
        self.wipe |= self.form.shows_secret();
        let old = std::mem::replace(&mut self.form, Form::Still);
        if let (true, Form::Read(read), Some(view)) = (self.waiting, old, &self.view) {
            let key = view.prompt.key.clone();
            self.kept = read.into_words().map(|words| Kept {
                key,
                words,
                again: None,
            });
        }
        self.form = match (self.kept.take(), &prompt.ask) {
            (kept, Ask::Wait) => {
                self.kept = kept;
                Form::Still
            }
            (Some(kept), Ask::Refusal { name }) if concerns_words(name, prompt) => {
                self.kept = Some(Kept {
                    again: Some(positions(prompt)),
                    ..kept
                });
                Form::Refusal
            }
            (
                Some(Kept {
                    key,
                    mut words,
                    again: Some(again),
                }),
                Ask::ReadShare { ways },
            ) if key == prompt.key => {
                words.suspect(&again);
                Form::Read(Read::again(ways, words))
            }
            _ => Form::new(prompt),
        };
        self.overlay = None;
        self.note = None;
        self.scroll = 0;
        self.fresh = true;
        self.since_prompt = Duration::ZERO;
    }

    /// Shows the words of a share for handwriting, if that is what stands; else they are dropped, and so wiped.
    pub fn reveal(&mut self, words: SecretText) {
        if let Form::Hand(hand) = &mut self.form {
            hand.reveal(words);
            self.waiting = false;
            self.scroll = 0;
        }
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.since_view += time;
        self.since_prompt += time;
        self.since_enter += time;
    }

    /// The terminal has this size now.
    pub fn resize(&mut self, size: Size) {
        // Cells that a smaller screen has no place for are lost out of sight, so they are overwritten before.
        self.wipe |= size != self.size && self.form.shows_secret();
        self.size = size;
        self.scroll = self.scroll.min(screen::most_scroll(self));
    }

    /// Whether an input is under way, so that the keyboard does nothing.
    pub fn waiting(&self) -> bool {
        self.waiting
    }

    /// Whether somebody left.
    pub fn left(&self) -> bool {
        self.left
    }

    /// Whether a screen with a secret was left since the last call: the caller overwrites both buffers.
    pub fn take_wipe(&mut self) -> bool {
        std::mem::take(&mut self.wipe)
    }

    /// Whether characters are text now.
    pub(super) fn typing(&self) -> bool {
        match &self.overlay {
            Some(overlay) => overlay.typing(),
            None => self.form.typing(),
        }
    }

    /// Whether Escape leaves the question, rather than a part of its form.
    pub(super) fn escape_leaves(&self) -> bool {
        match &self.form {
            Form::Sign(sign) => sign.pin.is_none() || sign.open.len() < 2,
            Form::Read(read) => read.ways.len() < 2 || matches!(read.stage, Stage::Ways(_)),
            Form::Hand(hand) => matches!(hand, Hand::Closed),
            Form::Still | Form::Objection { .. } | Form::Paused => false,
            Form::Ready
            | Form::Choose(..)
            | Form::Text { .. }
            | Form::Confidential(_)
            | Form::NewPin(_)
            | Form::Secret(..)
            | Form::Refusal => true,
        }
    }

    /// Whether the prompt offers `offer`. What is paused or over offers nothing but itself.
    pub(super) fn offers(&self, offer: Offer) -> bool {
        self.view.as_ref().is_some_and(|view| {
            let prompt = &view.prompt;
            prompt.offers.contains(&offer) && !matches!(prompt.ask, Ask::Paused | Ask::Over)
        })
    }

    /// Whether the prompt has a QR code, and nothing secret stands on the screen that it would cover.
    pub(super) fn has_qr(&self) -> bool {
        let any = self.view.as_ref().is_some_and(|view| !view.qr.is_empty());
        any && !self.form.shows_secret()
    }

    /// Takes one key; the input that it leads to.
    pub fn key(&mut self, key: Key) -> Option<Input> {
        if screen::too_small(self.size) {
            return None;
        }
        let cmd = keymap::command(key, self.typing() && !self.player);
        match cmd {
            Cmd::PageUp => {
                self.scroll = self.scroll.saturating_sub(screen::page_of(self));
                return None;
            }
            Cmd::PageDown => {
                self.scroll = (self.scroll + screen::page_of(self)).min(screen::most_scroll(self));
                return None;
            }
            _ => {}
        }
        if self.player {
            self.left |= cmd == Cmd::Pause;
            return None;
        }
        let held = cmd == Cmd::Go && self.held();
        if self.waiting || held {
            return None;
        }
        self.note = None;
        if let Some(overlay) = self.overlay.take() {
            let view = self.view.as_ref()?;
            let step = match overlay.key(&cmd, view) {
                Next::Stay(overlay, step) => {
                    self.overlay = Some(overlay);
                    step
                }
                Next::Close(step) => step,
            };
            self.scroll = 0;
            return self.follow(step);
        }
        if let Some(overlay) = self.opens(&cmd) {
            self.wipe |= self.form.shows_secret();
            self.scroll = 0;
            self.overlay = Some(overlay);
            return None;
        }
        self.answer(&cmd)
    }

    /// Notes an Enter; whether it is an earlier one, held down or sent twice, that must not answer a new question.
    fn held(&mut self) -> bool {
        let soon = std::mem::take(&mut self.since_enter) < HELD;
        let held = soon && self.fresh;
        // Each four words for handwriting are a question of their own.
        self.fresh = held || self.waiting || matches!(self.form, Form::Hand(_));
        held
    }

    /// The overlay that a global key opens here.
    fn opens(&mut self, cmd: &Cmd) -> Option<Overlay> {
        let people = self.view.as_ref().map_or(0, |view| view.people.len());
        match cmd {
            // Any other key comes back from a pause.
            _ if matches!(self.form, Form::Paused) && *cmd != Cmd::Help => None,
            Cmd::Help => Some(Overlay::Help(None)),
            Cmd::Qr if self.has_qr() => Some(Overlay::Qr),
            Cmd::Object if self.offers(Offer::Object) && people > 0 => {
                Some(Overlay::Person(Who::Objects, Pick::new(people)))
            }
            Cmd::Pause if self.offers(Offer::Pause) => Some(Overlay::menu()),
            Cmd::Forgotten if self.offers(Offer::ForgottenPin) && people > 0 => {
                Some(Overlay::Person(Who::Forgot, Pick::new(people)))
            }
            Cmd::Reprint if self.offers(Offer::Reprint) => Some(Overlay::confirm(Deed::Reprint)),
            Cmd::Exception if self.offers(Offer::Exception) => {
                Some(Overlay::confirm(Deed::Exception))
            }
            _ => None,
        }
    }

    fn answer(&mut self, cmd: &Cmd) -> Option<Input> {
        let view = self.view.as_ref()?;
        match (&view.prompt.ask, cmd) {
            (Ask::Over, Cmd::Go | Cmd::Pause) => {
                self.left = true;
                return None;
            }
            (Ask::Wait, Cmd::Pause) => {
                self.note = Some("This work is short and ends by itself; then you can pause.");
                return None;
            }
            // A key that means nothing must not end a pause, nor be taken for text.
            (_, Cmd::Nothing) => return None,
            _ => {}
        }
        let hand = self.hand_place();
        let shown = self.form.shows_secret();
        let step = self.form.key(cmd, &view.prompt, self.setup.words);
        self.wipe |= shown && (!self.form.shows_secret() || hand != self.hand_place());
        if let (Step::Leave, Form::Objection { .. }, Cmd::Go) = (&step, &self.form, cmd) {
            self.overlay = Some(Overlay::StopReason(Line::new()));
            return None;
        }
        self.follow(step)
    }

    /// Which words are shown for handwriting.
    fn hand_place(&self) -> Option<usize> {
        match &self.form {
            Form::Hand(hand) => hand.shown().map(|(from, _)| from),
            _ => None,
        }
    }

    fn follow(&mut self, step: Step) -> Option<Input> {
        match step {
            Step::Nothing => None,
            Step::Say(text) => {
                self.note = Some(text);
                None
            }
            Step::Leave if self.offers(Offer::Back) => self.send(Input::Back),
            Step::Leave => None,
            Step::Quit => {
                self.left = true;
                None
            }
            Step::Send(input) => self.send(input),
        }
    }

    fn send(&mut self, input: Input) -> Option<Input> {
        self.waiting = true;
        self.since_prompt = Duration::ZERO;
        Some(input)
    }
}

/// Whether a refusal leaves typed words worth keeping: it names positions to read again, or says that none was found.
/// Any other means that these words are not wanted here.
fn concerns_words(name: &str, prompt: &Prompt) -> bool {
    name == "share-words-unlocated" || !positions(prompt).is_empty()
}

/// The word positions that a refusal wants read again: its fact "read again", e.g. `17 22` or `word 17, word 22`.
fn positions(prompt: &Prompt) -> Vec<usize> {
    prompt
        .facts
        .iter()
        .filter(|(label, _)| label == "read again")
        .flat_map(|(_, value)| value.split(|c: char| !c.is_ascii_digit()))
        .filter_map(|number| number.parse().ok())
        .collect()
}
