//! Keys come to the laptop as a delivery that the host sealed to the ceremony's one-time recipient.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::HEXLOWER;
use qh_ceremony::cli::scripts;
use qh_ceremony::print::page::Paper;
use qh_ceremony::run::answers::Answers;
use qh_ceremony::run::devices::Devices;
use qh_ceremony::run::driver::{Driver, Setup};
use qh_ceremony::run::player::{Move, Player, Written};
use qh_ceremony::run::world::World;
use qh_ceremony::secret::entry::Input;
use qh_ceremony::secret::hardening::harden;
use qh_ceremony::vault::contents::{BundleKey, Network};
use qh_ceremony::vault::delivery::{Delivery, Purpose, seal_to};
use qh_ceremony::vault::keystore;
use qh_ceremony::vault::recipient::{OneTimeRecipient, Recipient};

/// What the host would seal: its keystore's keys.
fn delivery(keystore: &Path, purpose: Purpose) -> Delivery {
    let keys = keystore::read(keystore, None).unwrap_or_else(|_| panic!("the keystore is good"));
    Delivery {
        purpose,
        rehearsal: true,
        network: Network {
            chain_id: "rehearsal".into(),
            genesis_hash: None,
        },
        node: "validator-1".into(),
        created: "2026-11-22T12:00:00Z".into(),
        keystore_password: false,
        keys: keys
            .into_iter()
            .map(|key| {
                let scheme = key.scheme().name().to_owned();
                let claim = key.into_claim();
                BundleKey {
                    key_type: claim.key_type.to_string(),
                    scheme,
                    public: format!("0x{}", HEXLOWER.encode(&claim.public)),
                    secret: claim.secret_text,
                    source: claim.source,
                }
            })
            .collect(),
        files: vec![],
    }
}

#[test]
fn a_backup_from_a_sealed_delivery_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let world = World { out: base.clone() };
    world.build(9).unwrap();
    let source = world.source();
    let media = (1..=9).map(|n| world.medium(n)).collect();
    let mut driver = Driver::begin(Setup {
        script: scripts::text_of("key-backup").unwrap(),
        dir: base.clone(),
        ceremony: "RH-BACKUP-01".into(),
        rehearsal: true,
        devices: Devices::rehearsal(harden(), Paper::A4, media),
        prefill: BTreeMap::new(),
    })
    .unwrap();
    let answers =
        Answers::parse("[[on]]\nprompt = \"export.source\"\nanswer = \"delivery\"\ntimes = 4\n")
            .unwrap();
    let mut player = Player::new(world, answers, vec![], base.clone(), Written::default());
    let mut tried = 0;
    let mut refusals = vec![];
    loop {
        if driver.busy() {
            driver.work().unwrap();
            continue;
        }
        let prompt = driver.prompt();
        if let qh_ceremony::ceremony::prompt::Ask::Refusal { name } = &prompt.ask {
            refusals.push(name.clone());
        }
        if prompt.key == "export.path" {
            let (shown, words) = driver.state().facts.recipient.clone().unwrap();
            assert_eq!(words.split(' ').count(), 6);
            let ours = Recipient::parse(&shown).unwrap();
            let (purpose, to) = match tried {
                0 => (Purpose::ToLaptop, OneTimeRecipient::generate().recipient),
                1 => (Purpose::ToHost, ours),
                _ => (Purpose::ToLaptop, ours),
            };
            let mut sealed = seal_to(&delivery(&source, purpose), &to).unwrap();
            if tried == 2 {
                let last = sealed.len() - 3;
                sealed[last] ^= 1;
            }
            tried += 1;
            let path = base.join(format!("delivery-{tried}.age"));
            std::fs::write(&path, sealed).unwrap();
            let value = path.display().to_string();
            driver
                .input(Input::Answer {
                    key: prompt.key,
                    value,
                })
                .unwrap();
            continue;
        }
        match player.next(&driver).unwrap() {
            Move::Over => break,
            Move::Hang => panic!("nobody asked to wait"),
            Move::Type(input) => driver.input(input).unwrap(),
        }
    }
    assert_eq!(
        refusals,
        [
            "delivery-not-for-us",
            "delivery-other-purpose",
            "delivery-damaged"
        ]
    );
    assert_eq!(
        driver.state().ending.as_ref().map(|e| e.name()),
        Some("completed")
    );
    assert_eq!(driver.state().facts.keys.len(), 3);
}
