//! Control messages of sendmsg(2) and recvmsg(2), laid out as cmsg(3) has them with 32-bit words.

use super::Call;
use super::net::message::MessageHeader;
use crate::errno::Errno;
use bytemuck::{Pod, Zeroable};

/// Bytes of control messages taken from the guest.
const CONTROL_BYTES_MAX: u32 = 16 << 10;
/// Flag of a received message: not all of its control messages had room (`MSG_CTRUNC`).
pub(super) const TRUNCATED: u32 = 0x8;
/// Size of a header.
pub(super) const HEADER: usize = size_of::<ControlHeader>();

/// `struct cmsghdr`, 32-bit; data and the next header follow at multiples of 4.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct ControlHeader {
    len: u32,
    level: u32,
    kind: u32,
}

/// One control message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) level: u32,
    pub(super) kind: u32,
    pub(super) data: Vec<u8>,
}

/// The control messages that a guest sends with the message of `header`.
///
/// # Errors
///
/// EFAULT, ENOBUFS for too much, EINVAL for a length that cannot be.
pub(super) fn read(call: &mut Call<'_>, header: &MessageHeader) -> Result<Vec<Control>, Errno> {
    if header.control == 0 || header.control_len == 0 {
        return Ok(Vec::new());
    }
    if header.control_len > CONTROL_BYTES_MAX {
        return Err(Errno::NOBUFS);
    }
    parse(call.bytes(header.control, header.control_len as usize)?)
}

fn parse(mut rest: &[u8]) -> Result<Vec<Control>, Errno> {
    let mut messages = Vec::new();
    while rest.len() >= HEADER {
        let about: ControlHeader = bytemuck::pod_read_unaligned(&rest[..HEADER]);
        let len = about.len as usize;
        let data = rest.get(HEADER..len).ok_or(Errno::INVAL)?.to_vec();
        messages.push(Control { level: about.level, kind: about.kind, data });
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(messages)
}

/// The room that a guest has for control messages, filled in order.
#[derive(Debug, Default)]
pub(super) struct Room {
    left: usize,
    bytes: Vec<u8>,
    truncated: bool,
}

impl Room {
    /// That of a message that is received.
    pub(super) fn of(header: &MessageHeader) -> Self {
        let left = if header.control == 0 { 0 } else { header.control_len as usize };
        Self { left, ..Self::default() }
    }

    /// Adds a message; as much of it as there is room for (Linux's `put_cmsg`).
    pub(super) fn put(&mut self, level: u32, kind: u32, data: &[u8]) {
        let whole = HEADER + data.len();
        self.truncated |= self.left < whole;
        if self.left < HEADER {
            return;
        }
        let end = self.bytes.len() + self.left.min(whole.next_multiple_of(4));
        let data = &data[..data.len().min(self.left - HEADER)];
        self.left -= end - self.bytes.len();
        push(&mut self.bytes, level, kind, data);
        // What was cut may end anywhere.
        self.bytes.resize(end, 0);
    }

    /// Writes what there is to the guest and says so in `header`.
    ///
    /// # Errors
    ///
    /// EFAULT.
    pub(super) fn write(
        self,
        call: &mut Call<'_>,
        header: &mut MessageHeader,
    ) -> Result<(), Errno> {
        call.bytes(header.control, self.bytes.len())?.copy_from_slice(&self.bytes);
        header.control_len = u32::try_from(self.bytes.len()).map_err(|_long| Errno::INVAL)?;
        header.flags |= if self.truncated { TRUNCATED } else { 0 };
        Ok(())
    }
}

/// Appends a control message, padded.
pub(super) fn push(control: &mut Vec<u8>, level: u32, kind: u32, data: &[u8]) {
    let len = u32::try_from(HEADER + data.len()).expect("control messages are short");
    control.extend_from_slice(bytemuck::bytes_of(&ControlHeader { len, level, kind }));
    control.extend_from_slice(data);
    control.resize(control.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read_again() {
        let mut room = Room { left: 100, ..Room::default() };
        room.put(41, 50, &[7; 5]);
        room.put(0, 1, &[9]);
        let first = Control { level: 41, kind: 50, data: vec![7; 5] };
        let second = Control { level: 0, kind: 1, data: vec![9] };
        assert_eq!(parse(&room.bytes), Ok(vec![first, second]));
        assert_eq!((room.bytes.len(), room.left, room.truncated), (36, 64, false));
    }

    #[test]
    fn what_has_no_room_is_cut() {
        // Room, and of what is put of 5 bytes: bytes written, the length in the header.
        for (left, bytes, len) in [(20, 20, 17), (17, 17, 17), (16, 16, 16), (12, 12, 12)] {
            let mut room = Room { left, ..Room::default() };
            room.put(1, 2, &[3; 5]);
            assert_eq!((room.bytes.len(), room.bytes[0], room.truncated), (bytes, len, left < 17));
            room.put(1, 2, &[]);
            assert_eq!((room.bytes.len(), room.truncated), (bytes, true));
        }
    }

    #[test]
    fn lengths_that_cannot_be() {
        let message = |len: u32| [len.to_le_bytes(), [0; 4], [0; 4]].concat();
        assert_eq!(parse(&message(11)), Err(Errno::INVAL));
        assert_eq!(parse(&message(13)), Err(Errno::INVAL));
        assert_eq!(parse(&message(u32::MAX)), Err(Errno::INVAL));
        assert_eq!(parse(&message(12)[..11]), Ok(vec![]));
    }
}
