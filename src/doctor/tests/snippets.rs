//! The commands to copy: whole, quoted, and what they say is what is meant.

use std::process::Command;

use proptest::prelude::*;

use super::scene::{CLIENT, OBJECT, TENANT, identity};
use crate::doctor::roles::{EXCHANGE, EXCHANGE_ADMINISTRATOR, MANAGE_AS_APP};
use crate::doctor::snippet::{self, Identity, Snippet, Tool, posix};

/// What a POSIX shell makes of a script, with `az` replaced by something that prints its arguments.
fn run(script: &str) -> String {
    let stub = "az() { if [ \"$1\" = ad ] && [ \"$2\" = sp ]; then echo 44444444-0000-4000-8000-000000000004; \
                else for a; do printf '%s\\n' \"$a\"; done; fi; }";
    let output = Command::new("sh")
        .args(["-eu", "-c", &format!("{stub}\n{script}")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}\n{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn of(tool: Tool, snippets: &[Snippet]) -> &Snippet {
    snippets.iter().find(|one| one.tool == tool).unwrap()
}

fn body(printed: &str) -> serde_json::Value {
    let line = printed.lines().find(|line| line.starts_with('{')).unwrap();
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_permission_is_granted_to_the_real_ids() {
    let all = snippet::grant_app_role(&identity(), EXCHANGE, MANAGE_AS_APP);
    let az = &of(Tool::Az, &all).text;
    assert_eq!(
        *az,
        format!(
            "az login --tenant '{TENANT}' --allow-no-subscriptions\n\
             az ad app permission add --id {CLIENT} --api 00000002-0000-0ff1-ce00-000000000000 \
             --api-permissions dc50a0fb-09a3-484d-be87-e023b12c6440=Role\n\
             az ad app permission admin-consent --id {CLIENT}"
        )
    );
    let printed = run(&of(Tool::Graph, &all).text);
    assert!(
        printed.contains(&format!(
            "https://graph.microsoft.com/v1.0/servicePrincipals/{OBJECT}/appRoleAssignments"
        )),
        "{printed}"
    );
    assert_eq!(
        body(&printed),
        serde_json::json!({
            "principalId": OBJECT, "resourceId": "44444444-0000-4000-8000-000000000004",
            "appRoleId": MANAGE_AS_APP.id,
        })
    );
    let powershell = &of(Tool::Powershell, &all).text;
    assert!(
        powershell.contains(&format!("$id = '{OBJECT}'")),
        "{powershell}"
    );
}

#[test]
fn a_role_is_assigned_to_the_real_ids_or_to_what_the_client_id_leads_to() {
    let assigned = |who: &Identity| {
        let all = snippet::assign_directory_role(who, EXCHANGE_ADMINISTRATOR);
        body(&run(&of(Tool::Graph, &all).text))
    };
    let mut who = identity();
    let right = |id: &str| {
        serde_json::json!({
            "principalId": id, "roleDefinitionId": EXCHANGE_ADMINISTRATOR.id, "directoryScopeId": "/",
        })
    };
    assert_eq!(assigned(&who), right(&OBJECT.to_string()));
    who.object = None;
    assert_eq!(
        assigned(&who),
        right("44444444-0000-4000-8000-000000000004")
    );
    who.client = None;
    assert!(snippet::assign_directory_role(&who, EXCHANGE_ADMINISTRATOR).is_empty());
}

#[test]
fn a_managed_identity_has_no_app_registration() {
    let who = Identity {
        method: "managed identity",
        ..identity()
    };
    let all = snippet::grant_app_role(&who, EXCHANGE, MANAGE_AS_APP);
    assert!(all.iter().all(|one| one.tool != Tool::Az) && all.len() == 2);
    assert!(snippet::new_secret(&who).is_empty());
}

fn every(who: &Identity, domain: &str) -> Vec<Snippet> {
    let mut all = snippet::grant_app_role(who, EXCHANGE, MANAGE_AS_APP);
    all.extend(snippet::assign_directory_role(who, EXCHANGE_ADMINISTRATOR));
    all.extend(snippet::admin_consent(who));
    all.extend(snippet::new_secret(who));
    all.extend(snippet::show_application(who));
    all.extend(snippet::enable_application(who));
    all.extend(snippet::create_exchange(who));
    all.extend(snippet::show_domain(who, domain));
    all.push(snippet::show_accepted_domain(domain));
    all.push(snippet::find_cmdlet_roles(&[domain]));
    all.push(snippet::try_by_hand(&[domain]));
    all
}

/// What a PowerShell line holds outside of single-quoted and double-quoted strings.
fn outside_quotes(line: &str) -> Option<String> {
    let mut out = String::new();
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, c) => out.push(c),
            _ => {}
        }
    }
    quote.is_none().then_some(out)
}

const HOSTILE: [&str; 8] = [
    "it's",
    "'; touch /tmp/owned; '",
    "$(reboot)",
    "`reboot`",
    "a\nrm -rf /",
    "\u{2019}; Remove-Item x; \u{2018}",
    "\u{1b}[2J",
    "-rf",
];

#[test]
fn hostile_names_stay_one_word() {
    for name in HOSTILE {
        let who = Identity {
            tenant: name.to_owned(),
            ..identity()
        };
        for snippet in every(&who, name) {
            for line in snippet.text.lines() {
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            match snippet.tool {
                Tool::Powershell => {
                    for line in snippet.text.lines() {
                        let outside = outside_quotes(line).unwrap_or_else(|| panic!("{line}"));
                        for word in ["reboot", "touch", "Remove-Item", "rm -rf"] {
                            assert!(!outside.contains(word), "{line}");
                        }
                    }
                }
                _ => {
                    let printed = run(&snippet.text);
                    let plain: String = name.chars().filter(|c| !c.is_control()).collect();
                    let whole = printed
                        .lines()
                        .any(|line| line == plain || line.ends_with(&plain));
                    assert!(whole || !snippet.text.contains("--tenant"), "{printed}");
                }
            }
        }
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_quoted_word_is_the_word(word in "[^\\p{Cc}]{0,40}") {
        let output = Command::new("sh")
            .args(["-c", &format!("printf %s {}", posix(&word))])
            .output()
            .unwrap();
        prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
    }
}
