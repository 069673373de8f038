//! Signing in, and whose tokens came.

use uuid::Uuid;

use super::{capital, late};
use crate::doctor::catalogue::{
    EXCHANGE_CMDLETS, EXCHANGE_DOMAIN, EXCHANGE_PERMISSION, EXCHANGE_ROLE, GRAPH_DOMAIN,
    GRAPH_PERMISSION, Rule, SIGN_IN_EXCHANGE, SIGN_IN_GRAPH, TOKEN_TENANT,
};
use crate::doctor::check::{Check, Mend};
use crate::doctor::snippet::{self, Identity};
use crate::doctor::view::{ApiView, Asked, TokenView};
use crate::microsoft::{Claims, SignInError, SignInReason};

/// The settings cannot be used at all.
pub(super) fn unusable(why: &str) -> Vec<Check> {
    let correct = || {
        Mend::new(
            "Whoever wrote the domain file",
            "corrects its part `microsoft`.",
        )
    };
    let mut checks: Vec<Check> = [&SIGN_IN_GRAPH, &SIGN_IN_EXCHANGE]
        .map(|rule| rule.failed(why).mend(correct()))
        .into();
    checks.extend(
        [&TOKEN_TENANT, &GRAPH_PERMISSION, &GRAPH_DOMAIN]
            .map(|rule| rule.not_checked(SIGN_IN_GRAPH.id)),
    );
    checks.extend(
        [
            &EXCHANGE_PERMISSION,
            &EXCHANGE_ROLE,
            &EXCHANGE_CMDLETS,
            &EXCHANGE_DOMAIN,
        ]
        .map(|rule| rule.not_checked(SIGN_IN_EXCHANGE.id)),
    );
    checks
}

pub(super) fn judge(api: &ApiView) -> Vec<Check> {
    vec![
        signed_in(&SIGN_IN_GRAPH, &api.graph_token, &api.identity),
        signed_in(&SIGN_IN_EXCHANGE, &api.exchange_token, &api.identity),
        tenant(api),
    ]
}

fn signed_in(rule: &Rule, token: &TokenView, who: &Identity) -> Check {
    match token {
        Asked::Not(because) => rule.not_checked(because),
        Asked::Late(time) => rule.could_not_tell(late(*time)),
        Asked::Said(Ok(_)) => {
            let check = rule.passed(format!(
                "{} signs in with the {}, tenant {}.",
                subject(who),
                who.method,
                who.tenant
            ));
            if who.delegated && rule.id == SIGN_IN_GRAPH.id {
                return check.remark(
                    "The tokens speak for a person, so that person's own roles decide what may be done.",
                );
            }
            check
        }
        Asked::Said(Err(error)) => {
            let check = if error.is_transient() {
                rule.could_not_tell(error.to_string())
            } else {
                rule.failed(error.to_string())
            };
            match mend(error, who) {
                Some(mend) => check.mend(mend),
                None => check,
            }
        }
    }
}

/// Who mends a failed sign-in. The error itself says what is wrong.
fn mend(error: &SignInError, who: &Identity) -> Option<Mend> {
    const OWNER: &str = "An owner of the app registration or a Cloud Application Administrator";
    const CONSENT: &str = "A Privileged Role Administrator";
    let tenant = &who.tenant;
    Some(match &error.reason {
        SignInReason::WrongSecret | SignInReason::ExpiredSecret => Mend::new(
            OWNER,
            "makes a new client secret and gives its value, not its id, to whoever runs rollout. The value is shown once.",
        )
        .with(snippet::new_secret(who)),
        SignInReason::UnknownClient => Mend::new(
            "Whoever wrote the domain file",
            format!(
                "corrects microsoft.sign_in.client_id or microsoft.tenant: the tenant {tenant} does not know {}.",
                who.name()
            ),
        )
        .with(snippet::show_application(who)),
        SignInReason::UnknownTenant => Mend::new(
            "Whoever wrote the domain file",
            format!("corrects microsoft.tenant or microsoft.cloud: nobody knows the tenant {tenant} there."),
        ),
        SignInReason::ConsentMissing => Mend::new(
            CONSENT,
            format!("grants admin consent for {} in the tenant {tenant}.", who.name()),
        )
        .with(snippet::admin_consent(who)),
        SignInReason::ConditionalAccess { .. } => Mend::new(
            "A Conditional Access Administrator",
            format!(
                "looks at the sign-in log of {} for the policy that blocked it, and lets it through from this machine.",
                who.name()
            ),
        ),
        SignInReason::NotAssigned => Mend::new(
            "A Cloud Application Administrator",
            format!(
                "assigns {} to the enterprise application, or switches \"Assignment required\" off there.",
                who.name()
            ),
        ),
        SignInReason::Disabled => Mend::new(
            "A Cloud Application Administrator",
            format!("enables {} under Enterprise applications.", who.name()),
        )
        .with(snippet::enable_application(who)),
        SignInReason::UnknownResource { .. } => Mend::new(
            "A Cloud Application Administrator",
            format!("creates the service principal of Office 365 Exchange Online in the tenant {tenant}, if it has Exchange Online."),
        )
        .with(snippet::create_exchange(who)),
        SignInReason::BadAssertion { .. } => Mend::new(
            OWNER,
            "registers the certificate or federated credential with the application anew.",
        ),
        SignInReason::AuthorityBusy { .. } => {
            Mend::new("Nobody", "has to do anything: run again in some minutes.")
        }
        SignInReason::AuthorityDown { .. } | SignInReason::NotEntra { .. } => Mend::new(
            "The administrator of the network",
            "lets HTTPS out to that host, past every proxy that opens TLS.",
        ),
        SignInReason::Source { .. } => Mend::new(
            "Whoever runs rollout",
            "provides the identity on this machine, as the sentence above says.",
        ),
        _ => return None,
    })
}

fn tenant(api: &ApiView) -> Check {
    let tokens = [&api.graph_token, &api.exchange_token];
    let known: Vec<&Claims> = tokens
        .iter()
        .filter_map(|token| token.good()?.as_ref())
        .collect();
    let signed_in = tokens.iter().any(|token| token.good().is_some());
    if !signed_in {
        return TOKEN_TENANT.not_checked("sign-in.graph");
    }
    let tenants: Vec<Uuid> = known.iter().filter_map(|claims| claims.tenant).collect();
    let Some(first) = tenants.first() else {
        return TOKEN_TENANT
            .could_not_tell("The tokens do not tell their tenant in a form that can be read.");
    };
    let wanted = Uuid::try_parse(&api.identity.tenant).ok();
    let other = tenants
        .iter()
        .find(|tenant| **tenant != wanted.unwrap_or(*first));
    match (other, wanted) {
        (Some(other), _) => TOKEN_TENANT
            .failed(format!(
                "A token is for the tenant {other}, not for {}.",
                api.identity.tenant
            ))
            .mend(Mend::new(
                "Whoever wrote the domain file",
                "corrects microsoft.tenant, or signs in to the right tenant (az login --tenant).",
            )),
        (None, Some(_)) => TOKEN_TENANT.passed(format!("The tokens are for the tenant {first}.")),
        (None, None) => TOKEN_TENANT.passed(format!(
            "The tokens are for the tenant {first}, which sign-in found under the name {}.",
            api.identity.tenant
        )),
    }
}

/// Who it is, to begin a sentence; a sign-in name stays as it is.
fn subject(who: &Identity) -> String {
    let name = who.name();
    if name.contains('@') {
        name
    } else {
        capital(&name)
    }
}
