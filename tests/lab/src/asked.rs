//! How often the laboratory was asked, for who wants to know what a look costs others.

use std::collections::BTreeMap;

use hickory_proto::rr::RecordType;
use serde::{Deserialize, Serialize};

/// Counts since the start, or since they were last taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Questions to authoritative servers, by the zone that they were about (`customer`, `new-mail`, `root`, ...) and type.
    pub dns: BTreeMap<String, BTreeMap<String, u64>>,
    /// Connections to mail hosts.
    pub smtp: u64,
    /// TLS handshakes completed with mail hosts.
    pub tls: u64,
}

impl Asked {
    /// All questions to authoritative servers.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.dns.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn question(&mut self, of: &str, kind: RecordType) {
        let kinds = match self.dns.get_mut(of) {
            Some(kinds) => kinds,
            None => self.dns.entry(of.to_owned()).or_default(),
        };
        *kinds.entry(kind.to_string()).or_default() += 1;
    }
}
