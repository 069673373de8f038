//! Exchange Online's side of a domain: accepted domains, the DNSSEC host, inbound DANE.
//!
//! The cmdlets are run through the REST transport of Microsoft's own module (`microsoft.md` section 3), which is not
//! documented; so it stands behind a trait, and `powershell.rs` is the documented way round it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::answer::{
    AcceptedDomain, Connectors, DaneStatus, DnssecStatus, EnabledDnssec, FeatureState,
    InboundConnector, Ipv6Status, Listed, OutboundConnector, Receipt,
};
use super::calls::{CallCounter, CallKind};
use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::envelope::{self, Answer, Reading};
use super::error::{Call, MicrosoftError, Result, Service, UnknownWhy};
use super::host::domain_name;
use super::loose::Row;
use super::outcome::{
    allowed, could_not_tell, dane_state, domains, enabled, ipv6_state, listed, receipt,
};
use super::retry;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use super::wire::{Outgoing, Wire};

/// What a rollout needs from Exchange Online.
///
/// Reading calls repeat themselves after passing faults. A changing call is sent once; when its outcome is unknown
/// ([`MicrosoftError::is_unknown`]) the state is read back, never sent again (S6).
#[async_trait]
pub trait ExchangeApi: Send + Sync + std::fmt::Debug {
    /// Every accepted domain of the tenant, with its DANE state: one call serves all runs of a tenant.
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>>;

    /// One accepted domain; `None` when the tenant surely does not have it.
    async fn accepted_domain(&self, domain: &str) -> Result<Option<AcceptedDomain>>;

    /// Whether a host under `mx.microsoft` is provisioned, and what the service thinks of DNS.
    async fn dnssec_status(&self, domain: &str) -> Result<DnssecStatus>;

    /// `Enable-DnssecForVerifiedDomain`: provisions the new host. Can take minutes.
    async fn enable_dnssec(&self, domain: &str) -> Result<EnabledDnssec>;

    /// `Disable-DnssecForVerifiedDomain`. Destructive; only with a person's own words (S6).
    async fn disable_dnssec(&self, domain: &str, asked: DisableDnssecByName) -> Result<Receipt>;

    /// Whether inbound DANE is on.
    async fn dane_status(&self, domain: &str) -> Result<DaneStatus>;

    /// `Enable-SmtpDaneInbound`: publishes the TLSA records, 15 to 30 minutes later.
    async fn enable_dane(&self, domain: &str) -> Result<Receipt>;

    /// `Disable-SmtpDaneInbound`.
    async fn disable_dane(&self, domain: &str) -> Result<Receipt>;

    /// The tenant's connectors, each side for itself: a side that cannot be read says why and is never an empty list.
    ///
    /// # Errors
    /// Only when nothing could be asked at all: no token, or settings that are refused.
    async fn connectors(&self) -> Result<Connectors>;

    /// Whether IPv6 is on for a domain's MX hosts. Can be an hour old.
    async fn ipv6_status(&self, domain: &str) -> Result<Ipv6Status>;

    /// The cmdlets that this identity may run.
    async fn allowed_cmdlets(&self) -> Result<AllowedCmdlets>;
}

/// The cmdlets that this identity may run, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedCmdlets(pub BTreeSet<String>);

impl AllowedCmdlets {
    /// Whether a cmdlet may be run.
    #[must_use]
    pub fn permits(&self, cmdlet: Cmdlet) -> bool {
        self.0.contains(&cmdlet.name().to_ascii_lowercase())
    }

    /// Those of the needed cmdlets that may not be run.
    #[must_use]
    pub fn missing(&self) -> Vec<Cmdlet> {
        Cmdlet::NEEDED
            .into_iter()
            .filter(|cmdlet| !self.permits(*cmdlet))
            .collect()
    }
}

/// The client for Exchange Online.
#[derive(Debug)]
pub struct ExchangeClient {
    wire: Wire,
    tenant: String,
    limits: Limits,
    calls: Arc<CallCounter>,
}

/// How deep Exchange serialises. The module sends `Partial`; without the header the service decides.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Partial,
    ServicesChoice,
}

impl ExchangeClient {
    /// Prepares a session; nothing is sent yet.
    ///
    /// # Errors
    /// [`MicrosoftError::Client`] when no HTTP client can be built.
    pub fn new(
        settings: &MicrosoftSettings,
        tokens: Arc<dyn TokenSource>,
        calls: Arc<CallCounter>,
    ) -> Result<Self> {
        Ok(Self {
            wire: Wire::new(settings, tokens, Arc::clone(&calls))?,
            tenant: settings.tenant.clone(),
            limits: settings.limits,
            calls,
        })
    }

    /// Runs a cmdlet and reads its answer. A reading cmdlet that breaks off with a passing fault is run again.
    async fn run(
        &self,
        cmdlet: Cmdlet,
        domain: Option<&str>,
        depth: Depth,
    ) -> Result<(Call, Answer)> {
        let mut attempt = 1;
        loop {
            let outcome = self.run_once(cmdlet, domain, depth).await;
            let broke_off = matches!(
                &outcome,
                Err(MicrosoftError::ServiceTrouble {
                    why: UnknownWhy::BrokeOff { .. },
                    ..
                })
            );
            attempt += 1;
            if !broke_off || attempt > self.limits.attempts {
                return outcome;
            }
            self.calls.count(CallKind::Retry);
            tokio::time::sleep(retry::pause(&self.limits, attempt, None).unwrap_or_default()).await;
        }
    }

    async fn run_once(
        &self,
        cmdlet: Cmdlet,
        domain: Option<&str>,
        depth: Depth,
    ) -> Result<(Call, Answer)> {
        let mut call = Call::new(cmdlet.name(), domain);
        let mut headers = vec![("x-cmdletname", cmdlet.name())];
        if depth == Depth::Partial {
            headers.push(("x-serializationlevel", "Partial"));
        }
        let out = Outgoing {
            method: Method::POST,
            path: &["adminapi", "beta", &self.tenant, "InvokeCommand"],
            query: None,
            headers: &headers,
            body: Some(cmdlet.body(domain).to_string()),
            only_reads: cmdlet.only_reads(),
        };
        let incoming = self.wire.send(&out, &mut call).await?;
        let reading = envelope::read(
            incoming.status,
            call.exception_type.as_deref(),
            &incoming.body,
        );
        let answer = judge(reading, &call, cmdlet.only_reads())?;
        Ok((call, answer))
    }

    /// One side's connectors. What went wrong with this side is said in its place, so that the other side still counts.
    async fn side<T>(
        &self,
        cmdlet: Cmdlet,
        what: &str,
        read: fn(&Row) -> Option<T>,
    ) -> Result<Listed<T>> {
        let outcome = match self.run(cmdlet, None, Depth::Partial).await {
            Ok((call, answer)) => listed(&call, &answer, what, read),
            Err(error @ (MicrosoftError::SignIn(_) | MicrosoftError::Settings(_))) => {
                return Err(error);
            }
            Err(error) => Err(error),
        };
        Ok(match outcome {
            Ok(items) => Listed::Known(items),
            Err(error) => Listed::CouldNotTell {
                why: error.to_string(),
            },
        })
    }

    /// Runs a changing cmdlet that answers nothing of use.
    async fn change(&self, cmdlet: Cmdlet, domain: &str) -> Result<Receipt> {
        let domain = domain_name(domain)?;
        let (call, answer) = self.run(cmdlet, Some(&domain), Depth::Partial).await?;
        receipt(call, &answer)
    }
}

/// Turns a reading into rows or an error.
fn judge(reading: Reading, call: &Call, only_reads: bool) -> Result<Answer> {
    let call = Box::new(call.clone());
    match reading {
        Reading::Rows(answer) => Ok(answer),
        Reading::Failed(failure) if failure.is_transient() => {
            let why = UnknownWhy::BrokeOff { failure };
            Err(if only_reads {
                MicrosoftError::ServiceTrouble { call, why }
            } else {
                MicrosoftError::Unknown { call, why }
            })
        }
        Reading::Failed(failure) => Err(MicrosoftError::Failed { call, failure }),
        Reading::MissingRole(detail) => Err(MicrosoftError::MissingRole {
            call,
            service: Service::Exchange,
            detail,
        }),
        Reading::Unreadable(excerpt) if only_reads => Err(MicrosoftError::CouldNotTell {
            call,
            what: "what the service said".to_owned(),
            excerpt,
        }),
        Reading::Unreadable(excerpt) => Err(MicrosoftError::Unknown {
            call,
            why: UnknownWhy::Unreadable { excerpt },
        }),
    }
}

#[async_trait]
impl ExchangeApi for ExchangeClient {
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>> {
        let (call, answer) = self
            .run(Cmdlet::GetAcceptedDomain, None, Depth::Partial)
            .await?;
        let found = domains(&call, &answer)?;
        if found.is_empty() {
            // Every tenant has its initial domain, so an empty list is not an answer.
            return Err(could_not_tell(
                &call,
                "the accepted domains",
                &"no row at all",
            ));
        }
        Ok(found)
    }

    async fn accepted_domain(&self, domain: &str) -> Result<Option<AcceptedDomain>> {
        let domain = domain_name(domain)?;
        match self
            .run(Cmdlet::GetAcceptedDomain, Some(&domain), Depth::Partial)
            .await
        {
            Ok((call, answer)) => {
                let found = domains(&call, &answer)?
                    .into_iter()
                    .find(|one| one.domain == domain);
                if found.is_some() {
                    return Ok(found);
                }
            }
            Err(MicrosoftError::Failed { failure, .. }) if failure.is_not_found() => {}
            Err(error) => return Err(error),
        }
        // Identity matches the object's name, which need not be the domain; only the whole list can say no.
        Ok(self
            .accepted_domains()
            .await?
            .into_iter()
            .find(|one| one.domain == domain))
    }

    async fn dnssec_status(&self, domain: &str) -> Result<DnssecStatus> {
        let domain = domain_name(domain)?;
        let mut best: Option<DnssecStatus> = None;
        // When the depth was cut on the wire, the service's own choice of depth may keep what is missing.
        for depth in [Depth::Partial, Depth::ServicesChoice] {
            let (call, answer) = match self
                .run(Cmdlet::GetDnssecStatus, Some(&domain), depth)
                .await
            {
                Ok(ran) => ran,
                Err(error) => match best {
                    Some(best) => return Ok(best),
                    None => return Err(error),
                },
            };
            let [row] = answer.rows.as_slice() else {
                return match best {
                    Some(best) => Ok(best),
                    None => Err(could_not_tell(
                        &call,
                        "the DNSSEC status",
                        &format!("{} rows", answer.rows.len()),
                    )),
                };
            };
            let status = DnssecStatus::from_row(row);
            let whole = worth(&status) == (true, std::cmp::Reverse(0));
            if best
                .as_ref()
                .is_none_or(|best| worth(&status) > worth(best))
            {
                best = Some(status);
            }
            if whole {
                break;
            }
        }
        best.ok_or_else(|| {
            could_not_tell(
                &Call::new(Cmdlet::GetDnssecStatus.name(), Some(&domain)),
                "the DNSSEC status",
                &"nothing",
            )
        })
    }

    async fn enable_dnssec(&self, domain: &str) -> Result<EnabledDnssec> {
        let domain = domain_name(domain)?;
        let (call, answer) = self
            .run(Cmdlet::EnableDnssec, Some(&domain), Depth::Partial)
            .await?;
        enabled(call, &answer)
    }

    async fn disable_dnssec(&self, domain: &str, asked: DisableDnssecByName) -> Result<Receipt> {
        asked.check(&domain_name(domain)?)?;
        self.change(Cmdlet::DisableDnssec, domain).await
    }

    async fn dane_status(&self, domain: &str) -> Result<DaneStatus> {
        let domain = domain_name(domain)?;
        // The documented, captured shape first; the cmdlet of that name has never been seen in print.
        let accepted = self.accepted_domain(&domain).await;
        if let Ok(Some(AcceptedDomain {
            dane: state @ (FeatureState::Enabled | FeatureState::Disabled),
            ..
        })) = accepted
        {
            return Ok(DaneStatus {
                state,
                source: Cmdlet::GetAcceptedDomain.name().to_owned(),
            });
        }
        let (_, answer) = self
            .run(Cmdlet::GetDaneStatus, Some(&domain), Depth::Partial)
            .await?;
        Ok(DaneStatus {
            state: dane_state(&answer.rows),
            source: Cmdlet::GetDaneStatus.name().to_owned(),
        })
    }

    async fn enable_dane(&self, domain: &str) -> Result<Receipt> {
        self.change(Cmdlet::EnableDane, domain).await
    }

    async fn disable_dane(&self, domain: &str) -> Result<Receipt> {
        self.change(Cmdlet::DisableDane, domain).await
    }

    async fn connectors(&self) -> Result<Connectors> {
        Ok(Connectors {
            inbound: self
                .side(
                    Cmdlet::GetInboundConnector,
                    "the inbound connectors",
                    InboundConnector::from_row,
                )
                .await?,
            outbound: self
                .side(
                    Cmdlet::GetOutboundConnector,
                    "the outbound connectors",
                    OutboundConnector::from_row,
                )
                .await?,
        })
    }

    async fn ipv6_status(&self, domain: &str) -> Result<Ipv6Status> {
        let domain = domain_name(domain)?;
        let (_, answer) = self
            .run(Cmdlet::GetIpv6Status, Some(&domain), Depth::Partial)
            .await?;
        Ok(Ipv6Status {
            state: ipv6_state(&answer.rows),
            source: Cmdlet::GetIpv6Status.name().to_owned(),
        })
    }

    async fn allowed_cmdlets(&self) -> Result<AllowedCmdlets> {
        let mut call = Call::new("EXOModuleFile", None);
        let out = Outgoing {
            method: Method::GET,
            path: &["adminapi", "v1.0", &self.tenant, "EXOModuleFile"],
            query: Some("Version=3.9.2"),
            headers: &[("commandname", "*")],
            body: None,
            only_reads: true,
        };
        let incoming = self.wire.send(&out, &mut call).await?;
        let reading = envelope::read(
            incoming.status,
            call.exception_type.as_deref(),
            &incoming.body,
        );
        let answer = judge(reading, &call, true)?;
        allowed(&answer.rows).ok_or_else(|| {
            could_not_tell(
                &call,
                "which cmdlets this identity may run",
                &"no exportedCmdlets",
            )
        })
    }
}

/// How much a status says: first whether the feature is known, then how little was lost.
fn worth(status: &DnssecStatus) -> (bool, std::cmp::Reverse<usize>) {
    let known = !matches!(status.feature, FeatureState::CouldNotTell { .. });
    (known, std::cmp::Reverse(status.lost.len()))
}
