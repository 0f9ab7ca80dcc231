use super::*;
use crate::ceremony::policy::Label;
use crate::ceremony::prompt::Way;
use crate::secret::SecretText;
use crate::tui::terminal::wipe;

/// The same buffer, whatever was typed: cells, colours, and where the cursor stands.
fn same_drawing(view: &View, first: &str, second: &str) {
    let drawing = |typed: &str| {
        let mut app = app(view.clone());
        assert!(press(&mut app, typed).is_empty());
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a test backend");
        terminal
            .draw(|frame| screen::draw(frame, &app))
            .expect("a test backend never fails");
        let cursor = terminal
            .get_cursor_position()
            .expect("a test backend never fails");
        (terminal.backend().buffer().clone(), cursor)
    };
    assert!(
        drawing(first) == drawing(second),
        "a difference shows for {}",
        view.prompt.key
    );
}

#[test]
fn a_pin_shows_nothing_not_even_its_length() {
    for view in [
        sample("new-pin"),
        samples::sign(&[Label::witness()], &[]),
        sample("password"),
    ] {
        same_drawing(&view, "123456", "12345678");
        same_drawing(&view, "123456", "");
    }
    same_drawing(&sample("new-pin"), "123456\r123456", "98765432\r1");
    same_drawing(&samples::sign(&[], &[]), "2\r123456", "2\r98765432");
    same_drawing(&sample("objection"), "\r123456", "\r12345678");
    same_drawing(&sample("ready"), "n2\r123456", "n2\r12345678");
    same_drawing(&samples::read_share(&[Way::Scanner]), "QHS1ABCDEF", "");
    same_drawing(&sample("dice"), "123", "456");
}

/// Every word of the typed or shown share that stands in a buffer.
fn words_in(buffer: &Buffer, words: &[&str]) -> Vec<String> {
    let text = lines(buffer);
    let found = words.iter().filter(|word| text.contains(**word));
    found.map(|word| (*word).to_owned()).collect()
}

/// Draws, leaves by `leave`, wipes as the loop does; then no cell of either buffer or of the terminal holds a word.
fn gone_after(mut app: App, words: &[&str], leave: impl FnOnce(&mut App)) {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a test backend");
    let draw = |terminal: &mut Terminal<TestBackend>, app: &App| {
        terminal
            .draw(|frame| screen::draw(frame, app))
            .expect("a test backend never fails");
    };
    // Twice, so that both buffers have held it.
    draw(&mut terminal, &app);
    draw(&mut terminal, &app);
    assert!(
        !words_in(terminal.backend().buffer(), words).is_empty(),
        "the secret was shown"
    );
    assert!(!app.take_wipe());
    leave(&mut app);
    assert!(app.take_wipe(), "leaving asks for a wipe");
    wipe(&mut terminal).expect("a test backend never fails");
    for _ in 0..2 {
        let blank = terminal
            .current_buffer_mut()
            .content
            .iter()
            .all(|cell| cell.symbol() == " ");
        assert!(blank, "a cell is not overwritten");
        terminal.swap_buffers();
    }
    assert!(
        terminal
            .backend()
            .buffer()
            .content
            .iter()
            .all(|cell| cell.symbol() == " ")
    );
    draw(&mut terminal, &app);
    assert_eq!(
        words_in(terminal.backend().buffer(), words),
        Vec::<String>::new()
    );
}

fn typing_words() -> App {
    let mut app = app(samples::read_share(&[Way::Words, Way::Scanner]));
    press(&mut app, "\rabandon zoo robo");
    app
}

fn handwriting() -> (App, Vec<&'static str>) {
    let mut app = app(sample("handwrite"));
    assert!(matches!(one(&mut app, "\r"), Input::Reveal { key } if key == "sheets.2.write"));
    let words = setup().words[500..536].to_vec();
    app.reveal(SecretText::new(words.join(" ")));
    (app, words)
}

#[test]
fn typed_words_are_gone_when_left() {
    let words = ["robot", "roast", "robust"];
    gone_after(typing_words(), &words, |app| {
        press(app, ESC);
        press(app, ESC);
    });
    gone_after(typing_words(), &words, |app| {
        press(app, F3);
    });
    gone_after(typing_words(), &words, |app| {
        press(app, F1);
    });
    gone_after(typing_words(), &words, |app| app.show(sample("paused")));
}

#[test]
fn a_finished_word_is_hidden() {
    let mut app = typing_words();
    let text = drawn(&mut app);
    assert!(!text.contains("abandon") && !text.contains("zoo"), "{text}");
    assert!(text.contains("1 ********"), "{text}");
}

#[test]
fn words_for_handwriting_are_gone_when_left() {
    for leave in ["\r", "\x7f", ESC, "q", "n", "?"] {
        let (app, words) = handwriting();
        let shown: Vec<_> = words[..4].to_vec();
        // One group back from the first is the first again.
        if leave != "\x7f" {
            gone_after(app, &shown, |app| {
                press(app, leave);
            });
        }
    }
    let (app, words) = handwriting();
    gone_after(app, &words, |app| app.show(sample("ready")));
    // Cells that a smaller screen has no place for are overwritten before they go.
    let (mut app, _) = handwriting();
    app.resize(Size::new(60, 20));
    assert!(app.take_wipe());
}

#[test]
fn only_four_words_stand_at_a_time() {
    let (mut app, words) = handwriting();
    for group in words.chunks(4) {
        let text = drawn(&mut app);
        for word in &words {
            let stands = text.contains(&format!("  {word} "));
            assert_eq!(stands, group.contains(word), "{word}");
        }
        assert!(press(&mut app, "\r").is_empty());
    }
    assert!(drawn(&mut app).contains("I have written all 36 words"));
    match one(&mut app, "\r") {
        Input::Answer { key, value } => {
            assert_eq!((key.as_str(), value.as_str()), ("sheets.2.write", "done"));
        }
        _ => panic!("the writing is answered"),
    }
    assert!(!app.form.shows_secret());
}

#[test]
fn hidden_words_are_asked_for_anew() {
    let (mut app, _) = handwriting();
    press(&mut app, ESC);
    assert!(drawn(&mut app).contains("Show the first four words"));
    assert!(matches!(one(&mut app, "\r"), Input::Reveal { .. }));
}

#[test]
fn words_that_nobody_asked_for_are_not_shown() {
    let mut app = app(sample("ready"));
    app.reveal(SecretText::new(setup().words[500..536].join(" ")));
    assert_eq!(
        words_in(&draw(&mut app, 80, 24), &setup().words[500..536]),
        Vec::<String>::new()
    );
}
