//! What servers and web servers send, edited at random.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt as _;

use super::certificates::{Box as Certificates, HOST};
use super::mta_sts::every_text;
use crate::dane::certificate::spki_of;
use crate::dane::mta_sts::{coverage, read_policy, read_record};
use crate::dane::smtp::{Broken, Conversation, Reply};
use crate::dane::tlsa::{digest_of, judge};
use crate::dane::{Certificate, Outcome, RecordResult, WebPki, WebRoots, webpki};
use crate::dns::Tlsa;
use crate::dns::text::hex;
use crate::fuzz::{assert_clean, fuzz, fuzz_text};

/// Everything that a server says in `pieces`, as replies, and how it ended.
async fn replies(head: &[u8], tail: &[u8]) -> (Vec<Reply>, String) {
    let stream = tokio::io::join(head.chain(tail), tokio::io::sink());
    let mut talk = Conversation::new(stream);
    let mut out = Vec::new();
    loop {
        match talk.reply().await {
            Ok(reply) => out.push(reply),
            Err(Broken::NotSmtp(why)) => return (out, why),
            Err(Broken::Io(error)) => return (out, error.kind().to_string()),
        }
    }
}

#[test]
fn smtp() {
    let seeds = [
        "220 mx.example.test ESMTP ready\r\n",
        "220-mx.example.test\r\n220-no UCE\r\n220 ready\r\n",
        "250-mx.example.test Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
        "220 2.0.0 SMTP server ready\r\n250 2.1.0 Sender OK\r\n550 5.4.1 Recipient address rejected: Access denied\r\n",
        "421 4.3.2 Service not available\r\n",
        "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35\r\n",
        "554-mx\n554 no\n221\r\n",
        "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "",
    ];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|s| s.as_bytes().to_vec()).collect();
    let words = [
        "250-",
        "250 ",
        "220 ",
        "\r\n",
        "\n",
        "\r",
        "STARTTLS",
        "\u{1b}]0;x\u{7}",
        "\u{202e}",
        "\0",
        "+20",
        "999",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    fuzz(&seeds, &words, |bytes: &[u8]| {
        let (all, end) = runtime.block_on(replies(bytes, &[]));
        assert_clean(&end);
        for reply in &all {
            assert!((200..600).contains(&reply.code) && (1..=128).contains(&reply.lines.len()));
            assert!(!reply.lines.iter().flatten().any(|b| *b == b'\n'));
            assert_clean(&reply.text());
            let _ = reply.offers("STARTTLS");
            // Written as a server would, it is the same again.
            let (last, first) = reply.lines.split_last().expect("a line");
            let mut written: Vec<u8> = Vec::new();
            let mut push = |mark: u8, line: &[u8]| {
                written.extend_from_slice(reply.code.to_string().as_bytes());
                written.push(mark);
                written.extend_from_slice(line);
                written.extend_from_slice(b"\r\n");
            };
            first.iter().for_each(|line| push(b'-', line));
            push(b' ', last);
            let (again, _) = runtime.block_on(replies(&written, &[]));
            assert_eq!(again.first(), Some(reply));
        }
        // Where packets are cut changes nothing.
        let (head, tail) = bytes.split_at(bytes.len() / 3);
        assert_eq!(runtime.block_on(replies(head, tail)), (all, end));
    });
}

const NOW: &str = "2026-11-21T00:00:00Z";

/// The chain whose leaf, issuer and root are honest.
const HONEST: [&str; 3] = ["leaf", "inter", "root"];

#[test]
fn certificate() {
    let certificates = Certificates::new();
    let names = ["leaf", "inter", "root", "wild", "common", "elsewhere"];
    let seeds: Vec<Vec<u8>> = names.iter().map(|n| certificates.get(n).to_vec()).collect();
    fuzz(
        &seeds,
        &["\u{1b}[31m", "*.", "\0", "example.test"],
        |bytes| {
            let seen = Certificate::read(bytes);
            assert_eq!(seen.bytes().as_ref(), bytes);
            assert_eq!(seen.sha256, hex(&digest_of(1, bytes)));
            assert_clean(&seen.subject);
            assert_clean(&seen.issuer);
            seen.names.iter().for_each(|n| assert_clean(n));
            // The key is a piece of the certificate, never made up.
            if let Some(key) = spki_of(bytes) {
                assert!(bytes.windows(key.len()).any(|w| w == key));
                assert_eq!(seen.spki_sha256, Some(hex(&digest_of(1, key))));
            } else {
                assert_eq!(seen.spki_sha256, None);
            }
        },
    );
}

/// Records of every sort for one certificate.
fn records(der: &CertificateDer<'_>) -> Vec<Tlsa> {
    let key = spki_of(der).expect("a key");
    let mut out = Vec::new();
    for usage in [2, 3] {
        for (selector, bytes) in [(0, der.as_ref()), (1, key)] {
            for matching in 0..=2 {
                let data = hex(&digest_of(matching, bytes));
                out.push(Tlsa {
                    usage,
                    selector,
                    matching,
                    data,
                });
            }
        }
    }
    out
}

#[test]
fn chain_that_does_not_hold_the_key() {
    let certificates = Certificates::new();
    let originals: Vec<CertificateDer<'static>> =
        HONEST.iter().map(|n| certificates.get(n).clone()).collect();
    let seeds: Vec<Vec<u8>> = originals.iter().map(|c| c.to_vec()).collect();
    let keys: Vec<&[u8]> = originals
        .iter()
        .map(|c| spki_of(c).expect("a key"))
        .collect();
    let sets: Vec<Vec<Tlsa>> = originals.iter().map(records).collect();
    let at: Timestamp = NOW.parse().expect("a time");
    let roots = WebRoots {
        system: false,
        extra: vec![originals[2].clone()],
    };
    fuzz(&seeds, &[], |bytes| {
        // One place at a time, for more inputs in the same time.
        let place = bytes.iter().map(|b| usize::from(*b)).sum::<usize>() % originals.len();
        {
            let mut chain = originals.clone();
            chain[place] = CertificateDer::from(bytes.to_vec());
            // Which certificate the edited one still is tells only its own bytes.
            let same = bytes == originals[place].as_ref();
            for (owner, set) in sets.iter().enumerate() {
                for record in set {
                    let judged = judge(std::slice::from_ref(record), &chain, &[HOST], at);
                    let Outcome::Authenticated { depth, record: by } = &judged.outcome else {
                        assert!(
                            !(same && owner == 0 && record.usage == 3),
                            "{record} {judged:?}"
                        );
                        continue;
                    };
                    assert_eq!(by, record);
                    if record.usage == 3 {
                        // The leaf is the one of the record, or has its key.
                        let leaf = chain[0].as_ref();
                        assert_eq!(*depth, 0);
                        assert!(if record.selector == 0 {
                            leaf == originals[owner].as_ref()
                        } else {
                            leaf.windows(keys[owner].len()).any(|w| w == keys[owner])
                        });
                    } else {
                        // A signature covers the leaf: not a bit of it can be another.
                        assert_eq!(chain[0], originals[0], "{record} at {depth}");
                        assert!(owner > 0 && *depth > 0);
                    }
                }
            }
            if webpki::verify(&chain, HOST, &roots, at) == WebPki::Valid {
                assert_eq!(chain[0], originals[0]);
            }
        }
    });
}

#[test]
fn tlsa_records() {
    let certificates = Certificates::new();
    let chain = certificates.chain("leaf inter root");
    let good: Vec<String> = chain
        .iter()
        .flat_map(records)
        .map(|r| r.to_string())
        .collect();
    let at: Timestamp = NOW.parse().expect("a time");
    // An anchor that stands in the DNS itself is trusted as it stands, whatever its own dates, name or signature became:
    // what it must hold is an issuer's key, of which these are the last bytes.
    let points: Vec<&[u8]> = chain[1..]
        .iter()
        .map(|c| spki_of(c).expect("a key"))
        .map(|key| &key[key.len() - 65..])
        .collect();
    let by_key = |record: &Tlsa| {
        let data = crate::dns::text::unhex(&record.data).expect("a usable record");
        (record.usage, record.matching) == (2, 0)
            && points
                .iter()
                .any(|p| data.windows(p.len()).any(|w| w == *p))
    };
    fuzz_text(
        &good,
        &["0 0 0 ", "3 1 1 ", "2 0 0 ", " ", "\n", "ff", "3082"],
        |text| {
            let records: Vec<Tlsa> = text.split('\n').filter_map(tlsa).collect();
            let judged = judge(&records, &chain, &[HOST], at);
            assert_eq!(judged.records.len(), records.len());
            let any = |wanted: fn(&RecordResult) -> bool| {
                judged.records.iter().any(|r| wanted(&r.result))
            };
            let matched = any(|r| matches!(r, RecordResult::Matches { .. }));
            let used = any(|r| !matches!(r, RecordResult::Unusable { .. }));
            let expected = match &judged.outcome {
                Outcome::Authenticated { record, depth } => {
                    assert!(good.contains(&plain(record)) || by_key(record));
                    assert!(*depth < chain.len() || by_key(record));
                    matched
                }
                Outcome::None => records.is_empty(),
                Outcome::Unusable => !records.is_empty() && !used,
                Outcome::Mismatch => used && !matched,
            };
            assert!(expected, "{judged:?}");
            for verdict in &judged.records {
                if let RecordResult::Unusable { why } | RecordResult::Differs { why } =
                    &verdict.result
                {
                    assert_clean(why);
                }
            }
        },
    );
}

/// As in a list: blanks within the data and their case mean nothing.
fn plain(record: &Tlsa) -> String {
    let data = crate::dns::text::unhex(&record.data).expect("a usable record");
    Tlsa {
        data: hex(&data),
        ..record.clone()
    }
    .to_string()
}

/// Numbers and data as in a zone file; whatever data.
fn tlsa(text: &str) -> Option<Tlsa> {
    let mut words = text.splitn(4, ' ');
    let mut number = || words.next()?.parse().ok();
    let (usage, selector, matching) = (number()?, number()?, number()?);
    let data = words.next()?.to_owned();
    Some(Tlsa {
        usage,
        selector,
        matching,
        data,
    })
}

#[test]
fn pem() {
    let certificates = Certificates::new();
    let block = |name: &str| {
        let text = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            certificates.get(name),
        );
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("ASCII"))
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    };
    let seeds = [
        block("leaf"),
        block("root") + &block("inter"),
        format!("subject=/CN=x\n{}trailing", block("root")),
        block("leaf").replace('\n', "\r\n"),
        block("leaf").replace("CERTIFICATE", "PRIVATE KEY"),
        String::new(),
    ];
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(String::into_bytes).collect();
    let words = [
        "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE-----",
        "\n",
        "=",
        "-----",
        "MII",
    ];
    fuzz(&seeds, &words, |bytes| {
        match WebRoots::pem(bytes) {
            Ok(roots) => assert!(!roots.extra.is_empty() && !roots.system),
            Err(why) => assert_clean(&why),
        }
        for der in CertificateDer::pem_slice_iter(bytes).flatten() {
            let seen = Certificate::read(&der);
            assert_clean(&seen.subject);
            assert_eq!(seen.bytes(), der);
        }
    });
}

#[test]
fn mta_sts() {
    let words = [
        ";",
        ";;",
        "=",
        ":",
        " ",
        "\t",
        "\n",
        "\r\n",
        "*.",
        "mx: ",
        "*.mx.microsoft",
        "version: STSv1\n",
        "v=STSv1;",
        "id=",
        "max_age: ",
        "mode: none\n",
        "\u{1b}[31m",
        "\u{2028}",
        "ü",
    ];
    let hosts = ["a.firma.example", "contoso-com.mail.protection.outlook.com"];
    let new = "contoso-com.o-v1.mx.microsoft";
    fuzz_text(&every_text(), &words, |text| {
        match read_record(&[text]) {
            Err(error) => assert_clean(&error.to_string()),
            Ok(None) => {}
            Ok(Some(record)) => {
                record
                    .remarks()
                    .iter()
                    .for_each(|r| assert_clean(&r.to_string()));
                let again = read_record(&[&record.to_string()])
                    .expect("good")
                    .expect("there");
                assert_eq!((again.remarks(), again.id), (vec![], record.id));
            }
        }
        let policy = match read_policy(text) {
            Err(error) => return assert_clean(&error.to_string()),
            Ok(policy) => policy,
        };
        policy
            .remarks()
            .iter()
            .for_each(|r| assert_clean(&r.to_string()));
        let again = read_policy(&policy.to_string()).expect("what is written is read");
        assert_eq!((again.mode, again.max_age), (policy.mode, policy.max_age));
        assert_eq!(
            (&again.patterns, again.remarks()),
            (&policy.patterns, vec![])
        );
        for new in [None, Some(new)] {
            let cover = coverage(&policy, &hosts, new);
            let next = read_policy(&cover.body).expect("what is proposed is a policy");
            assert_eq!(next.patterns, cover.publish);
            assert_eq!((next.mode, next.max_age), (policy.mode, policy.max_age));
            assert!(
                hosts
                    .iter()
                    .copied()
                    .chain(new)
                    .all(|host| next.allows(host))
            );
        }
    });
}
