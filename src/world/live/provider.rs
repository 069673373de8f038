//! The DNS provider: facts, record changes, signing, the DS.

mod texts;

use jiff::Timestamp;
use rollout_providers::{
    Change, DelegationKey, Dnskey, Ds, Error, Kind, Name, Outcome as Written, Provider, RecordData,
    RecordType, Registrar, Rrset, Signing, Zone,
};

use super::dns::ds_text;
use crate::kernel::{Host, KeyId, Mx};
use crate::world::DelegationBy;
use crate::world::{
    Fact, HandsOver, Instructions, MxRrset, OnFile, Outcome, ProviderFacts, SigningFacts,
};

/// The provider with the zone it was asked about.
pub(super) struct Hosting {
    pub(super) provider: Box<dyn Provider>,
    pub(super) apex: Option<Name>,
    pub(super) domain: Name,
    pub(super) delegation: DelegationBy,
    /// Who brings the DS to the parent, where that is somebody else.
    registrar: Option<Box<dyn Provider>>,
    zone: Option<Zone>,
    largest_ttl: Option<Option<u32>>,
}

impl Hosting {
    pub(super) fn new(
        provider: Box<dyn Provider>,
        registrar: Option<Box<dyn Provider>>,
        apex: Option<Name>,
        domain: Name,
        delegation: DelegationBy,
    ) -> Self {
        Self {
            provider,
            apex,
            domain,
            delegation,
            registrar,
            zone: None,
            largest_ttl: None,
        }
    }

    /// Facts of the zone; `apex` as the delegation shows it.
    pub(super) async fn facts(&mut self, apex: Option<&Host>) -> Fact<ProviderFacts> {
        let at = Timestamp::now();
        match self.ask(apex).await {
            Ok(value) => Fact::Known { value, at },
            Err(error) => unread(&error, at),
        }
    }

    /// Who reaches the parent by an API, or announces to it.
    fn registrar(&self) -> Option<&dyn Registrar> {
        match &self.registrar {
            Some(registrar) => registrar.registrar(),
            None => self.provider.registrar(),
        }
    }

    /// Whether an API of a registrar's brings the DS to the parent.
    fn has_registrar(&self) -> bool {
        let party = self.registrar.as_ref().unwrap_or(&self.provider);
        party.info().capabilities.registrar.is_some()
    }

    /// What the registrar has on file; asked only where the DS is to go that way.
    async fn on_file(&self, apex: &Name) -> OnFile {
        let by_api = matches!(
            self.delegation,
            DelegationBy::Auto | DelegationBy::Registrar
        );
        let Some(registrar) = self.registrar().filter(|_| by_api && self.has_registrar()) else {
            return OnFile::NotAsked;
        };
        match registrar.delegation(apex).await {
            Ok(ds) => OnFile::Known {
                ds: ds.iter().map(|ds| KeyId::new(ds_text(ds))).collect(),
            },
            Err(error) if error.is_unsupported() => OnFile::NotAsked,
            Err(error) if error.is_temporary() || error.kind == Kind::Protocol => {
                OnFile::CouldNotTell {
                    why: error.to_string(),
                }
            }
            Err(error) => OnFile::Refused {
                why: error.to_string(),
            },
        }
    }

    async fn zone(&mut self, apex: Option<&Host>) -> Result<Zone, Error> {
        if let Some(zone) = &self.zone {
            return Ok(zone.clone());
        }
        let apex = match (&self.apex, apex) {
            (Some(apex), _) => apex.clone(),
            (None, Some(apex)) => {
                Name::parse(apex.as_str()).unwrap_or_else(|_| self.domain.clone())
            }
            (None, None) => self.domain.clone(),
        };
        let zone = self.provider.zone(&apex).await?;
        self.zone = Some(zone.clone());
        Ok(zone)
    }

    async fn ask(&mut self, apex: Option<&Host>) -> Result<ProviderFacts, Error> {
        let zone = self.zone(apex).await?;
        let info = self.provider.info();
        let mx = match self
            .provider
            .read(&zone, &self.domain, RecordType::Mx)
            .await
        {
            Ok(set) => set.as_ref().map(from_rrset),
            Err(error) if error.is_unsupported() => None,
            Err(error) => return Err(error),
        };
        let signing =
            match self.provider.signer() {
                None => info.instead().map_or(SigningFacts::Elsewhere, |instead| {
                    SigningFacts::Nowhere { instead }
                }),
                Some(signer) => match signer.status(&zone).await {
                    // Nobody to ask where a person signs: DNS tells what is live.
                    // Enabling it there would only ask a person, which the step does itself, and plans.
                    Ok(Signing::Off) if !info.capabilities.signs => SigningFacts::Elsewhere,
                    Err(error) if error.is_unsupported() => SigningFacts::Elsewhere,
                    Err(error) => return Err(error),
                    Ok(Signing::Off) => SigningFacts::Off,
                    Ok(Signing::Pending) => SigningFacts::Pending,
                    Ok(Signing::On(keys)) => SigningFacts::On {
                        ds: keys
                            .iter()
                            .filter_map(DelegationKey::preferred_ds)
                            .map(|ds| KeyId::new(ds_text(ds)))
                            .collect(),
                    },
                },
            };
        // Listing a zone is dear; its largest TTL is asked for once, before anything is changed.
        let largest_ttl = match self.largest_ttl {
            Some(known) => known,
            None => {
                let listed = self.provider.largest_ttl(&zone).await?;
                *self.largest_ttl.insert(listed)
            }
        };
        Ok(ProviderFacts {
            provider: info.title.to_owned(),
            manual: !info.capabilities.reads,
            ttl_min: *zone.ttl.start(),
            ttl_max: *zone.ttl.end(),
            mx,
            signing,
            largest_ttl,
            registrar: self.has_registrar(),
            on_file: self.on_file(&zone.apex).await,
            announces: info.capabilities.signs
                && info.capabilities.delegation == rollout_providers::Delegation::Announced
                && self.provider.registrar().is_none(),
            hands_over: match zone.hands_over {
                rollout_providers::HandsOver::Never => HandsOver::Never,
                rollout_providers::HandsOver::IfRegisteredThere => HandsOver::IfRegisteredThere,
                rollout_providers::HandsOver::Always => HandsOver::Always,
            },
            notes: zone.notes,
        })
    }

    /// Replaces the MX RRset, if it is still what was expected.
    pub(super) async fn write_mx(&mut self, before: &MxRrset, after: &MxRrset) -> Outcome {
        let change = match (self.rrset(before), self.rrset(after)) {
            (Ok(before), Ok(after)) => Change::replace(before, after),
            (Err(why), _) | (_, Err(why)) => return Outcome::Refused { why },
        };
        let change = match change {
            Ok(change) => change,
            Err(error) => {
                return Outcome::Refused {
                    why: error.to_string(),
                };
            }
        };
        let written = match self.zone(None).await {
            Ok(zone) => self.provider.write(&zone, &change).await,
            Err(error) => Err(error),
        };
        outcome(written)
    }

    fn rrset(&self, mx: &MxRrset) -> Result<Rrset, String> {
        let mut values = Vec::new();
        for record in mx.set.iter() {
            let exchange = Name::parse(record.host.as_str()).map_err(|e| e.to_string())?;
            values.push(RecordData::mx(record.preference, exchange));
        }
        Rrset::new(self.domain.clone(), RecordType::Mx, mx.ttl, values).map_err(|e| e.to_string())
    }

    /// Has the zone signed.
    pub(super) async fn sign(&mut self) -> Outcome {
        let zone = match self.zone(None).await {
            Ok(zone) => zone,
            Err(error) => return outcome(Err(error)),
        };
        match self.provider.signer() {
            Some(signer) => outcome(signer.enable(&zone).await),
            None => Outcome::Refused {
                why: format!("{} cannot sign by API", self.provider.info().title),
            },
        }
    }

    /// Has the zone unsigned.
    pub(super) async fn unsign(&mut self) -> Outcome {
        let zone = match self.zone(None).await {
            Ok(zone) => zone,
            Err(error) => return outcome(Err(error)),
        };
        let by_hand = || rollout_providers::Instructions::unsign(&zone.apex);
        match self.provider.signer() {
            Some(signer) => outcome(signer.disable(&zone).await),
            None => Outcome::Asked {
                instructions: instructions(&by_hand()),
            },
        }
    }

    /// Takes the DS from the parent, if it is still this one, or asks a person to.
    pub(super) async fn withdraw_ds(&mut self, ds: &[KeyId]) -> Outcome {
        let apex = match self.zone(None).await {
            Ok(zone) => zone.apex,
            Err(error) => return outcome(Err(error)),
        };
        let before: Result<Vec<Ds>, _> = ds.iter().map(|key| key.as_str().parse()).collect();
        let before = match before {
            Ok(before) => before,
            Err(error) => {
                return Outcome::Refused {
                    why: error.to_string(),
                };
            }
        };
        let by_hand = || Outcome::Asked {
            instructions: instructions(&rollout_providers::Instructions::delegation(&apex, &[])),
        };
        match self
            .registrar()
            .filter(|_| self.delegation != DelegationBy::Manual)
        {
            Some(registrar) => match registrar.set_delegation(&apex, &before, &[]).await {
                Err(error) if error.is_unsupported() => by_hand(),
                written => outcome(written),
            },
            None => by_hand(),
        }
    }

    /// Brings the DS of `keys` to the parent, or asks a person to.
    pub(super) async fn publish_ds(&mut self, keys: Vec<Dnskey>) -> Outcome {
        let apex = match self.zone(None).await {
            Ok(zone) => zone.apex,
            Err(error) => return outcome(Err(error)),
        };
        let mut delegation = Vec::new();
        for key in keys {
            match DelegationKey::from_dnskey(&apex, key) {
                Ok(key) => delegation.push(key),
                Err(error) => {
                    return Outcome::Refused {
                        why: error.to_string(),
                    };
                }
            }
        }
        let by_hand = || Outcome::Asked {
            instructions: instructions(&rollout_providers::Instructions::delegation(
                &apex,
                &delegation,
            )),
        };
        match (self.delegation, self.registrar()) {
            (DelegationBy::Manual, _) | (DelegationBy::Auto, None) => by_hand(),
            (_, Some(registrar)) => match registrar.set_delegation(&apex, &[], &delegation).await {
                Err(error) if error.is_unsupported() => by_hand(),
                written => outcome(written),
            },
            // The server announces it by itself, or somebody else does: the parent is being watched.
            (DelegationBy::Cds, None) => Outcome::Done {
                note: "waiting for the registry to take the DS from CDS".to_owned(),
                mx_host: None,
            },
            (DelegationBy::Registrar, None) => Outcome::Refused {
                why: format!(
                    "{} cannot reach the parent; name the registrar under `registrar`, or set `dns.delegation` to cds or manual",
                    self.provider.info().title
                ),
            },
        }
    }
}

/// Why something of the provider's could not be read: whether it may be otherwise later.
fn unread<T>(error: &Error, at: Timestamp) -> Fact<T> {
    let why = error.to_string();
    if error.is_temporary() || error.kind == Kind::Protocol {
        Fact::CouldNotTell { why, at }
    } else {
        Fact::Refused { why, at }
    }
}

fn from_rrset(set: &Rrset) -> MxRrset {
    MxRrset {
        set: set
            .values()
            .iter()
            .filter_map(|value| match value {
                RecordData::Mx {
                    preference,
                    exchange,
                } => Some(Mx {
                    preference: *preference,
                    host: Host::new(exchange.as_str()),
                }),
                _ => None,
            })
            .collect(),
        ttl: set.ttl(),
    }
}

fn outcome(written: Result<Written, Error>) -> Outcome {
    let done = |note: &str| Outcome::Done {
        note: note.to_owned(),
        mx_host: None,
    };
    match written {
        Ok(Written::Done) => done("the provider took it"),
        Ok(Written::Unchanged) => done("it was there already"),
        Ok(Written::Asked(asked)) => Outcome::Asked {
            instructions: instructions(&asked),
        },
        Err(error) => {
            let why = error.to_string();
            if error.is_unknown() {
                Outcome::Unknown { why }
            } else if error.is_conflict() {
                Outcome::Conflict { why }
            } else if error.is_temporary() {
                Outcome::Later {
                    why,
                    after: error
                        .retry_after()
                        .map_or(30, |after| after.as_secs().max(1)),
                }
            } else {
                Outcome::Refused { why }
            }
        }
    }
}

/// A provider's instructions in the words of the world: sentences, then the records to copy.
fn instructions(asked: &rollout_providers::Instructions) -> Instructions {
    let text = asked.to_string();
    let mut lines = text.lines().map(|line| line.trim_end().to_owned());
    Instructions {
        summary: lines.next().unwrap_or_default(),
        lines: lines.collect(),
        answer: None,
        effects: vec![],
    }
}
