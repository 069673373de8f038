//! Programs of others, each with its verdict on a row in one word. How they are read is what was seen of them, not what
//! their exit codes say.

use std::path::PathBuf;
use std::process::Command;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};
use rollout_servers::ask::{Ask, data};
use rollout_servers::judge::{self, Delv};
use rollout_servers::programs::find;

use super::scene::{SMTP_PORT, Scene};

/// Who judges beside `rollout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    Delv,
    Finger,
    Danetool,
    LdnsDane,
}

impl Judge {
    pub const ALL: [Self; 4] = [Self::Delv, Self::Finger, Self::Danetool, Self::LdnsDane];

    pub fn name(self) -> &'static str {
        match self {
            Self::Delv => "delv",
            Self::Finger => "posttls-finger",
            Self::Danetool => "danetool",
            Self::LdnsDane => "ldns-dane",
        }
    }

    /// Its word on the mail of `domain`, and all that it said. `host` is the first MX host.
    pub fn word(self, scene: &Scene, domain: &str, host: Option<&str>) -> (String, String) {
        match (self, host) {
            (Self::Delv, _) => delv(scene, domain, host),
            (Self::Finger, _) => finger(scene, domain),
            (Self::Danetool, Some(host)) => danetool(host),
            (Self::LdnsDane, Some(host)) => ldns_dane(scene, domain, host),
            (_, None) => ("not asked".to_owned(), String::new()),
        }
    }
}

/// The host that the MX set names first, as the resolver gives it even where it does not validate.
pub fn first_host(scene: &Scene, domain: &str) -> Option<String> {
    let ask = Ask {
        checking_disabled: true,
        ..Ask::default()
    };
    let answer = ask.send(scene.resolver(), domain, RecordType::MX).ok()?;
    let mut hosts: Vec<(u16, String)> = data(&answer, RecordType::MX)
        .into_iter()
        .filter_map(|data| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
            _ => None,
        })
        .collect();
    hosts.sort();
    let Some((_, first)) = hosts.into_iter().next() else {
        // Implicit MX (RFC 5321 section 5.1).
        return (answer.metadata.response_code == ResponseCode::NoError).then(|| domain.to_owned());
    };
    let first = first.trim_end_matches('.').to_owned();
    (!first.is_empty()).then_some(first)
}

/// The first of MX, address and TLSA that is not secure, or `secure`.
fn delv(scene: &Scene, domain: &str, host: Option<&str>) -> (String, String) {
    let ask = |name: &str, kind: &str| {
        judge::delv(scene.resolver(), &scene.bind_anchor_file(), name, kind)
            .expect("delv can be started")
    };
    let mut said = Vec::new();
    let mut first = |what: &str, verdict: Delv, absent: Option<&str>| {
        let word = match &verdict {
            Delv::FullyValidated(_) => None,
            Delv::DenialValidated => absent,
            Delv::Unsigned => Some("unsigned"),
            Delv::Bogus(_) => Some("bogus"),
            Delv::CouldNotTell(_) => Some("unknown"),
        };
        said.push(format!("{what}: {verdict:?}"));
        word.map(|word| format!("{what} {word}"))
    };
    // Implicit MX: that there is none is proven.
    let mut word = first("MX", ask(domain, "MX"), None);
    if let (None, Some(host)) = (&word, host) {
        word = match ask(host, "A") {
            // The other family may be there.
            Delv::DenialValidated => first("address", ask(host, "AAAA"), Some("absent")),
            other => first("address", other, None),
        };
        if word.is_none() {
            let name = format!("_25._tcp.{}", canonical(scene, host));
            word = first("TLSA", ask(&name, "TLSA"), Some("absent"));
        }
    }
    (word.unwrap_or_else(|| "secure".to_owned()), said.join("\n"))
}

/// Where a chain of aliases leads (RFC 7672 section 2.2.2).
fn canonical(scene: &Scene, host: &str) -> String {
    let answer = Ask::default().send(scene.resolver(), host, RecordType::A);
    let last = answer.ok().and_then(|answer| {
        data(&answer, RecordType::CNAME)
            .into_iter()
            .filter_map(|data| match data {
                RData::CNAME(name) => Some(name.to_ascii()),
                _ => None,
            })
            .next_back()
    });
    last.map_or_else(
        || host.to_owned(),
        |name| name.trim_end_matches('.').to_owned(),
    )
}

fn finger(scene: &Scene, domain: &str) -> (String, String) {
    let run = |level: &str| {
        said(
            program("posttls-finger")
                .env("MAIL_CONFIG", scene.postfix.configuration())
                .args(["-c", "-l", level, "-t", "3", "-T", "3", domain]),
        )
    };
    let output = run("dane");
    let has = |text: &str| output.contains(text);
    let established = " TLS connection established";
    let word = if has("Verified TLS connection") {
        "verified"
    } else if has("MX RRset insecure: log verified as trusted") && has("Matched DANE") {
        "trusted"
    } else if has("unsupported TLSA certificate usage") {
        "unchecked"
    } else if has("server certificate verification failed")
        // The same words come without TLSA records, when it looks at names although nobody asked; at this level it says
        // so. With records Postfix defers.
        && !run("dane-only").contains("no TLSA records found")
    {
        "refused"
    } else if has(established) {
        "opportunistic"
    } else if has("SSL_connect error") {
        "handshake fails"
    } else if has("does not accept mail (nullMX)") {
        "no mail"
    } else if has("DANE TLSA lookup problem") {
        "TLSA unknown"
    } else if has("no MX host for") {
        "no address"
    } else if has("lookup failed") {
        "lookup fails"
    } else if has("Connection refused") || has("timeout while reading server greeting") {
        "unreached"
    } else if output.trim().is_empty() {
        // It ends without a word when STARTTLS is not offered.
        "no STARTTLS"
    } else {
        "?"
    };
    (word.to_owned(), output)
}

fn danetool(host: &str) -> (String, String) {
    // It leaves the certificate behind where it runs.
    let folder = tempfile::tempdir().expect("a folder");
    let output = said(
        program("danetool")
            .current_dir(folder.path())
            .args(["--check", host, "--port", &SMTP_PORT.to_string()])
            .args(["--proto", "tcp", "--starttls-proto", "smtp"])
            // It knows the real root only.
            .args(["--insecure", "--local-dns"]),
    );
    let has = |text: &str| output.contains(text);
    let word = if has("Certificate matches.") {
        "match"
    } else if has("The certificate differs.") || has("CA constrains were violated") {
        "no match"
    } else if has("No DANE data were found") {
        "no TLSA"
    } else if has("The requested data are not available") {
        "nothing to compare"
    } else if has("Cannot resolve") {
        "lookup fails"
    } else if has("Could not connect") {
        "unreached"
    } else if output.trim().is_empty() || has("Obtaining certificate") && !has("TLSA (") {
        "does not end"
    } else {
        "?"
    };
    (word.to_owned(), output)
}

/// It cannot speak STARTTLS: OpenSSL fetches the chain for it.
fn ldns_dane(scene: &Scene, domain: &str, host: &str) -> (String, String) {
    let chain = match fetch_chain(scene, domain, host) {
        Ok(chain) => chain,
        Err(said) => return ("no chain".to_owned(), said),
    };
    let output = said(
        program("ldns-dane")
            .arg("-k")
            .arg(scene.ds_file())
            .arg("-c")
            .arg(chain)
            .args(["verify", host, &SMTP_PORT.to_string()]),
    );
    let has = |text: &str| output.contains(text);
    let word = if has("were bogus") {
        "bogus"
    } else if has("No TLSA records for") || has("No usable TLSA records") {
        "no TLSA"
    } else if has("did not dane-validate, because: self-signed certificate") {
        // That is ordinary validation, for want of records it can use.
        "none usable"
    } else if has("did not dane-validate") && has("hostname mismatch") {
        "no match (name)"
    } else if has("did not dane-validate") {
        "no match"
    } else if has("dane-validated successfully") {
        "match"
    } else {
        "?"
    };
    (word.to_owned(), output)
}

fn fetch_chain(scene: &Scene, domain: &str, host: &str) -> Result<PathBuf, String> {
    let output = said(
        program("openssl")
            .args(["s_client", "-connect", &format!("{host}:{SMTP_PORT}")])
            .args(["-starttls", "smtp", "-servername", host, "-showcerts"]),
    );
    let mut pem = String::new();
    let mut inside = false;
    for line in output.lines() {
        inside |= line == "-----BEGIN CERTIFICATE-----";
        if inside {
            pem.push_str(line);
            pem.push('\n');
        }
        inside &= line != "-----END CERTIFICATE-----";
    }
    if pem.is_empty() {
        return Err(output);
    }
    let file = scene.folder().join(format!("{domain}.pem"));
    std::fs::write(&file, pem).map_err(|error| error.to_string())?;
    Ok(file)
}

/// A program that is ended after a while: some have no time limit of their own.
fn program(name: &str) -> Command {
    let mut command = Command::new(find("timeout").expect("it is among the programs"));
    command
        .arg("5")
        .arg(find(name).expect("it is among the programs"))
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null());
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
