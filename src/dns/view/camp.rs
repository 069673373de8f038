//! Who says the same about one question.

use std::net::SocketAddr;

use super::zone::{Outcome, ZoneView};
use crate::dns::record::{Data, Kind};

/// Addresses that say the same about one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camp {
    /// What they say.
    pub outcome: Outcome,
    /// The contents, sorted.
    pub contents: Vec<Data>,
    /// Who.
    pub addresses: Vec<SocketAddr>,
}

impl ZoneView {
    /// The addresses by what they say about `kind` (DS: those of the parent; all else: those of the zone), the largest camp
    /// first. More than one camp is a disagreement (RFC 4035, 2; RFC 1034, 4.3.5). Addresses that gave no answer are in none.
    #[must_use]
    pub fn camps(&self, kind: Kind) -> Vec<Camp> {
        let mut camps: Vec<Camp> = Vec::new();
        for answer in self.answers(kind).filter(|answer| answer.is_known()) {
            let address = answer.from.address;
            let contents: Vec<Data> = answer.contents().into_iter().cloned().collect();
            let same =
                |camp: &&mut Camp| camp.outcome == answer.outcome && camp.contents == contents;
            match camps.iter_mut().find(same) {
                // One address under two names.
                Some(camp) if camp.addresses.contains(&address) => {}
                Some(camp) => camp.addresses.push(address),
                None => camps.push(Camp {
                    outcome: answer.outcome.clone(),
                    contents,
                    addresses: vec![address],
                }),
            }
        }
        camps.sort_by_key(|camp| std::cmp::Reverse(camp.addresses.len()));
        camps
    }
}
