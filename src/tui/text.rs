//! Text for a Linux console: only glyphs of its built-in font (code page 437), wrapped by words. Each such glyph is
//! one cell wide, so a count of characters is a width.

/// The printable glyphs of code page 437 beyond ASCII.
const BEYOND_ASCII: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■";

/// Whether the console's font has `c`.
pub fn has_glyph(c: char) -> bool {
    matches!(c, ' '..='~') || BEYOND_ASCII.contains(c)
}

/// `text` with what the font lacks replaced: typographic marks by their plain kin, anything else by `?`.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if has_glyph(c) => clean.push(c),
            '\t' | '\u{a0}' | '\u{202f}' => clean.push(' '),
            '\u{2018}' | '\u{2019}' => clean.push('\''),
            '\u{201c}' | '\u{201d}' => clean.push('"'),
            '\u{2010}'..='\u{2015}' => clean.push('-'),
            '\u{2026}' => clean.push_str("..."),
            _ => clean.push('?'),
        }
    }
    clean
}

/// `text`, cleaned, in lines of at most `width` glyphs, broken at spaces; a longer word is broken anywhere. Line ends
/// of `text` stay. Never empty.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let paragraph = clean(paragraph.trim_end_matches('\r'));
        let mut line = String::new();
        let mut length = 0;
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let size = word.chars().count();
            if length > 0 && length + 1 + size > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            for c in word.chars() {
                if length == width {
                    lines.push(std::mem::take(&mut line));
                    length = 0;
                }
                line.push(c);
                length += 1;
            }
        }
        lines.push(line);
    }
    lines
}

/// Label and value, the values one under the other; with long labels each value stands under its label instead.
pub fn facts(facts: &[(String, String)], width: usize) -> Vec<String> {
    let longest = facts
        .iter()
        .map(|(label, _)| clean(label).chars().count())
        .max()
        .unwrap_or(0);
    let aligned = longest + 2 <= width * 2 / 5;
    let column = if aligned { longest + 2 } else { 2 };
    let mut lines = Vec::new();
    for (label, value) in facts {
        let mut values = wrap(value, width.saturating_sub(column)).into_iter();
        if aligned {
            let first = values.next().unwrap_or_default();
            lines.push(format!("{:column$}{first}", clean(label)));
        } else {
            lines.extend(wrap(label, width));
        }
        lines.extend(values.map(|value| format!("{:column$}{value}", "")));
    }
    lines
}

/// `seconds` as `0:07` or `12:05`.
pub fn minutes(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Date and time of day of `time` (UTC seconds) `offset` seconds east, as year, month, day, hour, minute; the epoch's
/// for a time that no calendar has.
fn calendar(time: i64, offset: i32) -> jiff::civil::DateTime {
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    let offset = jiff::tz::Offset::from_seconds(offset).unwrap_or(jiff::tz::Offset::UTC);
    offset.to_datetime(time)
}

/// `14:32`.
pub fn time_of_day(time: i64, offset: i32) -> String {
    let at = calendar(time, offset);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// `2026-11-22`.
pub fn date(time: i64, offset: i32) -> String {
    calendar(time, offset).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_font_lacks_is_replaced() {
        assert_eq!(
            clean("“Zürich” – it’s…\t\u{1b}[2J 日"),
            "\"Zürich\" - it's... ?[2J ?"
        );
        assert!(clean("ë \u{0} \u{7f} \u{9b} ➜ ✓").chars().all(has_glyph));
        // 0xff is the blank that does not break.
        assert_eq!(BEYOND_ASCII.chars().count(), 0xff - 0x80);
    }

    #[test]
    fn lines_break_at_spaces_and_keep_to_the_width() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("one two", 7), ["one two"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn facts_stand_one_under_the_other() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let sets = [
            pair("this sheet", "set 4F2A 91C0 77D3"),
            pair("backup", "set 88B1 02AE 5C19"),
        ];
        assert_eq!(
            facts(&sets, 44),
            [
                "this sheet  set 4F2A 91C0 77D3",
                "backup      set 88B1 02AE 5C19"
            ]
        );
        let long = [pair("the label of this fact is long", "88B1 02AE")];
        assert_eq!(
            facts(&long, 44),
            ["the label of this fact is long", "  88B1 02AE"]
        );
        let hash = [pair("hash", "88b1 02ae 5c19 88b1 02ae")];
        assert_eq!(
            facts(&hash, 21),
            ["hash  88b1 02ae 5c19", "      88b1 02ae"]
        );
    }

    #[test]
    fn times_are_utc_and_local() {
        assert_eq!(time_of_day(1_795_357_920, 0), "14:32");
        assert_eq!(time_of_day(1_795_357_920, 3600), "15:32");
        assert_eq!(date(1_795_357_920, 0), "2026-11-22");
        assert_eq!(date(1_795_357_920, 36000), "2026-11-23");
        assert_eq!(time_of_day(i64::MAX, 0), "00:00");
        assert_eq!((minutes(7), minutes(725)), ("0:07".into(), "12:05".into()));
    }
}
