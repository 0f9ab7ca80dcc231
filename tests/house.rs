//! The rules of the house: which way imports run, what the program may be made of, and how files are kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each room and what it may import, besides itself.
const ROOMS: [(&str, &[&str]); 17] = [
    ("ceremony", &[]),
    ("refusal", &[]),
    ("files", &["ceremony", "refusal"]),
    ("secret", &["refusal"]),
    ("share", &LEAVES),
    ("vault", &LEAVES),
    ("transcript", &LEAVES),
    ("device", &LEAVES),
    ("print", &LEAVES),
    ("hsm", &["secret", "refusal"]),
    ("pkcs11", &["hsm", "secret", "refusal"]),
    ("tui", &["ceremony", "secret", "refusal"]),
    (
        "run",
        &[
            "ceremony",
            "files",
            "secret",
            "refusal",
            "share",
            "vault",
            "transcript",
            "device",
            "print",
            "hsm",
        ],
    ),
    (
        "online",
        &[
            "ceremony",
            "files",
            "secret",
            "refusal",
            "vault",
            "transcript",
            "print",
        ],
    ),
    ("engines", &["online", "transcript"]),
    ("cli", &ALL),
    ("main", &ALL),
];
const LEAVES: [&str; 8] = [
    "secret",
    "refusal",
    "share",
    "vault",
    "transcript",
    "device",
    "print",
    "hsm",
];
const ALL: [&str; 14] = [
    "ceremony",
    "files",
    "online",
    "secret",
    "refusal",
    "share",
    "vault",
    "transcript",
    "device",
    "print",
    "hsm",
    "tui",
    "run",
    "cli",
];

/// Files that may hold `unsafe`, each with the reason in its head.
/// `cryptoki` offers initialisation arguments, and one mechanism, by unsafe code alone. In `qh-pkcs11`, not in `qh-ceremony`.
const UNSAFE_ALLOWED: [&str; 1] = ["src/pkcs11/raw.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a directory, with their text.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Code alone, without lines that are comments.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The room of `src/ROOM/..` or `src/ROOM.rs`.
fn room(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// First names after each `crate::`, through braces too: `crate::{a::b, c}` gives a and c.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for start in ["crate::", "super::super::", "qh_ceremony::"] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let mut depth = 1;
                let mut begins = true;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' => begins = true,
                        c if c.is_whitespace() => {}
                        _ if depth == 1 && begins => {
                            found.insert(word(&group[index..]));
                            begins = false;
                        }
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            } else {
                found.insert(word(rest));
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn imports_are_read_from_code() {
    let code = "use crate::share::Quorum;\nuse crate::{\n    vault::{self, x},\n    run,\n};\nfn f() { crate::print::g() }";
    let found: Vec<_> = imports(code).into_iter().collect();
    assert_eq!(found, ["print", "run", "share", "vault"]);
}

#[test]
fn imports_run_one_way() {
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let own = room(&path);
        if own == "lib" || own == "bin" {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == own) else {
            wrong.push(format!("{} is in no room of this test", path.display()));
            continue;
        };
        for import in imports(&code(&text)) {
            if rooms.contains(import.as_str())
                && import != own
                && !allowed.contains(&import.as_str())
            {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn no_network_crate_is_in_the_program() {
    let deny: toml::Table = fs::read_to_string(root().join("deny.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let denied: BTreeSet<&str> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["crate"].as_str().unwrap())
        .collect();
    for known in ["tokio", "socket2", "hyper", "rustls", "libp2p"] {
        assert!(denied.contains(known), "deny.toml does not name {known}");
    }
    let output = Command::new(env!("CARGO"))
        .args([
            "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
        ])
        .args(["--target", "x86_64-unknown-linux-gnu", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        crates.contains("zeroize"),
        "cargo tree was not understood: {tree}"
    );
    let inside: Vec<_> = crates.intersection(&denied).collect();
    assert!(
        inside.is_empty(),
        "network crates in the program: {inside:?}"
    );
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (mut inside, mut reason) = (false, false);
    let mut bare = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            reason = false;
        } else if line.trim().is_empty() {
            reason = false;
        } else if line.starts_with('#') {
            reason = true;
        } else if inside && line.contains('=') && !reason && !line.contains(" # ") {
            bare.push(line);
        }
    }
    assert!(
        bare.is_empty(),
        "dependencies without a reason above or beside: {bare:#?}"
    );
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = sources("src")
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "files of more than 500 lines: {long:?}");
}

#[test]
fn nothing_is_unsafe() {
    let allowed: BTreeSet<&Path> = UNSAFE_ALLOWED.iter().map(Path::new).collect();
    let unsafe_files: Vec<_> = sources("src")
        .into_iter()
        .filter(|(path, _)| !allowed.contains(path.as_path()))
        .filter(|(_, text)| code(text).replace("unsafe_code", "").contains("unsafe"))
        .map(|(path, _)| path)
        .collect();
    assert!(unsafe_files.is_empty(), "unsafe code in {unsafe_files:?}");
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.contains("#![deny(unsafe_code, missing_docs)]"));
}

#[test]
fn the_readme_names_both_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md exists");
    for command in [
        "cargo run --release -- rehearse",
        "rehearse --auto --out DIR",
        "tests/run",
    ] {
        assert!(
            readme.contains(command),
            "README.md does not name {command}"
        );
    }
}

/// Each relative link of the documents leads to a file, and to a heading of it where it names one.
#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for name in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        documents.push(root().join(name));
    }
    let mut dead = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => document.clone(),
                file => document.with_file_name(file),
            };
            let found = fs::read_to_string(&path).is_ok_and(|text| {
                heading.is_empty()
                    || text
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading)
            });
            if !found {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert_eq!(dead, [""; 0]);
}

/// The anchor of a heading, as forges make it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn the_licences_are_there() {
    for (file, says) in [
        ("LICENSE-MIT", "MIT License"),
        ("LICENSE-APACHE", "Apache License"),
    ] {
        assert!(
            fs::read_to_string(root().join(file))
                .unwrap()
                .contains(says)
        );
    }
}
