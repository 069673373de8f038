//! Signing in, the tenant, and a person in place of an application.

use super::*;
use crate::microsoft::SignInReason;

pub(super) const SIGN_IN: &[Row] = &[
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
        "Install-Module -Name ExchangeOnlineManagement -MinimumVersion 3.2.0",
    ),
    (
        |v| v.microsoft = MicrosoftView::ByHand,
        "person.rights",
        NotNeeded,
        "Exchange Administrator (29232cdf-9323-42fd-ade2-1d097af3e4de)",
    ),
    (
        |v| v.microsoft = MicrosoftView::ByModule,
        "person.rights",
        CouldNotTell,
        "signs in by itself",
    ),
];
