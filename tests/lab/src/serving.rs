//! Putting every service on its sockets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Record, RecordType};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::dns::answer::Reply;
use crate::dns::keys::covers;
use crate::dns::resolver::Resolver;
use crate::dns::server::{DnsListener, Question, Responder};
use crate::dns::validate::Security;
use crate::error::LabError;
use crate::http::Api;
use crate::microsoft::entra::Entra;
use crate::microsoft::exchange::Exchange;
use crate::microsoft::front::Front;
use crate::microsoft::graph::Graph;
use crate::microsoft::renewal::Noting;
use crate::parents;
use crate::places::{Hosting, Sockets};
use crate::powerdns::PowerDns;
use crate::smtp::MailHost;
use crate::sts::PolicyHost;
use crate::world::World;

/// Starts everything on the runtime.
pub(crate) fn serve(
    runtime: &Runtime,
    world: &Arc<World>,
    resolvers: &[Arc<Resolver>],
    sockets: Sockets,
) -> Result<(), LabError> {
    let _inside = runtime.enter();
    let failed = |source| LabError::Bind {
        service: "its services",
        source,
    };
    let mut servers = Vec::new();
    for socket in sockets.servers {
        let mut hostings = Hosting::ALL.into_iter();
        let hosting = hostings.find(|h| world.layout.servers(*h).contains(&socket.address));
        let responder = Authoritative {
            world: Arc::clone(world),
            address: socket.address,
            label: hosting.map_or("other", Hosting::label),
        };
        servers.push(DnsListener::start(socket.udp, socket.tcp, responder).map_err(failed)?);
    }
    let mut vantages = Vec::new();
    for (position, (socket, resolver)) in sockets.resolvers.into_iter().zip(resolvers).enumerate() {
        let responder = Vantage {
            world: Arc::clone(world),
            resolver: Arc::clone(resolver),
            position,
        };
        vantages.push(DnsListener::start(socket.udp, socket.tcp, responder).map_err(failed)?);
    }
    for (role, address, listener) in sockets.mail {
        let host = MailHost::new(Arc::clone(world), role, address)?;
        runtime.spawn(host.serve(TcpListener::from_std(listener).map_err(failed)?));
    }
    let policies = PolicyHost::new(world)?;
    runtime.spawn(policies.serve(TcpListener::from_std(sockets.policy).map_err(failed)?));
    let exchange = |front| -> Arc<dyn Api> {
        let world = Arc::clone(world);
        Arc::new(Exchange { world, front })
    };
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    other.set_nonblocking(true).map_err(failed)?;
    world.serves_other_front(other.local_addr().map_err(failed)?);
    let other = TcpListener::from_std(other).map_err(failed)?;
    runtime.spawn(crate::http::serve(other, exchange(Front::Other)));
    let apis: [Arc<dyn Api>; 4] = [
        Arc::new(Noting {
            inner: Entra(Arc::clone(world)),
            world: Arc::clone(world),
        }),
        Arc::new(Graph(Arc::clone(world))),
        exchange(Front::Main),
        Arc::new(PowerDns(Arc::clone(world))),
    ];
    for (listener, api) in sockets.api.into_iter().zip(apis) {
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        runtime.spawn(crate::http::serve(listener, api));
    }
    let beating = Arc::clone(world);
    runtime.spawn(async move {
        // The listeners live as long as this task, that is, as long as the runtime.
        let _servers = (servers, vantages);
        parents::run(beating).await;
    });
    Ok(())
}

/// An authoritative server at one address.
struct Authoritative {
    world: Arc<World>,
    address: IpAddr,
    label: &'static str,
}

impl Responder for Authoritative {
    async fn respond(&self, question: Question) -> (Reply, bool) {
        self.world.asked().question(self.label, question.kind);
        self.world
            .answer(self.address, &question.name, question.kind, question.dnssec)
    }

    fn delay(&self) -> Duration {
        self.world.faults().dns_delay
    }

    fn recursive(&self) -> bool {
        false
    }
}

/// A resolver as its clients see it.
struct Vantage {
    world: Arc<World>,
    resolver: Arc<Resolver>,
    position: usize,
}

impl Responder for Vantage {
    async fn respond(&self, question: Question) -> (Reply, bool) {
        if self
            .world
            .faults()
            .resolvers_failing
            .contains(&self.position)
        {
            return (Reply::code(ResponseCode::ServFail), true);
        }
        let found = self.resolver.resolve(&question.name, question.kind).await;
        let usable = found.security >= Security::Insecure || question.checking_disabled;
        if !usable {
            return (Reply::code(ResponseCode::ServFail), true);
        }
        let mut reply = Reply::code(found.code);
        reply.authentic = found.security == Security::Secure
            && (question.dnssec || question.wants_ad)
            && !question.checking_disabled;
        let shown = |record: &Record| {
            question.dnssec
                || record.record_type() == question.kind
                || covers(record).is_none() && record.record_type() != RecordType::NSEC
        };
        reply.answers = found.answers.into_iter().filter(shown).collect();
        reply.authority = found.authority.into_iter().filter(shown).collect();
        (reply, true)
    }

    fn recursive(&self) -> bool {
        true
    }
}
