//! Manual pages and completions: there is a page for every command, and both say every flag.
#![cfg(feature = "online")]

#[path = "../examples/manuals.rs"]
mod manuals;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every command with its path of names, such as `qh-online keys list`.
fn commands(command: &clap::Command, before: &str, found: &mut Vec<(String, clap::Command)>) {
    let path = if before.is_empty() {
        command.get_name().to_owned()
    } else {
        format!("{before} {}", command.get_name())
    };
    found.push((path.clone(), command.clone()));
    for below in command
        .get_subcommands()
        .filter(|below| below.get_name() != "help" && !below.is_hide_set())
    {
        commands(below, &path, found);
    }
}

fn all() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    for mut program in manuals::programs() {
        program.build();
        commands(&program, "", &mut found);
    }
    found
}

/// Runs a program of a Debian package on a file; what it complains about.
fn complaints(package: &str, program: &str, args: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(args)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} does not run ({error}): install {package}"));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_command_has_a_page_that_tells_its_flags() {
    let dir = tempfile::tempdir().unwrap();
    manuals::write(dir.path()).unwrap();
    let commands = all();
    assert!(commands.len() >= 30, "{} commands", commands.len());
    for (path, command) in commands {
        let page = dir.path().join(format!("man/{}.1", path.replace(' ', "-")));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{path}: {error}"));
        let plain = text.replace("\\-", "-");
        assert!(
            command.get_about().is_some(),
            "{path} says nothing about itself"
        );
        for argument in command.get_arguments() {
            assert!(
                argument.is_hide_set() || argument.get_help().is_some(),
                "{path}: {} says nothing",
                argument.get_id()
            );
            if let Some(flag) = argument.get_long() {
                assert!(plain.contains(&format!("--{flag}")), "{path}: --{flag}");
            }
        }
        assert_eq!(
            complaints(
                "groff-base",
                "groff",
                &["-man", "-ww", "-Tutf8", "-z"],
                &page
            ),
            "",
            "{path}"
        );
    }
}

#[test]
fn completions_know_every_command_and_flag() {
    let dir = tempfile::tempdir().unwrap();
    manuals::write(dir.path()).unwrap();
    let commands = all();
    for program in ["qh-ceremony", "qh-online"] {
        let bash = dir.path().join(format!("completions/{program}.bash"));
        assert_eq!(complaints("bash", "bash", &["-n"], &bash), "");
        for file in [
            bash,
            dir.path().join(format!("completions/_{program}")),
            dir.path().join(format!("completions/{program}.fish")),
        ] {
            let text = fs::read_to_string(&file).unwrap();
            let own = commands
                .iter()
                .filter(|(path, _)| path.split(' ').next() == Some(program));
            for (path, command) in own {
                let name = path.rsplit(' ').next().unwrap();
                assert!(text.contains(name), "{}: {path}", file.display());
                for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                    assert!(text.contains(flag), "{}: {path} --{flag}", file.display());
                }
            }
        }
    }
}
