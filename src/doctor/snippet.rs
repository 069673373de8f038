//! Commands to copy that grant what is missing, with the real ids filled in.
//!
//! Ids are UUIDs by their type; everything else is quoted for the shell that it is for. Nothing here is ever run by us.

use serde::Serialize;
use uuid::Uuid;

use super::roles::{EXCHANGE, Named};
use crate::microsoft::Cloud;
use crate::microsoft::powershell::{MODULE, connect, quote};

/// What a snippet is run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// The Azure CLI, in a POSIX shell
    Az,
    /// PowerShell, with the module that the first line connects
    Powershell,
    /// Microsoft Graph over REST, through `az rest` in a POSIX shell
    Graph,
    /// A POSIX shell
    Shell,
}

impl Tool {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Az => "az",
            Self::Powershell => "PowerShell",
            Self::Graph => "Graph, by az rest",
            Self::Shell => "shell",
        }
    }
}

/// Commands to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// What they are run in.
    pub tool: Tool,
    /// One command a line.
    pub text: String,
}

impl Snippet {
    fn new(tool: Tool, lines: &[String]) -> Self {
        Self {
            tool,
            text: lines.join("\n"),
        }
    }
}

/// Who the domain file signs in as, as far as it and the tokens tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant: an id or a domain name.
    pub tenant: String,
    /// The application (client) id.
    pub client: Option<Uuid>,
    /// The object id of the service principal or person.
    pub object: Option<Uuid>,
    /// The person's sign-in name.
    pub upn: Option<String>,
    /// The name of the sign-in method.
    pub method: &'static str,
    /// Whether a person is signed in, not an application.
    pub delegated: bool,
    /// Graph's host in the tenant's cloud.
    pub graph: &'static str,
}

impl Identity {
    /// Whether it may have an app registration; a managed identity has none.
    fn may_be_registered(&self) -> bool {
        self.method != "managed identity" && !self.delegated
    }

    /// For people: `application 1111…` or the person.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.delegated, &self.upn, self.client, self.object) {
            (true, Some(upn), ..) => upn.clone(),
            (true, None, _, Some(object)) => format!("the person {object}"),
            (true, ..) => "the person who signed in".to_owned(),
            (false, _, Some(client), _) => format!("the application {client}"),
            (false, _, None, Some(object)) => format!("the service principal {object}"),
            (false, ..) => format!("the {}", self.method),
        }
    }

    fn az_login(&self) -> String {
        format!(
            "az login --tenant {} --allow-no-subscriptions",
            posix(&self.tenant)
        )
    }

    fn connect(&self, scopes: &str) -> String {
        format!(
            "Connect-MgGraph -TenantId {} -Scopes {scopes}",
            quote(&self.tenant)
        )
    }

    /// The shell line that sets `$id` to the object id; `None` when nothing leads to it.
    fn shell_object(&self) -> Option<String> {
        match (self.object, self.client) {
            (Some(object), _) => Some(format!("id={object}")),
            (None, Some(client)) if !self.delegated => Some(format!(
                "id=$(az ad sp show --id {client} --query id --output tsv)"
            )),
            _ => None,
        }
    }

    /// The PowerShell line that sets `$id`.
    fn powershell_object(&self) -> Option<String> {
        match (self.object, self.client) {
            (Some(object), _) => Some(format!("$id = '{object}'")),
            (None, Some(client)) if !self.delegated => Some(format!(
                "$id = (Get-MgServicePrincipal -Filter \"appId eq '{client}'\").Id"
            )),
            _ => None,
        }
    }
}

/// A value as a single-quoted word of a POSIX shell (POSIX.1-2024, Shell Command Language, 2.2.2).
#[must_use]
pub fn posix(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for c in value.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            // A line break would end the line that a person pastes; no value of ours has one.
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Grants an application permission, with admin consent.
#[must_use]
pub fn grant_app_role(who: &Identity, api: Named, role: Named) -> Vec<Snippet> {
    let mut all = Vec::new();
    if who.may_be_registered()
        && let Some(client) = who.client
    {
        all.push(Snippet::new(
            Tool::Az,
            &[
                who.az_login(),
                format!(
                    "az ad app permission add --id {client} --api {} --api-permissions {}=Role",
                    api.id, role.id
                ),
                format!("az ad app permission admin-consent --id {client}"),
            ],
        ));
    }
    if let Some(id) = who.powershell_object() {
        all.push(Snippet::new(
            Tool::Powershell,
            &[
                who.connect("'AppRoleAssignment.ReadWrite.All', 'Application.Read.All'"),
                id,
                format!(
                    "$api = (Get-MgServicePrincipal -Filter \"appId eq '{}'\").Id",
                    api.id
                ),
                format!(
                    "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $id -PrincipalId $id -ResourceId $api -AppRoleId '{}'",
                    role.id
                ),
            ],
        ));
    }
    if let Some(id) = who.shell_object() {
        all.push(Snippet::new(
            Tool::Graph,
            &[
                who.az_login(),
                id,
                format!(
                    "api=$(az ad sp show --id {} --query id --output tsv)",
                    api.id
                ),
                post(
                    who,
                    "servicePrincipals/$id/appRoleAssignments",
                    &format!(
                        "{{\\\"principalId\\\":\\\"$id\\\",\\\"resourceId\\\":\\\"$api\\\",\\\"appRoleId\\\":\\\"{}\\\"}}",
                        role.id
                    ),
                ),
            ],
        ));
    }
    all
}

/// Assigns a directory role to the identity, for the whole tenant.
#[must_use]
pub fn assign_directory_role(who: &Identity, role: Named) -> Vec<Snippet> {
    let mut all = Vec::new();
    if let Some(id) = who.powershell_object() {
        all.push(Snippet::new(
            Tool::Powershell,
            &[
                who.connect("'RoleManagement.ReadWrite.Directory', 'Application.Read.All'"),
                id,
                format!(
                    "New-MgRoleManagementDirectoryRoleAssignment -PrincipalId $id -RoleDefinitionId '{}' -DirectoryScopeId '/'",
                    role.id
                ),
            ],
        ));
    }
    if let Some(id) = who.shell_object() {
        all.push(Snippet::new(
            Tool::Graph,
            &[
                who.az_login(),
                id,
                post(
                    who,
                    "roleManagement/directory/roleAssignments",
                    &format!(
                        "{{\\\"principalId\\\":\\\"$id\\\",\\\"roleDefinitionId\\\":\\\"{}\\\",\\\"directoryScopeId\\\":\\\"/\\\"}}",
                        role.id
                    ),
                ),
            ],
        ));
    }
    all
}

/// Grants admin consent for everything that the app registration asks for.
#[must_use]
pub fn admin_consent(who: &Identity) -> Vec<Snippet> {
    let Some(client) = who.client.filter(|_| who.may_be_registered()) else {
        return Vec::new();
    };
    vec![Snippet::new(
        Tool::Az,
        &[
            who.az_login(),
            format!("az ad app permission admin-consent --id {client}"),
        ],
    )]
}

/// Makes a new client secret; it is shown once.
#[must_use]
pub fn new_secret(who: &Identity) -> Vec<Snippet> {
    let Some(client) = who.client.filter(|_| who.may_be_registered()) else {
        return Vec::new();
    };
    vec![
        Snippet::new(
            Tool::Az,
            &[
                who.az_login(),
                format!("az ad app credential reset --id {client} --append --display-name rollout"),
            ],
        ),
        Snippet::new(
            Tool::Powershell,
            &[
                who.connect("'Application.ReadWrite.All'"),
                format!("$app = Get-MgApplication -Filter \"appId eq '{client}'\""),
                "Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ displayName = 'rollout' }"
                    .to_owned(),
            ],
        ),
        Snippet::new(
            Tool::Graph,
            &[
                who.az_login(),
                post(
                    who,
                    &format!("applications(appId='{client}')/addPassword"),
                    "{\\\"passwordCredential\\\":{\\\"displayName\\\":\\\"rollout\\\"}}",
                ),
            ],
        ),
    ]
}

/// Shows which application there is under the client id.
#[must_use]
pub fn show_application(who: &Identity) -> Vec<Snippet> {
    let Some(client) = who.client else {
        return Vec::new();
    };
    vec![Snippet::new(
        Tool::Az,
        &[
            who.az_login(),
            format!(
                "az ad sp show --id {client} --query '[appDisplayName, appOwnerOrganizationId]'"
            ),
        ],
    )]
}

/// Switches a disabled service principal on.
#[must_use]
pub fn enable_application(who: &Identity) -> Vec<Snippet> {
    let Some(client) = who.client.filter(|_| !who.delegated) else {
        return Vec::new();
    };
    vec![Snippet::new(
        Tool::Az,
        &[
            who.az_login(),
            format!("az ad sp update --id {client} --set accountEnabled=true"),
        ],
    )]
}

/// Creates Exchange Online's service principal in a tenant that lacks it.
#[must_use]
pub fn create_exchange(who: &Identity) -> Vec<Snippet> {
    vec![Snippet::new(
        Tool::Az,
        &[
            who.az_login(),
            format!("az ad sp create --id {}", EXCHANGE.id),
        ],
    )]
}

/// Shows which management roles of Exchange hold a cmdlet.
#[must_use]
pub fn find_cmdlet_roles(cmdlets: &[&str]) -> Snippet {
    let mut lines = vec![connect(Cloud::Worldwide)];
    lines.extend(cmdlets.iter().map(|cmdlet| {
        format!(
            "Get-ManagementRole -Cmdlet {} | Format-List Name",
            quote(cmdlet)
        )
    }));
    Snippet::new(Tool::Powershell, &lines)
}

/// What a person needs on their machine, and the question whether the cmdlets are theirs.
#[must_use]
pub fn try_by_hand(cmdlets: &[&str]) -> Snippet {
    let quoted: Vec<String> = cmdlets.iter().map(|cmdlet| quote(cmdlet)).collect();
    Snippet::new(
        Tool::Powershell,
        &[
            MODULE.to_owned(),
            connect(Cloud::Worldwide),
            format!("Get-Command {} | Format-Table Name", quoted.join(", ")),
        ],
    )
}

/// Adds a domain, or proves that the tenant owns it.
#[must_use]
pub fn show_domain(who: &Identity, domain: &str) -> Vec<Snippet> {
    let url = format!("https://{}/v1.0/domains/{domain}", who.graph);
    vec![
        Snippet::new(
            Tool::Powershell,
            &[
                who.connect("'Domain.Read.All'"),
                format!(
                    "Get-MgDomain -DomainId {} | Format-List Id, IsVerified, SupportedServices",
                    quote(domain)
                ),
            ],
        ),
        Snippet::new(
            Tool::Graph,
            &[
                who.az_login(),
                format!("az rest --method get --url {}", posix(&url)),
            ],
        ),
    ]
}

/// Shows an accepted domain.
#[must_use]
pub fn show_accepted_domain(domain: &str) -> Snippet {
    Snippet::new(
        Tool::Powershell,
        &[
            connect(Cloud::Worldwide),
            format!(
                "Get-AcceptedDomain -Identity {} | Format-List DomainName, DomainType, PendingRemoval",
                quote(domain)
            ),
        ],
    )
}

/// A line for a POSIX shell; every part of it must be quoted already.
#[must_use]
pub fn shell(line: impl Into<String>) -> Snippet {
    Snippet::new(Tool::Shell, &[line.into()])
}

/// A POST to Graph. The body stands in double quotes, with `$id` and `$api` set before.
fn post(who: &Identity, path: &str, body: &str) -> String {
    format!(
        "az rest --method post --url \"https://{}/v1.0/{path}\" --headers Content-Type=application/json --body \"{body}\"",
        who.graph
    )
}
