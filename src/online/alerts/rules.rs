//! The rules themselves.

use super::{Rule, Severity, late_seconds};
use crate::online::class::Class;
use crate::online::metrics::{host_file, verifier_file};

const OF_STORE: &str = "{{ $labels.source }} in {{ $labels.store }}";
const OF_SOURCE: &str = "{{ $labels.source }}";

/// All rules. `sources` are those that must be there; none means any.
pub fn rules(sources: &[String]) -> Vec<Rule> {
    use Severity::{Critical, Warning};
    let rule = |alert: &str, expr: String, holds, severity, summary: &str| Rule {
        alert: alert.into(),
        expr,
        holds,
        severity,
        summary: summary.into(),
    };
    let metric = |expr: &str| expr.to_owned();
    let gone = |metrics: &[&str]| absent(metrics, "", sources);
    let mut rules = vec![
        rule(
            "BackupTooOld",
            metric("time() - qh_last_backup_timestamp > 86400"),
            "1h",
            Warning,
            "Chain backup older than 24 hours",
        ),
        rule(
            "BackupVerificationFailed",
            metric("qh_backup_verification_success == 0"),
            "5m",
            Critical,
            "Backup verification failed",
        ),
        rule(
            "BackupFarTooOld",
            metric("time() - qh_last_backup_timestamp > 172800"),
            "5m",
            Critical,
            &format!("Chain backup of {OF_STORE} older than 48 hours"),
        ),
        rule(
            "BackupMissing",
            gone(&["qh_last_backup_timestamp"]),
            "1h",
            Critical,
            "No host tells when it last made a chain backup",
        ),
        rule(
            "BackupSizeChanged",
            metric("qh_snapshot_size_variance_ratio > 0.5"),
            "5m",
            Warning,
            &format!("Size of the chain backup of {OF_STORE} changed by more than 50 %"),
        ),
        rule(
            "BackupSizeMissing",
            gone(&["qh_snapshot_size_bytes"]),
            "1h",
            Warning,
            "No host tells the size of its last chain backup",
        ),
        rule(
            "BackupVerificationTooOld",
            metric("time() - qh_backup_verification_timestamp_seconds > 691200"),
            "1h",
            Warning,
            &format!("Chain backups of {OF_STORE} not verified for more than 8 days"),
        ),
        rule(
            "BackupVerificationMissing",
            gone(&[
                "qh_backup_verification_success",
                "qh_backup_verification_timestamp_seconds",
            ]),
            "1h",
            Warning,
            "No verifier tells whether chain backups are good",
        ),
        rule(
            "BackupVerificationRunFailed",
            metric("qh_backup_verification_last_run_success == 0"),
            "5m",
            Warning,
            &format!("The verifier's last run for {OF_SOURCE} did not come to its end"),
        ),
        rule(
            "BackupVerificationRunMissing",
            gone(&["qh_backup_verification_last_run_success"]),
            "1h",
            Warning,
            "No verifier tells how its last run ended",
        ),
        rule(
            "BackupGoodTooOld",
            metric("time() - qh_snapshot_last_good_timestamp_seconds > 691200"),
            "1h",
            Warning,
            &format!("Newest good chain backup of {OF_STORE} older than 8 days"),
        ),
        rule(
            "BackupGoodMissing",
            gone(&["qh_snapshot_last_good_timestamp_seconds"]),
            "1h",
            Warning,
            "No verifier knows of a good chain backup",
        ),
        rule(
            "BackupReplicationLag",
            metric("qh_backup_replication_lag_seconds > 3600"),
            "5m",
            Warning,
            &format!("Chain backups of {OF_STORE} lag by more than 1 hour"),
        ),
        rule(
            "BackupReplicationUnknown",
            gone(&["qh_backup_replication_lag_seconds"]),
            "1h",
            Warning,
            "No verifier tells the replication lag of chain backups",
        ),
        rule(
            "BackupStoreUnreachable",
            metric("qh_backup_store_reachable == 0"),
            "1h",
            Warning,
            &format!("The verifier can't ask for the backups of {OF_STORE}"),
        ),
        rule(
            "SnapshotRunFailed",
            metric("qh_snapshot_last_run_success == 0"),
            "5m",
            Warning,
            &format!("The last snapshot run of {OF_SOURCE} failed"),
        ),
        rule(
            "SnapshotRunMissing",
            gone(&["qh_snapshot_last_run_success"]),
            "1h",
            Warning,
            "No host tells how its last snapshot run ended",
        ),
        rule(
            "SnapshotStopWindowTooLong",
            metric("qh_snapshot_stop_window_seconds > qh_snapshot_stop_window_limit_seconds"),
            "1m",
            Warning,
            &format!("A snapshot of {OF_SOURCE} stopped the node for longer than allowed"),
        ),
        rule(
            "SnapshotStopWindowMissing",
            gone(&[
                "qh_snapshot_stop_window_seconds",
                "qh_snapshot_stop_window_limit_seconds",
            ]),
            "1h",
            Warning,
            "No host tells how long snapshots stop the node",
        ),
    ];
    for class in Class::ALL {
        let (label, name) = (format!("class=\"{class}\""), title(class));
        let late = late_seconds(class);
        let age = format!("time() - qh_snapshot_last_timestamp_seconds{{{label}}} > {late}");
        rules.push(rule(
            &format!("Snapshot{name}Late"),
            age,
            "5m",
            Warning,
            &format!("The {class} snapshot of {OF_STORE} is late"),
        ));
        let gone = absent(&["qh_snapshot_last_timestamp_seconds"], &label, sources);
        rules.push(rule(
            &format!("Snapshot{name}Missing"),
            gone,
            "1h",
            Warning,
            &format!("No host tells when it last made a {class} snapshot"),
        ));
    }
    let silent = |file: &str, limit: u32| {
        format!("time() - node_textfile_mtime_seconds{{{file}}} > {limit}")
    };
    let any = |pattern: &str| format!("file=~\"(.*/)?{pattern}[.]prom\"");
    let files = |of: fn(&str) -> String, any_of: String| match sources {
        [] => vec![any_of],
        // The names hold no character that a pattern would read otherwise, but for the dot.
        _ => sources
            .iter()
            .map(|source| format!("file=~\"(.*/)?{}\"", of(source).replace('.', "[.]")))
            .collect(),
    };
    let none = |files: Vec<String>| {
        let each: Vec<_> = files
            .iter()
            .map(|file| format!("absent(node_textfile_mtime_seconds{{{file}}})"))
            .collect();
        each.join(" or ")
    };
    let (host, verifier) = (any("qh_snapshot_.*"), any("qh_verify_.*"));
    rules.extend([
        rule(
            "SnapshotMetricsStale",
            silent(&host, late_seconds(Class::Hot)),
            "5m",
            Warning,
            "{{ $labels.file }} was not written for more than 8 hours",
        ),
        rule(
            "SnapshotMetricsMissing",
            none(files(host_file, host.clone())),
            "1h",
            Warning,
            "A host's file of snapshot metrics is missing",
        ),
        rule(
            "BackupVerificationMetricsStale",
            silent(&verifier, late_seconds(Class::Daily)),
            "5m",
            Warning,
            "{{ $labels.file }} was not written for more than 26 hours",
        ),
        rule(
            "BackupVerificationMetricsMissing",
            none(files(verifier_file, verifier.clone())),
            "1h",
            Warning,
            "A verifier's file of metrics is missing",
        ),
        rule(
            "BackupMetricsUnreadable",
            metric("node_textfile_scrape_error == 1"),
            "15m",
            Warning,
            "node_exporter can't read its text files; those of backups may be among them",
        ),
    ]);
    rules
}

/// True where one of the metrics is missing.
fn absent(metrics: &[&str], label: &str, sources: &[String]) -> String {
    let mut each = Vec::new();
    for metric in metrics {
        if sources.is_empty() {
            each.push(match label {
                "" => format!("absent({metric})"),
                label => format!("absent({metric}{{{label}}})"),
            });
        }
        for source in sources {
            let comma = if label.is_empty() { "" } else { "," };
            each.push(format!(
                "absent({metric}{{source=\"{source}\"{comma}{label}}})"
            ));
        }
    }
    each.join(" or ")
}

fn title(class: Class) -> &'static str {
    match class {
        Class::Hot => "Hot",
        Class::Daily => "Daily",
        Class::Weekly => "Weekly",
        Class::Monthly => "Monthly",
    }
}
