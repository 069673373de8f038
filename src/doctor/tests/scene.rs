//! A healthy domain file, to be spoilt one thing at a time.

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use uuid::{Uuid, uuid};

use crate::dane::{ProbeResult, Route};
use crate::dns::{Answer, Failure, Kind, Source, Status, Validated, VantageAnswer, VantageVerdict};
use crate::doctor::roles::{EXCHANGE_ADMINISTRATOR, MANAGE_AS_APP};
use crate::doctor::snippet::Identity;
use crate::doctor::view::*;
use crate::microsoft::error::Service;
use crate::microsoft::{
    AcceptedDomain, AllowedCmdlets, Call, Claims, Cmdlet, DomainType, FeatureState, GraphDomain,
    MicrosoftError, SignInError, SignInReason,
};

pub(crate) const DOMAIN: &str = "contoso.com";
pub(crate) const TENANT: Uuid = uuid!("22222222-0000-4000-8000-000000000002");
pub(crate) const CLIENT: Uuid = uuid!("11111111-0000-4000-8000-000000000001");
pub(crate) const OBJECT: Uuid = uuid!("33333333-0000-4000-8000-000000000003");

pub(crate) fn identity() -> Identity {
    Identity {
        tenant: TENANT.to_string(),
        client: Some(CLIENT),
        object: Some(OBJECT),
        upn: None,
        method: "client secret",
        delegated: false,
        graph: "graph.microsoft.com",
    }
}

pub(crate) fn claims(roles: &[&str]) -> Claims {
    Claims {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        wids: Some(vec![EXCHANGE_ADMINISTRATOR.id]),
        object: Some(OBJECT),
        app: Some(CLIENT),
        tenant: Some(TENANT),
        says_app: true,
        ..Claims::default()
    }
}

pub(crate) fn person(scopes: &[&str]) -> Claims {
    Claims {
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        roles: Vec::new(),
        says_app: false,
        upn: Some("admin@contoso.com".to_owned()),
        ..claims(&[])
    }
}

pub(crate) fn allowed(without: &[Cmdlet]) -> AllowedCmdlets {
    AllowedCmdlets(
        Cmdlet::NEEDED
            .into_iter()
            .chain(Cmdlet::OPTIONAL)
            .filter(|cmdlet| !without.contains(cmdlet))
            .map(|cmdlet| cmdlet.name().to_ascii_lowercase())
            .collect(),
    )
}

pub(crate) fn accepted() -> AcceptedDomain {
    AcceptedDomain {
        domain: DOMAIN.to_owned(),
        domain_type: DomainType::Authoritative,
        dane: FeatureState::Disabled,
        initial: Some(false),
        default: Some(false),
        match_subdomains: Some(false),
        pending_removal: Some(false),
        pending_completion: Some(false),
        outbound_only: Some(false),
        sending_to_disabled: Some(false),
        coexistence: Some(false),
        email_only: Some(false),
    }
}

pub(crate) fn graph_domain(verified: Option<bool>) -> GraphDomain {
    GraphDomain {
        name: DOMAIN.to_owned(),
        is_verified: verified,
        is_initial: Some(false),
        is_default: Some(false),
        is_root: Some(true),
        is_admin_managed: Some(true),
        authentication_type: None,
        supported_services: vec!["Email".to_owned()],
    }
}

pub(crate) fn missing_role(service: Service) -> MicrosoftError {
    MicrosoftError::MissingRole {
        call: Box::new(Call::new("EXOModuleFile", None)),
        service,
        detail: None,
    }
}

pub(crate) fn unauthorized(service: Service) -> MicrosoftError {
    MicrosoftError::Unauthorized {
        call: Box::new(Call::new("EXOModuleFile", None)),
        service,
        detail: None,
    }
}

pub(crate) fn throttled() -> MicrosoftError {
    MicrosoftError::Throttled {
        call: Box::new(Call::new("Get-AcceptedDomain", None)),
        retry_after: None,
    }
}

pub(crate) fn sign_in(reason: SignInReason) -> SignInError {
    SignInError::new(reason)
}

pub(crate) fn api() -> ApiView {
    ApiView {
        identity: identity(),
        graph_token: Asked::Said(Ok(Some(claims(&["Domain.Read.All"])))),
        exchange_token: Asked::Said(Ok(Some(claims(&[MANAGE_AS_APP.name])))),
        graph_domain: Asked::Said(Ok(Some(graph_domain(Some(true))))),
        cmdlets: Asked::Said(Ok(allowed(&[]))),
        accepted: Asked::Said(Ok(Some(accepted()))),
    }
}

pub(crate) fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn root(verdict: VantageVerdict, ad: bool) -> VantageAnswer {
    VantageAnswer {
        vantage: "one".to_owned(),
        name: String::new(),
        kind: Kind::Soa,
        verdict,
        records: Vec::new(),
        ttl: None,
        ad,
        rcode: String::new(),
        explained: None,
        at: Timestamp::UNIX_EPOCH,
        from: Source {
            server: None,
            address: socket("192.0.2.53:53"),
        },
    }
}

pub(crate) fn none() -> Validated {
    Validated {
        name: format!("_mta-sts.{DOMAIN}"),
        kind: Kind::Txt,
        status: Status::Insecure,
        answer: Answer::NxDomain,
        aliases: Vec::new(),
        ttl: None,
        soa: None,
        signatures: None,
        at: Timestamp::UNIX_EPOCH,
        from: None,
    }
}

pub(crate) fn server(address: &str, udp: Option<Failure>, tcp: Option<Failure>) -> ServerView {
    ServerView {
        server: "ns1.contoso.com".to_owned(),
        address: socket(address),
        udp,
        tcp,
    }
}

pub(crate) fn no_route() -> Failure {
    Failure::NoRoute {
        detail: "unreachable".to_owned(),
    }
}

/// Something answered on port 25.
pub(crate) fn greeted() -> ProbeResult {
    ProbeResult::NoStartTls {
        why: "not offered".to_owned(),
    }
}

pub(crate) fn hangs() -> ProbeResult {
    ProbeResult::Timeout {
        stage: "connecting".to_owned(),
    }
}

pub(crate) fn host(address: &str, result: ProbeResult) -> (String, SocketAddr, ProbeResult) {
    let name = "contoso-com.mail.protection.outlook.com";
    (name.to_owned(), socket(address), result)
}

pub(crate) fn https(service: &str, skew: i64) -> HttpsView {
    HttpsView {
        service: service.to_owned(),
        origin: format!("https://{}.example", service.to_ascii_lowercase()),
        answer: Ok(Some(SignedDuration::from_secs(skew))),
    }
}

pub(crate) fn provider(slug: &str) -> ProviderView {
    ProviderView {
        info: rollout_providers::find(slug),
        apex: DOMAIN.to_owned(),
        read: Asked::Said(Ok(())),
        standing: Asked::Said(Ok(None)),
        signing: Asked::Said(Ok(())),
        listing: Asked::Said(Ok(true)),
    }
}

pub(crate) fn registrar(slug: &str) -> RegistrarView {
    RegistrarView {
        info: rollout_providers::find(slug),
        apex: DOMAIN.to_owned(),
        on_file: Asked::Said(Ok(())),
    }
}

pub(crate) fn refused(kind: rollout_providers::Kind) -> rollout_providers::Error {
    rollout_providers::Error::new("cloudflare", "find the zone contoso.com", kind, "no")
}

pub(crate) fn healthy() -> View {
    View {
        domain: DOMAIN.to_owned(),
        secrets: vec![SecretView {
            key: "microsoft.sign_in.secret".to_owned(),
            place: "file:secret".to_owned(),
            open_file: None,
            trouble: None,
        }],
        state: StateView::Folder {
            folder: "/srv/rollout".into(),
            seen: "/srv/rollout".into(),
            mode: Some(0o700),
            ours: Some(true),
            writable: Ok(()),
            file: Some((Some(0o600), Ok(()))),
        },
        microsoft: MicrosoftView::Api(Box::new(api())),
        provider: provider("powerdns"),
        registrar: Some(registrar("gandi")),
        https: vec![https("Sign-in", 0), https("Graph", 1), https("Exchange", 0)],
        resolvers: vec![ResolverView {
            name: "one".to_owned(),
            address: socket("192.0.2.53:53"),
            root: root(VantageVerdict::Answer, true),
        }],
        servers: Ok(vec![
            server("192.0.2.1:53", None, None),
            server("192.0.2.2:53", None, None),
            server("[2001:db8::1]:53", None, None),
        ]),
        mail: MailView {
            route: Route::Mx,
            required: true,
            port: 25,
            hosts: vec![host("192.0.2.25:25", greeted())],
            unknown: Vec::new(),
        },
        mta_sts: Some(crate::dane::MtaStsView::Found {
            record: crate::dane::StsRecord {
                id: "1".to_owned(),
                text: "v=STSv1; id=1".to_owned(),
            },
            policy: crate::dane::Policy {
                mode: crate::dane::Mode::Enforce,
                max_age: 86_400,
                patterns: Vec::new(),
                body: String::new(),
            },
            ttl: 300,
            at: Timestamp::UNIX_EPOCH,
        }),
        ipv6_route: true,
    }
}
