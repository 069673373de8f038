//! Tests of the whole module against local servers.
