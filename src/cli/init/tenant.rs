//! The tenant of a domain, and the domains of a tenant.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::{App, CliError};
use super::ask::Answers;
use super::provider::Provider;
use super::{Args, write};
use crate::dns::Dns;
use crate::domain_file::environment::Environment;
use crate::domain_file::{self, Microsoft as Side};
use crate::microsoft::{FeatureState, GraphDomain, MicrosoftError};
use crate::surroundings::Surroundings;
use crate::world::live::microsoft_of;

/// Why the tenant of a domain is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoTenant {
    /// Entra has no tenant with the domain.
    #[error(
        "Entra has no tenant with {domain}, so it is not verified in any Microsoft 365 tenant of this cloud"
    )]
    Unknown {
        /// The domain.
        domain: String,
    },
    /// No trustworthy answer.
    #[error("the tenant of {domain} could not be found: {why}")]
    CouldNotTell {
        /// The domain.
        domain: String,
        /// What went wrong.
        why: String,
    },
}

/// Asks Entra, without credentials, whose domain this is: the issuer in the OpenID configuration of the domain is that of
/// its tenant (OpenID Connect Discovery 1.0, section 4).
pub(super) async fn of_domain(authority: &str, domain: &str) -> Result<Uuid, NoTenant> {
    let lost = |why: String| NoTenant::CouldNotTell {
        domain: domain.to_owned(),
        why,
    };
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| lost(error.to_string()))?;
    let address = format!("{authority}/{domain}/v2.0/.well-known/openid-configuration");
    let answer = client
        .get(address)
        .send()
        .await
        .map_err(|error| lost(error.without_url().to_string()))?;
    let status = answer.status();
    let body: Value = answer
        .json()
        .await
        .map_err(|error| lost(format!("HTTP {status}, {}", error.without_url())))?;
    if status.is_client_error() {
        let said = body["error_description"].as_str().unwrap_or_default();
        // AADSTS90002: no such tenant; anything else says something about us, not about the domain.
        return Err(
            if said.contains("AADSTS90002") || body["error"] == "invalid_tenant" {
                NoTenant::Unknown {
                    domain: domain.to_owned(),
                }
            } else {
                lost(format!("{authority} answered HTTP {status}"))
            },
        );
    }
    body["issuer"]
        .as_str()
        .into_iter()
        .flat_map(|issuer| issuer.split('/'))
        .find_map(|part| Uuid::try_parse(part).ok())
        .ok_or_else(|| lost(format!("{authority} answered without an issuer")))
}

/// One domain of the tenant, with its state.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Listed {
    /// The domain.
    pub name: String,
    /// Whether it is verified, as Graph says.
    pub verified: Option<bool>,
    /// Whether it has the Email service, as Graph says.
    pub email: Option<bool>,
    /// Inbound DANE, as Exchange Online says.
    pub dane: Option<bool>,
    /// Where its MX points now.
    pub mx: &'static str,
    /// Why it cannot be moved; `None`: it could.
    pub why_not: Option<String>,
}

impl Listed {
    /// Its state in words.
    pub(super) fn state(&self) -> String {
        let say = |value: Option<bool>, yes: &str, no: &str, unknown: &str| {
            value
                .map_or(unknown, |value| if value { yes } else { no })
                .to_owned()
        };
        [
            say(
                self.verified,
                "verified",
                "not verified",
                "verified or not is unknown",
            ),
            say(self.email, "Email", "no Email", "Email is unknown"),
            say(self.dane, "DANE on", "DANE off", "DANE is unknown"),
            format!("MX {}", self.mx),
        ]
        .join(", ")
    }
}

/// Signs in and lists the tenant's domains.
pub(super) async fn list(
    app: &App,
    args: &Args,
    answers: &Answers,
    around: &Surroundings,
    environment: &Environment,
) -> Result<Vec<Listed>, CliError> {
    let Some(tenant) = &answers.tenant else {
        return Err(CliError::Usage(
            "name a domain; the domains of a tenant are listed with --tenant and a sign-in"
                .to_owned(),
        ));
    };
    // Any name will do for a file that is only used to sign in.
    let name = if tenant.contains('.') {
        tenant.as_str()
    } else {
        "tenant.invalid"
    };
    let path = args.dir.join("domain.yml");
    let text = write::text_of(args, answers, name, &[], &Provider::by_hand());
    let file = domain_file::from_text(&path, &text, environment)
        .map_err(Box::new)?
        .file;
    if matches!(file.microsoft, Side::Manual { .. }) {
        return Err(CliError::Usage(
            "where a person runs PowerShell nobody can be asked for the tenant's domains; name them".to_owned(),
        ));
    }
    let Some(microsoft) = microsoft_of(&file, &app.redactor, app.at_terminal())? else {
        return Ok(Vec::new());
    };
    let could_not = |whom: &str, error: MicrosoftError| CliError::Microsoft {
        what: format!("the domains of {tenant} cannot be listed by {whom}"),
        source: Box::new(error),
    };
    let accepted = microsoft
        .exchange
        .accepted_domains()
        .await
        .map_err(|error| could_not("Exchange Online", error))?;
    let known = if microsoft.graph.is_asked() {
        let all = microsoft.graph.domains().await;
        Some(all.map_err(|error| could_not("Microsoft Graph", error))?)
    } else {
        None
    };
    let mut listed: Vec<Listed> = Vec::new();
    for one in &accepted {
        let graph = known
            .as_ref()
            .and_then(|all| all.iter().find(|graph| graph.name == one.domain));
        let initial = one.initial == Some(true) || one.domain.ends_with(".onmicrosoft.com");
        let delegated = graph.is_some_and(|graph| graph.is_admin_managed == Some(false));
        let verified = graph.and_then(|graph| graph.is_verified);
        let email = graph.map(GraphDomain::has_email);
        let why_not = if initial {
            Some("the initial domain cannot be moved")
        } else if delegated {
            Some("its DNS is run by Microsoft 365, where this is not supported")
        } else if verified == Some(false) {
            Some("it is not verified")
        } else if email == Some(false) {
            Some("it has no Email service")
        } else if known.is_some() && graph.is_none() {
            Some("Microsoft Graph does not know it")
        } else {
            None
        };
        listed.push(Listed {
            name: one.domain.clone(),
            verified,
            email,
            dane: match one.dane {
                FeatureState::Enabled => Some(true),
                FeatureState::Disabled => Some(false),
                FeatureState::CouldNotTell { .. } => None,
            },
            mx: "unknown",
            why_not: why_not.map(str::to_owned),
        });
    }
    // Graph knows domains that take no mail yet.
    for graph in known.iter().flatten() {
        if !accepted.iter().any(|one| one.domain == graph.name) {
            listed.push(Listed {
                name: graph.name.clone(),
                verified: graph.is_verified,
                email: Some(graph.has_email()),
                dane: None,
                mx: "unknown",
                why_not: Some("it is no accepted domain of Exchange Online".to_owned()),
            });
        }
    }
    let dns = Dns::new(
        around
            .dns()
            .map_err(|error| CliError::Usage(error.to_string()))?,
    )
    .map_err(|error| CliError::Usage(error.to_string()))?;
    let seen = join_all(listed.iter().map(|one| mx_of(&dns, &one.name))).await;
    for (one, mx) in listed.iter_mut().zip(seen) {
        one.mx = mx;
        if one.why_not.is_none() {
            one.why_not = match mx {
                "at mx.microsoft" if one.dane == Some(true) => {
                    Some("it is there already".to_owned())
                }
                "elsewhere: a gateway" => {
                    Some("its MX points to a gateway, which this move does not cover".to_owned())
                }
                _ => None,
            };
        }
    }
    listed.sort_by(|a, b| (a.why_not.is_some(), &a.name).cmp(&(b.why_not.is_some(), &b.name)));
    Ok(listed)
}

/// Where the MX of a domain points.
async fn mx_of(dns: &Dns, domain: &str) -> &'static str {
    let Ok(view) = dns.observe_zone(domain).await else {
        return "unknown";
    };
    let hosts = mx_hosts(&view);
    let under = |zone: &str| hosts.iter().any(|host| host.ends_with(zone));
    if hosts.is_empty() {
        "none seen"
    } else if under(".mx.microsoft") {
        "at mx.microsoft"
    } else if under(".mail.protection.outlook.com") || under(".mail.eo.outlook.com") {
        "at the legacy host"
    } else {
        "elsewhere: a gateway"
    }
}

fn mx_hosts(view: &crate::dns::ZoneView) -> Vec<String> {
    crate::world::live::mx_hosts(view)
        .iter()
        .map(|host| host.as_str().to_owned())
        .collect()
}

/// The base URL of sign-in of a cloud, or what the environment puts in its place.
pub(super) fn authority(
    environment: &Environment,
    cloud: Option<&str>,
) -> Result<String, CliError> {
    let cloud = cloud.map_or(String::new(), |cloud| {
        format!("cloud: {cloud}, cloud_forced: {cloud}, ").replace(
            "cloud: worldwide, cloud_forced: worldwide, ",
            "cloud: worldwide, ",
        )
    });
    let text = format!(
        "domain: tenant.invalid\nmicrosoft: {{ tenant: tenant.invalid, {cloud}sign_in: {{ method: client-secret, \
         client_id: 00000000-0000-0000-0000-000000000000, secret: env:UNUSED }} }}\ndns: {{ provider: manual }}\n"
    );
    let loaded =
        domain_file::from_text(Path::new("--cloud"), &text, environment).map_err(Box::new)?;
    let api = loaded.file.microsoft.api();
    Ok(api.map(domain_file::Api::authority).unwrap_or_default())
}
