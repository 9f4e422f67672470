//! The messages that the Transcript receives.

use std::time::Duration;

use actix::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::watch::Watcher;
use crate::carrier::webhook_api::AnsweredBy;
use crate::ending::Ending;
use crate::ids::{ItemId, ResponseId};
use crate::incident::Incident;
use crate::latency::TurnLatency;
use crate::money::Usd;
use crate::realtime::report::{Speaker, TranscriptionUsage, Usage};

/// Facts for the record, from the CallActor.
#[derive(Debug, Clone, PartialEq, Message, Serialize, Deserialize)]
#[rtype(result = "()")]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The caller began to speak in this item; sets the item's place in time.
    CallerSpoke {
        /// The user item.
        item: ItemId,
    },
    /// How much of an agent's item the caller has heard, sent once this is known.
    Heard {
        /// The item.
        item: ItemId,
        /// The duration that was heard.
        heard: Duration,
        /// The duration of the item's audio.
        of: Duration,
        /// Whether the item was cut short. This can be true even if all of its audio was heard,
        /// because more audio would have followed.
        interrupted: bool,
    },
    /// One of our pre-rendered lines was played.
    LinePlayed {
        /// The id under which its playout is reported.
        item: ItemId,
        /// The words of the line.
        text: String,
    },
    /// A tool was called and answered.
    ToolUsed {
        /// The tool's name.
        name: String,
        /// The arguments as the model wrote them.
        arguments: String,
        /// The output that was sent to the model.
        output: String,
    },
    /// This turn, which is placed like the caller's, was spoken by a person who had taken the call
    /// over.
    PersonSpoke {
        /// The item.
        item: ItemId,
    },
    /// An operator steered the call.
    Steered {
        /// What they did.
        act: Steered,
        /// The name of their token.
        by: String,
        /// The words, if there were any.
        text: String,
    },
    /// A recording was started. Another one starts when the caller returns from a transfer.
    Recorded {
        /// The bare name of the recording's file.
        file: String,
    },
    /// The caller pressed a key.
    KeyPressed(char),
    /// The caller pressed a key while the recording was paused. The key itself is not kept.
    KeyWithheld,
    /// The recording is paused (`true`) or resumed (`false`). Words during the pause are not
    /// written.
    RecordingPaused(bool),
    /// This response of the agent belongs to a pause that is over; its words are withheld too.
    ResponseWithheld {
        /// The response.
        response: ResponseId,
    },
    /// The caller or the agent spoke while the recording was paused. The words are not kept.
    WordsWithheld {
        /// The item.
        item: ItemId,
        /// The speaker.
        speaker: Speaker,
    },
    /// A tool was called and answered while the recording was paused. Its arguments and output are
    /// not kept.
    ToolWithheld {
        /// The tool's name.
        name: String,
    },
    /// The carrier has detected the kind of answerer (person or machine).
    AnsweredBy(AnsweredBy),
    /// The language of the call was switched.
    LanguageSwitched {
        /// The code of the previous language.
        from: String,
        /// The code of the new language.
        to: String,
    },
    /// The call was given to another agent.
    HandedOver {
        /// The agent that had it.
        from: String,
        /// The agent that has it.
        to: String,
    },
    /// A transfer was requested. The fact is sent again whenever the outcome changes.
    TransferAsked {
        /// The destination's name; never a number.
        destination: String,
        /// The reason, in the model's or the operator's words.
        reason: String,
        /// The outcome in one word: `refused`, `dialled`, `answered`, …
        outcome: String,
    },
    /// The caller answered a configured question. A later answer to the same question replaces an
    /// earlier one.
    Answered {
        /// The question's key.
        key: String,
        /// The answer.
        value: Value,
        /// The quality of the answer in one word: `answered`, `declined`, `unclear`, …
        status: String,
    },
    /// The latency of one answer to the caller's turn.
    TurnTimed(TurnLatency),
    /// The diagnosis of the caller's audio; the last one counts.
    Diagnosed(Value),
    /// An incident occurred.
    Incident(Incident),
    /// This model answers from here on.
    Serves {
        /// The word of its provider.
        provider: String,
        /// Its name.
        model: String,
    },
    /// The model used tokens.
    Used(Usage),
    /// The transcription service was used.
    TranscriptionUsed(TranscriptionUsage),
    /// The call ended. The Transcript waits briefly for late words, writes the record once, and
    /// stops.
    Ended {
        /// The reason for the end, and who ended the call.
        ending: Ending,
        /// Counters for `analytics`.
        tally: Tally,
    },
}

/// What an operator did with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steered {
    /// They let the agent say something.
    Said,
    /// They told the agent something that the caller did not hear.
    Whispered,
    /// They took the call over.
    TookOver,
    /// They gave it back to the agent.
    GaveBack,
}

impl Steered {
    /// Its word in the record and in events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Said => "say",
            Self::Whispered => "whisper",
            Self::TookOver => "take_over",
            Self::GaveBack => "give_back",
        }
    }
}

/// The text that replaces words and tool values in the record while the recording was paused.
pub const WITHHELD: &str = "[withheld while the recording was paused]";

/// Counters of a call for `analytics` in the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The caller's turns.
    pub turns: u64,
    /// The caller's interruptions of the agent.
    pub barge_ins: u64,
    /// Dropped frames, in both directions.
    pub dropped_frames: u64,
    /// The time from the stream's `start` to the first frame sent to the caller, in milliseconds.
    pub first_audio_ms: Option<u64>,
    /// The caller's turns whose transcription failed or never arrived.
    #[serde(default)]
    pub turns_without_words: u64,
    /// The cost of the call.
    #[serde(default)]
    pub cost_usd: Usd,
}

/// Adds a watcher of the call. The CallActor reports states and passes the watcher on to its
/// Transcript, which reports words and facts. The reports end with the call.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Watch(pub Watcher);

/// Asks for the words so far, for `GET /calls/{id}`, in the form of the record's `conversation`.
/// The answer is empty if the Transcript is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Value")]
pub struct ReadWords;
