//! The shipped scripts carry the requirements' checkboxes.

use super::fake::{NAMES, shipped};

/// Checkboxes and numbered commands of `requirements/backup-and-recovery-procedures.md`, word for word.
const KEY_BACKUP: [&str; 15] = [
    "3.1 (1) Use air-gapped machine",
    "3.1 (1) Disable all network interfaces",
    "3.1 (1) Export key material from HSM/keystore",
    "3.1 (1) Encrypt with AES-256-GCM",
    "3.1 (1) Use separate encryption key (stored separately)",
    "3.1 (2) Split encryption key into N shares (e.g., 5)",
    "3.1 (2) Require K shares to reconstruct (e.g., 3)",
    "3.1 (2) Distribute shares to different custodians/locations",
    "3.1 (3) Primary: Bank safe deposit box",
    "3.1 (3) Secondary: Geographic alternate location",
    "3.1 (3) Tertiary: Hardware security device (encrypted USB)",
    "3.1 (4) Test decryption with backup",
    "3.1 (4) Verify key matches production (compare public key)",
    "3.1 (4) Document backup location and custodians",
    "3.1 (4) Schedule annual verification",
];
const KEY_RECOVERY: [&str; 9] = [
    "3.3 (1) Reconstruct encryption password from shares",
    "3.3 (2) Decrypt key backup",
    "3.3 (3) Import keys to keystore",
    "3.3 (4) Verify key imported correctly",
    "3.3 (5) Securely delete plaintext backup",
    "6.1 (4) Retrieve key backup",
    "6.1 (4) Reconstruct encryption password (Shamir)",
    "6.1 (4) Decrypt and import keys",
    "6.1 (4) Verify key matches registered validator",
];
const VERIFICATION: [&str; 4] = [
    "7.1 Key backups: Test decryption (not import)",
    "7.2 (1) Download latest key backup",
    "7.2 (2) Verify decryption works (don't extract keys!)",
    "7.2 (6) Log verification",
];

fn carried(name: &str) -> Vec<String> {
    let script = shipped(name);
    let lines = |step: &qh_ceremony::ceremony::script::Step| -> Vec<String> {
        let all = step.requirement.as_ref().map(|lines| lines.all());
        all.unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    script.steps.iter().flat_map(lines).collect()
}

#[test]
fn every_checkbox_of_the_requirements_has_a_step() {
    for (name, boxes) in [
        ("key-backup", &KEY_BACKUP[..]),
        ("key-recovery", &KEY_RECOVERY[..]),
        ("annual-verification", &VERIFICATION[..]),
    ] {
        let carried = carried(name);
        for text in boxes {
            assert!(carried.iter().any(|c| c == text), "{name} lacks `{text}`");
        }
    }
}

#[test]
fn no_script_names_a_checkbox_that_is_not_there() {
    let all: Vec<&str> = [&KEY_BACKUP[..], &KEY_RECOVERY[..], &VERIFICATION[..]].concat();
    for name in NAMES {
        for text in carried(name) {
            assert!(all.contains(&text.as_str()), "{name}: `{text}`");
        }
    }
}
