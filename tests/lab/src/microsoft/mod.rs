//! Microsoft's APIs: sign-in, Graph, Exchange admin.
