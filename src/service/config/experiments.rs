//! `[[experiments]]`: a share of the callers gets a variant of an agent, which differs in some
//! keys. Pure.
//!
//! Each caller is in one of a hundred percentiles, always the same one. The experiments of an agent
//! occupy consecutive ranges of percentiles, each as wide as its percentage; the rest is the
//! control group. So no caller is in two experiments, and shares are exact.

use std::collections::BTreeMap;

use super::agents::{Agent, Common, Directory};
use super::kinds::{list, quoted, text, whole};
use super::layers::Node;
use super::names::{is_name, unknown};
use super::options::{as_default, table};
use super::reader::{Reader, Section};

/// `[[experiments]]`: one variant and its share of callers.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The variant's name in the record, in `/calls` and in metrics.
    pub name: String,
    /// The share of callers, percent.
    pub percent: u32,
    /// The agents that the experiment changes, in their changed form.
    pub variants: BTreeMap<String, Agent>,
}

/// The variant name of callers who could have been in an experiment and are in none.
pub const CONTROL: &str = "control";

/// What variants are built from.
pub(super) struct Ground<'g> {
    pub(super) agents: &'g BTreeMap<String, Agent>,
    /// The source of `[agents]`.
    pub(super) node: Option<&'g Node>,
    pub(super) common: &'g Common<'g>,
    pub(super) known: Option<&'g Directory<'g>>,
    pub(super) reader: &'g Reader,
}

/// Reads all experiments. `ground` is `None` if the agents are wrong: then only the values that
/// need no agent are checked.
pub(super) fn read_all(sections: &[Section<'_>], ground: Option<&Ground<'_>>) -> Option<Vec<Experiment>> {
    let all: Vec<_> = sections.iter().map(|section| read(section, ground)).collect();
    let all: Vec<Experiment> = all.into_iter().collect::<Option<_>>()?;
    for (at, (experiment, section)) in all.iter().zip(sections).enumerate() {
        if all[..at].iter().any(|other| other.name == experiment.name) {
            section.problem("name", format!("found {} twice, expected names of their own", quoted(&experiment.name)));
        }
        for agent in experiment.variants.keys() {
            let of_agent = all[..=at].iter().filter(|other| other.variants.contains_key(agent));
            let sum: u32 = of_agent.map(|experiment| experiment.percent).sum();
            if sum > 100 {
                let found = format!(
                    "found {}, with which the experiments of agent {agent} are {sum} percent",
                    experiment.percent
                );
                section.problem("percent", format!("{found}; expected 100 at most"));
            }
        }
    }
    Some(all)
}

/// The experiment that a caller of `agent` is in.
pub(super) fn choose<'e>(all: &'e [Experiment], agent: &str, percentile: u32) -> Option<(usize, &'e Experiment)> {
    let mut end = 0;
    all.iter().enumerate().filter(|(_, experiment)| experiment.variants.contains_key(agent)).find(|(_, experiment)| {
        end += experiment.percent;
        percentile < end
    })
}

fn read(section: &Section<'_>, ground: Option<&Ground<'_>>) -> Option<Experiment> {
    let name = section.read("name", text);
    let percent = section.read("percent", whole(1..=100));
    let agents = section.read_if_set("agents", list(64, text));
    let set = section.read("set", table);
    if let Some(name) = name.as_ref().filter(|name| !is_name(name) || [CONTROL, "none"].contains(&name.as_str())) {
        let next = "expected small letters, digits, `_` and `-`, and neither \"control\" nor \"none\"";
        section.problem("name", format!("found {}, {next}", quoted(name)));
    }
    let (agents, set, ground) = (agents?, set?, ground?);
    let concerned: Vec<String> = agents.unwrap_or_else(|| ground.agents.keys().cloned().collect());
    let variant = |agent: &String| {
        if !ground.agents.contains_key(agent) {
            section.problem("agents", unknown("agent", agent, ground.agents.keys().map(String::as_str), "agents"));
            return None;
        }
        Some((agent.clone(), read_variant(section, agent, &set, ground)?))
    };
    let variants: Vec<_> = concerned.iter().map(variant).collect();
    Some(Experiment { name: name?, percent: percent?, variants: variants.into_iter().collect::<Option<_>>()? })
}

/// Reads an agent with the keys of `set` laid over its own.
fn read_variant(section: &Section<'_>, name: &str, set: &Node, ground: &Ground<'_>) -> Option<Agent> {
    let base = ground.node.and_then(|agents| agents.entry(name))?;
    let mut laid = as_default(base);
    laid.lay(set.clone());
    let laid = section.laid("set", &laid, "agents.<name>");
    let agent = Agent::read(&laid, ground.common)?;
    if let Some(known) = ground.known {
        agent.check(name, known, ground.reader, &laid);
    }
    // Unknown keys of the agent itself were already reported with the agent.
    base.keys().filter(|key| set.entry(key).is_none()).for_each(|key| laid.excuse(key));
    Some(agent)
}
