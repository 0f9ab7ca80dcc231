//! Writing keystore directories: byte by byte, never over anything, and what happens when it is cut short.

mod keystores;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use keystores::{Keystore, Pair, aura, aura_name, contents, hex};
use qh_ceremony::refusal::Refuse;
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::keystore::{
    self, KeyClaim, NetworkPath, Owner, ProvenKey, ProvenNetworkFile, State, UnprovableKey,
    WriteFault, Written,
};
use qh_ceremony::vault::schemes::KeyType;

fn read(keystore: &Keystore) -> Vec<ProvenKey> {
    keystore::read(&keystore.dir(), None).unwrap_or_else(|fault| panic!("{fault}"))
}

fn write(dir: &Path, keys: &[ProvenKey]) -> Result<Written, WriteFault> {
    keystore::write(dir, keys, &[], None, None)
}

fn proven(pair: &Pair) -> ProvenKey {
    let claim = KeyClaim {
        key_type: KeyType::AURA,
        public: pair.public.clone(),
        secret_text: SecretBytes::new(format!("0x{}", hex(&pair.secret)).into_bytes()),
        source: "test".to_owned(),
    };
    claim
        .prove(None)
        .unwrap_or_else(|fault| panic!("{}", fault.fault()))
}

#[test]
fn a_round_trip_is_byte_identical() {
    let source = Keystore::with(&[&aura(), &aura()]);
    source.put(
        "6772616e88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
        b"\"//Alice\"",
    );
    let target = Keystore::empty();
    let written = write(&target.dir(), &read(&source)).expect("written");
    assert_eq!(target.contents(), source.contents());
    assert!(written.others.is_empty());
    for file in &written.files {
        assert_eq!((file.state, file.mode), (State::Created, 0o600));
        assert!(file.warnings.is_empty());
        let meta = fs::metadata(target.dir().join(&file.file)).expect("metadata");
        assert_eq!(meta.permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn writing_again_finds_everything_there() {
    let source = Keystore::with(&[&aura()]);
    let target = Keystore::empty();
    write(&target.dir(), &read(&source)).expect("written");
    let before = fs::metadata(target.dir().join(&target.contents()[0].0)).expect("metadata");
    let again = write(&target.dir(), &read(&source)).expect("written");
    assert_eq!(again.files[0].state, State::AlreadyThere);
    let after = fs::metadata(target.dir().join(&target.contents()[0].0)).expect("metadata");
    assert_eq!((before.ino(), before.mtime()), (after.ino(), after.mtime()));
}

#[test]
fn a_different_file_is_never_overwritten_and_nothing_else_written() {
    let pair = aura();
    let other = aura();
    let target = Keystore::empty();
    target.put(&aura_name(&pair.public), b"\"0x00\"");
    let before = target.contents();
    // The other key comes first, and still nothing of it appears: all is planned before anything is written.
    let fault = write(&target.dir(), &[proven(&other), proven(&pair)]).expect_err("a refusal");
    assert_eq!(fault.name(), "key-exists-different");
    assert_eq!(
        fault.to_string(),
        format!(
            "{} exists with other content. Nothing was overwritten.",
            aura_name(&pair.public)
        )
    );
    assert_eq!(target.contents(), before);
}

#[test]
fn a_link_under_the_name_is_refused() {
    let pair = aura();
    let target = Keystore::empty();
    let outside = target.chain_dir().join("outside");
    symlink(&outside, target.dir().join(aura_name(&pair.public))).expect("link");
    let fault = write(&target.dir(), &[proven(&pair)]).expect_err("a refusal");
    assert_eq!(fault.name(), "key-exists-refused");
    assert!(!outside.exists());
}

#[test]
fn what_a_kill_left_behind_is_named_then_discarded() {
    let pair = aura();
    let target = Keystore::empty();
    // A kill between creating and renaming leaves exactly this: a temporary name with part of a key.
    target.put(".qh-ceremony-new-0011223344556677", b"\"0x0123");
    let fault = write(&target.dir(), &[proven(&pair)]).expect_err("a refusal");
    assert_eq!(fault.name(), "key-file-unfinished-write");
    assert_eq!(
        fault.way_on(),
        "Have the unfinished file overwritten and removed, then write again."
    );
    assert_eq!(target.contents().len(), 1);
    let discarded = keystore::discard_unfinished(&target.dir()).expect("discarded");
    assert_eq!(discarded, [".qh-ceremony-new-0011223344556677"]);
    assert!(target.contents().is_empty());
    write(&target.dir(), &[proven(&pair)]).expect("written");
    assert_eq!(
        keystore::discard_unfinished(&target.dir()).expect("none"),
        Vec::<String>::new()
    );
}

#[test]
fn other_keys_in_the_target_are_reported() {
    let (pair, signer) = (aura(), aura());
    let target = Keystore::with(&[&signer]);
    let written = write(&target.dir(), &[proven(&pair)]).expect("written");
    assert_eq!(written.others, [aura_name(&signer.public)]);
}

#[test]
fn odd_requests_are_refused() {
    let pair = aura();
    let target = Keystore::empty();
    assert_eq!(
        write(&target.dir(), &[]).expect_err("nothing").name(),
        "key-write-nothing"
    );
    let twice = write(&target.dir(), &[proven(&pair), proven(&pair)]).expect_err("twice");
    assert_eq!(twice.name(), "key-given-twice");
    let absent = write(&target.chain_dir().join("none"), &[proven(&pair)]).expect_err("absent");
    assert_eq!(absent.name(), "keystore-absent");
    assert!(target.contents().is_empty());
}

#[test]
fn an_unprovable_key_is_written_only_as_an_exception() {
    let source = Keystore::empty();
    source.put(&format!("62613338{}", "07".repeat(48)), b"\"//Alice\"");
    let take = || -> Vec<UnprovableKey> {
        keystore::examine(&source.dir(), None)
            .unwrap_or_else(|fault| panic!("{fault}"))
            .unprovable
    };
    let target = Keystore::empty();
    let written = keystore::write(&target.dir(), &[], &take(), None, None).expect("written");
    assert_eq!(written.files[0].state, State::Created);
    assert_eq!(target.contents(), source.contents());
}

#[test]
fn a_name_beyond_the_limit_is_refused() {
    let key = KeyClaim {
        key_type: KeyType::parse("zzzz").expect("type"),
        public: vec![1; 1793],
        secret_text: SecretBytes::new(b"0x00".to_vec()),
        source: "test".to_owned(),
    };
    let Err(keystore::NotProven::Unprovable(key)) = key.prove(None) else {
        panic!("no scheme has such a key in a keystore");
    };
    let target = Keystore::empty();
    let fault = keystore::write(&target.dir(), &[], &[key], None, None).expect_err("a refusal");
    assert_eq!(fault.name(), "key-file-name-too-long");
    assert_eq!(
        fault.to_string(),
        "The key's file name would have 3594 bytes, and file systems end at 255."
    );
}

#[test]
fn the_owner_is_set_before_the_name_appears() {
    require_root();
    let target = Keystore::empty();
    let owner = Owner {
        uid: 1000,
        gid: 1000,
    };
    let keys = [proven(&aura())];
    let written = keystore::write(&target.dir(), &keys, &[], Some(owner), None).expect("written");
    assert_eq!((written.files[0].uid, written.files[0].gid), (1000, 1000));
    // The directory still belongs to root, and that deserves a look.
    let warnings: Vec<_> = written.files[0].warnings.iter().map(|w| w.name()).collect();
    assert_eq!(warnings, ["key-file-owner-differs"]);
}

#[test]
fn a_directory_is_prepared_below_an_existing_parent_only() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let dir = place.path().join("keystore");
    assert_eq!(keystore::prepare(&dir, None), Ok(true));
    assert_eq!(
        fs::metadata(&dir).expect("metadata").permissions().mode() & 0o7777,
        0o700
    );
    assert_eq!(keystore::prepare(&dir, None), Ok(false));
    let deep = place.path().join("mistyped").join("keystore");
    assert_eq!(
        keystore::prepare(&deep, None).expect_err("absent").name(),
        "keystore-absent"
    );
    fs::write(place.path().join("file"), b"").expect("write");
    let fault = keystore::prepare(&place.path().join("file"), None).expect_err("a file");
    assert_eq!(fault.name(), "keystore-not-directory");
}

#[test]
fn a_full_file_system_leaves_nothing_behind() {
    let disk = Mounted::tmpfs("size=8k,nr_inodes=32");
    let dir = disk.path().join("keystore");
    fs::create_dir(&dir).expect("directory");
    fs::write(disk.path().join("filler"), vec![1; 8192]).expect("filler");
    let fault = write(&dir, &[proven(&aura())]).expect_err("a refusal");
    assert_eq!(fault.name(), "key-write-disk-full");
    assert_eq!(contents(&dir), []);
}

#[test]
fn a_new_file_is_written_whole_or_not_at_all() {
    let disk = Mounted::tmpfs("size=64k");
    let path = disk.path().join("registered.json");
    let refused = qh_ceremony::files::write_new(&path, &[b'x'; 1 << 20]).expect_err("a refusal");
    assert_eq!(refused.name, "file-not-written");
    assert!(!path.exists(), "a part of it was left");
    qh_ceremony::files::write_new(&path, b"whole").expect("room again");
    let refused = qh_ceremony::files::write_new(&path, b"other").expect_err("a refusal");
    assert_eq!(refused.name, "file-exists");
    assert_eq!(fs::read(&path).expect("there"), b"whole");
}

#[test]
fn a_read_only_file_system_is_named() {
    let disk = Mounted::tmpfs("size=64k");
    let dir = disk.path().join("keystore");
    fs::create_dir(&dir).expect("directory");
    disk.remount("ro");
    let fault = write(&dir, &[proven(&aura())]).expect_err("a refusal");
    assert_eq!(fault.name(), "key-write-read-only");
    let fault = keystore::prepare(&disk.path().join("network"), None).expect_err("a refusal");
    assert_eq!(fault.name(), "key-write-read-only");
}

#[test]
fn network_files_travel_byte_by_byte() {
    use pqcrypto_traits::sign::{PublicKey as _, SecretKey as _};
    let (public, secret) = pqcrypto_falcon::falcon1024::keypair();
    let identity = format!(
        "{{\n  \"version\": 1,\n  \"falcon_public_key\": \"0x{}\",\n  \"falcon_secret_key\": \"0x{}\"\n}}\n",
        hex(public.as_bytes()),
        hex(secret.as_bytes())
    );
    let source = Keystore::with(&[&aura()]);
    let network = source.chain_dir().join("network");
    fs::create_dir(&network).expect("directory");
    fs::write(network.join("pqc_transport_identity.json"), &identity).expect("write");
    fs::write(network.join("secret_ed25519"), [7; 32]).expect("write");
    assert!(keystore::is_chain_dir(source.chain_dir()));

    let files = keystore::read_network(source.chain_dir()).expect("both files");
    let seen: Vec<_> = files
        .iter()
        .map(|file| (file.path().path(), file.public_was_stated()))
        .collect();
    assert_eq!(
        seen,
        [
            ("network/pqc_transport_identity.json", true),
            ("network/secret_ed25519", false)
        ]
    );
    assert_eq!(files[0].public(), public.as_bytes());
    let target = Keystore::empty();
    let fault = keystore::write_network(target.chain_dir(), &files, None).expect_err("absent");
    assert_eq!(fault.name(), "keystore-absent");
    keystore::prepare(&target.chain_dir().join("network"), None).expect("prepared");
    let written = keystore::write_network(target.chain_dir(), &files, None).expect("written");
    assert_eq!(written.files.len(), 2);
    assert!(written.files.iter().all(|file| file.mode == 0o600));
    assert_eq!(
        contents(&target.chain_dir().join("network")),
        contents(&network)
    );
    let again = keystore::write_network(target.chain_dir(), &files, None).expect("written");
    assert!(
        again
            .files
            .iter()
            .all(|file| file.state == State::AlreadyThere)
    );
}

#[test]
fn identities_are_judged_by_name() {
    use pqcrypto_traits::sign::{PublicKey as _, SecretKey as _};
    let (public, secret) = pqcrypto_falcon::falcon1024::keypair();
    let (foreign, _) = pqcrypto_falcon::falcon1024::keypair();
    let (public, secret, foreign) = (
        hex(public.as_bytes()),
        hex(secret.as_bytes()),
        hex(foreign.as_bytes()),
    );
    let form = |public: &str, secret: &str| {
        format!("{{\"falcon_public_key\":\"{public}\",\"falcon_secret_key\":\"{secret}\"}}")
    };
    let (p, s) = (format!("0x{public}"), format!("0x{secret}"));
    let cases = [
        (form(&p, &s), None),
        (
            form(&format!("0x{foreign}"), &s),
            Some("falcon-public-mismatch"),
        ),
        (form(&p, &s[..s.len() - 2]), Some("key-truncated")),
        (form(&p, &format!("{s}00")), Some("key-too-long")),
        (
            form(&p, &format!("0x00{}", &secret[2..])),
            Some("falcon-secret-damaged"),
        ),
        (form(&p, &secret), Some("key-secret-not-hex")),
        (form("0x", &s), Some("falcon-public-mismatch")),
        (String::new(), Some("key-file-empty")),
        (form(&p, &s)[..900].to_owned(), Some("key-truncated")),
        (form(&p, &s) + "x", Some("identity-file-form")),
        (format!("[\"{p}\",\"{s}\"]"), Some("identity-file-form")),
        ("{}".to_owned(), Some("identity-file-form")),
        (format!("[{}]", form(&p, &s)), Some("identity-file-form")),
        (
            form(&p, &s).replace('{', &format!("{{\"falcon_public_key\":\"{p}\",")),
            Some("identity-file-form"),
        ),
        (" ".repeat(70_000), Some("key-file-too-large")),
    ];
    for (content, name) in cases {
        let content = SecretBytes::new(content.into_bytes());
        let fault = ProvenNetworkFile::prove(NetworkPath::PqcIdentity, content).err();
        assert_eq!(fault.as_ref().map(Refuse::name), name);
    }
    for (content, name) in [
        (31, Some("key-truncated")),
        (33, Some("key-too-long")),
        (32, None),
    ] {
        let content = SecretBytes::new(vec![9; content]);
        let fault = ProvenNetworkFile::prove(NetworkPath::NodeKey, content).err();
        assert_eq!(fault.as_ref().map(Refuse::name), name);
    }
}

#[test]
fn the_list_of_network_files_is_closed() {
    for path in NetworkPath::ALL {
        assert_eq!(NetworkPath::from_path(path.path()), Some(path));
    }
    for path in [
        "network/../keystore/x",
        "/network/secret_ed25519",
        "secret_ed25519",
        "",
    ] {
        assert_eq!(NetworkPath::from_path(path), None);
    }
}

fn require_root() {
    let uid = Command::new("id")
        .arg("-u")
        .output()
        .expect("id, from package coreutils");
    assert_eq!(
        uid.stdout, b"0\n",
        "this test changes owners or mounts, and needs to run as root"
    );
}

/// A file system of its own, unmounted when dropped.
struct Mounted {
    place: tempfile::TempDir,
}

impl Mounted {
    fn tmpfs(options: &str) -> Self {
        require_root();
        let place = tempfile::tempdir().expect("a temporary directory");
        let mounted = Self { place };
        mounted.mount(&["-t", "tmpfs", "-o", options, "tmpfs"]);
        mounted
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn remount(&self, options: &str) {
        self.mount(&["-o", &format!("remount,{options}")]);
    }

    fn mount(&self, args: &[&str]) {
        let status = Command::new("mount").args(args).arg(self.path()).status();
        assert!(status.expect("mount, from package mount").success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
