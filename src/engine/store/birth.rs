//! Which process this is, so that its death can be proven.
//!
//! A process number alone proves nothing: it is used again, and another container counts its own. With the boot, the
//! process-number namespace and the start time it names one process for ever (proc(5), pid_namespaces(7)).

use std::fs;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

/// The birth of a process, as Linux tells it under `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// The start of the kernel that it runs under: `/proc/sys/kernel/random/boot_id`.
    boot: String,
    /// Who counts the process numbers: the target of `/proc/self/ns/pid`.
    namespace: String,
    /// When it started, in clock ticks since the boot: field 22 of `/proc/PID/stat`.
    started: u64,
}

/// What `/proc` says about a process number.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A process that runs, and when it started.
    Running(u64),
    /// No process has this number, or it has ended and waits only for its parent to notice.
    Nobody,
    /// It may not be seen from here.
    CouldNotTell,
}

impl Birth {
    /// This process's; `None` where the system does not say.
    pub(super) fn of_this_process() -> Option<Self> {
        let Seen::Running(started) = look(std::process::id()) else {
            return None;
        };
        let (boot, namespace) = here()?;
        Some(Self {
            boot,
            namespace,
            started,
        })
    }

    /// Whether the process with this number and this birth provably runs no more.
    pub(super) fn is_over(&self, pid: u32) -> bool {
        // Under another kernel or in another container the numbers are not ours to look up.
        let comparable = here()
            .is_some_and(|(boot, namespace)| boot == self.boot && namespace == self.namespace);
        comparable
            && match look(pid) {
                Seen::Running(started) => started != self.started,
                Seen::Nobody => true,
                Seen::CouldNotTell => false,
            }
    }
}

/// The boot and the namespace that this process lives in.
fn here() -> Option<(String, String)> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some((
        boot.trim().to_owned(),
        namespace.to_string_lossy().into_owned(),
    ))
}

fn look(pid: u32) -> Seen {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => started(&stat),
        // Mounted with `hidepid`, `/proc` denies that others' processes exist: then it denies the first one, too.
        Err(error) if error.kind() == ErrorKind::NotFound && fs::metadata("/proc/1").is_ok() => {
            Seen::Nobody
        }
        Err(_) => Seen::CouldNotTell,
    }
}

/// Reads the state and the start time; the program's name before them may hold blanks and parentheses.
fn started(stat: &str) -> Seen {
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return Seen::CouldNotTell;
    };
    let mut fields = fields.split_ascii_whitespace();
    match (fields.next(), fields.nth(18).map(str::parse)) {
        (Some("Z" | "X" | "x"), _) => Seen::Nobody,
        (Some(_), Some(Ok(started))) => Seen::Running(started),
        _ => Seen::CouldNotTell,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs() {
        let birth = Birth::of_this_process().unwrap();
        assert!(!birth.is_over(std::process::id()));
    }

    #[test]
    fn another_birth_under_the_same_number_is_another_process() {
        let birth = Birth::of_this_process().unwrap();
        let earlier = Birth {
            started: birth.started - 1,
            ..birth
        };
        assert!(earlier.is_over(std::process::id()));
    }

    #[test]
    fn a_process_that_ended_is_over_even_before_its_parent_noticed() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let Seen::Running(started) = look(child.id()) else {
            panic!("it runs")
        };
        let birth = Birth {
            started,
            ..Birth::of_this_process().unwrap()
        };
        assert!(!birth.is_over(child.id()));
        child.kill().unwrap();
        while !birth.is_over(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(birth.is_over(child.id()));
    }

    #[test]
    fn nothing_is_proven_about_other_machines_and_containers() {
        let birth = Birth::of_this_process().unwrap();
        let nobody = u32::MAX;
        assert!(birth.is_over(nobody));
        let elsewhere = Birth {
            boot: "another".to_owned(),
            ..birth.clone()
        };
        assert!(!elsewhere.is_over(nobody));
        let contained = Birth {
            namespace: "pid:[1]".to_owned(),
            ..birth
        };
        assert!(!contained.is_over(nobody));
    }

    #[test]
    fn names_with_parentheses_do_not_confuse() {
        let stat = "7 (a) Z (b)) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1000 1 18446744073709551615";
        assert_eq!(started(stat), Seen::Running(4711));
        assert_eq!(started("7 (a) Z 1 7 7 0"), Seen::Nobody);
        assert_eq!(started("7 (a) S 1"), Seen::CouldNotTell);
        assert_eq!(started(""), Seen::CouldNotTell);
    }
}
