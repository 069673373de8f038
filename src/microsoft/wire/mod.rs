//! One session with Exchange Online's admin API: headers, redirects, affinity, time limits, retries (`microsoft.md` 3).

mod fault;
mod hop;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use uuid::Uuid;

use super::affinity::Affinity;
use super::calls::{CallCounter, CallKind};
use super::challenge;
use super::endpoint::Endpoint;
use super::envelope;
use super::error::{Call, MicrosoftError, Result, Service};
use super::raw::Ears;
use super::redact;
use super::retry;
use super::settings::{Limits, MicrosoftSettings};
use super::sign_in::TokenSource;
use fault::Fault;
use hop::Broken;

/// Our own name; we do not pose as PowerShell.
pub(crate) const USER_AGENT: &str = concat!("rollout/", env!("CARGO_PKG_VERSION"));

/// What to send.
pub(crate) struct Outgoing<'a> {
    /// `POST` for cmdlets, `GET` for the list of cmdlets.
    pub method: Method,
    /// The path below the endpoint.
    pub path: &'a [&'a str],
    /// The query, if any.
    pub query: Option<&'a str>,
    /// Headers of this call alone.
    pub headers: &'a [(&'static str, &'a str)],
    /// The JSON body.
    pub body: Option<String>,
    /// Whether it may be sent again.
    pub only_reads: bool,
}

/// What came back, with a status that is neither a redirect, nor 401, 429 or 5xx.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub status: u16,
    pub body: Vec<u8>,
}

/// The session.
#[derive(Debug)]
pub(crate) struct Wire {
    http: reqwest::Client,
    endpoint: Endpoint,
    scope: String,
    tenant: String,
    app_only: bool,
    connection_id: String,
    tokens: Arc<dyn TokenSource>,
    limits: Limits,
    calls: Arc<CallCounter>,
    ears: Ears,
    affinity: Mutex<Affinity>,
}

impl Wire {
    pub(crate) fn new(
        settings: &MicrosoftSettings,
        tokens: Arc<dyn TokenSource>,
        calls: Arc<CallCounter>,
        ears: Ears,
    ) -> Result<Self> {
        let endpoint = settings.endpoints.exchange.clone();
        let mut http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(settings.limits.connect)
            // A cmdlet may think for minutes; a firewall must not take the silence for an end.
            .tcp_keepalive(Duration::from_secs(30))
            // A connection that idled may be closed under the next request, whose outcome would then be unknown.
            .pool_idle_timeout(Duration::from_secs(15))
            // Redirects are followed by hand: the bearer may only go to Microsoft, and the method must stay POST.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Not even a refused HTTP/2 stream is repeated below us: a change is sent once.
            .retry(reqwest::retry::never());
        if endpoint.is_loopback() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| MicrosoftError::Client {
            detail: error.to_string(),
        })?;
        Ok(Self {
            http,
            endpoint,
            scope: settings.cloud.exchange_scope(),
            tenant: settings.tenant.clone(),
            app_only: settings.sign_in.is_app_only(),
            ears,
            connection_id: Uuid::new_v4().to_string(),
            tokens,
            limits: settings.limits,
            calls,
            affinity: Mutex::default(),
        })
    }

    /// Sends, following redirects, renewing a refused token once, and repeating reading calls after passing faults.
    pub(crate) async fn send(&self, out: &Outgoing<'_>, call: &mut Call) -> Result<Incoming> {
        let mut token = self.tokens.token(&self.scope).await?;
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let outcome = self.hop(out, &token, call).await?;
            let (why, wish) = match outcome {
                Ok(reply) => match reply.status {
                    401 if !renewed => {
                        // A 401 means that nothing was done, so even a change may be sent again.
                        renewed = true;
                        let claims = reply.challenges().find_map(challenge::claims_in);
                        token = self
                            .tokens
                            .renew(&self.scope, &token, claims.as_deref())
                            .await?;
                        continue;
                    }
                    401 => {
                        return Err(MicrosoftError::Unauthorized {
                            call: Box::new(call.clone()),
                            service: Service::Exchange,
                            detail: reply.challenges().find_map(challenge::complaint),
                        });
                    }
                    429 | 408 | 500..=599 => {
                        // The front end may know a better host than the one this session was moved to.
                        self.affinity().unpin();
                        let wish = retry::wish(|name| reply.header(name), jiff::Timestamp::now());
                        let detail = envelope::complaint(&reply.body)
                            .unwrap_or_else(|| redact::excerpt(&reply.body));
                        (
                            Fault::Status {
                                status: reply.status,
                                detail,
                            },
                            wish,
                        )
                    }
                    status => {
                        return Ok(Incoming {
                            status,
                            body: reply.body,
                        });
                    }
                },
                Err(Broken::NotSent(detail)) => (Fault::NotSent(detail), None),
                Err(Broken::Lost(why)) => (Fault::Lost(why), None),
            };
            if matches!(why, Fault::Status { status: 429, .. }) {
                self.calls.count(CallKind::Throttled);
            }
            attempt += 1;
            let pause = retry::pause(&self.limits, attempt, wish);
            let may_repeat = out.only_reads && attempt <= self.limits.attempts;
            let (true, Some(pause)) = (may_repeat, pause) else {
                return Err(why.into_error(call, out.only_reads, wish));
            };
            tracing::debug!(call = %call, attempt, pause_ms = pause.as_millis(), "asking again");
            self.calls.count(CallKind::Retry);
            tokio::time::sleep(pause).await;
        }
    }

    fn affinity(&self) -> std::sync::MutexGuard<'_, Affinity> {
        // Nothing panics while the lock is held; if it did, the cookies are still whole.
        self.affinity
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
