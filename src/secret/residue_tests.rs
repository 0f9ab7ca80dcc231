//! The search over files that stand for memory.

use super::*;

#[test]
fn what_cannot_be_told_from_chance_is_refused() {
    let mut residue = Residue::new([3; 32]);
    let short = residue.watch("PIN", Form::Raw, b"402917").unwrap_err();
    assert_eq!(
        short.to_string(),
        "The form PIN is too short to be searched for: 6 bytes, and at least 8 are needed."
    );
    let trivial = residue.watch("zeros", Form::Raw, &[0; 32]).unwrap_err();
    assert_eq!(trivial.name(), "residue-trivial");
    assert_eq!(
        residue.watch("", Form::Raw, &[]).unwrap_err().name(),
        "residue-too-short"
    );
}

#[test]
fn every_window_passes_the_filter_and_is_known() {
    let needle: Vec<u8> = (0..48_u8).map(|n| n.wrapping_mul(37)).collect();
    let mut residue = Residue::new([3; 32]);
    residue.watch("share", Form::Raw, &needle).unwrap();
    let group = &residue.groups[&16];
    for window in needle.windows(16) {
        assert!(group.lets_pass(sieve(residue.mixers, window)));
        assert!(group.digests.contains_key(&keyed(&residue.key, window)));
    }
    assert!(!group.digests.contains_key(&keyed(&residue.key, &[1; 16])));
}

#[test]
fn a_copy_across_two_chunks_is_found_once() {
    let needle: Vec<u8> = (0..48_u8).map(|n| n.wrapping_mul(37)).collect();
    let mut residue = Residue::new([3; 32]);
    residue.watch("share", Form::Raw, &needle).unwrap();
    let mut memory = vec![0_u8; 4096];
    memory[1000..1048].copy_from_slice(&needle);
    memory[3000..3020].copy_from_slice(&needle[5..25]);
    let mapping = Mapping {
        start: 0,
        end: 4096,
        readable: true,
        name: "[heap]",
    };
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&memory, 0).unwrap();
    let mut copies = BTreeMap::new();
    // Small chunks, so that the copy lies across several of them.
    let read = residue
        .search_mapping(&file, &mapping, &mut [0; 64], &mut copies)
        .unwrap();
    assert!(read >= 4096);
    let found: Vec<_> = copies
        .iter()
        .map(|(key, (count, _))| (*key, *count))
        .collect();
    assert_eq!(found, [((1000, 0), 33), ((2995, 0), 5)]);
}

#[test]
fn a_mapping_that_cannot_be_read_is_no_absence() {
    let residue = Residue::new([3; 32]);
    let mapping = Mapping {
        start: 0,
        end: 4096,
        readable: true,
        name: "[heap]",
    };
    let file = tempfile::tempfile().unwrap();
    let cut = residue.search_mapping(&file, &mapping, &mut [0; 64], &mut BTreeMap::new());
    assert_eq!(
        cut.unwrap_err().to_string(),
        "The search is incomplete: 4096 bytes of [heap] could not be read."
    );
}
