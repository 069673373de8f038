//! What name servers send, edited at random; text from outside on its way to a terminal.

use hickory_proto::op::Message;

use super::super::convert;
use crate::dns::text::{hex, safe, unhex};
use crate::dns::{Data, Kind, Record, normal};
use crate::fuzz::{assert_clean, fuzz, fuzz_text};

/// An answer in wire form: header, question `name`/`kind`, and the records given as (type, data).
fn message(
    flags: u16,
    name: &[u8],
    kind: u16,
    answer: &[(u16, Vec<u8>)],
    more: &[(u16, Vec<u8>)],
) -> Vec<u8> {
    let mut out = vec![0x12, 0x34];
    out.extend(flags.to_be_bytes());
    let count = |n: usize| u16::try_from(n).expect("few").to_be_bytes();
    out.extend([0, 1]);
    out.extend(count(answer.len()));
    out.extend(count(more.len()));
    out.extend([0, 1]);
    out.extend(name);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    for (kind, data) in answer.iter().chain(more) {
        // The owner is the question's name, by pointer.
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 1, 0x2c]);
        out.extend(count(data.len()));
        out.extend(data);
    }
    // EDNS with an extended error (RFC 8914).
    out.extend([0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 12, 0, 15, 0, 8, 0, 22]);
    out.extend(b"no way");
    out
}

fn wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|l| !l.is_empty()) {
        out.push(u8::try_from(label.len()).expect("short"));
        out.extend(label.bytes());
    }
    out.push(0);
    out
}

fn seeds() -> Vec<Vec<u8>> {
    let name = wire("_25._tcp.mx.Contoso.com");
    let signature = |covered: u16| {
        let mut data = covered.to_be_bytes().to_vec();
        data.extend([13, 5, 0, 0, 1, 0x2c]);
        data.extend(1_900_000_000_u32.to_be_bytes());
        data.extend(1_700_000_000_u32.to_be_bytes());
        data.extend([0x12, 0x67]);
        data.extend(wire("contoso.com"));
        data.extend([7; 64]);
        (46, data)
    };
    let numbers = |numbers: [u32; 5]| {
        numbers
            .iter()
            .flat_map(|n| n.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let soa = [
        wire("ns1.contoso.com"),
        wire("hostmaster.contoso.com"),
        numbers([7, 60, 30, 3600, 20]),
    ]
    .concat();
    let nsec = [wire("z.contoso.com"), vec![0, 6, 0x40, 1, 0, 0, 0, 3]].concat();
    let nsec3 = [
        vec![1, 0, 0, 0, 0, 20],
        vec![9; 20],
        vec![0, 6, 0x40, 1, 0, 0, 0, 3],
    ]
    .concat();
    let text = |strings: &[&str]| {
        let mut out = Vec::new();
        for s in strings {
            out.push(u8::try_from(s.len()).expect("short"));
            out.extend(s.bytes());
        }
        out
    };
    let key = [vec![1, 1, 3, 13], vec![5; 64]].concat();
    let ds = [vec![0x12, 0x67, 13, 2], vec![6; 32]].concat();
    let tlsa = [vec![3, 1, 1], vec![8; 32]].concat();
    let mx = |host: &str| [vec![0, 10], wire(host)].concat();
    let (answer, absent, failed) = (0x8400, 0x8403, 0x8182);
    vec![
        message(
            answer,
            &name,
            15,
            &[
                (15, mx("contoso-com.o-v1.mx.microsoft")),
                (15, mx("")),
                signature(15),
            ],
            &[],
        ),
        message(
            answer,
            &name,
            16,
            &[
                (16, text(&["v=STSv1; ", "id=1;"])),
                (16, text(&["\u{1b}[31m"])),
                signature(16),
            ],
            &[],
        ),
        message(answer, &name, 52, &[(52, tlsa), signature(52)], &[]),
        message(
            answer,
            &name,
            1,
            &[(5, wire("a.b")), (1, vec![192, 0, 2, 1]), (28, vec![0; 16])],
            &[],
        ),
        message(
            answer,
            &name,
            48,
            &[(48, key.clone()), signature(48)],
            &[(43, ds.clone())],
        ),
        message(
            answer,
            &name,
            59,
            &[(59, ds), (60, key), (39, wire("x.y")), (2, wire("ns.z"))],
            &[],
        ),
        message(
            answer,
            &name,
            257,
            &[(257, b"\0\x05issueca.example".to_vec()), (99, vec![1, 2])],
            &[],
        ),
        message(
            absent,
            &name,
            52,
            &[],
            &[(6, soa.clone()), signature(6), (47, nsec), signature(47)],
        ),
        message(
            answer,
            &name,
            52,
            &[],
            &[(6, soa), (50, nsec3), signature(50)],
        ),
        message(failed, &name, 52, &[], &[]),
    ]
}

/// Nothing but the text of a TXT record, which is for parsers, may hold what acts on a terminal.
fn check(record: &Record) {
    let clean = |name: &str| {
        assert_clean(name);
        assert_eq!(name, name.to_ascii_lowercase());
        // A name that came out goes in again as the same one, whatever people's functions do to it.
        for name in [name, &format!("{name}."), &normal(name)] {
            let again = convert::to_library(name).map(|n| convert::from_library(&n));
            assert_eq!(again.as_deref(), Ok(name.trim_end_matches('.')));
        }
        // A dot always parts labels.
        let labels = convert::to_library(name).map(|n| n.iter().count());
        assert_eq!(
            labels,
            Ok(name.split('.').filter(|l| !l.is_empty()).count())
        );
    };
    clean(&record.name);
    match &record.data {
        Data::Mx { exchange: name, .. }
        | Data::Ns(name)
        | Data::Cname(name)
        | Data::Dname(name) => clean(name),
        Data::Soa(soa) => clean(&soa.zone),
        Data::Tlsa(tlsa) => assert!(unhex(&tlsa.data).is_some()),
        Data::Ds(ds) | Data::Cds(ds) => assert!(unhex(&ds.digest).is_some()),
        Data::Dnskey(key) => assert!(unhex(&key.public_key).is_some()),
        Data::Other(text) => assert_clean(text),
        Data::Txt(_) | Data::A(_) | Data::Aaaa(_) => {}
    }
    let text = serde_json::to_string(record).expect("plain data");
    assert_eq!(
        &serde_json::from_str::<Record>(&text).expect("plain data"),
        record
    );
}

#[test]
fn messages() {
    let seeds = seeds();
    for seed in &seeds {
        let message = Message::from_vec(seed).expect("the seeds are messages");
        assert!(message.edns.is_some());
    }
    let words = [
        "\u{3}www\0",
        "\0",
        "\u{1b}[31m",
        "\\",
        "\u{1}.",
        "\u{2} .",
        "\u{3}a\\b",
    ];
    fuzz(&seeds, &words, |bytes| {
        let Ok(message) = Message::from_vec(bytes) else {
            return;
        };
        for section in [&message.answers, &message.authorities, &message.additionals] {
            for record in section.iter() {
                check(&convert::record(record));
                for kind in [Kind::Mx, Kind::Txt, Kind::Tlsa, Kind::Ds] {
                    let kind = convert::record_type(kind);
                    let found = convert::records_at(section, &record.name, kind);
                    assert!(found.len() <= section.len() && found.is_sorted());
                    if let Some(all) = convert::signatures(section, &record.name, kind) {
                        assert_clean(&all.signer);
                        assert!(!all.key_tags.is_empty());
                    }
                }
            }
            if let Some(soa) = convert::soa(section) {
                assert!(soa.negative_ttl() <= soa.ttl);
            }
        }
        assert_clean(&convert::rcode_failure(&message).to_string());
    });
}

#[test]
fn text_for_people() {
    let seeds = [
        "220 mx ready",
        "\u{1b}[31mred\u{7}",
        "a\u{202e}b\u{200b}c",
        "tab\there",
        "ü\u{2028}",
        "\u{e0041}\u{ad}",
    ];
    let mut seeds: Vec<Vec<u8>> = seeds.iter().map(|s| s.as_bytes().to_vec()).collect();
    seeds.push(vec![0xff, 0xc3, 0x28, 0x9b, b'3', b'1', b'm']);
    seeds.push("ä ".repeat(200).into_bytes());
    let words = [
        "\u{1b}", "\u{9b}", "\r\n", "\u{202e}", "\u{2066}", "\u{feff}", "\u{fff9}", "\u{85}", "\t",
        " ",
    ];
    fuzz(&seeds, &words, |bytes| {
        let shown = safe(bytes);
        assert_clean(&shown);
        assert!(shown.chars().count() <= 301);
        assert_eq!(
            safe(shown.as_bytes()),
            shown,
            "made safe twice is made safe once"
        );
        assert_eq!(unhex(&hex(bytes)).as_deref(), Some(bytes));
    });
}

#[test]
fn names_as_people_write_them() {
    let seeds = [
        "Contoso.COM.",
        "_25._tcp.mx.contoso.com",
        "a\\.b.example",
        "\\032x.example",
        "bücher.example",
        "",
        ".",
    ];
    let seeds: Vec<String> = seeds.iter().map(|s| (*s).to_owned()).collect();
    fuzz_text(
        &seeds,
        &[
            ".", "\\", "\\000", "\\.", "\\\\", " ", "\u{1b}", "*", "xn--",
        ],
        |text| match convert::to_library(text) {
            Err(failure) => assert_clean(&failure.to_string()),
            Ok(name) => {
                let shown = convert::from_library(&name);
                assert_clean(&shown);
                assert_eq!(convert::to_library(&shown).as_ref(), Ok(&name), "{shown}");
            }
        },
    );
}
