//! What anybody can see of a domain: its name servers, its mail, and whether it could start.

use futures::future::join_all;
use jiff::Timestamp;
use rollout_providers::{Info, Name};

use super::super::CliError;
use super::super::session::basis_of;
use crate::dane::Prober;
use crate::domain_file::DomainName;
use crate::engine::readiness::{Readiness, readiness};
use crate::surroundings::Surroundings;
use crate::verify::{Extent, Verifier, Wish, judge};
use crate::world::live::facts;

/// What was seen of a domain.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    /// The domain.
    pub domain: String,
    /// The names of the zone's servers, as the parent delegates to them.
    pub servers: Vec<String>,
    /// The providers whose servers they look like.
    pub likely: Vec<&'static Info>,
    /// Whether it could start.
    pub ready: Readiness,
}

/// Looks at every domain, side by side.
pub(super) async fn look(
    around: &Surroundings,
    names: &[DomainName],
) -> Result<Vec<Looked>, CliError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let verifier = Verifier::open(around, Extent::Full, Some(Prober::for_run(around.smtp())))
        .map_err(|error| CliError::Usage(error.to_string()))?
        .for_run();
    let looks = names.iter().map(|name| one(around, &verifier, name));
    join_all(looks).await.into_iter().collect()
}

/// The hosts that the servers look like. Between two of them only a person can choose.
fn likely(servers: &[Name]) -> Vec<&'static Info> {
    if rollout_providers::split(servers).is_empty() {
        rollout_providers::likely(servers)
    } else {
        Vec::new()
    }
}

async fn one(
    around: &Surroundings,
    verifier: &Verifier,
    name: &DomainName,
) -> Result<Looked, CliError> {
    let domain = name.as_str().to_owned();
    let view = verifier.look(&domain).await;
    let now = Timestamp::now();
    let report = judge(view, Wish::Dane, now);
    let servers: Vec<Name> = match &report.view.survey {
        Ok(survey) => {
            let servers = survey.zone.cut.servers.iter();
            servers
                .filter_map(|server| Name::parse(&server.name).ok())
                .collect()
        }
        Err(_) => Vec::new(),
    };
    let basis = basis_of(&domain, around.is_laboratory())?;
    let mut names: Vec<String> = servers.iter().map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    Ok(Looked {
        ready: readiness(&report, &facts(&report.view), &basis, now),
        likely: likely(&servers),
        servers: names,
        domain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_hosts_nothing_is_guessed() {
        let guess = |servers: &[&str]| {
            let servers: Vec<Name> = servers.iter().map(|name| name.parse().unwrap()).collect();
            likely(&servers)
                .iter()
                .map(|info| info.slug)
                .collect::<Vec<_>>()
        };
        assert_eq!(guess(&["ns1.desec.io", "ns2.desec.org"]), ["desec"]);
        assert_eq!(guess(&["ns1.desec.io", "ada.ns.cloudflare.com"]), [""; 0]);
    }
}
