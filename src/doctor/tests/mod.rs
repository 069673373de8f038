//! Table tests of every check and state, the catalogue as a page, and the commands to copy.

mod catalogue;
pub(crate) mod scene;
mod snippets;
mod table;
