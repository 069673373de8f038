//! Files that people write, and errors that point at the line.
//!
//! A file is read twice: `serde_yaml` tells the values, the event parser under serde-saphyr tells where each of them
//! stands. Both must agree, so a text that YAML readers understand differently is refused. Only plain YAML is taken:
//! one document, no anchors, aliases, tags or merge keys, since each value must stand in one place that can be pointed at.

mod decode;
mod document;
pub mod duration;
mod failure;
mod problem;
#[cfg(test)]
pub(crate) mod schema_check;
mod shown;
mod suggest;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;

pub use document::{Document, Entry, LARGEST_FILE, Node, NodeKind, Part, Step};
pub use problem::{Code, Located, Problem, Rejected};
pub use shown::{escape, quoted};
pub use suggest::{closest, one_of};
