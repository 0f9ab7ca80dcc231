//! Why a command ended without its result: the refusal, and the exit code that goes with it.

use std::io::{self, Write};

use serde::Serialize;

use crate::ceremony::event::Refused;
use crate::files::{from_error, refused};
use crate::refusal::Refuse;

/// A refusal and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// 1 refused, 3 device or environment, 4 verification failed.
    pub exit: u8,
    /// Name, text and way on.
    pub refused: Refused,
}

#[derive(Serialize)]
struct Json<'a> {
    refused: &'a str,
    what: &'a str,
    way_on: &'a str,
}

impl Failure {
    /// Refused, by name: exit 1.
    pub fn refused(error: &impl Refuse) -> Self {
        Self::new(1, from_error(error))
    }

    /// A file, a directory, a terminal or a node can't be read or written: exit 3.
    pub fn environment(error: &impl Refuse) -> Self {
        Self::new(3, from_error(error))
    }

    /// What was looked at is not right: exit 4.
    pub fn verification(error: &impl Refuse) -> Self {
        Self::new(4, from_error(error))
    }

    /// A file that was not written: exit 1 if another one is there, else 3.
    pub fn of_file(refused: Refused) -> Self {
        let exit = if refused.name == "file-exists" { 1 } else { 3 };
        Self::new(exit, refused)
    }

    /// Any refusal with its exit code.
    pub fn new(exit: u8, refused: Refused) -> Self {
        Self { exit, refused }
    }

    /// Shows it and gives the exit code.
    pub fn show(&self, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
        let Refused {
            name, what, way_on, ..
        } = &self.refused;
        let shown = if json {
            let document = Json {
                refused: name,
                what,
                way_on,
            };
            let text = serde_json::to_string_pretty(&document).expect("strings");
            writeln!(out, "{text}")
        } else {
            writeln!(err, "{what} [{name}]\n{way_on}")
        };
        if shown.is_err() {
            self.exit.max(3)
        } else {
            self.exit
        }
    }
}

/// What could not be written to the standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let what = format!("The result could not be written: {error}.");
        Self::new(
            3,
            refused(
                "output-not-written",
                what,
                "Look at where the output goes, and start again.",
            ),
        )
    }
}
