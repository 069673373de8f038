//! What came of looking for one record.

use serde::{Deserialize, Serialize};

use crate::dns::{Answer, Data, Validated};

/// What came of looking for one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Seen<T, E> {
    /// There is none, proven or unsigned.
    None {
        /// Seconds for which caches may say so.
        ttl: Option<u32>,
    },
    /// There is one.
    Found {
        /// What it says.
        record: T,
        /// Its TTL, seconds.
        ttl: Option<u32>,
    },
    /// Something is there that cannot be used.
    Wrong {
        /// What is wrong.
        why: E,
        /// Its TTL, seconds.
        ttl: Option<u32>,
    },
    /// Could not tell: never "none".
    CouldNotTell {
        /// Why, as a sentence.
        why: String,
    },
}

impl<T, E> Seen<T, E> {
    /// What the record says.
    #[must_use]
    pub const fn found(&self) -> Option<&T> {
        match self {
            Self::Found { record, .. } => Some(record),
            _ => None,
        }
    }
}

/// What a lookup of TXT records comes to, which `parse` reads. `None`: it was not asked for.
pub(super) fn seen<T, E>(
    lookup: Option<&Validated>,
    name: &str,
    parse: impl Fn(&[&str]) -> Result<Option<T>, E>,
) -> Seen<T, E> {
    let Some(lookup) = lookup else {
        return Seen::CouldNotTell {
            why: format!("TXT {name} was not asked for"),
        };
    };
    if let Some(why) = lookup.status.why() {
        return Seen::CouldNotTell {
            why: why.to_owned(),
        };
    }
    if lookup.answer == Answer::Unknown {
        return Seen::CouldNotTell {
            why: format!("TXT {name} got no usable answer"),
        };
    }
    let texts: Vec<&str> = lookup
        .records()
        .iter()
        .filter_map(|r| match &r.data {
            Data::Txt(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let ttl = lookup.ttl;
    match parse(&texts) {
        Ok(None) => Seen::None { ttl },
        Ok(Some(record)) => Seen::Found { record, ttl },
        Err(why) => Seen::Wrong { why, ttl },
    }
}
