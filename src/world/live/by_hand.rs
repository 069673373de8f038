//! Where a person runs the cmdlets: what they are asked to run, and what they pasted of the answers.

use jiff::Timestamp;

use super::microsoft::{advice, domain_type, flags, inbound, outbound, state};
use crate::kernel::Host;
use crate::microsoft::powershell::{self, PastedAnswer};
use crate::microsoft::{Cloud, Cmdlet};
use crate::world::{
    Action, ConnectorFacts, DomainFlags, ExchangeFacts, Fact, FeatureState, Instructions, Listing,
    Outcome, PastedAnswers,
};

/// What is known where a person runs the cmdlets: what they pasted of the answers, and nothing else.
pub(super) fn exchange(pasted: &PastedAnswers) -> Fact<ExchangeFacts> {
    let mut value = ExchangeFacts {
        manual: true,
        source: pasted.source(),
        accepted: true,
        domain_type: "Authoritative".to_owned(),
        flags: DomainFlags::default(),
        dnssec: FeatureState::Unknown,
        dane: FeatureState::Unknown,
        expected_mx: None,
        status_refused: None,
        advice: Vec::new(),
    };
    let mut at = None;
    for one in pasted.iter() {
        at = at.max(Some(one.at));
        match &one.answer {
            PastedAnswer::Accepted(domain) => {
                value.domain_type = domain_type(&domain.domain_type);
                value.flags = flags(domain);
                value.dane = claimed(state(&domain.dane));
            }
            PastedAnswer::Status(status) => {
                value.dnssec = state(&status.feature);
                let expected = status.expected_mx.as_ref().and_then(|mx| mx.dnssec_host());
                value.expected_mx = expected.map(|host| Host::new(host.as_str()));
                value.advice = advice(status);
            }
            PastedAnswer::Dane(said) => value.dane = claimed(state(said)),
            _ => {}
        }
    }
    Fact::Known {
        value,
        at: at.unwrap_or_else(Timestamp::now),
    }
}

/// That DANE is on is for the TLSA records to show; a person's word for it ends no step.
fn claimed(said: FeatureState) -> FeatureState {
    match said {
        FeatureState::Enabled => FeatureState::Unknown,
        said => said,
    }
}

/// The connectors that a person pasted; not asked, where nobody pasted any.
pub(super) fn connectors(pasted: &PastedAnswers) -> Fact<ConnectorFacts> {
    let unsaid = |cmdlet: Cmdlet| Listing::CouldNotTell {
        why: format!("nobody pasted the output of {cmdlet}"),
    };
    let mut value = ConnectorFacts {
        outbound: unsaid(Cmdlet::GetOutboundConnector),
        inbound: unsaid(Cmdlet::GetInboundConnector),
        initial_domain: None,
    };
    let mut at = None;
    for one in pasted.iter() {
        let (side, connectors) = match &one.answer {
            PastedAnswer::Outbound(all) => {
                (&mut value.outbound, all.iter().map(outbound).collect())
            }
            PastedAnswer::Inbound(all) => (&mut value.inbound, all.iter().map(inbound).collect()),
            _ => continue,
        };
        *side = Listing::Known { connectors };
        at = at.max(Some(one.at));
    }
    match at {
        Some(at) => Fact::Known { value, at },
        None => Fact::Unasked,
    }
}

/// The PowerShell for an action, for a person to run.
pub(super) fn ask(cloud: Cloud, domain: &Host, action: &Action) -> Outcome {
    let (cmdlet, summary, answer) = match action {
        Action::EnableDnssec => (
            Cmdlet::EnableDnssec,
            "Run this in PowerShell, then paste what it printed, or say which DnssecMxValue it named:",
            Some(
                "rollout apply FILE --answer PASTED, or rollout apply FILE --mx-host HOST"
                    .to_owned(),
            ),
        ),
        Action::DisableDane => (
            Cmdlet::DisableDane,
            "Run this in PowerShell; its effect will be observed in DNS:",
            None,
        ),
        _ => (
            Cmdlet::EnableDane,
            "Run this in PowerShell; its effect will be observed in DNS:",
            None,
        ),
    };
    match powershell::command_in(cloud, cmdlet, domain.as_str()) {
        Ok(command) => Outcome::Asked {
            instructions: Instructions {
                summary: summary.to_owned(),
                answer,
                effects: Vec::new(),
                lines: vec![
                    command.module,
                    command.connect,
                    command.command,
                    format!("# {}", command.proof),
                ],
            },
        },
        Err(error) => Outcome::Refused {
            why: error.to_string(),
        },
    }
}
