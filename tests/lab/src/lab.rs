//! The handle to a running laboratory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::dnssec::DigestType;
use hickory_proto::rr::Name;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::asked::Asked;
use crate::certificates::Certificates;
use crate::dns::content::{RecordSet, dotted};
use crate::dns::keys::{dnskey_text, ds_text};
use crate::dns::resolver::Resolver;
use crate::endpoints::{Endpoints, RootHint, TrustAnchor};
use crate::error::LabError;
use crate::faults::Faults;
use crate::log::{LogEntry, Service};
use crate::microsoft::cmdlets::Connector;
use crate::options::Options;
use crate::places::{Hosting, MOST_RESOLVERS, Sockets, bind};
use crate::serving::serve;
use crate::smtp::Mail;
use crate::state::{Credentials, StsPolicy};
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
    pub fn start(mut options: Options) -> Result<Self, LabError> {
        options.resolvers = options.resolvers.clamp(1, MOST_RESOLVERS);
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

    /// How often servers and mail hosts were asked since this was last called; the laboratory's own resolvers do not count.
    #[must_use]
    pub fn take_asked(&self) -> Asked {
        std::mem::take(&mut self.world.asked())
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

    /// Whoever runs the gateway publishes TLSA records for its host: those of its key, or others that do not match.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub fn publish_gateway_tlsa(&self, matching: bool) -> Result<(), LabError> {
        let mut digest = self.world.certificates.gateway.public_key_digest()?;
        if !matching {
            digest.reverse();
        }
        self.edit_zone(
            "net",
            &[Edit::Replace(RecordSet::new(
                &format!("_25._tcp.{}", seed::GATEWAY_HOST),
                "TLSA",
                self.world.options.timing.microsoft_ttl,
                [format!("3 1 1 {}", crate::dns::keys::hex(&digest))],
            ))],
        )
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

    /// Serves a domain's MTA-STS policy from this file from now on, as it is; a file that is not there is a policy that is not.
    pub fn serve_policy_file(&self, domain: &str, file: impl Into<std::path::PathBuf>) {
        let mut state = self.world.state();
        state.policy_files.insert(domain.to_owned(), file.into());
    }

    /// The tenant's connectors are these from now on.
    pub fn set_connectors(&self, connectors: impl IntoIterator<Item = Connector>) {
        self.world.state().connectors = connectors.into_iter().collect();
    }

    /// Empties every resolver's cache, which nobody can do outside.
    pub fn flush_resolvers(&self) {
        for resolver in &self.resolvers {
            resolver.flush();
        }
    }

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

    /// Ends the laboratory and waits until its ports are free.
    pub fn stop(mut self) {
        self.end();
    }

    /// Runs something on the laboratory's threads until it is aborted or the laboratory ends.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        match &self.runtime {
            Some(runtime) => runtime.spawn(work).abort_handle(),
            None => unreachable!("the runtime is only taken when the laboratory ends"),
        }
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
