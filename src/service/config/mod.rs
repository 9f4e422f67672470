//! Configuration: its sections become final types once, before a port is bound. Nothing is read
//! again later.
//!
//! ```text
//! built-in config.toml  <  the operator's file  <  .env and environment  <  overrides
//! ```
//!
//! Environment variables are named `SWITCHBOARD__SECTION__KEY`.
//!
//! The files form layers: each imports only files above it in this list (`tests/layering.rs`).
//!
//! - Schema: `problem` says what is wrong and where. `layers` lays the sources over each other, and
//!   `settings` compares the results.
//!   `kinds` and `names` are the possible values, and `reader` turns nodes into them. `variables`,
//!   `dotenv` and `sources` find the sources.
//! - Sections: `secrets`, then one file for a section or a family of them: `server`, `trust`,
//!   `carriers`, `service`, `provider`, `engines`, `realtime`, `options`, `agents`, `directory`, …
//! - The whole: `root` has [`Config`] and the rules between sections. `kept` reads only the
//!   folders.
//! - Uses: `routing` decides which agent answers a call, `profiles` makes the profile that a call
//!   runs with and notes what its sessions cannot keep, and `report` says what would run.
//!
//! All problems are reported at once ([`ConfigError`]).

mod agents;
mod audio;
mod backend;
mod carriers;
mod clips;
mod cluster;
mod conversation;
mod delegation;
mod directory;
mod dotenv;
mod engines;
mod exact;
mod experiments;
mod fallbacks;
mod headers;
mod hours;
mod http_tools;
mod kept;
mod keys;
mod kinds;
mod layers;
mod logging;
mod look_up;
mod names;
mod numbering;
mod operators;
mod options;
mod outbound;
mod pattern;
mod problem;
mod profiles;
mod provider;
mod reader;
mod realtime;
mod recording;
mod report;
mod root;
mod routing;
mod secrets;
mod server;
mod service;
mod settings;
mod sources;
mod spending;
mod tool_schemas;
mod tools;
mod trust;
mod values;
mod variables;
mod voices;
mod webhooks;

pub use agents::{Agent, AgentGreeting, Language, Notice, Voice};
pub use backend::BackendPrompt;
pub use carriers::{Carriers, level_tables, sections};
pub use clips::Clip;
pub use cluster::Cluster;
pub use conversation::{Keypad, Keys};
pub use directory::{Route, Transfer};
pub use exact::{ClipMode, ExactWords, LanguageClips};
pub use experiments::{CONTROL, Experiment};
pub use fallbacks::Fallback;
pub use kept::Kept;
pub use keys::ServerKey;
pub use logging::{Log, LogFormat};
pub use outbound::{NotCalled, Outbound, Voicemail};
pub use pattern::Pattern;
pub use problem::{ConfigError, Origin, Problem};
pub use profiles::{Profiles, plan_notes, plan_problems};
pub use realtime::Realtime;
pub use recording::Recording;
pub use root::Config;
pub use routing::{Decision, RouteInput};
pub use secrets::Secrets;
pub use server::Server;
pub use service::{Admin, Keep, Limits, Records, Retention};
pub use settings::Settings;
pub use sources::{DEFAULTS, Sources};
pub use spending::Spend;
pub use switchboard_actors::profile::hours::Hours;
pub use switchboard_actors::realtime::seat::Provider;
pub use switchboard_actors::realtime::settings::{CallerTranscription, ModelAudio, Options};
pub use tools::BuiltIn;
pub use webhooks::{DeliveryQueue, Webhooks};
