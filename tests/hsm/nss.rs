//! What each module does with each kind of key, as measured here: the matrix in `docs/hsm.md`. And a whole backup and
//! recovery through NSS softokn.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use qh_ceremony::hsm::{Class, Kind, Method, ObjectInfo};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::token::{Material, WrapKeys, challenge, fresh_object, prove};

use super::*;

pub const PIN: &str = "123456";
const NSS: &str = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so";
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A fresh NSS database as a token.
pub fn nss_token(dir: &Path) -> Module {
    fs::create_dir_all(dir).unwrap();
    let pin = dir.join("pin");
    fs::write(&pin, PIN).unwrap();
    let database = format!("sql:{}", dir.display());
    let status = Command::new("certutil")
        .args(["-N", "-d", &database, "-f", pin.to_str().unwrap()])
        .status()
        .expect("install package libnss3-tools");
    assert!(status.success());
    Module {
        init: format!(
            "configdir='{database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
        ),
        ..Module::at(Path::new(NSS))
    }
}

/// A fresh SoftHSM token.
fn softhsm_token(dir: &Path) -> Module {
    let tokens = dir.join("tokens");
    fs::create_dir_all(&tokens).unwrap();
    let config = dir.join("softhsm2.conf");
    fs::write(
        &config,
        format!(
            "directories.tokendir = {}\nlog.level = ERROR\n",
            tokens.display()
        ),
    )
    .unwrap();
    let status = Command::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            "test",
            "--pin",
            PIN,
            "--so-pin",
            "12345678",
        ])
        .env("SOFTHSM2_CONF", &config)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("install package softhsm2");
    assert!(status.success());
    Module {
        environment: vec![("SOFTHSM2_CONF".into(), config.display().to_string())],
        ..Module::at(Path::new(SOFTHSM))
    }
}

/// A session with the token that has a PIN and holds objects: in NSS the second slot.
pub fn open(module: &Module) -> Client {
    let mut client = start(module).unwrap();
    let tokens = client.tokens().unwrap();
    let token = tokens
        .iter()
        .rev()
        .find(|token| token.initialized)
        .expect("an initialised token");
    client.open(token, true).unwrap();
    client.login(SecretText::new(PIN.into())).unwrap();
    client
}

/// What became of one try.
fn cell(result: Result<(), HsmFault>) -> String {
    match result {
        Ok(()) => "yes".into(),
        Err(HsmFault::Refused { text, .. }) => {
            let code = text.rsplit(' ').next().unwrap_or_default();
            format!("no: {code}")
        }
        Err(other) => format!("no: {}", other.name()),
    }
}

fn exported(
    client: &mut Client,
    keys: &WrapKeys,
    object: &ObjectInfo,
    method: Method,
) -> Result<String, HsmFault> {
    let iv = WrapKeys::fresh_iv().unwrap();
    let (iv, blob) = client.wrap(object.handle, method, iv)?;
    let opened = keys.unwrap(method, iv, &blob);
    let proven = opened
        .into_iter()
        .any(|plain| prove(object, Material::Wrapped(plain)).is_ok());
    Ok(if proven {
        "yes".into()
    } else {
        "no: not the key".into()
    })
}

fn row(module: &Module, kind: Kind, name: &str) -> Vec<String> {
    let mut client = open(module);
    let mut keys = WrapKeys::fresh().unwrap();
    let aes = client.use_aes(keys.aes_key());
    let rsa = keys
        .rsa_public()
        .map(|(n, e)| client.use_rsa(n, e))
        .unwrap();
    let secret = vec![7; 128];
    let object = match kind {
        Kind::Generic => secret_object(name, &secret),
        Kind::Data => data_object(name, b"a file"),
        kind => fresh_object(kind, name, true).unwrap(),
    };
    let mut cells = vec![];
    let info = match client.create(object) {
        Ok(info) => info,
        Err(fault) => {
            cells.push(cell(Err(fault)));
            cells.resize(2 + Method::ALL.len() + 1, "-".into());
            return cells;
        }
    };
    cells.push("yes".into());
    cells.push(match challenge::sign_with(info.kind) {
        None => "-".into(),
        Some(with) => {
            let fresh = [9; 32];
            let value = (kind == Kind::Generic).then(|| SecretBytes::new(secret.clone()));
            let spki = info.spki.clone().unwrap_or_default();
            match client.sign(info.handle, with, challenge::to_sign(with, &fresh)) {
                Ok(signature)
                    if challenge::verify(kind, &spki, value.as_ref(), &fresh, &signature) =>
                {
                    "yes".into()
                }
                Ok(_) => "no: does not verify".into(),
                Err(fault) => cell(Err(fault)),
            }
        }
    });
    let objects = client.objects().unwrap();
    let info = objects
        .iter()
        .find(|own| own.label == info.label && own.class == info.class)
        .unwrap()
        .clone();
    for method in Method::ALL {
        let ready = if method.is_rsa() { &rsa } else { &aes };
        let mut found = match (info.class, ready) {
            (Class::Data, _) => "-".into(),
            (_, Err(fault)) => format!("no key: {}", cell(Err(fault.clone()))),
            _ => {
                exported(&mut client, &keys, &info, method).unwrap_or_else(|fault| cell(Err(fault)))
            }
        };
        // RFC 3394 takes whole blocks, and how long PKCS#8 is depends on the key: one that fits is luck.
        for other in 0..8 {
            if (info.class, method, found.as_str()) != (Class::Private, Method::AesKeyWrap, "yes") {
                break;
            }
            let label = format!("{name} {other}");
            let more = client
                .create(fresh_object(kind, &label, true).unwrap())
                .unwrap();
            found = exported(&mut client, &keys, &more, method)
                .unwrap_or_else(|fault| cell(Err(fault)));
        }
        cells.push(found);
    }
    cells.push(cell(client.read(info.handle).map(|_| ())));
    cells
}

fn data_object(label: &str, value: &[u8]) -> NewObject {
    NewObject {
        id: vec![],
        application: "qh-ceremony".into(),
        parts: Parts::Data(SecretBytes::new(value.to_vec())),
        usage: Usage::default(),
        ..secret_object(label, value)
    }
}

/// The matrix of one module as a table in Markdown.
fn matrix(module: &Module) -> String {
    let kinds = [
        (Kind::EcP256, "EC P-256"),
        (Kind::Rsa, "RSA 2048"),
        (Kind::Ed25519, "Ed25519"),
        (Kind::Generic, "generic secret, 128 bytes"),
        (Kind::Data, "data object"),
    ];
    let mut text = String::from("| object | written | signs |");
    for method in Method::ALL {
        write!(text, " {} |", method.name()).unwrap();
    }
    text.push_str(" read in the clear |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (kind, name) in kinds {
        writeln!(text, "| {name} | {} |", row(module, kind, name).join(" | ")).unwrap();
    }
    text
}

fn measured() -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (name, module) in [
        ("SoftHSM 2", softhsm_token(&dir.path().join("softhsm"))),
        ("NSS softokn", nss_token(&dir.path().join("nss"))),
    ] {
        let library = start(&module).unwrap().library.clone();
        write!(
            text,
            "\n**{name}** (calls itself `{library}`)\n\n{}",
            matrix(&module)
        )
        .unwrap();
    }
    text
}

const BEGIN: &str = "<!-- measured by tests/hsm/nss.rs; QH_UPDATE=1 writes it anew -->\n";
const END: &str = "<!-- end of what was measured -->";

#[test]
fn the_matrix_in_the_documentation_is_what_was_measured() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hsm.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the matrix begins");
    let (written, after) = rest.split_once(END).expect("the matrix ends");
    let measured = format!("{}\n", measured());
    if std::env::var_os("QH_UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{measured}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, measured,
        "docs/hsm.md says something else than this machine's modules do"
    );
}

/// A key pair that the module itself made, by its own tools, comes out and is the one that it made.
#[test]
fn keys_made_in_the_token_come_out() {
    let dir = tempfile::tempdir().unwrap();
    let softhsm = softhsm_token(&dir.path().join("softhsm"));
    let config = &softhsm.environment[0].1;
    let status = Command::new("pkcs11-tool")
        .args([
            "--module",
            SOFTHSM,
            "--token-label",
            "test",
            "--login",
            "--pin",
            PIN,
            "--keypairgen",
        ])
        .args([
            "--key-type",
            "EC:prime256v1",
            "--id",
            "77",
            "--label",
            "inside",
            "--usage-sign",
            "--sensitive",
            "--extractable",
        ])
        .env("SOFTHSM2_CONF", config)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("install package opensc");
    assert!(status.success());
    let nss_dir = dir.path().join("nss");
    let nss = nss_token(&nss_dir);
    let noise = dir.path().join("noise");
    fs::write(&noise, [5; 256]).unwrap();
    let status = Command::new("certutil")
        .args([
            "-S",
            "-x",
            "-k",
            "ec",
            "-q",
            "nistp256",
            "-n",
            "inside",
            "-s",
            "CN=inside",
            "-t",
            ",,",
            "-m",
            "1",
            "-d",
        ])
        .arg(format!("sql:{}", nss_dir.display()))
        .arg("-f")
        .arg(nss_dir.join("pin"))
        .arg("-z")
        .arg(&noise)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("install package libnss3-tools");
    assert!(status.success());
    for (module, works) in [
        (softhsm, Method::AesKeyWrapPad),
        (nss, Method::AesKeyWrapPad),
    ] {
        let mut client = open(&module);
        let keys = WrapKeys::fresh().unwrap();
        client.use_aes(keys.aes_key()).unwrap();
        let objects = client.objects().unwrap();
        let made = objects
            .iter()
            .find(|object| object.class == Class::Private)
            .unwrap();
        assert_eq!((made.kind, made.sensitive), (Kind::EcP256, Some(true)));
        assert_eq!(
            exported(&mut client, &keys, made, works).unwrap(),
            "yes",
            "{}",
            client.library
        );
    }
}

/// NSS wraps keys that it reports as not extractable. Whatever the module would do, we refuse.
#[test]
fn what_is_not_extractable_is_not_even_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for module in [
        softhsm_token(&dir.path().join("softhsm")),
        nss_token(&dir.path().join("nss")),
    ] {
        let mut client = open(&module);
        let keys = WrapKeys::fresh().unwrap();
        client.use_aes(keys.aes_key()).unwrap();
        let stays = client
            .create(fresh_object(Kind::EcP256, "stays", false).unwrap())
            .unwrap();
        assert_eq!(stays.extractable, Some(false));
        for method in Method::ALL.into_iter().filter(|method| !method.is_rsa()) {
            let fault = client.wrap(stays.handle, method, [0; 12]).unwrap_err();
            assert_eq!(
                fault.name(),
                "hsm-not-extractable",
                "{}: {}",
                client.library,
                method.name()
            );
        }
        assert_eq!(
            client.read(stays.handle).err().unwrap().name(),
            "hsm-not-extractable"
        );
    }
}

/// Signs a challenge with each private key and verifies it under the public keys that another token lists.
fn signs_as(client: &mut Client, listed: &[ObjectInfo]) -> usize {
    let own = client.objects().unwrap();
    let mut verified = 0;
    for before in listed
        .iter()
        .filter(|object| object.class == Class::Private && object.label != "stays")
    {
        let after = own
            .iter()
            .find(|object| object.label == before.label && object.id == before.id);
        let after = after.unwrap_or_else(|| panic!("{} is not there", before.label));
        let with = challenge::sign_with(before.kind).unwrap();
        let fresh = [4; 32];
        let signature = client
            .sign(after.handle, with, challenge::to_sign(with, &fresh))
            .unwrap();
        let spki = before.spki.clone().unwrap();
        assert!(
            challenge::verify(before.kind, &spki, None, &fresh, &signature),
            "{}",
            before.label
        );
        assert!(!challenge::verify(
            before.kind,
            &spki,
            None,
            &[5; 32],
            &signature
        ));
        verified += 1;
    }
    verified
}

#[test]
fn keys_move_from_one_nss_database_to_another_and_sign_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (
        nss_token(&dir.path().join("first")),
        nss_token(&dir.path().join("second")),
    );
    let mut room = ceremony::Room::with_modules(vec![first.clone()]);
    let mut client = open(&first);
    let aura = fs::read(room.base.path().join("secret")).unwrap();
    client.create(secret_object("aura", &aura)).unwrap();
    for (kind, label, extractable) in [
        (Kind::EcP256, "signer", true),
        (Kind::Rsa, "archive", true),
        (Kind::EcP256, "stays", false),
    ] {
        client
            .create(fresh_object(kind, label, extractable).unwrap())
            .unwrap();
    }
    let listed = client.objects().unwrap();
    assert_eq!(signs_as(&mut client, &listed), 2);
    drop(client);

    room.until(|driver| driver.prompt().key == "export.stays");
    let facts = format!("{:?}", room.driver.prompt().facts);
    assert!(
        facts.contains("EC P-256 key, the token reports the object as not extractable"),
        "{facts}"
    );
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed"
    );
    let mut types = room.key_types();
    types.sort_unstable();
    assert_eq!(types, ["aura", "hsm/ec-p256", "hsm/rsa"]);
    let notes = room.driver.state().facts.key_notes.join("\n");
    assert_eq!(
        notes.matches("wrapped by AES-KEY-WRAP-PAD").count(),
        3,
        "{notes}"
    );

    let mut room = room.recovery_into(vec![second.clone()]);
    room.until(|driver| driver.closed());
    assert_eq!(
        room.driver.state().ending.as_ref().unwrap().name(),
        "completed",
        "{:?}",
        room.driver.state().refusals
    );
    let written = room.driver.state().facts.written.join("\n");
    assert_eq!(
        written.matches("signed a challenge").count(),
        3,
        "{written}"
    );
    let mut client = open(&second);
    assert_eq!(signs_as(&mut client, &listed), 2);
    let objects = client.objects().unwrap();
    assert!(
        objects
            .iter()
            .all(|object| object.extractable == Some(false)),
        "{objects:?}"
    );
    assert!(
        objects.iter().all(|object| object.sensitive == Some(true)),
        "{objects:?}"
    );
}
