//! `[agents.<name>.lookup]`: who is asked about a caller before the first word. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::delivery::signature::Secrets;
use switchboard_actors::look_up::plan::LookUpPlan;

use super::kinds::{HOUR, MILLISECOND, SECOND, any_text, duration, list, machine, url};
use super::layers::Variable;
use super::names::is_variable;
use super::reader::Section;
use super::webhooks::check_reach;

/// Reads an agent's look-up, if it has one.
pub(super) fn read(agent: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<Option<Arc<LookUpPlan>>> {
    let section = agent.table("lookup");
    let url = section.read_if_set("url", url(&["https", "http"]));
    let timeout = section.read_if_set("timeout", duration(100 * MILLISECOND..=5 * SECOND));
    let cache = section.read_if_set("cache", duration(Duration::ZERO..=24 * HOUR));
    let secret_env = section.read_if_set("secret_env", any_text);
    let allow_private = section.read_if_set("allow_private", list(64, machine));
    if !agent.has("lookup") {
        return Some(None);
    }
    let Some(url) = url? else {
        section.problem("url", "missing, expected the address that is asked, as \"https://crm.example.com/callers\"");
        return None;
    };
    let secrets = secrets(&section, secret_env?.as_deref(), variables);
    let plan = LookUpPlan {
        url,
        timeout: timeout?.unwrap_or(2 * SECOND),
        cache: cache?.unwrap_or_default(),
        secrets: secrets?,
        allow_private: allow_private?.unwrap_or_default(),
    };
    check_reach(&plan.url, |address| plan.may_reach(address), "callers' numbers", &section);
    Some(Some(Arc::new(plan)))
}

/// Reads the secrets that sign the request.
fn secrets(section: &Section<'_>, named: Option<&str>, variables: &BTreeMap<String, Variable>) -> Option<Secrets> {
    let variable = named.unwrap_or(SECRET);
    let refuse = |message: String| {
        section.problem("secret_env", message);
        None
    };
    if !is_variable(variable) {
        let expected = "expected the name of an environment variable, in capitals";
        return refuse(format!("{expected}; the secret itself is never written in a file"));
    }
    let value = variables.get(variable).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
    match value.map(Secrets::parse) {
        Some(Ok(secrets)) => Some(secrets),
        Some(Err(problem)) => {
            let next = "expected `whsec_` and the base64 of 24 to 64 random bytes, as `echo whsec_$(openssl rand -base64 32)` makes one";
            refuse(format!("found {variable}, but {problem}; {next}"))
        }
        None => refuse(format!("the secret to sign with is not in the environment; set {variable}")),
    }
}

const SECRET: &str = "SWITCHBOARD_WEBHOOK_SECRET";
