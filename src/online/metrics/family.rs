//! The text format of Prometheus, as much of it as gauges need.

use std::fmt;

/// A metric with its help and its series, all of them gauges.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    series: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Family {
    /// A metric without series yet. Without any, it writes nothing.
    pub fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            series: Vec::new(),
        }
    }

    /// Adds a series, if its value is known.
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            let labels = labels
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()));
            self.series.push((labels.collect(), value));
        }
    }

    /// The metric with one series.
    pub fn one(
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: Option<f64>,
    ) -> Self {
        let mut family = Self::new(name, help);
        family.add(labels, value);
        family
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.series.is_empty() {
            return Ok(());
        }
        let help = self.help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(f, "# HELP {} {help}\n# TYPE {} gauge", self.name, self.name)?;
        for (labels, value) in &self.series {
            let labels: Vec<_> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels = match labels.len() {
                0 => String::new(),
                _ => format!("{{{}}}", labels.join(",")),
            };
            writeln!(f, "{}{labels} {}", self.name, number(*value))?;
        }
        Ok(())
    }
}

/// A label's value: backslash, quote and line end are written as two characters.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Rust writes numbers as Prometheus reads them, but for infinity.
fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    value.to_string()
}

/// Seconds since 1970.
pub(super) fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

/// A count or a size; above 2^53 the nearest that there is.
pub(super) fn count(count: u64) -> f64 {
    #[allow(
        clippy::cast_precision_loss,
        reason = "gauges are floating point numbers, whatever they count"
    )]
    let count = count as f64;
    count
}

/// 1 or 0.
pub(super) fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_writes_what_prometheus_reads() {
        let mut family = Family::new("qh_x", "A \\ and\na line.");
        assert_eq!(family.to_string(), "");
        family.add(&[], None);
        assert_eq!(family.to_string(), "");
        family.add(&[], Some(1_795_000_000.0));
        family.add(&[("a", "\\\"\n"), ("b", "")], Some(0.1));
        family.add(&[("a", "x")], Some(f64::INFINITY));
        family.add(&[("a", "y")], Some(f64::NEG_INFINITY));
        family.add(&[("a", "z")], Some(f64::NAN));
        assert_eq!(
            family.to_string(),
            "# HELP qh_x A \\\\ and\\na line.\n# TYPE qh_x gauge\nqh_x 1795000000\n\
             qh_x{a=\"\\\\\\\"\\n\",b=\"\"} 0.1\nqh_x{a=\"x\"} +Inf\nqh_x{a=\"y\"} -Inf\nqh_x{a=\"z\"} NaN\n"
        );
    }
}
