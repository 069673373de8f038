//! Names for keys and signatures, as people know them.

use x509_parser::der_parser::asn1_rs::Oid;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// `rsa`, `ecdsa`, `ed25519`, or the algorithm's number.
pub(super) fn kind(key: &SubjectPublicKeyInfo<'_>) -> String {
    let oid = key.algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => "rsa",
        "1.2.840.10045.2.1" => "ecdsa",
        "1.3.101.112" => "ed25519",
        "1.3.101.113" => "ed448",
        "1.2.840.10040.4.1" => "dsa",
        _ => return oid,
    }
    .to_owned()
}

/// How long it is.
pub(super) fn bits(key: &SubjectPublicKeyInfo<'_>) -> Option<u32> {
    let bits = match key.parsed().ok()? {
        PublicKey::RSA(rsa) => {
            let modulus: &[u8] = rsa.modulus;
            let first = modulus.iter().position(|b| *b != 0)?;
            let significant = &modulus[first..];
            8 * significant.len() - usize::try_from(significant[0].leading_zeros()).ok()?
        }
        // P-521 has 66 bytes a coordinate.
        PublicKey::EC(point) => match point.key_size() {
            528 => 521,
            other => other,
        },
        _ => return None,
    };
    u32::try_from(bits).ok().filter(|b| *b > 0)
}

/// The signature algorithm's name in RFC 3279, 4055, 5758, 8410; else its number.
pub(super) fn signature(oid: &Oid<'_>) -> String {
    let oid = oid.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        _ => return oid,
    }
    .to_owned()
}
