//! The running laboratory's shared heart: every service reads and changes the world through it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_proto::rr::{Name, RData, RecordType};
use jiff::Timestamp;

use crate::asked::Asked;
use crate::certificates::Certificates;
use crate::dns::answer::Reply;
use crate::dns::content::ZoneContent;
use crate::dns::keys::broken;
use crate::dns::registry::Registry;
use crate::dns::resolver::Upstream;
use crate::dns::signed::ServedZone;
use crate::error::LabError;
use crate::faults::Faults;
use crate::log::{LogEntry, Service};
use crate::microsoft::entra::directory::Directory;
use crate::microsoft::renewal::Tokens;
use crate::options::Options;
use crate::places::Layout;
use crate::state::{Credentials, State};

/// Everything shared. Locks are taken in the order of the fields and never held across an await.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) certificates: Certificates,
    pub(crate) credentials: Credentials,
    state: Mutex<State>,
    registry: RwLock<Registry>,
    faults: Mutex<Faults>,
    log: Mutex<Vec<LogEntry>>,
    mails: Mutex<Vec<crate::smtp::Mail>>,
    asked: Mutex<Asked>,
    directory: Mutex<Directory>,
    tokens: Mutex<Tokens>,
    /// Base address of Exchange admin's other front end, once it is served.
    other_front: OnceLock<String>,
    anchor: Vec<DNSKEY>,
}

impl World {
    /// Signs and serves everything in the state.
    pub(crate) fn new(
        options: Options,
        layout: Layout,
        certificates: Certificates,
        credentials: Credentials,
        state: State,
    ) -> Result<Self, LabError> {
        let mut anchor = Vec::new();
        let mut registry = Registry::default();
        for zone in state.zones.values() {
            let served = Arc::new(ServedZone::build(&zone.content)?);
            let servers: Vec<(IpAddr, Duration)> = layout
                .servers(zone.hosting)
                .into_iter()
                .enumerate()
                .map(|(position, address)| {
                    let lag = if position == 0 {
                        Duration::ZERO
                    } else {
                        zone.lag
                    };
                    (address, lag)
                })
                .collect();
            let old_software = zone.hosting == crate::places::Hosting::LegacyMail;
            registry.add(served, &servers, old_software);
            if zone.content.origin == "." {
                for key in &zone.content.keys {
                    anchor.push(key.dnskey(&Name::root())?);
                }
            }
        }
        let world = Self {
            options,
            layout,
            certificates,
            credentials,
            state: Mutex::new(state),
            registry: RwLock::new(registry),
            faults: Mutex::default(),
            log: Mutex::default(),
            mails: Mutex::default(),
            asked: Mutex::default(),
            directory: Mutex::default(),
            tokens: Mutex::default(),
            other_front: OnceLock::new(),
            anchor,
        };
        crate::parents::refresh(&world);
        world.advance();
        Ok(world)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the data as it was; tests then still see it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<LogEntry>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mails(&self) -> MutexGuard<'_, Vec<crate::smtp::Mail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where Exchange admin's other front end is; the first one before it is served.
    pub(crate) fn other_front(&self) -> String {
        let address = self.other_front.get().cloned();
        address.unwrap_or_else(|| self.layout.api(2))
    }

    /// The other front end is served there.
    pub(crate) fn serves_other_front(&self, address: std::net::SocketAddr) {
        // It is served once per laboratory.
        let _ = self.other_front.set(format!("http://{address}"));
    }

    /// Reads what is served.
    pub(crate) fn served<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes down a request.
    pub(crate) fn record(
        &self,
        service: Service,
        operation: &str,
        domain: Option<&str>,
        effect: bool,
        outcome: impl Into<String>,
    ) {
        self.log().push(LogEntry {
            at: Timestamp::now(),
            service,
            operation: operation.to_owned(),
            domain: domain.map(|d| d.trim_end_matches('.').to_ascii_lowercase()),
            effect,
            outcome: outcome.into(),
        });
    }

    /// Changes a zone and serves the new version `delay` later (plus each server's lag).
    /// Nothing changes if the new content cannot be served.
    pub(crate) fn change_zone<T>(
        &self,
        state: &mut State,
        origin: &str,
        delay: Duration,
        change: impl FnOnce(&mut ZoneContent) -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        let zone = state
            .zones
            .get_mut(origin)
            .ok_or_else(|| LabError::UnknownZone(origin.to_owned()))?;
        let mut content = zone.content.clone();
        let result = change(&mut content)?;
        if content != zone.content {
            content.serial = content.serial.wrapping_add(1);
            let served = Arc::new(ServedZone::build(&content)?);
            zone.content = content;
            self.registry
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .publish(&served, Instant::now(), delay);
            self.advance();
        }
        Ok(result)
    }

    /// Lets versions that are due be served.
    pub(crate) fn advance(&self) {
        let stale = self.faults().stale_zones.clone();
        self.registry
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .advance(Instant::now(), &stale);
    }

    /// What the server at this address answers, faults included, except for how long that takes.
    pub(crate) fn answer(
        &self,
        address: IpAddr,
        name: &Name,
        kind: RecordType,
        dnssec: bool,
    ) -> (Reply, bool) {
        let bogus = self.faults().bogus_zones.clone();
        let (mut reply, knows_edns) = self.served(|r| r.ask(address, name, kind, dnssec));
        if !bogus.is_empty() {
            for record in reply.records_mut() {
                if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data {
                    let signer = signature.input().signer_name.to_ascii();
                    if bogus.contains(signer.trim_end_matches('.')) {
                        *record = broken(record);
                    }
                }
            }
        }
        (reply, knows_edns)
    }
}

impl Upstream for World {
    fn zone_and_servers(&self, name: &Name, kind: RecordType) -> Option<(Name, Vec<IpAddr>)> {
        self.served(|registry| {
            let zone = registry.zone_of(name, kind)?.clone();
            let servers = registry.servers_of(&zone);
            Some((zone, servers))
        })
    }

    fn parent(&self, zone: &Name) -> Option<Name> {
        self.served(|registry| registry.parent_of(zone).cloned())
    }

    fn ask(&self, server: IpAddr, name: Name, kind: RecordType) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let delay = self.faults().dns_delay;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            self.answer(server, &name, kind, true).0
        })
    }

    fn anchor(&self) -> &[DNSKEY] {
        &self.anchor
    }

    fn bogus_memory(&self) -> Duration {
        self.options.timing.bogus_memory
    }
}
