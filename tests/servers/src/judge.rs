//! Programs of others as judges: each with its quirks read, none believed by its exit code.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::ServerError;
use crate::programs::find;

/// What `delv` makes of an answer, validating from a trust anchor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delv {
    /// Every link from the anchor to these records (presentation form) holds.
    FullyValidated(Vec<String>),
    /// It is proven that the name or the type does not exist.
    DenialValidated,
    /// It is proven that the zone is not signed.
    Unsigned,
    /// A link is broken.
    Bogus(String),
    /// None of these: no answer, for example.
    CouldNotTell(String),
}

/// Asks `server` for `name` and `kind` and has `delv` validate the answer from the anchors in `anchor_file` (BIND's form).
pub fn delv(
    server: SocketAddr,
    anchor_file: &Path,
    name: &str,
    kind: &str,
) -> Result<Delv, ServerError> {
    let output = said(
        Command::new(find("delv")?)
            .arg(format!("@{}", server.ip()))
            .args(["-p", &server.port().to_string()])
            .arg("-a")
            .arg(anchor_file)
            // The resolver must hand over even what it finds bogus, so that delv can say what is wrong.
            .args(["+root=.", "+cdflag", "-q", name, "-t", kind]),
    )?;
    Ok(read_delv(&output))
}

/// What delv says of an answer that contradicts the chain of trust.
const SIGNS_OF_FORGERY: [&str; 6] = [
    "no valid signature found",
    "no valid RRSIG",
    "no valid DS",
    "insecurity proof failed",
    "RRSIG failed to verify",
    "broken trust chain",
];

/// What delv says when a server did not answer; it then calls the chain broken too, but nothing is proven.
const SIGNS_OF_SILENCE: [&str; 3] = ["unexpected RCODE", "timed out", "network unreachable"];

fn read_delv(output: &str) -> Delv {
    let records = || {
        output
            .lines()
            .filter(|line| !line.starts_with(';') && !line.trim().is_empty())
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields.get(3) != Some(&"RRSIG"))
            .map(|fields| fields.join(" "))
            .collect()
    };
    if output.contains("; negative response, fully validated") {
        Delv::DenialValidated
    } else if output.contains("; fully validated") {
        // A chain of aliases gets a verdict for each link: the weakest is the answer's.
        if output.contains("; unsigned answer") {
            Delv::Unsigned
        } else {
            Delv::FullyValidated(records())
        }
    } else if output.contains("; unsigned answer")
        || output.contains("; negative response, unsigned answer")
    {
        Delv::Unsigned
    } else if SIGNS_OF_FORGERY.iter().any(|sign| output.contains(sign))
        && !SIGNS_OF_SILENCE.iter().any(|sign| output.contains(sign))
    {
        Delv::Bogus(output.to_owned())
    } else {
        Delv::CouldNotTell(output.to_owned())
    }
}

/// What Postfix's `posttls-finger` says of the TLS connection it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finger {
    /// The host proved by DANE that it is who it should be.
    Verified(String),
    /// The certificate is trusted, the name is not checked.
    Trusted(String),
    /// Encrypted, with whomever.
    Untrusted(String),
    /// Encrypted without a certificate.
    Anonymous(String),
    /// There was no such connection; all it said.
    NotEstablished(String),
}

/// Lets Postfix's own TLS client look at the mail hosts of `destination` at security level `dane`: a domain, or `[host]`.
///
/// It believes the resolver of `/etc/resolv.conf` (see [`crate::namespace::use_resolver`]). `configuration` is a folder
/// with a `main.cf` ([`crate::postfix::Postfix::configuration`]).
pub fn posttls_finger(configuration: &Path, destination: &str) -> Result<Finger, ServerError> {
    let output = said(
        Command::new(find("posttls-finger")?)
            .env("MAIL_CONFIG", configuration)
            .args(["-c", "-l", "dane", "-t", "10", "-T", "10", destination]),
    )?;
    Ok(read_finger(&output))
}

fn read_finger(output: &str) -> Finger {
    const WORDS: &str = " TLS connection established to ";
    for line in output.lines() {
        let Some((before, host)) = line.split_once(WORDS) else {
            continue;
        };
        let host = host.to_owned();
        match before.rsplit(' ').next() {
            Some("Verified") => return Finger::Verified(host),
            Some("Trusted") => return Finger::Trusted(host),
            Some("Untrusted") => return Finger::Untrusted(host),
            Some("Anonymous") => return Finger::Anonymous(host),
            _ => {}
        }
    }
    Finger::NotEstablished(output.to_owned())
}

/// What a judge of certificates says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// A TLSA record matches the certificate.
    Yes,
    /// None does.
    No(String),
    /// There was nothing to compare, or it could not be had.
    CouldNotTell(String),
}

/// Lets GnuTLS's `danetool` connect to `host` with STARTTLS and hold the certificate against the TLSA records.
///
/// It is told not to validate DNSSEC, for it knows the real root only: [`delv`] does that. It does not check names for
/// usage 2.
pub fn danetool(host: &str, port: u16) -> Result<Match, ServerError> {
    // It leaves the certificate behind in the working directory when something ends it.
    let folder = crate::process::folder("danetool")?;
    let output = said(
        Command::new(find("danetool")?)
            .current_dir(folder.path())
            .args(["--check", host, "--port", &port.to_string()])
            .args(["--proto", "tcp", "--starttls-proto", "smtp"])
            .args(["--insecure", "--local-dns"]),
    )?;
    Ok(read_danetool(&output))
}

/// It holds the certificate against each record by itself: one that matches is enough (RFC 7671 section 4.1).
fn read_danetool(output: &str) -> Match {
    if output.contains("Certificate matches.") {
        Match::Yes
    } else if output.contains("The certificate differs.") {
        Match::No(output.to_owned())
    } else {
        Match::CouldNotTell(output.to_owned())
    }
}

/// Lets NLnet Labs' `ldns-dane` hold a chain (PEM file) against the TLSA records of `host`, validating them from the
/// anchors in `anchor_file` (DS records). It cannot speak STARTTLS, and checks names even for `3 1 1`.
pub fn ldns_dane(
    anchor_file: &Path,
    chain: &Path,
    host: &str,
    port: u16,
) -> Result<Match, ServerError> {
    let output = said(
        Command::new(find("ldns-dane")?)
            .arg("-k")
            .arg(anchor_file)
            .arg("-c")
            .arg(chain)
            .args(["verify", host, &port.to_string()]),
    )?;
    Ok(read_ldns_dane(&output))
}

fn read_ldns_dane(output: &str) -> Match {
    let lines = || output.lines().map(str::trim_end);
    if lines().any(|line| line.ends_with("dane-validated successfully")) {
        Match::Yes
    } else if lines().any(|line| line.contains("did not dane-validate")) {
        Match::No(output.to_owned())
    } else {
        Match::CouldNotTell(output.to_owned())
    }
}

/// Both outputs of a program, whatever its exit code.
fn said(command: &mut Command) -> Result<String, ServerError> {
    let shown = format!("{command:?}");
    let output = command
        .env("LC_ALL", "C")
        .output()
        .map_err(ServerError::io(format!("starting {shown}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delv_is_read() {
        let validated = "; fully validated\nexample.com.\t\t5\tIN\tMX\t0 mx.example.com.\nexample.com.\t5 IN RRSIG MX 13 2 5 x\n";
        assert_eq!(
            read_delv(validated),
            Delv::FullyValidated(vec!["example.com. 5 IN MX 0 mx.example.com.".into()])
        );
        assert_eq!(
            read_delv(
                ";; resolution failed: ncache nxrrset\n; negative response, fully validated\n; a.\\-A"
            ),
            Delv::DenialValidated
        );
        assert_eq!(
            read_delv("; unsigned answer\na. 5 IN A 192.0.2.1\n"),
            Delv::Unsigned
        );
        assert!(matches!(
            read_delv(
                ";; validating a/DNSKEY: no valid signature found (DS)\n;; resolution failed: broken trust chain"
            ),
            Delv::Bogus(_)
        ));
        assert!(matches!(
            read_delv(
                ";; REFUSED unexpected RCODE resolving './NS/IN'\n;; resolution failed: broken trust chain"
            ),
            Delv::CouldNotTell(_)
        ));
        assert!(matches!(read_delv(""), Delv::CouldNotTell(_)));
    }

    #[test]
    fn an_alias_into_an_unsigned_zone_is_not_fully_validated() {
        let output =
            "; fully validated\na. 5 IN CNAME b.\n; unsigned answer\nb. 5 IN A 192.0.2.1\n";
        assert_eq!(read_delv(output), Delv::Unsigned);
    }

    #[test]
    fn danetool_is_read() {
        let other = "Verification: Verification failed. The certificate differs. ";
        let ours = "Verification: Certificate matches.";
        assert_eq!(read_danetool(&format!("{other}\n{ours}")), Match::Yes);
        assert!(matches!(read_danetool(other), Match::No(_)));
        assert!(matches!(
            read_danetool("dane_query_tlsa: no data"),
            Match::CouldNotTell(_)
        ));
    }

    #[test]
    fn posttls_finger_is_read() {
        let line =
            "posttls-finger: Verified TLS connection established to a[127.0.0.1]:25: TLSv1.3";
        assert_eq!(
            read_finger(line),
            Finger::Verified("a[127.0.0.1]:25: TLSv1.3".into())
        );
        let line =
            "posttls-finger: Untrusted TLS connection established to a[127.0.0.1]:25: TLSv1.3";
        assert!(matches!(read_finger(line), Finger::Untrusted(_)));
        assert!(matches!(
            read_finger("posttls-finger: warning"),
            Finger::NotEstablished(_)
        ));
    }
}
