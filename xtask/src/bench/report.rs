//! [`Report`]: figures as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::filled::Sizes;
use super::rows::{Row, Unit};

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    pub(super) value: f64,
    /// Of the server, while it ran.
    pub(super) cpu_seconds: f64,
    /// Of the load generator, which is another process.
    pub(super) load_cpu_seconds: f64,
    /// To the disk that the server uses, while it ran.
    pub(super) written_octets: u64,
    /// How often it had the disk confirm, where that was counted.
    pub(super) syncs: Option<u64>,
}

pub(super) struct Report {
    /// What it is of, where several are put side by side.
    label: String,
    sizes: Sizes,
    rounds: usize,
    /// Rows in their order, each with the figures by server.
    rows: Vec<(&'static Row, BTreeMap<String, Vec<Figure>>)>,
    /// The most memory that a server had behind a row, by server.
    pub(super) peak_kib: BTreeMap<String, u64>,
}

impl Unit {
    /// For a person.
    pub(super) fn text(self, value: f64) -> String {
        let digits = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            3
        };
        let unit = match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => " ms",
            Self::MegabytesPerSecond => " MB/s",
            Self::Kibibytes => " KiB",
        };
        format!("{value:.digits$}{unit}")
    }

    /// How much better the first is than the second.
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::PerSecond | Self::MegabytesPerSecond => ours / theirs,
            Self::Milliseconds | Self::Kibibytes => theirs / ours,
        }
    }
}

impl Report {
    pub(super) fn new(label: String, sizes: Sizes, rounds: usize) -> Self {
        Self { label, sizes, rounds, rows: Vec::new(), peak_kib: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, row: &'static Row, server: &str, figure: Figure) {
        let at = self.rows.iter().position(|(known, _)| known.name == row.name).unwrap_or_else(|| {
            self.rows.push((row, BTreeMap::new()));
            self.rows.len() - 1
        });
        self.rows[at].1.entry(server.to_owned()).or_default().push(figure);
    }

    /// Medians, the spread between brackets, CPU seconds and megabytes written of the median round, and the ratio to ours.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "{} messages of {} octets, {} rounds, medians [least to most]\n\n| work | server | figure | CPU s | of the load | MB written | syncs | restante is better by | target |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
            self.sizes.messages, self.sizes.octets, self.rounds
        );
        for (row, servers) in &self.rows {
            let ours = servers.get("restante").map(|figures| median(figures).value);
            for (name, figures) in servers.iter().rev() {
                let figure = median(figures);
                let (least, most) = spread(figures);
                let is_ours = name == "restante";
                let ratio = match ours {
                    Some(ours) if !is_ours => format!("{:.1}", row.unit.ratio(ours, figure.value)),
                    _ => String::new(),
                };
                let target = if is_ours { String::new() } else { format!("{}", row.target) };
                let _ = writeln!(
                    out,
                    "| {} | {name} | {} [{} to {}] | {:.2} | {:.2} | {:.1} | {} | {ratio} | {target} |",
                    row.name,
                    row.unit.text(figure.value),
                    row.unit.text(least),
                    row.unit.text(most),
                    figure.cpu_seconds,
                    figure.load_cpu_seconds,
                    figure.written_octets as f64 / 1e6,
                    figure.syncs.map_or_else(String::new, |syncs| syncs.to_string()),
                );
            }
        }
        for (name, kib) in &self.peak_kib {
            let _ = writeln!(
                out,
                "\n{name}: {:.1} MiB of memory at the most, measured behind each row",
                *kib as f64 / 1024.0
            );
        }
        out
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|(row, servers)| {
            let servers = servers.iter().map(|(name, figures)| {
                let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
                let median = median(figures);
                let told = serde_json::json!({
                    "median": median.value, "values": values, "cpu_seconds": median.cpu_seconds,
                    "load_cpu_seconds": median.load_cpu_seconds,
                    "written_octets": median.written_octets, "syncs": median.syncs,
                });
                (name.clone(), told)
            });
            let servers: serde_json::Map<_, _> = servers.collect();
            serde_json::json!({ "work": row.name, "unit": row.unit.text(0.0).trim_start_matches(['0', '.', ' ']), "target_ratio": row.target, "servers": servers })
        });
        serde_json::json!({
            "label": self.label, "idle": self.sizes.idle, "messages": self.sizes.messages, "octets": self.sizes.octets, "rounds": self.rounds,
            "peak_kib": self.peak_kib, "rows": rows.collect::<Vec<_>>(),
        })
    }
}

/// How each row grows: a column for each report, ours and how much better it is than the first server beside it.
pub(super) fn scale_table(reports: &[Report]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let mut out = "| work |".to_owned();
    for report in reports {
        let _ = write!(out, " {} |", report.label);
    }
    let _ = writeln!(out, "\n| --- |{}", " --- |".repeat(reports.len()));
    for (row, _) in &first.rows {
        let _ = write!(out, "| {} |", row.name);
        for report in reports {
            let servers = report.rows.iter().find(|(other, _)| other.name == row.name).map(|(_, it)| it);
            let ours = servers.and_then(|it| it.get("restante")).map(|figures| median(figures).value);
            let theirs = servers.and_then(|it| it.iter().find(|(name, _)| *name != "restante"));
            let theirs = theirs.map(|(_, figures)| median(figures).value);
            let _ = match (ours, theirs) {
                (Some(ours), Some(theirs)) => {
                    write!(out, " {} ({:.1}x) |", row.unit.text(ours), row.unit.ratio(ours, theirs))
                }
                (Some(ours), None) => write!(out, " {} |", row.unit.text(ours)),
                _ => write!(out, " |"),
            };
        }
        out.push('\n');
    }
    out
}

fn median(figures: &[Figure]) -> Figure {
    let mut sorted = figures.to_vec();
    sorted.sort_by(|one, other| one.value.total_cmp(&other.value));
    sorted[sorted.len() / 2]
}

fn spread(figures: &[Figure]) -> (f64, f64) {
    let values = figures.iter().map(|figure| figure.value);
    values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_ratios_say_who_is_better() {
        let figures = [3.0, 1.0, 2.0].map(|value| Figure {
            value,
            cpu_seconds: 0.0,
            load_cpu_seconds: 0.0,
            written_octets: 0,
            syncs: None,
        });
        assert_eq!(median(&figures).value, 2.0);
        assert_eq!(spread(&figures), (1.0, 3.0));
        assert_eq!(Unit::PerSecond.ratio(10.0, 5.0), 2.0);
        assert_eq!(Unit::Milliseconds.ratio(5.0, 10.0), 2.0);
    }
}
