//! System calls about users and groups of a process (credentials(7)). The rules are in [`crate::process::cred`].

use super::{Call, nr};
use crate::errno::Errno;
use crate::process::cred::{Credentials, GROUPS_MAX, Ids};

/// `(uid_t)-1`: leave the id as it is.
const UNCHANGED: u32 = u32::MAX;

/// The calls of this file.
pub(crate) fn dispatch(call: &mut Call<'_>, number: u32) -> Option<Result<u32, Errno>> {
    let cred = || call.process().cred();
    let [a, b, c, ..] = call.args;
    Some(match number {
        nr::GETUID => Ok(cred().user.real),
        nr::GETEUID => Ok(cred().user.effective),
        nr::GETGID => Ok(cred().group.real),
        nr::GETEGID => Ok(cred().group.effective),
        nr::GETRESUID => {
            let ids = cred().user;
            write_ids(call, ids)
        }
        nr::GETRESGID => {
            let ids = cred().group;
            write_ids(call, ids)
        }
        nr::SETUID => valid(a).and_then(|id| change(call, |cred| cred.set_uid(id))),
        nr::SETGID => valid(a).and_then(|id| change(call, |cred| cred.set_gid(id))),
        nr::SETREUID => change(call, |cred| cred.set_reuid([a, b].map(given))),
        nr::SETREGID => change(call, |cred| cred.set_regid([a, b].map(given))),
        nr::SETRESUID => change(call, |cred| cred.set_resuid([a, b, c].map(given))),
        nr::SETRESGID => change(call, |cred| cred.set_resgid([a, b, c].map(given))),
        // The ids of file access are the effective ones and cannot differ; the call tells them and never fails.
        nr::SETFSUID => Ok(cred().user.effective),
        nr::SETFSGID => Ok(cred().group.effective),
        nr::GETGROUPS => getgroups(call),
        nr::SETGROUPS => setgroups(call),
        _ => return None,
    })
}

fn given(id: u32) -> Option<u32> {
    Some(id).filter(|&id| id != UNCHANGED)
}

fn valid(id: u32) -> Result<u32, Errno> {
    given(id).ok_or(Errno::INVAL)
}

fn change(
    call: &mut Call<'_>,
    change: impl FnOnce(&mut Credentials) -> Result<(), Errno>,
) -> Result<u32, Errno> {
    call.process().with_attributes(|attributes| {
        let effective = |cred: &Credentials| (cred.user.effective, cred.group.effective);
        let before = effective(&attributes.cred);
        change(&mut attributes.cred)?;
        // What it read before as somebody else is nobody's to look at (`commit_creds`), until it runs another program.
        if effective(&attributes.cred) != before {
            attributes.dumpable = false;
        }
        Ok(())
    })?;
    Ok(0)
}

fn write_ids(call: &mut Call<'_>, ids: Ids) -> Result<u32, Errno> {
    let [real, effective, saved, ..] = call.args;
    call.write(real, &ids.real)?;
    call.write(effective, &ids.effective)?;
    call.write(saved, &ids.saved)?;
    Ok(0)
}

fn getgroups(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [size, list, ..] = call.args;
    let groups = call.process().cred().groups;
    if size.cast_signed() < 0 {
        return Err(Errno::INVAL);
    }
    // At most GROUPS_MAX.
    let count = groups.len() as u32;
    if size == 0 {
        return Ok(count);
    }
    if size < count {
        return Err(Errno::INVAL);
    }
    call.bytes(list, groups.len() * 4)?.copy_from_slice(bytemuck::cast_slice(&groups));
    Ok(count)
}

fn setgroups(call: &mut Call<'_>) -> Result<u32, Errno> {
    let [count, list, ..] = call.args;
    let count = count as usize;
    if !call.process().cred().is_root() {
        return Err(Errno::PERM);
    }
    if count > GROUPS_MAX {
        return Err(Errno::INVAL);
    }
    let bytes = call.bytes(list, count * 4)?;
    let groups = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
    change(call, |cred| cred.set_groups(groups))
}
