//! One running server: its process group, its folder, its log.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tempfile::TempDir;

use crate::ServerError;

/// How long a server may take to answer after its start. Generous: CI machines are slow and shared.
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a server may take to end when asked, before it is killed.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Set to `1`, the folders of servers stay when the tests end, for a look at their configuration and logs.
pub const KEEP: &str = "ROLLOUT_KEEP_SERVERS";

/// A new folder for a server's configuration, data and log.
pub fn folder(server: &str) -> Result<TempDir, ServerError> {
    let mut folder = tempfile::Builder::new()
        .prefix(&format!("rollout-{server}-"))
        .tempdir()
        .map_err(ServerError::io("making a temporary folder"))?;
    if std::env::var(KEEP).is_ok_and(|value| value == "1") {
        folder.disable_cleanup(true);
        eprintln!("{server}: {}", folder.path().display());
    }
    Ok(folder)
}

/// Waits until `ready` holds, as long as a start may take; whether it came to hold.
pub fn wait_for(mut ready: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if ready() {
            return true;
        }
        sleep(Duration::from_millis(20));
    }
    false
}

/// A server's process, at the head of its own process group. Dropping it ends the whole group.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
    guardian: Option<Child>,
}

/// Ends `group` when this process is gone without having dropped its servers, as after Ctrl-C or `kill -9`: its
/// standard input, which we hold open, then ends. None when the group has already gone.
fn guardian(group: Pid) -> Option<Child> {
    Command::new("sh")
        .args(["-c", "read -r _; kill -TERM 0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(group.as_raw_pid())
        .spawn()
        .ok()
}

impl Server {
    /// Starts `command` with both outputs going to `log` in `folder`.
    pub fn spawn(name: &str, mut command: Command, folder: &Path) -> Result<Self, ServerError> {
        command.process_group(0);
        let mut server = Self::spawn_leader(name, command, folder)?;
        server.guardian = guardian(server.group());
        Ok(server)
    }

    /// The same for a program that makes itself the leader of a session, and so of a process group.
    pub(crate) fn spawn_leader(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> Result<Self, ServerError> {
        let log = folder.join("log");
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(ServerError::io(format!("opening {}", log.display())))?;
        let err = out
            .try_clone()
            .map_err(ServerError::io("sharing the log"))?;
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(ServerError::io(format!("starting {command:?}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            guardian: None,
        })
    }

    /// The process id, which is also the id of its group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that the server wrote so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |error| format!("(no log: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Waits until `ready` holds; fails when the process ends first or time is over.
    pub fn wait_until(
        &mut self,
        what: &str,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), ServerError> {
        let begun = Instant::now();
        while !ready() {
            if self.has_ended() {
                return Err(self.failure(&format!("ended before it {what}")));
            }
            if begun.elapsed() > START_LIMIT {
                return Err(self.failure(&format!(
                    "has not {what} within {} s",
                    START_LIMIT.as_secs()
                )));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// An error about this server with the end of its log.
    pub fn failure(&self, what: &str) -> ServerError {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        ServerError::NotRunning {
            server: self.name.clone(),
            what: what.to_owned(),
            folder: self.log.parent().unwrap_or(&self.log).to_owned(),
            log: lines[lines.len().saturating_sub(60)..].join("\n"),
        }
    }

    /// Asks the server (not its group) to do what it does on `signal`, such as reading its configuration again.
    pub fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        rustix::process::kill_process(self.group(), signal)
            .map_err(|errno| ServerError::io(format!("signalling {}", self.name))(errno.into()))
    }

    /// Looks without reaping, so that the id stays ours until the whole group is gone.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.group()), options), Ok(None))
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that the group has no living member, which is the aim.
        let _ = kill_process_group(self.group(), Signal::TERM);
        let begun = Instant::now();
        while !self.has_ended() && begun.elapsed() < END_LIMIT {
            sleep(Duration::from_millis(5));
        }
        // The leader may have left helpers behind, or not have listened.
        let _ = kill_process_group(self.group(), Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut guardian) = self.guardian.take() {
            let _ = guardian.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}
