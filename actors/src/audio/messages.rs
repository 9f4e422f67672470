//! The messages to the AudioPipeline.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;

use super::report::ItemPlayout;
use super::second_opinion::Comparison;
use super::tap::Tap;
use crate::carrier::AudioFormat;
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::ModelBound;

/// An order of the CallActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum AudioOrder {
    /// Attach the model. Caller audio kept since the stream began, and all that follows, goes to
    /// it. Model audio that arrived before this order is played now.
    AttachModel {
        /// The recipient of caller audio.
        sink: Recipient<ModelBound>,
        /// The format in which the model takes the caller's audio.
        input: AudioFormat,
        /// The format in which the model sends the agent's audio.
        output: AudioFormat,
    },
    /// Barge-in: drop the queue, clear the carrier, mute `response` and every response with audio
    /// in the queue, then report [`crate::audio::report::AudioReport::Interrupted`].
    ClearPlayout {
        /// The response that is being generated, if one is.
        response: Option<ResponseId>,
    },
    /// Play `pcm` (PCM16, [`PCM_RATE_HZ`]) as item `item`, after what is queued, in the line's
    /// format. It is a pre-rendered clip of ours. No model needs to be attached.
    PlayPcm {
        /// The id under which the clip is reported, with [`CLIP_RESPONSE`] as its response. We make
        /// the id, and the model never knows it.
        item: ItemId,
        /// The samples, shared by the calls that play them.
        pcm: Arc<[i16]>,
    },
    /// Pause, because the caller may be interrupting. Playout stops sending, clears the carrier
    /// where that is possible, and takes back what the caller has not heard. Later audio of the
    /// model is queued after it. There is no answer. [`AudioOrder::ResumePlayout`] ends the pause.
    /// [`AudioOrder::ClearPlayout`] ends it too, and then reports the heard positions of the pause.
    PausePlayout,
    /// Continue where the caller stopped hearing, because the caller did not interrupt. Ignored
    /// when playout is not paused.
    ResumePlayout,
    /// Detach the model. The newest caller audio is kept until another model is attached.
    DetachModel,
    /// The model reported the beginning or the end of the caller's turn. While the turn is open and
    /// the carrier sends nothing, the model gets silence so that the turn can end. An end is
    /// answered by [`crate::audio::report::AudioReport::LastVoice`].
    CallerTurn {
        /// Whether the turn began.
        open: bool,
    },
    /// Report [`crate::audio::report::AudioReport::PlayoutDrained`] as soon as nothing is queued
    /// and everything sent was heard. If that is so already, the report comes at once, even if it
    /// was sent before. When this order follows the last audio of a response, its answer proves
    /// that all of it was heard.
    TellWhenDrained,
    /// Send less ahead of the ear, because the model speaks in real time, or as far as the carrier's
    /// setting says.
    LimitLead(bool),
    /// Compare our detector with the server's reports of the caller's speech, which are this call's
    /// [`CallerTurn`](Self::CallerTurn)s, or compare them no longer. Each comparison is reported by
    /// [`crate::audio::report::AudioReport::SpeechCompared`].
    CompareSpeech(Option<Comparison>),
    /// Examine the line again. A new [`crate::audio::report::AudioReport::Diagnosed`] follows once
    /// half a second of voice was heard.
    Examine,
    /// Record silence from now on, or both sides again. The order has no effect in a call that is
    /// not recorded.
    PauseRecording(bool),
    /// Pass both sides of the call to this listener from now on, as they are heard.
    Listen(Tap),
    /// A person talks with the caller in place of the agent (`true`), or no longer. Meanwhile
    /// nothing of the agent is played, and each item of it is reported as unheard; the person's
    /// sound comes by [`FromPerson`].
    TakeOver(bool),
}

/// Sound of a person who has taken the call over: mu-law at 8 kHz. Perishable; ignored while nobody
/// has.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct FromPerson(pub Bytes);

/// The call is over: stop without reporting it as a loss. The answer has every item that was not
/// reported as heard yet, in playing order, with what the caller has heard of it by now.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ItemPlayout>")]
pub struct FinishAudio;

/// Samples per second of [`AudioOrder::PlayPcm`].
pub const PCM_RATE_HZ: u32 = 8_000;

/// The response under which clips of ours are reported.
pub const CLIP_RESPONSE: &str = "clip";
