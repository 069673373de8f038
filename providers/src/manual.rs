//! A DNS host without an interface: a person makes every change, and DNS tells what is live.

use async_trait::async_trait;

use crate::{
    Access, Capabilities, Change, Delegation, DelegationKey, Ds, Error, HandsOver, Info, Instructions, Kind, Name, Outcome, Provider,
    RecordType, Registrar, Result, Rrset, Signer, Signing, TTL_MAX, Writes, Zone, guard,
};

pub(crate) static INFO: Info = Info {
    slug: "manual",
    title: "By hand",
    docs: "https://learn.microsoft.com/microsoft-365/admin/get-help-with-domains/create-dns-records-at-any-dns-hosting-provider",
    nameservers: &[],
    fields: &[],
    capabilities: Capabilities {
        reads: false,
        signs: false,
        keys: false,
        writes: Writes::ByHand,
        delegation: Delegation::ByHand,
        registrar: None,
        ttl_floor: "not known; many hosts allow no less than 300 or 3600 s",
    },
    limits: &[],
    rights: "None: a person with access to the DNS settings makes the changes.",
    access: Access {
        rights: &[],
        made_at: "Nowhere: the person signs in to the DNS host's own pages.",
        told: "Nothing: there is no interface to ask.",
    },
    connect: |_, _| Ok(Box::new(Manual)),
};

#[derive(Debug)]
struct Manual;

fn blind<T>(operation: String) -> Result<T> {
    Err(Error::new(INFO.slug, operation, Kind::Unsupported, "there is no interface to ask; DNS itself is to be asked"))
}

#[async_trait]
impl Provider for Manual {
    fn info(&self) -> &'static Info {
        &INFO
    }

    /// Believes the apex: nobody can be asked but DNS.
    async fn zone(&self, apex: &Name) -> Result<Zone> {
        Ok(Zone {
            id: apex.to_string(),
            apex: apex.clone(),
            nameservers: Vec::new(),
            ttl: 0..=TTL_MAX,
            writes: INFO.capabilities.writes,
            hands_over: HandsOver::Never, notes: Vec::new(),
        })
    }

    async fn read(&self, _: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>> {
        blind(format!("read {rtype} at {name}"))
    }

    /// Always asks. The caller, who sees DNS, does not call for what is live already.
    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome> {
        guard::admit(INFO.slug, zone, change)?;
        Ok(match change.before() == change.after() {
            true => Outcome::Unchanged,
            false => Outcome::Asked(Instructions::change(change)),
        })
    }

    async fn largest_ttl(&self, _: &Zone) -> Result<Option<u32>> {
        Ok(None)
    }

    fn signer(&self) -> Option<&dyn Signer> {
        Some(self)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }
}

#[async_trait]
impl Signer for Manual {
    async fn status(&self, zone: &Zone) -> Result<Signing> {
        blind(format!("tell whether {} is signed", zone.apex))
    }

    async fn enable(&self, zone: &Zone) -> Result<Outcome> {
        Ok(Outcome::Asked(Instructions::sign(&zone.apex)))
    }

    async fn disable(&self, zone: &Zone) -> Result<Outcome> {
        Ok(Outcome::Asked(Instructions::unsign(&zone.apex)))
    }
}

#[async_trait]
impl Registrar for Manual {
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>> {
        blind(format!("read the delegation of {apex}"))
    }

    async fn set_delegation(&self, apex: &Name, _: &[Ds], keys: &[DelegationKey]) -> Result<Outcome> {
        Ok(Outcome::Asked(Instructions::delegation(apex, keys)))
    }
}
