//! The list of this process's memory, `/proc/self/maps`.

/// One line of `/proc/self/maps`, proc_pid_maps(5).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping<'t> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) readable: bool,
    pub(super) name: &'t str,
}

impl<'t> Mapping<'t> {
    pub(super) fn parse(line: &'t str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let start = u64::from_str_radix(start, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        let permissions = fields.next().filter(|text| text.len() == 4)?;
        let name = fields.nth(3).unwrap_or_default().trim();
        (start < end).then_some(Self {
            start,
            end,
            readable: permissions.starts_with('r'),
            name: if name.is_empty() { "anonymous" } else { name },
        })
    }

    /// Pages that the kernel puts there, and that the program can't write.
    pub(super) fn of_the_kernel(&self) -> bool {
        self.name.starts_with("[vvar")
            || self.name.starts_with("[vdso")
            || self.name == "[vsyscall]"
    }
}

/// `all` without `hole`: at most two parts.
pub(super) fn without(
    all: std::ops::Range<u64>,
    hole: std::ops::Range<u64>,
) -> impl Iterator<Item = (u64, u64)> {
    let before = (all.start, all.end.min(hole.start));
    let after = (all.start.max(hole.end), all.end);
    let apart = hole.end <= all.start || hole.start >= all.end;
    let parts = if apart {
        [(all.start, all.end), (0, 0)]
    } else {
        [before, after]
    };
    parts.into_iter().filter(|(start, end)| start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_from_their_lines() {
        let heap =
            "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(
            Mapping::parse(heap),
            Some(Mapping {
                start: 0x55d0_c0a0_0000,
                end: 0x55d0_c0a2_1000,
                readable: true,
                name: "[heap]"
            })
        );
        let file = "7f00-7f01 ---p 00000000 fe:00 42    /usr/lib/with a space.so";
        let file = Mapping::parse(file).unwrap();
        assert!(!file.readable);
        assert_eq!(file.name, "/usr/lib/with a space.so");
        assert_eq!(
            Mapping::parse("7f00-7f01 rw-p 00000000 00:00 0")
                .unwrap()
                .name,
            "anonymous"
        );
        for line in [
            "",
            "7f00 rw-p 0 0 0",
            "zz-7f rw-p 0 0 0",
            "7f01-7f00 rw-p 0 0 0",
            "7f00-7f01 rw 0 0 0",
        ] {
            assert_eq!(Mapping::parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_hole_is_cut_out() {
        let cut = |all, hole| without(all, hole).collect::<Vec<_>>();
        assert_eq!(cut(10..20, 0..5), [(10, 20)]);
        assert_eq!(cut(10..20, 20..25), [(10, 20)]);
        assert_eq!(cut(10..20, 12..15), [(10, 12), (15, 20)]);
        assert_eq!(cut(10..20, 5..15), [(15, 20)]);
        assert_eq!(cut(10..20, 15..30), [(10, 15)]);
        assert_eq!(cut(10..20, 5..30), []);
    }
}
