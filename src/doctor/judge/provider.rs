//! The DNS provider's credentials.

use rollout_providers::{Info, Kind, ShownBy};

use super::{capital, late, list};
use crate::doctor::catalogue::{PROVIDER_ACCESS, PROVIDER_RIGHTS, REGISTRAR_ACCESS, Rule};
use crate::doctor::check::{Check, Mend, State};
use crate::doctor::view::{Asked, ProviderView, RegistrarView};

pub(super) fn judge(view: &ProviderView) -> Vec<Check> {
    let Some(info) = view.info else {
        let missing = PROVIDER_ACCESS
            .failed("There is no such DNS provider.")
            .mend(Mend::new(
                "Whoever wrote the domain file",
                "names one that `rollout providers` lists.",
            ));
        return vec![missing, PROVIDER_RIGHTS.not_checked("provider.access")];
    };
    let access = access(view, info).about(info.slug);
    let rights = rights(view, info, access.state).about(info.slug);
    vec![access, rights]
}

fn access(view: &ProviderView, info: &Info) -> Check {
    if info.access.rights.is_empty() {
        return PROVIDER_ACCESS.not_needed(format!(
            "{}: a person makes the changes, DNS shows what is live.",
            info.title
        ));
    }
    match &view.read {
        Asked::Not(because) => PROVIDER_ACCESS.not_checked(because),
        Asked::Late(time) => PROVIDER_ACCESS.could_not_tell(late(*time)),
        Asked::Said(Ok(())) => standing(
            PROVIDER_ACCESS.passed(format!(
                "{} takes the credentials; the zone {} and its MX records can be read.",
                info.title, view.apex
            )),
            view,
            info,
        ),
        Asked::Said(Err(error)) => refused(&PROVIDER_ACCESS, error, info, || {
            format!(
                "gives credentials of the account that holds {}, or corrects dns.zone.",
                view.apex
            )
        }),
    }
}

/// The registrar that the domain file names.
pub(super) fn registrar(view: &RegistrarView) -> Check {
    let Some(info) = view.info else {
        return REGISTRAR_ACCESS
            .failed("There is no such registrar.")
            .mend(Mend::new(
                "Whoever wrote the domain file",
                "names one that `rollout providers` lists as registrar.",
            ));
    };
    let check = match &view.on_file {
        Asked::Not(because) => REGISTRAR_ACCESS.not_checked(because),
        Asked::Late(time) => REGISTRAR_ACCESS.could_not_tell(late(*time)),
        Asked::Said(Ok(())) => REGISTRAR_ACCESS
            .passed(format!(
                "{} takes the credentials and shows the DS that it has on file for {}.",
                info.title, view.apex
            ))
            .remark("Could not tell without writing: whether the credentials may set it."),
        Asked::Said(Err(error)) if error.is_unsupported() => REGISTRAR_ACCESS
            .could_not_tell(words(error))
            .remark("What it has on file cannot be read there; a rollout sets it all the same."),
        Asked::Said(Err(error)) => refused(&REGISTRAR_ACCESS, error, info, || {
            format!(
                "gives credentials of the account in which {} is registered, or corrects registrar.provider.",
                view.apex
            )
        }),
    };
    check.about(info.slug)
}

/// An error of the interface; `elsewhere` says what to do where the account does not hold what was asked for.
fn refused(
    rule: &Rule,
    error: &rollout_providers::Error,
    info: &Info,
    elsewhere: impl Fn() -> String,
) -> Check {
    if error.is_temporary() || error.kind == Kind::Protocol {
        return rule.could_not_tell(words(error));
    }
    rule.failed(words(error)).mend(match error.kind {
        Kind::NotFound => Mend::new("Whoever administers the zone", elsewhere()),
        _ => make(info),
    })
}

/// What the provider said; which one it is, is said before.
fn words(error: &rollout_providers::Error) -> String {
    let said = error.to_string();
    let said = said
        .strip_prefix(&format!("{}: ", error.provider))
        .unwrap_or(&said);
    capital(said)
}

/// What the provider says of the credentials themselves.
fn standing(check: Check, view: &ProviderView, info: &Info) -> Check {
    let Some(Some(standing)) = view.standing.good() else {
        return check;
    };
    let check = match &standing.ends {
        Some(ends) => check.remark(format!("The credentials end at {ends}.")),
        None => check,
    };
    match standing.active {
        Some(false) => PROVIDER_ACCESS
            .failed(format!(
                "{} calls the credentials {:?}.",
                info.title, standing.said
            ))
            .mend(make(info)),
        _ => check,
    }
}

fn make(info: &Info) -> Mend {
    let rights: Vec<String> = info
        .access
        .rights
        .iter()
        .map(|right| format!("{} (to {})", right.name, right.purpose))
        .collect();
    Mend::new(
        "Whoever administers the zone",
        format!(
            "makes credentials with {}. Where: {}",
            list(&rights),
            info.access.made_at
        ),
    )
}

fn rights(view: &ProviderView, info: &Info, access: State) -> Check {
    if info.access.rights.is_empty() {
        return PROVIDER_RIGHTS.not_needed(format!(
            "The person needs access to the DNS settings of {}.",
            view.apex
        ));
    }
    if access != State::Passed {
        return PROVIDER_RIGHTS.not_checked(PROVIDER_ACCESS.id);
    }
    let refused = |error: &rollout_providers::Error| error.is_about_access();
    let mut shown = Vec::new();
    let mut unseen = Vec::new();
    let mut missing = Vec::new();
    let mut remarks = Vec::new();
    for right in info.access.rights {
        let words = format!("{} (to {})", right.name, right.purpose);
        match right.shown_by {
            ShownBy::Reading => shown.push(right.name),
            ShownBy::Write => unseen.push(words),
            ShownBy::SigningStatus => match &view.signing {
                Asked::Said(Ok(())) => shown.push(right.name),
                Asked::Said(Err(error)) if refused(error) => missing.push(words),
                _ => unseen.push(words),
            },
            // A rollout manages without.
            ShownBy::Listing => match &view.listing {
                Asked::Said(Ok(true)) => shown.push(right.name),
                _ => remarks.push(format!(
                    "Not there, which a rollout manages without: {words}."
                )),
            },
        }
    }
    // The status of signing is read at every look, whatever shows the rights.
    if let Asked::Said(Err(error)) = &view.signing
        && refused(error)
        && missing.is_empty()
    {
        missing.push("reading whether the zone is signed".to_owned());
    }
    let check = if !missing.is_empty() {
        PROVIDER_RIGHTS
            .failed(format!("Missing: {}.", missing.join("; ")))
            .mend(make(info))
    } else if unseen.is_empty() {
        PROVIDER_RIGHTS.passed(format!("There: {}.", list(&shown)))
    } else {
        let seen = if shown.is_empty() {
            String::new()
        } else {
            format!("There: {}. ", list(&shown))
        };
        PROVIDER_RIGHTS
            .could_not_tell(format!(
                "{seen}Could not tell without writing: {}.",
                unseen.join("; ")
            ))
            .remark(info.access.told)
            .mend(Mend::new(
                "Whoever administers the zone",
                format!(
                    "compares these rights with what the credentials have. Where: {}",
                    info.access.made_at
                ),
            ))
    };
    remarks.into_iter().fold(check, Check::remark)
}
