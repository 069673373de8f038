//! The permission, the role, the cmdlets and the domain at Exchange Online.

use super::*;
use crate::microsoft::Cmdlet;
use crate::microsoft::error::Service;

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

pub(super) const EXCHANGE: &[Row] = &[
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
        |v| with(v).cmdlets = Asked::Said(Ok(allowed(&[Cmdlet::OPTIONAL[0]]))),
        "exchange.cmdlets",
        Passed,
        "which a rollout manages without",
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
