//! The client for Exchange Online: which cmdlets answer which question.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;

use super::answer::{
    AcceptedDomain, Connectors, DaneStatus, DnssecStatus, EnabledDnssec, FeatureState,
    InboundConnector, Ipv6Status, Listed, OutboundConnector, Receipt, ValidationMessage,
};
use super::calls::{CallCounter, CallKind};
use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::envelope::{self, Answer};
use super::error::{Call, MicrosoftError, Result, UnknownWhy};
use super::exchange::{AllowedCmdlets, ExchangeApi};
use super::host::domain_name;
use super::loose::Row;
use super::outcome::{
    allowed, could_not_tell, dane_state, domains, enabled, ipv6_state, judge, listed, receipt,
    warned,
};
use super::raw::Ears;
use super::retry;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use super::wire::{Outgoing, Wire};

/// The client for Exchange Online.
#[derive(Debug)]
pub struct ExchangeClient {
    wire: Wire,
    tenant: String,
    limits: Limits,
    calls: Arc<CallCounter>,
    ears: Ears,
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
        ears: Ears,
    ) -> Result<Self> {
        Ok(Self {
            wire: Wire::new(settings, tokens, Arc::clone(&calls), ears.clone())?,
            tenant: settings.tenant.clone(),
            limits: settings.limits,
            calls,
            ears,
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
            Ok((call, answer)) => {
                warned(&call, &answer);
                listed(&call, &answer, what, read)
            }
            Err(error @ (MicrosoftError::SignIn(_) | MicrosoftError::Settings(_))) => {
                return Err(error);
            }
            Err(error) => Err(error),
        };
        Ok(match self.ears.keeper.note(outcome) {
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

    async fn list_domains(&self) -> Result<Vec<AcceptedDomain>> {
        let (call, answer) = self
            .run(Cmdlet::GetAcceptedDomain, None, Depth::Partial)
            .await?;
        warned(&call, &answer);
        let found = domains(&call, &answer)?;
        if found.iter().any(|one| is_unclear(&one.dane)) {
            self.ears
                .keeper
                .keep(&call, "the SmtpDaneStatus of a domain is not understood");
        }
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

    async fn find_domain(&self, domain: &str) -> Result<Option<AcceptedDomain>> {
        let domain = domain_name(domain)?;
        match self
            .run(Cmdlet::GetAcceptedDomain, Some(&domain), Depth::Partial)
            .await
        {
            // No body at all says nothing, neither that it exists nor that it does not.
            Ok((_, answer)) if answer.silent => {}
            Ok((call, answer)) => {
                warned(&call, &answer);
                let found = domains(&call, &answer)?
                    .into_iter()
                    .find(|one| one.domain == domain);
                if let Some(found) = found {
                    if is_unclear(&found.dane) {
                        self.ears
                            .keeper
                            .keep(&call, "its SmtpDaneStatus is not understood");
                    }
                    return Ok(Some(found));
                }
            }
            Err(MicrosoftError::Failed { failure, .. }) if failure.is_not_found() => {}
            Err(error) => return Err(error),
        }
        // Identity matches the object's name, which need not be the domain; only the whole list can say no.
        Ok(self
            .list_domains()
            .await?
            .into_iter()
            .find(|one| one.domain == domain))
    }

    async fn read_dnssec(&self, domain: &str) -> Result<DnssecStatus> {
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
            let mut status = DnssecStatus::from_row(row);
            let warnings = warned(&call, &answer);
            status.messages.extend(
                warnings
                    .iter()
                    .map(|warning| ValidationMessage::parse(warning, true)),
            );
            let whole = worth(&status) == (true, std::cmp::Reverse(0));
            if !whole {
                self.ears
                    .keeper
                    .keep(&call, "the DNSSEC status is not understood as a whole");
            }
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

    async fn turn_dnssec_on(&self, domain: &str) -> Result<EnabledDnssec> {
        let domain = domain_name(domain)?;
        let (call, answer) = self
            .run(Cmdlet::EnableDnssec, Some(&domain), Depth::Partial)
            .await?;
        enabled(call, &answer)
    }

    async fn read_dane(&self, domain: &str) -> Result<DaneStatus> {
        let domain = domain_name(domain)?;
        // The documented, captured shape first; the cmdlet of that name has never been seen in print.
        let accepted = self.find_domain(&domain).await;
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
        self.dane_cmdlet(&domain).await
    }

    /// `Get-SmtpDaneInboundStatus` itself.
    pub(crate) async fn dane_cmdlet(&self, domain: &str) -> Result<DaneStatus> {
        let domain = domain_name(domain)?;
        let (call, answer) = self
            .run(Cmdlet::GetDaneStatus, Some(&domain), Depth::Partial)
            .await?;
        warned(&call, &answer);
        let state = dane_state(&answer.rows);
        if is_unclear(&state) {
            self.ears
                .keeper
                .keep(&call, "whether inbound DANE is on is not understood");
        }
        Ok(DaneStatus {
            state,
            source: Cmdlet::GetDaneStatus.name().to_owned(),
        })
    }

    async fn read_ipv6(&self, domain: &str) -> Result<Ipv6Status> {
        let domain = domain_name(domain)?;
        let (call, answer) = self
            .run(Cmdlet::GetIpv6Status, Some(&domain), Depth::Partial)
            .await?;
        let state = ipv6_state(&answer.rows);
        if is_unclear(&state) {
            self.ears
                .keeper
                .keep(&call, "whether IPv6 is on is not understood");
        }
        Ok(Ipv6Status {
            state,
            source: Cmdlet::GetIpv6Status.name().to_owned(),
            warnings: warned(&call, &answer),
        })
    }

    async fn read_allowed(&self) -> Result<AllowedCmdlets> {
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
        allowed(&call, &answer)
    }
}

#[async_trait]
impl ExchangeApi for ExchangeClient {
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>> {
        self.ears.keeper.note(self.list_domains().await)
    }

    async fn accepted_domain(&self, domain: &str) -> Result<Option<AcceptedDomain>> {
        self.ears.keeper.note(self.find_domain(domain).await)
    }

    async fn dnssec_status(&self, domain: &str) -> Result<DnssecStatus> {
        self.ears.keeper.note(self.read_dnssec(domain).await)
    }

    async fn enable_dnssec(&self, domain: &str) -> Result<EnabledDnssec> {
        self.ears.keeper.note(self.turn_dnssec_on(domain).await)
    }

    async fn disable_dnssec(&self, domain: &str, asked: DisableDnssecByName) -> Result<Receipt> {
        asked.check(&domain_name(domain)?)?;
        let done = self.change(Cmdlet::DisableDnssec, domain).await;
        self.ears.keeper.note(done)
    }

    async fn dane_status(&self, domain: &str) -> Result<DaneStatus> {
        self.ears.keeper.note(self.read_dane(domain).await)
    }

    async fn enable_dane(&self, domain: &str) -> Result<Receipt> {
        self.ears
            .keeper
            .note(self.change(Cmdlet::EnableDane, domain).await)
    }

    async fn disable_dane(&self, domain: &str) -> Result<Receipt> {
        self.ears
            .keeper
            .note(self.change(Cmdlet::DisableDane, domain).await)
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
        self.ears.keeper.note(self.read_ipv6(domain).await)
    }

    async fn allowed_cmdlets(&self) -> Result<AllowedCmdlets> {
        self.ears.keeper.note(self.read_allowed().await)
    }
}

/// How much a status says: first whether the feature is known, then how little was lost.
fn worth(status: &DnssecStatus) -> (bool, std::cmp::Reverse<usize>) {
    let known = !matches!(status.feature, FeatureState::CouldNotTell { .. });
    (known, std::cmp::Reverse(status.lost.len()))
}

fn is_unclear(state: &FeatureState) -> bool {
    matches!(state, FeatureState::CouldNotTell { .. })
}
