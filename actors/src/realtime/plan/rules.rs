//! Rules that the servers of several providers share. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::{Credential, Endpoint, PlanProblem};
use crate::tools::spec::ToolSpec;

/// Refuses the plan unless `holds`. `said` says what is wrong with the field, and what was
/// expected.
pub(in crate::realtime) fn expect(holds: bool, field: &str, said: impl FnOnce() -> String) -> Result<(), PlanProblem> {
    if holds { Ok(()) } else { Err(problem(field, said())) }
}

/// What is wrong with a field.
pub(in crate::realtime) fn problem(field: impl Into<String>, problem: String) -> PlanProblem {
    PlanProblem { field: field.into(), problem }
}

/// Returns the server's address if a WebSocket can be opened there.
pub(in crate::realtime) fn check_url(endpoint: &Endpoint) -> Result<Url, PlanProblem> {
    let url = Url::parse(&endpoint.url).map_err(|error| problem("endpoint.url", format!("is no URL: {error}")))?;
    expect(matches!(url.scheme(), "ws" | "wss"), "endpoint.url", || {
        format!("has scheme `{}`, expected ws or wss", url.scheme())
    })?;
    expect(url.host_str().is_some_and(|host| !host.is_empty()), "endpoint.url", || "has no host".to_owned())?;
    Ok(url)
}

/// Refuses an address that names the model in its query.
pub(in crate::realtime) fn check_no_model(url: &Url) -> Result<(), PlanProblem> {
    expect(!url.query_pairs().any(|(key, _)| key == "model"), "endpoint.url", || {
        "names a model in its query, expected it in `model`".to_owned()
    })
}

/// Refuses a key that a header cannot carry, which would fail only at the first call. The usual
/// reason is a line break left over from a file.
pub(in crate::realtime) fn check_credential(credential: &Credential) -> Result<(), PlanProblem> {
    let secret = match credential {
        Credential::Bearer(secret) | Credential::ApiKey(secret) => secret.expose(),
        Credential::None => return Ok(()),
    };
    let carried = !secret.is_empty() && secret.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    expect(carried, "endpoint.credential", || "is empty or holds characters that a header cannot carry".to_owned())
}

/// Refuses a time limit that is zero or longer than `longest`.
pub(in crate::realtime) fn check_waits<const N: usize>(
    waits: [(&str, Duration); N],
    longest: Duration,
) -> Result<(), PlanProblem> {
    for (field, wait) in waits {
        expect(!wait.is_zero() && wait <= longest, field, || format!("{wait:?} is not within 1ms–{longest:?}"))?;
    }
    Ok(())
}

/// Refuses tools whose names a server does not take, or take twice, and parameters that are no
/// schema.
pub(in crate::realtime) fn check_tools(tools: &[ToolSpec]) -> Result<(), PlanProblem> {
    let mut names = BTreeSet::new();
    for (index, ToolSpec { name, parameters, .. }) in tools.iter().enumerate() {
        let field = |key: &str| format!("tools[{index}].{key}");
        let callable = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        expect(callable, &field("name"), || "expected 1–64 letters, digits, `_` or `-`".to_owned())?;
        expect(names.insert(name), &field("name"), || format!("`{name}` is there twice"))?;
        expect(parameters.is_object(), &field("parameters"), || "expected a JSON schema object".to_owned())?;
    }
    Ok(())
}
