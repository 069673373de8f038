use std::collections::BTreeSet;

use super::{objects, page, rules};
use crate::doctor::catalogue::ALL;
use crate::doctor::tests::scene::{DOMAIN, healthy};
use crate::doctor::view::{Asked, MicrosoftView, View};
use crate::doctor::{Check, Tool, judge};
use crate::microsoft::Claims;
use crate::output::Look;
use crate::output::text::json;

const TOOLS: [Tool; 4] = [Tool::Az, Tool::Powershell, Tool::Graph, Tool::Shell];
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}b\r\n  passed  c\u{202e}d";

fn without_permission(roles: &[&str]) -> View {
    let mut view = healthy();
    if let MicrosoftView::Api(api) = &mut view.microsoft
        && let Asked::Said(Ok(Some(claims))) = &mut api.exchange_token
    {
        *claims = Claims {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..claims.clone()
        };
    }
    view
}

fn shown(checks: &[Check]) -> String {
    page(DOMAIN, "contoso.yml", checks, &TOOLS).plain()
}

#[test]
fn a_healthy_domain_is_a_line_for_each_check() {
    let checks = judge(&healthy());
    let text = shown(&checks);
    let first = format!(
        "contoso.com: everything needed is there, {} passed  (contoso.yml; nothing was changed)",
        checks.len()
    );
    assert_eq!(text.lines().next(), Some(first.as_str()));
    for check in &checks {
        assert!(
            text.contains(&format!("{}  [{}]", check.what, check.id)),
            "{text}"
        );
    }
    assert!(!text.contains("mend:") && !text.contains("why:"), "{text}");
}

#[test]
fn what_failed_says_why_who_and_how() {
    let checks = judge(&without_permission(&["Exchange.ManageAsAppV2"]));
    let text = shown(&checks);
    assert!(text.starts_with("contoso.com: 1 failed, "), "{text}");
    for line in [
        "  failed          The token holds Exchange.ManageAsAppV2, which looks alike",
        "                  why:  Without it Exchange Online answers every cmdlet with HTTP 401.",
        "                  mend: A Privileged Role Administrator grants the application 11111111",
        "                  az:",
        "                  PowerShell:",
        "                  Graph, by az rest:",
        "    az ad app permission add --id 11111111-0000-4000-8000-000000000001 --api 00000002",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let quiet = page(DOMAIN, "contoso.yml", &checks, &[]).plain();
    assert!(!quiet.contains("az ad app"), "{quiet}");
    let one = page(DOMAIN, "contoso.yml", &checks, &[Tool::Az]).plain();
    assert!(
        one.contains("az ad app") && !one.contains("PowerShell:"),
        "{one}"
    );
}

#[test]
fn it_fits_a_narrow_terminal_except_what_is_to_be_copied() {
    let checks = judge(&without_permission(&[]));
    let look = Look {
        colour: false,
        width: Some(80),
    };
    let copied: BTreeSet<&str> = checks
        .iter()
        .filter_map(|check| check.mend.as_ref())
        .flat_map(|mend| &mend.snippets)
        .flat_map(|snippet| snippet.text.lines())
        .collect();
    for line in page(DOMAIN, "contoso.yml", &checks, &TOOLS)
        .render(look)
        .lines()
    {
        assert!(
            line.chars().count() <= 80 || copied.contains(line.trim()),
            "{line}"
        );
    }
}

#[test]
fn strangers_cannot_drive_the_terminal() {
    let mut view = without_permission(&[HOSTILE]);
    view.resolvers[0].name = HOSTILE.to_owned();
    view.https[0].answer = Err(HOSTILE.to_owned());
    view.secrets[0].trouble = Some(HOSTILE.to_owned());
    view.secrets[0].open_file = Some(HOSTILE.into());
    view.provider.apex = HOSTILE.to_owned();
    view.mail.hosts[0].0 = HOSTILE.to_owned();
    let checks = judge(&view);
    let text = shown(&checks);
    for line in text.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains('\u{202e}'), "{line:?}");
        assert!(!line.starts_with("  passed  c"), "{line:?}");
    }
    for object in objects(DOMAIN, HOSTILE, &checks, 1) {
        let line = json(&object);
        assert!(
            !line.chars().any(char::is_control) && !line.contains('\u{202e}'),
            "{line:?}"
        );
    }
}

/// Programs read these names: none may go or change without a new schema.
#[test]
fn the_members_are_stable() {
    let checks = judge(&without_permission(&[]));
    let all = objects(DOMAIN, "contoso.yml", &checks, 1);
    assert_eq!(all.len(), checks.len() + 1);
    let failed = all
        .iter()
        .find(|o| o["id"] == "exchange.permission")
        .unwrap();
    let members: BTreeSet<&str> = failed
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        BTreeSet::from([
            "type", "domain", "file", "id", "area", "about", "state", "what", "why", "because",
            "mend", "remarks", "source",
        ])
    );
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["mend"]["snippets"][0]["tool"], "az");
    let last = all.last().unwrap();
    assert_eq!(
        (&last["type"], &last["exit"], &last["failed"]),
        (&"summary".into(), &1.into(), &1.into())
    );
    let other = all.iter().find(|o| o["because"].is_string());
    assert!(other.is_none_or(|o| o["state"] == "could-not-tell"));
}

#[test]
fn the_rules_are_listed() {
    let text = rules().plain();
    for rule in ALL {
        assert!(
            text.contains(rule.id) && text.contains(rule.source),
            "{}",
            rule.id
        );
    }
}

#[test]
fn the_same_way_out_is_shown_once_and_what_was_not_checked_counts_apart() {
    let mut view = healthy();
    if let MicrosoftView::Api(api) = &mut view.microsoft {
        let wrong = || {
            let reason = crate::microsoft::SignInReason::WrongSecret;
            Asked::Said(Err(crate::microsoft::SignInError::new(reason)))
        };
        api.graph_token = wrong();
        api.exchange_token = wrong();
        api.graph_domain = Asked::Not("sign-in.graph");
        api.cmdlets = Asked::Not("sign-in.exchange");
        api.accepted = Asked::Not("sign-in.exchange");
    }
    let text = shown(&judge(&view));
    assert!(
        text.starts_with("contoso.com: 2 failed, 7 not checked, "),
        "{text}"
    );
    assert_eq!(
        text.matches("az ad app credential reset").count(),
        1,
        "{text}"
    );
    assert!(text.contains("mend: As for sign-in.graph."), "{text}");
    assert!(
        text.contains("  not checked     because sign-in.graph did not pass  [graph.domain]"),
        "{text}"
    );
}
