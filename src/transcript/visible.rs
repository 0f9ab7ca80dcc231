//! Foreign text, made safe to show.
//!
//! A transcript that is being judged may have been written by an attacker. Escape sequences could repaint the
//! auditor's terminal, and bidirectional marks could reorder what he reads, so neither reaches it as such.

/// `text` with every control, bidirectional, invisible or line-separating character, and the backslash itself,
/// written as an escape (`\\`, `\u{1b}`). The result is one line, and different texts stay different.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' {
            out.push_str("\\\\");
        } else if misleads(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`visible`], and at most `limit` characters of the original; what is left out is said.
pub fn visible_short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => visible(text),
        Some((end, _)) => {
            format!(
                "{} [{} more bytes]",
                visible(&text[..end]),
                text.len() - end
            )
        }
    }
}

fn misleads(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_deceive() {
        assert_eq!(visible("Zoë, box 114"), "Zoë, box 114");
        assert_eq!(
            visible("\u{1b}[2J\r\n\u{9b}1m"),
            "\\u{1b}[2J\\u{d}\\u{a}\\u{9b}1m"
        );
        assert_eq!(
            visible("a\u{202e}b\u{200b}\u{2066}\u{feff}"),
            "a\\u{202e}b\\u{200b}\\u{2066}\\u{feff}"
        );
        assert_eq!(
            visible("\u{2028}\u{a0}\u{e0041}"),
            "\\u{2028}\\u{a0}\\u{e0041}"
        );
        assert_eq!(visible("\\u{1b}"), "\\\\u{1b}");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(visible_short("ééé", 3), "ééé");
        assert_eq!(visible_short("éééé", 3), "ééé [2 more bytes]");
    }
}
