//! The zones of the survey: what is wrong with each, at its second server or altogether.

use hickory_proto::op::{Edns, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Record, RecordType};

use super::scene::{Bend, Second, Zone};

const LEAF: &str = "@ 30 MX 10 mail\nmail 30 A 192.0.2.1\n";
/// From long ago to long ago.
const EXPIRED: [&str; 4] = ["-s", "20240101000000", "-e", "20240201000000"];

fn zone(label: &'static str, second: Second) -> Zone {
    Zone {
        label,
        text: LEAF.to_owned(),
        signing: Some(vec![]),
        ds: true,
        more_ds: None,
        second,
    }
}

fn bent(label: &'static str, bend: Bend) -> Zone {
    zone(label, Second::Bent(bend, true))
}

fn fails(message: &mut hickory_proto::op::Message, code: ResponseCode) {
    message.metadata.response_code = code;
    message.answers.clear();
    message.authorities.clear();
}

pub(super) fn zones() -> Vec<Zone> {
    let other = |text: &str, signing, same_key| Second::Other(text.to_owned(), signing, same_key);
    vec![
        zone("good", Second::Same),
        zone(
            "stale",
            other("@ 3600 MX 10 legacy\nlegacy 60 A 192.0.2.2\n", None, true),
        ),
        zone("expired", other(LEAF, Some(EXPIRED.to_vec()), true)),
        zone("otherkey", other(LEAF, Some(vec![]), false)),
        zone("udponly", Second::Bent(|_, _, _| {}, false)),
        bent("notimp", |kind, _, m| {
            if kind == RecordType::TLSA {
                fails(m, ResponseCode::NotImp);
            }
        }),
        bent("servfail", |kind, _, m| {
            if kind == RecordType::TLSA {
                fails(m, ResponseCode::ServFail);
                let mut edns = Edns::new();
                let text = [&[0, 22][..], b"no \x1b[31mhope"].concat();
                edns.options_mut().insert(EdnsOption::Unknown(15, text));
                m.set_edns(edns);
            }
        }),
        bent("noproof", |kind, _, m| {
            if kind == RecordType::TLSA {
                m.authorities.retain(|r: &Record| {
                    !matches!(r.record_type(), RecordType::NSEC | RecordType::RRSIG)
                });
            }
        }),
        // No proof either, but for signatures it is the answer itself that lacks them.
        bent("unsigned", |_, _, m| {
            m.answers.retain(|r| !r.record_type().is_rrsig());
            m.authorities.retain(|r| !r.record_type().is_rrsig());
        }),
        bent("bare", |kind, _, m| {
            if kind == RecordType::DNSKEY {
                m.answers.retain(|r| !r.record_type().is_rrsig());
            }
        }),
        Zone {
            text: format!("{LEAF}_25._tcp 60 TLSA 3 1 1 {}\n", "ab".repeat(32)),
            ..bent("ent", |_, _, m| {
                if m.queries[0].name.to_ascii().starts_with("_tcp.") {
                    m.metadata.response_code = ResponseCode::NXDomain;
                }
            })
        },
        zone(
            "cut",
            Second::Bent(
                |kind, over_tcp, m| {
                    m.metadata.truncation = kind == RecordType::DNSKEY && !over_tcp;
                },
                true,
            ),
        ),
        zone(
            "cutonly",
            Second::Bent(
                |kind, _, m| m.metadata.truncation = kind == RecordType::DNSKEY,
                false,
            ),
        ),
        bent("apart", |kind, over_tcp, m| {
            if kind == RecordType::MX && over_tcp {
                m.answers.clear();
            }
        }),
        Zone {
            signing: Some(vec!["-3", "aabb", "-H", "5", "-A"]),
            text: format!("{LEAF}*.wild 60 TXT x\n"),
            ..zone("n3", Second::Same)
        },
        Zone {
            text: format!("{LEAF}* 60 TXT x\n"),
            ..zone("wild", Second::Same)
        },
        Zone {
            text: format!("{LEAF}* 60 TXT x\n"),
            signing: Some(vec!["-3", "-"]),
            ..zone("wild3", Second::Same)
        },
        Zone {
            text: format!("{LEAF}* 60 TLSA 3 1 1 {}\n", "ab".repeat(32)),
            ..zone("wildtlsa", Second::Same)
        },
        Zone {
            text: format!("{LEAF}* 60 TXT x\n"),
            signing: None,
            ds: false,
            ..zone("plainwild", Second::Same)
        },
        Zone {
            more_ds: Some(
                "4711 8 2 abababababababababababababababababababababababababababababababab",
            ),
            ..zone("twods", Second::Same)
        },
        Zone {
            text: "@ 86400 MX 10 mail\nmail 30 A 192.0.2.1\n".to_owned(),
            signing: Some(vec!["-e", "now+3600"]),
            ..zone("short", Second::Same)
        },
        Zone {
            ds: false,
            ..zone("island", Second::Same)
        },
    ]
}
