//! The text of systemd's units.
//!
//! What is inherited matters. A node that is started by a command, rather than by a service manager or a container
//! engine, is a child of the run that started it: it keeps its system call filter, its namespaces and its priority, and
//! would end with the run's control group. So the units that may start a node filter no system calls, and leave what
//! they started alone; the verifier's units, which start nothing, are locked up.

use super::units::{HEAD, Host, command, marker};
use crate::online::class::Class;

/// Sundays, when the weekly snapshot had time to arrive.
pub(super) const VERIFY: &str = "Sun *-*-* 06:30:00 UTC";

/// Daily, between the slots.
pub(super) const PRUNE: &str = "*-*-* 05:30:00 UTC";

/// The slots of a class, as systemd writes them.
pub(super) const fn calendar(class: Class) -> &'static str {
    match class {
        Class::Hot => "*-*-* 00,06,12,18:00:00 UTC",
        Class::Daily => "*-*-* 02:00:00 UTC",
        Class::Weekly => "Sun *-*-* 03:00:00 UTC",
        Class::Monthly => "*-*-01 04:00:00 UTC",
    }
}

pub(super) fn snapshot_service(host: &Host) -> String {
    let run = command(host, "snapshot create --due");
    format!(
        "{HEAD}[Unit]
Description=Snapshot of the chain database
Documentation=man:qh-online-snapshot-create(1)
Wants=network-online.target
After=network-online.target local-fs.target

[Service]
Type=oneshot
ExecStart={run}
User=root
UMask=0077
# A first snapshot may take hours. How long the node may stand is bounded by the program itself.
TimeoutStartSec=infinity
TimeoutStopSec=90s
# A node that was started by a command is in this unit's group, and must outlive it.
KillMode=process
# The node comes first. Not the idle class: a copy that waits for a quiet disk would keep a stopped node waiting.
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
LimitCORE=0
# /usr, /boot and /etc are not written to; LVM keeps copies of its metadata in /etc/lvm.
ProtectSystem=full
ReadWritePaths=-/etc/lvm
ProtectKernelLogs=yes
LockPersonality=yes
# Not set, since a snapshot or a node that a command starts needs what they take: PrivateDevices, ProtectClock (LVM,
# device nodes), ProtectKernelModules (dm-snapshot), ProtectControlGroups, RestrictNamespaces (container engines),
# MemoryDenyWriteExecute, SystemCallFilter (the node compiles its runtime), ProtectHome (databases lie there).
"
    )
}

pub(super) fn snapshot_timer() -> String {
    let slots: String = Class::ALL
        .into_iter()
        .map(|class| format!("# {class}\nOnCalendar={}\n", calendar(class)))
        .collect();
    format!(
        "{HEAD}[Unit]
Description=Snapshots of the chain database at their slots

[Timer]
{slots}# What was missed while the machine was off is caught up at boot.
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"
    )
}

pub(super) fn restart_service(host: &Host) -> String {
    let (run, marker, state) = (
        command(host, "snapshot resume-node"),
        marker(host).display().to_string(),
        host.state.display(),
    );
    format!(
        "{HEAD}[Unit]
Description=Start the node again that a snapshot stopped
Documentation=man:qh-online-snapshot-create(1)
# Written before the node is stopped, removed after it was started. The program ends at once while the run still lives.
ConditionPathExists={marker}
RequiresMountsFor={state}
After=local-fs.target docker.service podman.service containerd.service

[Service]
Type=oneshot
ExecStart={run}
User=root
UMask=0077
# It may have to see a stop through that was on its way, and removes the marker last. Tried again by the timer.
TimeoutStartSec=infinity
# A node that is started by a command must outlive this unit.
KillMode=process
LimitCORE=0
# The condition is looked at every 20 seconds, which is not worth a line in the journal each time.
SyslogLevel=notice
LogLevelMax=notice

[Install]
WantedBy=multi-user.target
"
    )
}

pub(super) fn restart_timer() -> String {
    // Not OnUnitActiveSec: it counts from the last start, and a unit whose condition fails doesn't start.
    format!(
        "{HEAD}[Unit]
Description=Look for a node that a snapshot stopped and did not start again

[Timer]
OnBootSec=10s
OnCalendar=*-*-* *:*:00/20
AccuracySec=5s
Unit=qh-online-restart.service

[Install]
WantedBy=timers.target
"
    )
}

pub(super) fn verifier_service(host: &Host, description: &str, what: &str) -> String {
    let run = command(host, what);
    format!(
        "{HEAD}[Unit]
Description={description}
Documentation=man:qh-online(1)
Wants=network-online.target
After=network-online.target local-fs.target

[Service]
Type=oneshot
ExecStart={run}
User=root
UMask=0077
TimeoutStartSec=infinity
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
LimitCORE=0
# Staging may lie anywhere but in /usr, /boot, /etc.
ProtectSystem=full
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
# Resolving names asks the kernel for addresses by netlink.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# Files of other users are read and given back; memory is locked.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_IPC_LOCK CAP_SYS_NICE CAP_SYS_RESOURCE
"
    )
}

pub(super) fn verifier_timer(description: &str, calendar: &str) -> String {
    format!(
        "{HEAD}[Unit]
Description={description}

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"
    )
}
