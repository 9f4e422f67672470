//! Where calls go: `[[routes]]` for incoming calls, `[transfers.<name>]` for transfers. Pure.

use std::collections::BTreeMap;

use switchboard_actors::carrier::control::Target;
use switchboard_actors::ids::Private;
use switchboard_actors::numbers::Numbering;
use switchboard_actors::profile::destinations::Destination;

use super::carriers;
use super::hours::hours;
use super::kinds::{MINUTE, SECOND, duration, flag, quoted, text, texts, whole};
use super::names::unknown;
use super::options;
use super::pattern::Pattern;
use super::reader::{Reader, Section};
use super::realtime::Realtime;
use super::secrets::Secrets;

/// `[[routes]]`: which agent answers which calls. A condition that is not set matches every call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The dialled number.
    pub to: Option<Pattern>,
    /// The caller's number.
    pub from: Option<Pattern>,
    /// The carrier's name.
    pub carrier: Option<&'static str>,
    /// Parameters of the carrier's URL or stream. All of them must be present with these values.
    pub parameters: BTreeMap<String, String>,
    /// The agent that answers.
    pub agent: Option<String>,
    /// The language the call starts in.
    pub language: Option<String>,
    /// The model, which takes precedence over the model of agent and language.
    pub model: Option<String>,
}

/// `[transfers.<name>]`: a destination for callers. The model picks the name and never sees the
/// number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The purpose of the destination, as the model reads it.
    pub description: Option<String>,
    /// Where it leads, and how.
    pub destination: Destination,
}

impl Route {
    pub(super) fn read(section: &Section<'_>, numbering: Numbering) -> Option<Self> {
        let pattern = |node: &_| Pattern::read(node, numbering);
        let to = section.read_if_set("to", pattern);
        let from = section.read_if_set("from", pattern);
        for (key, pattern) in [("to", &to), ("from", &from)] {
            if pattern.as_ref().and_then(Option::as_ref).is_some_and(Pattern::lacks_its_country) {
                section.note(key, "a number without its country code matches only calls whose carrier writes it so; write it as +91…, or set numbers.country");
            }
        }
        let carrier = section.read_if_set("carrier", carriers::name);
        let parameters = section.read_if_set("parameters", texts);
        let agent = section.read_if_set("agent", text);
        let language = section.read_if_set("language", text);
        let model = section.read_if_set("model", text);
        if let (Some(None), Some(None), Some(None)) = (&agent, &language, &model) {
            section.problem("agent", "missing, expected an agent, a language or a model");
        }
        Some(Self {
            to: to?,
            from: from?,
            carrier: carrier?,
            parameters: parameters?.unwrap_or_default(),
            agent: agent?,
            language: language?,
            model: model?,
        })
    }

    /// Whether the route matches every call.
    pub(super) fn matches_all(&self) -> bool {
        let open = |pattern: &Option<Pattern>| pattern.as_ref().is_none_or(Pattern::matches_all);
        open(&self.to) && open(&self.from) && self.carrier.is_none() && self.parameters.is_empty()
    }
}

impl Transfer {
    pub(super) fn read(section: &Section<'_>, secrets: &Secrets, languages: Option<&[&str]>) -> Option<Self> {
        let target = target(section);
        let description = section.read_if_set("description", text);
        let hours = section.read_if_set("hours", hours);
        let timeout = section.read_if_set("timeout", duration(5 * SECOND..=5 * MINUTE));
        let announce = section.read_if_set("announce", text);
        let caller_id = section.read_if_set("caller_id", text);
        let whisper = section.read_if_set("whisper", text);
        let briefing = briefing(section, target.as_ref(), secrets);
        let language = announcement_language(section, languages);
        let most_an_hour = section.read_if_set("most_an_hour", whole(1..=100_000));
        let caller_id = match caller_id? {
            Some(number) if !is_e164(&number) => {
                section.problem("caller_id", "found no telephone number, expected one as \"+14155550100\" (E.164)");
                return None;
            }
            number => number.map(Private::new),
        };
        let destination = Destination {
            target: target?,
            hours: hours?,
            timeout: timeout?.unwrap_or(30 * SECOND),
            announce: announce?,
            caller_id,
            whisper: whisper?,
            briefing: briefing?,
            language: language?,
            most_an_hour: most_an_hour?.unwrap_or(100),
        };
        Some(Self { description: description?, destination })
    }
}

/// Reads the language of what is said to the callee: one of `[languages]`, with a region or
/// without.
fn announcement_language(section: &Section<'_>, languages: Option<&[&str]>) -> Option<Option<String>> {
    let language = section.read_if_set("language", text)?;
    if let Some((found, languages)) = language.as_deref().zip(languages) {
        let base = found.split('-').next().unwrap_or_default();
        if !languages.contains(&base) {
            section.problem("language", unknown("language", found, languages.iter().copied(), "languages"));
        } else if !section.has("whisper") && !section.has("warm") {
            section.problem("language", "found without `whisper` or `warm = true`, so it is never used");
        }
    }
    Some(language)
}

/// Checks the models of routes against the provider's rules and the agents' session options.
pub(super) fn check_models(
    routes: &[Route],
    agents: &BTreeMap<String, super::agents::Agent>,
    realtime: &Realtime,
    sections: &[Section<'_>],
) {
    for (route, section) in routes.iter().zip(sections) {
        let Some(model) = &route.model else { continue };
        realtime.at().check_model(section, "model", model);
        // Any agent may take a call of a route that names none.
        let possible = agents.iter().filter(|(name, _)| route.agent.as_ref().is_none_or(|agent| agent == *name));
        let lacked = |agent: &super::agents::Agent| {
            options::lacking(agent.options(realtime), realtime.provider, model).first().copied()
        };
        if let Some((name, (key, why))) = possible.into_iter().find_map(|(name, agent)| Some((name, lacked(agent)?))) {
            let found = format!("found {}, {why}, with {key} set for agent {name}", quoted(model));
            section.problem("model", format!("{found}; expected {key} = \"auto\", or another model"));
        }
    }
}

/// Reads what the callee of a warm transfer hears: `warm = true`, with the operator's own words if
/// there are any.
fn briefing(section: &Section<'_>, target: Option<&Target>, secrets: &Secrets) -> Option<Option<String>> {
    let warm = section.read_if_set("warm", flag);
    let words = section.read_if_set("briefing", text);
    let (warm, words) = (warm?.unwrap_or(false), words?);
    if !warm {
        if words.is_some() {
            section.problem("briefing", "found without `warm = true`; `whisper` is for transfers that are not warm");
            return None;
        }
        return Some(None);
    }
    if target == Some(&Target::Carrier) {
        section
            .problem("warm", "found true with `carrier = true`, expected a number, a SIP address or a client to call");
    }
    if section.has("whisper") {
        section.problem("whisper", "found with `warm = true`, expected `briefing` instead");
    }
    if let Some(lacking) = carriers::lacks_inviting(&secrets.carriers) {
        let (title, variables) = (lacking.carrier.title(), lacking.variables);
        let next = format!("a warm transfer calls people over {title}'s API: set {variables}");
        section.problem("warm", format!("found true without access to it; {next}"));
    }
    Some(Some(words.unwrap_or_else(|| BRIEFING.to_owned())))
}

/// Reads where a transfer leads: exactly one of four keys.
fn target(section: &Section<'_>) -> Option<Target> {
    let number = section.read_if_set("number", text)?;
    let sip = section.read_if_set("sip", text)?;
    let client = section.read_if_set("client", text)?;
    let carrier = section.read_if_set("carrier", flag)?.unwrap_or(false);
    let named = usize::from(number.is_some()) + usize::from(sip.is_some()) + usize::from(client.is_some());
    if named + usize::from(carrier) != 1 {
        let key = ["number", "sip", "client"].into_iter().find(|key| section.has(key)).unwrap_or("number");
        let found = if named == 0 { "missing" } else { "found more than one target" };
        section.problem(key, format!("{found}, expected one of `number`, `sip`, `client` or `carrier = true`"));
        return None;
    }
    if let Some(number) = number {
        if !is_e164(&number) {
            section.problem("number", "found no telephone number, expected one as \"+14155550100\" (E.164)");
        } else if let Some(prefix) = premium(&number) {
            section.problem(
                "number",
                format!("found a premium-rate number ({prefix}…), expected one that costs no more than a call"),
            );
        } else {
            return Some(Target::Number(Private::new(number)));
        }
        return None;
    }
    if let Some(sip) = sip {
        if !is_sip(&sip) {
            section.problem("sip", "found no SIP address, expected one as \"sip:sales@pbx.example.com\"");
            return None;
        }
        return Some(Target::Sip(Private::new(sip)));
    }
    Some(client.map_or(Target::Carrier, |client| Target::Client(Private::new(client))))
}

/// Checks that the agents and languages of routes exist, and notes a route that hides later ones.
pub(super) fn check_routes(
    routes: &[Route],
    agents: &BTreeMap<String, super::agents::Agent>,
    languages: &BTreeMap<String, super::agents::Language>,
    sections: &[Section<'_>],
    reader: &Reader,
) {
    for (route, section) in routes.iter().zip(sections) {
        let agent = route.agent.as_deref().unwrap_or(super::agents::DEFAULT_AGENT);
        if !agents.contains_key(agent) {
            section.problem("agent", unknown("agent", agent, agents.keys().map(String::as_str), "agents"));
        }
        let Some(language) = &route.language else { continue };
        if !languages.contains_key(language) {
            section
                .problem("language", unknown("language", language, languages.keys().map(String::as_str), "languages"));
        } else if let Some(agent) = agents.get(agent)
            && !agent.languages.contains(language)
        {
            let spoken = agent.languages.join(", ");
            section.problem(
                "language",
                format!("found {}, expected a language its agent speaks: {spoken}", quoted(language)),
            );
        }
    }
    if let Some(first) = routes.iter().position(Route::matches_all)
        && first + 1 < routes.len()
    {
        reader.note(format!("routes[{first}]: matches every call, so the routes behind it are never reached"));
    }
}

/// Whether a text is a telephone number with its country code: `+` and 7 to 15 digits.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit())
    })
}

/// The area of a number that looks ordinary and costs many times as much: satellite networks, and
/// the countries of +1 other than the United States and Canada.
pub(super) fn costly_area(number: &str) -> Option<&str> {
    let of_one = number.strip_prefix("+1").and_then(|rest| rest.get(..3)).filter(|area| ISLANDS.contains(area));
    if of_one.is_some() {
        return number.get(..5);
    }
    SATELLITES.iter().find(|prefix| number.starts_with(**prefix)).copied()
}

/// The prefix of a premium-rate number.
pub(super) fn premium(number: &str) -> Option<&'static str> {
    PREMIUM.iter().find(|prefix| number.starts_with(**prefix)).copied()
}

fn is_sip(address: &str) -> bool {
    let rest = address.strip_prefix("sip:").or_else(|| address.strip_prefix("sips:"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// What the callee of a warm transfer hears if nothing is configured.
const BRIEFING: &str = "A caller for you. {reason}. {summary} Press any key to take the call.";
/// Prefixes of premium-rate numbers: a destination there is a mistake or a fraud.
const PREMIUM: &[&str] = &[
    "+1900", "+1976", "+979", "+3389", "+34803", "+34806", "+34807", "+39899", "+41900", "+41901", "+41906", "+43900",
    "+43930", "+43931", "+4487", "+449", "+49900", "+61190", "+911900",
];
/// Area codes of +1 outside the United States and Canada.
/// <https://nationalnanpa.com/area_codes/index.html> (by country)
const ISLANDS: &[&str] = &[
    "242", "246", "264", "268", "284", "340", "345", "441", "473", "649", "658", "664", "670", "671", "684", "721",
    "758", "767", "784", "787", "809", "829", "849", "868", "869", "876", "939",
];
/// Satellite networks and networks that belong to no country (ITU-T E.164).
const SATELLITES: &[&str] = &["+870", "+881", "+882", "+883"];
