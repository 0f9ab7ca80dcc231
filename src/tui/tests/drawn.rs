use super::*;
use crate::ceremony::prompt::{Ask, Way};
use crate::ceremony::view::Mark;
use crate::tui::text::has_glyph;
use ratatui::style::Color;
use std::time::Duration;

fn snap(name: &str, app: &mut App) {
    insta::assert_snapshot!(format!("{name}-80x24"), lines(&draw(app, 80, 24)));
    insta::assert_snapshot!(format!("{name}-120x40"), lines(&draw(app, 120, 40)));
}

#[test]
fn every_prompt() {
    for (name, view) in samples::all() {
        snap(name, &mut app(view));
    }
}

#[test]
fn help_menus_and_objection() {
    snap("help", &mut {
        let mut app = app(sample("ready"));
        press(&mut app, "?");
        app
    });
    for (name, keys) in [
        ("menu", "q".to_owned()),
        ("leave-confirm", format!("q{DOWN}{DOWN}\r")),
        (
            "stop-reason",
            format!("q{DOWN}{DOWN}{DOWN}\rthe printer burnt"),
        ),
        (
            "stop-confirm",
            format!("q{DOWN}{DOWN}{DOWN}\rthe printer burnt\r"),
        ),
        ("object-who", "n".to_owned()),
        ("object-pin", "n2\r".to_owned()),
        ("object-reason", "n2\r123456\r".to_owned()),
    ] {
        let mut app = app(sample("ready"));
        assert!(press(&mut app, &keys).is_empty());
        snap(name, &mut app);
    }
    let mut app = app(samples::read_share(&[Way::Scanner, Way::Words]));
    press(&mut app, "r");
    snap("reprint-confirm", &mut app);
}

#[test]
fn no_line_of_the_words_is_cut() {
    for letters in [
        "",
        "s",
        "st",
        "sta",
        "sun",
        "act",
        "zoo",
        "abandon \x1b[A",
        "disagree",
    ] {
        let mut app = app(samples::read_share(&[Way::Words]));
        press(&mut app, letters);
        draw(&mut app, 80, 24);
        let (widest, room) = screen::widest(&app);
        assert!(widest <= room, "{letters}: a line of {widest} in {room}");
        assert!(!drawn(&mut app).contains("more below: PgDn"), "{letters}");
    }
}

#[test]
fn words_being_typed() {
    let mut app = app(samples::read_share(&[Way::Words]));
    snap("words-first", &mut app);
    press(&mut app, "abandon zoo  ro");
    snap("words-completions", &mut app);
    press(&mut app, "bo");
    snap("words-unique", &mut app);
    press(&mut app, "q");
    snap("words-no-such", &mut app);
    press(&mut app, "\x7f\x7f\x7f\x7fact");
    snap("words-exact-and-longer", &mut app);
}

#[test]
fn words_being_shown() {
    let mut app = app(sample("handwrite"));
    press(&mut app, "\r");
    let words = setup().words[500..536].join(" ");
    app.reveal(crate::secret::SecretText::new(words));
    snap("hand-first", &mut app);
    press(&mut app, "\r\r\r\r\r\r\r\r");
    snap("hand-last", &mut app);
    press(&mut app, "\r");
    snap("hand-written", &mut app);
}

#[test]
fn waiting_moves_and_counts() {
    let mut app = app(sample("wait"));
    let first = drawn(&mut app);
    app.pass(Duration::from_millis(200));
    assert_ne!(first, drawn(&mut app));
    app.pass(Duration::from_secs(67));
    assert!(drawn(&mut app).contains("working, 1:07"));
    assert!(drawn(&mut app).contains("2026-11-22 14:33 UTC  15:33 local"));
}

#[test]
fn an_answer_under_way_says_so_after_a_moment() {
    let mut app = app(sample("ready"));
    one(&mut app, "\r");
    assert!(!drawn(&mut app).contains("one moment"));
    app.pass(Duration::from_secs(2));
    assert!(drawn(&mut app).contains("one moment, 0:02"));
    assert!(!drawn(&mut app).contains("? help"));
}

#[test]
fn too_small_says_so_and_recovers() {
    let mut app = app(sample("new-pin"));
    press(&mut app, "12");
    insta::assert_snapshot!("too-small-60x20", lines(&draw(&mut app, 60, 20)));
    assert!(lines(&draw(&mut app, 79, 24)).contains("79 columns and 24 rows"));
    assert!(lines(&draw(&mut app, 80, 23)).contains("80 columns and 23 rows"));
    for (width, height) in [(1, 1), (3, 2), (0, 0), (200, 5), (20, 60)] {
        draw(&mut app, width, height);
    }
    // The keyboard rests meanwhile, and what was typed stands.
    assert!(press(&mut app, "99\r").is_empty());
    assert!(drawn(&mut app).contains("The operator chooses a PIN"));
    match one(&mut app, "3456\r123456\r") {
        Input::NewPin { pin, again, .. } => {
            assert_eq!((pin.expose(), again.expose()), ("123456", "123456"));
        }
        _ => panic!("a PIN is chosen"),
    }
}

#[test]
fn only_glyphs_of_the_console_and_no_line_cut() {
    for (name, mut view) in samples::all() {
        view.prompt
            .say
            .push("Zürich – “quoted”… ✓ 日本 \u{1b}[31m\u{7}".into());
        view.prompt.facts.push(("tab\there".into(), "→ ☃".into()));
        view.people.push(("custodian".into(), "Ж".into()));
        for (width, height) in [(80, 24), (100, 30), (120, 40), (200, 60)] {
            let mut app = app(view.clone());
            for keys in ["", "?", ESC, "n", ESC, "q"] {
                press(&mut app, keys);
                let buffer = draw(&mut app, width, height);
                let (widest, room) = screen::widest(&app);
                assert!(widest <= room, "{name}: a line of {widest} in {room}");
                for cell in &buffer.content {
                    let mut glyphs = cell.symbol().chars();
                    let glyph = glyphs.next().unwrap_or(' ');
                    assert!(has_glyph(glyph), "{name}: {glyph:?} is not in the font");
                    assert_eq!(glyphs.next(), None, "{name}: one glyph a cell");
                }
            }
        }
    }
}

#[test]
fn without_colour_the_same_is_said() {
    for (name, view) in samples::all() {
        let mut coloured = app(view.clone());
        let mut plain = App::new(Setup {
            colour: false,
            ..setup()
        });
        plain.show(view);
        let (coloured, plain) = (draw(&mut coloured, 80, 24), draw(&mut plain, 80, 24));
        assert_eq!(lines(&coloured), lines(&plain), "{name}");
        for cell in &plain.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
        for cell in &coloured.content {
            assert!(
                !matches!(cell.fg, Color::Rgb(..) | Color::Indexed(_)),
                "{name}"
            );
        }
    }
}

#[test]
fn red_is_for_danger_to_keys_alone() {
    for (name, view) in samples::all() {
        let red = draw(&mut app(view), 80, 24)
            .content
            .iter()
            .any(|cell| matches!(cell.fg, Color::Red | Color::LightRed));
        assert_eq!(red, name == "handwrite", "{name}");
    }
}

#[test]
fn no_colour_is_asked_for_in_the_usual_ways() {
    use crate::tui::colour_wanted;
    let os = |text: &'static str| Some(std::ffi::OsStr::new(text));
    assert!(colour_wanted(None, os("linux")));
    assert!(colour_wanted(os(""), os("linux")));
    assert!(!colour_wanted(os("1"), os("linux")));
    assert!(!colour_wanted(None, os("dumb")));
    assert!(!colour_wanted(None, os("xterm-mono")));
    assert!(!colour_wanted(None, os("vt220-m")));
}

#[test]
fn the_rehearsal_banner_is_on_every_screen_and_only_there() {
    for (name, mut view) in samples::all() {
        view.rehearsal = true;
        let mut app = app(view.clone());
        for keys in ["", "?", ESC, "q", ESC, "n"] {
            press(&mut app, keys);
            let text = drawn(&mut app);
            assert!(
                text.starts_with(" REHEARSAL - nothing here is real "),
                "{name}"
            );
            assert!(
                text.contains("head: ozone pill grain cat fox lid"),
                "{name}"
            );
        }
        view.rehearsal = false;
        assert!(
            !drawn(&mut super::app(view)).contains("REHEARSAL"),
            "{name}"
        );
    }
}

#[test]
fn the_head_and_the_name_stand_whole_beside_a_long_title() {
    let mut view = sample("ready");
    view.title = "Annual verification of the validator's keys".into();
    view.head = "abstract absolute accident announce attitude baseball".into();
    let text = drawn(&mut app(view));
    assert!(text.contains("head: abstract absolute accident announce attitude baseball"));
    assert!(text.contains("BR-2026-11-22-01"));
}

#[test]
fn the_checklist_keeps_the_current_step_in_sight() {
    let mut view = sample("ready");
    for item in &mut view.checklist {
        item.parts.clear();
        item.mark = Mark::Done;
    }
    view.checklist[10].mark = Mark::Current;
    view.checklist[10].parts = (1..=30)
        .map(|n| (Mark::ToCome, format!("custodian {n}")))
        .collect();
    for current in [0, 15, 29] {
        let mut view = view.clone();
        view.checklist[10].parts[current].0 = Mark::Current;
        let wanted = format!("[>] custodian {} ", current + 1);
        let text = drawn(&mut app(view));
        assert!(text.contains(&wanted), "{wanted} is out of sight:\n{text}");
    }
}

#[test]
fn more_text_is_announced_and_scrolls() {
    let mut app = app(sample("long"));
    assert!(drawn(&mut app).contains("more below: PgDn"));
    press(&mut app, PGDN);
    assert!(drawn(&mut app).contains("more above, "));
    press(&mut app, &PGDN.repeat(20));
    let text = drawn(&mut app);
    assert!(text.contains("more above: PgUp"));
    assert!(text.contains("second  88b1 02ae"));
    // The widget stays in sight.
    assert!(text.contains("> 1 Choice 1"));
    press(&mut app, "\x1b[5~");
    assert!(drawn(&mut app).contains("below: PgUp, PgDn"));
}

#[test]
fn a_long_list_moves_with_its_cursor() {
    let mut app = app(sample("long"));
    press(&mut app, &DOWN.repeat(11));
    let text = drawn(&mut app);
    assert!(text.contains(">   Choice 12"), "{text}");
    assert!(text.contains("more above)"), "{text}");
}

#[test]
fn the_player_shows_and_takes_no_answers() {
    let mut player = App::player(setup());
    for (_, view) in samples::all() {
        player.show(view);
        assert!(press(&mut player, "\r123456\rabc\r").is_empty());
        assert!(!player.left());
    }
    assert!(drawn(&mut player).contains(" q leave"));
    press(&mut player, "q");
    assert!(player.left());
}

#[test]
fn before_the_first_view_there_is_a_screen() {
    let mut app = App::new(setup());
    assert!(drawn(&mut app).contains("One moment"));
    assert!(press(&mut app, "\rq").is_empty());
    assert!(!matches!(sample("over").prompt.ask, Ask::Wait));
}
