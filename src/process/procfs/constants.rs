//! Files of /proc that always say the same: settings that nobody can change, and tables that are empty.

use super::Fixed;

/// Directory (none for the root of /proc), name, and what it says in one line; an empty text is an empty line.
pub(super) const CONSTANTS: &[(Option<Fixed>, &str, &str)] = &[
    (None, "cmdline", ""),
    (None, "cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled"),
    (Some(Fixed::SysKernel), "cap_last_cap", "40"),
    (Some(Fixed::SysKernel), "core_pattern", "core"),
    (Some(Fixed::SysKernel), "core_uses_pid", "0"),
    (Some(Fixed::SysKernel), "dmesg_restrict", "1"),
    (Some(Fixed::SysKernel), "domainname", "(none)"),
    (Some(Fixed::SysKernel), "kptr_restrict", "2"),
    (Some(Fixed::SysKernel), "ngroups_max", "65536"),
    (Some(Fixed::SysKernel), "overflowgid", "65534"),
    (Some(Fixed::SysKernel), "overflowuid", "65534"),
    (Some(Fixed::SysKernel), "panic", "0"),
    (Some(Fixed::SysKernel), "perf_event_paranoid", "4"),
    (Some(Fixed::SysKernel), "printk", "4\t4\t1\t7"),
    (Some(Fixed::SysKernel), "randomize_va_space", "0"),
    (Some(Fixed::SysKernel), "tainted", "0"),
    (Some(Fixed::SysKernel), "unprivileged_bpf_disabled", "2"),
    (Some(Fixed::SysVm), "max_map_count", "65530"),
    (Some(Fixed::SysVm), "overcommit_ratio", "100"),
    (Some(Fixed::SysVm), "swappiness", "0"),
    (Some(Fixed::SysFs), "protected_fifos", "0"),
    (Some(Fixed::SysFs), "protected_hardlinks", "1"),
    (Some(Fixed::SysFs), "protected_regular", "0"),
    (Some(Fixed::SysFs), "protected_symlinks", "1"),
    (Some(Fixed::SysFs), "suid_dumpable", "0"),
    (Some(Fixed::SysNetCore), "rmem_default", "212992"),
    (Some(Fixed::SysNetCore), "rmem_max", "212992"),
    (Some(Fixed::SysNetCore), "somaxconn", "4096"),
    (Some(Fixed::SysNetCore), "wmem_default", "212992"),
    (Some(Fixed::SysNetCore), "wmem_max", "212992"),
    (Some(Fixed::SysNetIpv4), "ip_forward", "0"),
    (Some(Fixed::SysNetIpv4), "ip_local_port_range", "32768\t60999"),
    (Some(Fixed::SysNetIpv4), "ip_unprivileged_port_start", "0"),
    (Some(Fixed::SysNetIpv4), "ping_group_range", "1\t0"),
];

/// Names of the root whose files are empty.
pub(super) const EMPTY: [&str; 4] = ["diskstats", "interrupts", "misc", "modules"];
