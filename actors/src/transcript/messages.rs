//! What the Transcript hears.

use std::time::Duration;

use actix::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::watch::Watcher;
use crate::carrier::desk::AnsweredBy;
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
    /// The caller began to speak in this item: its place in time.
    CallerSpoke {
        /// The user item.
        item: ItemId,
    },
    /// How much of an agent's item the caller has heard, now that it is known.
    Heard {
        /// The item.
        item: ItemId,
        /// What was heard.
        heard: Duration,
        /// All there was.
        of: Duration,
        /// It was cut short, even if everything that there was had been heard: more would have come.
        interrupted: bool,
    },
    /// A pre-rendered line of ours was played.
    LinePlayed {
        /// The id under which its playout is reported.
        item: ItemId,
        /// What it says.
        text: String,
    },
    /// A tool was called and answered.
    ToolUsed {
        /// Its name.
        name: String,
        /// The arguments as the model wrote them.
        arguments: String,
        /// What the model was told.
        output: String,
    },
    /// A recording was begun; one more begins when the caller is back from a transfer.
    Recorded {
        /// The bare name of its file.
        file: String,
    },
    /// The caller pressed a key.
    KeyPressed(char),
    /// The caller pressed a key while the recording was paused: which one is kept nowhere.
    KeyWithheld,
    /// The recording is paused, or goes on: what is said meanwhile is written nowhere.
    RecordingPaused(bool),
    /// This response of the agent belongs to a pause that is over: its words are withheld too.
    ResponseWithheld {
        /// The response.
        response: ResponseId,
    },
    /// Somebody spoke while the recording was paused: what they said is kept nowhere.
    WordsWithheld {
        /// The item.
        item: ItemId,
        /// Who.
        speaker: Speaker,
    },
    /// A tool was called and answered while the recording was paused: with what is kept nowhere.
    ToolWithheld {
        /// Its name.
        name: String,
    },
    /// The carrier has found out who answered.
    AnsweredBy(AnsweredBy),
    /// The language of the call was switched.
    LanguageSwitched {
        /// The code of the language until now.
        from: String,
        /// The code of the language from now on.
        to: String,
    },
    /// A transfer was asked for, and what came of it. Told again when that changes.
    TransferAsked {
        /// The destination's name; never a number.
        destination: String,
        /// Why, in the model's words or the operator's.
        reason: String,
        /// What came of it, a word: `refused`, `dialled`, `answered`, …
        outcome: String,
    },
    /// The caller answered a configured question. A later answer to the same question replaces an earlier one.
    Answered {
        /// The question's key.
        key: String,
        /// The answer.
        value: Value,
        /// How good it is, a word: `answered`, `declined`, `unclear`, …
        status: String,
    },
    /// A turn of the caller was answered, after so long.
    TurnTimed(TurnLatency),
    /// What the caller's audio is like; the last one counts.
    Diagnosed(Value),
    /// Something went wrong.
    Incident(Incident),
    /// Tokens were used.
    Used(Usage),
    /// Transcription was used.
    TranscriptionUsed(TranscriptionUsage),
    /// The call ended. The Transcript waits briefly for late words, writes the record once, and stops.
    Ended {
        /// Why and by whom.
        ending: Ending,
        /// Counters for `analytics`.
        tally: Tally,
    },
}

/// What stands in the record in the place of what was said, or given to a tool, while the recording was paused.
pub const WITHHELD: &str = "[withheld while the recording was paused]";

/// Counters of a call for `analytics` in the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Caller turns.
    pub turns: u64,
    /// Interruptions of the agent.
    pub barge_ins: u64,
    /// Frames dropped, both directions.
    pub dropped_frames: u64,
    /// From the stream's `start` to the first frame sent to the caller.
    pub first_audio_ms: Option<u64>,
    /// Caller turns whose transcription failed or did not come.
    #[serde(default)]
    pub turns_without_words: u64,
    /// What it cost.
    #[serde(default)]
    pub cost_usd: Usd,
}

/// Tell this watcher what happens from now on. The CallActor tells of states and passes the watcher on to its Transcript, which tells of
/// words and facts. What is told ends with the call.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Watch(pub Watcher);

/// What was said so far, for `GET /calls/{id}`: as `conversation` of the record. Empty where the one who writes is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Value")]
pub struct ReadWords;
