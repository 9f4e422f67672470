//! `[cluster]`: several nodes that answer for each other. Pure; the environment is a parameter.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;
use url::Url;

use super::kinds::{Expected, or_word, text, url, word};
use super::layers::{Node, Variable};
use super::reader::Section;
use super::secrets::Secrets;
use super::service::Admin;
use super::webhooks::{redis, with_password};

/// `[cluster]`: this node among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The Redis that the nodes share, including its password.
    pub redis_url: Private<String>,
    /// This node's name; `None` means its host's.
    pub node: Option<String>,
    /// Where the other nodes reach this node's admin listener; `None` means `admin.bind`.
    pub advertise: Option<Url>,
    /// `SWITCHBOARD_CLUSTER_TOKEN`: what nodes show each other.
    pub token: Private<String>,
}

impl Cluster {
    /// Reads the section: the cluster, if there is one, and the node's name, if it has one of its own.
    pub(super) fn read(
        section: &Section<'_>,
        secrets: &Secrets,
        variables: &BTreeMap<String, Variable>,
        admin: Option<&Admin>,
    ) -> Option<(Option<Self>, Option<String>)> {
        let backend = section.read("backend", word(BACKENDS));
        let redis_url = section.read("url", redis);
        let node = section.read("node", or_word("auto", node_name));
        let advertise = section.read("advertise", or_word("auto", url(&["http", "https"])));
        let (backend, redis_url, node, advertise) = (backend?, redis_url?, node?, advertise?);
        if backend == Backend::Off {
            return Some((None, node));
        }
        if advertise.is_none() && admin.is_some_and(|admin| admin.bind.ip().is_unspecified()) {
            let next = "set the address at which the other nodes reach it, as http://10.0.0.5:9090";
            section.problem("advertise", format!("found auto while admin.bind is no single address; {next}"));
            return None;
        }
        if let Some(plain) = advertise.as_ref().filter(|url| url.path() != "/" || url.query().is_some()) {
            section.problem("advertise", format!("found {plain}, expected scheme, host and port alone"));
            return None;
        }
        let Some(token) = secrets.cluster_token.clone() else {
            let next = "set SWITCHBOARD_CLUSTER_TOKEN, the same one on every node; `openssl rand -hex 32` makes one";
            section.problem("backend", format!("found redis without a token for the nodes; {next}"));
            return None;
        };
        let redis_url = with_password(redis_url, variables);
        Some((Some(Self { redis_url, node: node.clone(), advertise, token }), node))
    }
}

/// A node's name. It stands in URLs.
fn node_name(node: &Node) -> Result<String, Expected> {
    let found = text(node)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if found.len() <= LONGEST_NAME && found.chars().all(plain) && found.chars().any(|c| c.is_ascii_alphanumeric()) {
        return Ok(found);
    }
    Err(Expected::new("at most 63 letters, digits, - _ and ., as \"node-1\""))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Off,
    Redis,
}

const BACKENDS: &[(&str, Backend)] = &[("off", Backend::Off), ("redis", Backend::Redis)];
/// The longest name of a host.
const LONGEST_NAME: usize = 63;
