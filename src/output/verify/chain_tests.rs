use std::time::Duration;

use jiff::Timestamp;

use super::chain;
use crate::dns::chain::{ChainDs, ChainKey, Entry, Role, ZoneLink};
use crate::dns::{
    Answer, ChainOfTrust, Data, Dnskey, Ds, Kind, Record, Signatures, Status, Validated,
};

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn key(tag: u16, role: Role) -> ChainKey {
    ChainKey {
        key: Dnskey {
            flags: if role == Role::Ksk { 257 } else { 256 },
            algorithm: 13,
            key_tag: tag,
            public_key: String::new(),
        },
        role,
        signs_keys: role == Role::Ksk,
    }
}

fn signed(tag: u16, days: i64) -> Signatures {
    Signatures {
        inception: now() - Duration::from_secs(86_400),
        expires: now() + jiff::SignedDuration::from_hours(24 * days),
        key_tags: vec![tag],
        signer: "example".into(),
    }
}

fn link(zone: &str, entry: Entry, status: Status) -> ZoneLink {
    ZoneLink {
        zone: zone.into(),
        servers: vec!["ns1.example".into()],
        entry,
        keys: Vec::new(),
        keys_ttl: None,
        keys_signatures: None,
        status,
    }
}

fn root() -> ZoneLink {
    ZoneLink {
        keys: vec![key(20_326, Role::Ksk), key(7, Role::Zsk)],
        keys_ttl: Some(172_800),
        keys_signatures: Some(signed(20_326, 9)),
        ..link("", Entry::Anchor { tags: vec![20_326] }, Status::Secure)
    }
}

fn entered(zone: &str, fits: Option<u16>) -> ZoneLink {
    let set = vec![ChainDs {
        ds: Ds {
            key_tag: 5,
            algorithm: 13,
            digest_type: 2,
            digest: "ab".into(),
        },
        key: fits,
    }];
    let entry = Entry::Ds {
        set,
        ttl: Some(3600),
        signatures: Some(signed(7, 4)),
    };
    link(zone, entry, Status::Secure)
}

fn set(name: &str, kind: Kind, status: Status, answer: Answer) -> Validated {
    Validated {
        name: name.into(),
        kind,
        status,
        answer,
        aliases: Vec::new(),
        ttl: Some(300),
        soa: None,
        signatures: None,
        at: now(),
        from: None,
    }
}

fn chain_to(name: &str, zones: Vec<ZoneLink>, sets: Vec<Validated>) -> ChainOfTrust {
    ChainOfTrust {
        name: name.into(),
        zones,
        sets,
        trouble: None,
        at: now(),
    }
}

fn mx(name: &str) -> Validated {
    let data = Data::Mx {
        preference: 10,
        exchange: "mx.example".into(),
    };
    let records = vec![Record {
        name: name.into(),
        ttl: 300,
        data,
    }];
    set(name, Kind::Mx, Status::Secure, Answer::Records(records))
}

#[test]
fn zones_that_chains_share_are_drawn_once() {
    let first = chain_to(
        "a.example",
        vec![root(), entered("example", Some(5))],
        vec![
            mx("a.example"),
            set("a.example", Kind::Aaaa, Status::Secure, Answer::NoData),
        ],
    );
    let second = chain_to(
        "b.test",
        vec![
            root(),
            link(
                "test",
                Entry::NoDs {
                    proof: "NSEC at test".into(),
                    ttl: Some(900),
                },
                Status::Insecure,
            ),
        ],
        vec![set(
            "b.test",
            Kind::Tlsa,
            Status::Insecure,
            Answer::NxDomain,
        )],
    );
    let drawn = chain(&[first, second], now()).plain();
    assert_eq!(
        drawn,
        "\
\u{2514}\u{2500} . (root)  secure  by ns1.example
   \u{2502} trust anchor: key 20326
   \u{2502} key 20326 KSK ECDSAP256SHA256, signs the keys
   \u{2502} key 7 ZSK ECDSAP256SHA256
   \u{2502} DNSKEY set  TTL 172800 s  signed by key 20326 for another 9 d
   \u{251c}\u{2500} example  secure  by ns1.example
   \u{2502}  \u{2502} DS 5 ECDSAP256SHA256 SHA-256 \u{2192} key 5
   \u{2502}  \u{2502} DS set  TTL 3600 s  signed by key 7 for another 4 d
   \u{2502}  \u{2514}\u{2500} MX a.example  secure  10 mx.example.  TTL 300 s
   \u{2514}\u{2500} test  insecure  by ns1.example
      \u{2502} no DS: NSEC at test  TTL 900 s
      \u{2514}\u{2500} TLSA b.test  insecure  no such name  TTL 300 s
"
    );
}

#[test]
fn a_broken_link_says_why_and_hostile_text_stays_on_its_line() {
    let mut broken = entered("example", None);
    broken.status = Status::Bogus {
        why: "no key\u{1b}[2J fits\r\nsecure".into(),
    };
    let mut chain_to = chain_to("a.example", vec![root(), broken], Vec::new());
    chain_to.trouble = Some("stopped\u{7} here".into());
    let drawn = chain(&[chain_to], now()).plain();
    assert!(
        drawn.contains("DS 5 ECDSAP256SHA256 SHA-256 \u{2192} no key here"),
        "{drawn}"
    );
    assert!(drawn.contains("example  bogus"), "{drawn}");
    assert!(drawn.contains("stopped\\u{7} here"), "{drawn}");
    for line in drawn.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.starts_with("secure"), "{line:?}");
    }
}
