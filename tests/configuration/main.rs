//! Configuration: accepted and refused values, the messages of refusals, and the resulting
//! settings.

mod audio;
mod backend;
mod calls;
mod command;
mod conversation;
mod layers;
mod options;
mod refused;
mod shipped;
mod trust;

use std::sync::Arc;

use switchboard::service::config::{Config, ConfigError, Problem, Profiles};
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::openai::plan::OpenAiPlan;

/// A key in the format of OpenAI's.
const KEY: &str = "sk-proj-0123456789abcdefghij";
/// A token in the format of Twilio's and of Switchboard's own.
const TOKEN: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0f";

fn with(settings: &[(&str, &str)]) -> Config {
    Config::builtin_with(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(settings: &[(&str, &str)]) -> ConfigError {
    Config::builtin_with(settings).err().unwrap_or_else(|| panic!("{settings:?} is accepted"))
}

fn problem<'e>(error: &'e ConfigError, key: &str) -> &'e Problem {
    error.problems.iter().find(|problem| problem.key == key).unwrap_or_else(|| panic!("nothing on {key} in: {error}"))
}

/// The provider-specific part of a profile's plan.
fn own(profile: &CallProfile) -> &OpenAiPlan {
    let ProviderPlan::OpenAi(own) = &profile.model.provider else { panic!("the shipped provider") };
    own
}

fn profile(config: &Config) -> Arc<CallProfile> {
    let first = &config.agents["default"].languages[0];
    Profiles::new(config, None).get("default", first).expect("a language that the agent speaks")
}
