//! An answers file of a rehearsal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qh_ceremony::run::answers::Answers;

fuzz_target!(|text: &str| {
    if let Ok(mut answers) = Answers::parse(text) {
        let count = answers.unused().len();
        let _ = answers.take("key-backup", "sheets.c2.read");
        assert!(answers.unused().len() <= count);
    }
});
