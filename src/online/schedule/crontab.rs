//! The text of cron's files.

use super::units::{HEAD, Host, command, marker};
use crate::online::class::Class;

/// The times of the verifier's two lines; as its timers of systemd.
const VERIFY: &str = "30 6 * * 0";
const PRUNE: &str = "30 5 * * *";

/// The slots of a class, as cron writes them.
pub(super) const fn fields(class: Class) -> &'static str {
    match class {
        Class::Hot => "0 0,6,12,18 * * *",
        Class::Daily => "0 2 * * *",
        Class::Weekly => "0 3 * * 0",
        Class::Monthly => "0 4 1 * *",
    }
}

const CRON_HEAD: &str = "SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Cronie reads the times below in UTC; other crons don't know this setting and read them in the machine's own zone.
CRON_TZ=UTC
";

/// What is run: at low priority, quiet unless something is wrong, since cron sends by mail what is said.
fn quiet(host: &Host, what: &str) -> String {
    format!(
        "root nice -n 10 ionice -c 2 -n 7 {} >/dev/null",
        command(host, what)
    )
}

pub(super) fn host(host: &Host) -> String {
    let create = quiet(host, "snapshot create --due");
    let slots: String = Class::ALL
        .into_iter()
        .map(|class| format!("# {class}\n{} {create}\n", fields(class)))
        .collect();
    let marker = marker(host).display().to_string();
    let resume = format!(
        "[ ! -e {marker} ] || {} >/dev/null",
        command(host, "snapshot resume-node")
    );
    format!(
        "{HEAD}{CRON_HEAD}
{slots}
# What was missed, failed, or fell into another hour for want of CRON_TZ. It ends at once if nothing is due.
17 * * * * {create}

# A node that a run stopped, and did not start again, within half a minute.
@reboot root {resume}
* * * * * root {resume}
* * * * * root sleep 30; {resume}
"
    )
}

pub(super) fn verifier(host: &Host) -> String {
    let (verify, prune) = (
        quiet(host, "verify snapshots"),
        quiet(host, "snapshot prune"),
    );
    format!(
        "{HEAD}{CRON_HEAD}
# Restores snapshots and attests the good ones.
{} {verify}
# Deletes what has expired, by its plan.
{} {prune}
",
        VERIFY, PRUNE
    )
}
