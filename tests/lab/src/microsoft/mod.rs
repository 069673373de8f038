//! Microsoft's APIs: sign-in, Graph, Exchange admin.

pub(crate) mod cmdlets;
pub(crate) mod entra;
pub(crate) mod envelope;
pub(crate) mod exchange;
pub(crate) mod front;
pub(crate) mod graph;
pub(crate) mod renewal;
pub(crate) mod shape;
pub(crate) mod status;
pub(crate) mod token;
