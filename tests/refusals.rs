//! `docs/snapshot-refusals.md` names every refusal of the rooms about snapshots, and none that there isn't.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where these refusals are made.
const PLACES: [&str; 11] = [
    "src/cli/online/snapshot",
    "src/engines",
    "src/online/alerts",
    "src/online/audit_log",
    "src/online/authorship.rs",
    "src/online/engine",
    "src/online/metrics",
    "src/online/retention",
    "src/online/schedule",
    "src/online/snapshot",
    "src/online/store",
];

/// What a refusal's name is the first argument of.
const CALLS: [&str; 3] = ["refused(", "missing(", "differs("];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(below: PathBuf) -> Vec<PathBuf> {
    if !below.is_dir() {
        return vec![below];
    }
    let entries = fs::read_dir(below).unwrap();
    entries
        .flat_map(|entry| files(entry.unwrap().path()))
        .collect()
}

/// Words of small letters with dashes between them.
fn is_name(text: &str) -> bool {
    text.contains('-')
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The names that code makes, without its tests: first arguments of calls, and what `Refuse::name` gives.
fn made(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut found = BTreeSet::new();
    for call in CALLS {
        for rest in code.split(call).skip(1) {
            let first = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            found.extend(first);
        }
    }
    for rest in code.split("fn name(&self) -> &'static str {").skip(1) {
        let body = rest.split("\n    }").next().unwrap();
        found.extend(body.split('"').skip(1).step_by(2));
    }
    found.retain(|name| is_name(name));
    found
}

#[test]
fn names_are_found_in_code() {
    let code = "refused(\n  \"a-b\",\n x) missing(\"c-d\") refused(name)\nfn name(&self) -> &'static str {\n  X => \"e-f\",\n    }\n\"g-h\" #[cfg(test)] refused(\"i-j\")";
    assert_eq!(made(code), BTreeSet::from(["a-b", "c-d", "e-f"]));
}

#[test]
fn every_refusal_about_snapshots_is_explained() {
    let page = fs::read_to_string(root().join("docs/snapshot-refusals.md")).unwrap();
    let mut explained = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let names = row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2);
        for name in names {
            assert!(is_name(name), "{name}");
            assert!(explained.insert(name), "{name} stands twice");
        }
    }
    let texts: Vec<String> = PLACES
        .iter()
        .flat_map(|place| files(root().join(place)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut real: BTreeSet<&str> = texts.iter().flat_map(|text| made(text)).collect();
    real.retain(|name| !name.starts_with("file-"));
    assert!(real.len() > 100, "{real:?}");
    let silent: Vec<_> = real.difference(&explained).collect();
    let unreal: Vec<_> = explained.difference(&real).collect();
    assert!(
        silent.is_empty() && unreal.is_empty(),
        "{silent:?} {unreal:?}"
    );
}
