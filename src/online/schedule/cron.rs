//! The syntax of a file in `/etc/cron.d`, checked strictly: cron skips a line that it doesn't understand, and a file with
//! a name that it doesn't like, and says so in a log that nobody reads.

/// What is wrong with a cron file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Cron ignores files without a line end at their end.
    #[error("the last line has no end")]
    NoEnd,
    /// This line, counted from 1.
    #[error("line {line}: {reason}")]
    Line {
        /// Which one.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Minutes, hours, days of the month, months, days of the week.
const RANGES: [(u8, u8); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];

/// Checks the file's text. Understood are comments, `NAME=value`, five fields of numbers, `*`, ranges, lists and steps,
/// `@reboot`, and behind them a user and a command without `%`, which cron would turn into a line end.
///
/// # Errors
/// [`CronFault`] with the first line that cron would skip or misread.
pub fn check(text: &str) -> Result<(), CronFault> {
    // Not `lines`: it takes a carriage return away, which cron would hand to the command.
    let lines = text.strip_suffix('\n').ok_or(CronFault::NoEnd)?;
    for (index, line) in lines.split('\n').enumerate() {
        check_line(line).map_err(|reason| CronFault::Line {
            line: index + 1,
            reason,
        })?;
    }
    Ok(())
}

fn check_line(line: &str) -> Result<(), &'static str> {
    // The length that Debian's cron takes, of a command and of a setting.
    if line.len() > 998 {
        return Err("it is longer than cron reads");
    }
    if line
        .bytes()
        .any(|b| b != b'\t' && !(b' '..=b'~').contains(&b))
    {
        return Err("it holds a character that is not printable ASCII");
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    if line.trim() != line {
        return Err("blanks stand at its ends");
    }
    if let Some((name, _)) = line.split_once('=')
        && !name.contains([' ', '\t', '@', '*'])
    {
        let valid = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        return if !name.is_empty()
            && name.bytes().all(valid)
            && !name.as_bytes()[0].is_ascii_digit()
        {
            Ok(())
        } else {
            Err("the name of the setting is none")
        };
    }
    let mut words = line.split_ascii_whitespace();
    if line.starts_with('@') {
        if words.next() != Some("@reboot") {
            return Err("the time is none");
        }
    } else {
        for range in RANGES {
            field(words.next().ok_or("a field is missing")?, range)?;
        }
    }
    let user = words.next().ok_or("the user is missing")?;
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    if !user.bytes().all(valid) || !user.as_bytes()[0].is_ascii_lowercase() {
        return Err("the user is none");
    }
    let command: Vec<_> = words.collect();
    if command.is_empty() {
        return Err("the command is missing");
    }
    if line.contains('%') {
        return Err("a % is a line end to cron");
    }
    Ok(())
}

fn field(text: &str, (low, high): (u8, u8)) -> Result<(), &'static str> {
    let number = |digits: &str| {
        let fits = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits
            .parse::<u8>()
            .ok()
            .filter(|n| fits && (low..=high).contains(n))
            .ok_or("a number of a field is out of its range")
    };
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        if let Some(step) = step
            && !step
                .parse::<u8>()
                .is_ok_and(|step| (1..=high).contains(&step))
        {
            return Err("a step is none");
        }
        if range == "*" {
            continue;
        }
        match range.split_once('-') {
            Some((from, to)) if number(from)? <= number(to)? => {}
            Some(_) => return Err("a range runs backwards"),
            None if step.is_some() => return Err("a step has no range"),
            None => {
                number(range)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_requirements_are_cron() {
        let text = "# Hot\nSHELL=/bin/sh\n\n0 */6 * * * root /opt/x hot\n0 2 * * * root /opt/x\n\
                    0 3 * * 0 root /opt/x weekly\n0 4 1 * * root /opt/x\n@reboot root /opt/x\n\
                    0-30/5,45 0,12 1-7 1 7 root [ -e /x ] && /opt/x\n";
        assert_eq!(check(text), Ok(()));
    }

    #[test]
    fn each_fault_is_named() {
        for (line, reason) in [
            (
                "60 * * * * root x",
                "a number of a field is out of its range",
            ),
            (
                "* 24 * * * root x",
                "a number of a field is out of its range",
            ),
            (
                "* * 0 * * root x",
                "a number of a field is out of its range",
            ),
            (
                "* * * 13 * root x",
                "a number of a field is out of its range",
            ),
            (
                "* * * * 8 root x",
                "a number of a field is out of its range",
            ),
            (
                "* * * * -1 root x",
                "a number of a field is out of its range",
            ),
            (
                "001 * * * * root x",
                "a number of a field is out of its range",
            ),
            (
                "+1 * * * * root x",
                "a number of a field is out of its range",
            ),
            (
                "1, * * * * root x",
                "a number of a field is out of its range",
            ),
            ("*/0 * * * * root x", "a step is none"),
            ("*/x * * * * root x", "a step is none"),
            ("5/2 * * * * root x", "a step has no range"),
            ("9-3 * * * * root x", "a range runs backwards"),
            ("0 2 * *", "a field is missing"),
            ("0 2 * * *", "the user is missing"),
            ("0 2 * * * root", "the command is missing"),
            ("0 2 * * * /opt/x y", "the user is none"),
            ("0 2 * * * root date +%s", "a % is a line end to cron"),
            ("@hourly root x", "the time is none"),
            (" 0 2 * * * root x", "blanks stand at its ends"),
            (
                "0 2 * * * root x\u{e9}",
                "it holds a character that is not printable ASCII",
            ),
            (
                "0 2 * * * root x\r",
                "it holds a character that is not printable ASCII",
            ),
            ("a=b", "the name of the setting is none"),
        ] {
            let text = format!("# first\n{line}\n");
            assert_eq!(
                check(&text),
                Err(CronFault::Line { line: 2, reason }),
                "{line}"
            );
        }
        let long = format!("0 2 * * * root {}\n", "x".repeat(1000));
        assert!(matches!(check(&long), Err(CronFault::Line { line: 1, .. })));
        assert_eq!(check("0 2 * * * root x"), Err(CronFault::NoEnd));
        assert_eq!(check(""), Err(CronFault::NoEnd));
    }
}
