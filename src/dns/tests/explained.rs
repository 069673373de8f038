//! What a resolver says beside its answer.

use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::{Edns, Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use tokio::net::UdpSocket;

use crate::dns::{Dns, DnsSettings, Failure, Kind, Vantage, VantageAnswer, VantageVerdict};

/// Answers every question with the code, and with the extended errors.
async fn resolver(code: ResponseCode, errors: &'static [&'static [u8]]) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut buffer = vec![0; 2048];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.expect("receive");
            let mut answer = Message::from_vec(&buffer[..length]).expect("a question");
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            answer.metadata.response_code = code;
            let mut edns = Edns::new();
            for error in errors {
                edns.options_mut()
                    .insert(EdnsOption::Unknown(15, error.to_vec()));
            }
            answer.set_edns(edns);
            let answer = answer.to_vec().expect("a message");
            socket.send_to(&answer, peer).await.expect("send");
        }
    });
    address
}

async fn ask(code: ResponseCode, errors: &'static [&'static [u8]]) -> VantageAnswer {
    let vantage = Vantage {
        name: "odd".into(),
        address: resolver(code, errors).await,
    };
    let dns = Dns::new(DnsSettings::default()).expect("settings");
    dns.ask_vantage(&vantage, "example.com", Kind::Mx).await
}

#[tokio::test]
async fn extended_errors_of_any_answer_are_kept() {
    let stale = ask(ResponseCode::NoError, &[b"\x00\x03old\x1b[2J"]).await;
    assert_eq!(stale.verdict, VantageVerdict::NoData);
    assert_eq!(
        stale.explained.as_deref(),
        Some("extended error 3, stale answer: old\u{fffd}[2J")
    );
    let both = ask(ResponseCode::NXDomain, &[b"\x00\x0f", b"\x00\x1b"]).await;
    assert_eq!(both.verdict, VantageVerdict::NxDomain);
    assert_eq!(
        both.explained.as_deref(),
        Some("extended error 15, blocked; extended error 27, unsupported NSEC3 iterations")
    );
    let refused = ask(ResponseCode::Refused, &[b"\x00\x12"]).await;
    assert!(matches!(
        refused.verdict,
        VantageVerdict::Failed(Failure::Rcode { .. })
    ));
    assert_eq!(
        refused.explained.as_deref(),
        Some("extended error 18, prohibited")
    );
    assert_eq!(ask(ResponseCode::NoError, &[]).await.explained, None);
    assert_eq!(
        ask(ResponseCode::NoError, &[b"\x00"]).await.explained,
        None,
        "cut short"
    );
    assert_eq!(
        ask(ResponseCode::ServFail, &[b"\x00\x16"])
            .await
            .explained
            .as_deref(),
        Some("extended error 22, no reachable authority")
    );

    // Written before the field was there.
    let mut old = serde_json::to_value(&stale).expect("plain data");
    old.as_object_mut().expect("an object").remove("explained");
    let old: VantageAnswer = serde_json::from_value(old).expect("plain data");
    assert_eq!(old.explained, None);
}
