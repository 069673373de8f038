//! Graph and Exchange Online: facts and cmdlets.

use std::time::Duration;

use jiff::Timestamp;

use super::tenants::Tenant;
use crate::kernel::Host;
use crate::microsoft::{
    AcceptedDomain, DnssecStatus, DomainType, ExpectedMx, FeatureState as State, InboundConnector,
    Listed, Microsoft, MicrosoftError, OutboundConnector,
};
use crate::world::{
    Action, Advice, Connector, ConnectorFacts, DomainFlags, ExchangeFacts, Fact, FeatureState,
    Listing, Outcome, TenantFacts,
};

/// A fact from an answer; what is refused for good is told apart from what could not be told.
pub(super) fn fact<T>(answer: Result<T, MicrosoftError>) -> Fact<T> {
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

/// The tenant's domain as Graph knows it. The list of domains may be as old as `age`.
pub(super) async fn tenant(
    microsoft: &Microsoft,
    shared: &Tenant,
    age: Duration,
    domain: &Host,
) -> Fact<TenantFacts> {
    let list = shared.domains.get(age, microsoft.graph.domains()).await;
    let (domains, at) = match list {
        Fact::Known { value, at } => (value, at),
        other => return unlisted(other),
    };
    let listed = domains
        .iter()
        .find(|found| found.name == domain.as_str())
        .cloned();
    // The list is shared and may be some minutes old: that a domain is not in it is asked again, for this one.
    let found = match listed {
        Some(found) => Some(found),
        None => match microsoft.graph.domain(domain.as_str()).await {
            Ok(found) => found,
            Err(error) => return fact(Err(error)),
        },
    };
    let Some(found) = found else {
        return Fact::Known {
            value: TenantFacts {
                exists: false,
                verified: false,
                initial: false,
                admin_managed: true,
                email: false,
                mx_hosts: Vec::new(),
            },
            at,
        };
    };
    let records = microsoft
        .graph
        .service_configuration_records(domain.as_str())
        .await;
    oldest(
        at,
        fact(records.map(|records| {
            TenantFacts {
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
            }
        })),
    )
}

/// Why there is no list, as a fact of another kind.
fn unlisted<T, U>(list: Fact<T>) -> Fact<U> {
    match list {
        Fact::Refused { why, at } => Fact::Refused { why, at },
        Fact::CouldNotTell { why, at } => Fact::CouldNotTell { why, at },
        Fact::Unasked | Fact::Known { .. } => Fact::Unasked,
    }
}

/// A fact that rests on two answers is as old as the older one.
fn oldest<T>(other: Timestamp, fact: Fact<T>) -> Fact<T> {
    match fact {
        Fact::Known { value, at } => Fact::Known {
            value,
            at: at.min(other),
        },
        fact => fact,
    }
}

/// The domain as Exchange Online knows it. The list of accepted domains may be as old as `age`.
pub(super) async fn exchange(
    microsoft: &Microsoft,
    shared: &Tenant,
    age: Duration,
    domain: &Host,
) -> Fact<ExchangeFacts> {
    let list = shared
        .accepted
        .get(age, microsoft.exchange.accepted_domains())
        .await;
    let (domains, at) = match list {
        Fact::Known { value, at } => (value, at),
        other => return unlisted(other),
    };
    let listed = domains
        .iter()
        .find(|one| one.domain == domain.as_str())
        .cloned();
    // As with Graph: only an answer to this very question says no.
    let accepted = match listed {
        Some(accepted) => Some(accepted),
        None => match microsoft.exchange.accepted_domain(domain.as_str()).await {
            Ok(accepted) => accepted,
            Err(error) => return fact(Err(error)),
        },
    };
    let value = match &accepted {
        Some(accepted) => ask_exchange(microsoft, accepted, domain).await,
        None => Ok(ExchangeFacts {
            manual: false,
            source: None,
            accepted: false,
            domain_type: String::new(),
            flags: DomainFlags::default(),
            dnssec: FeatureState::Unknown,
            dane: FeatureState::Unknown,
            expected_mx: None,
            status_refused: None,
            advice: Vec::new(),
        }),
    };
    oldest(at, fact(value))
}

async fn ask_exchange(
    microsoft: &Microsoft,
    accepted: &AcceptedDomain,
    domain: &Host,
) -> Result<ExchangeFacts, MicrosoftError> {
    let (status, status_refused) = match microsoft.exchange.dnssec_status(domain.as_str()).await {
        Ok(status) => (Some(status), None),
        // What Microsoft does not support shows by this cmdlet alone.
        Err(error @ MicrosoftError::Failed { .. }) => (None, Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let advice = status.as_ref().map(advice).unwrap_or_default();
    let expected = status
        .as_ref()
        .and_then(|status| status.expected_mx.as_ref())
        .and_then(ExpectedMx::dnssec_host);
    let dane = match state(&accepted.dane) {
        FeatureState::Unknown => match microsoft.exchange.dane_status(domain.as_str()).await {
            Ok(status) => state(&status.state),
            Err(_) => FeatureState::Unknown,
        },
        known => known,
    };
    Ok(ExchangeFacts {
        manual: false,
        source: None,
        accepted: true,
        domain_type: domain_type(&accepted.domain_type),
        flags: flags(accepted),
        dnssec: status
            .as_ref()
            .map_or(FeatureState::Unknown, |status| state(&status.feature)),
        dane,
        expected_mx: expected.map(|host| Host::new(host.as_str())),
        status_refused,
        advice,
    })
}

/// The tenant's connectors. The lists may be as old as `age`.
pub(super) async fn connectors(
    microsoft: &Microsoft,
    shared: &Tenant,
    age: Duration,
) -> Fact<ConnectorFacts> {
    let list = shared
        .connectors
        .get(age, microsoft.exchange.connectors())
        .await;
    let (both, at) = match list {
        Fact::Known { value, at } => (value, at),
        other => return unlisted(other),
    };
    let accepted = shared
        .accepted
        .get(age, microsoft.exchange.accepted_domains())
        .await;
    Fact::Known {
        value: ConnectorFacts {
            outbound: listing(&both.outbound, outbound),
            inbound: listing(&both.inbound, inbound),
            initial_domain: accepted.known().and_then(|domains| {
                let initial = domains.iter().find(|one| one.initial == Some(true))?;
                Some(Host::new(&initial.domain))
            }),
        },
        at,
    }
}

/// A connector that sends.
pub(super) fn outbound(connector: &OutboundConnector) -> Connector {
    Connector {
        name: connector.name.clone(),
        enabled: connector.enabled,
        hosts: hosts(connector.smart_hosts.iter().chain(&connector.tls_domain)),
        unread: unread(&connector.lost, &["SmartHosts", "TlsDomain"]),
    }
}

/// A connector that takes mail.
pub(super) fn inbound(connector: &InboundConnector) -> Connector {
    Connector {
        name: connector.name.clone(),
        enabled: connector.enabled,
        hosts: hosts(connector.tls_certificate.iter()),
        unread: unread(&connector.lost, &["TlsSenderCertificateName"]),
    }
}

/// `DomainType` as the service words it.
pub(super) fn domain_type(of: &DomainType) -> String {
    match of {
        DomainType::Authoritative => "Authoritative".to_owned(),
        DomainType::InternalRelay => "InternalRelay".to_owned(),
        DomainType::ExternalRelay => "ExternalRelay".to_owned(),
        DomainType::Other(other) => other.clone(),
    }
}

/// What `Get-AcceptedDomain` says beside the type.
pub(super) fn flags(accepted: &AcceptedDomain) -> DomainFlags {
    DomainFlags {
        initial: accepted.initial,
        pending_removal: accepted.pending_removal,
        pending_completion: accepted.pending_completion,
        outbound_only: accepted.outbound_only,
        email_only: accepted.email_only,
        sending_to_disabled: accepted.sending_to_disabled,
        coexistence: accepted.coexistence,
    }
}

/// What the service's own validation says.
pub(super) fn advice(status: &DnssecStatus) -> Vec<Advice> {
    status
        .all_messages()
        .map(|message| Advice {
            code: message.code.clone(),
            text: message.text.clone(),
        })
        .collect()
}

fn listing<T>(listed: &Listed<T>, read: impl Fn(&T) -> Connector) -> Listing {
    match listed {
        Listed::Known(connectors) => Listing::Known {
            connectors: connectors.iter().map(read).collect(),
        },
        Listed::CouldNotTell { why } => Listing::CouldNotTell { why: why.clone() },
    }
}

fn hosts<'n>(names: impl Iterator<Item = &'n String>) -> Vec<Host> {
    names.map(|name| Host::new(name)).collect()
}

/// Of what was lost on the wire, the fields that could name a host.
fn unread(lost: &[String], meant: &[&str]) -> Vec<String> {
    lost.iter()
        .filter(|field| meant.contains(&field.as_str()))
        .cloned()
        .collect()
}

/// IPv6 for the domain's MX hosts.
pub(super) async fn ipv6(microsoft: &Microsoft, domain: &Host) -> Fact<FeatureState> {
    let status = microsoft.exchange.ipv6_status(domain.as_str()).await;
    fact(status.map(|status| state(&status.state)))
}

pub(super) fn state(state: &State) -> FeatureState {
    match state {
        State::Enabled => FeatureState::Enabled,
        State::Disabled => FeatureState::Disabled,
        State::CouldNotTell { .. } => FeatureState::Unknown,
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
        Action::DisableDane => microsoft
            .exchange
            .disable_dane(domain.as_str())
            .await
            .map(|_| None),
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
