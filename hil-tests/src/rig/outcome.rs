//! True errors that a run brought home, and their summary.

use std::fs;
use std::path::{Path, PathBuf};

use super::guest::Job;
use super::image::{RigError, io_error};

/// The window of the MTIE in tables, seconds.
const MTIE_WINDOW: f64 = 10.0;

/// A clock's true error over time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// As the scenario calls it.
    pub label: String,
    /// Seconds, and clock minus truth in ns.
    pub points: Vec<(f64, f64)>,
}

/// A series in four numbers, ns.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Root of the mean square, about zero.
    pub rms: f64,
    /// Largest magnitude.
    pub max: f64,
    /// Maximum time interval error over windows of 10 s: the most that the error changes within one.
    pub mtie: f64,
}

impl Series {
    fn parse(label: &str, text: &str) -> Self {
        let points = text
            .lines()
            .filter_map(|line| {
                let (time, error) = line.split_once(' ')?;
                Some((time.parse().ok()?, error.trim().parse().ok()?))
            })
            .collect();
        Self { label: label.to_owned(), points }
    }

    /// `None` of an empty series.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        if self.points.is_empty() {
            return None;
        }
        let n = self.points.len() as f64;
        let mean = self.points.iter().map(|p| p.1).sum::<f64>() / n;
        let rms = (self.points.iter().map(|p| p.1 * p.1).sum::<f64>() / n).sqrt();
        let max = self.points.iter().map(|p| p.1.abs()).fold(0.0, f64::max);
        let mut mtie = 0.0_f64;
        for (i, from) in self.points.iter().enumerate() {
            let window = self.points.iter().skip(i).take_while(|p| p.0 <= from.0 + MTIE_WINDOW);
            let (low, high) = window
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.1), high.max(p.1)));
            mtie = mtie.max(high - low);
        }
        Some(Summary { mean, rms, max, mtie })
    }
}

/// What a job came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub job: Job,
    /// The script's exit status; 0 is good.
    pub status: i32,
    /// Why this side cannot do the scenario, if it cannot; then nothing was measured.
    pub absent: Option<String>,
    /// What it measured.
    pub series: Vec<Series>,
    /// Its files: logs of all programs, series, the script's own words.
    pub directory: PathBuf,
}

impl Outcome {
    pub(super) fn read(job: &Job, directory: &Path) -> Result<Self, RigError> {
        let text =
            fs::read_to_string(directory.join("status")).map_err(io_error(format!("{job:?}: its status")))?;
        let status =
            text.trim().parse().map_err(|_| RigError::Guest(format!("{job:?}: status {:?}", text.trim())))?;
        let mut series = Vec::new();
        for entry in fs::read_dir(directory).map_err(io_error(directory.display().to_string()))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "series") {
                let label = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
                let text = fs::read_to_string(&path).map_err(io_error(path.display().to_string()))?;
                series.push(Series::parse(&label, &text));
            }
        }
        series.sort_by(|a, b| a.label.cmp(&b.label));
        let absent = fs::read_to_string(directory.join("absent")).ok().map(|text| text.trim().to_owned());
        Ok(Self { job: job.clone(), status, absent, series, directory: directory.to_owned() })
    }

    /// The summary of the series of this label.
    #[must_use]
    pub fn summary(&self, label: &str) -> Option<Summary> {
        self.series.iter().find(|s| s.label == label)?.summary()
    }

    /// The text of one of its files; empty without it.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_in_four_numbers() {
        let series = Series::parse("client", "0.0 3.0\n5.0 -1.0\nrubbish\n20.0 4.0\n");
        let s = series.summary().expect("three points");
        assert!((s.mean - 2.0).abs() < 1e-9 && (s.max - 4.0).abs() < 1e-9);
        assert!((s.rms - (26.0_f64 / 3.0).sqrt()).abs() < 1e-9);
        assert!((s.mtie - 4.0).abs() < 1e-9, "{}", s.mtie);
        assert!(Series::default().summary().is_none());
    }
}
