//! One-time codes from a shared secret and the clock (RFC 6238): 6 digits, SHA-1, a new one each 30 s, as authenticator apps make them.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

/// Seconds for which a code is good.
const STEP: i64 = 30;

/// The code at a time in seconds since 1970; `None` when the secret is no base32 text.
pub(crate) fn totp(secret: &SecretString, now: i64) -> Option<String> {
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        &base32(secret.expose_secret())?,
    );
    let tag = hmac::sign(&key, &now.div_euclid(STEP).to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226, section 5.3: the last four bits say where to look; SHA-1 has 20 octets, so there are always four more.
    let at = usize::from(tag.last()? & 0xF);
    let octets = tag.get(at..at + 4)?.try_into().ok()?;
    let number = u32::from_be_bytes(octets) & 0x7FFF_FFFF;
    Some(format!("{:06}", number % 1_000_000))
}

/// RFC 4648, section 6, in either case, with or without blanks and padding.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for c in text.trim_end_matches('=').chars().filter(|c| *c != ' ') {
        let value = match c.to_ascii_uppercase() {
            c @ 'A'..='Z' => u32::from(c) - u32::from('A'),
            c @ '2'..='7' => u32::from(c) - u32::from('2') + 26,
            _ => return None,
        };
        held = (held << 5 | value) & 0xFFF;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            // The mask leaves eight bits.
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B, and the last six of its eight digits.
    #[test]
    fn the_codes_of_the_rfc() {
        let secret: SecretString = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned().into();
        for (now, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(&secret, now).as_deref(), Some(code), "{now}");
        }
    }

    #[test]
    fn base32_as_people_copy_it() {
        assert_eq!(base32("MZXW6YTBOI======").unwrap(), b"foobar");
        assert_eq!(base32("mzxw 6ytb oi").unwrap(), b"foobar");
        for wrong in ["", "A", "MZXW1", "MZXW-", "ü"] {
            assert_eq!(base32(wrong), None, "{wrong}");
        }
    }
}
