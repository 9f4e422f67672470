//! What the AudioPipeline hears.

use std::sync::Arc;

use actix::{Message, Recipient};

use crate::carrier::AudioFormat;
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::ModelBound;

/// An order of the CallActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum AudioOrder {
    /// Attach the model: caller audio kept since the stream began, and all that follows, goes to it. What the model said before
    /// this order came is played now.
    AttachModel {
        /// Where caller audio goes.
        sink: Recipient<ModelBound>,
        /// What the model takes of the caller.
        input: AudioFormat,
        /// What it gives of the agent.
        output: AudioFormat,
    },
    /// Barge-in: drop the queue, clear the carrier, mute `response` and every response with audio in the queue, then
    /// report [`crate::audio::report::AudioReport::Interrupted`].
    ClearPlayout {
        /// The response that is being generated, if one is.
        response: Option<ResponseId>,
    },
    /// Play `pcm` (PCM16, [`PCM_RATE_HZ`]) as item `item`, behind what is queued, in whatever format the line has: a pre-rendered line of ours. No model needs to be attached.
    PlayPcm {
        /// The id under which it is reported, with [`CLIP_RESPONSE`] for its response; made by us, never known to the model.
        item: ItemId,
        /// The samples, shared by the calls that play them.
        pcm: Arc<[i16]>,
    },
    /// The caller may be interrupting: stop sending, clear the carrier where it can be cleared, and take back what the caller has not
    /// heard. What the model says meanwhile is queued behind it. Not answered; ended by [`AudioOrder::ResumePlayout`], or by
    /// [`AudioOrder::ClearPlayout`], whose heard positions are then those of the pause.
    PausePlayout,
    /// The caller did not interrupt: go on where the caller stopped hearing. Ignored when playout is not paused.
    ResumePlayout,
    /// Detach the model: the newest caller audio is kept until another one is attached.
    DetachModel,
    /// The model says that the caller's turn has begun or ended. While it is open and the carrier sends nothing, silence is given to
    /// the model so that the turn can end. An end is answered by [`crate::audio::report::AudioReport::LastVoice`].
    CallerTurn {
        /// Whether it has begun.
        open: bool,
    },
    /// Report [`crate::audio::report::AudioReport::PlayoutDrained`] as soon as nothing is queued and everything sent was heard: at
    /// once when that is so now, also when it was reported before. Sent behind the last audio of a response, its answer proves
    /// that all of it was heard.
    TellWhenDrained,
    /// Examine the line again: a new [`crate::audio::report::AudioReport::Diagnosed`] follows once half a second of voice was heard.
    Examine,
    /// Record silence from now on, or both sides again. Nothing happens in a call that is not recorded.
    PauseRecording(bool),
    /// The call is over: stop, without reporting it as a loss.
    Finish,
}

/// Samples per second of [`AudioOrder::PlayPcm`].
pub const PCM_RATE_HZ: u32 = 8_000;

/// The response under which clips of ours are reported.
pub const CLIP_RESPONSE: &str = "clip";
