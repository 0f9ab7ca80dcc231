//! The format card: how to recover without any program of ours.
//!
//! It is printed with every backup and kept with the sealed files. It holds no secret. Whoever has enough sheets, a
//! sealed file, this card and a computer with stock tools gets the keys back. The program for combining shares is given
//! by the caller, so that the text printed is the very file that is tested.

use super::document::{Block, Document};

/// Checks the hash chain of a transcript, and prints its head. Run by `python3 - transcript.jsonl`.
pub const CHAIN_CHECK: &str = "\
import hashlib, json, sys
head = '0' * 64
for line in open(sys.argv[1], 'rb'):
    assert line.endswith(b'\\n') and json.loads(line)['prev'] == head, line[:40]
    head = hashlib.sha256(line[:-1]).hexdigest()
print(head)
";

/// SHA-256 of the English BIP-39 list, one word a line, each ending in a line feed.
const WORD_LIST_SHA256: &str = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda";

/// The format card, with `python`, the program that combines QR texts.
pub fn format_card(python: &str) -> Document {
    let mut blocks = Vec::new();
    blocks.extend(overview());
    blocks.extend(share());
    blocks.extend(secret());
    blocks.extend(open());
    blocks.extend(put_back());
    blocks.extend(transcript());
    blocks.push(heading("8 The program recombine.py"));
    blocks.push(para(
        "Python 3, nothing to install. Type it in, with english.txt beside it. A mistyped letter can't give a wrong key: \
         the key check would not match.",
    ));
    blocks.push(Block::Mono(python.lines().map(str::to_owned).collect()));
    Document {
        title: "Format card".to_owned(),
        subtitle: "Recovering a key backup without qh-ceremony. Formats version 1.".to_owned(),
        footer:
            "qh-ceremony format card, formats version 1. Not secret. Keep with the sealed file."
                .to_owned(),
        rehearsal: false,
        blocks,
    }
}

fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

fn para(text: &str) -> Block {
    Block::Para(text.to_owned())
}

fn mono(lines: &[&str]) -> Block {
    Block::Mono(lines.iter().map(|line| (*line).to_owned()).collect())
}

fn table(header: &[&str], rows: &[&[&str]]) -> Block {
    let own = |cells: &[&str]| {
        cells
            .iter()
            .map(|cell| (*cell).to_owned())
            .collect::<Vec<_>>()
    };
    Block::Table {
        header: own(header),
        rows: rows.iter().map(|row| own(row)).collect(),
    }
}

fn overview() -> Vec<Block> {
    let checks = [
        "The old signer is stopped and stays stopped. One key on two hosts is punished by the chain.",
        "A computer without any network, that is wiped afterwards. Work in /dev/shm, which is no disk. Nothing is typed \
         into a phone or website.",
        "Sheets of one set (the same six bytes). Bring every sheet you have; more never hurts.",
        "The sealed file: backup.jwe, or backup.age with backup.age.json.",
        "The certificate or record of the backup, for the key check, the public keys and the transcript's head.",
        "Programs: python3; jose or age; jq, base64, sha256sum, ssh-keygen; zbarimg if codes are read from pictures.",
        "english.txt, the 2048 English words of BIP-39, one a line, ending in a line feed. Its SHA-256 is the next line.",
    ];
    let mut blocks = vec![heading("1 What you need")];
    blocks.extend(checks.map(|text| Block::Check(text.to_owned())));
    blocks.push(mono(&[WORD_LIST_SHA256]));
    blocks
}

fn share() -> Vec<Block> {
    vec![
        heading("2 What a share is"),
        table(
            &["bytes", "meaning"],
            &[
                &["0", "version: 1; 129 in a rehearsal"],
                &["1", "x, 1 to 255"],
                &["2 to 7", "set id: the same on all shares of a set"],
                &["8 to 15", "check sum"],
                &["16 to 47", "y: one byte for each byte of the secret"],
            ],
        ),
        mono(&[
            "check sum = first 8 bytes of SHA-256(\"qh-ceremony share v1\", bytes 0 to 7, bytes 16 to 47)",
        ]),
        para(
            "QR code: the letters QHS1 (rehearsal: QHR1), then the 48 bytes in RFC 4648 base32, upper case, without \
             padding; 81 characters. Read it with zbarimg, or any scanner that types.",
        ),
        para(
            "Words: each word is its number in the English BIP-39 list, counted from 0, as 11 bits. Words 1 to 12 are \
             132 bits: bytes 0 to 15, then 4 check bits, the first of SHA-256 of these 16 bytes. Words 13 to 36 are \
             264 bits: bytes 16 to 47, then 8 check bits, the first of SHA-256 of these 32 bytes.",
        ),
    ]
}

fn secret() -> Vec<Block> {
    vec![
        heading("3 From shares to the secret S"),
        para(
            "Arithmetic is in GF(2^8): adding is XOR, multiplying is that of polynomials over GF(2) reduced by 0x11d \
             (x^8 + x^4 + x^3 + x^2 + 1). Leave out a share that stands twice. For each of the 32 bytes, with x_i \
             and y_i of each share:",
        ),
        mono(&["S = XOR over i of  y_i * PRODUCT over j, j not i, of  x_j / (x_j XOR x_i)"]),
        para(
            "This works for any threshold; with too few shares S is wrong, and only the key check tells. HMAC is \
             HMAC-SHA-256 with the key S, over the text and the 6 bytes of the set id after it:",
        ),
        table(
            &["what", "HMAC over"],
            &[
                &["key check", "\"qh-ceremony check v1\", set id"],
                &["key of the .jwe file", "\"qh-ceremony jwe v1\", set id"],
                &[
                    "passphrase of the .age file",
                    "\"qh-ceremony age v1\", set id; the 32 bytes as 24 BIP-39 words, lower case, single spaces",
                ],
            ],
        ),
        para(
            "The program in section 8, recombine.py, does all of this. First the key check, from the certificate; it stands \
             in the sealed file as well, and both must be the same:",
        ),
        mono(&[
            "jq -r .protected backup.jwe | tr -- '-_' '+/' | base64 -d 2>/dev/null | jq -r .qh.key_check",
            "jq -r .key_check backup.age.json",
        ]),
        para(
            "Then type the shares, one a line, as QR text or 36 words, and end with Ctrl-D; what is given as an argument \
             would stay in the shell's history:",
        ),
        mono(&["cat | python3 recombine.py KEY_CHECK > found.json && echo good"]),
        para(
            "If no combination gives the key check, sheets are missing, wrong or forged: try others, open nothing.",
        ),
    ]
}

fn open() -> Vec<Block> {
    vec![
        heading("4 Open the sealed file"),
        para(
            "backup.jwe. The key file has exactly the members kty and k, in base64url. The output counts only if good \
             is printed: jose prints unverified text when it fails.",
        ),
        mono(&[
            "jq .jwk found.json > key.jwk",
            "jose jwe dec -i backup.jwe -k key.jwk > bundle.json && echo good",
        ]),
        para("backup.age. Give the 24 words when asked for the passphrase."),
        mono(&[
            "jq -r .age_passphrase found.json",
            "age -d -o bundle.json backup.age && echo good",
        ]),
    ]
}

fn put_back() -> Vec<Block> {
    vec![
        heading("5 Compare"),
        para(
            "bundle.json names for each key its key_type, scheme, public and secret. set_id and key_check must be those of \
             the header; the public keys must be those of the certificate and of the registered validator on the \
             chain. A signature with each secret must verify under its public key before it is used.",
        ),
        mono(&["jq -r '.keys[] | .key_type, .scheme, .public' bundle.json"]),
        heading("6 Put the keys back"),
        para(
            "Only when the old signer has stopped. One file for each key in chains/CHAIN-ID/keystore/ of the node. \
             Its name: the four letters of the key type in hex, then the public key in hex; lower case, without 0x \
             (aura is 61757261). Its content: the secret as one JSON string, with its quotes, no line feed. Mode \
             0600, owned by the node's user.",
        ),
        mono(&[
            "umask 077",
            "T=$(jq -r '.keys[0].key_type' bundle.json | tr -d '\\n' | od -An -tx1 | tr -d ' \\n')",
            "P=$(jq -r '.keys[0].public' bundle.json | sed s/^0x//)",
            "jq -j '.keys[0].secret | tojson' bundle.json > \"keystore/$T$P\"",
        ]),
        para(
            "The others are .keys[1] and so on. Entries under files go to their path below chains/CHAIN-ID/: content is \
             base64, mode 0600. Then wipe this computer, and seal the sheets in new bags.",
        ),
    ]
}

fn transcript() -> Vec<Block> {
    let mut check = vec!["python3 - transcript.jsonl <<'END'".to_owned()];
    check.extend(CHAIN_CHECK.lines().map(str::to_owned));
    check.push("END".to_owned());
    vec![
        heading("7 Check the transcript"),
        para(
            "Each line of transcript.jsonl holds, as prev, the SHA-256 of the line before without its line feed; the first \
             has 64 zeros. The hash of the last line is the head, and must be the 64 digits on the certificate:",
        ),
        Block::Mono(check),
        para("The signature, by the ceremony's key, which stands in line 1:"),
        mono(&[
            "head -n 1 transcript.jsonl | jq -r '\"ceremony \" + .entry.ceremony_key' > signers",
            "ssh-keygen -Y verify -f signers -I ceremony -n qh-ceremony \\",
            "  -s transcript.jsonl.sig < transcript.jsonl",
        ]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::canvas::check::tidy;
    use crate::print::{flow, page::Paper};

    #[test]
    fn the_program_stands_on_the_card_line_by_line() {
        let python = "import sys\n\nfor text in sys.argv[1:]:\n    print(len(text))\n";
        let card = format_card(python);
        let lines: Vec<String> = python.lines().map(str::to_owned).collect();
        assert_eq!(card.blocks.last(), Some(&Block::Mono(lines)));
        assert!(
            card.text()
                .contains("    for text in sys.argv[1:]:\n        print(len(text))\n")
        );
    }

    #[test]
    fn the_word_list_s_hash_is_right() {
        use sha2::{Digest, Sha256};
        let list = bip39::Language::English.word_list().join("\n") + "\n";
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(list));
        assert_eq!(hash, WORD_LIST_SHA256);
    }

    #[test]
    fn it_names_every_number_that_a_recovery_needs() {
        let text = format_card("pass\n").text();
        for needed in [
            "0x11d",
            "QHS1",
            "QHR1",
            "base32",
            "BIP-39",
            "qh-ceremony share v1",
            "qh-ceremony jwe v1",
            "qh-ceremony age v1",
            "qh-ceremony check v1",
            "129",
            "jose jwe dec -i backup.jwe -k key.jwk",
            "age -d",
            "61757261",
            "ssh-keygen -Y verify",
            "0600",
            "sha256",
        ] {
            assert!(text.contains(needed), "{needed} is missing");
        }
    }

    #[test]
    fn it_fits_on_paper() {
        let python =
            "x = 1  # a line of a program, as long as they are in forty lines\n".repeat(80);
        for paper in [Paper::A4, Paper::Letter] {
            let pages = flow::canvases(&format_card(&python), paper).expect("fits");
            assert!(pages.len() <= 6, "{} pages", pages.len());
            pages.iter().for_each(tidy);
        }
    }
}
