//! Which parent zones look for CDS or CDNSKEY by themselves (RFC 7344, RFC 8078), so that nobody need be asked for the DS.

use std::time::Duration;

use serde::Serialize;

use crate::Name;

/// How a registry looks for what a zone announces, for a domain that has no DS yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// The parent zone.
    pub parent: &'static str,
    /// What it reads; the other type is passed over.
    pub reads: Announced,
    /// How long the announcement must stand unchanged before the registry publishes the DS (RFC 8078, section 3.3).
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub after: Duration,
}

/// The type of record by which a zone announces its keys to the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Announced {
    /// The digest.
    Cds,
    /// The key.
    Cdnskey,
}

fn seconds<S: serde::Serializer>(after: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(after.as_secs())
}

const fn scan(parent: &'static str, reads: Announced, hours: u64) -> Scan {
    Scan {
        parent,
        reads,
        after: Duration::from_secs(hours * 3600),
    }
}

/// Registries that are known to look, as of July 2026: by their own pages (nic.ch, nic.li, internetstiftelsen.se, nic.cz,
/// sk-nic.sk, cctld.uz) and by the list at github.com/oskar456/cds-updates. One that is missing here may look all the same.
const SCANS: &[Scan] = &[
    scan("alt.za", Announced::Cds, 72),
    scan("ch", Announced::Cds, 72),
    scan("cr", Announced::Cdnskey, 168),
    scan("cz", Announced::Cdnskey, 168),
    scan("edu.za", Announced::Cds, 72),
    scan("fo", Announced::Cds, 72),
    scan("li", Announced::Cds, 72),
    scan("nu", Announced::Cds, 72),
    scan("se", Announced::Cds, 72),
    scan("sk", Announced::Cds, 72),
    scan("uz", Announced::Cds, 2),
];

/// How the registry of this parent zone looks; `None` where it is not known to.
#[must_use]
pub fn scan_of(parent: &Name) -> Option<&'static Scan> {
    SCANS.iter().find(|scan| scan.parent == parent.as_str())
}

/// Every registry that is known to look.
#[must_use]
pub fn scans() -> &'static [Scan] {
    SCANS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_known_by_its_whole_name() {
        let of = |parent: &str| scan_of(&parent.parse().unwrap()).map(|scan| scan.reads);
        assert_eq!(of("CH."), Some(Announced::Cds));
        assert_eq!(of("cz"), Some(Announced::Cdnskey));
        for other in ["com", "co.za", "x.ch", "."] {
            assert_eq!(of(other), None, "{other}");
        }
        for scan in scans() {
            let name: Name = scan.parent.parse().unwrap();
            assert_eq!(name.as_str(), scan.parent);
            assert!(scan.after >= Duration::from_secs(3600));
        }
    }
}
