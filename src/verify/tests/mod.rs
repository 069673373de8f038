//! What the verdict is in every case that the catalogue knows.

mod catalogue;
mod combinations;
mod properties;
pub(crate) mod scene;
mod table;
