//! The playbooks that come with the tool.

use super::Playbook;
use super::load::from_text;

/// The built-in playbooks: name and text. The same text can be copied and edited as the user's own.
pub const BUILTIN: [(&str, &str); 3] = [
    (
        "exchange-dane",
        include_str!("../../playbooks/exchange-dane.yml"),
    ),
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
