//! What `rollout doctor` found, for people and for programs.

mod json;
mod page;
#[cfg(test)]
mod tests;

pub use json::{objects, rule_object};
pub use page::{page, rules};
