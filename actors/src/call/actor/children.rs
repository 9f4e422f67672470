//! The child actors of a call: how they start, and their addresses.

use std::sync::Arc;

use actix::{Actor, Addr, Recipient};

#[cfg(any(test, feature = "sabotage"))]
use super::sabotage::Fail;
use super::{CallActor, CallSetup};
use crate::audio::actor::{AudioPipeline, AudioSetup};
use crate::audio::messages::{AudioOrder, FinishAudio, FromPerson};
use crate::line::messages::{FromCaller, FromModel, ItemComplete, ModelBound, PlayoutSignal};
use crate::realtime::actor::{LlmSetup, RealtimeLlm};
use crate::realtime::messages::{AudioReplaced, ModelOrder};
use crate::realtime::report::Words;
use crate::recording::writer::{Owner, Recorder};
use crate::transcript::actor::{Transcript, TranscriptSetup};
use crate::transcript::messages::{Fact, ReadWords, Watch};
use crate::transcript::record::recording_name;

/// Starts a call's child actors on the current thread. Tests start others in their place.
pub(super) trait Spawn: Send {
    /// Starts the Transcript.
    fn transcript(&self, setup: TranscriptSetup) -> TranscriptHandle;
    /// Starts the AudioPipeline.
    fn audio(&self, setup: AudioSetup) -> AudioHandle;
    /// Starts the RealtimeLlm, which dials the model.
    fn model(&self, setup: LlmSetup) -> LlmHandle;
}

/// The addresses of the Transcript. When they are dropped, it writes what it has and stops.
#[derive(Debug)]
pub(super) struct TranscriptHandle {
    pub(super) words: Recipient<Words>,
    pub(super) facts: Recipient<Fact>,
    pub(super) watch: Recipient<Watch>,
    pub(super) read: Recipient<ReadWords>,
    #[cfg(any(test, feature = "sabotage"))]
    pub(super) fail: Recipient<Fail>,
}

/// The addresses of the AudioPipeline.
#[derive(Debug)]
pub(super) struct AudioHandle {
    pub(super) frames: Recipient<FromCaller>,
    pub(super) playout: Recipient<PlayoutSignal>,
    pub(super) from_model: Recipient<FromModel>,
    pub(super) items: Recipient<ItemComplete>,
    pub(super) orders: Recipient<AudioOrder>,
    pub(super) person: Recipient<FromPerson>,
    pub(super) finish: Recipient<FinishAudio>,
    #[cfg(any(test, feature = "sabotage"))]
    pub(super) fail: Recipient<Fail>,
}

/// The addresses of the RealtimeLlm.
#[derive(Debug)]
pub(super) struct LlmHandle {
    pub(super) audio: Recipient<ModelBound>,
    pub(super) orders: Recipient<ModelOrder>,
    pub(super) hearing: Recipient<AudioReplaced>,
    #[cfg(any(test, feature = "sabotage"))]
    pub(super) fail: Recipient<Fail>,
}

/// Starts the real actors.
pub(super) struct Real;

impl Spawn for Real {
    fn transcript(&self, setup: TranscriptSetup) -> TranscriptHandle {
        TranscriptHandle::of(&Transcript::new(setup).start())
    }

    fn audio(&self, setup: AudioSetup) -> AudioHandle {
        let addr = AudioPipeline::new(setup).start();
        AudioHandle {
            frames: addr.clone().recipient(),
            playout: addr.clone().recipient(),
            from_model: addr.clone().recipient(),
            items: addr.clone().recipient(),
            orders: addr.clone().recipient(),
            person: addr.clone().recipient(),
            finish: addr.clone().recipient(),
            #[cfg(any(test, feature = "sabotage"))]
            fail: addr.recipient(),
        }
    }

    fn model(&self, setup: LlmSetup) -> LlmHandle {
        let addr = RealtimeLlm::new(setup).start();
        LlmHandle {
            audio: addr.clone().recipient(),
            orders: addr.clone().recipient(),
            hearing: addr.clone().recipient(),
            #[cfg(any(test, feature = "sabotage"))]
            fail: addr.recipient(),
        }
    }
}

impl TranscriptHandle {
    fn of(addr: &Addr<Transcript>) -> Self {
        Self {
            words: addr.clone().recipient(),
            facts: addr.clone().recipient(),
            watch: addr.clone().recipient(),
            read: addr.clone().recipient(),
            #[cfg(any(test, feature = "sabotage"))]
            fail: addr.clone().recipient(),
        }
    }
}

/// Starts a Transcript for the call that `setup` describes.
pub(super) fn start_transcript(spawn: &dyn Spawn, setup: &CallSetup, call: &Addr<CallActor>) -> TranscriptHandle {
    spawn.transcript(TranscriptSetup {
        identity: setup.identity.clone(),
        profile: Arc::clone(&setup.profile),
        writer: setup.writer.clone(),
        incidents: Some(call.downgrade().recipient()),
        lost: call.downgrade().recipient(),
    })
}

/// Starts the recording, if the call is recorded, and adds its file to the record. If the recording
/// cannot start, the call continues without it.
fn start_recorder(setup: &CallSetup, facts: Option<&Recipient<Fact>>, call: &Addr<CallActor>) -> Option<Recorder> {
    let (identity, dir) = (&setup.identity, setup.profile.recording.as_deref()?);
    // A caller who returns after a transfer gets a new file.
    let name = recording_name(&identity.carrier_call, identity.started_at);
    let names = (2..=9).map(|part| name.replace("_recording.wav", &format!("_recording_{part}.wav")));
    let path = std::iter::once(name.clone()).chain(names).map(|name| dir.join(name)).find(|path| !path.exists())?;
    let writer = setup.writer.clone();
    let owner = Owner { call: identity.tag(), incidents: Some(call.downgrade().recipient()) };
    let recorder = setup.writer.recordings().record(path.clone(), identity.line.hears.rate_hz, owner, writer);
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(facts) = facts {
        facts.do_send(Fact::Recorded { file });
    }
    Some(recorder)
}

/// Starts the AudioPipeline of the call's line.
pub(super) fn start_audio(
    spawn: &dyn Spawn,
    setup: &CallSetup,
    facts: Option<&Recipient<Fact>>,
    call: &Addr<CallActor>,
) -> AudioHandle {
    spawn.audio(AudioSetup {
        call: setup.identity.tag(),
        line: setup.identity.line,
        capabilities: setup.identity.carrier.capabilities(),
        lead: Some(setup.profile.playout_lead),
        levels: setup.profile.audio.levels(setup.identity.carrier),
        correct: setup.profile.audio.correct,
        recorder: start_recorder(setup, facts, call),
        to_line: setup.line.to_line.clone(),
        to_call: call.downgrade().recipient(),
        lost: call.downgrade().recipient(),
    })
}

/// Starts both inner ends of the line, and connects them.
pub(super) fn start_line(
    spawn: &dyn Spawn,
    setup: &CallSetup,
    transcript: &TranscriptHandle,
    call: &Addr<CallActor>,
) -> (AudioHandle, LlmHandle) {
    let audio = start_audio(spawn, setup, Some(&transcript.facts), call);
    let llm = spawn.model(LlmSetup {
        call: setup.identity.tag(),
        plan: Arc::clone(&setup.profile.model),
        safety_identifier: setup.profile.caller.clone().filter(|_| setup.profile.send_safety_identifier),
        providers: setup.providers.clone(),
        audio: audio.from_model.clone(),
        items: audio.items.clone(),
        words: transcript.words.clone(),
        to_call: call.downgrade().recipient(),
        lost: call.downgrade().recipient(),
    });
    (audio, llm)
}
