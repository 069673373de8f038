//! Names and ids of permissions and roles, as Microsoft publishes them.

use uuid::{Uuid, uuid};

/// Something with a name and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The exact name.
    pub name: &'static str,
    /// The id, the same in every tenant.
    pub id: Uuid,
}

const fn named(name: &'static str, id: Uuid) -> Named {
    Named { name, id }
}

/// Microsoft Graph as an application in every tenant.
pub const GRAPH: Named = named(
    "Microsoft Graph",
    uuid!("00000003-0000-0000-c000-000000000000"),
);
/// Exchange Online as an application in every tenant (app-only-auth-powershell-v2).
pub const EXCHANGE: Named = named(
    "Office 365 Exchange Online",
    uuid!("00000002-0000-0ff1-ce00-000000000000"),
);

/// The least application permission on Graph (Microsoft Graph permissions reference).
pub const DOMAIN_READ: Named = named(
    "Domain.Read.All",
    uuid!("dbb9058a-0e50-45d7-ae91-66909b5d4664"),
);
/// The same permission for a person (Microsoft Graph permissions reference).
pub const DOMAIN_READ_DELEGATED: Named = named(
    "Domain.Read.All",
    uuid!("2f9ee017-59c1-4f1d-9472-bd5529a7b311"),
);
/// Permissions on Graph that include it.
pub const DOMAIN_READ_AND_MORE: [&str; 3] = [
    "Domain.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// The delegated permission with which a person's own rights decide.
pub const AS_THE_PERSON: &str = "Directory.AccessAsUser.All";

/// The application permission on Exchange Online that serves.
pub const MANAGE_AS_APP: Named = named(
    "Exchange.ManageAsApp",
    uuid!("dc50a0fb-09a3-484d-be87-e023b12c6440"),
);
/// Those that look alike and do not serve.
pub const LOOK_ALIKES: [&str; 2] = ["Exchange.ManageAsAppV2", "Exchange.AdminAPI.ManageAsApp"];
/// Delegated permissions with which Exchange Online runs cmdlets for a person.
pub const EXCHANGE_DELEGATED: [&str; 3] = [
    "Exchange.Manage",
    "AdminApi.AccessAsUser.All",
    "RemotePowerShell.AccessAsUser.All",
];

/// The directory role that serves (Microsoft Entra built-in roles).
pub const EXCHANGE_ADMINISTRATOR: Named = named(
    "Exchange Administrator",
    uuid!("29232cdf-9323-42fd-ade2-1d097af3e4de"),
);
/// The one that serves and is far more than needed.
pub const GLOBAL_ADMINISTRATOR: Named = named(
    "Global Administrator",
    uuid!("62e90394-69f5-4237-9190-012177145e10"),
);
/// Reads everything, changes nothing.
pub const GLOBAL_READER: Named = named(
    "Global Reader",
    uuid!("f2ef992c-3afb-46b9-b7cf-a126ee74c451"),
);
/// With Graph, a person needs this one or Global Reader.
pub const DOMAIN_NAME_ADMINISTRATOR: Named = named(
    "Domain Name Administrator",
    uuid!("8329153b-31d0-4727-b945-745eb3bc5f31"),
);
/// Directory roles that Exchange Online knows, or that are told by name when they are there.
pub const DIRECTORY_ROLES: [Named; 6] = [
    EXCHANGE_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    DOMAIN_NAME_ADMINISTRATOR,
    named(
        "Security Reader",
        uuid!("5d6b6bb7-de71-4623-b4af-96380a352509"),
    ),
    named(
        "Security Administrator",
        uuid!("194ae4cb-b126-40b2-bd5b-6091b380977d"),
    ),
];
