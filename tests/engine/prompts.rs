//! Every prompt on the way says what to do, under a key of its own.

use std::collections::BTreeMap;

use qh_ceremony::ceremony::prompt::Ask;

use super::fake::{NAMES, Run};

#[test]
fn every_prompt_says_what_to_do_and_fits() {
    for name in NAMES {
        let mut titles: BTreeMap<String, String> = BTreeMap::new();
        let mut run = Run::of(name).answer("enrol.c2.present", "absent");
        while !run.state.closed {
            let prompt = run.prompt();
            assert!(
                !prompt.title.is_empty() && prompt.title.len() <= 60,
                "{prompt:?}"
            );
            assert!(
                !prompt.say.iter().any(String::is_empty),
                "an empty line in {prompt:?}"
            );
            let bare = matches!(prompt.ask, Ask::Choose(_) | Ask::Ready { .. });
            assert!(bare || !prompt.say.is_empty(), "{prompt:?}");
            for (label, _) in &prompt.facts {
                assert!(label.chars().count() <= 44, "`{label}` in {}", prompt.key);
            }
            if prompt.key != "wait" {
                let same = titles
                    .entry(prompt.key.clone())
                    .or_insert_with(|| prompt.title.clone());
                assert_eq!(
                    *same, prompt.title,
                    "two questions have the key {}",
                    prompt.key
                );
            }
            let event = run.usual();
            run.must(event);
        }
        assert!(titles.len() > 15, "{name}");
    }
}
