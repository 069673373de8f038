//! DNSSEC's algorithm and digest numbers: their mnemonics, and whether they may still be used.
//!
//! From the IANA registries "DNS Security Algorithm Numbers" and "DS RR Type Digest Algorithms", which RFC 9904 made the
//! place of record; SHA-1 as RFC 9905 left it, GOST R 34.10-2001 as RFC 9906 did.

use serde::{Deserialize, Serialize};

/// Whether a zone may be signed, or delegated, with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// RECOMMENDED.
    Recommended,
    /// MAY.
    May,
    /// NOT RECOMMENDED.
    NotRecommended,
    /// MUST NOT: some validators already treat such zones as unsigned or refuse them.
    MustNot,
    /// Not assigned, or reserved: no validator knows it.
    Unknown,
}

/// The mnemonic of an algorithm in a DNSKEY, DS or RRSIG.
#[must_use]
pub const fn algorithm_name(number: u8) -> &'static str {
    algorithm(number).0
}

/// Whether a zone may be signed with this algorithm.
#[must_use]
pub const fn algorithm_use(number: u8) -> Use {
    algorithm(number).1
}

/// The name of a digest in a DS.
#[must_use]
pub const fn digest_name(number: u8) -> &'static str {
    digest(number).0
}

/// Whether a delegation may use this digest.
#[must_use]
pub const fn digest_use(number: u8) -> Use {
    digest(number).1
}

/// Whether this program can check signatures of this algorithm. A zone signed with others alone counts as unsigned
/// (RFC 4035, 5.2), though others may well validate it.
#[must_use]
pub const fn is_checked_here(number: u8) -> bool {
    matches!(number, 5 | 7 | 8 | 10 | 13 | 14 | 15)
}

/// Whether this program can compare keys with digests of this type.
#[must_use]
pub const fn is_digest_known_here(number: u8) -> bool {
    matches!(number, 1 | 2 | 4)
}

const fn algorithm(number: u8) -> (&'static str, Use) {
    match number {
        0 => ("DELETE", Use::Unknown),
        1 => ("RSAMD5", Use::MustNot),
        2 => ("DH", Use::Unknown),
        3 => ("DSA", Use::MustNot),
        5 => ("RSASHA1", Use::MustNot),
        6 => ("DSA-NSEC3-SHA1", Use::MustNot),
        7 => ("RSASHA1-NSEC3-SHA1", Use::MustNot),
        8 => ("RSASHA256", Use::Recommended),
        10 => ("RSASHA512", Use::NotRecommended),
        12 => ("ECC-GOST", Use::MustNot),
        13 => ("ECDSAP256SHA256", Use::Recommended),
        14 => ("ECDSAP384SHA384", Use::May),
        15 => ("ED25519", Use::Recommended),
        16 => ("ED448", Use::May),
        17 => ("SM2SM3", Use::May),
        23 => ("ECC-GOST12", Use::May),
        252 => ("INDIRECT", Use::Unknown),
        253 => ("PRIVATEDNS", Use::May),
        254 => ("PRIVATEOID", Use::May),
        _ => ("unassigned", Use::Unknown),
    }
}

const fn digest(number: u8) -> (&'static str, Use) {
    match number {
        // Asks the parent to remove the DS (RFC 8078, 4); as a digest there is nothing to it.
        0 => ("none", Use::MustNot),
        1 => ("SHA-1", Use::MustNot),
        2 => ("SHA-256", Use::Recommended),
        3 => ("GOST R 34.11-94", Use::MustNot),
        4 => ("SHA-384", Use::May),
        5 => ("GOST R 34.11-2012", Use::May),
        6 => ("SM3", Use::May),
        _ => ("unassigned", Use::Unknown),
    }
}

/// The size of a public key in bits: the modulus for RSA (RFC 3110, 2), the curve's for the others. `None` where the
/// algorithm is not known here or the key cannot be read.
#[must_use]
pub fn key_bits(algorithm: u8, key: &[u8]) -> Option<u32> {
    match algorithm {
        1 | 5 | 7 | 8 | 10 => rsa_bits(key),
        12 | 13 | 15 | 17 | 23 => Some(256),
        14 => Some(384),
        16 => Some(456),
        _ => None,
    }
}

/// The exponent's length comes first, in one octet, or in two after a zero; then the exponent; the rest is the modulus.
fn rsa_bits(key: &[u8]) -> Option<u32> {
    let (exponent, rest) = match key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let modulus = rest.get(exponent..)?;
    let first = modulus.iter().position(|b| *b != 0)?;
    let modulus = &modulus[first..];
    let whole = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    Some(whole - modulus[0].leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha1_is_over_and_the_common_ones_are_fine() {
        for number in [1, 3, 5, 6, 7, 12] {
            assert_eq!(algorithm_use(number), Use::MustNot, "{number}");
        }
        for number in [8, 13, 15] {
            assert_eq!(algorithm_use(number), Use::Recommended, "{number}");
        }
        assert_eq!(algorithm_use(10), Use::NotRecommended);
        assert_eq!(algorithm_use(200), Use::Unknown);
        assert_eq!(algorithm_name(7), "RSASHA1-NSEC3-SHA1");
        assert_eq!(algorithm_name(13), "ECDSAP256SHA256");
        assert_eq!(
            (digest_name(2), digest_use(2)),
            ("SHA-256", Use::Recommended)
        );
        assert_eq!((digest_name(1), digest_use(1)), ("SHA-1", Use::MustNot));
    }

    #[test]
    fn the_size_of_an_rsa_key_is_that_of_its_modulus() {
        let key = |head: &[u8], exponent: usize, modulus: &[u8]| {
            let mut key = head.to_vec();
            key.extend(vec![1; exponent]);
            key.extend(modulus);
            key
        };
        assert_eq!(key_bits(8, &key(&[3], 3, &[0xff; 256])), Some(2048));
        assert_eq!(key_bits(5, &key(&[3], 3, &[0x7f; 64])), Some(511));
        // A leading zero is no bit.
        assert_eq!(
            key_bits(8, &key(&[3], 3, &[&[0][..], &[0x80; 128]].concat())),
            Some(1024)
        );
        // The long form of the exponent's length.
        assert_eq!(
            key_bits(10, &key(&[0, 1, 0], 256, &[0xff; 128])),
            Some(1024)
        );
        assert_eq!(key_bits(8, &[]), None);
        assert_eq!(key_bits(8, &[9, 1]), None);
        assert_eq!(key_bits(13, &[0; 64]), Some(256));
        assert_eq!(key_bits(200, &[0; 64]), None);
    }
}
