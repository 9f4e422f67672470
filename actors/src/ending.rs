//! Why a call ended, and who ended it.

use serde::{Deserialize, Serialize};

/// Why a call ended. Logs, metrics, the record, webhooks and the Supervisor all use this word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The carrier reported the end of the call, and nothing on our side had asked for it.
    CallerHungUp,
    /// The carrier's socket closed without a `stop`: a lost connection, or a carrier that does not
    /// send one.
    LineLost,
    /// The carrier's socket is open, but nothing came from it for the configured inactivity time.
    LineSilent,
    /// The model called `end_call` and its goodbye was heard.
    AgentHungUp,
    /// An operator asked for it (`POST /calls/{id}/hangup`).
    OperatorHungUp,
    /// The call went to a person.
    Transferred,
    /// An answering machine has answered, and `outbound.voicemail` leaves it no message.
    AnsweringMachine,
    /// The look-up refused the call, and the caller was told.
    Declined,
    /// The caller said nothing through all no-input prompts.
    CallerSilent,
    /// `limits.max_call_duration` was reached.
    DurationLimit,
    /// The spend limit of the call, the caller or the day was reached.
    SpendLimit,
    /// The model's socket was lost or never came up, and nothing could replace it.
    ModelLost,
    /// The model's server refused us permanently: key, model, quota or configuration.
    ModelRefused,
    /// The service was stopping, and the call did not end by itself within `server.drain_timeout`.
    Drained,
    /// One of the call's actors failed; the call was closed in an orderly way.
    Crashed,
    /// The process died during the call; the next start built the record from the journal.
    Interrupted,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The person on the phone.
    Caller,
    /// The carrier, or the network between it and us.
    Carrier,
    /// The model, by a tool.
    Agent,
    /// A person at the admin endpoint.
    Operator,
    /// The model's server.
    Model,
    /// Switchboard itself.
    System,
}

impl Ending {
    /// Every ending, for tables and tests.
    pub const ALL: [Self; 16] = [
        Self::CallerHungUp,
        Self::LineLost,
        Self::LineSilent,
        Self::AgentHungUp,
        Self::OperatorHungUp,
        Self::Transferred,
        Self::AnsweringMachine,
        Self::Declined,
        Self::CallerSilent,
        Self::DurationLimit,
        Self::SpendLimit,
        Self::ModelLost,
        Self::ModelRefused,
        Self::Drained,
        Self::Crashed,
        Self::Interrupted,
    ];

    /// The word used in records, metrics labels and logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller_hung_up",
            Self::LineLost => "line_lost",
            Self::LineSilent => "line_silent",
            Self::AgentHungUp => "agent_hung_up",
            Self::OperatorHungUp => "operator_hung_up",
            Self::Transferred => "transferred",
            Self::AnsweringMachine => "answering_machine",
            Self::Declined => "declined",
            Self::CallerSilent => "caller_silent",
            Self::DurationLimit => "duration_limit",
            Self::SpendLimit => "spend_limit",
            Self::ModelLost => "model_lost",
            Self::ModelRefused => "model_refused",
            Self::Drained => "drained",
            Self::Crashed => "crashed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Who ended the call.
    pub const fn by(self) -> EndedBy {
        match self {
            Self::CallerHungUp => EndedBy::Caller,
            Self::LineLost | Self::LineSilent => EndedBy::Carrier,
            Self::AgentHungUp | Self::Transferred => EndedBy::Agent,
            Self::OperatorHungUp => EndedBy::Operator,
            Self::ModelLost | Self::ModelRefused => EndedBy::Model,
            Self::AnsweringMachine
            | Self::Declined
            | Self::CallerSilent
            | Self::DurationLimit
            | Self::SpendLimit
            | Self::Drained
            | Self::Crashed
            | Self::Interrupted => EndedBy::System,
        }
    }
}

impl EndedBy {
    /// The word used in records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Carrier => "carrier",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Model => "model",
            Self::System => "system",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_an_ending_is_its_serialised_name() {
        for ending in Ending::ALL {
            assert_eq!(serde_json::to_value(ending).expect("plain enum"), ending.reason());
            assert_eq!(serde_json::to_value(ending.by()).expect("plain enum"), ending.by().word());
        }
    }
}
