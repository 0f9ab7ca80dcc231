//! Whether a picture has so many marks like a code's corner that looking for codes would not end.
//!
//! The first decoder tries marks three by three, each time on a copy of the picture: on noise it takes hours. A picture of
//! sheets has three marks a sheet and a few by chance. Counting them first is linear in the picture's size.

/// More marks than this and a picture is not searched.
pub(super) const MOST_MARKS: usize = 48;

/// Whether there are more than [`MOST_MARKS`] marks: dark and light in the proportion 1:1:3:1:1, along a row and along the
/// column through its middle (ISO/IEC 18004, 6.3.3).
pub(super) fn too_many_marks(
    width: usize,
    height: usize,
    dark: impl Fn(usize, usize) -> bool,
) -> bool {
    let mut marks: Vec<(usize, usize, usize)> = Vec::new();
    // A mark's core is three modules high: every second row meets it.
    for y in (0..height).step_by(2) {
        let mut runs = [0_usize; 5];
        let mut start = 0;
        let mut ink = width > 0 && dark(0, y);
        for x in 1..=width {
            let was = ink;
            if x < width {
                ink = dark(x, y);
                if ink == was {
                    continue;
                }
            }
            runs.rotate_left(1);
            runs[4] = x - start;
            start = x;
            if !was || !proportion(runs) {
                continue;
            }
            let size: usize = runs.iter().sum();
            let middle = x - runs[4] - runs[3] - runs[2] / 2 - 1;
            let near = |mark: &(usize, usize, usize)| {
                let reach = mark.2.max(size);
                mark.0.abs_diff(middle) < reach && mark.1.abs_diff(y) < reach
            };
            // The latest marks are the nearest: rows through one mark follow each other.
            if marks.iter().rev().any(near) {
                continue;
            }
            if column(middle, y, size, height, &dark) {
                marks.push((middle, y, size));
                if marks.len() > MOST_MARKS {
                    return true;
                }
            }
        }
    }
    false
}

/// Whether five runs are about 1:1:3:1:1, as tolerant as the decoder.
fn proportion(runs: [usize; 5]) -> bool {
    let unit = (runs[0] + runs[1] + runs[3] + runs[4]) / 4;
    let slack = unit * 3 / 4;
    let expected = [unit, unit, 3 * unit, unit, unit];
    unit > 0
        && runs
            .iter()
            .zip(expected)
            .all(|(run, expected)| run.abs_diff(expected) <= slack)
}

/// Whether the column through a row's mark has the proportion too. At most `size` pixels are looked at each way.
fn column(
    x: usize,
    y: usize,
    size: usize,
    height: usize,
    dark: &impl Fn(usize, usize) -> bool,
) -> bool {
    let mut runs = [0_usize; 5];
    let up = (0..=y).rev().take(size);
    let down = (y + 1..height).take(size);
    let (mut at, mut ink) = (2, true);
    for row in up {
        if dark(x, row) != ink {
            if at == 0 {
                break;
            }
            (at, ink) = (at - 1, !ink);
        }
        runs[at] += 1;
    }
    let (mut at, mut ink) = (2, true);
    for row in down {
        if dark(x, row) != ink {
            if at == 4 {
                break;
            }
            (at, ink) = (at + 1, !ink);
        }
        runs[at] += 1;
    }
    proportion(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` by `count` corner marks with modules of 2 pixels.
    fn marks(count: usize) -> impl Fn(usize, usize) -> bool {
        move |x, y| {
            let (column, row) = (x / 18, y / 18);
            let (x, y) = (x % 18 / 2, y % 18 / 2);
            let ring = x == 0 || y == 0 || x == 6 || y == 6;
            let core = (2..5).contains(&x) && (2..5).contains(&y);
            column < count && row < count && x < 7 && y < 7 && (ring || core)
        }
    }

    #[test]
    fn each_mark_counts_once() {
        assert!(!too_many_marks(200, 200, marks(6)), "36 are not too many");
        assert!(too_many_marks(200, 200, marks(7)), "49 are");
    }

    #[test]
    fn stripes_and_empty_pictures_have_no_marks() {
        assert!(!too_many_marks(300, 300, |_, _| false));
        assert!(!too_many_marks(300, 300, |_, _| true));
        assert!(!too_many_marks(300, 300, |x, _| x % 2 == 0));
        assert!(!too_many_marks(0, 0, |_, _| true));
    }
}
