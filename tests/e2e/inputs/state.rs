//! State directories and files that cannot be used, and runs that do not exist.

use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::case::{Case, case};
use super::stage::Stage;

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "unwritable state directory",
            2,
            &[
                "cannot write the state file",
                "make its directory writable",
                "--state DIR",
            ],
            |stage| {
                // Also root cannot make a directory inside a file.
                std::fs::write(stage.at("occupied"), "a file").unwrap();
                stage.state = stage.at("occupied").join("state");
            },
        ),
        case(
            "a newer state schema",
            2,
            &[
                "was made by a newer rollout",
                "schema 99",
                "nothing was changed; use that newer rollout",
            ],
            |stage| newer(stage),
        ),
        case(
            "a newer state schema, read",
            2,
            &["was made by a newer rollout", "schema 99"],
            |stage| newer(stage),
        )
        .args(&["status"]),
        case(
            "a newer state schema, planned",
            2,
            &["was made by a newer rollout", "schema 99"],
            |stage| newer(stage),
        )
        .args(&["plan", "{file}"]),
        case(
            "a state file of another program",
            2,
            &["is not a state file of rollout", "nothing was changed"],
            |stage| {
                private(stage, 0o700);
                std::fs::write(stage.state.join("rollout.db"), "not a database".repeat(500))
                    .unwrap();
            },
        ),
        case(
            "state directory writable by others",
            2,
            &["can be written by other users", "chmod 700", "--state DIR"],
            |stage| private(stage, 0o777),
        ),
        case(
            "unknown domain for why",
            1,
            &["contoso.com has no", "rollout apply"],
            |_| {},
        )
        .args(&["why", "{domain}"]),
        case(
            "unknown domain for approve",
            1,
            &["contoso.com has no unfinished run", "rollout apply"],
            |_| {},
        )
        .args(&["approve", "{domain}", "swap"]),
        case(
            "unknown domain for abort",
            1,
            &["contoso.com has no unfinished run", "rollout apply"],
            |_| {},
        )
        .args(&["abort", "{domain}"]),
        case(
            "unknown domain for pause",
            1,
            &["contoso.com has no unfinished run", "rollout apply"],
            |_| {},
        )
        .args(&["pause", "{domain}"]),
        case("no domain name for why", 2, &["not a domain"], |_| {}).args(&["why", "not a domain"]),
        case(
            "unknown command",
            2,
            &["unrecognized subcommand", "appply", "apply"],
            |_| {},
        )
        .args(&["appply"]),
    ]
}

fn private(stage: &Stage, mode: u32) {
    std::fs::create_dir(&stage.state).unwrap();
    std::fs::set_permissions(&stage.state, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A state file as a later version would leave it.
fn newer(stage: &Stage) {
    private(stage, 0o700);
    let database = Connection::open(stage.state.join("rollout.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE later (id INTEGER); PRAGMA application_id = 0x726f6c6c; PRAGMA user_version = 99;",
        )
        .unwrap();
}
