//! The handle to a running laboratory.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::dnssec::DigestType;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::certificates::Certificates;
use crate::dns::answer::Reply;
use crate::dns::content::{RecordSet, dotted};
use crate::dns::keys::{covers, dnskey_text, ds_text};
use crate::dns::resolver::Resolver;
use crate::dns::server::{DnsListener, Question, Responder};
use crate::dns::validate::Security;
use crate::endpoints::{Endpoints, RootHint, TrustAnchor};
use crate::error::LabError;
use crate::faults::Faults;
use crate::http::Api;
use crate::log::{LogEntry, Service};
use crate::microsoft::entra::Entra;
use crate::microsoft::exchange::Exchange;
use crate::microsoft::graph::Graph;
use crate::options::Options;
use crate::places::{Hosting, Sockets, bind};
use crate::powerdns::PowerDns;
use crate::smtp::{Mail, MailHost};
use crate::state::{Credentials, StsPolicy};
use crate::sts::PolicyHost;
use crate::world::World;
use crate::{parents, seed};

/// A running laboratory. It ends when dropped.
pub struct Lab {
    pub(crate) world: Arc<World>,
    pub(crate) resolvers: Vec<Arc<Resolver>>,
    runtime: Option<Runtime>,
}

/// A change that a person makes to a zone, past every API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Put this record set in place of what its name and type held.
    Replace(RecordSet),
    /// Take this record set away.
    Delete {
        /// Owner.
        name: String,
        /// Type mnemonic.
        rtype: String,
    },
}

impl Lab {
    /// Starts a laboratory. Everything is served when this returns.
    ///
    /// # Errors
    /// No free ports, or a seed that makes no valid zone.
    pub fn start(options: Options) -> Result<Self, LabError> {
        let (layout, sockets) = bind(&options.places, options.resolvers)?;
        let domains: Vec<String> = options.domains.iter().map(|d| d.name.clone()).collect();
        let certificates = Certificates::generate(&seed::partitions(), &domains)?;
        let live_key = certificates.new.public_key_digest()?;
        let initial = options
            .domains
            .iter()
            .find(|d| d.kind == crate::options::DomainKind::Initial)
            .map_or_else(|| "contoso.onmicrosoft.com".to_owned(), |d| d.name.clone());
        let state = seed::state(&options, &layout, &live_key)?;
        let credentials = Credentials::generate(initial);
        let world = World::new(options, layout, certificates, credentials, state)?;
        Self::run(world, sockets)
    }

    pub(crate) fn run(world: World, sockets: Sockets) -> Result<Self, LabError> {
        let world = Arc::new(world);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("rollout-lab")
            .enable_all()
            .build()
            .map_err(LabError::Runtime)?;
        let resolvers: Vec<Arc<Resolver>> = (0..sockets.resolvers.len())
            .map(|position| Arc::new(Resolver::new(Arc::clone(&world) as _, position)))
            .collect();
        serve(&runtime, &world, &resolvers, sockets)?;
        Ok(Self {
            world,
            resolvers,
            runtime: Some(runtime),
        })
    }

    /// Where everything is.
    ///
    /// # Errors
    /// Never for a running laboratory; the root key could not be read.
    pub fn endpoints(&self) -> Result<Endpoints, LabError> {
        let world = &self.world;
        let layout = &world.layout;
        let credentials = &world.credentials;
        let root = Name::root();
        let key = world
            .state()
            .zones
            .get(".")
            .and_then(|z| z.content.keys.first().cloned())
            .ok_or_else(|| LabError::UnknownZone(".".to_owned()))?;
        let ttl = world.options.timing.dnskey_ttl;
        Ok(Endpoints {
            dns_port: layout.dns_port,
            root_hints: Hosting::Root
                .servers()
                .iter()
                .map(|&(name, octet)| RootHint {
                    name: name.to_owned(),
                    address: layout.address(octet),
                })
                .collect(),
            trust_anchor: TrustAnchor {
                dnskey: format!(". {ttl} IN DNSKEY {}", dnskey_text(&key.dnskey(&root)?)),
                ds: format!(
                    ". {ttl} IN DS {}",
                    ds_text(&key.ds(&root, DigestType::SHA256)?)
                ),
            },
            resolvers: (0..world.options.resolvers)
                .map(|position| layout.resolver(position))
                .collect(),
            smtp_port: layout.smtp_port,
            authority: layout.api(0),
            graph: layout.api(1),
            exchange: layout.api(2),
            powerdns: layout.api(3),
            powerdns_key: credentials.powerdns_key.clone(),
            tenant_id: credentials.tenant_id.clone(),
            initial_domain: credentials.initial_domain.clone(),
            client_id: credentials.client_id.clone(),
            client_secret: credentials.client_secret.clone(),
            https_roots_pem: world.certificates.root.clone(),
            mta_sts: layout.policy_host(),
        })
    }

    /// Every request that reached an API, in order.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.world.log().clone()
    }

    /// Every mail that a host took over, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.world.mails().clone()
    }

    /// What is wrong at the moment.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.world.faults().clone()
    }

    /// Changes what is wrong; takes effect at once.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.world.faults());
        self.world.advance();
        parents::refresh(&self.world);
    }

    /// A person edits a zone behind everybody's back.
    ///
    /// # Errors
    /// Unknown zone or a record that is not valid; then nothing has changed.
    pub fn edit_zone(&self, zone: &str, edits: &[Edit]) -> Result<(), LabError> {
        let origin = dotted(zone);
        let mut state = self.world.state();
        self.world
            .change_zone(&mut state, &origin, Duration::ZERO, |content| {
                for edit in edits {
                    match edit {
                        Edit::Replace(set) => content.replace(set.clone()),
                        Edit::Delete { name, rtype } => {
                            content.remove(&dotted(name), rtype);
                        }
                    }
                }
                Ok(())
            })?;
        self.world
            .record(Service::Person, "edit zone", Some(zone), true, "edited");
        Ok(())
    }

    /// The record set that a zone's administrators see (what the first server serves or will serve).
    #[must_use]
    pub fn record_set(&self, zone: &str, name: &str, rtype: &str) -> Option<RecordSet> {
        self.world
            .state()
            .zones
            .get(&dotted(zone))?
            .content
            .get(&dotted(name), rtype)
            .cloned()
    }

    /// The parent publishes the DS of the zone's keys at once, as when a person carried it to the registrar.
    ///
    /// # Errors
    /// Unknown or unsigned zone.
    pub fn publish_ds(&self, zone: &str) -> Result<(), LabError> {
        let origin = dotted(zone);
        let mut state = self.world.state();
        let hosted = state
            .zones
            .get(&origin)
            .ok_or_else(|| LabError::UnknownZone(zone.to_owned()))?;
        let name = hosted.content.name()?;
        let contents = hosted
            .content
            .keys
            .iter()
            .filter(|k| k.published)
            .map(|k| Ok(ds_text(&k.ds(&name, DigestType::SHA256)?)))
            .collect::<Result<Vec<_>, LabError>>()?;
        if contents.is_empty() {
            return Err(LabError::Signing {
                zone: origin,
                reason: "it has no keys".to_owned(),
            });
        }
        parents::set_ds(&self.world, &mut state, &origin, contents)
    }

    /// The parent publishes exactly these DS contents, right or wrong; none takes the DS away.
    ///
    /// # Errors
    /// Unknown zone or text that is no DS.
    pub fn set_ds(&self, zone: &str, contents: &[String]) -> Result<(), LabError> {
        let mut state = self.world.state();
        parents::set_ds(&self.world, &mut state, &dotted(zone), contents.to_vec())
    }

    /// Sets or removes a domain's MTA-STS policy file; its TXT record is the zone's business.
    pub fn set_policy(&self, domain: &str, policy: Option<StsPolicy>) {
        let mut state = self.world.state();
        match policy {
            Some(policy) => state.policies.insert(domain.to_owned(), policy),
            None => state.policies.remove(domain),
        };
    }

    /// Empties every resolver's cache, which nobody can do outside.
    pub fn flush_resolvers(&self) {
        for resolver in &self.resolvers {
            resolver.flush();
        }
    }

    /// Ends the laboratory and waits until its ports are free.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime may not be dropped inside another one, so its last moment is on a thread of its own.
            let ended = std::thread::spawn(move || {
                runtime.shutdown_timeout(Duration::from_secs(2));
            })
            .join();
            if ended.is_err() {
                tracing::error!("the laboratory's threads did not end in order");
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(
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
        let responder = Authoritative {
            world: Arc::clone(world),
            address: socket.address,
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
    let apis: [Arc<dyn Api>; 4] = [
        Arc::new(Entra(Arc::clone(world))),
        Arc::new(Graph(Arc::clone(world))),
        Arc::new(Exchange(Arc::clone(world))),
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
}

impl Responder for Authoritative {
    async fn respond(&self, question: Question) -> (Reply, bool) {
        self.world
            .answer(self.address, &question.name, question.kind, question.dnssec)
            .await
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
        let shown = |record: &hickory_proto::rr::Record| {
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

/// Keeps the unused parts of the handle honest: an address is an address of the laboratory's network.
impl Lab {
    /// Addresses of the name servers of a zone, with the port.
    #[must_use]
    pub fn servers_of(&self, zone: &str) -> Vec<SocketAddr> {
        let Ok(name) = crate::dns::name(zone) else {
            return Vec::new();
        };
        self.world.served(|registry| {
            registry
                .servers_of(&name)
                .into_iter()
                .map(|ip| SocketAddr::new(ip, self.world.layout.dns_port))
                .collect()
        })
    }
}
