//! wasi:clocks and wasi:random.

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::bindings::wasi::clocks::{monotonic_clock, timezone, wall_clock};
use super::bindings::wasi::random::{insecure, insecure_seed, random};
use super::io::Pollable;
use super::{READ_BYTES_MAX, Wasi};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use wasmtime::component::Resource;

impl monotonic_clock::Host for Wasi {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.kernel().age_ns())
    }

    async fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    async fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        let left = when.saturating_sub(self.kernel().age_ns());
        monotonic_clock::Host::subscribe_duration(self, left).await
    }

    async fn subscribe_duration(&mut self, length: u64) -> wasmtime::Result<Resource<Pollable>> {
        let at = Instant::now().checked_add(Duration::from_nanos(length));
        self.push(at.map_or(Pollable::Never, Pollable::At))
    }
}

impl wall_clock::Host for Wasi {
    async fn now(&mut self) -> wasmtime::Result<Datetime> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() })
    }

    async fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1 })
    }
}

/// UTC, whatever `TZ` says: that is the program's own business.
impl timezone::Host for Wasi {
    async fn display(&mut self, _when: Datetime) -> wasmtime::Result<timezone::TimezoneDisplay> {
        Ok(timezone::TimezoneDisplay {
            utc_offset: 0,
            name: "UTC".into(),
            in_daylight_saving_time: false,
        })
    }

    async fn utc_offset(&mut self, _when: Datetime) -> wasmtime::Result<i32> {
        Ok(0)
    }
}

/// As many random bytes as were asked for: a list of other length would be no answer, so more than the bound ends the program.
fn bytes(len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > 64 * READ_BYTES_MAX {
        wasmtime::bail!("get-random-bytes: more than 4 MiB at once");
    }
    let mut bytes = vec![0; usize::try_from(len)?];
    rand::fill(&mut bytes[..]);
    Ok(bytes)
}

impl random::Host for Wasi {
    async fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        tokio::task::yield_now().await;
        bytes(len)
    }

    async fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(rand::random())
    }
}

impl insecure::Host for Wasi {
    async fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        tokio::task::yield_now().await;
        bytes(len)
    }

    async fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(rand::random())
    }
}

impl insecure_seed::Host for Wasi {
    async fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((rand::random(), rand::random()))
    }
}
