//! Finding the servers' programs, and saying what is left out without them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ServerError;

/// Set to `1`, a missing program fails the test that needs it (what CI does).
pub const REQUIRE: &str = "ROLLOUT_REQUIRE_SERVERS";

/// Where Debian keeps servers, which an ordinary user's PATH does not name.
const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/usr/lib/postfix/sbin",
];

/// The full path of `program`, looked for in PATH and in the system's folders.
pub fn find(program: &str) -> Result<PathBuf, ServerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| ServerError::Missing {
            program: program.to_owned(),
        })
}

/// Whether all `programs` are there. If not, prints what is left out, or panics when `ROLLOUT_REQUIRE_SERVERS=1`.
///
/// Meant as `if !available("what this test proves", &["named"]) { return; }`.
pub fn available(purpose: &str, programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| find(program).is_err())
        .collect();
    if missing.is_empty() {
        return true;
    }
    leave_out(
        purpose,
        &format!(
            "not installed: {} (tests/install-servers.sh installs them)",
            missing.join(", ")
        ),
    );
    false
}

/// Says that a test is left out and why; fails instead when the servers are required.
pub fn leave_out(purpose: &str, reason: &str) {
    assert!(
        !required(),
        "{purpose}: {reason}, and {REQUIRE}=1 does not let it be left out"
    );
    // Not eprintln!: the test harness hides what passing tests print, and this must be seen.
    let _ = writeln!(std::io::stderr(), "left out: {purpose}: {reason}");
}

/// Whether a missing program is a failure.
pub fn required() -> bool {
    std::env::var(REQUIRE).is_ok_and(|value| value == "1")
}

/// Runs a helper program to its end; its standard output, or an error with all it said.
pub fn run(command: &mut Command) -> Result<String, ServerError> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .map_err(ServerError::io(format!("starting {shown}")))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(ServerError::Command {
        command: shown,
        status: output.status.to_string(),
        output: stdout + &String::from_utf8_lossy(&output.stderr),
    })
}

/// The program as it may be run from `folder`.
///
/// Debian's AppArmor profiles confine `named` and `unbound` by path and would keep them out of a temporary folder; a
/// copy in that folder is not confined. Without AppArmor the installed program itself serves.
pub(crate) fn unconfined(program: &str, folder: &Path) -> Result<PathBuf, ServerError> {
    let installed = find(program)?;
    let confined = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled")
        .is_ok_and(|enabled| enabled.trim() == "Y");
    if !confined {
        return Ok(installed);
    }
    let copy = folder.join(program);
    std::fs::copy(&installed, &copy)
        .map_err(ServerError::io(format!("copying {}", installed.display())))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_left_out_or_a_failure() {
        assert!(available("nothing", &["sh"]));
        let result = std::panic::catch_unwind(|| available("a proof", &["sh", "no-such-program"]));
        if required() {
            assert!(result.is_err());
        } else {
            assert!(!result.unwrap());
        }
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let error = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]));
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("out\nerr"),
            "{text}"
        );
    }
}
