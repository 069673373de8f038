//! Every check in every state it can end in, each by one thing that is not as it should be.

use std::collections::BTreeSet;
use std::time::Duration;

use rollout_providers::{Kind, Standing};

use super::scene::*;
use crate::dane::{MtaStsView, Route};
use crate::dns::{Failure, VantageVerdict};
use crate::doctor::catalogue::{ALL, FILE_LOADS, rule};
use crate::doctor::roles::{DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR, GLOBAL_READER};
use crate::doctor::view::*;
use crate::doctor::{Check, State, judge};
use crate::microsoft::error::Service;
use crate::microsoft::{Cmdlet, SignInReason};
use State::{CouldNotTell, Failed, NotNeeded, Passed};

/// What is changed, the check it is about, how it ends, and words that are in what is said of it.
type Row = (fn(&mut View), &'static str, State, &'static str);

fn with(view: &mut View) -> &mut ApiView {
    match &mut view.microsoft {
        MicrosoftView::Api(api) => api,
        _ => panic!("the scene has an API"),
    }
}

fn folder(view: &mut View) -> (&mut Option<u32>, &mut Result<(), String>) {
    match &mut view.state {
        StateView::Folder { mode, writable, .. } => (mode, writable),
        StateView::NoPlace { .. } => panic!("the scene has a folder"),
    }
}

const HERE: &[Row] = &[
    (|_| (), "file.loads", Passed, "no mistake"),
    (|_| (), "secret.readable", Passed, "file:secret"),
    (
        |v| v.secrets.clear(),
        "secret.readable",
        NotNeeded,
        "no secret",
    ),
    (
        |v| v.secrets[0].trouble = Some("it is empty".into()),
        "secret.readable",
        Failed,
        "it is empty",
    ),
    (
        |v| v.secrets[0].open_file = Some("/s/it's".into()),
        "secret.readable",
        Passed,
        r"chmod 600 -- '/s/it'\''s'",
    ),
    (|_| (), "state.folder", Passed, "by its owner alone"),
    (
        |v| {
            v.state = StateView::NoPlace {
                why: "No place.".into(),
            }
        },
        "state.folder",
        Failed,
        "ROLLOUT_STATE",
    ),
    (
        |v| *folder(v).0 = Some(0o770),
        "state.folder",
        Failed,
        "chmod 700 -- '/srv/rollout'",
    ),
    (
        |v| *folder(v).0 = Some(0o755),
        "state.folder",
        Passed,
        "Others may look into",
    ),
    (
        |v| *folder(v).1 = Err("denied".into()),
        "state.folder",
        Failed,
        "denied",
    ),
    (
        |v| {
            if let StateView::Folder { ours, .. } = &mut v.state {
                *ours = Some(false)
            }
        },
        "state.folder",
        Failed,
        "another user",
    ),
    (
        |v| {
            if let StateView::Folder { file, .. } = &mut v.state {
                *file = Some((Some(0o644), Ok(())))
            }
        },
        "state.folder",
        Failed,
        "'/srv/rollout/rollout.db'",
    ),
    (
        |v| {
            if let StateView::Folder { file, .. } = &mut v.state {
                *file = Some((Some(0o600), Err("read-only".into())))
            }
        },
        "state.folder",
        Failed,
        "read-only",
    ),
    (
        |v| {
            if let StateView::Folder { seen, mode, .. } = &mut v.state {
                *seen = "/srv".into();
                *mode = Some(0o755)
            }
        },
        "state.folder",
        Passed,
        "the first run makes it",
    ),
    (
        |v| {
            if let StateView::Folder { seen, writable, .. } = &mut v.state {
                *seen = "/srv".into();
                *writable = Err("denied".into())
            }
        },
        "state.folder",
        Failed,
        "cannot be made in /srv",
    ),
    (|_| (), "clock.skew", Passed, "within 30 s"),
    (
        |v| v.https = vec![https("A", 31), https("B", 33), https("C", 33)],
        "clock.skew",
        Passed,
        "33 s behind",
    ),
    (
        |v| v.https = vec![https("A", -301), https("B", -302), https("C", -301)],
        "clock.skew",
        Failed,
        "301 s ahead of",
    ),
    (
        |v| v.https = vec![https("A", 301)],
        "clock.skew",
        Failed,
        "timedatectl set-ntp true",
    ),
    // One service with a wrong clock is not this machine's fault.
    (
        |v| v.https = vec![https("A", 0), https("B", 900), https("C", 0)],
        "clock.skew",
        Passed,
        "B says another time than the others, by 900 s",
    ),
    (
        |v| v.https.iter_mut().for_each(|h| h.answer = Ok(None)),
        "clock.skew",
        CouldNotTell,
        "No service told",
    ),
    (
        |v| {
            v.https
                .iter_mut()
                .for_each(|h| h.answer = Err("refused".into()))
        },
        "clock.skew",
        CouldNotTell,
        "because reach.https",
    ),
];

const SIGN_IN: &[Row] = &[
    (
        |_| (),
        "sign-in.graph",
        Passed,
        "The application 11111111-0000-4000-8000-000000000001 signs in with the client secret",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::WrongSecret))),
        "sign-in.graph",
        Failed,
        "az ad app credential reset --id 11111111-0000-4000-8000-000000000001",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::ExpiredSecret))),
        "sign-in.graph",
        Failed,
        "has expired",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::UnknownClient))),
        "sign-in.graph",
        Failed,
        "az ad sp show --id 1111",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::UnknownTenant))),
        "sign-in.graph",
        Failed,
        "corrects microsoft.tenant",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::ConsentMissing))),
        "sign-in.graph",
        Failed,
        "admin-consent --id 1111",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::ConditionalAccess {
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        Failed,
        "Conditional Access Administrator",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::NotAssigned))),
        "sign-in.graph",
        Failed,
        "Assignment required",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::Disabled))),
        "sign-in.graph",
        Failed,
        "accountEnabled=true",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::BadAssertion {
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        Failed,
        "federated credential",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::AuthorityBusy {
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        CouldNotTell,
        "is busy",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::AuthorityDown {
                authority: "a".into(),
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        CouldNotTell,
        "cannot be reached",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::NotEntra {
                authority: "a".into(),
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        Failed,
        "past every proxy",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Err(sign_in(SignInReason::Source {
                method: "Azure CLI",
                detail: "x".into(),
            })))
        },
        "sign-in.graph",
        Failed,
        "on this machine",
    ),
    (
        |v| {
            with(v).graph_token =
                Asked::Said(Err(sign_in(SignInReason::Other { detail: "x".into() })))
        },
        "sign-in.graph",
        Failed,
        "AADSTS",
    ),
    (
        |v| with(v).graph_token = Asked::Late(Duration::from_secs(60)),
        "sign-in.graph",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |v| with(v).graph_token = Asked::Not("secret.readable"),
        "sign-in.graph",
        CouldNotTell,
        "because secret.readable",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(Some(person(&["Domain.Read.All"]))));
            with(v).identity.delegated = true;
            with(v).identity.upn = Some("admin@contoso.com".into())
        },
        "sign-in.graph",
        Passed,
        "admin@contoso.com signs in",
    ),
    (
        |v| v.microsoft = MicrosoftView::Unusable("The cloud is refused.".into()),
        "sign-in.graph",
        Failed,
        "The cloud is refused.",
    ),
    (|_| (), "sign-in.exchange", Passed, "signs in"),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Err(sign_in(SignInReason::UnknownResource {
                detail: "x".into(),
            })))
        },
        "sign-in.exchange",
        Failed,
        "az ad sp create --id 00000002-0000-0ff1-ce00-000000000000",
    ),
    (
        |v| with(v).exchange_token = Asked::Late(Duration::from_secs(60)),
        "sign-in.exchange",
        CouldNotTell,
        "within 60 s",
    ),
    (|_| (), "token.tenant", Passed, "22222222-"),
    (
        |v| with(v).identity.tenant = "contoso.onmicrosoft.com".into(),
        "token.tenant",
        Passed,
        "under the name contoso.onmicrosoft.com",
    ),
    (
        |v| with(v).identity.tenant = CLIENT.to_string(),
        "token.tenant",
        Failed,
        "not for 11111111",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(None));
            with(v).exchange_token = Asked::Said(Ok(None))
        },
        "token.tenant",
        CouldNotTell,
        "do not tell",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Late(Duration::from_secs(60));
            with(v).exchange_token = Asked::Late(Duration::from_secs(60))
        },
        "token.tenant",
        CouldNotTell,
        "because sign-in.graph",
    ),
    (
        |v| v.microsoft = MicrosoftView::ByHand,
        "person.rights",
        NotNeeded,
        "Install-Module ExchangeOnlineManagement",
    ),
    (
        |v| v.microsoft = MicrosoftView::ByHand,
        "person.rights",
        NotNeeded,
        "Exchange Administrator (29232cdf-9323-42fd-ade2-1d097af3e4de)",
    ),
];

const GRAPH: &[Row] = &[
    (|_| (), "graph.permission", Passed, "holds Domain.Read.All"),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&["Directory.Read.All"])))),
        "graph.permission",
        Passed,
        "More than needed: Directory.Read.All",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(Some(claims(&[
                "Domain.Read.All",
                "Mail.Read",
                "User.Read.All",
            ]))))
        },
        "graph.permission",
        Passed,
        "More than needed: Mail.Read and User.Read.All.",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&[])))),
        "graph.permission",
        Failed,
        "no permission at all",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&["User.Read.All"])))),
        "graph.permission",
        Failed,
        "dbb9058a-0e50-45d7-ae91-66909b5d4664=Role",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["User.Read", "Domain.Read.All"])))),
        "graph.permission",
        Passed,
        "Domain Name Administrator (8329153b-31d0-4727-b945-745eb3bc5f31)",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["Directory.AccessAsUser.All"])))),
        "graph.permission",
        Passed,
        "Directory.AccessAsUser.All",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["User.Read"])))),
        "graph.permission",
        Failed,
        "2f9ee017-59c1-4f1d-9472-bd5529a7b311",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(None)),
        "graph.permission",
        Passed,
        "cannot be read, but Graph answers",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(None));
            with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph)))
        },
        "graph.permission",
        Failed,
        "Graph refuses",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(None));
            with(v).graph_domain = Asked::Said(Err(throttled()))
        },
        "graph.permission",
        CouldNotTell,
        "did not tell",
    ),
    (
        |v| with(v).graph_token = Asked::Late(Duration::from_secs(60)),
        "graph.permission",
        CouldNotTell,
        "because sign-in.graph",
    ),
    (|_| (), "graph.domain", Passed, "contoso.com, verified"),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(Some(graph_domain(Some(false))))),
        "graph.domain",
        Failed,
        "has not verified it",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(Some(graph_domain(None)))),
        "graph.domain",
        CouldNotTell,
        "does not say",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(None)),
        "graph.domain",
        Failed,
        "https://graph.microsoft.com/v1.0/domains/contoso.com",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph))),
        "graph.domain",
        Failed,
        "may not run it",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(Some(claims(&[]))));
            with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph)))
        },
        "graph.domain",
        CouldNotTell,
        "because graph.permission",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(throttled())),
        "graph.domain",
        CouldNotTell,
        "throttled",
    ),
    (
        |v| with(v).graph_domain = Asked::Late(Duration::from_secs(60)),
        "graph.domain",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(unauthorized(Service::Graph))),
        "graph.domain",
        Failed,
        "HTTP 401",
    ),
];

fn without_wids(view: &mut View) {
    if let Asked::Said(Ok(Some(claims))) = &mut with(view).exchange_token {
        claims.wids = None;
    }
}

fn only(view: &mut View, role: usize) {
    if let Asked::Said(Ok(Some(claims))) = &mut with(view).exchange_token {
        claims.wids = Some(vec![DIRECTORY_ROLES[role].id]);
    }
}

const EXCHANGE: &[Row] = &[
    (
        |_| (),
        "exchange.permission",
        Passed,
        "holds Exchange.ManageAsApp",
    ),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Ok(Some(claims(&[
                "Exchange.ManageAsApp",
                "full_access_as_app",
            ]))))
        },
        "exchange.permission",
        Passed,
        "More than needed: full_access_as_app.",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(Some(claims(&["Exchange.ManageAsAppV2"])))),
        "exchange.permission",
        Failed,
        "holds Exchange.ManageAsAppV2, which looks alike and does not serve: Exchange.ManageAsApp itself is missing",
    ),
    (
        |v| {
            with(v).exchange_token =
                Asked::Said(Ok(Some(claims(&["Exchange.AdminAPI.ManageAsApp"]))))
        },
        "exchange.permission",
        Failed,
        "holds Exchange.AdminAPI.ManageAsApp, which looks alike",
    ),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Ok(Some(claims(&[
                "Exchange.ManageAsAppV2",
                "Exchange.AdminAPI.ManageAsApp",
            ]))))
        },
        "exchange.permission",
        Failed,
        "which look alike and do not serve",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(Some(claims(&[])))),
        "exchange.permission",
        Failed,
        "\\\"appRoleId\\\":\\\"dc50a0fb-09a3-484d-be87-e023b12c6440\\\"",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(Some(claims(&["Mail.Read"])))),
        "exchange.permission",
        Failed,
        "holds Mail.Read, not Exchange.ManageAsApp",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(Some(person(&["AdminApi.AccessAsUser.All"])))),
        "exchange.permission",
        Passed,
        "AdminApi.AccessAsUser.All",
    ),
    (
        |v| {
            with(v).identity.delegated = true;
            with(v).exchange_token = Asked::Said(Ok(Some(person(&["User.Read"]))));
            with(v).cmdlets = Asked::Said(Err(unauthorized(Service::Exchange)))
        },
        "exchange.permission",
        Failed,
        "delegated permission Exchange.Manage",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(Some(person(&["User.Read"])))),
        "exchange.permission",
        Passed,
        "Exchange Online takes it",
    ),
    (
        |v| with(v).exchange_token = Asked::Said(Ok(None)),
        "exchange.permission",
        Passed,
        "cannot be read, but Exchange Online takes it",
    ),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Ok(None));
            with(v).cmdlets = Asked::Said(Err(throttled()))
        },
        "exchange.permission",
        CouldNotTell,
        "did not tell either",
    ),
    (
        |v| with(v).exchange_token = Asked::Late(Duration::from_secs(60)),
        "exchange.permission",
        CouldNotTell,
        "because sign-in.exchange",
    ),
    (
        |_| (),
        "exchange.role",
        Passed,
        "names the role Exchange Administrator",
    ),
    (
        |v| only(v, 1),
        "exchange.role",
        Passed,
        "More than needed: Global Administrator",
    ),
    (
        |v| only(v, 2),
        "exchange.role",
        Passed,
        "names only Global Reader, but every needed cmdlet may be run: an Exchange role group",
    ),
    (
        without_wids,
        "exchange.role",
        Passed,
        "does not tell roles, but every needed cmdlet may be run.",
    ),
    (
        |v| {
            only(v, 2);
            with(v).cmdlets = Asked::Said(Ok(allowed(&[Cmdlet::EnableDane])))
        },
        "exchange.role",
        Failed,
        "names only Global Reader, and not every",
    ),
    (
        |v| {
            without_wids(v);
            with(v).cmdlets = Asked::Said(Err(missing_role(Service::Exchange)))
        },
        "exchange.role",
        Failed,
        "-RoleDefinitionId '29232cdf-9323-42fd-ade2-1d097af3e4de'",
    ),
    (
        |v| {
            without_wids(v);
            with(v).cmdlets = Asked::Said(Err(throttled()))
        },
        "exchange.role",
        CouldNotTell,
        "did not say what may be run",
    ),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Ok(Some(crate::microsoft::Claims {
                wids: None,
                ..claims(&[])
            })));
            with(v).cmdlets = Asked::Said(Err(unauthorized(Service::Exchange)))
        },
        "exchange.role",
        CouldNotTell,
        "because exchange.permission",
    ),
    (
        |v| with(v).exchange_token = Asked::Late(Duration::from_secs(60)),
        "exchange.role",
        CouldNotTell,
        "because sign-in.exchange",
    ),
    (|_| (), "exchange.cmdlets", Passed, "All 6 needed cmdlets"),
    (
        |v| with(v).cmdlets = Asked::Said(Ok(allowed(&[Cmdlet::EnableDane, Cmdlet::EnableDnssec]))),
        "exchange.cmdlets",
        Failed,
        "2 of 6 needed cmdlets may not be run: Enable-DnssecForVerifiedDomain and Enable-SmtpDaneInbound. This identity may look, but not change.",
    ),
    (
        |v| with(v).cmdlets = Asked::Said(Ok(allowed(&[Cmdlet::GetDnssecStatus]))),
        "exchange.cmdlets",
        Failed,
        "Get-ManagementRole -Cmdlet 'Get-DnssecStatusForVerifiedDomain'",
    ),
    (
        |v| with(v).cmdlets = Asked::Said(Err(missing_role(Service::Exchange))),
        "exchange.cmdlets",
        Failed,
        "may not run it",
    ),
    (
        |v| {
            only(v, 4);
            with(v).cmdlets = Asked::Said(Err(missing_role(Service::Exchange)))
        },
        "exchange.cmdlets",
        CouldNotTell,
        "because exchange.role",
    ),
    (
        |v| {
            with(v).exchange_token = Asked::Said(Ok(Some(claims(&[]))));
            with(v).cmdlets = Asked::Said(Err(unauthorized(Service::Exchange)))
        },
        "exchange.cmdlets",
        CouldNotTell,
        "because exchange.permission",
    ),
    (
        |v| with(v).cmdlets = Asked::Said(Err(unauthorized(Service::Exchange))),
        "exchange.cmdlets",
        Failed,
        "HTTP 401",
    ),
    (
        |v| with(v).cmdlets = Asked::Said(Err(throttled())),
        "exchange.cmdlets",
        CouldNotTell,
        "throttled",
    ),
    (
        |v| with(v).cmdlets = Asked::Late(Duration::from_secs(60)),
        "exchange.cmdlets",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |_| (),
        "exchange.domain",
        Passed,
        "accepted domain (Authoritative)",
    ),
    (
        |v| with(v).accepted = Asked::Said(Ok(None)),
        "exchange.domain",
        Failed,
        "Get-AcceptedDomain -Identity 'contoso.com'",
    ),
    (
        |v| with(v).accepted = Asked::Said(Err(throttled())),
        "exchange.domain",
        CouldNotTell,
        "throttled",
    ),
    (
        |v| with(v).accepted = Asked::Late(Duration::from_secs(60)),
        "exchange.domain",
        CouldNotTell,
        "within 60 s",
    ),
];

fn cloudflare(view: &mut View) -> &mut ProviderView {
    view.provider = provider("cloudflare");
    &mut view.provider
}

const PROVIDER: &[Row] = &[
    (|_| (), "provider.access", Passed, "takes the credentials"),
    (
        |v| v.provider = provider("manual"),
        "provider.access",
        NotNeeded,
        "By hand",
    ),
    (
        |v| v.provider.info = None,
        "provider.access",
        Failed,
        "`rollout providers`",
    ),
    (
        |v| cloudflare(v).read = Asked::Said(Err(refused(Kind::Auth))),
        "provider.access",
        Failed,
        "Zone > DNS > Edit (to change the MX and MTA-STS records)",
    ),
    (
        |v| cloudflare(v).read = Asked::Said(Err(refused(Kind::Forbidden))),
        "provider.access",
        Failed,
        "My Profile, API Tokens",
    ),
    (
        |v| cloudflare(v).read = Asked::Said(Err(refused(Kind::NotFound))),
        "provider.access",
        Failed,
        "account that holds contoso.com",
    ),
    (
        |v| cloudflare(v).read = Asked::Said(Err(refused(Kind::Transient))),
        "provider.access",
        CouldNotTell,
        "no",
    ),
    (
        |v| cloudflare(v).read = Asked::Late(Duration::from_secs(60)),
        "provider.access",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |v| cloudflare(v).read = Asked::Not("secret.readable"),
        "provider.access",
        CouldNotTell,
        "because secret.readable",
    ),
    (
        |v| {
            cloudflare(v).standing = Asked::Said(Ok(Some(Standing {
                active: Some(false),
                said: "expired".into(),
                ends: None,
            })))
        },
        "provider.access",
        Failed,
        "calls the credentials \"expired\"",
    ),
    (
        |v| {
            cloudflare(v).standing = Asked::Said(Ok(Some(Standing {
                active: Some(true),
                said: "active".into(),
                ends: Some("2027-01-01".into()),
            })))
        },
        "provider.access",
        Passed,
        "end at 2027-01-01",
    ),
    // A token of an account is not known there, though it works.
    (
        |v| cloudflare(v).standing = Asked::Said(Err(refused(Kind::Auth))),
        "provider.access",
        Passed,
        "takes the credentials",
    ),
    (|_| (), "provider.rights", Passed, "the server's api-key"),
    (
        |v| v.provider = provider("manual"),
        "provider.rights",
        NotNeeded,
        "DNS settings of contoso.com",
    ),
    (
        |v| _ = cloudflare(v),
        "provider.rights",
        CouldNotTell,
        "There: Zone > Zone > Read. Could not tell without writing: Zone > DNS > Edit (to change the MX and MTA-STS records)",
    ),
    (
        |v| cloudflare(v).signing = Asked::Said(Err(refused(Kind::Forbidden))),
        "provider.rights",
        Failed,
        "reading whether the zone is signed",
    ),
    (
        |v| v.provider = provider("rfc2136"),
        "provider.rights",
        CouldNotTell,
        "only an update shows",
    ),
    (
        |v| {
            v.provider = provider("rfc2136");
            v.provider.listing = Asked::Said(Ok(false))
        },
        "provider.rights",
        CouldNotTell,
        "manages without: transfer of the zone (AXFR)",
    ),
    (
        |v| cloudflare(v).read = Asked::Said(Err(refused(Kind::Auth))),
        "provider.rights",
        CouldNotTell,
        "because provider.access",
    ),
];

fn resolver(view: &mut View, verdict: VantageVerdict, ad: bool) {
    view.resolvers[0].root = root(verdict, ad);
}

fn servcode() -> Failure {
    Failure::Rcode {
        code: "SERVFAIL".into(),
        explained: None,
    }
}

const REACH: &[Row] = &[
    (|_| (), "reach.https", Passed, "answers."),
    (
        |v| v.https[0].answer = Err("connection refused".into()),
        "reach.https",
        Failed,
        "lets HTTPS out to https://sign-in.example",
    ),
    (
        |v| v.https.clear(),
        "reach.https",
        NotNeeded,
        "names no service",
    ),
    (|_| (), "reach.resolver", Passed, "validates DNSSEC"),
    (
        |v| v.resolvers.clear(),
        "reach.resolver",
        NotNeeded,
        "names no resolver",
    ),
    (
        |v| resolver(v, VantageVerdict::Answer, false),
        "reach.resolver",
        Failed,
        "does not validate",
    ),
    (
        |v| resolver(v, VantageVerdict::Bogus { explained: None }, false),
        "reach.resolver",
        Failed,
        "bogus",
    ),
    (
        |v| resolver(v, VantageVerdict::NxDomain, false),
        "reach.resolver",
        Failed,
        "no SOA",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(servcode()), false),
        "reach.resolver",
        Failed,
        "answered SERVFAIL",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(Failure::Timeout), false),
        "reach.resolver",
        Failed,
        "port 53 (UDP and TCP) to 192.0.2.53:53",
    ),
    (
        |v| resolver(v, VantageVerdict::Failed(no_route()), false),
        "reach.resolver",
        CouldNotTell,
        "no path",
    ),
    (|_| (), "reach.dns-udp", Passed, "All 3 addresses"),
    (
        |v| v.servers = Err(Failure::Timeout),
        "reach.dns-udp",
        CouldNotTell,
        "resolve.forwarders",
    ),
    (
        |v| v.servers = Ok(Vec::new()),
        "reach.dns-udp",
        CouldNotTell,
        "no server",
    ),
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", Some(Failure::Timeout), None),
                server("192.0.2.2:53", None, None),
            ])
        },
        "reach.dns-udp",
        CouldNotTell,
        "1 of 2 addresses",
    ),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", Some(Failure::Timeout), None)]),
        "reach.dns-udp",
        Failed,
        "opens port 53 over UDP outward",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "192.0.2.1:53",
                Some(no_route()),
                Some(no_route()),
            )])
        },
        "reach.dns-udp",
        Failed,
        "no path to any",
    ),
    // An address family without a path is said once, elsewhere.
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", None, None),
                server("[2001:db8::1]:53", Some(no_route()), Some(no_route())),
            ])
        },
        "reach.dns-udp",
        Passed,
        "All 1 addresses",
    ),
    (|_| (), "reach.dns-tcp", Passed, "over TCP"),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", None, Some(Failure::Timeout))]),
        "reach.dns-tcp",
        Failed,
        "opens port 53 over TCP outward",
    ),
    (
        |v| {
            v.servers = Ok(vec![
                server("192.0.2.1:53", None, Some(Failure::ConnectionRefused)),
                server("192.0.2.2:53", None, None),
            ])
        },
        "reach.dns-tcp",
        CouldNotTell,
        "refused the connection",
    ),
    (|_| (), "reach.port-25", Passed, "1 of 1 addresses"),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", hangs())],
        "reach.port-25",
        CouldNotTell,
        "--from-chain",
    ),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", hangs())],
        "reach.port-25",
        CouldNotTell,
        "smtp.probe: advisory",
    ),
    (
        |v| v.mail.hosts = vec![host("192.0.2.25:25", crate::dane::ProbeResult::Refused)],
        "reach.port-25",
        CouldNotTell,
        "port 25 is blocked",
    ),
    (
        |v| {
            v.mail.hosts = vec![host("192.0.2.25:25", hangs())];
            v.mail.required = false
        },
        "reach.port-25",
        NotNeeded,
        "advisory",
    ),
    (
        |v| v.mail.hosts.push(host("192.0.2.26:25", hangs())),
        "reach.port-25",
        Passed,
        "does not answer in time (connecting)",
    ),
    (
        |v| v.mail.hosts.clear(),
        "reach.port-25",
        CouldNotTell,
        "no mail host",
    ),
    (
        |v| {
            v.mail.hosts.clear();
            v.mail.unknown = vec![("a.example".into(), "SERVFAIL".into())]
        },
        "reach.port-25",
        CouldNotTell,
        "a.example has no known address: SERVFAIL",
    ),
    (
        |v| {
            v.mail.route = Route::LookupError {
                why: "SERVFAIL".into(),
            }
        },
        "reach.port-25",
        CouldNotTell,
        "could not be looked up: SERVFAIL",
    ),
    (
        |v| v.mail.route = Route::NullMx,
        "reach.port-25",
        NotNeeded,
        "RFC 7505",
    ),
    (
        |_| (),
        "reach.mta-sts",
        Passed,
        "mta-sts.contoso.com gives the policy",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::None {
                lookup: Box::new(none()),
            })
        },
        "reach.mta-sts",
        NotNeeded,
        "no MTA-STS record",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::Invalid {
                record: None,
                why: "no mode".into(),
                ttl: 1,
                at: jiff::Timestamp::UNIX_EPOCH,
            })
        },
        "reach.mta-sts",
        Passed,
        "wrong: no mode",
    ),
    (
        |v| {
            v.mta_sts = Some(MtaStsView::Unknown {
                record: None,
                why: "timed out".into(),
                at: jiff::Timestamp::UNIX_EPOCH,
            })
        },
        "reach.mta-sts",
        CouldNotTell,
        "without a proxy",
    ),
    (
        |v| v.mta_sts = None,
        "reach.mta-sts",
        CouldNotTell,
        "in time",
    ),
    (|_| (), "reach.ipv6", Passed, "ns1.contoso.com"),
    (
        |v| v.servers = Ok(vec![server("192.0.2.1:53", None, None)]),
        "reach.ipv6",
        NotNeeded,
        "has an IPv6 address",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "[2001:db8::1]:53",
                Some(no_route()),
                Some(no_route()),
            )]);
            v.ipv6_route = false
        },
        "reach.ipv6",
        CouldNotTell,
        "has no IPv6",
    ),
    (
        |v| {
            v.servers = Ok(vec![server(
                "[2001:db8::1]:53",
                Some(Failure::Timeout),
                None,
            )])
        },
        "reach.ipv6",
        CouldNotTell,
        "has an IPv6 route, but",
    ),
    (
        |v| {
            v.servers = Ok(Vec::new());
            v.mail.hosts = vec![host("[2001:db8::25]:25", greeted())]
        },
        "reach.ipv6",
        Passed,
        "contoso-com.mail.protection.outlook.com",
    ),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    [HERE, SIGN_IN, GRAPH, EXCHANGE, PROVIDER, REACH]
        .into_iter()
        .flatten()
}

/// Everything that is said of a check, as one text.
fn said(check: &Check) -> String {
    let mut all = check.what.clone();
    for remark in &check.remarks {
        all.push_str(&format!(" {remark}"));
    }
    if let Some(mend) = &check.mend {
        all.push_str(&format!(" {} {}", mend.who, mend.what));
        for snippet in &mend.snippets {
            all.push_str(&format!(" {}", snippet.text));
        }
    }
    all
}

fn judged(change: fn(&mut View)) -> Vec<Check> {
    let mut view = healthy();
    change(&mut view);
    judge(&view)
}

#[test]
fn each_row_ends_as_it_should() {
    for (index, (change, id, state, words)) in rows().enumerate() {
        let checks = judged(*change);
        let of: Vec<&Check> = checks.iter().filter(|check| check.id == *id).collect();
        let hit = of
            .iter()
            .any(|check| check.state == *state && said(check).contains(words));
        assert!(hit, "row {index}: {id} {state:?} {words:?}\n{of:#?}");
    }
}

#[test]
fn the_table_has_every_state_that_a_check_can_end_in() {
    let covered: BTreeSet<(&str, String)> = rows()
        .map(|(_, id, state, _)| (*id, format!("{state:?}")))
        .collect();
    // Those that cannot fail, cannot be unclear, or are never needless.
    let never = |id: &str, state: State| match id {
        "file.loads" => state != Passed,
        "person.rights" => state != NotNeeded,
        "secret.readable" => state == CouldNotTell,
        "reach.https" => state == CouldNotTell,
        "reach.port-25" | "reach.ipv6" | "reach.mta-sts" => state == Failed,
        "provider.access" | "provider.rights" | "reach.resolver" => false,
        "state.folder" => matches!(state, NotNeeded | CouldNotTell),
        _ => state == NotNeeded,
    };
    for rule in ALL {
        for state in [Passed, Failed, CouldNotTell, NotNeeded] {
            let there = covered.contains(&(rule.id, format!("{state:?}")));
            assert_eq!(there, !never(rule.id, state), "{} {state:?}", rule.id);
        }
    }
}

#[test]
fn everything_that_is_said_is_whole() {
    for (change, ..) in rows() {
        let checks = judged(*change);
        for check in &checks {
            let known = rule(check.id).unwrap();
            let text = format!("{check:#?}");
            assert!(check.what.ends_with(['.', '?']), "{text}");
            assert!(
                check.remarks.iter().all(|remark| remark.ends_with('.')),
                "{text}"
            );
            // What failed says who mends it; the sentence of Microsoft's own error may say it all.
            let own = check.id.starts_with("graph.") || check.id.starts_with("sign-in.");
            assert!(
                check.state != Failed || check.mend.is_some() || own,
                "{text}"
            );
            if let Some(mend) = &check.mend {
                assert!(!mend.who.is_empty() && mend.what.ends_with('.'), "{text}");
            }
            if let Some(because) = check.because {
                assert!(known.after.contains(&because), "{text}");
                let before = checks.iter().filter(|before| before.id == because);
                assert!(before.clone().count() > 0, "{text}");
                assert!(
                    before.clone().any(|before| before.state != Passed)
                        || because == "secret.readable",
                    "{text}"
                );
                assert_eq!(check.state, CouldNotTell);
            }
        }
    }
}

#[test]
fn one_failure_hides_no_other_check() {
    let all: BTreeSet<&str> = judge(&healthy()).iter().map(|check| check.id).collect();
    let expected: BTreeSet<&str> = ALL
        .iter()
        .map(|rule| rule.id)
        .filter(|id| *id != "person.rights")
        .collect();
    assert_eq!(all, expected);
    for (change, id, ..) in rows() {
        let some: BTreeSet<&str> = judged(*change).iter().map(|check| check.id).collect();
        if *id != "person.rights" {
            assert_eq!(some, all, "{id}");
        }
    }
    assert!(judge(&healthy()).iter().all(|check| check.state == Passed));
    assert_eq!(judge(&healthy())[0].id, FILE_LOADS.id);
}

#[test]
fn roles_have_the_ids_that_microsoft_publishes() {
    assert_eq!(DIRECTORY_ROLES[1], GLOBAL_ADMINISTRATOR);
    assert_eq!(DIRECTORY_ROLES[2], GLOBAL_READER);
    let ids: BTreeSet<_> = DIRECTORY_ROLES.iter().map(|role| role.id).collect();
    assert_eq!(ids.len(), DIRECTORY_ROLES.len());
}
