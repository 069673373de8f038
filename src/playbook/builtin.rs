//! The playbooks that come with the tool.

use super::Playbook;
use super::load::from_text;

/// The built-in playbooks: name and text. The same text can be copied and edited as the user's own.
pub const BUILTIN: [(&str, &str); 8] = [
    (
        "exchange-dane",
        include_str!("../../playbooks/exchange-dane.yml"),
    ),
    (
        "mx-microsoft-only",
        include_str!("../../playbooks/mx-microsoft-only.yml"),
    ),
    (
        "dnssec-only",
        include_str!("../../playbooks/dnssec-only.yml"),
    ),
    (
        "gateway-inline",
        include_str!("../../playbooks/gateway-inline.yml"),
    ),
    (
        "gateway-parallel",
        include_str!("../../playbooks/gateway-parallel.yml"),
    ),
    ("dane-off", include_str!("../../playbooks/dane-off.yml")),
    ("rollback", include_str!("../../playbooks/rollback.yml")),
    (
        "rollback-dnssec",
        include_str!("../../playbooks/rollback-dnssec.yml"),
    ),
];

/// The built-in playbook of this name. A test proves that each of them loads.
pub fn builtin(name: &str) -> Option<Playbook> {
    let (name, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
    from_text(name, text).ok()
}
