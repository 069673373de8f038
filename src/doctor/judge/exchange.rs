//! Exchange Online: the permission, the role, the cmdlets, the domain.

use super::person::needed;
use super::{late, list};
use crate::doctor::catalogue::{
    EXCHANGE_CMDLETS, EXCHANGE_DOMAIN, EXCHANGE_PERMISSION, EXCHANGE_ROLE,
};
use crate::doctor::check::{Check, Mend, State};
use crate::doctor::roles::{
    DIRECTORY_ROLES, EXCHANGE, EXCHANGE_ADMINISTRATOR, EXCHANGE_DELEGATED, GLOBAL_ADMINISTRATOR,
    LOOK_ALIKES, MANAGE_AS_APP,
};
use crate::doctor::snippet::{self, Identity};
use crate::doctor::view::{ApiView, Asked};
use crate::microsoft::{Claims, Cmdlet, DomainType, MicrosoftError};

pub(super) fn judge(api: &ApiView, domain: &str) -> Vec<Check> {
    let permission = permission(api);
    let role = role(api, permission.state);
    let before = Before {
        permission: permission.state,
        role: role.state,
    };
    let cmdlets = cmdlets(api, before);
    let domain = self::domain(api, domain, before);
    vec![permission, role, cmdlets, domain]
}

/// How the checks ended on which the calls depend.
#[derive(Clone, Copy)]
struct Before {
    permission: State,
    role: State,
}

impl Before {
    /// The check that explains a refused call, if one does.
    fn explains(self, error: &MicrosoftError) -> Option<&'static str> {
        match error {
            MicrosoftError::Unauthorized { .. } if self.permission == State::Failed => {
                Some(EXCHANGE_PERMISSION.id)
            }
            MicrosoftError::MissingRole { .. } if self.role == State::Failed => {
                Some(EXCHANGE_ROLE.id)
            }
            MicrosoftError::MissingRole { .. } if self.permission == State::Failed => {
                Some(EXCHANGE_PERMISSION.id)
            }
            _ => None,
        }
    }
}

fn claims(api: &ApiView) -> Option<&Claims> {
    api.exchange_token.good()?.as_ref()
}

fn permission(api: &ApiView) -> Check {
    if api.exchange_token.good().is_none() {
        return EXCHANGE_PERMISSION.not_checked("sign-in.exchange");
    }
    match claims(api) {
        Some(claims) if claims.is_delegated() => delegated(api, claims),
        Some(claims) => application(claims, &api.identity),
        None => by_the_call(api, "The token cannot be read"),
    }
}

fn application(claims: &Claims, who: &Identity) -> Check {
    let has = |name: &str| claims.roles.iter().any(|role| role == name);
    if has(MANAGE_AS_APP.name) {
        let check = EXCHANGE_PERMISSION.passed(format!("The token holds {}.", MANAGE_AS_APP.name));
        let more: Vec<&String> = claims
            .roles
            .iter()
            .filter(|role| *role != MANAGE_AS_APP.name)
            .collect();
        return if more.is_empty() {
            check
        } else {
            check.remark(format!(
                "More than needed: {}. {} is enough for a rollout.",
                list(&more),
                MANAGE_AS_APP.name
            ))
        };
    }
    let alike: Vec<&str> = LOOK_ALIKES.into_iter().filter(|name| has(name)).collect();
    let what = if !alike.is_empty() {
        let (verb, serve) = if alike.len() == 1 {
            ("looks", "does")
        } else {
            ("look", "do")
        };
        format!(
            "The token holds {}, which {verb} alike and {serve} not serve: {} itself is missing.",
            list(&alike),
            MANAGE_AS_APP.name
        )
    } else if claims.roles.is_empty() {
        format!(
            "The token holds no permission at all: {} is missing.",
            MANAGE_AS_APP.name
        )
    } else {
        format!(
            "The token holds {}, not {}.",
            list(&claims.roles),
            MANAGE_AS_APP.name
        )
    };
    EXCHANGE_PERMISSION.failed(what).mend(grant(who))
}

fn delegated(api: &ApiView, claims: &Claims) -> Check {
    let scopes = claims.scopes.as_deref().unwrap_or_default();
    let serves = scopes
        .iter()
        .find(|scope| EXCHANGE_DELEGATED.contains(&scope.as_str()));
    match serves {
        Some(scope) => EXCHANGE_PERMISSION.passed(format!("The person's token holds {scope}.")),
        None => by_the_call(api, "The person's token holds no permission known to serve"),
    }
}

/// Where the token does not tell, the service does: it refuses with 401 what lacks the permission.
fn by_the_call(api: &ApiView, token: &str) -> Check {
    match &api.cmdlets {
        Asked::Said(Ok(_)) | Asked::Said(Err(MicrosoftError::MissingRole { .. })) => {
            EXCHANGE_PERMISSION.passed(format!("{token}, but Exchange Online takes it."))
        }
        Asked::Said(Err(MicrosoftError::Unauthorized { .. })) => EXCHANGE_PERMISSION
            .failed(format!(
                "{token}, and Exchange Online refuses it with HTTP 401."
            ))
            .mend(grant(&api.identity)),
        _ => EXCHANGE_PERMISSION
            .could_not_tell(format!("{token}, and Exchange Online did not tell either.")),
    }
}

fn grant(who: &Identity) -> Mend {
    if who.delegated {
        return Mend::new(
            "A Privileged Role Administrator",
            format!(
                "consents to the delegated permission Exchange.Manage on {} ({}) for the application that {} signs in with; \
                 Microsoft's own Exchange module has its own.",
                EXCHANGE.name,
                EXCHANGE.id,
                who.name()
            ),
        );
    }
    Mend::new(
        "A Privileged Role Administrator",
        format!(
            "grants {} the application permission {} ({}) on {} ({}), with admin consent (Entra admin center, App registrations, \
             API permissions, APIs my organization uses). {} look alike and do not serve.",
            who.name(),
            MANAGE_AS_APP.name,
            MANAGE_AS_APP.id,
            EXCHANGE.name,
            EXCHANGE.id,
            list(&LOOK_ALIKES)
        ),
    )
    .with(snippet::grant_app_role(who, EXCHANGE, MANAGE_AS_APP))
}

fn role(api: &ApiView, permission: State) -> Check {
    if api.exchange_token.good().is_none() {
        return EXCHANGE_ROLE.not_checked("sign-in.exchange");
    }
    let wids = claims(api).and_then(|claims| claims.wids.as_deref());
    let has = |id| wids.is_some_and(|wids| wids.contains(&id));
    if has(EXCHANGE_ADMINISTRATOR.id) {
        return EXCHANGE_ROLE.passed(format!(
            "The token names the role {}.",
            EXCHANGE_ADMINISTRATOR.name
        ));
    }
    if has(GLOBAL_ADMINISTRATOR.id) {
        return EXCHANGE_ROLE
            .passed(format!(
                "The token names the role {}.",
                GLOBAL_ADMINISTRATOR.name
            ))
            .remark(format!(
                "More than needed: {}. {} ({}) is enough for a rollout.",
                GLOBAL_ADMINISTRATOR.name, EXCHANGE_ADMINISTRATOR.name, EXCHANGE_ADMINISTRATOR.id
            ));
    }
    let there: Vec<&str> = DIRECTORY_ROLES
        .iter()
        .filter(|role| has(role.id))
        .map(|role| role.name)
        .collect();
    let token = match (wids, there.as_slice()) {
        (None, _) => "The token does not tell roles".to_owned(),
        (Some(_), []) => "The token names no role that Exchange Online knows".to_owned(),
        (Some(_), some) => format!("The token names only {}", list(some)),
    };
    match &api.cmdlets {
        Asked::Said(Ok(allowed)) if allowed.missing().is_empty() => EXCHANGE_ROLE.passed(format!(
            "{token}, but every needed cmdlet may be run{}.",
            if wids.is_some() {
                ": an Exchange role group allows it"
            } else {
                ""
            }
        )),
        Asked::Said(Ok(_)) => EXCHANGE_ROLE
            .failed(format!("{token}, and not every needed cmdlet may be run."))
            .mend(assign(&api.identity)),
        Asked::Said(Err(MicrosoftError::MissingRole { .. })) => EXCHANGE_ROLE
            .failed(format!(
                "{token}, and Exchange Online refuses every cmdlet (HTTP 403)."
            ))
            .mend(assign(&api.identity)),
        Asked::Said(Err(MicrosoftError::Unauthorized { .. })) if permission == State::Failed => {
            EXCHANGE_ROLE.not_checked(EXCHANGE_PERMISSION.id)
        }
        _ => EXCHANGE_ROLE
            .could_not_tell(format!(
                "{token}, and Exchange Online did not say what may be run."
            ))
            .mend(assign(&api.identity)),
    }
}

fn assign(who: &Identity) -> Mend {
    let role = EXCHANGE_ADMINISTRATOR;
    Mend::new(
        "A Privileged Role Administrator",
        format!(
            "assigns the Microsoft Entra role {} ({}) to {}{} (Entra admin center, Roles and administrators). It can take an hour to work.",
            role.name,
            role.id,
            if who.delegated { "" } else { "the service principal of " },
            who.name()
        ),
    )
    .with(snippet::assign_directory_role(who, role))
}

fn cmdlets(api: &ApiView, before: Before) -> Check {
    let allowed = match &api.cmdlets {
        Asked::Not(because) => return EXCHANGE_CMDLETS.not_checked(because),
        Asked::Late(time) => return EXCHANGE_CMDLETS.could_not_tell(late(*time)),
        Asked::Said(Err(error)) => return refused(&EXCHANGE_CMDLETS, api, error, before),
        Asked::Said(Ok(allowed)) => allowed,
    };
    let missing = allowed.missing();
    let all = needed().len();
    if missing.is_empty() {
        let check = EXCHANGE_CMDLETS.passed(format!("All {all} needed cmdlets may be run."));
        let unseen: Vec<&str> = Cmdlet::OPTIONAL
            .into_iter()
            .filter(|cmdlet| !allowed.permits(*cmdlet))
            .map(Cmdlet::name)
            .collect();
        return if unseen.is_empty() {
            check
        } else {
            check.remark(format!(
                "May not be run, which a rollout manages without, knowing less: {}.",
                list(&unseen)
            ))
        };
    }
    let names: Vec<&str> = missing.iter().map(|cmdlet| cmdlet.name()).collect();
    let only_changes = missing.iter().all(|cmdlet| !cmdlet.only_reads());
    let mut mend = assign(&api.identity);
    mend.what = format!(
        "{} A role group serves too; the commands say which management roles hold the cmdlets.",
        mend.what
    );
    mend.snippets.push(snippet::find_cmdlet_roles(&names));
    EXCHANGE_CMDLETS
        .failed(format!(
            "{} of {all} needed cmdlets may not be run: {}.{}",
            missing.len(),
            list(&names),
            if only_changes {
                " This identity may look, but not change."
            } else {
                ""
            }
        ))
        .mend(mend)
}

fn refused(
    rule: &crate::doctor::Rule,
    api: &ApiView,
    error: &MicrosoftError,
    before: Before,
) -> Check {
    if let Some(because) = before.explains(error) {
        return rule.not_checked(because);
    }
    if error.is_could_not_tell() {
        return rule.could_not_tell(error.to_string());
    }
    let check = rule.failed(error.to_string());
    match error {
        MicrosoftError::MissingRole { .. } => check.mend(assign(&api.identity)),
        MicrosoftError::Unauthorized { .. } => check.mend(grant(&api.identity)),
        _ => check,
    }
}

fn domain(api: &ApiView, domain: &str, before: Before) -> Check {
    let found = match &api.accepted {
        Asked::Not(because) => return EXCHANGE_DOMAIN.not_checked(because),
        Asked::Late(time) => return EXCHANGE_DOMAIN.could_not_tell(late(*time)),
        Asked::Said(Err(error)) => return refused(&EXCHANGE_DOMAIN, api, error, before),
        Asked::Said(Ok(found)) => found,
    };
    match found {
        None => EXCHANGE_DOMAIN
            .failed(format!("Exchange Online answers, but {domain} is no accepted domain."))
            .mend(
                Mend::new(
                    "A Domain Name Administrator",
                    format!(
                        "adds {domain} in the Microsoft 365 admin center (Settings, Domains) and chooses Exchange for it."
                    ),
                )
                .with([snippet::show_accepted_domain(domain)]),
            ),
        Some(found) => {
            let kind = match &found.domain_type {
                DomainType::Authoritative => "Authoritative",
                DomainType::InternalRelay => "InternalRelay",
                DomainType::ExternalRelay => "ExternalRelay",
                DomainType::Other(other) => other,
            };
            EXCHANGE_DOMAIN.passed(format!(
                "Exchange Online answers; {domain} is an accepted domain ({kind})."
            ))
        }
    }
}
