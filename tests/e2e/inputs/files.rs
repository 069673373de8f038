//! Wrong domain files, secrets and saved plans.

use super::case::{Case, PLAN, case};

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "broken YAML",
            2,
            &["contoso.com.yml:", "not valid YAML"],
            |stage| stage.rewrite("  tenant: ", "  tenant: [\""),
        ),
        case(
            "unknown key",
            2,
            &["contoso.com.yml:", "tennant", "did you mean", "tenant"],
            |stage| stage.rewrite("  tenant:", "  tennant:"),
        ),
        case(
            "no such file",
            2,
            &["nowhere.yml", "cannot be read"],
            |_| {},
        )
        .args(&["apply", "nowhere.yml", "--yes"]),
        case("huge file", 2, &["contoso.com.yml", "large"], |stage| {
            let mut text = std::fs::read_to_string(&stage.file).unwrap();
            text.push_str(&"# nothing but words\n".repeat(200_000));
            std::fs::write(&stage.file, text).unwrap();
        }),
        case("not UTF-8", 2, &["contoso.com.yml", "UTF-8"], |stage| {
            std::fs::write(&stage.file, b"domain: caf\xe9.example\n").unwrap();
        }),
        case(
            "plain http off loopback",
            2,
            &[
                "contoso.com.yml:",
                "url: http://192.0.2.1:8081",
                "plain http",
                "https",
            ],
            |stage| stage.set("url", "http://192.0.2.1:8081"),
        ),
        case(
            "plain http to the authority off loopback",
            2,
            &["contoso.com.yml:", "plain http"],
            |stage| stage.set("authority", "http://login.example.com"),
        ),
        case(
            "literal secret in the file",
            2,
            &[
                "contoso.com.yml:",
                "a secret must not be written into this file",
                "env:NAME",
                "file:PATH",
            ],
            |stage| stage.set("secret", "Zq8~hunter2-hunter2-hunter2"),
        )
        .never(&["hunter2"]),
        case(
            "literal provider key in the file",
            2,
            &[
                "contoso.com.yml:",
                "a secret must not be written into this file",
            ],
            |stage| stage.set("api_key", "Zq8~hunter2-hunter2-hunter2"),
        )
        .never(&["hunter2"]),
        case(
            "unset secret variable",
            2,
            &["ROLLOUT_NO_SUCH_SECRET", "is not set", "set it"],
            |stage| stage.set("secret", "env:ROLLOUT_NO_SUCH_SECRET"),
        ),
        case(
            "missing secret file",
            2,
            &["the secret file", "no-such-file", "cannot be read"],
            |stage| stage.set("api_key", "file:no-such-file"),
        ),
        case(
            "cloud gcc-high",
            2,
            &["gcc-high", "mx.microsoft", "cloud_forced: gcc-high"],
            |stage| stage.rewrite("  tenant:", "  cloud: gcc-high\n  tenant:"),
        ),
        case(
            "unknown provider",
            2,
            &[
                "contoso.com.yml:",
                "there is no provider",
                "powerdnss",
                "powerdns",
            ],
            |stage| stage.set("provider", "powerdnss"),
        ),
        case(
            "unknown gate under approve",
            2,
            &["contoso.com.yml:", "no gate", "swapp", "swap"],
            |stage| stage.append("approve: [swapp]\n"),
        ),
        case(
            "unknown step for --until",
            2,
            &["has no step", "swap", "swap-mx"],
            |_| {},
        )
        .args(&["apply", "{file}", "--yes", "--until", "swap"]),
        case(
            "garbage as a saved plan",
            2,
            &["plan.json", "it is no saved plan", "rollout plan --out"],
            |stage| std::fs::write(stage.at("plan.json"), "garbage").unwrap(),
        )
        .args(SAVED),
        case(
            "no saved plan there",
            1,
            &["cannot read the plan", "plan.json"],
            |_| {},
        )
        .args(SAVED),
        case(
            "a saved plan of a newer schema",
            2,
            &["plan.json", "schema 99", "plan again"],
            |stage| {
                save_plan(stage);
                alter(stage, |plan| plan["schema"] = 99.into());
            },
        )
        .args(SAVED),
        case(
            "a saved plan of another domain",
            2,
            &["plan.json", "it is for fabrikam.ch, not for contoso.com"],
            |stage| {
                save_plan(stage);
                alter(stage, |plan| plan["domain"] = "fabrikam.ch".into());
            },
        )
        .args(SAVED),
        case(
            "a saved plan edited by hand",
            2,
            &["plan.json", "edited by hand", "plan again"],
            |stage| {
                save_plan(stage);
                alter(stage, |plan| {
                    let observed = plan["observed"].as_object_mut().unwrap();
                    observed.insert("mx".to_owned(), "something else".into());
                });
            },
        )
        .args(SAVED),
        case(
            "apply --plan when the world moved",
            1,
            &[
                "the saved plan is refused",
                "20 mx1.filter-service.net",
                "Nothing was done. Plan again.",
            ],
            |stage| {
                save_plan(stage);
                let legacy = format!("0 {}", stage.legacy());
                stage.edit("MX", 4, &[&legacy, "20 mx1.filter-service.net."]);
                // Until the second server and every cache know.
                std::thread::sleep(std::time::Duration::from_secs(5));
            },
        )
        .args(SAVED),
        case(
            "plan to an unwritable place",
            1,
            &["cannot save the plan as", "nowhere/plan.json"],
            |_| {},
        )
        .args(&["plan", "{file}", "--out", "nowhere/plan.json"]),
        case(
            "an MX host that Microsoft does not assign",
            2,
            &["mx.example.com", "not under mx.microsoft", "DnssecMxValue"],
            |_| {},
        )
        .args(&["apply", "{file}", "--mx-host", "mx.example.com"]),
        case("no arguments", 2, &["Usage"], |_| {}).args(&["plan"]),
        case(
            "an override in the environment that is none",
            2,
            &[
                "environment variable ROLLOUT_SMTP_PORT",
                "a port, 1 to 65535",
            ],
            |stage| {
                stage
                    .env
                    .push(("ROLLOUT_SMTP_PORT".to_owned(), "99999".to_owned()));
            },
        )
        .args(PLAN),
    ]
}

const SAVED: &[&str] = &["apply", "{file}", "--plan", "{plan}", "--yes", "--no-wait"];

fn save_plan(stage: &super::stage::Stage) {
    let ran = stage.run(&["plan", "{file}", "--out", "{plan}"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

fn alter(stage: &super::stage::Stage, change: impl FnOnce(&mut serde_json::Value)) {
    let path = stage.at("plan.json");
    let mut plan = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut plan);
    std::fs::write(path, plan.to_string()).unwrap();
}
