//! Asks everything side by side, and decides nothing. What fails spoils nothing but itself.

mod here;
mod https;
mod microsoft;
mod provider;
mod reach;

use std::path::PathBuf;
use std::time::Duration;

use super::view::{Asked, View};
use crate::dns::Dns;
use crate::domain_file::DomainFile;
use crate::redact::Redactor;
use crate::surroundings::{Surroundings, SurroundingsError};
use crate::world::live::{AtTerminal, provider_options};

/// Long enough for a slow service, short enough for somebody who waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough for a person who signs in in a browser: a code is good for a quarter of an hour.
const PERSON: Duration = Duration::from_secs(15 * 60);

/// How long what several questions share is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// Looks at everything that a domain file needs. `person` is who can be asked to sign in; `state` is the state file, or why no place for it is known.
///
/// # Errors
/// When what the file says of resolvers or HTTPS cannot be used: a configuration error.
pub async fn gather(
    file: &DomainFile,
    redactor: &Redactor,
    person: AtTerminal,
    state: Result<PathBuf, String>,
) -> Result<View, SurroundingsError> {
    let around = Surroundings::of(file);
    let dns = Dns::new(around.dns()?)?.for_run(MEMORY);
    let https = around.https()?;
    let domain = file.domain.as_str();
    let secrets = here::secrets(file, redactor);
    let lost = |prefix: &str| {
        secrets
            .iter()
            .any(|secret| secret.trouble.is_some() && secret.key.starts_with(prefix))
    };
    let folder = person.state_folder.clone();
    let connected = microsoft::connect(file, redactor, person, lost("microsoft."));
    let services = provider::Services {
        redactor,
        options: provider_options(
            connected.as_ref().ok().map(|known| &known.microsoft),
            folder.as_deref(),
        ),
        // A provider that takes Microsoft's tokens waits for the same person.
        patience: connected
            .as_ref()
            .map_or(PATIENCE, microsoft::Connected::patience),
    };
    let (microsoft, (provider, registrar), clocks, resolvers, servers, mail, mta_sts) = tokio::join!(
        microsoft::look(&connected, domain),
        provider::look(file, &services, &dns, lost("dns."), lost("registrar.")),
        https::look(file),
        reach::resolvers(&dns),
        reach::servers(&dns, domain),
        reach::mail(&dns, file, &around),
        reach::mta_sts(&dns, domain, &https, PATIENCE),
    );
    Ok(View {
        domain: domain.to_owned(),
        secrets,
        state: here::state(state),
        microsoft,
        provider,
        registrar,
        https: clocks,
        resolvers,
        servers,
        mail,
        mta_sts,
        ipv6_route: reach::ipv6_route(),
    })
}

/// An answer, or that it took too long.
async fn within<T, E>(question: impl Future<Output = Result<T, E>>) -> Asked<T, E> {
    in_time(PATIENCE, question).await
}

async fn in_time<T, E>(
    time: Duration,
    question: impl Future<Output = Result<T, E>>,
) -> Asked<T, E> {
    match tokio::time::timeout(time, question).await {
        Ok(said) => Asked::Said(said),
        Err(_) => Asked::Late(time),
    }
}
