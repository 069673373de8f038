use super::*;
use crate::DelegationKey;

/// RFC 6605, section 6.1: P-256, key tag 55648, SHA-256.
const P256: &str = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
const P256_DS: &str = "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
/// RFC 6605, section 6.2: P-384, key tag 10771, SHA-384.
const P384: &str = "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40";
const P384_DS: &str = "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6";
/// RFC 4509, section 2.3 (key of RFC 4034, section 5.4): RSA/SHA-1, key tag 60485, SHA-256.
const RSA: &str = "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
const RSA_DS: &str = "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";

fn zone(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn digests_of_the_standards() {
    for (owner, key, ds) in [
        ("example.net", P256, P256_DS),
        ("example.net", P384, P384_DS),
        ("dskey.example.com", RSA, RSA_DS),
    ] {
        let (key, ds): (Dnskey, Ds) = (key.parse().unwrap(), ds.parse().unwrap());
        assert_eq!(key.key_tag(), ds.key_tag);
        assert_eq!(ds.covers(&zone(owner), &key), Some(true));
        assert_eq!(ds.covers(&zone("other.example"), &key), Some(false));
    }
}

#[test]
fn text_survives() {
    for text in [P256, P384, RSA] {
        assert_eq!(text.parse::<Dnskey>().unwrap().to_string(), text);
    }
    let ds: Ds = P256_DS.parse().unwrap();
    assert_eq!(ds.to_string(), P256_DS.to_uppercase());
    assert_eq!(ds.line(&zone("Example.net")).parse::<Ds>().unwrap(), ds);
    let json = serde_json::to_string(&ds).unwrap();
    assert_eq!(serde_json::from_str::<Ds>(&json).unwrap(), ds);
    let wrapped = format!(
        "example.net. 3600 IN DS {} ( {} )",
        &P256_DS[..20],
        &P256_DS[20..]
    );
    assert_eq!(wrapped.parse::<Ds>().unwrap(), ds);
}

#[test]
fn what_is_no_digest_is_refused() {
    for text in [
        "",
        "1 2 3",
        "x 13 2 AB",
        "1 13 2 ABC",
        "1 13 2 ABCD",
        "70000 13 2 ABCD",
        "1 13 2 ZZ",
    ] {
        assert!(text.parse::<Ds>().is_err(), "{text}");
    }
    for text in ["", "257 3 13", "257 3 13 !", "257 3 999 AAAA"] {
        assert!(text.parse::<Dnskey>().is_err(), "{text}");
    }
}

#[test]
fn a_wrong_digest_never_reaches_a_registrar() {
    let name = zone("example.net");
    let key: Dnskey = P256.parse().unwrap();
    let mut wrong: Ds = P256_DS.parse().unwrap();
    wrong.digest[0] ^= 1;
    let told = DelegationKey::checked(&name, Some(key.clone()), vec![wrong]);
    assert!(matches!(told, Err(KeyError::Mismatch { .. })), "{told:?}");
    let other_zone = DelegationKey::checked(
        &zone("example.org"),
        Some(key.clone()),
        vec![P256_DS.parse().unwrap()],
    );
    assert!(matches!(other_zone, Err(KeyError::Mismatch { .. })));
    let other_key =
        DelegationKey::checked(&name, Some(key.clone()), vec![P384_DS.parse().unwrap()]);
    assert!(matches!(other_key, Err(KeyError::Mismatch { .. })));
    let revoked = Dnskey {
        flags: 257 | 0x80,
        ..key
    };
    assert!(matches!(
        DelegationKey::from_dnskey(&name, revoked),
        Err(KeyError::NotUsable { .. })
    ));
    assert!(matches!(
        DelegationKey::checked(&name, None, vec![]),
        Err(KeyError::Nothing(_))
    ));
}

#[test]
fn sha1_is_dropped_and_sha256_added() {
    let name = zone("example.net");
    let key: Dnskey = P256.parse().unwrap();
    let old = Ds {
        key_tag: key.key_tag(),
        algorithm: 13,
        digest_type: 1,
        digest: vec![7; 20],
    };
    let sha384 = key.ds(&name, DigestType::Sha384);
    let checked = DelegationKey::checked(&name, Some(key), vec![sha384.clone(), old]).unwrap();
    assert_eq!(checked.ds, [P256_DS.parse().unwrap(), sha384]);
    assert_eq!(checked.preferred_ds(), Some(&P256_DS.parse().unwrap()));
}
