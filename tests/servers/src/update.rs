//! Changing a zone by RFC 2136 with BIND's `nsupdate`, and computing DS records with BIND's `dnssec-dsfromkey`.
//!
//! Programs of others on purpose: what judges `rollout` shares no code with it.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use hickory_proto::rr::RecordType;

use crate::ServerError;
use crate::ask;
use crate::programs::find;
use crate::tsig::TsigKey;

/// What must be installed.
pub const PROGRAMS: [&str; 2] = ["nsupdate", "dnssec-dsfromkey"];

/// Sends one update for `zone`: lines of nsupdate such as `add www.example.com. 5 A 192.0.2.1` or
/// `delete www.example.com. A`.
pub fn update(
    server: SocketAddr,
    key: &TsigKey,
    zone: &str,
    changes: &[String],
) -> Result<(), ServerError> {
    let mut script = format!(
        "server {} {}\nzone {}.\nkey {}:{} {}\n",
        server.ip(),
        server.port(),
        zone.trim_end_matches('.'),
        key.algorithm,
        key.name,
        key.secret,
    );
    for change in changes {
        script.push_str(&format!("update {change}\n"));
    }
    script.push_str("send\n");
    feed(Command::new(find("nsupdate")?).args(["-t", "10"]), &script)?;
    Ok(())
}

/// The DS records (RDATA, SHA-256) for the keys that `server` serves at `zone`.
pub fn ds_records(server: SocketAddr, zone: &str) -> Result<Vec<String>, ServerError> {
    let owner = format!("{}.", zone.trim_end_matches('.'));
    let keys: String = ask::authoritative(server, &owner, RecordType::DNSKEY)
        .iter()
        .map(|key| format!("{owner} 5 IN DNSKEY {key}\n"))
        .collect();
    if keys.is_empty() {
        return Err(ServerError::Unfit(format!(
            "{server} serves no DNSKEY at {owner}"
        )));
    }
    let output = feed(
        Command::new(find("dnssec-dsfromkey")?).args(["-2", "-f", "-", &owner]),
        &keys,
    )?;
    Ok(output
        .lines()
        .filter_map(|line| line.split_once(" IN DS "))
        .map(|(_, data)| data.to_owned())
        .collect())
}

fn feed(command: &mut Command, input: &str) -> Result<String, ServerError> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ServerError::io(format!("starting {shown}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ended already says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(ServerError::io(format!("waiting for {shown}")))?;
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
