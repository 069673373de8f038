//! Opening the live world as a domain file says. Asks nobody yet.

use std::time::Duration;

use rollout_providers::{Name, Options};

use super::connect::{cloud_of, microsoft_of};
use super::sign_in::AtTerminal;
use super::{Asked, Hosting, LiveWorld, Tenants, parties};
use crate::dane::Prober;
use crate::dns::Dns;
use crate::domain_file::{Delegation, DomainFile, SecretError};
use crate::kernel::Host;
use crate::microsoft::{MicrosoftError, SettingsError};
use crate::redact::Redactor;
use crate::surroundings::{Surroundings, SurroundingsError};
use crate::verify::{Extent, Verifier};
use crate::world::{DelegationBy, PastedAnswers};

/// Why the live world could not be opened: nothing was asked or changed yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The DNS provider's fields do not fit.
    #[error(transparent)]
    Provider(#[from] rollout_providers::Error),
    /// No such provider.
    #[error("there is no DNS provider {0:?}; `rollout providers` lists them")]
    UnknownProvider(String),
    /// The resolver settings cannot be used.
    #[error(transparent)]
    Dns(#[from] crate::dns::SettingsError),
    /// What is said of resolvers, SMTP or HTTPS cannot be used.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// The Microsoft settings cannot be used.
    #[error(transparent)]
    Microsoft(#[from] MicrosoftError),
    /// An endpoint of Microsoft's cannot be used.
    #[error(transparent)]
    Endpoint(#[from] SettingsError),
    /// A name is no domain name.
    #[error("{0}")]
    Name(String),
}

impl LiveWorld {
    /// [`open_for`](Self::open_for) nobody: a sign-in that needs a person fails.
    ///
    /// # Errors
    /// As there.
    pub fn open(file: &DomainFile, redactor: &Redactor) -> Result<Self, OpenError> {
        Self::open_for(file, redactor, AtTerminal::default(), &Tenants::default())
    }

    /// Opens resolvers, sign-in and provider as the domain file says, for the person at the terminal. Every secret it reads
    /// is told to `redactor`, so that none can reach journal or output. What is asked once for all domains of a tenant is shared
    /// with every world that is opened with the same `tenants`.
    ///
    /// # Errors
    /// When something the domain file names cannot be used: a configuration error, exit code 2.
    pub fn open_for(
        file: &DomainFile,
        redactor: &Redactor,
        person: AtTerminal,
        tenants: &Tenants,
    ) -> Result<Self, OpenError> {
        let lab = file.in_laboratory();
        let around = Surroundings::of(file);
        let roots = around.web_roots()?;
        let mut smtp = around.smtp();
        // One conversation an address is enough to decide; every kind of key is the verifier's to try.
        smtp.every_key = false;
        let state_folder = person.state_folder.clone();
        let microsoft = microsoft_of(file, redactor, person)?;
        let options = parties::provider_options(microsoft.as_ref(), state_folder.as_deref());
        Ok(Self {
            domain: Host::new(file.domain.as_str()),
            dns: Dns::new(around.dns()?)?,
            verifier: Verifier::open(&around, Extent::Full, Some(Prober::new(around.smtp())))?,
            prober: Prober::new(smtp),
            https: around.https()?,
            roots,
            microsoft,
            shared: tenants.of(&file.microsoft),
            by_hand_in: cloud_of(file),
            pasted: PastedAnswers::default(),
            calls: options.counter.clone(),
            freeze_file: file
                .change
                .freeze_file
                .as_ref()
                .map(|place| (place.path(), file.change.zone.clone())),
            publisher: super::policy::Publisher::of(&file.mta_sts, redactor),
            hosting: hosting(file, redactor, options)?,
            fresh: if lab {
                Duration::from_millis(1500)
            } else {
                Duration::from_secs(60)
            },
            view: None,
            asked: Asked::default(),
            last: crate::world::Facts::default(),
        })
    }
}

fn hosting(file: &DomainFile, redactor: &Redactor, options: Options) -> Result<Hosting, OpenError> {
    let name = |text: &str| Name::parse(text).map_err(|e| OpenError::Name(e.to_string()));
    let zone = file.dns.zone.as_ref();
    Ok(Hosting::new(
        parties::dns_provider(file, redactor, options.clone())?,
        parties::registrar(file, redactor, options)?,
        zone.map(|zone| name(zone.as_str())).transpose()?,
        name(file.domain.as_str())?,
        delegation_by(file.dns.delegation),
    ))
}

/// A secret too short to be replaced safely is refused by nobody else: it is simply not echoed anywhere.
pub(crate) fn remember(redactor: &Redactor, secret: &secrecy::SecretString) {
    if let Err(error) = redactor.register(secret) {
        tracing::warn!(%error, "a secret is too short to be kept out of texts by replacing it");
    }
}

/// The domain file's word for how a DS reaches the parent, as the steps know it.
#[must_use]
pub fn delegation_by(delegation: Delegation) -> DelegationBy {
    match delegation {
        Delegation::Auto => DelegationBy::Auto,
        Delegation::Registrar => DelegationBy::Registrar,
        Delegation::Cds => DelegationBy::Cds,
        Delegation::Manual => DelegationBy::Manual,
    }
}
