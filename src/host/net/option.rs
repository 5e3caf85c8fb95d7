//! setsockopt and getsockopt: the layouts of option values. Which options exist, and their ranges, is the network's.

use super::Open;
use crate::errno::Errno;
use crate::host::Call;
use crate::vnet::{Kind, SOL_SOCKET, SOL_TCP};
use std::time::Duration;

const SO_LINGER: i32 = 13;
/// With 32-bit seconds, and with 64-bit ones, which musl uses.
const SO_RCVTIMEO_OLD: i32 = 20;
const SO_SNDTIMEO_OLD: i32 = 21;
const SO_RCVTIMEO: i32 = 66;
const SO_SNDTIMEO: i32 = 67;
const TCP_INFO: i32 = 11;
const TCP_CONGESTION: i32 = 13;
/// Size of `struct tcp_info` as of Linux 3.15, whose first byte is the state.
const TCP_INFO_BYTES: usize = 192;
/// Linux's default congestion control; memory has none.
const CONGESTION: &[u8; 16] = b"cubic\0\0\0\0\0\0\0\0\0\0\0";
/// The longest option value that is looked at.
const VALUE_BYTES_MAX: u32 = 64;

/// `setsockopt(fd, level, name, value, length)`
pub(super) fn setsockopt(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, level, name, value, len, _] = call.args;
    let (level, name) = (level.cast_signed(), name.cast_signed());
    let open = Open::of(call)?;
    if len.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let bytes = call.bytes(value, len.min(VALUE_BYTES_MAX) as usize)?.to_vec();
    match (level, name) {
        (SOL_SOCKET, SO_LINGER) => {
            let (on, seconds) = (int(&bytes, 0)?, int(&bytes, 4)?);
            open.socket.set_linger((on != 0).then_some(seconds.cast_unsigned()));
        }
        (SOL_SOCKET, SO_RCVTIMEO) => open.socket.set_recv_timeout(timeout64(&bytes)?),
        (SOL_SOCKET, SO_SNDTIMEO) => open.socket.set_send_timeout(timeout64(&bytes)?),
        (SOL_SOCKET, SO_RCVTIMEO_OLD) => open.socket.set_recv_timeout(timeout32(&bytes)?),
        (SOL_SOCKET, SO_SNDTIMEO_OLD) => open.socket.set_send_timeout(timeout32(&bytes)?),
        (SOL_TCP, TCP_CONGESTION) if open.socket.kind() == Kind::Stream => {
            let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            if name != b"cubic" && name != b"reno" {
                return Err(Errno::NOENT);
            }
        }
        _ => open.socket.set_option(level, name, number(level, &bytes)?)?,
    }
    Ok(0)
}

/// `getsockopt(fd, level, name, value, length)`
pub(super) fn getsockopt(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [_, level, name, value, len_pointer, _] = call.args;
    let (level, name) = (level.cast_signed(), name.cast_signed());
    let open = Open::of(call)?;
    let room: u32 = call.read(len_pointer)?;
    if room.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    let socket = &open.socket;
    let stream = socket.kind() == Kind::Stream;
    let answer = match (level, name) {
        (SOL_SOCKET, SO_LINGER) => {
            let (on, seconds) = socket.linger();
            [u32::from(on).to_le_bytes(), seconds.to_le_bytes()].concat()
        }
        (SOL_SOCKET, SO_RCVTIMEO) => bytes64(socket.recv_timeout()),
        (SOL_SOCKET, SO_SNDTIMEO) => bytes64(socket.send_timeout()),
        (SOL_SOCKET, SO_RCVTIMEO_OLD) => bytes32(socket.recv_timeout()),
        (SOL_SOCKET, SO_SNDTIMEO_OLD) => bytes32(socket.send_timeout()),
        (SOL_TCP, TCP_INFO) if stream => {
            let mut info = vec![0; TCP_INFO_BYTES];
            info[0] = socket.tcp_state();
            info
        }
        (SOL_TCP, TCP_CONGESTION) if stream => CONGESTION.to_vec(),
        _ => socket.option(level, name)?.to_le_bytes().to_vec(),
    };
    let count = answer.len().min(room as usize);
    call.bytes(value, count)?.copy_from_slice(&answer[..count]);
    let count = u32::try_from(count).expect("an option value is short");
    call.write(len_pointer, &count)?;
    Ok(0)
}

/// The whole number at `offset`.
fn int(bytes: &[u8], offset: usize) -> Result<i32, Errno> {
    let rest = bytes.get(offset..).unwrap_or_default();
    rest.first_chunk::<4>().map(|word| i32::from_le_bytes(*word)).ok_or(Errno::INVAL)
}

/// An option's number: a word; at the levels of IP one byte will do.
fn number(level: i32, bytes: &[u8]) -> Result<i32, Errno> {
    match bytes {
        [byte, ..] if bytes.len() < 4 && level != SOL_SOCKET && level != SOL_TCP => {
            Ok(i32::from(*byte))
        }
        _ => int(bytes, 0),
    }
}

/// `struct timeval` with 64-bit members; zero is no limit.
fn timeout64(bytes: &[u8]) -> Result<Option<Duration>, Errno> {
    let (seconds, rest) = bytes.split_first_chunk::<8>().ok_or(Errno::INVAL)?;
    let micros = rest.first_chunk::<8>().ok_or(Errno::INVAL)?;
    timeout(i64::from_le_bytes(*seconds), i64::from_le_bytes(*micros))
}

/// The old `struct timeval` with 32-bit members.
fn timeout32(bytes: &[u8]) -> Result<Option<Duration>, Errno> {
    timeout(int(bytes, 0)?.into(), int(bytes, 4)?.into())
}

/// # Errors
///
/// EDOM for microseconds out of range, as Linux says.
fn timeout(seconds: i64, micros: i64) -> Result<Option<Duration>, Errno> {
    /// Longer waits are taken for this one, a hundred years.
    const LIMIT_S: u64 = 100 * 366 * 24 * 3600;
    let micros = u32::try_from(micros).ok().filter(|&micros| micros < 1_000_000);
    let micros = micros.ok_or(Errno::DOM)?;
    // Linux: a negative time is up at once.
    let Ok(seconds) = u64::try_from(seconds) else { return Ok(Some(Duration::ZERO)) };
    let duration = Duration::new(seconds.min(LIMIT_S), micros * 1000);
    Ok((!duration.is_zero()).then_some(duration))
}

fn bytes64(timeout: Option<Duration>) -> Vec<u8> {
    let timeout = timeout.unwrap_or_default();
    let micros = u64::from(timeout.subsec_micros());
    [timeout.as_secs().to_le_bytes(), micros.to_le_bytes()].concat()
}

fn bytes32(timeout: Option<Duration>) -> Vec<u8> {
    let timeout = timeout.unwrap_or_default();
    let seconds = i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX).cast_unsigned();
    [seconds.to_le_bytes(), timeout.subsec_micros().to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        let bytes = bytes64(Some(Duration::from_millis(1500)));
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 0x20, 0xa1, 7, 0, 0, 0, 0, 0]);
        assert_eq!(timeout64(&bytes), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(timeout64(&[0; 16]), Ok(None));
        assert_eq!(timeout64(&[0; 15]), Err(Errno::INVAL));
        assert_eq!(
            timeout32(&bytes32(Some(Duration::from_secs(7)))),
            Ok(Some(Duration::from_secs(7)))
        );
        assert_eq!(timeout(0, 1_000_000), Err(Errno::DOM));
        assert_eq!(timeout(0, -1), Err(Errno::DOM));
        assert_eq!(timeout(-1, 0), Ok(Some(Duration::ZERO)));
    }

    #[test]
    fn numbers() {
        assert_eq!(number(SOL_SOCKET, &[1, 0, 0, 0, 9]), Ok(1));
        assert_eq!(number(SOL_SOCKET, &[1]), Err(Errno::INVAL));
        assert_eq!(number(41, &[1]), Ok(1));
        assert_eq!(number(SOL_SOCKET, &[]), Err(Errno::INVAL));
    }
}
