//! The command line with files that are absent, unreadable or wrong: the exit code says which, the text names the file.
//! And the scripts, as a lawyer would ask for them.

use std::process::{Command, Stdio};

/// Exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_qh-ceremony"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("qh-ceremony starts");
    (
        output.status.code().expect("no signal"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn an_absent_file_is_exit_3_everywhere() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("out");
    let out = out.to_str().unwrap();
    let commands: [&[&str]; 11] = [
        &["transcript", "verify", "/absent"],
        &["transcript", "show", "/absent"],
        &[
            "share", "check", "--record", "/absent", "--image", "/absent",
        ],
        &["keys", "check", "/absent"],
        &["read-qr", "/absent"],
        &["script", "check", "/absent"],
        &["script", "show", "/absent"],
        &["script", "paper", "key-backup", "--pdf", "/absent/x.pdf"],
        &["format-card", "--pdf", "/absent/x.pdf"],
        &["rehearse", "/absent", "--auto", "--out", out],
        &["rehearse", "--answers", "/absent", "--out", out],
    ];
    for args in commands {
        let (code, said, refused) = run(args);
        assert_eq!(code, 3, "{args:?}\n{said}{refused}");
        assert!(
            format!("{said}{refused}").contains("/absent"),
            "{args:?}\n{said}{refused}"
        );
    }
    assert!(!std::path::Path::new(out).exists());
}

#[test]
fn scripts_are_listed_checked_shown_and_laid_out() {
    let (code, said, _) = run(&["script", "list"]);
    assert_eq!(code, 0);
    for name in [
        "key-backup",
        "key-recovery",
        "annual-verification",
        "share-check",
    ] {
        assert!(said.contains(name), "{said}");
        let (code, said, refused) = run(&["script", "check", name]);
        assert_eq!((code, refused.as_str()), (0, ""));
        assert!(
            said.contains("is sound") && said.contains("SHA-256 "),
            "{said}"
        );
        let (code, said, _) = run(&["script", "show", name]);
        assert_eq!(code, 0);
        assert!(said.lines().count() > 20, "{said}");
    }
    let dir = tempfile::tempdir().unwrap();
    let pdf = dir.path().join("script.pdf");
    let (code, ..) = run(&[
        "script",
        "paper",
        "key-backup",
        "--pdf",
        pdf.to_str().unwrap(),
    ]);
    assert_eq!(code, 0);
    assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF-"));
    let (code, ..) = run(&[
        "script",
        "paper",
        "key-backup",
        "--paper",
        "a3",
        "--pdf",
        pdf.to_str().unwrap(),
    ]);
    assert_eq!(code, 2);
}

#[test]
fn an_unsound_script_is_refused_by_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let good = include_str!("../ceremony-scripts/key-recovery.toml");
    let cases = [
        (
            "no people",
            good.replace("do = \"stop-evidence\"", "do = \"stop\""),
            "stop",
        ),
        (
            "k too large",
            good.replace("k = 3, n = 5", "k = 6, n = 5"),
            "k",
        ),
        (
            "one signer",
            good.replacen(
                "sign = [\"operator\", \"witness\"]",
                "sign = [\"operator\"]",
                1,
            ),
            "sign",
        ),
        ("unknown member", format!("{good}\nmore = 1\n"), "more"),
    ];
    for (case, text, part) in cases {
        assert_ne!(text, good, "{case}");
        let path = dir.path().join("script.toml");
        std::fs::write(&path, &text).unwrap();
        let (code, said, refused) = run(&["script", "check", path.to_str().unwrap()]);
        assert_eq!((code, said.as_str()), (1, ""), "{case}: {refused}");
        assert!(
            refused.contains("script.toml") && refused.contains(part),
            "{case}: {refused}"
        );
    }
    let path = dir.path().join("huge.toml");
    std::fs::write(&path, vec![b'#'; 70 * 1024]).unwrap();
    let (code, _, refused) = run(&["script", "check", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(refused.contains("more than 65536 bytes"), "{refused}");
}
