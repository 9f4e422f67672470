//! What the machine, the pipeline and the sessions of a call want is carried out here.

use serde_json::Value;
use switchboard_actors::audio::action::AudioAction;
use switchboard_actors::audio::pipeline::AudioEvent;
use switchboard_actors::call::steps::{CallAction, CallEvent};
use switchboard_actors::ending::Ending;
use switchboard_actors::realtime::messages::ModelOrder;
use switchboard_actors::realtime::sessions::{ClipAction, LegId, SessionsAction, SessionsEvent};
use switchboard_actors::transcript::messages::Tally;

use super::{Call, Dial, End, Job};
use crate::server::{ms, server_of};

impl Call {
    pub(super) fn act(&mut self, action: CallAction) {
        use CallAction as A;
        let audio = |event| Job::Audio(event);
        self.jobs.push_back(match action {
            A::AttachModel => {
                self.attached = true;
                let can = self.profile.model.capabilities();
                audio(AudioEvent::ModelAttached { input: can.input, output: can.output })
            }
            A::DetachModel => {
                self.attached = false;
                audio(AudioEvent::ModelDetached)
            }
            A::ClearPlayout { response } => audio(AudioEvent::ClearPlayout(response)),
            A::PausePlayout => audio(AudioEvent::PausePlayout),
            A::ResumePlayout => audio(AudioEvent::ResumePlayout),
            A::PlayPcm { item, pcm } => audio(AudioEvent::PlayPcm { item, pcm }),
            A::TellWhenDrained => audio(AudioEvent::TellWhenDrained),
            A::LimitLead(limited) => audio(AudioEvent::LimitLead(limited)),
            A::CompareSpeech(comparison) => audio(AudioEvent::CompareSpeech(comparison)),
            A::CallerTurn { open } => audio(AudioEvent::CallerTurn { open }),
            A::Order(order) => Job::Order(order),
            A::CloseModel => Job::Order(ModelOrder::Close),
            A::AskTransferPermit { .. } => Job::Call(CallEvent::TransferPermitGiven { granted: true }),
            A::AskTool { call, .. } => {
                self.tools_run.push(call.clone());
                let output = r#"{"status":"shipped"}"#.to_owned();
                return self
                    .later
                    .push((self.now + self.tool_takes, Job::Call(CallEvent::ToolAnswered { call, output })));
            }
            A::Record(fact) => {
                self.facts.push((self.now, fact.clone()));
                return self.log.note(fact, self.now);
            }
            A::Tell(note) => {
                return self.notes.push(note);
            }
            A::CloseLine => {
                let cut_off = !self.phone.is_silent(self.now);
                let (at, ending, tally) = (self.now, Ending::Crashed, Tally::default());
                self.ended = Some(End { at, ending, tally, cut_off });
                return;
            }
            A::FinishRecord { ending, tally } => {
                if let Some(end) = &mut self.ended {
                    (end.ending, end.tally) = (ending, tally);
                }
                return;
            }
            A::TellSpent(_)
            | A::FetchClip(_)
            | A::AskHandover(_)
            | A::CallCallee { .. }
            | A::DropCallee(_)
            | A::Reply(_)
            | A::ReleaseLine
            | A::RenewTranscript
            | A::PauseRecording(_)
            | A::TakeOver(_)
            | A::FinishAudio
            | A::TellSupervisor { .. }
            | A::Stop => return,
        });
    }

    pub(super) fn on_audio(&mut self, event: AudioEvent) {
        let mut out = Vec::new();
        self.pipeline.handle(event, self.now, &mut out).expect("known rates");
        for action in out {
            match action {
                AudioAction::ToModel(frame) if self.attached => self.jobs.push_back(Job::CallerAudio(frame)),
                AudioAction::ToLine(command) if self.ended.is_none() => self.phone.take(command, self.now),
                AudioAction::Report(report) => self.jobs.push_back(Job::Call(CallEvent::Audio(report))),
                AudioAction::ToModel(_)
                | AudioAction::ToLine(_)
                | AudioAction::Record(_)
                | AudioAction::Overhear(_)
                | AudioAction::CountDrops { .. } => {}
            }
        }
    }

    pub(super) fn on_sessions(&mut self, event: SessionsEvent<'_>) {
        use SessionsAction as A;
        let mut out = Vec::new();
        self.sessions.handle(event, self.now, &mut out);
        for action in out {
            match action {
                A::Consult { question, .. } => {
                    self.on_sessions(SessionsEvent::Advised { question, standings: &[], chance: 0.0 });
                }
                A::Dial { leg, plan, .. } => {
                    // A session that opens its links itself is not dialled.
                    let opens_links = matches!(plan.provider.upgrade(None), Ok(None));
                    let dial = if opens_links { Dial::Succeeds(ms(0)) } else { self.dial(plan.model(), true) };
                    self.later.push(match dial {
                        Dial::Succeeds(after) => {
                            let mut server = server_of(&plan, &self.mind, self.now);
                            let at = self.now + after;
                            let lasts = self.session_lasts;
                            server.base().expires_at = lasts.map(|lasts| (at + lasts - self.began).as_secs_f64());
                            (at, Job::Dialled(leg, plan.model().to_owned(), server))
                        }
                        Dial::Fails(after) => (self.now + after, Job::DialFailed(leg)),
                    });
                }
                A::HangUp(leg) => {
                    let is_dialled = |job: &Job| matches!(job, Job::Dialled(dialled, ..) | Job::DialFailed(dialled) if *dialled == leg);
                    self.later.retain(|(_, job)| !is_dialled(job));
                    if let Some(seated) = self.servers.iter_mut().find(|seated| seated.leg == leg) {
                        seated.is_open = false;
                    }
                }
                A::Send(leg, text) => self.hear(leg, text.as_bytes()),
                A::SendAudio(leg, frame) => self.hear(leg, &frame),
                A::Ping(leg) => self.later.push((self.now + ms(20), Job::Pong(leg))),
                A::ToAudio(audio) => self.jobs.push_back(Job::Audio(AudioEvent::ModelAudio {
                    response: audio.response,
                    item: audio.item,
                    audio: audio.audio,
                })),
                A::Complete(complete) => self.jobs.push_back(Job::Audio(AudioEvent::ItemComplete(complete.item))),
                A::ToWords(words) => self.log.hear(words, self.now),
                A::Report(report) => {
                    self.reports.push((self.now, report.clone()));
                    self.jobs.push_back(Job::Call(CallEvent::Model(report)));
                }
                A::Clip(ClipAction::Fetch { question, .. }) => {
                    self.later.push((self.now + ms(50), Job::ClipMade(question)));
                }
                A::Clip(ClipAction::Due { result, .. }) => self.clips.push(result),
                A::ToLink(leg, order) => self.order(leg, order),
                A::Learn { .. } | A::Pong(..) | A::AudioDropped { .. } => {}
                A::End => self.model_over = true,
            }
        }
    }

    fn hear(&mut self, leg: LegId, message: &[u8]) {
        let event: Value = serde_json::from_slice(message).expect("JSON");
        let now = self.now;
        if let Some(seated) = self.servers.iter_mut().find(|seated| seated.leg == leg && seated.is_open) {
            seated.server.hear(&event, now);
        }
    }
}
