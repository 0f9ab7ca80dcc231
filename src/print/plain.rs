//! A document as plain text of 80 columns, for a screen, a text printer or a diff.

use super::document::{Block, Document, column_widths};
use super::font::wrap;
use super::frame::PAPER_MARK;

const WIDTH: usize = 80;

/// The text of `document`.
pub(super) fn text(document: &Document) -> String {
    let mut out = Vec::new();
    if document.rehearsal {
        out.extend([format!("*** {PAPER_MARK} ***"), String::new()]);
    }
    out.extend(wrap(&document.title, WIDTH));
    out.push("=".repeat(document.title.chars().count().min(WIDTH)));
    if !document.subtitle.is_empty() {
        out.extend(wrap(&document.subtitle, WIDTH));
    }
    let mut before: Option<&Block> = None;
    for block in &document.blocks {
        let tight = matches!(
            (before, block),
            (Some(Block::Check(_)), Block::Check(_)) | (Some(Block::Heading(_)), _)
        );
        if !tight && *block != Block::PageBreak {
            out.push(String::new());
        }
        lines(block, &mut out);
        before = Some(block);
    }
    if !document.footer.is_empty() {
        out.extend([String::new(), "-".repeat(WIDTH)]);
        out.extend(wrap(&document.footer, WIDTH));
    }
    if document.rehearsal {
        out.extend([String::new(), format!("*** {PAPER_MARK} ***")]);
    }
    let mut text = String::new();
    for line in out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn lines(block: &Block, out: &mut Vec<String>) {
    match block {
        Block::Heading(text) => {
            out.extend(wrap(text, WIDTH));
            out.push("-".repeat(text.chars().count().min(WIDTH)));
        }
        Block::Para(text) => out.extend(wrap(text, WIDTH)),
        Block::Lines(lines) => out.extend(lines.iter().flat_map(|line| wrap(line, WIDTH))),
        Block::Check(text) => {
            for (nth, line) in wrap(text, WIDTH - 4).iter().enumerate() {
                out.push(format!("{}{line}", if nth == 0 { "[ ] " } else { "    " }));
            }
        }
        Block::Table { header, rows } => table(header, rows, out),
        Block::Sign(role) => {
            out.extend(wrap(role, WIDTH));
            out.push(String::new());
            let (name, sign, time) = ("_".repeat(17), "_".repeat(20), "_".repeat(14));
            out.push(format!("    name {name}  signature {sign}  time {time}"));
        }
        Block::Mono(lines) => {
            let fits = lines.iter().all(|line| line.chars().count() <= WIDTH - 4);
            let indent = if fits { "    " } else { "" };
            out.extend(lines.iter().map(|line| format!("{indent}{line}")));
        }
        Block::Big(lines) => {
            out.extend(
                lines
                    .iter()
                    .flat_map(|line| wrap(line, WIDTH - 4))
                    .map(|l| format!("    {l}")),
            );
        }
        Block::Warning(lines) => {
            out.extend(
                lines
                    .iter()
                    .flat_map(|line| wrap(line, WIDTH - 4))
                    .map(|l| format!("!!  {l}")),
            );
        }
        Block::Qr { text, caption } => {
            out.extend(wrap(caption, WIDTH));
            out.extend(wrap(&format!("QR code on the printed page: {text}"), WIDTH));
        }
        Block::PageBreak => {}
    }
}

fn table(header: &[String], rows: &[Vec<String>], out: &mut Vec<String>) {
    let widths = column_widths(header, rows, WIDTH);
    let row = |cells: &[String], out: &mut Vec<String>| {
        let cells: Vec<Vec<String>> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| wrap(cell, *width))
            .collect();
        for nth in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                let part = cell.get(nth).map_or("", String::as_str);
                line.push_str(part);
                line.push_str(&" ".repeat(width + 2 - part.chars().count().min(*width)));
            }
            out.push(line);
        }
    };
    if !header.is_empty() {
        row(header, out);
        let line: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        out.push(line.join("  "));
    }
    rows.iter().for_each(|cells| row(cells, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(blocks: Vec<Block>, rehearsal: bool) -> String {
        Document {
            title: "Back up the validator's keys".to_owned(),
            subtitle: "key-backup, version 1".to_owned(),
            footer: "BR-2026-11-22-01".to_owned(),
            rehearsal,
            blocks,
        }
        .text()
    }

    #[test]
    fn the_text_version_reads_like_the_paper() {
        let own = |text: &str| text.to_owned();
        let text = text_of(
            vec![
                Block::Heading(own("6 Split")),
                Block::Para(own(
                    "Split the secret into five shares; any three bring it back.",
                )),
                Block::Check(own(
                    "Each sheet is read back, compared, and laid on the table face down by its custodian.",
                )),
                Block::Check(own("No sheet is left over.")),
                Block::Table {
                    header: vec![own("sheet"), own("state")],
                    rows: vec![vec![own("1"), own("handed over")], vec![own("2")]],
                },
                Block::Mono(vec![own("age -d backup.age")]),
                Block::Sign(own("Witness")),
            ],
            true,
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn no_line_is_longer_than_80_columns_and_no_word_is_lost() {
        let long = "0123456789 ".repeat(30);
        let cells = vec![long.clone(), "f".repeat(200), long.clone()];
        let text = text_of(
            vec![
                Block::Para(long.clone()),
                Block::Check(long.clone()),
                Block::Lines(vec![long.clone()]),
                Block::Table {
                    header: cells.clone(),
                    rows: vec![cells.clone()],
                },
                Block::Sign(long.clone()),
                Block::Qr {
                    text: "a".repeat(300),
                    caption: long.clone(),
                },
                Block::Big(vec![long.clone()]),
                Block::Warning(vec![long.clone()]),
            ],
            false,
        );
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{longest:?}\n{text}");
        assert!(text.matches('f').count() >= 400 && text.matches('a').count() >= 300);
        assert!(text.ends_with("BR-2026-11-22-01\n"));
    }

    #[test]
    fn a_program_keeps_its_long_lines() {
        let line = "x".repeat(120);
        let text = text_of(vec![Block::Mono(vec![line.clone()])], false);
        assert!(text.lines().any(|own| own == line));
    }
}
