//! Digests, as the matching type of a TLSA record names them (RFC 6698, 2.1.3).

use aws_lc_rs::digest;

/// What the data of a record with this matching type would be.
pub(super) fn digest_of(matching: u8, bytes: &[u8]) -> Vec<u8> {
    match matching {
        1 => digest::digest(&digest::SHA256, bytes).as_ref().to_vec(),
        2 => digest::digest(&digest::SHA512, bytes).as_ref().to_vec(),
        _ => bytes.to_vec(),
    }
}
