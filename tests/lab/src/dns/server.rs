//! Serving: hickory-server carries messages over UDP and TCP, we say what is in them.

use std::future::Future;
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_net::runtime::Time;
use hickory_proto::op::{Edns, Header, HeaderCounts, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::answer::Reply;

/// A question as it reached an address.
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) kind: RecordType,
    /// DO was set.
    pub(crate) dnssec: bool,
    /// CD was set.
    pub(crate) checking_disabled: bool,
    /// AD was set: the client understands the bit.
    pub(crate) wants_ad: bool,
}

/// What stands behind an address.
pub(crate) trait Responder: Send + Sync + 'static {
    /// The answer, and whether this server knows EDNS.
    fn respond(&self, question: Question) -> impl Future<Output = (Reply, bool)> + Send;
    /// Whether it resolves for others (RA).
    fn recursive(&self) -> bool;
    /// How far away it is: how long each answer waits, without holding up others.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}

struct Handler<R>(Arc<R>);

/// Largest answer by UDP, as most servers have it since 2020.
const LARGEST_UDP: u16 = 1232;

#[async_trait]
impl<R: Responder + Unpin> RequestHandler for Handler<R> {
    async fn handle_request<H: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response: H,
    ) -> ResponseInfo {
        let delay = self.0.delay();
        if delay.is_zero() {
            return self.respond(request, response).await;
        }
        // Questions on one TCP connection are handed over one by one, so waiting here would add up.
        let info = ResponseInfo::from(Header {
            metadata: Metadata::response_from_request(&request.metadata),
            counts: HeaderCounts::default(),
        });
        let raw = request.as_slice().to_vec();
        if let Ok(request) = Request::from_bytes(raw, request.src(), request.protocol()) {
            let handler = Self(Arc::clone(&self.0));
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                handler.respond(&request, response).await;
            });
        }
        info
    }
}

impl<R: Responder + Unpin> Handler<R> {
    async fn respond<H: ResponseHandler>(
        &self,
        request: &Request,
        mut response: H,
    ) -> ResponseInfo {
        let (reply, knows_edns) = match request.request_info() {
            Ok(info) if request.metadata.op_code == OpCode::Query => {
                let question = Question {
                    name: Name::from(info.query.name()).to_lowercase(),
                    kind: info.query.query_type(),
                    dnssec: request.edns.as_ref().is_some_and(|e| e.flags().dnssec_ok),
                    checking_disabled: request.metadata.checking_disabled,
                    wants_ad: request.metadata.authentic_data,
                };
                self.0.respond(question).await
            }
            Ok(_) => (Reply::code(ResponseCode::NotImp), true),
            Err(_) => (Reply::code(ResponseCode::FormErr), true),
        };
        let edns = request.edns.as_ref().filter(|_| knows_edns).map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().clamp(512, LARGEST_UDP));
            edns.set_version(0);
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            edns
        });
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        metadata.authentic_data = reply.authentic;
        metadata.recursion_available = self.0.recursive();
        metadata.checking_disabled = request.metadata.checking_disabled && self.0.recursive();
        let none: [&Record; 0] = [];
        let message = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            &reply.answers,
            &reply.authority,
            none,
            &reply.additional,
        );
        match response.send_response(message).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "a DNS answer could not be sent");
                let mut metadata = Metadata::new(
                    request.metadata.id,
                    MessageType::Response,
                    request.metadata.op_code,
                );
                metadata.response_code = ResponseCode::ServFail;
                ResponseInfo::from(Header {
                    metadata,
                    counts: HeaderCounts::default(),
                })
            }
        }
    }
}

/// An address on which DNS is served; it serves until dropped.
pub(crate) struct DnsListener<R: Responder + Unpin> {
    _server: Server<Handler<R>>,
}

/// Idle TCP connections end after this long.
const TCP_PATIENCE: Duration = Duration::from_secs(10);
/// Room for answers waiting on one TCP connection.
const TCP_BUFFER: usize = 32;

impl<R: Responder + Unpin> DnsListener<R> {
    /// Serves on these sockets; must be called inside a runtime.
    pub(crate) fn start(
        udp: UdpSocket,
        tcp: TcpListener,
        responder: R,
    ) -> Result<Self, std::io::Error> {
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let mut server = Server::new(Handler(Arc::new(responder)));
        server.register_socket(tokio::net::UdpSocket::from_std(udp)?);
        server.register_listener(
            tokio::net::TcpListener::from_std(tcp)?,
            TCP_PATIENCE,
            TCP_BUFFER,
        );
        Ok(Self { _server: server })
    }
}
