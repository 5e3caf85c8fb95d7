//! The table at the end of a run: isolet's mean beside its native twin's, from criterion's own files.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The name that both sides of a group have.
pub const ISOLET: &str = "isolet";
/// See [`ISOLET`].
pub const NATIVE: &str = "native";

/// Prints one line for each group that has both sides. Groups that this run did not measure show what an
/// earlier run left, as criterion's reports do.
pub fn print(results: &Path) {
    let mut lines = Vec::new();
    for entry in fs::read_dir(results).into_iter().flatten().flatten() {
        let group = entry.file_name().to_string_lossy().into_owned();
        let sides = (mean(&entry.path().join(ISOLET)), mean(&entry.path().join(NATIVE)));
        if let (Some(isolet), Some(native)) = sides {
            let ratio = isolet.as_secs_f64() / native.as_secs_f64();
            let times = format!("{isolet:>12.2?} isolet {native:>12.2?} native");
            lines.push(format!("{group:<24}{times} {ratio:>8.2} times"));
        }
    }
    lines.sort();
    println!("{}", lines.join("\n"));
}

/// The mean time of one side; `None` where it was not measured.
fn mean(side: &Path) -> Option<Duration> {
    let text = fs::read_to_string(side.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    // Criterion's unit is the nanosecond.
    Some(Duration::from_secs_f64(estimates["mean"]["point_estimate"].as_f64()? / 1e9))
}
