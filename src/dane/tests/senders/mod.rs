//! What each kind of sender makes of a domain.

mod combinations;
mod scene;
mod states;
mod unknowns;
