//! Microsoft Graph: the permission, and the domain.

use super::{late, list};
use crate::doctor::catalogue::{GRAPH_DOMAIN, GRAPH_PERMISSION};
use crate::doctor::check::{Check, Mend, State};
use crate::doctor::roles::{
    AS_THE_PERSON, DOMAIN_NAME_ADMINISTRATOR, DOMAIN_READ, DOMAIN_READ_AND_MORE,
    DOMAIN_READ_DELEGATED, GLOBAL_ADMINISTRATOR, GLOBAL_READER, GRAPH,
};
use crate::doctor::snippet::{self, Identity};
use crate::doctor::view::{ApiView, Asked};
use crate::microsoft::{Claims, MicrosoftError};

pub(super) fn judge(api: &ApiView, domain: &str) -> Vec<Check> {
    let permission = permission(api);
    let domain = self::domain(api, domain, permission.state);
    vec![permission, domain]
}

fn permission(api: &ApiView) -> Check {
    let claims = match &api.graph_token {
        Asked::Said(Ok(Some(claims))) => claims,
        Asked::Said(Ok(None)) => return by_the_call(api),
        _ => return GRAPH_PERMISSION.not_checked("sign-in.graph"),
    };
    if claims.is_delegated() {
        delegated(claims)
    } else {
        application(claims, &api.identity)
    }
}

fn application(claims: &Claims, who: &Identity) -> Check {
    let has = |name: &str| claims.roles.iter().any(|role| role == name);
    let higher = DOMAIN_READ_AND_MORE.iter().find(|name| has(name));
    if !has(DOMAIN_READ.name) && higher.is_none() {
        let there = match claims.roles.as_slice() {
            [] => "The token holds no permission at all".to_owned(),
            some => format!("The token holds {}, not {}", list(some), DOMAIN_READ.name),
        };
        return GRAPH_PERMISSION
            .failed(format!("{there}."))
            .mend(grant(who));
    }
    let check = GRAPH_PERMISSION.passed(match higher {
        Some(higher) if !has(DOMAIN_READ.name) => {
            format!(
                "The token holds {higher}, which includes {}.",
                DOMAIN_READ.name
            )
        }
        _ => format!("The token holds {}.", DOMAIN_READ.name),
    });
    let more: Vec<&String> = claims
        .roles
        .iter()
        .filter(|role| *role != DOMAIN_READ.name)
        .collect();
    if more.is_empty() {
        check
    } else {
        check.remark(format!(
            "More than needed: {}. {} is enough for a rollout.",
            list(&more),
            DOMAIN_READ.name
        ))
    }
}

fn delegated(claims: &Claims) -> Check {
    let scopes = claims.scopes.as_deref().unwrap_or_default();
    let serves = scopes.iter().find(|scope| {
        let scope = scope.as_str();
        scope == DOMAIN_READ.name || scope == AS_THE_PERSON || DOMAIN_READ_AND_MORE.contains(&scope)
    });
    let Some(serves) = serves else {
        return GRAPH_PERMISSION
            .failed(format!(
                "The person's token holds {}, and nothing that shows domains.",
                if scopes.is_empty() { "no permission".to_owned() } else { list(scopes) }
            ))
            .mend(Mend::new(
                "A Privileged Role Administrator",
                format!(
                    "consents to the delegated permission {} ({}) on {} ({}) for the application that the person signs in with.",
                    DOMAIN_READ_DELEGATED.name, DOMAIN_READ_DELEGATED.id, GRAPH.name, GRAPH.id
                ),
            ));
    };
    let check = GRAPH_PERMISSION.passed(format!("The person's token holds {serves}."));
    let enough = [
        DOMAIN_NAME_ADMINISTRATOR,
        GLOBAL_READER,
        GLOBAL_ADMINISTRATOR,
    ];
    match &claims.wids {
        Some(wids) if !enough.iter().any(|role| wids.contains(&role.id)) => check.remark(format!(
            "The person needs the role {} ({}) or {} ({}) as well; the token names neither.",
            DOMAIN_NAME_ADMINISTRATOR.name,
            DOMAIN_NAME_ADMINISTRATOR.id,
            GLOBAL_READER.name,
            GLOBAL_READER.id
        )),
        _ => check,
    }
}

/// Where the token cannot be read, the call tells.
fn by_the_call(api: &ApiView) -> Check {
    match &api.graph_domain {
        Asked::Said(Ok(_)) => GRAPH_PERMISSION
            .passed("The token cannot be read, but Graph answers what needs the permission."),
        Asked::Said(Err(MicrosoftError::MissingRole { .. })) => GRAPH_PERMISSION
            .failed("The token cannot be read, and Graph refuses what needs the permission.")
            .mend(grant(&api.identity)),
        _ => GRAPH_PERMISSION.could_not_tell(
            "The token cannot be read, and the call that needs the permission did not tell.",
        ),
    }
}

fn grant(who: &Identity) -> Mend {
    if who.delegated {
        return Mend::new(
            "A Privileged Role Administrator",
            format!(
                "consents to the delegated permission {} ({}) on {}, and gives {} the role {} ({}).",
                DOMAIN_READ_DELEGATED.name,
                DOMAIN_READ_DELEGATED.id,
                GRAPH.name,
                who.name(),
                GLOBAL_READER.name,
                GLOBAL_READER.id
            ),
        )
        .with(snippet::assign_directory_role(who, GLOBAL_READER));
    }
    Mend::new(
        "A Privileged Role Administrator",
        format!(
            "grants {} the application permission {} ({}) on {} ({}), with admin consent (Entra admin center, App registrations, API permissions).",
            who.name(),
            DOMAIN_READ.name,
            DOMAIN_READ.id,
            GRAPH.name,
            GRAPH.id
        ),
    )
    .with(snippet::grant_app_role(who, GRAPH, DOMAIN_READ))
}

fn domain(api: &ApiView, domain: &str, permission: State) -> Check {
    let who = &api.identity;
    let add = || {
        Mend::new(
            "A Domain Name Administrator",
            format!(
                "adds and verifies {domain} in the Microsoft 365 admin center (Settings, Domains), or the domain file names the right tenant instead of {}.",
                who.tenant
            ),
        )
        .with(snippet::show_domain(who, domain))
    };
    match &api.graph_domain {
        Asked::Not(because) => GRAPH_DOMAIN.not_checked(because),
        Asked::Late(time) => GRAPH_DOMAIN.could_not_tell(late(*time)),
        Asked::Said(Ok(None)) => GRAPH_DOMAIN
            .failed(format!("The tenant {} does not have {domain}.", who.tenant))
            .mend(add()),
        Asked::Said(Ok(Some(found))) => match found.is_verified {
            Some(true) => {
                let check = GRAPH_DOMAIN.passed(format!("The tenant has {domain}, verified."));
                if found.has_email() {
                    check
                } else {
                    check.remark("It is not used for email; `rollout plan` says what that means.")
                }
            }
            Some(false) => GRAPH_DOMAIN
                .failed(format!("The tenant has {domain}, but has not verified it."))
                .mend(add()),
            None => GRAPH_DOMAIN.could_not_tell(format!(
                "The tenant has {domain}, but Graph does not say whether it is verified."
            )),
        },
        // The missing permission is said above.
        Asked::Said(Err(
            MicrosoftError::MissingRole { .. } | MicrosoftError::Unauthorized { .. },
        )) if permission == State::Failed => GRAPH_DOMAIN.not_checked("graph.permission"),
        Asked::Said(Err(error)) if error.is_could_not_tell() => {
            GRAPH_DOMAIN.could_not_tell(error.to_string())
        }
        Asked::Said(Err(error @ MicrosoftError::MissingRole { .. })) => {
            GRAPH_DOMAIN.failed(error.to_string()).mend(grant(who))
        }
        Asked::Said(Err(error)) => GRAPH_DOMAIN.failed(error.to_string()),
    }
}
