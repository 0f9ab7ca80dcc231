//! Properties: parsers never panic, what is written reads back, and secret types give nothing away.

use proptest::prelude::*;
use qh_ceremony::secret::SecretBytes;
use qh_ceremony::vault::keystore::{
    Examined, KeyClaim, NetworkPath, NotProven, ProvenKey, ProvenNetworkFile, UnprovableKey,
    file_name, parse_name,
};
use qh_ceremony::vault::registered::{
    self, Account, Registered, RegisteredKey, Source, SourceKind,
};
use qh_ceremony::vault::schemes::{KeyType, Scheme, suri};
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(ProvenKey: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(UnprovableKey: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(KeyClaim: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(NotProven: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(ProvenNetworkFile: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(Examined: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(suri::SecretUri: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);
assert_not_impl_any!(suri::Junction: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, serde::Serialize);

fn registered_keys() -> impl Strategy<Value = Vec<RegisteredKey>> {
    let key = (
        "[ -~&&[^ ]]{4}",
        prop::collection::vec(any::<u8>(), 1..80),
        any::<Option<[u8; 32]>>(),
    );
    prop::collection::btree_map(0..50_u8, key, 0..12).prop_map(|keys| {
        let keys = keys
            .into_iter()
            .map(|(index, (key_type, mut public, account))| {
                // The index makes each key differ from the others.
                public.push(index);
                RegisteredKey {
                    key_type: KeyType::parse(&key_type).expect("four characters"),
                    public,
                    account: account.map(Account),
                    found_in: Default::default(),
                }
            });
        keys.collect()
    })
}

proptest! {
    #[test]
    fn file_names_round_trip(key_type: [u8; 4], public in prop::collection::vec(any::<u8>(), 1..120)) {
        let key_type = KeyType::from_bytes(key_type);
        let name = file_name(key_type, &public);
        prop_assert_eq!(parse_name(name.as_bytes()), Ok((key_type, public)));
    }

    #[test]
    fn any_name_is_judged(name in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok((key_type, public)) = parse_name(&name) {
            prop_assert_eq!(file_name(key_type, &public).into_bytes(), name);
        }
    }

    #[test]
    fn any_text_is_a_secret_uri_or_refused(text in "(0x)?[a-z0-9 /_\\PC]{0,80}") {
        for scheme in [Scheme::Ed25519, Scheme::Sr25519] {
            if let Ok(uri) = suri::parse(&text) {
                prop_assert!(uri.junctions().len() <= text.len() / 2);
                prop_assert!(uri.seed(scheme, None).is_ok() || !text.is_empty());
            }
        }
    }

    #[test]
    fn no_random_secret_proves_a_key(
        key_type in prop::sample::select(vec!["aura", "gran", "babe", "beef", "zzzz"]),
        public in prop::collection::vec(any::<u8>(), 0..70),
        secret in prop::collection::vec(any::<u8>(), 0..70),
    ) {
        let claim = KeyClaim {
            key_type: KeyType::parse(key_type).expect("type"),
            public,
            secret_text: SecretBytes::new(secret),
            source: String::new(),
        };
        prop_assert!(claim.prove(None).is_err());
    }

    #[test]
    fn no_random_bytes_are_an_identity(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let content = SecretBytes::new(content);
        prop_assert!(ProvenNetworkFile::prove(NetworkPath::PqcIdentity, content).is_err());
    }

    #[test]
    fn documents_round_trip(
        chain_id in "[!-~]{1,64}",
        genesis_hash: Option<[u8; 32]>,
        block_number: u64,
        rehearsal: bool,
        keys in registered_keys(),
    ) {
        let source = Source { kind: SourceKind::Rpc, name: "node".to_owned(), genesis_state: false };
        let registered = Registered {
            chain_id, genesis_hash, block_number, block_hash: genesis_hash, rehearsal,
            sources: vec![source], keys,
        };
        prop_assert_eq!(registered::parse(registered::emit(&registered).as_bytes()), Ok(registered));
    }

    #[test]
    fn storage_of_any_bytes_is_judged(
        item in prop::sample::select(vec![
            "cec5070d609dd3497f72bde07fc96ba088dcde934c658227ee1dfafcd6e16903",
            "cec5070d609dd3497f72bde07fc96ba04c014e6bf8b8c2c011e7290b85696bb3",
            "cec5070d609dd3497f72bde07fc96ba0726380404683fc89e8233450c8aa1950",
            "cec5070d609dd3497f72bde07fc96ba0e0cdd062e6eaf24295ad4ccfc41d4609",
            "57f8dc2f5ab09467896f47300f0424385e0621c4869aa60c02be9adcc98a0d1d",
        ]),
        suffix in "([0-9a-f]{2}){0,60}",
        value in "([0-9a-f]{2}){0,200}",
    ) {
        let spec = format!(
            r#"{{"id":"x","genesis":{{"raw":{{"top":{{"0x{item}{suffix}":"0x{value}"}}}}}}}}"#
        );
        if let Ok(registered) = registered::from_chain_spec(spec.as_bytes(), "spec") {
            prop_assert!(!registered.keys.is_empty());
        }
    }
}
