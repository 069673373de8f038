//! Signing in, what the tokens say of themselves, and one reading call for each right.

use uuid::Uuid;

use super::{PATIENCE, PERSON, in_time, within};
use crate::doctor::snippet::Identity;
use crate::doctor::view::{ApiView, Asked, MicrosoftView};
use crate::domain_file::{DomainFile, Microsoft as Side};
use crate::microsoft::{Claims, Microsoft, MicrosoftSettings};
use crate::redact::Redactor;
use crate::world::live::{AtTerminal, microsoft_settings};

/// `lost`: the secret cannot be read, which is said elsewhere.
pub(super) async fn look(
    file: &DomainFile,
    redactor: &Redactor,
    person: AtTerminal,
    lost: bool,
) -> MicrosoftView {
    let api = match &file.microsoft {
        Side::Api(api) => api,
        Side::Pwsh(_) => return MicrosoftView::ByModule,
        Side::Manual { .. } => return MicrosoftView::ByHand,
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
        return MicrosoftView::Api(Box::new(unasked(identity, "secret.readable")));
    }
    let settings = match microsoft_settings(file, redactor, person) {
        Ok(Some(settings)) => settings,
        Ok(None) => return MicrosoftView::ByHand,
        Err(error) => return MicrosoftView::Unusable(error.to_string()),
    };
    let microsoft = match Microsoft::connect(&settings) {
        Ok(microsoft) => microsoft,
        Err(error) => return MicrosoftView::Unusable(error.to_string()),
    };
    let identity = identity(&settings, graph_host);
    MicrosoftView::Api(Box::new(
        ask(&microsoft, identity, file.domain.as_str()).await,
    ))
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

async fn ask(microsoft: &Microsoft, identity: Identity, domain: &str) -> ApiView {
    let mut view = unasked(identity, "sign-in.graph");
    // A person takes longer than a service.
    let time = if view.identity.delegated {
        PERSON
    } else {
        PATIENCE
    };
    let signed_in = in_time(time, async { Ok::<_, ()>(microsoft.claims().await) }).await;
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
