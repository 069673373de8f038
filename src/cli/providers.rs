//! `rollout providers`: who can serve the zone, what each needs and can do.

use rollout_providers::{Delegation, Info, registry};
use serde_json::json;

use super::{App, Exit};
use crate::output::{Line, Page};

/// Arguments of `providers`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this one
    #[arg(value_name = "PROVIDER", value_parser = known())]
    name: Option<String>,
}

fn known() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(registry().iter().map(|info| info.slug))
}

pub(super) fn run(app: &App, args: &Args) -> Exit {
    let mut page = Page::new();
    let wanted = |info: &&&Info| args.name.as_deref().is_none_or(|name| name == info.slug);
    for info in registry().iter().filter(wanted) {
        page.gap();
        describe(info, &mut page);
        app.console.object(&json!({
            "type": "provider", "slug": info.slug, "title": info.title, "docs": info.docs,
            "nameservers": info.nameservers, "fields": info.fields,
            "capabilities": info.capabilities, "rights": info.rights, "access": info.access,
        }));
    }
    app.console.result(page);
    Exit::Done
}

fn describe(info: &Info, page: &mut Page) {
    page.push(
        Line::at(0)
            .strong(info.slug)
            .plain(format!("  {}", info.title)),
    );
    let capabilities = &info.capabilities;
    let signs = if capabilities.signs {
        "signs the zone"
    } else {
        "does not sign the zone"
    };
    let ds = match capabilities.delegation {
        Delegation::ByHand => "the DS is entered by hand at the registrar",
        Delegation::Announced => "the DS is announced by CDS, or entered by hand",
    };
    page.push(Line::at(2).plain(format!("{signs}; {ds}")));
    page.push(
        Line::at(2)
            .dim("smallest TTL: ")
            .plain(capabilities.ttl_floor),
    );
    page.push(Line::at(2).dim("rights: ").plain(info.rights));
    for field in info.fields {
        // A domain file writes its keys with underscores.
        let key = field.key.replace('-', "_");
        let line = Line::at(4)
            .hang(8)
            .strong(format!("{key}: "))
            .plain(field.meaning);
        let kind = if field.secret { ", a secret" } else { "" };
        let usual = match field.default {
            None => format!(" (required{kind}"),
            Some("") => format!(" (optional{kind}"),
            Some(default) => format!(" (default {default}{kind}"),
        };
        page.push(line.dim(format!("{usual}; or {})", field.env)));
    }
    if !info.docs.is_empty() {
        page.push(Line::at(2).dim("documented at ").plain(info.docs));
    }
}
