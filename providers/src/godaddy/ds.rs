//! DS records as GoDaddy writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Ds, text};

/// The words for algorithms (RFC 8624) in its interface.
const ALGORITHMS: &[(u8, &str)] = &[
    (5, "RSASHA1"),
    (7, "RSASHA1_NSEC3_SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC_GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
];

/// The words for types of digest.
const DIGESTS: &[(u8, &str)] = &[(1, "SHA1"), (2, "SHA256"), (3, "GOST"), (4, "SHA384")];

/// Words are written; numbers are read, too.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireDs {
    algorithm: Value,
    digest: String,
    digest_type: Value,
    key_tag: u16,
}

impl WireDs {
    /// `None` where there is no word for its algorithm or its type of digest.
    pub(super) fn new(ds: &Ds) -> Option<Self> {
        let word = |number, words: &[(u8, &str)]| Some(words.iter().find(|(known, _)| *known == number)?.1.into());
        let (algorithm, digest_type) = (word(ds.algorithm, ALGORITHMS)?, word(ds.digest_type, DIGESTS)?);
        Some(Self { algorithm, digest: text::hex(&ds.digest), digest_type, key_tag: ds.key_tag })
    }

    /// `None` where it is no DS record.
    pub(super) fn read(&self) -> Option<Ds> {
        let number = |value: &Value, words: &[(u8, &str)]| match value {
            Value::String(text) => {
                let found = words.iter().find(|(_, word)| word == text);
                found.map(|(number, _)| *number).or_else(|| text.parse().ok())
            }
            number => number.as_u64()?.try_into().ok(),
        };
        let (algorithm, digest_type) = (number(&self.algorithm, ALGORITHMS)?, number(&self.digest_type, DIGESTS)?);
        let ds = Ds { key_tag: self.key_tag, algorithm, digest_type, digest: text::unhex(&self.digest)? };
        ds.has_right_length().then_some(ds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ds_is_written_in_words_and_read_in_words_or_numbers() {
        let ds: Ds = "55648 13 2 abababababababababababababababababababababababababababababababab".parse().unwrap();
        let wire = serde_json::to_value(WireDs::new(&ds)).unwrap();
        assert_eq!((&wire["algorithm"], &wire["digestType"]), (&"ECDSAP256SHA256".into(), &"SHA256".into()));
        let read = |wire: Value| serde_json::from_value::<WireDs>(wire).unwrap().read();
        assert_eq!(read(wire.clone()), Some(ds.clone()));
        for (algorithm, digest_type) in [(Value::from(13), Value::from(2)), ("13".into(), "2".into())] {
            let mut wire = wire.clone();
            (wire["algorithm"], wire["digestType"]) = (algorithm, digest_type);
            assert_eq!(read(wire), Some(ds.clone()));
        }
        let mut odd = wire;
        odd["algorithm"] = "RSAMD9".into();
        assert_eq!(read(odd), None);
        assert!(WireDs::new(&Ds { algorithm: 200, ..ds }).is_none());
    }
}
