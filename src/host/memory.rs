//! Guest memory as a system call sees it: every address and length is checked, none is trusted.
//!
//! Borrows never cross an await, since the memory may grow and other threads may run there.

use super::Call;
use crate::errno::Errno;
use bytemuck::Pod;

/// Bytes of a path with its NUL (Linux's `PATH_MAX`).
pub(crate) const PATH_MAX: usize = 4096;

impl Call<'_> {
    /// The whole memory of the program.
    pub(crate) fn memory(&mut self) -> &mut [u8] {
        match self.caller.data().memory {
            Some(memory) => memory.data_mut(&mut self.caller),
            None => &mut [],
        }
    }

    /// `len` bytes at `address`.
    ///
    /// # Errors
    ///
    /// EFAULT outside the memory.
    pub(crate) fn bytes(&mut self, address: u32, len: usize) -> Result<&mut [u8], Errno> {
        let start = address as usize;
        let end = start.checked_add(len).ok_or(Errno::FAULT)?;
        self.memory().get_mut(start..end).ok_or(Errno::FAULT)
    }

    /// A plain structure at `address`, any alignment.
    ///
    /// # Errors
    ///
    /// EFAULT outside the memory.
    pub(crate) fn read<T: Pod>(&mut self, address: u32) -> Result<T, Errno> {
        Ok(bytemuck::pod_read_unaligned(self.bytes(address, size_of::<T>())?))
    }

    /// Writes a plain structure at `address`, any alignment.
    ///
    /// # Errors
    ///
    /// EFAULT outside the memory.
    pub(crate) fn write<T: Pod>(&mut self, address: u32, value: &T) -> Result<(), Errno> {
        self.bytes(address, size_of::<T>())?.copy_from_slice(bytemuck::bytes_of(value));
        Ok(())
    }

    /// The bytes before the NUL of a string at `address`.
    ///
    /// # Errors
    ///
    /// EFAULT outside the memory, ENAMETOOLONG if no NUL stands within `max` bytes.
    pub(crate) fn cstr(&mut self, address: u32, max: usize) -> Result<Vec<u8>, Errno> {
        let memory = self.memory();
        let from = memory.get(address as usize..).filter(|rest| !rest.is_empty());
        let from = from.ok_or(Errno::FAULT)?;
        let within = &from[..from.len().min(max)];
        match within.iter().position(|&byte| byte == 0) {
            Some(end) => Ok(within[..end].to_vec()),
            None if within.len() == max => Err(Errno::NAMETOOLONG),
            None => Err(Errno::FAULT),
        }
    }

    /// A path at `address`.
    ///
    /// # Errors
    ///
    /// EFAULT, ENAMETOOLONG past [`PATH_MAX`].
    pub(crate) fn path(&mut self, address: u32) -> Result<Vec<u8>, Errno> {
        self.cstr(address, PATH_MAX)
    }

    /// A NULL-ended array of string pointers (argv, envp); `budget` bytes are left for strings and pointers together.
    ///
    /// # Errors
    ///
    /// EFAULT, E2BIG past the budget.
    pub(crate) fn strings(
        &mut self,
        address: u32,
        budget: &mut usize,
    ) -> Result<Vec<Vec<u8>>, Errno> {
        let mut strings = Vec::new();
        let mut at = address;
        loop {
            let pointer: u32 = self.read(at)?;
            if pointer == 0 {
                return Ok(strings);
            }
            let string = self.cstr(pointer, (*budget).max(1)).map_err(|errno| match errno {
                Errno::NAMETOOLONG => Errno::TOOBIG,
                other => other,
            })?;
            *budget = budget.checked_sub(string.len() + 1 + 4).ok_or(Errno::TOOBIG)?;
            strings.push(string);
            at = at.checked_add(4).ok_or(Errno::FAULT)?;
        }
    }
}
