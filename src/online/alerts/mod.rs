//! The alerts of requirements 9.1 and 9.2 as a rules file of Prometheus.
//!
//! 1. The two alerts of 9.2 stand first and verbatim. The others have names of their own, and the thresholds of 9.1; a class
//!    of snapshots is late when its next slot is past by some hours.
//! 2. A comparison with nothing is no alert: what must be there has an `absent()` rule. If the sources are named, each is
//!    missed for itself; else an alert comes when all are gone.
//! 3. Files that nobody writes any more go on being read, so their age is watched too.

mod rules;

use std::fmt::Write;

pub use rules::rules;

use crate::online::class::Class;

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody looks within a day.
    Warning,
    /// Somebody looks now.
    Critical,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rule {
    /// The alert's name.
    pub alert: String,
    /// When it holds, in PromQL.
    pub expr: String,
    /// How long it must hold.
    #[serde(rename = "for")]
    pub holds: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// What it says; Prometheus fills in the labels.
    pub summary: String,
}

/// Whether a text may be the name of a source here: as in a store, parts of `A-Z a-z 0-9 . _ -` separated by `/`.
pub fn valid_source(source: &str) -> bool {
    crate::online::store::valid_name(source)
}

/// How late a class may be, in seconds: hot 8 hours, daily 26 hours, weekly 8 days, monthly 32 days.
pub const fn late_seconds(class: Class) -> u32 {
    match class {
        Class::Hot => 8 * 3600,
        Class::Daily => 26 * 3600,
        Class::Weekly => 8 * 86_400,
        Class::Monthly => 32 * 86_400,
    }
}

/// The rules file. Nothing in it needs quoting but the summaries: expressions begin with a letter, and hold neither `: ` nor
/// ` #`, since sources are of few characters.
pub fn yaml(rules: &[Rule]) -> String {
    let mut text = String::from(
        "# Written by `qh-online alerts`: requirements 9.1 and 9.2.\ngroups:\n  - name: backup_alerts\n    rules:\n",
    );
    for (index, rule) in rules.iter().enumerate() {
        let severity = match rule.severity {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        let between = if index == 0 { "" } else { "\n" };
        let _ = write!(
            text,
            "{between}      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          severity: {severity}\n        \
             annotations:\n          summary: \"{}\"\n",
            rule.alert, rule.expr, rule.holds, rule.summary
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Requirement 9.2 as it stands in its document.
    const VERBATIM: &str = r#"groups:
  - name: backup_alerts
    rules:
      - alert: BackupTooOld
        expr: time() - qh_last_backup_timestamp > 86400
        for: 1h
        labels:
          severity: warning
        annotations:
          summary: "Chain backup older than 24 hours"

      - alert: BackupVerificationFailed
        expr: qh_backup_verification_success == 0
        for: 5m
        labels:
          severity: critical
        annotations:
          summary: "Backup verification failed"
"#;

    #[test]
    fn the_alerts_of_the_requirements_stand_verbatim() {
        for sources in [vec![], vec!["dev3/node-1".to_owned()]] {
            assert!(yaml(&rules(&sources)).contains(VERBATIM));
        }
    }

    #[test]
    fn names_differ_and_expressions_need_no_quotes() {
        let rules = rules(&["dev3/node-1".into(), "dev3/node.2".into()]);
        let names: BTreeSet<_> = rules.iter().map(|rule| &rule.alert).collect();
        assert_eq!(names.len(), rules.len());
        for rule in &rules {
            assert!(
                !rule.expr.contains(": ") && !rule.expr.contains(" #") && !rule.expr.contains('\n'),
                "{}",
                rule.expr
            );
            assert!(
                rule.expr.starts_with(|c: char| c.is_ascii_lowercase()),
                "{}",
                rule.expr
            );
            assert!(!rule.summary.contains(['"', '\\']), "{}", rule.summary);
        }
        let missing = rules
            .iter()
            .find(|rule| rule.alert == "SnapshotHotMissing")
            .unwrap();
        assert_eq!(
            missing.expr,
            "absent(qh_snapshot_last_timestamp_seconds{source=\"dev3/node-1\",class=\"hot\"}) or \
             absent(qh_snapshot_last_timestamp_seconds{source=\"dev3/node.2\",class=\"hot\"})"
        );
        let missing = rules
            .iter()
            .find(|rule| rule.alert == "SnapshotMetricsMissing")
            .unwrap();
        assert!(
            missing.expr.contains("qh_snapshot_dev3_2fnode[.]2[.]prom"),
            "{}",
            missing.expr
        );
    }

    /// Each metric that an alert reads is written by us or by node_exporter.
    #[test]
    fn every_metric_is_written_by_somebody() {
        let host = include_str!("../metrics/host.rs");
        let verifier = include_str!("../metrics/verifier.rs");
        let mut seen = 0;
        for rule in rules(&[]) {
            for word in rule
                .expr
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            {
                let ours =
                    word.starts_with("qh_") && !["qh_snapshot_", "qh_verify_"].contains(&word);
                if ours {
                    let written = format!("\"{word}\"");
                    assert!(
                        host.contains(&written) || verifier.contains(&written),
                        "{word}"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen >= 30, "{seen}");
    }
}
