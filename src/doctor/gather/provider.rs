//! What the DNS provider lets these credentials see. Writes nothing.

use rollout_providers::{FieldValue, Name, Options, Provider, RecordType, Zone};

use super::within;
use crate::dns::Dns;
use crate::doctor::view::{Asked, ProviderView};
use crate::domain_file::DomainFile;
use crate::redact::Redactor;
use crate::world::live::remember;

pub(super) async fn look(
    file: &DomainFile,
    redactor: &Redactor,
    dns: &Dns,
    lost: bool,
) -> ProviderView {
    let info = rollout_providers::find(&file.dns.provider);
    let domain = file.domain.as_str();
    let apex = match &file.dns.zone {
        Some(zone) => zone.as_str().to_owned(),
        None => dns
            .zone_cut(domain)
            .await
            .map_or_else(|_| domain.to_owned(), |cut| cut.apex),
    };
    let mut view = ProviderView {
        info,
        apex,
        read: Asked::Not("secret.readable"),
        standing: Asked::Not("provider.access"),
        signing: Asked::Not("provider.access"),
        listing: Asked::Not("provider.access"),
    };
    let Some(info) = info.filter(|_| !lost) else {
        return view;
    };
    let wrong = |message: String| {
        rollout_providers::Error::new(
            info.slug,
            "start",
            rollout_providers::Kind::Rejected,
            message,
        )
    };
    let opened = file
        .dns
        .values()
        .map_err(|error| wrong(error.to_string()))
        .and_then(|fields| {
            for value in fields.values() {
                if let FieldValue::Secret(secret) = value {
                    remember(redactor, secret);
                }
            }
            info.open(&fields, Options::default())
        });
    let names = Name::parse(&view.apex).and_then(|apex| Ok((apex, Name::parse(domain)?)));
    let (provider, (apex, domain)) = match (opened, names) {
        (Ok(provider), Ok(names)) => (provider, names),
        (Err(error), _) => {
            view.read = Asked::Said(Err(error));
            return view;
        }
        (_, Err(error)) => {
            view.read = Asked::Said(Err(wrong(error.to_string())));
            return view;
        }
    };
    let provider = provider.as_ref();
    let (zone, standing) = tokio::join!(
        within(read(provider, &apex, &domain)),
        within(provider.standing()),
    );
    view.standing = standing;
    view.read = match zone {
        Asked::Said(Ok(zone)) => {
            let (signing, listing) = tokio::join!(
                within(async {
                    match provider.signer() {
                        Some(signer) => signer.status(&zone).await.map(drop),
                        None => Ok(()),
                    }
                }),
                within(async {
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

/// The zone, and the set that a rollout changes first.
async fn read(
    provider: &dyn Provider,
    apex: &Name,
    domain: &Name,
) -> rollout_providers::Result<Zone> {
    let zone = provider.zone(apex).await?;
    match provider.read(&zone, domain, RecordType::Mx).await {
        Ok(_) => Ok(zone),
        Err(error) if error.is_unsupported() => Ok(zone),
        Err(error) => Err(error),
    }
}
