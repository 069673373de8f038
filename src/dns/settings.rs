//! What a laboratory or another network may replace: where to start, whom to trust, whom to ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::anchors::Anchors;
use super::record::Name;

/// How to reach and judge the DNS.
#[derive(Debug, Clone)]
pub struct DnsSettings {
    /// Where resolution starts.
    pub source: Origin,
    /// The port of every authoritative server.
    pub port: u16,
    /// Whom validation trusts.
    pub trust_anchor: TrustAnchor,
    /// Resolvers asked as witnesses.
    pub vantages: Vec<Vantage>,
    /// For one attempt at one address.
    pub timeout: Duration,
    /// Attempts at one address before its answer is "did not answer".
    pub attempts: usize,
    /// Questions under way at once.
    pub concurrency: usize,
    /// How long a delegation, key or DS just seen may be used again. Final answers are never kept.
    pub memory: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            source: Origin::Roots(root_hints()),
            port: 53,
            trust_anchor: TrustAnchor::BuiltIn,
            vantages: Vec::new(),
            timeout: Duration::from_secs(3),
            attempts: 2,
            concurrency: 400,
            memory: Duration::from_secs(5),
        }
    }
}

/// Where resolution starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From these root servers, by referrals.
    Roots(Vec<(Name, IpAddr)>),
    /// Through resolvers, where port 53 outward is closed. They are asked with checking disabled, so that the verdict
    /// stays ours; but what they cached is what we see.
    Forwarders(Vec<SocketAddr>),
}

/// Whom validation trusts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TrustAnchor {
    /// The root zone's keys 20326 and 38696, as published by IANA.
    #[default]
    BuiltIn,
    /// DNSKEY or DS records of the root in zone-file form. Which key a DS means is asked when it is needed.
    Text(String),
    /// A file of such.
    File(PathBuf),
}

/// A resolver asked as a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vantage {
    /// How the report names it.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The trust anchor cannot be read.
    #[error(
        "the trust anchor {origin} cannot be used: {why}; give DNSKEY or DS records of the root as in a zone file, one per line"
    )]
    TrustAnchor {
        /// Which.
        origin: String,
        /// Why.
        why: String,
    },
    /// This machine's own resolver configuration cannot be read.
    #[error(
        "the resolvers of this machine cannot be read: {why}; take `resolve.system` out of the domain file, or mend /etc/resolv.conf"
    )]
    System {
        /// Why.
        why: String,
    },
    /// There is nobody to ask.
    #[error(
        "no root server and no forwarder is configured; give at least one, or leave the setting out"
    )]
    NobodyToAsk,
}

impl DnsSettings {
    pub(super) fn anchors(&self) -> Result<Anchors, SettingsError> {
        let (origin, text) = match &self.trust_anchor {
            TrustAnchor::BuiltIn => return Ok(Anchors::built_in()),
            TrustAnchor::Text(text) => ("in the settings".to_owned(), text.clone()),
            TrustAnchor::File(path) => {
                let origin = path.display().to_string();
                let text =
                    std::fs::read_to_string(path).map_err(|e| SettingsError::TrustAnchor {
                        origin: origin.clone(),
                        why: e.to_string(),
                    })?;
                (origin, text)
            }
        };
        Anchors::read(&text).map_err(|why| SettingsError::TrustAnchor { origin, why })
    }
}

/// The root servers as listed by IANA (`named.root`).
#[must_use]
pub fn root_hints() -> Vec<(Name, IpAddr)> {
    ROOTS
        .iter()
        .flat_map(|(letter, v4, v6)| {
            let name = format!("{letter}.root-servers.net");
            [
                (name.clone(), IpAddr::V4(Ipv4Addr::from(*v4))),
                (name, IpAddr::V6(Ipv6Addr::from(*v6))),
            ]
        })
        .collect()
}

type Root = (char, [u8; 4], [u16; 8]);

const ROOTS: [Root; 13] = [
    (
        'a',
        [198, 41, 0, 4],
        [0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30],
    ),
    (
        'b',
        [170, 247, 170, 2],
        [0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb],
    ),
    ('c', [192, 33, 4, 12], [0x2001, 0x500, 2, 0, 0, 0, 0, 0xc]),
    (
        'd',
        [199, 7, 91, 13],
        [0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd],
    ),
    (
        'e',
        [192, 203, 230, 10],
        [0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe],
    ),
    (
        'f',
        [192, 5, 5, 241],
        [0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf],
    ),
    (
        'g',
        [192, 112, 36, 4],
        [0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d],
    ),
    (
        'h',
        [198, 97, 190, 53],
        [0x2001, 0x500, 1, 0, 0, 0, 0, 0x53],
    ),
    (
        'i',
        [192, 36, 148, 17],
        [0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53],
    ),
    (
        'j',
        [192, 58, 128, 30],
        [0x2001, 0x503, 0xc27, 0, 0, 0, 2, 0x30],
    ),
    ('k', [193, 0, 14, 129], [0x2001, 0x7fd, 0, 0, 0, 0, 0, 1]),
    (
        'l',
        [199, 7, 83, 42],
        [0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42],
    ),
    ('m', [202, 12, 27, 33], [0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_roots_on_both_families() {
        let hints = root_hints();
        assert_eq!(hints.len(), 26);
        assert!(hints.contains(&("m.root-servers.net".into(), "2001:dc3::35".parse().unwrap())));
    }

    #[test]
    fn both_iana_keys_are_built_in() {
        use hickory_proto::dnssec::{Algorithm, PublicKey, rdata::DNSKEY};
        let anchors = DnsSettings::default().anchors().expect("built in");
        let keys = anchors.keys();
        let tags: Vec<u16> = (0..keys.len())
            .map(|i| {
                let key = keys.get(i).expect("in range").clone();
                assert_eq!(key.algorithm(), Algorithm::RSASHA256);
                DNSKEY::new(true, true, false, key)
                    .calculate_key_tag()
                    .expect("tag")
            })
            .collect();
        assert_eq!(tags, [20326, 38696]);
    }

    #[test]
    fn an_unusable_anchor_is_refused_with_words() {
        for text in [
            "",
            "nonsense",
            "example. 3600 IN DNSKEY 257 3 13 AAAA",
            "test DNSKEY 257 3 13",
            // Cut short, and of a type that nobody knows.
            ". 3600 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC",
            ". 3600 IN DS 20326 8 9 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ] {
            let settings = DnsSettings {
                trust_anchor: TrustAnchor::Text(text.into()),
                ..DnsSettings::default()
            };
            let Err(error) = settings.anchors() else {
                panic!("took {text:?}")
            };
            assert!(error.to_string().contains("zone file"), "{error}");
        }
    }
}
