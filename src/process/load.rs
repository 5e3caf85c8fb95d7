//! The load average: how many processors' worth of work there was, damped over 1, 5 and 15 minutes.
//!
//! Computed when asked, from the CPU time used since it was last asked: nothing runs to keep it up.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Time constants of the three averages.
const PERIODS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900)];

/// The averages of one sandbox.
#[derive(Debug)]
pub(crate) struct Load(Mutex<Sample>);

#[derive(Debug)]
struct Sample {
    at: Instant,
    cpu_ns: u64,
    averages: [f64; 3],
}

impl Load {
    /// No load yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Sample { at: now, cpu_ns: 0, averages: [0.0; 3] }))
    }

    /// The averages at `now`, when `cpu_ns` nanoseconds have been used in all.
    pub(crate) fn averages(&self, now: Instant, cpu_ns: u64) -> [f64; 3] {
        let mut sample = self.0.lock();
        let elapsed = now.saturating_duration_since(sample.at).as_secs_f64();
        if elapsed > 0.0 {
            let busy = cpu_ns.saturating_sub(sample.cpu_ns) as f64 / 1e9 / elapsed;
            for (average, period) in sample.averages.iter_mut().zip(PERIODS) {
                let kept = (-elapsed / period.as_secs_f64()).exp();
                *average = *average * kept + busy * (1.0 - kept);
            }
            (sample.at, sample.cpu_ns) = (now, cpu_ns);
        }
        sample.averages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_approaches_the_work_done_and_falls_when_idle() {
        let start = Instant::now();
        let load = Load::new(start);
        // Two processors busy for a minute: 1 - 1/e of the way in the first average.
        let minute = load.averages(start + Duration::from_secs(60), 120_000_000_000);
        assert!((minute[0] - 2.0 * (1.0 - (-1.0f64).exp())).abs() < 1e-9);
        assert!(minute[0] > minute[1] && minute[1] > minute[2] && minute[2] > 0.0);
        let later = load.averages(start + Duration::from_secs(7200), 120_000_000_000);
        assert!(later[0] < 1e-6 && later[2] < minute[2]);
    }
}
