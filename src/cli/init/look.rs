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
        likely: rollout_providers::likely(&servers),
        servers: names,
        domain,
    })
}
