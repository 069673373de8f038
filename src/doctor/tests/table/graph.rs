//! The permission on Graph, and the domain there.

use super::*;
use crate::microsoft::error::Service;

pub(super) const GRAPH: &[Row] = &[
    (|_| (), "graph.permission", Passed, "holds Domain.Read.All"),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&["Directory.Read.All"])))),
        "graph.permission",
        Passed,
        "More than needed: Directory.Read.All",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(Some(claims(&[
                "Domain.Read.All",
                "Mail.Read",
                "User.Read.All",
            ]))))
        },
        "graph.permission",
        Passed,
        "More than needed: Mail.Read and User.Read.All.",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&[])))),
        "graph.permission",
        Failed,
        "no permission at all",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(claims(&["User.Read.All"])))),
        "graph.permission",
        Failed,
        "dbb9058a-0e50-45d7-ae91-66909b5d4664=Role",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["User.Read", "Domain.Read.All"])))),
        "graph.permission",
        Passed,
        "Domain Name Administrator (8329153b-31d0-4727-b945-745eb3bc5f31)",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["Directory.AccessAsUser.All"])))),
        "graph.permission",
        Passed,
        "Directory.AccessAsUser.All",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(Some(person(&["User.Read"])))),
        "graph.permission",
        Failed,
        "2f9ee017-59c1-4f1d-9472-bd5529a7b311",
    ),
    (
        |v| with(v).graph_token = Asked::Said(Ok(None)),
        "graph.permission",
        Passed,
        "cannot be read, but Graph answers",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(None));
            with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph)))
        },
        "graph.permission",
        Failed,
        "Graph refuses",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(None));
            with(v).graph_domain = Asked::Said(Err(throttled()))
        },
        "graph.permission",
        CouldNotTell,
        "did not tell",
    ),
    (
        |v| with(v).graph_token = Asked::Late(Duration::from_secs(60)),
        "graph.permission",
        CouldNotTell,
        "because sign-in.graph",
    ),
    (|_| (), "graph.domain", Passed, "contoso.com, verified"),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(Some(graph_domain(Some(false))))),
        "graph.domain",
        Failed,
        "has not verified it",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(Some(graph_domain(None)))),
        "graph.domain",
        CouldNotTell,
        "does not say",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Ok(None)),
        "graph.domain",
        Failed,
        "https://graph.microsoft.com/v1.0/domains/contoso.com",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph))),
        "graph.domain",
        Failed,
        "may not run it",
    ),
    (
        |v| {
            with(v).graph_token = Asked::Said(Ok(Some(claims(&[]))));
            with(v).graph_domain = Asked::Said(Err(missing_role(Service::Graph)))
        },
        "graph.domain",
        CouldNotTell,
        "because graph.permission",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(throttled())),
        "graph.domain",
        CouldNotTell,
        "throttled",
    ),
    (
        |v| with(v).graph_domain = Asked::Late(Duration::from_secs(60)),
        "graph.domain",
        CouldNotTell,
        "within 60 s",
    ),
    (
        |v| with(v).graph_domain = Asked::Said(Err(unauthorized(Service::Graph))),
        "graph.domain",
        Failed,
        "HTTP 401",
    ),
];
