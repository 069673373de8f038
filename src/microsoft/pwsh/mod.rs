//! Exchange Online through Microsoft's own module, for tenants that permit nothing else.
//!
//! The module ExchangeOnlineManagement runs in one `pwsh` process that this program starts, signs in once and keeps. The
//! answers have the shapes of the REST transport, because the module speaks it too; so the same readers serve. A changing
//! cmdlet is handed over once: a process that is lost meanwhile makes its outcome unknown (S6).

mod error;
mod session;
mod settings;
mod tenant;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;

pub use error::PwshError;
pub use session::{Connected, DRIVER};
pub use settings::{Connect, LEAST_MODULE, PwshSettings, Tell};

use session::{Lost, Session};

use super::answer::{
    AcceptedDomain, Connectors, DaneStatus, DnssecStatus, EnabledDnssec, FeatureState,
    InboundConnector, Ipv6Status, Listed, OutboundConnector, Receipt,
};
use super::calls::{CallCounter, CallKind};
use super::cmdlet::{Cmdlet, DisableDnssecByName};
use super::envelope::{self, Answer, Reading};
use super::error::{Call, CmdletFailure, MicrosoftError, Result, Service, UnknownWhy};
use super::exchange::{AllowedCmdlets, ExchangeApi};
use super::host::domain_name;
use super::loose::{self, Row, get};
use super::outcome::{could_not_tell, dane_state, domains, enabled, ipv6_state, listed, receipt};
use super::redact;

/// Exchange gives up on a cmdlet after 15 minutes (`microsoft.md` 3.6); its answer may take a moment longer to arrive.
const AFTER_THE_LIMIT: Duration = Duration::from_secs(30);

/// Exchange Online through `pwsh`.
#[derive(Debug)]
pub struct PwshExchange {
    settings: PwshSettings,
    session: Mutex<Option<Session>>,
    calls: Arc<CallCounter>,
}

impl PwshExchange {
    /// Prepares it; nothing is started yet.
    ///
    /// # Errors
    /// [`MicrosoftError::Pwsh`] when the sign-in method lacks something.
    pub fn new(settings: PwshSettings, calls: Arc<CallCounter>) -> Result<Self> {
        settings.check()?;
        Ok(Self {
            settings,
            session: Mutex::new(None),
            calls,
        })
    }

    /// Starts PowerShell and signs in, unless that was done; says which versions there are.
    ///
    /// # Errors
    /// [`MicrosoftError::Pwsh`].
    pub async fn connect(&self) -> Result<Connected> {
        let mut held = self.session.lock().await;
        let session = self.alive(&mut held).await?;
        Ok(session.connected.clone())
    }

    /// A session that lives. Nothing was handed to a new one, so starting one repeats nothing.
    async fn alive<'s>(&self, held: &'s mut Option<Session>) -> Result<&'s mut Session> {
        let mut living = held.take();
        if !living.as_mut().is_some_and(Session::is_alive) {
            self.calls.count(CallKind::SignIn);
            living = Some(Session::open(&self.settings).await?);
        }
        // Either it lived or it was just opened.
        match living {
            Some(living) => Ok(held.insert(living)),
            None => Err(PwshError::Ended { said: None }.into()),
        }
    }

    /// Runs a cmdlet. A reading one is run again in a new process, once, when the first was lost.
    async fn run(&self, cmdlet: Cmdlet, domain: Option<&str>) -> Result<(Call, Answer)> {
        let outcome = self.run_once(cmdlet, domain).await;
        let lost = matches!(
            &outcome,
            Err(MicrosoftError::NoAnswer {
                why: UnknownWhy::ReplyLost { .. },
                ..
            })
        );
        if !lost {
            return outcome;
        }
        self.calls.count(CallKind::Retry);
        self.run_once(cmdlet, domain).await
    }

    async fn run_once(&self, cmdlet: Cmdlet, domain: Option<&str>) -> Result<(Call, Answer)> {
        let mut call = Call::new(cmdlet.name(), domain);
        call.host = "PowerShell on this machine".to_owned();
        let body = cmdlet.body(domain);
        let request = json!({
            "do": "run", "cmdlet": cmdlet.name(), "parameters": body["CmdletInput"]["Parameters"],
        });
        let reads = cmdlet.only_reads();
        let limits = &self.settings.limits;
        let (kind, limit) = if reads {
            (CallKind::ExchangeRead, limits.read)
        } else {
            (CallKind::ExchangeWrite, limits.write + AFTER_THE_LIMIT)
        };
        let mut held = self.session.lock().await;
        let session = self.alive(&mut held).await?;
        self.calls.count(kind);
        let talk = |line: &str| tracing::debug!("PowerShell says: {line}");
        match session.request(request, limit, &talk).await {
            Ok(answer) => {
                let answer = judge(&answer, &call, reads)?;
                Ok((call, answer))
            }
            Err(lost) => {
                *held = None;
                let why = match lost {
                    Lost::TimedOut(after) => UnknownWhy::TimedOut { after },
                    Lost::Died(said) => UnknownWhy::ReplyLost {
                        detail: format!("PowerShell ended: {said}"),
                    },
                };
                let call = Box::new(call);
                Err(if reads {
                    MicrosoftError::NoAnswer { call, why }
                } else {
                    MicrosoftError::Unknown { call, why }
                })
            }
        }
    }

    async fn change(&self, cmdlet: Cmdlet, domain: &str) -> Result<Receipt> {
        let domain = domain_name(domain)?;
        let (call, answer) = self.run(cmdlet, Some(&domain)).await?;
        receipt(call, &answer)
    }

    async fn side<T>(
        &self,
        cmdlet: Cmdlet,
        what: &str,
        read: fn(&Row) -> Option<T>,
    ) -> Result<Listed<T>> {
        let outcome = match self.run(cmdlet, None).await {
            Ok((call, answer)) => listed(&call, &answer, what, read),
            Err(error @ MicrosoftError::Pwsh(_)) => return Err(error),
            Err(error) => Err(error),
        };
        Ok(match outcome {
            Ok(items) => Listed::Known(items),
            Err(error) => Listed::CouldNotTell {
                why: error.to_string(),
            },
        })
    }
}

/// From the text between the marks to rows or an error.
fn judge(bytes: &[u8], call: &Call, only_reads: bool) -> Result<Answer> {
    let boxed = || Box::new(call.clone());
    let unreadable = |excerpt: String| {
        if only_reads {
            could_not_tell(call, "what the module said", &excerpt)
        } else {
            MicrosoftError::Unknown {
                call: boxed(),
                why: UnknownWhy::Unreadable { excerpt },
            }
        }
    };
    let Ok(row) = serde_json::from_slice::<Row>(bytes) else {
        return Err(unreadable(redact::excerpt(bytes)));
    };
    let failure = match loose::text(get(&row, "stage")).as_deref() {
        Some("ran") => return rows(bytes).ok_or_else(|| unreadable(redact::excerpt(bytes))),
        // The script's own list refused it before anything was sent.
        Some("request" | "cmdlet") => failure(&row),
        _ => None,
    };
    let Some(failure) = failure else {
        return Err(unreadable(redact::excerpt(bytes)));
    };
    if is_role(&failure) {
        return Err(MicrosoftError::MissingRole {
            call: boxed(),
            service: Service::Exchange,
            detail: Some(failure.to_string()),
        });
    }
    if failure.is_transient() || broke_off(&failure) {
        let why = UnknownWhy::BrokeOff { failure };
        return Err(if only_reads {
            MicrosoftError::ServiceTrouble { call: boxed(), why }
        } else {
            MicrosoftError::Unknown { call: boxed(), why }
        });
    }
    Err(MicrosoftError::Failed {
        call: boxed(),
        failure,
    })
}

fn rows(bytes: &[u8]) -> Option<Answer> {
    match envelope::read(200, None, bytes) {
        Reading::Rows(answer) => Some(answer),
        _ => None,
    }
}

/// What a caught exception says. The module puts the service's own exception into its text, as in
/// `Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|The operation …`.
fn failure(row: &Row) -> Option<CmdletFailure> {
    let exception = ["error", "innererror", "internalexception"]
        .iter()
        .try_fold(row, |row, name| get(row, name).and_then(Value::as_object))?;
    let text = |name: &str| loose::text(get(exception, name)).unwrap_or_default();
    let (mut kind, mut message) = (text("type"), text("message"));
    let mut parts = message.splitn(3, '|');
    if let (Some(_), Some(inner), Some(rest)) = (parts.next(), parts.next(), parts.next())
        && inner.contains('.')
        && !inner.contains(char::is_whitespace)
    {
        kind = inner.to_owned();
        message = rest.trim().to_owned();
    }
    Some(CmdletFailure {
        exception: (!kind.is_empty()).then(|| redact::excerpt(kind.as_bytes())),
        message: redact::excerpt(message.as_bytes()),
    })
}

/// A cmdlet that the identity may not run is not there at all.
fn is_role(failure: &CmdletFailure) -> bool {
    ends_with_one_of(
        failure,
        &[
            "CommandNotFoundException",
            "UnauthorizedAccessException",
            "AuthorizationException",
            "AccessDeniedException",
        ],
    )
}

/// The connection under the module broke, perhaps after the effect.
fn broke_off(failure: &CmdletFailure) -> bool {
    ends_with_one_of(
        failure,
        &[
            "HttpRequestException",
            "WebException",
            "TaskCanceledException",
            "OperationCanceledException",
            "IOException",
            "SocketException",
        ],
    )
}

fn ends_with_one_of(failure: &CmdletFailure, names: &[&str]) -> bool {
    failure
        .exception
        .as_deref()
        .is_some_and(|kind| names.iter().any(|name| kind.ends_with(name)))
}

#[async_trait]
impl ExchangeApi for PwshExchange {
    async fn accepted_domains(&self) -> Result<Vec<AcceptedDomain>> {
        let (call, answer) = self.run(Cmdlet::GetAcceptedDomain, None).await?;
        let found = domains(&call, &answer)?;
        if found.is_empty() {
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
        // Identity matches the object's name, which need not be the domain; the whole list is one call as well.
        let all = self.accepted_domains().await?;
        Ok(all.into_iter().find(|one| one.domain == domain))
    }

    async fn dnssec_status(&self, domain: &str) -> Result<DnssecStatus> {
        let domain = domain_name(domain)?;
        let (call, answer) = self.run(Cmdlet::GetDnssecStatus, Some(&domain)).await?;
        match answer.rows.as_slice() {
            [row] => Ok(DnssecStatus::from_row(row)),
            rows => Err(could_not_tell(
                &call,
                "the DNSSEC status",
                &format!("{} rows", rows.len()),
            )),
        }
    }

    async fn enable_dnssec(&self, domain: &str) -> Result<EnabledDnssec> {
        let domain = domain_name(domain)?;
        let (call, answer) = self.run(Cmdlet::EnableDnssec, Some(&domain)).await?;
        enabled(call, &answer)
    }

    async fn disable_dnssec(&self, domain: &str, asked: DisableDnssecByName) -> Result<Receipt> {
        asked.check(&domain_name(domain)?)?;
        self.change(Cmdlet::DisableDnssec, domain).await
    }

    async fn dane_status(&self, domain: &str) -> Result<DaneStatus> {
        let domain = domain_name(domain)?;
        if let Ok(Some(AcceptedDomain {
            dane: state @ (FeatureState::Enabled | FeatureState::Disabled),
            ..
        })) = self.accepted_domain(&domain).await
        {
            return Ok(DaneStatus {
                state,
                source: Cmdlet::GetAcceptedDomain.name().to_owned(),
            });
        }
        let (_, answer) = self.run(Cmdlet::GetDaneStatus, Some(&domain)).await?;
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
        let (_, answer) = self.run(Cmdlet::GetIpv6Status, Some(&domain)).await?;
        Ok(Ipv6Status {
            state: ipv6_state(&answer.rows),
            source: Cmdlet::GetIpv6Status.name().to_owned(),
            warnings: answer.warnings,
        })
    }

    async fn allowed_cmdlets(&self) -> Result<AllowedCmdlets> {
        let connected = self.connect().await?;
        let names = connected
            .exported
            .iter()
            .map(|name| name.to_ascii_lowercase());
        Ok(AllowedCmdlets(names.collect()))
    }
}
