//! Microsoft's side of a domain: sign-in, Graph, and Exchange Online's admin API.
//!
//! The facts are in `microsoft.md`; where a shape or a behaviour is not documented, the code accepts every form that is
//! plausible and says "could not tell" for the rest. Everything is behind two traits, [`GraphApi`] and [`ExchangeApi`], so
//! that a model, a recording or another transport can stand in.

mod affinity;
mod anchor;
pub mod answer;
pub mod calls;
mod challenge;
pub mod claims;
pub mod cloud;
pub mod cmdlet;
mod door;
mod duplicates;
pub mod endpoint;
pub mod envelope;
pub mod error;
pub mod exchange;
mod exchange_client;
pub mod graph;
pub mod graph_reader;
pub mod host;
pub mod loose;
mod outcome;
pub mod powershell;
pub mod pwsh;
pub mod raw;
pub mod record;
pub mod redact;
mod redirect;
pub mod retry;
pub mod settings;
mod shape;
pub mod sign_in;
pub mod sign_in_error;
mod sign_in_reason;
pub mod tap;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use raw::Ears;

pub use answer::{
    AcceptedDomain, ConnectorKind, Connectors, DaneStatus, DnssecStatus, DomainType, EnabledDnssec,
    ExpectedMx, FeatureState, InboundConnector, Ipv6Status, Listed, MessageKind, OutboundConnector,
    Receipt, Validation, ValidationMessage,
};
pub use calls::{CallCounter, CallCounts};
pub use claims::Claims;
pub use cloud::Cloud;
pub use cmdlet::{Cmdlet, DisableDnssecByName};
pub use endpoint::{Endpoint, Endpoints};
pub use error::{Call, CmdletFailure, MicrosoftError, Result, UnknownWhy};
pub use exchange::{AllowedCmdlets, ExchangeApi};
pub use exchange_client::ExchangeClient;
pub use graph::{GraphApi, GraphDomain, GraphMx};
pub use graph_reader::GraphReader;
pub use host::DnssecMxValue;
pub use pwsh::{PwshError, PwshExchange, PwshSettings};
pub use raw::{Raw, RawKeeper, Unread};
pub use settings::{
    EXCHANGE_MODULE, Limits, MicrosoftSettings, Person, SettingsError, SignInMethod, TokenCache,
};
pub use sign_in::{Invitation, Prompt, SignIn, TokenFile, TokenSource};
pub use sign_in_error::{SignInError, SignInIds, SignInReason};

/// One tenant: both services behind one identity.
#[derive(Clone, Debug)]
pub struct Microsoft {
    /// Microsoft Graph.
    pub graph: Arc<dyn GraphApi>,
    /// Exchange Online.
    pub exchange: Arc<dyn ExchangeApi>,
    calls: Arc<CallCounter>,
    ears: Ears,
    identity: Option<(Arc<dyn TokenSource>, [String; 2])>,
}

impl Microsoft {
    /// Prepares both clients. Nothing is sent: the first call signs in, or [`sign_in`](Self::sign_in) does.
    ///
    /// # Errors
    /// [`MicrosoftError::Settings`] for settings that are refused, [`MicrosoftError::SignIn`] when the sign-in method's own
    /// ingredients are missing, [`MicrosoftError::Client`] when no HTTP client can be built.
    pub fn connect(settings: &MicrosoftSettings) -> Result<Self> {
        Ok(Self::listening(settings, Ears::default())?.0)
    }

    fn listening(settings: &MicrosoftSettings, ears: Ears) -> Result<(Self, Arc<ExchangeClient>)> {
        let calls = Arc::new(CallCounter::default());
        let tokens: Arc<dyn TokenSource> = Arc::new(SignIn::new(settings, Arc::clone(&calls))?);
        let scopes = [
            settings.cloud.graph_scope(),
            settings.cloud.exchange_scope(),
        ];
        let exchange = Arc::new(ExchangeClient::new(
            settings,
            Arc::clone(&tokens),
            Arc::clone(&calls),
            ears.clone(),
        )?);
        let tenant = Self {
            graph: Arc::new(GraphReader::new(
                settings,
                Arc::clone(&tokens),
                Arc::clone(&calls),
                ears.clone(),
            )),
            exchange: Arc::clone(&exchange) as Arc<dyn ExchangeApi>,
            calls,
            ears,
            identity: Some((tokens, scopes)),
        };
        Ok((tenant, exchange))
    }

    /// Puts other implementations in place of the two services, for a model or a test.
    #[must_use]
    pub fn from_parts(graph: Arc<dyn GraphApi>, exchange: Arc<dyn ExchangeApi>) -> Self {
        Self {
            graph,
            exchange,
            calls: Arc::default(),
            ears: Ears::default(),
            identity: None,
        }
    }

    /// Signs in for both services, so that a wrong secret is found before anything else is done.
    ///
    /// # Errors
    /// [`MicrosoftError::SignIn`].
    pub async fn sign_in(&self) -> Result<()> {
        if let Some((tokens, scopes)) = &self.identity {
            for scope in scopes {
                tokens.token(scope).await?;
            }
        }
        Ok(())
    }

    /// The identity's tokens, for another service that takes them; `None` for what was put together from parts.
    #[must_use]
    pub fn tokens(&self) -> Option<Arc<dyn TokenSource>> {
        self.identity.as_ref().map(|(tokens, _)| Arc::clone(tokens))
    }

    /// Signs in for Graph and for Exchange, each by itself, and says what the tokens tell about themselves; `None` for a
    /// token that cannot be read. The tokens stay inside.
    ///
    /// `None` altogether for what was put together from parts.
    pub async fn claims(&self) -> Option<[std::result::Result<Option<Claims>, SignInError>; 2]> {
        let (tokens, [graph, exchange]) = self.identity.as_ref()?;
        let read = |scope| async move { Ok(Claims::of(&tokens.token(scope).await?)) };
        // One after the other: a person who signs in is asked once.
        Some([read(graph).await, read(exchange).await])
    }

    /// What the services answered since the last time that was not understood or reported a failure, for the journal of a
    /// domain's run. Never for ordinary output.
    #[must_use]
    pub fn unread(&self, domain: &str) -> Vec<Unread> {
        self.ears.keeper.take(domain)
    }

    /// The requests sent so far, by kind.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.calls.counts()
    }
}
