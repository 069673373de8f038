//! What the DNS provider and the registrar let these credentials see. Writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use rollout_providers::{
    Error, FieldValue, Info, Kind, Name, Options, Provider, RecordType, Result, Zone,
};

use super::in_time;
use crate::dns::Dns;
use crate::doctor::view::{Asked, ProviderView, RegistrarView};
use crate::domain_file::{DomainFile, SecretError};
use crate::redact::Redactor;
use crate::world::live::remember;

/// What a provider is opened with.
pub(super) struct Services<'a> {
    pub redactor: &'a Redactor,
    pub options: Options,
    pub patience: Duration,
}

/// `lost` and `registrar_lost`: a secret cannot be read, which is said elsewhere.
pub(super) async fn look(
    file: &DomainFile,
    services: &Services<'_>,
    dns: &Dns,
    lost: bool,
    registrar_lost: bool,
) -> (ProviderView, Option<RegistrarView>) {
    let domain = file.domain.as_str();
    let apex = match &file.dns.zone {
        Some(zone) => zone.as_str().to_owned(),
        None => dns
            .zone_cut(domain)
            .await
            .map_or_else(|_| domain.to_owned(), |cut| cut.apex),
    };
    tokio::join!(
        provider(file, services, &apex, lost),
        registrar(file, services, &apex, registrar_lost),
    )
}

impl Services<'_> {
    fn open(
        &self,
        info: &'static Info,
        values: std::result::Result<BTreeMap<String, FieldValue>, SecretError>,
    ) -> Result<Box<dyn Provider>> {
        let fields = values.map_err(|error| wrong(info, error.to_string()))?;
        for value in fields.values() {
            if let FieldValue::Secret(secret) = value {
                remember(self.redactor, secret);
            }
        }
        info.open(&fields, self.options.clone())
    }

    async fn within<T>(&self, question: impl Future<Output = Result<T>>) -> Asked<T, Error> {
        in_time(self.patience, question).await
    }
}

fn wrong(info: &'static Info, message: String) -> Error {
    Error::new(info.slug, "start", Kind::Rejected, message)
}

fn name(info: &'static Info, text: &str) -> Result<Name> {
    Name::parse(text).map_err(|error| wrong(info, error.to_string()))
}

async fn provider(
    file: &DomainFile,
    services: &Services<'_>,
    apex: &str,
    lost: bool,
) -> ProviderView {
    let info = rollout_providers::find(&file.dns.provider);
    let mut view = ProviderView {
        info,
        apex: apex.to_owned(),
        read: Asked::Not("secret.readable"),
        standing: Asked::Not("provider.access"),
        signing: Asked::Not("provider.access"),
        listing: Asked::Not("provider.access"),
    };
    let Some(info) = info.filter(|_| !lost) else {
        return view;
    };
    let opened = services.open(info, file.dns.values()).and_then(|provider| {
        Ok((
            provider,
            name(info, apex)?,
            name(info, file.domain.as_str())?,
        ))
    });
    let (provider, apex, domain) = match &opened {
        Ok((provider, apex, domain)) => (provider.as_ref(), apex, domain),
        Err(error) => {
            view.read = Asked::Said(Err(error.clone()));
            return view;
        }
    };
    let (zone, standing) = tokio::join!(
        services.within(read(provider, apex, domain)),
        services.within(provider.standing()),
    );
    view.standing = standing;
    view.read = match zone {
        Asked::Said(Ok(zone)) => {
            let (signing, listing) = tokio::join!(
                services.within(async {
                    match provider.signer() {
                        Some(signer) => signer.status(&zone).await.map(drop),
                        None => Ok(()),
                    }
                }),
                services.within(async {
                    let largest = provider.largest_ttl(&zone).await?;
                    Ok(largest.is_some())
                }),
            );
            view.signing = signing;
            view.listing = listing;
            Asked::Said(Ok(()))
        }
        Asked::Said(Err(error)) => Asked::Said(Err(error)),
        Asked::Not(because) => Asked::Not(because),
        Asked::Late(time) => Asked::Late(time),
    };
    view
}

/// The registrar that the file names, asked for what it has on file.
async fn registrar(
    file: &DomainFile,
    services: &Services<'_>,
    apex: &str,
    lost: bool,
) -> Option<RegistrarView> {
    let named = file.registrar.as_ref()?;
    let info = rollout_providers::find(&named.provider);
    let mut view = RegistrarView {
        info,
        apex: apex.to_owned(),
        on_file: Asked::Not("secret.readable"),
    };
    if let Some(info) = info.filter(|_| !lost) {
        let asked = async {
            let provider = services.open(info, named.values())?;
            let registrar = provider
                .registrar()
                .ok_or_else(|| wrong(info, format!("{} is not a registrar", info.title)))?;
            registrar.delegation(&name(info, apex)?).await.map(drop)
        };
        view.on_file = services.within(asked).await;
    }
    Some(view)
}

/// The zone, and the set that a rollout changes first.
async fn read(provider: &dyn Provider, apex: &Name, domain: &Name) -> Result<Zone> {
    let zone = provider.zone(apex).await?;
    match provider.read(&zone, domain, RecordType::Mx).await {
        Ok(_) => Ok(zone),
        Err(error) if error.is_unsupported() => Ok(zone),
        Err(error) => Err(error),
    }
}
