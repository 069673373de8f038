//! Graph and Exchange Online: facts and cmdlets.

use crate::kernel::Host;
use crate::microsoft::{
    Cmdlet, DomainType, FeatureState as State, Microsoft, MicrosoftError, powershell,
};
use crate::world::{Action, ExchangeFacts, Fact, FeatureState, Instructions, Outcome, TenantFacts};
use jiff::Timestamp;

/// A fact from an answer; what is refused for good is told apart from what could not be told.
fn fact<T>(answer: Result<T, MicrosoftError>) -> Fact<T> {
    let at = Timestamp::now();
    match answer {
        Ok(value) => Fact::Known { value, at },
        Err(error) if error.is_could_not_tell() => Fact::CouldNotTell {
            why: error.to_string(),
            at,
        },
        Err(error) => Fact::Refused {
            why: error.to_string(),
            at,
        },
    }
}

/// The tenant's domain as Graph knows it.
pub(super) async fn tenant(microsoft: &Microsoft, domain: &Host) -> Fact<TenantFacts> {
    fact(ask_graph(microsoft, domain).await)
}

async fn ask_graph(microsoft: &Microsoft, domain: &Host) -> Result<TenantFacts, MicrosoftError> {
    let Some(found) = microsoft.graph.domain(domain.as_str()).await? else {
        return Ok(TenantFacts {
            exists: false,
            verified: false,
            initial: false,
            admin_managed: true,
            email: false,
            mx_hosts: Vec::new(),
        });
    };
    let records = microsoft
        .graph
        .service_configuration_records(domain.as_str())
        .await?;
    Ok(TenantFacts {
        exists: true,
        // A missing answer is not a no: only what Graph says decides.
        verified: found.is_verified != Some(false),
        initial: found.is_initial == Some(true),
        admin_managed: found.is_admin_managed != Some(false),
        email: found.has_email(),
        mx_hosts: records
            .iter()
            .map(|mx| Host::new(&mx.mail_exchange))
            .collect(),
    })
}

/// The domain as Exchange Online knows it.
pub(super) async fn exchange(microsoft: &Microsoft, domain: &Host) -> Fact<ExchangeFacts> {
    fact(ask_exchange(microsoft, domain).await)
}

async fn ask_exchange(
    microsoft: &Microsoft,
    domain: &Host,
) -> Result<ExchangeFacts, MicrosoftError> {
    let Some(accepted) = microsoft.exchange.accepted_domain(domain.as_str()).await? else {
        return Ok(ExchangeFacts {
            manual: false,
            accepted: false,
            domain_type: String::new(),
            dnssec: FeatureState::Unknown,
            dane: FeatureState::Unknown,
            expected_mx: None,
            advice: Vec::new(),
        });
    };
    let status = microsoft.exchange.dnssec_status(domain.as_str()).await?;
    let advice = status
        .all_messages()
        .map(|message| match &message.code {
            Some(code) => format!("{code}: {}", message.text),
            None => message.text.clone(),
        })
        .collect();
    let expected = status.expected_mx.as_ref().and_then(|mx| mx.dnssec_host());
    Ok(ExchangeFacts {
        manual: false,
        accepted: true,
        domain_type: match accepted.domain_type {
            DomainType::Authoritative => "Authoritative".to_owned(),
            DomainType::InternalRelay => "InternalRelay".to_owned(),
            DomainType::ExternalRelay => "ExternalRelay".to_owned(),
            DomainType::Other(other) => other,
        },
        dnssec: state(&status.feature),
        dane: state(&accepted.dane),
        expected_mx: expected.map(|host| Host::new(host.as_str())),
        advice,
    })
}

fn state(state: &State) -> FeatureState {
    match state {
        State::Enabled => FeatureState::Enabled,
        State::Disabled => FeatureState::Disabled,
        State::CouldNotTell { .. } => FeatureState::Unknown,
    }
}

/// What is known where a person runs the cmdlets: nothing was asked.
pub(super) fn manual() -> Fact<ExchangeFacts> {
    Fact::Known {
        value: ExchangeFacts {
            manual: true,
            accepted: true,
            domain_type: "Authoritative".to_owned(),
            dnssec: FeatureState::Unknown,
            dane: FeatureState::Unknown,
            expected_mx: None,
            advice: Vec::new(),
        },
        at: Timestamp::now(),
    }
}

/// Runs the cmdlet of an action.
pub(super) async fn perform(microsoft: &Microsoft, domain: &Host, action: &Action) -> Outcome {
    let answer = match action {
        Action::EnableDnssec => microsoft
            .exchange
            .enable_dnssec(domain.as_str())
            .await
            .map(|enabled| Some(Host::new(enabled.mx_host.as_str()))),
        _ => microsoft
            .exchange
            .enable_dane(domain.as_str())
            .await
            .map(|_| None),
    };
    match answer {
        Ok(mx_host) => Outcome::Done {
            note: "Exchange Online answered with success".to_owned(),
            mx_host,
        },
        // "Already" is read back, like every outcome that is not clear.
        Err(error) if error.is_unknown() || error.says_already() => Outcome::Unknown {
            why: error.to_string(),
        },
        Err(error) if error.is_transient() => Outcome::Later {
            why: error.to_string(),
            after: error
                .retry_after()
                .map_or(60, |after| after.as_secs().max(1)),
        },
        Err(error) => Outcome::Refused {
            why: error.to_string(),
        },
    }
}

/// The PowerShell for an action, for a person to run.
pub(super) fn ask(domain: &Host, action: &Action) -> Outcome {
    let (cmdlet, summary, answer) = match action {
        Action::EnableDnssec => (
            Cmdlet::EnableDnssec,
            "Run this in PowerShell, then say which DnssecMxValue it printed:",
            Some("rollout apply FILE --mx-host HOST".to_owned()),
        ),
        _ => (
            Cmdlet::EnableDane,
            "Run this in PowerShell; its effect will be observed in DNS:",
            None,
        ),
    };
    match powershell::command(cmdlet, domain.as_str()) {
        Ok(command) => Outcome::Asked {
            instructions: Instructions {
                summary: summary.to_owned(),
                answer,
                lines: [Some(command.connect), Some(command.command)]
                    .into_iter()
                    .flatten()
                    .collect(),
            },
        },
        Err(error) => Outcome::Refused {
            why: error.to_string(),
        },
    }
}
