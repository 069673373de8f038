//! Zones signed once, by BIND's `dnssec-signzone`: also as no server that signs by itself would do it.
//!
//! A server that signs keeps its signatures fresh and refuses old algorithms. Zones that are wrong in a chosen way are
//! therefore signed here and served as they are, by [`crate::nsd`] for example.

use std::process::Command;

use tempfile::TempDir;

use crate::ServerError;
use crate::process::folder;
use crate::programs::{find, run};

/// What must be installed.
pub const PROGRAMS: [&str; 2] = ["dnssec-keygen", "dnssec-signzone"];

/// How a zone says what does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// NSEC (RFC 4034 section 4).
    Nsec,
    /// NSEC3 (RFC 5155).
    Nsec3 {
        /// Further rounds of the hash; should be 0 (RFC 9276 section 3.1).
        iterations: u16,
        /// In hexadecimal; should be `-`, none.
        salt: &'static str,
        /// Whether unsigned delegations may hide in its gaps.
        opt_out: bool,
    },
}

/// When the signatures hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Current,
    /// They ended ten days ago.
    Expired,
    /// They ended an hour ago, which resolvers that allow for clocks gone wrong forgive.
    JustExpired,
    /// They begin in ten days.
    NotYet,
    /// They end within two hours.
    Ending,
}

/// How a zone is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The mnemonic of the algorithm, as in `ECDSAP256SHA256`.
    pub algorithm: &'static str,
    /// How absence is proven.
    pub denial: Denial,
    /// When the signatures hold.
    pub validity: Validity,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            algorithm: "ECDSAP256SHA256",
            denial: Denial::Nsec,
            validity: Validity::Current,
        }
    }
}

/// A zone with its signatures.
#[derive(Clone, Debug)]
pub struct SignedZone {
    /// The whole zone file.
    pub text: String,
    /// The RDATA of the DS that its parent needs.
    pub ds: Vec<String>,
}

/// One key, and what it signs.
#[derive(Debug)]
pub struct Signer {
    apex: String,
    how: Signing,
    folder: TempDir,
}

impl Signer {
    /// Makes a key for `apex`.
    pub fn new(apex: &str, how: Signing) -> Result<Self, ServerError> {
        let folder = folder("signer")?;
        let mut keygen = Command::new(find("dnssec-keygen")?);
        keygen
            .current_dir(folder.path())
            .args(["-q", "-f", "KSK", "-a", how.algorithm]);
        if how.algorithm.contains("RSA") {
            keygen.args(["-b", "2048"]);
        }
        run(keygen.arg(apex))?;
        Ok(Self {
            apex: apex.to_owned(),
            how,
            folder,
        })
    }

    /// Signs a complete zone file.
    pub fn sign(&self, zone: &str) -> Result<SignedZone, ServerError> {
        let path = self.folder.path();
        std::fs::write(path.join("zone"), zone).map_err(ServerError::io("writing a zone"))?;
        let mut signer = Command::new(find("dnssec-signzone")?);
        signer
            .current_dir(path)
            // One key signs all; what is wrong on purpose is not complained about.
            .args(["-S", "-z", "-P", "-K", "."])
            .args(["-O", "full", "-f", "signed", "-o", &self.apex]);
        match self.how.validity {
            Validity::Current => {}
            Validity::Expired => {
                signer.args(["-s", "now-1728000", "-e", "now-864000"]);
            }
            Validity::JustExpired => {
                signer.args(["-s", "now-864000", "-e", "now-3600"]);
            }
            Validity::NotYet => {
                signer.args(["-s", "now+864000", "-e", "now+1728000"]);
            }
            Validity::Ending => {
                signer.args(["-s", "now-864000", "-e", "now+7000"]);
            }
        }
        if let Denial::Nsec3 {
            iterations,
            salt,
            opt_out,
        } = &self.how.denial
        {
            signer.args(["-3", salt, "-H", &iterations.to_string()]);
            if *opt_out {
                signer.arg("-A");
            }
        }
        run(signer.arg("zone"))?;
        let read = |name: &str| {
            std::fs::read_to_string(path.join(name))
                .map_err(ServerError::io(format!("reading {name}")))
        };
        let ds = read(&format!("dsset-{}.", self.apex))?
            .lines()
            .filter_map(|line| line.split_once("DS"))
            .map(|(_, data)| data.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        Ok(SignedZone {
            text: read("signed")?,
            ds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone;

    #[test]
    fn a_zone_is_signed_as_wished() {
        if !crate::programs::available("signing a zone once", &PROGRAMS) {
            return;
        }
        let plain = zone::file("a.example", "@ MX 0 mx\n", "127.0.0.1".parse().unwrap());
        let how = Signing {
            algorithm: "NSEC3RSASHA1",
            denial: Denial::Nsec3 {
                iterations: 7,
                salt: "AABB",
                opt_out: true,
            },
            validity: Validity::Expired,
        };
        let signed = Signer::new("a.example", how).unwrap().sign(&plain).unwrap();
        assert_eq!(signed.ds.len(), 1, "{:?}", signed.ds);
        assert!(signed.ds[0].contains(" 7 2 "), "{:?}", signed.ds);
        let text: Vec<&str> = signed.text.split_whitespace().collect();
        let text = text.join(" ");
        assert!(text.contains("NSEC3PARAM 1 0 7 AABB"), "{text}");
        assert!(text.contains("NSEC3 1 1 7 AABB"), "{text}");
    }
}
