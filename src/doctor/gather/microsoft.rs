//! Signing in, what the tokens say of themselves, and one reading call for each right.

use std::time::Duration;

use uuid::Uuid;

use super::{PATIENCE, PERSON, in_time, within};
use crate::doctor::snippet::Identity;
use crate::doctor::view::{ApiView, Asked, MicrosoftView};
use crate::domain_file::{DomainFile, Microsoft as Side};
use crate::microsoft::{Claims, Microsoft, MicrosoftSettings};
use crate::redact::Redactor;
use crate::world::live::{AtTerminal, microsoft_settings};

/// Microsoft's services, not asked yet, and who asks them.
pub(super) struct Connected {
    pub microsoft: Microsoft,
    identity: Identity,
}

impl Connected {
    /// A person takes longer than a service.
    pub(super) const fn patience(&self) -> Duration {
        if self.identity.delegated {
            PERSON
        } else {
            PATIENCE
        }
    }
}

/// `lost`: the secret cannot be read, which is said elsewhere. Without a connection there is the view of why.
pub(super) fn connect(
    file: &DomainFile,
    redactor: &Redactor,
    person: AtTerminal,
    lost: bool,
) -> Result<Connected, MicrosoftView> {
    let api = match &file.microsoft {
        Side::Api(api) => api,
        Side::Pwsh(_) => return Err(MicrosoftView::ByModule),
        Side::Manual { .. } => return Err(MicrosoftView::ByHand),
    };
    let graph_host = api.cloud.hosts()[1];
    if lost {
        let identity = Identity {
            tenant: api.tenant.as_str().to_owned(),
            client: None,
            object: None,
            upn: None,
            method: "",
            delegated: false,
            graph: graph_host,
        };
        return Err(MicrosoftView::Api(Box::new(unasked(
            identity,
            "secret.readable",
        ))));
    }
    let settings = match microsoft_settings(file, redactor, person) {
        Ok(Some(settings)) => settings,
        Ok(None) => return Err(MicrosoftView::ByHand),
        Err(error) => return Err(MicrosoftView::Unusable(error.to_string())),
    };
    match Microsoft::connect(&settings) {
        Ok(microsoft) => Ok(Connected {
            microsoft,
            identity: identity(&settings, graph_host),
        }),
        Err(error) => Err(MicrosoftView::Unusable(error.to_string())),
    }
}

pub(super) async fn look(
    connected: &Result<Connected, MicrosoftView>,
    domain: &str,
) -> MicrosoftView {
    match connected {
        Ok(connected) => MicrosoftView::Api(Box::new(ask(connected, domain).await)),
        Err(view) => view.clone(),
    }
}

fn identity(settings: &MicrosoftSettings, graph: &'static str) -> Identity {
    let client = settings.sign_in.client_id();
    Identity {
        tenant: settings.tenant.clone(),
        client: client.and_then(|id| Uuid::try_parse(id).ok()),
        object: None,
        upn: None,
        method: settings.sign_in.name(),
        delegated: !settings.sign_in.is_app_only(),
        graph,
    }
}

fn unasked(identity: Identity, because: &'static str) -> ApiView {
    ApiView {
        identity,
        graph_token: Asked::Not(because),
        exchange_token: Asked::Not(because),
        graph_domain: Asked::Not("sign-in.graph"),
        cmdlets: Asked::Not("sign-in.exchange"),
        accepted: Asked::Not("sign-in.exchange"),
    }
}

async fn ask(connected: &Connected, domain: &str) -> ApiView {
    let microsoft = &connected.microsoft;
    let mut view = unasked(connected.identity.clone(), "sign-in.graph");
    let signed_in = in_time(connected.patience(), async {
        Ok::<_, ()>(microsoft.claims().await)
    })
    .await;
    (view.graph_token, view.exchange_token) = match signed_in {
        Asked::Said(Ok(Some([graph, exchange]))) => (Asked::Said(graph), Asked::Said(exchange)),
        Asked::Late(time) => (Asked::Late(time), Asked::Late(time)),
        // What was connected from settings always signs in.
        _ => return view,
    };
    let tokens = [&view.exchange_token, &view.graph_token];
    for claims in tokens
        .into_iter()
        .filter_map(|token| token.good()?.as_ref())
    {
        add(&mut view.identity, claims);
    }
    let graph = async {
        match view.graph_token.good() {
            Some(_) => within(microsoft.graph.domain(domain)).await,
            None => Asked::Not("sign-in.graph"),
        }
    };
    let exchange = async {
        match view.exchange_token.good() {
            Some(_) => {
                tokio::join!(
                    within(microsoft.exchange.allowed_cmdlets()),
                    within(microsoft.exchange.accepted_domain(domain)),
                )
            }
            None => (
                Asked::Not("sign-in.exchange"),
                Asked::Not("sign-in.exchange"),
            ),
        }
    };
    let (graph, (cmdlets, accepted)) = tokio::join!(graph, exchange);
    view.graph_domain = graph;
    view.cmdlets = cmdlets;
    view.accepted = accepted;
    view
}

/// What a token tells of who it speaks for.
fn add(identity: &mut Identity, claims: &Claims) {
    identity.object = identity.object.or(claims.object);
    identity.client = identity.client.or(claims.app);
    identity.delegated = claims.is_delegated();
    identity.upn = identity.upn.take().or_else(|| claims.upn.clone());
}
