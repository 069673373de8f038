//! The Exchange cmdlets we run: names, parameters, and which of them change something.
//!
//! Source: `exchange-ps/ExchangePowerShell/*.md` of MicrosoftDocs/office-docs-powershell (`microsoft.md` section 2).

use serde_json::{Map, Value, json};

use super::error::{Call, MicrosoftError, Result};

/// A cmdlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cmdlet {
    /// `Get-AcceptedDomain`.
    GetAcceptedDomain,
    /// `Get-DnssecStatusForVerifiedDomain`.
    GetDnssecStatus,
    /// `Enable-DnssecForVerifiedDomain`.
    EnableDnssec,
    /// `Disable-DnssecForVerifiedDomain`. Destructive: it may take away the host that caches still name.
    DisableDnssec,
    /// `Get-SmtpDaneInboundStatus`.
    GetDaneStatus,
    /// `Enable-SmtpDaneInbound`.
    EnableDane,
    /// `Disable-SmtpDaneInbound`.
    DisableDane,
    /// `Get-InboundConnector`. Optional.
    GetInboundConnector,
    /// `Get-OutboundConnector`. Optional.
    GetOutboundConnector,
    /// `Get-IPv6StatusForAcceptedDomain`. Optional.
    GetIpv6Status,
}

impl Cmdlet {
    /// Every cmdlet that a migration and its way back need, except the destructive one.
    pub const NEEDED: [Self; 6] = [
        Self::GetAcceptedDomain,
        Self::GetDnssecStatus,
        Self::EnableDnssec,
        Self::GetDaneStatus,
        Self::EnableDane,
        Self::DisableDane,
    ];

    /// Cmdlets that tell more where the identity may run them; without them that knowledge is "could not tell".
    pub const OPTIONAL: [Self; 3] = [
        Self::GetInboundConnector,
        Self::GetOutboundConnector,
        Self::GetIpv6Status,
    ];

    /// The name as Exchange knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetAcceptedDomain => "Get-AcceptedDomain",
            Self::GetDnssecStatus => "Get-DnssecStatusForVerifiedDomain",
            Self::EnableDnssec => "Enable-DnssecForVerifiedDomain",
            Self::DisableDnssec => "Disable-DnssecForVerifiedDomain",
            Self::GetDaneStatus => "Get-SmtpDaneInboundStatus",
            Self::EnableDane => "Enable-SmtpDaneInbound",
            Self::DisableDane => "Disable-SmtpDaneInbound",
            Self::GetInboundConnector => "Get-InboundConnector",
            Self::GetOutboundConnector => "Get-OutboundConnector",
            Self::GetIpv6Status => "Get-IPv6StatusForAcceptedDomain",
        }
    }

    /// Whether it only reads. Only then may it be sent again.
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(
            self,
            Self::GetAcceptedDomain
                | Self::GetDnssecStatus
                | Self::GetDaneStatus
                | Self::GetInboundConnector
                | Self::GetOutboundConnector
                | Self::GetIpv6Status
        )
    }

    /// The body of an `InvokeCommand` request. `Parameters` is `{}` when there is none, never null.
    #[must_use]
    pub fn body(self, domain: Option<&str>) -> Value {
        let mut parameters = Map::new();
        match (self, domain) {
            (
                Self::GetAcceptedDomain | Self::GetInboundConnector | Self::GetOutboundConnector,
                None,
            ) => {
                // One page with everything: following a nextLink is unreliable (`microsoft.md` 3.4).
                parameters.insert("ResultSize".into(), json!("Unlimited"));
            }
            (Self::GetAcceptedDomain, Some(domain)) => {
                parameters.insert("Identity".into(), json!(domain));
            }
            // Its parameter has another name than that of the others (`microsoft.md` section 2).
            (Self::GetIpv6Status, Some(domain)) => {
                parameters.insert("Domain".into(), json!(domain));
            }
            (_, Some(domain)) => {
                parameters.insert("DomainName".into(), json!(domain));
            }
            (_, None) => {}
        }
        json!({ "CmdletInput": { "CmdletName": self.name(), "Parameters": parameters } })
    }
}

impl std::fmt::Display for Cmdlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Proof that a person asked for `Disable-DnssecForVerifiedDomain` by name, for one domain (S6).
///
/// It can only be made from what a person typed, serves one call, and is neither cloned nor kept in a journal, so no plan,
/// retry or resumed run can hold one.
#[derive(Debug)]
pub struct DisableDnssecByName {
    domain: String,
}

impl DisableDnssecByName {
    /// Takes what a person typed: exactly `Disable-DnssecForVerifiedDomain <domain>`.
    ///
    /// `None` when it is anything else; the cmdlet's name is compared without case, as PowerShell does.
    #[must_use]
    pub fn typed_by_a_person(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let cmdlet = words.next()?;
        let domain = words.next()?;
        if words.next().is_some() || !cmdlet.eq_ignore_ascii_case(Cmdlet::DisableDnssec.name()) {
            return None;
        }
        super::host::domain_name(domain)
            .ok()
            .map(|domain| Self { domain })
    }

    /// Checks that the person meant this domain.
    ///
    /// # Errors
    /// [`MicrosoftError::WrongWitness`] when the person named another one.
    pub fn check(&self, domain: &str) -> Result<()> {
        if self.domain == domain {
            return Ok(());
        }
        Err(MicrosoftError::WrongWitness {
            call: Box::new(Call::new(Cmdlet::DisableDnssec.name(), Some(domain))),
            asked: self.domain.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_documented_shape() {
        assert_eq!(
            Cmdlet::GetAcceptedDomain.body(None).to_string(),
            r#"{"CmdletInput":{"CmdletName":"Get-AcceptedDomain","Parameters":{"ResultSize":"Unlimited"}}}"#
        );
        assert_eq!(
            Cmdlet::EnableDnssec.body(Some("contoso.com")).to_string(),
            r#"{"CmdletInput":{"CmdletName":"Enable-DnssecForVerifiedDomain","Parameters":{"DomainName":"contoso.com"}}}"#
        );
        assert_eq!(
            Cmdlet::GetIpv6Status.body(Some("contoso.com")).to_string(),
            r#"{"CmdletInput":{"CmdletName":"Get-IPv6StatusForAcceptedDomain","Parameters":{"Domain":"contoso.com"}}}"#
        );
        assert_eq!(
            Cmdlet::GetInboundConnector.body(None).to_string(),
            r#"{"CmdletInput":{"CmdletName":"Get-InboundConnector","Parameters":{"ResultSize":"Unlimited"}}}"#
        );
        assert!(Cmdlet::GetDaneStatus.body(None)["CmdletInput"]["Parameters"].is_object());
    }

    #[test]
    fn exactly_the_get_cmdlets_only_read() {
        let all = Cmdlet::NEEDED.into_iter().chain(Cmdlet::OPTIONAL);
        for cmdlet in all.chain([Cmdlet::DisableDnssec]) {
            assert_eq!(
                cmdlet.only_reads(),
                cmdlet.name().starts_with("Get-"),
                "{cmdlet}"
            );
        }
    }

    #[test]
    fn the_witness_takes_only_the_typed_command() {
        let witness =
            DisableDnssecByName::typed_by_a_person("disable-dnssecforverifieddomain Contoso.com")
                .unwrap();
        assert!(witness.check("contoso.com").is_ok());
        assert!(matches!(
            witness.check("fabrikam.com"),
            Err(MicrosoftError::WrongWitness { .. })
        ));
        for bad in [
            "yes",
            "contoso.com",
            "Disable-SmtpDaneInbound contoso.com",
            "Disable-DnssecForVerifiedDomain",
            "",
        ] {
            assert!(
                DisableDnssecByName::typed_by_a_person(bad).is_none(),
                "{bad:?}"
            );
        }
    }
}
