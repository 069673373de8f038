//! One tenant behind the official module, with Graph beside it or without.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::graph::{GraphApi, GraphDomain, GraphMx};
use super::super::graph_reader::GraphReader;
use super::super::raw::Ears;
use super::super::sign_in::{SignIn, TokenSource};
use super::super::{CallCounter, Microsoft, MicrosoftSettings, Result};
use super::{PwshError, PwshExchange, PwshSettings};

impl Microsoft {
    /// Prepares Exchange Online through the official module, and Graph where there is a sign-in for it. Nothing is
    /// started or sent.
    ///
    /// # Errors
    /// [`MicrosoftError::Pwsh`](super::super::MicrosoftError::Pwsh) or
    /// [`MicrosoftError::Settings`](super::super::MicrosoftError::Settings) for settings that are refused.
    pub fn through_pwsh(pwsh: PwshSettings, graph: Option<&MicrosoftSettings>) -> Result<Self> {
        let calls = Arc::new(CallCounter::default());
        let ears = Ears::default();
        let reader: Arc<dyn GraphApi> = match graph {
            None => Arc::new(NoGraph),
            Some(settings) => {
                let tokens: Arc<dyn TokenSource> =
                    Arc::new(SignIn::new(settings, Arc::clone(&calls))?);
                Arc::new(GraphReader::new(
                    settings,
                    tokens,
                    Arc::clone(&calls),
                    ears.clone(),
                ))
            }
        };
        Ok(Self {
            graph: reader,
            exchange: Arc::new(PwshExchange::new(pwsh, Arc::clone(&calls))?),
            calls,
            ears,
            identity: None,
        })
    }
}

/// Graph, where nothing was given to sign in to it.
#[derive(Debug)]
struct NoGraph;

#[async_trait]
impl GraphApi for NoGraph {
    fn is_asked(&self) -> bool {
        false
    }

    async fn domain(&self, _: &str) -> Result<Option<GraphDomain>> {
        Err(PwshError::NoGraph.into())
    }

    async fn domains(&self) -> Result<Vec<GraphDomain>> {
        Err(PwshError::NoGraph.into())
    }

    async fn service_configuration_records(&self, _: &str) -> Result<Vec<GraphMx>> {
        Err(PwshError::NoGraph.into())
    }
}
