//! What the parts of a look ask of the same server is asked once.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{MX, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rollout_lab::{DomainSeed, Lab, Options};
use tokio::net::UdpSocket;

use super::laboratory::dns as dns_of;
use crate::dns::{Dns, DnsSettings, Failure, Kind, Origin};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn each_server_is_asked_once_whoever_needs_the_answer() {
    let lab = tokio::task::block_in_place(|| {
        Lab::start(Options::with_domains([
            DomainSeed::ordinary("contoso.com").signed()
        ]))
    })
    .expect("a laboratory");
    let dns = dns_of(&lab).for_run(MINUTE).for_look("contoso.com");
    drop(lab.take_asked());
    let (mx, survey, txt) = tokio::join!(
        dns.validate("contoso.com", Kind::Mx),
        dns.survey("contoso.com"),
        dns.validate("contoso.com", Kind::Txt),
    );
    let survey = survey.expect("a survey");
    assert!(
        mx.status.is_secure() && txt.status.is_secure(),
        "{mx:?} {txt:?}"
    );
    let servers = survey.servers.len() as u64;
    let parents = survey.zone.parents.len() as u64;
    assert!(servers > 1 && parents > 0);
    let asked = lab.take_asked().dns;
    let zone = &asked["customer"];
    assert_eq!(zone["TXT"], servers, "{zone:?}");
    for kind in ["MX", "DNSKEY", "NS"] {
        // Over UDP and TCP.
        assert_eq!(zone[kind], 2 * servers, "{kind} {zone:?}");
    }
    // The root is asked about the top-level domain.
    assert_eq!(asked["top-level"]["DS"], parents, "{asked:?}");
    tokio::task::block_in_place(|| lab.stop());
}

/// A root server that first fails at MX, and what it was asked.
async fn stumbling() -> (SocketAddr, Arc<Mutex<Vec<RecordType>>>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    let address = socket.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.expect("receive");
            let mut message = Message::from_vec(&buffer[..length]).expect("a question");
            message.metadata.message_type = MessageType::Response;
            message.metadata.authoritative = true;
            let question = message.queries[0].clone();
            let before = {
                let mut asked = log.lock().expect("lock");
                asked.push(question.query_type);
                asked
                    .iter()
                    .filter(|kind| **kind == question.query_type)
                    .count()
            };
            match question.query_type {
                RecordType::MX if before == 1 => {
                    message.metadata.response_code = ResponseCode::ServFail;
                }
                RecordType::MX => {
                    let data = RData::MX(MX::new(10, Name::root()));
                    message.add_answer(Record::from_rdata(question.name, 60, data));
                }
                _ => {
                    let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 1);
                    message.add_authority(Record::from_rdata(Name::root(), 60, RData::SOA(soa)));
                }
            }
            let answer = message.to_vec().expect("encoded");
            socket.send_to(&answer, peer).await.expect("send");
        }
    });
    (address, asked)
}

#[tokio::test]
async fn what_failed_is_asked_again_and_what_was_answered_is_not() {
    let (address, asked) = stumbling().await;
    let dns = Dns::new(DnsSettings {
        source: Origin::Roots(vec![("root".into(), address.ip())]),
        port: address.port(),
        ..DnsSettings::default()
    })
    .expect("settings");
    let count = |kind| {
        let asked = asked.lock().expect("lock");
        asked.iter().filter(|k| **k == kind).count()
    };
    let (name, root) = (Name::from_ascii("test.").expect("a name"), Name::root());
    let look = dns.for_run(MINUTE).for_look("test");

    let failed = look.resolve(&name, RecordType::MX).await;
    assert!(matches!(failed, Err(Failure::Rcode { .. })), "{failed:?}");
    assert_eq!(count(RecordType::MX), 1);
    let pin = look.pin(&root, "root", address);
    assert!(
        pin.has_failed(&name, RecordType::MX),
        "the address was asked"
    );
    let told = look.resolve(&name, RecordType::MX).await;
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(count(RecordType::MX), 2);
    look.resolve(&name, RecordType::MX).await.expect("known");
    assert_eq!(count(RecordType::MX), 2);

    // What one part of a look was told, the next is not asked for.
    let next = dns.for_run(MINUTE).for_look("test");
    let pin = next.pin(&root, "root", address);
    pin.told(&next, &name, RecordType::MX).await;
    assert_eq!(count(RecordType::MX), 3);
    next.resolve(&name, RecordType::MX).await.expect("told");
    assert_eq!(count(RecordType::MX), 3);
    // Once the survey is done, nobody holds what the servers said.
    assert!(Arc::ptr_eq(&pin, &next.pin(&root, "root", address)));
    next.sharing().expect("a look").forget_pins();
    assert!(!Arc::ptr_eq(&pin, &next.pin(&root, "root", address)));

    // Without a memory every question is asked.
    let forgetful = Dns::new(DnsSettings {
        memory: std::time::Duration::ZERO,
        ..dns.settings().clone()
    })
    .expect("settings")
    .for_look("test");
    for more in 4..6 {
        forgetful
            .resolve(&name, RecordType::MX)
            .await
            .expect("told");
        assert_eq!(count(RecordType::MX), more);
    }
}
