//! Asks every address of every authoritative server, and keeps each answer by itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::join_all;
use hickory_proto::rr::{Name as LibraryName, RecordType};
use jiff::Timestamp;

use super::Dns;
use super::convert::{from_library, records_at, soa, to_library};
use super::memory::Zone;
use super::pin::{Pin, askable};
use super::reach::set_aside;
use super::record::{Data, Kind, Name, normal, parent_of};
use super::settings::Origin;
use super::view::{
    Failure, ParentView, Server, ServerAnswer, ServerView, Source, ZoneCut, ZoneView,
};

/// One address of a server, and its name.
pub(super) type Named = (Name, Arc<Pin>);

impl Dns {
    /// The zone that holds `domain`, its parent, and the servers of both, as the parent delegates them.
    ///
    /// # Errors
    /// When the way down to the zone cannot be found out.
    pub async fn zone_cut(&self, domain: &str) -> Result<ZoneCut, Failure> {
        let at = Timestamp::now();
        let name = to_library(domain)?;
        match &self.inner.settings.source {
            Origin::Roots(_) => {
                let mut path = self.path_to(&name, false, 0).await?;
                let Some(zone) = path.pop() else {
                    return Err(no_zone(domain));
                };
                let Some(parent) = path.pop() else {
                    return Err(no_zone(domain));
                };
                let apex = from_library(&zone.name);
                let (servers, parent_servers) =
                    tokio::join!(self.servers_of(&zone), self.servers_of(&parent));
                Ok(ZoneCut {
                    apex,
                    parent: from_library(&parent.name),
                    servers: self.with_child_set(&zone, servers).await,
                    parent_servers,
                    at,
                })
            }
            Origin::Forwarders(_) => {
                let apex = self.apex_by_soa(&normal(domain)).await?;
                let Some(above) = parent_of(&apex) else {
                    return Err(no_zone(domain));
                };
                let parent = self.apex_by_soa(&above).await?;
                let (servers, parent_servers) =
                    tokio::join!(self.servers_by_ns(&apex), self.servers_by_ns(&parent));
                Ok(ZoneCut {
                    servers: servers?,
                    parent_servers: parent_servers?,
                    apex,
                    parent,
                    at,
                })
            }
        }
    }

    /// Looks at a domain's zone: every address of every server, in parallel, nothing averaged.
    ///
    /// # Errors
    /// When the zone's servers cannot be found out. A server that does not answer is no error: it is in the view.
    pub async fn observe_zone(&self, domain: &str) -> Result<ZoneView, Failure> {
        let at = Timestamp::now();
        let domain = normal(domain);
        let cut = self.zone_cut(&domain).await?;
        let pins = self.pins(&cut.apex, &cut.servers)?;
        let parents = self.pins(&cut.parent, &cut.parent_servers)?;
        let asked = askable(served(&domain, &cut.apex));
        let (_, _, mx) = tokio::join!(
            join_all(pins.iter().map(|(_, pin)| pin.hear(self, &asked))),
            self.hear_parents(&cut.apex, &parents),
            self.validate(&domain, Kind::Mx),
        );
        let mut servers = view_servers(&domain, &cut.apex, &pins);
        let mut parents = view_parents(&cut.apex, &parents);
        let mut out_of_reach = set_aside(&mut servers, |s| &s.soa);
        out_of_reach.extend(set_aside(&mut parents, |p| &p.ds));
        Ok(ZoneView {
            domain,
            cut,
            servers,
            parents,
            out_of_reach,
            mx,
            at,
        })
    }

    /// Asks every address of the zone's servers one question. Beside the answers: the addresses of a family to which this
    /// machine has no path.
    pub async fn ask_servers(
        &self,
        cut: &ZoneCut,
        name: &str,
        kind: Kind,
    ) -> (Vec<ServerAnswer>, Vec<Source>) {
        let questions = addresses(&cut.servers, self.inner.settings.port)
            .map(|(server, address)| self.ask_server(Some(server), address, name, kind));
        let mut answers = join_all(questions).await;
        let aside = set_aside(&mut answers, |answer| answer);
        (answers, aside)
    }

    /// Each address of each of a zone's servers, under each of its names. An address under several names is asked once.
    pub(super) fn pins(&self, apex: &str, servers: &[Server]) -> Result<Vec<Named>, Failure> {
        let apex = to_library(apex)?;
        let mut known: BTreeMap<SocketAddr, Arc<Pin>> = BTreeMap::new();
        Ok(addresses(servers, self.inner.settings.port)
            .map(|(server, address)| {
                let pin = known
                    .entry(address)
                    .or_insert_with(|| self.pin(&apex, server, address));
                (server.to_owned(), Arc::clone(pin))
            })
            .collect())
    }

    /// Asks the parent's servers about the delegation.
    pub(super) async fn hear_parents(&self, apex: &str, parents: &[Named]) {
        let asked = askable([(apex.to_owned(), Kind::Ds)]);
        join_all(parents.iter().map(|(_, pin)| pin.hear(self, &asked))).await;
    }

    /// The servers of a delegation with all their addresses: from the delegation and from their own records.
    async fn servers_of(&self, zone: &Zone) -> Vec<Server> {
        join_all(
            zone.servers
                .iter()
                .map(|(name, glue)| self.server(name, glue, true)),
        )
        .await
    }

    async fn server(&self, name: &LibraryName, glue: &[IpAddr], in_parent: bool) -> Server {
        // The glue is a copy that may be out of date; resolvers use both, so both are asked.
        let own = self.addresses_of(name, 0).await;
        let mut all = glue.to_vec();
        let mut trouble = None;
        match own {
            Ok(own) => {
                let stale: Vec<String> = glue
                    .iter()
                    .filter(|a| !own.contains(a))
                    .map(ToString::to_string)
                    .collect();
                if own.is_empty() {
                    trouble = Some("has no address record of its own".to_owned());
                } else if !stale.is_empty() {
                    trouble = Some(format!(
                        "the parent zone gives the address {}, which the server's own zone does not",
                        stale.join(", ")
                    ));
                }
                all.extend(own);
            }
            Err(failure) => {
                trouble = Some(format!("its address could not be looked up: {failure}"))
            }
        }
        all.sort();
        all.dedup();
        Server {
            name: from_library(name),
            addresses: all,
            in_parent,
            in_child: None,
            trouble,
        }
    }

    /// Adds what the zone itself names as its servers.
    async fn with_child_set(&self, zone: &Zone, delegated: Vec<Server>) -> Vec<Server> {
        let Ok(reply) = self.resolve(&zone.name, RecordType::NS).await else {
            return delegated;
        };
        let own: Vec<Name> = records_at(&reply.message.answers, &zone.name, RecordType::NS)
            .into_iter()
            .filter_map(|r| match r.data {
                Data::Ns(name) => Some(name),
                _ => None,
            })
            .collect();
        if own.is_empty() {
            return delegated;
        }
        let mut all: BTreeMap<Name, Server> = delegated
            .into_iter()
            .map(|mut s| {
                s.in_child = Some(own.contains(&s.name));
                (s.name.clone(), s)
            })
            .collect();
        for name in own {
            if all.contains_key(&name) {
                continue;
            }
            if let Ok(library) = to_library(&name) {
                let mut server = self.server(&library, &[], false).await;
                server.in_child = Some(true);
                all.insert(name, server);
            }
        }
        all.into_values().collect()
    }

    /// The apex of the zone that holds `name`, from the SOA that comes with any answer about it.
    pub(super) async fn apex_by_soa(&self, name: &str) -> Result<Name, Failure> {
        let mut current = name.to_owned();
        loop {
            let owner = to_library(&current)?;
            let reply = self.resolve(&owner, RecordType::SOA).await?;
            let found = soa(&reply.message.answers).or_else(|| soa(&reply.message.authorities));
            if let Some(soa) = found
                && super::record::is_within(&current, &soa.zone)
            {
                return Ok(soa.zone);
            }
            current = parent_of(&current).ok_or_else(|| no_zone(name))?;
        }
    }

    async fn servers_by_ns(&self, apex: &str) -> Result<Vec<Server>, Failure> {
        let owner = to_library(apex)?;
        let reply = self.resolve(&owner, RecordType::NS).await?;
        let names = records_at(&reply.message.answers, &owner, RecordType::NS)
            .into_iter()
            .filter_map(|r| match r.data {
                Data::Ns(name) => to_library(&name).ok(),
                _ => None,
            });
        Ok(join_all(names.map(|name| async move {
            // Through a resolver the parent's own list cannot be told from the zone's.
            let mut server = self.server(&name, &[], true).await;
            server.in_child = None;
            server
        }))
        .await)
    }
}

/// What each server of a zone is asked.
pub(super) fn served(domain: &str, apex: &str) -> [(Name, Kind); 7] {
    [
        (domain.to_owned(), Kind::Mx),
        (apex.to_owned(), Kind::Soa),
        (apex.to_owned(), Kind::Dnskey),
        (apex.to_owned(), Kind::Ns),
        (apex.to_owned(), Kind::Cds),
        (domain.to_owned(), Kind::Txt),
        (format!("_25._tcp.{domain}"), Kind::Tlsa),
    ]
}

/// What each server said to that.
pub(super) fn view_servers(domain: &str, apex: &str, pins: &[Named]) -> Vec<ServerView> {
    pins.iter()
        .map(|(server, pin)| {
            let [mx, soa, dnskey, ns, cds, txt, denial] =
                served(domain, apex).map(|(name, kind)| pin.shown(&name, kind));
            ServerView {
                server: server.clone(),
                address: pin.from().address,
                mx,
                soa,
                dnskey,
                ns,
                cds,
                txt,
                denial,
            }
        })
        .collect()
}

/// What each server of the parent said about the delegation.
pub(super) fn view_parents(apex: &str, parents: &[Named]) -> Vec<ParentView> {
    parents
        .iter()
        .map(|(server, pin)| ParentView {
            server: server.clone(),
            address: pin.from().address,
            ds: pin.shown(apex, Kind::Ds),
        })
        .collect()
}

fn no_zone(domain: &str) -> Failure {
    Failure::NoServer {
        detail: format!("no delegated zone holds {:?}", normal(domain)),
    }
}

pub(super) fn addresses(servers: &[Server], port: u16) -> impl Iterator<Item = (&str, SocketAddr)> {
    servers.iter().flat_map(move |server| {
        server
            .addresses
            .iter()
            .map(move |ip| (server.name.as_str(), SocketAddr::new(*ip, port)))
    })
}
