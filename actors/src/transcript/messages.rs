//! What the Transcript hears.

use std::time::Duration;

use actix::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::messages::{TranscriptionUsage, TurnLatency, Usage};
use crate::call::meter::Usd;
use crate::ending::Ending;
use crate::ids::{ItemId, ResponseId};
use crate::incident::Incident;

/// Words, from the RealtimeLlm as they come: any order, any delay.
#[derive(Debug, Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
#[rtype(result = "()")]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// An item took its place in the conversation, behind `previous` (or first).
    Placed {
        /// The item.
        item: ItemId,
        /// Who speaks in it.
        speaker: Speaker,
        /// The item before it.
        previous: Option<ItemId>,
    },
    /// The transcript of a caller's item; whole, final. `None` when transcription failed.
    CallerSaid {
        /// The user item.
        item: ItemId,
        /// What was said.
        text: Option<String>,
    },
    /// A piece of what the agent says, ahead of its audio.
    AgentSays {
        /// The response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The next words.
        delta: String,
    },
    /// The sound of an agent's item had no level: whatever was played of it, nobody heard it.
    Inaudible {
        /// The item.
        item: ItemId,
    },
    /// All the agent's item says; replaces the pieces.
    AgentSaid {
        /// The response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The whole text as generated.
        text: String,
    },
}

/// Who speaks in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person on the phone.
    Caller,
    /// The model.
    Agent,
    /// Us: a system item. Not part of the conversation in the record.
    System,
}

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
