use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{
        Name as WireName, Record, TSigResponseContext, TSigner,
        rdata::{TXT, tsig::{TsigAlgorithm, TsigError}},
    },
};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{INFO, wire};
use crate::{
    Change, Error, FieldValue, Kind, Name, Options, Outcome, Provider, RecordData, RecordType, Result, Rrset, Writes, Zone,
};

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(set in crate::arbitrary::rrset()) {
        let owner = wire::wire_name(set.name()).unwrap();
        let mut message = wire::query(owner.clone(), wire::wire_type(set.rtype()), false);
        for value in set.values() {
            message.add_answer(Record::from_rdata(owner.clone(), set.ttl(), wire::encode(value).unwrap()));
        }
        // Over the wire and back.
        let answer = Message::from_vec(&message.to_vec().unwrap()).unwrap();
        let records = wire::records_of(&answer, &owner, wire::wire_type(set.rtype()));
        prop_assert_eq!(wire::set_of(&records, set.name(), set.rtype()).unwrap(), Some(set));
    }
}

/// How a scripted server answers an update or a transfer.
#[derive(Clone, Copy)]
enum Script {
    Signed(ResponseCode),
    Unsigned(ResponseCode),
    TsigError(fn() -> TsigError),
    OtherId,
    /// Makes the change and says so.
    Obeys,
    /// Says so and does nothing.
    Ignores,
}

const KEY: &[u8] = b"a secret of thirty-two octets...";

fn signer() -> TSigner {
    TSigner::new(KEY.to_vec(), TsigAlgorithm::HmacSha256, WireName::from_ascii("key.").unwrap(), 300).unwrap()
}

/// A server with one TXT record at the apex, split in an unusual way.
async fn serve(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let apex = WireName::from_ascii("example.test.").unwrap();
        let split = hickory_proto::rr::RData::TXT(TXT::from_bytes(vec![b"v=sp", b"f1 -all"]));
        let mut live = vec![Record::from_rdata(apex, 300, split)];
        while let Ok((mut stream, _)) = listener.accept().await {
            let Ok(length) = stream.read_u16().await else { continue };
            let mut wire = vec![0; usize::from(length)];
            stream.read_exact(&mut wire).await.unwrap();
            let request = Message::from_vec(&wire).unwrap();
            let (mac, now, _) = signer().verify_message_byte(&wire, None, true).unwrap();
            let transfer = request.queries.iter().any(|query| query.query_type() == hickory_proto::rr::RecordType::AXFR);
            let scripted = request.metadata.op_code == OpCode::Update || transfer;
            let mut answer = Message::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
            answer.metadata.authoritative = true;
            answer.add_queries(request.queries.clone());
            let mut error = None;
            let mut signed = true;
            match script {
                _ if !scripted => {
                    answer.add_answers(live.clone());
                }
                Script::Signed(code) => answer.metadata.response_code = code,
                Script::Unsigned(code) => (answer.metadata.response_code, signed) = (code, false),
                Script::OtherId => answer.metadata.id ^= 1,
                Script::TsigError(make) => {
                    answer.metadata.response_code = ResponseCode::NotAuth;
                    error = Some(make());
                }
                Script::Obeys => {
                    // What BIND compares too: the exact character strings.
                    let prerequisites = &request.answers;
                    assert_eq!(prerequisites.len(), live.len());
                    assert!(prerequisites.iter().zip(&live).all(|(wanted, live)| wanted.data == live.data && wanted.ttl == 0));
                    live = request.authorities.iter().filter(|record| record.ttl > 0).cloned().collect();
                }
                Script::Ignores => {}
            }
            if signed {
                let context = TSigResponseContext::new(request.metadata.id, now, signer(), mac, error);
                let signature = context.sign(&answer.to_vec().unwrap()).unwrap();
                answer.set_signature(signature);
            }
            let wire = answer.to_vec().unwrap();
            stream.write_u16(wire.len() as u16).await.unwrap();
            stream.write_all(&wire).await.unwrap();
        }
    });
    address
}

fn apex() -> Name {
    "example.test".parse().unwrap()
}

fn texts(ttl: u32, text: &str) -> Rrset {
    Rrset::new(apex(), RecordType::Txt, ttl, [RecordData::txt(text)]).unwrap()
}

async fn provider(script: Script) -> (Box<dyn Provider>, Zone) {
    let fields = BTreeMap::from([
        ("server".to_owned(), FieldValue::Plain(serve(script).await.to_string())),
        ("key-name".to_owned(), "key".into()),
        ("key-secret".to_owned(), FieldValue::Secret("YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBvY3RldHMuLi4=".to_owned().into())),
    ]);
    let options = Options { timeout: Duration::from_secs(2), ..Options::default() };
    let zone = Zone { id: apex().fqdn(), apex: apex(), nameservers: vec![], ttl: 0..=86_400, writes: Writes::Guarded, hands_over: crate::HandsOver::Never, notes: vec![] };
    (INFO.open(&fields, options).unwrap(), zone)
}

async fn write(script: Script) -> Result<Outcome> {
    let (provider, zone) = provider(script).await;
    let change = Change::replace(texts(300, "v=spf1 -all"), texts(60, "v=spf1 ~all")).unwrap();
    provider.write(&zone, &change).await
}

async fn refused(script: Script) -> Error {
    write(script).await.unwrap_err()
}

#[tokio::test]
async fn a_prerequisite_repeats_the_record_as_it_is_split() {
    assert_eq!(write(Script::Obeys).await, Ok(Outcome::Done));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let codes = [
        (ResponseCode::NXRRSet, Kind::Conflict, "NXRRSET"),
        (ResponseCode::YXRRSet, Kind::Conflict, "YXRRSET"),
        (ResponseCode::NXDomain, Kind::Conflict, "NXDOMAIN"),
        (ResponseCode::Refused, Kind::Forbidden, "REFUSED"),
        (ResponseCode::NotAuth, Kind::Rejected, "NOTAUTH"),
        (ResponseCode::NotZone, Kind::Rejected, "NOTZONE"),
        (ResponseCode::NotImp, Kind::Unsupported, "NOTIMP"),
        (ResponseCode::ServFail, Kind::Unknown, "SERVFAIL"),
    ];
    for (code, kind, word) in codes {
        let error = refused(Script::Signed(code)).await;
        assert!(error.kind == kind && error.message.contains(word), "{error}");
    }
    let error = refused(Script::TsigError(|| TsigError::BadTime)).await;
    assert!(error.kind == Kind::Rejected && error.message.contains("BADTIME"), "{error}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_trusted_leaves_a_write_unknown() {
    for script in [Script::Unsigned(ResponseCode::NoError), Script::Unsigned(ResponseCode::Refused), Script::OtherId] {
        let error = refused(script).await;
        assert!(error.is_unknown(), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_yes_and_does_not_serve_it_leaves_the_write_unknown() {
    let error = refused(Script::Ignores).await;
    assert!(error.is_unknown() && error.message.contains("still serves"), "{error}");
}

#[tokio::test]
async fn without_the_right_to_transfer_the_largest_ttl_is_not_known() {
    let (provider, zone) = provider(Script::Signed(ResponseCode::Refused)).await;
    assert_eq!(provider.largest_ttl(&zone).await, Ok(None));
    let (provider, zone) = self::provider(Script::Signed(ResponseCode::ServFail)).await;
    assert_eq!(provider.largest_ttl(&zone).await.unwrap_err().kind, Kind::Transient);
}

#[test]
fn malformed_fields_are_refused_without_showing_the_secret() {
    let open = |key: &str, value: FieldValue| {
        let mut fields = BTreeMap::from([
            ("server".to_owned(), FieldValue::from("127.0.0.1")),
            ("key-name".to_owned(), "key".into()),
            ("key-secret".to_owned(), FieldValue::Secret("c2VjcmV0".to_owned().into())),
        ]);
        fields.insert(key.to_owned(), value);
        INFO.open(&fields, Options::default()).map(drop)
    };
    assert_eq!(open("algorithm", "HMAC-SHA512.".into()), Ok(()));
    for (key, value) in [("server", "not a host"), ("key-name", "a b"), ("algorithm", "hmac-md5"), ("algorithm", "hmac-sha1")] {
        let error = open(key, value.into()).unwrap_err();
        assert!(error.kind == Kind::Rejected && error.message.contains(key), "{error}");
    }
    let error = open("key-secret", FieldValue::Secret("~hidden~".to_owned().into())).unwrap_err();
    assert!(!error.to_string().contains("hidden") && !error.to_string().contains('~'), "{error}");
}
