//! The DNS provider's credentials.

use super::*;
use rollout_providers::{Kind, Standing};

fn cloudflare(view: &mut View) -> &mut ProviderView {
    view.provider = provider("cloudflare");
    &mut view.provider
}

fn ask_registrar(view: &mut View, on_file: Asked<(), rollout_providers::Error>) {
    view.registrar = Some(RegistrarView {
        on_file,
        ..registrar("gandi")
    });
}

pub(super) const PROVIDER: &[Row] = &[
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
    (
        |v| {
            v.registrar = Some(RegistrarView {
                info: None,
                ..registrar("gandi")
            })
        },
        "registrar.access",
        Failed,
        "as registrar",
    ),
    (
        |v| v.registrar = Some(registrar("gandi")),
        "registrar.access",
        Passed,
        "on file for contoso.com",
    ),
    (
        |v| ask_registrar(v, Asked::Said(Err(refused(Kind::Auth)))),
        "registrar.access",
        Failed,
        "makes credentials with",
    ),
    (
        |v| ask_registrar(v, Asked::Said(Err(refused(Kind::NotFound)))),
        "registrar.access",
        Failed,
        "in which contoso.com is registered",
    ),
    (
        |v| ask_registrar(v, Asked::Said(Err(refused(Kind::Transient)))),
        "registrar.access",
        CouldNotTell,
        "no",
    ),
    (
        |v| ask_registrar(v, Asked::Said(Err(refused(Kind::Unsupported)))),
        "registrar.access",
        CouldNotTell,
        "sets it all the same",
    ),
    (
        |v| ask_registrar(v, Asked::Late(Duration::from_secs(60))),
        "registrar.access",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |v| ask_registrar(v, Asked::Not("secret.readable")),
        "registrar.access",
        CouldNotTell,
        "because secret.readable",
    ),
];
