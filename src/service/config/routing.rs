//! Which agent answers a call, in which language, and why. Pure.

use std::collections::BTreeMap;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::ids::Private;
use switchboard_actors::line::identity::Direction;
use switchboard_actors::numbers::Party;

use super::agents::DEFAULT_AGENT;
use super::directory::Route;
use super::root::Config;

/// What is known of a call when the carrier announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInput {
    /// The carrier.
    pub carrier: Carrier,
    /// Which side placed the call.
    pub direction: Direction,
    /// The caller's number; may be withheld, or a text that is no number.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// Parameters of the carrier's URL or stream. `agent` and `language` take effect where no route
    /// has chosen.
    pub parameters: BTreeMap<String, String>,
}

/// The agent and the language of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The agent's name.
    pub agent: String,
    /// The language's code.
    pub language: String,
    /// The route that matched, counted from 0.
    pub route: Option<usize>,
    /// The steps of the decision, one per line. They contain the numbers of the routes, not the
    /// caller's.
    pub because: Vec<String>,
}

impl RouteInput {
    /// The number of the other party, whichever side placed the call.
    pub fn other_party(&self) -> &Private<String> {
        match self.direction {
            Direction::Inbound => &self.from,
            Direction::Outbound => &self.to,
        }
    }
}

impl Config {
    /// Decides which agent answers a call. The first matching route wins. What the route leaves
    /// open comes from the call's `agent` and `language` parameters if they name something known;
    /// otherwise it is the agent `default` and its first language.
    pub fn route(&self, call: &RouteInput) -> Decision {
        let mut because = Vec::new();
        let found = self.routes.iter().enumerate().find(|(at, route)| {
            let mismatch = route.mismatch(call);
            because.push(match &mismatch {
                None => format!("routes[{at}] matches"),
                Some(mismatch) => format!("routes[{at}] does not match: {mismatch}"),
            });
            mismatch.is_none()
        });
        let (route, at) = (found.map(|(_, route)| route), found.map(|(at, _)| at));
        if at.is_none() {
            because.push("no route matches".to_owned());
        }
        let agent = self.choose_agent(call, route, &mut because);
        let language = self.choose_language(call, route, &agent, &mut because);
        Decision { agent, language, route: at, because }
    }

    /// Explains how the number given to `check --route` compares with the numbers that carriers
    /// send.
    pub fn spelling(&self, written: &str) -> String {
        match self.numbering.read(written) {
            Party::Number(number) if number == written => format!("numbers come as +91…; {number} is written so"),
            Party::Number(number) => format!("numbers come as +91…; {written:?} was read as {number}"),
            Party::Local(_) => format!(
                "numbers come as +91…; {written:?} names no country and fits none of them: write it in full, or set numbers.country"
            ),
            Party::Withheld | Party::Address(_) => format!("numbers come as +91…; {written:?} is none"),
        }
    }

    fn choose_agent(&self, call: &RouteInput, route: Option<&Route>, because: &mut Vec<String>) -> String {
        if let Some(agent) = route.and_then(|route| route.agent.as_ref()) {
            because.push(format!("agent {agent}: by the route"));
            return agent.clone();
        }
        // This ignores the route's language, which was checked against the agent `default`: another
        // agent may not speak it, and then its own languages decide.
        let asked = call.parameters.get("agent").filter(|name| self.agents.contains_key(*name));
        if let Some(agent) = asked {
            because.push(format!("agent {agent}: by the call's parameter"));
            return agent.clone();
        }
        because.push(format!("agent {DEFAULT_AGENT}: nothing else was chosen"));
        DEFAULT_AGENT.to_owned()
    }

    fn choose_language(
        &self,
        call: &RouteInput,
        route: Option<&Route>,
        agent: &str,
        because: &mut Vec<String>,
    ) -> String {
        let spoken = self.agents.get(agent).map(|agent| agent.languages.as_slice()).unwrap_or_default();
        let by_route = route.and_then(|route| route.language.as_ref()).filter(|code| spoken.contains(code));
        if let Some(language) = by_route {
            because.push(format!("language {language}: by the route"));
            return language.clone();
        }
        if let Some(language) = call.parameters.get("language").filter(|code| spoken.contains(code)) {
            because.push(format!("language {language}: by the call's parameter"));
            return language.clone();
        }
        let first = spoken.first().cloned().unwrap_or_default();
        because.push(format!("language {first}: the first of agent {agent}"));
        first
    }
}

impl Route {
    /// The first condition that a call does not meet.
    fn mismatch(&self, call: &RouteInput) -> Option<String> {
        if let Some(carrier) = self.carrier
            && carrier != call.carrier.name()
        {
            return Some(format!("carrier is {}, not {carrier}", call.carrier.name()));
        }
        if let Some(to) = self.to.as_ref().filter(|to| !to.matches(call.to.expose())) {
            return Some(format!("to is not {to}"));
        }
        if let Some(from) = self.from.as_ref().filter(|from| !from.matches(call.from.expose())) {
            return Some(format!("from is not {from}"));
        }
        let differs = |(name, value): &(&String, &String)| call.parameters.get(*name) != Some(*value);
        self.parameters.iter().find(differs).map(|(name, value)| format!("parameter {name} is not {value:?}"))
    }
}
