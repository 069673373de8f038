//! A machine of its own for one test: port 53 and port 25 on any 127.x address, and a `resolv.conf` of its own.
//!
//! Real resolvers ask port 53, real senders use port 25, and `posttls-finger` trusts only the resolver of
//! `/etc/resolv.conf`. So the test runs once more, alone, as the first process of new network, mount and process
//! namespaces. When it ends, the kernel ends everything it started, and nothing of it was ever visible outside.
//!
//! This needs root (CI is). Anyone else runs `sudo -E env "PATH=$PATH" tests/run.sh`, or has these tests left out.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::ServerError;
use crate::programs::{available, find, leave_out, run};

/// What must be installed.
pub const PROGRAMS: [&str; 3] = ["unshare", "ip", "mount"];

/// Carries the folder for the mark that the test inside was run, and so tells that we are inside.
const INSIDE: &str = "ROLLOUT_SERVERS_INSIDE";

/// Runs `body` in a machine of its own, or leaves it out when `programs` or the right to do so are missing.
///
/// `test` is the test's full path as `cargo test -- --list` shows it: the test binary is started again with it. Call
/// it as the only statement of a `#[test]`. Output of the inner run appears as the outer one's.
///
/// # Panics
///
/// When the inner run fails or, because `test` names no test, never reaches `body`.
pub fn run_inside(test: &str, programs: &[&str], body: impl FnOnce()) {
    if let Some(folder) = std::env::var_os(INSIDE) {
        prepare().unwrap();
        body();
        std::fs::write(Path::new(&folder).join("passed"), test).unwrap();
        return;
    }
    if !available(test, &PROGRAMS) || !available(test, programs) {
        return;
    }
    if !is_possible() {
        leave_out(
            test,
            "no right to make network and mount namespaces; run as root: sudo -E env \"PATH=$PATH\" tests/run.sh",
        );
        return;
    }
    let folder = crate::process::folder("inside").unwrap();
    let mut child = new_namespaces()
        .unwrap()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .args(["--test-threads", "1"])
        .env(INSIDE, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Line by line through this thread and its child, so that the outer test captures it and a hang still shows.
    let errors = BufReader::new(child.stderr.take().unwrap());
    let pump = std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok) {
            eprintln!("{line}");
        }
    });
    for line in BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
    {
        println!("{line}");
    }
    let _ = pump.join();
    let status = child.wait().unwrap();
    assert!(status.success(), "{test} failed inside its namespace");
    assert!(
        folder.path().join("passed").exists(),
        "no test is called {test}: nothing was run"
    );
}

/// Whether this machine's kernel and our rights allow a machine of its own for a test.
pub fn is_possible() -> bool {
    new_namespaces().is_ok_and(|mut command| run(command.arg("true")).is_ok())
}

/// Whether this process is in a machine of its own.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// How many processes of this machine run, ended ones that nobody has waited for not counted. After all servers are
/// dropped it is 1: the test itself.
pub fn living_processes() -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| {
            // The state follows the name, which is in brackets and may hold anything.
            let state = stat.rsplit(") ").next().unwrap_or_default();
            !state.starts_with(['Z', 'X'])
        })
        .count()
}

/// Puts `address` on the loopback interface. BIND listens only on addresses that an interface carries.
pub fn add_address(address: IpAddr) -> Result<(), ServerError> {
    let length = if address.is_ipv4() { 32 } else { 128 };
    run(Command::new(find("ip")?)
        .args(["address", "replace", &format!("{address}/{length}")])
        .args(["dev", "lo"]))?;
    Ok(())
}

/// Makes `resolver` (port 53) the resolver of every program in this machine, its AD bit believed (glibc `trust-ad`).
pub fn use_resolver(resolver: IpAddr, folder: &Path) -> Result<(), ServerError> {
    if !is_inside() {
        return Err(ServerError::Unfit(
            "the machine's own resolv.conf stays as it is: call this inside namespace::run_inside"
                .into(),
        ));
    }
    let file = folder.join("resolv.conf");
    let text = format!("nameserver {resolver}\noptions trust-ad edns0 timeout:2 attempts:2\n");
    std::fs::write(&file, text).map_err(ServerError::io("writing resolv.conf"))?;
    run(Command::new(find("mount")?)
        .arg("--bind")
        .arg(&file)
        .arg("/etc/resolv.conf"))?;
    Ok(())
}

fn new_namespaces() -> Result<Command, ServerError> {
    let mut command = Command::new(find("unshare")?);
    command.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    Ok(command)
}

fn prepare() -> Result<(), ServerError> {
    run(Command::new(find("ip")?).args(["link", "set", "lo", "up"]))?;
    Ok(())
}
