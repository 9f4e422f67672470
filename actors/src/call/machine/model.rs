//! The reports of the model: its session, its responses, its tool calls. Part of [`super`].

use super::{CallMachine, Transcript};
use crate::call::exit::By;
use crate::call::floor::{Awaited, Called};
use crate::call::messages::HangUp;
use crate::call::meter::Verdict;
use crate::call::shared::Stage;
use crate::call::steps::{CallAction, Note};
use crate::call::tools::Effect;
use crate::child::Child;
use crate::ending::Ending;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{ModelLoss, ModelReport, ResponseOutcome, ToolCall, Usage};
use crate::tools::plan::failure;
use crate::transcript::messages::Fact;

impl CallMachine {
    pub(super) fn model(&mut self, report: ModelReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        match report {
            ModelReport::Ready { setup, .. } => {
                match (talk.model.ready(setup, &mut talk.call), stage) {
                    (true, Stage::Connecting) => {
                        talk.floor.opens(&mut talk.call);
                        if talk.call.profile.given.declined {
                            exit.say_goodbye(Ending::Declined, talk);
                        }
                    }
                    (true, Stage::Broken) => talk.line.model_came_up(&talk.floor, &mut talk.call),
                    _ => {}
                }
                talk.call.model_came();
            }
            ModelReport::SpeechStarted { item } => self.caller_spoke(item),
            ModelReport::SpeechStopped { item } => {
                talk.floor.caller_stopped(&item, stage, &mut talk.call);
                talk.hands.turn_ended(&item);
                talk.line.owes_an_answer();
            }
            ModelReport::CallerWords { item, text, last } => {
                talk.floor.caller_words(&item, text.expose(), last, stage, &mut talk.call);
                if last {
                    talk.hands.words(&item, text.expose());
                }
            }
            ModelReport::WordsFailed { item } => talk.floor.words_failed(&item, &mut talk.call),
            ModelReport::PartsTook { response, mind, voice } => talk.floor.parts_took(&response, mind, voice),
            ModelReport::BegunEarly { kept } => talk.call.tell(Note::AnswerBegunEarly { kept }),
            ModelReport::FirstAudio { response } => talk.floor.first_audio(&response, talk.call.now),
            ModelReport::ResponseStarted { response } => {
                talk.call.private_answer_begins(&response);
                talk.floor.response_started(response, stage, &mut talk.call);
                talk.line.owes_an_answer();
                if stage == Stage::Closing {
                    exit.words_begin();
                }
            }
            ModelReport::ResponseFinished { response, outcome, usage } => {
                self.response_finished(&response, outcome, usage);
            }
            ModelReport::AnswerMissed { response, kind, again } => {
                talk.floor.answer_missed(&response, kind, again, &mut talk.call);
            }
            ModelReport::NothingOwed => talk.floor.nothing_owed(stage),
            ModelReport::Muted { purpose, reason } => self.session_is_mute(purpose, &reason),
            ModelReport::TranscriptionUsed(usage) => {
                talk.call.transcription_used(usage);
                self.check_spending();
            }
            ModelReport::Used(usage) => {
                talk.call.used(usage);
                self.check_spending();
            }
            ModelReport::Worked { model, usage } => {
                talk.call.worked(&model, usage);
                self.check_spending();
            }
            ModelReport::ToolCalled(asked) => self.tool_called(asked),
            ModelReport::RequestGivenUp { purpose, reason } => self.request_given_up(purpose, reason),
            ModelReport::Incident(incident) => talk.call.tell(Note::IncidentLogged(incident)),
            ModelReport::Complained { code, message } => talk.call.tell(Note::ModelComplained { code, message }),
            ModelReport::Faltered(loss) => {
                if talk.model.faltered(loss, talk.floor.is_sounding(), &mut talk.call) {
                    talk.floor.model_faltered(&mut talk.call);
                    if stage == Stage::Closing {
                        exit.words_break_off(talk);
                    }
                }
            }
            ModelReport::Serves { provider, model } => talk.call.serves(provider, model),
            ModelReport::Can(can) => talk.call.model_can(can),
            ModelReport::Resumed { gap, answering, .. } => {
                talk.model.resumed(gap, &mut talk.call);
                talk.floor.model_resumed(answering && !talk.model.is_gone());
                if stage == Stage::Talking {
                    // If nothing is owed, the report ends the agent's turn.
                    talk.tell_when_drained();
                }
            }
            ModelReport::Renewable => talk.model.expires(),
            ModelReport::Lost(loss) => self.model_lost(loss),
        }
    }

    fn caller_spoke(&mut self, item: ItemId) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        talk.floor.caller_spoke(&item, stage, &mut talk.call);
        // The caller revokes the agent's decision to end the call.
        if stage == Stage::Closing && exit.is_revocable(talk) && !talk.floor.must_be_heard() {
            talk.floor.listen(&mut talk.call);
            exit.goes_on("spoke", talk);
        }
        talk.call.record(Fact::CallerSpoke { item });
        talk.call.act(CallAction::CallerTurn { open: true });
    }

    fn response_finished(&mut self, response: &ResponseId, outcome: ResponseOutcome, usage: Option<Usage>) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        if let ResponseOutcome::Incomplete(reason) = &outcome {
            talk.floor.answer_cut(response, reason, &mut talk.call);
        }
        talk.floor.response_finished(response, outcome == ResponseOutcome::Completed);
        talk.call.out.extend(Note::of_outcome(outcome).map(CallAction::Tell));
        if let Some(usage) = usage {
            talk.call.used(usage);
        }
        match stage {
            // Another response has begun since; its end counts.
            _ if talk.floor.is_generating() => {}
            Stage::Closing => exit.words_end(talk),
            // The last audio may still be on its way to the playout; the report of silence ends the
            // agent's turn.
            Stage::Talking => talk.tell_when_drained(),
            Stage::Connecting | Stage::TakenOver | Stage::Broken | Stage::Transferring | Stage::Ended => {}
        }
        self.check_spending();
    }

    fn request_given_up(&mut self, purpose: Option<ResponsePurpose>, reason: String) {
        let stage = self.stage();
        let awaited = self.talk.floor.request_given_up();
        if self.talk.floor.is_over() || purpose == Some(ResponsePurpose::Notice) {
            self.end_protection();
        }
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        talk.call.tell(Note::RequestGivenUp { purpose, reason });
        match stage {
            Stage::Talking if awaited == Awaited::Yes && talk.floor.is_over() => {
                talk.floor.leave_it_at_an_apology(&mut talk.call);
            }
            Stage::Closing => exit.words_given_up(purpose, talk),
            // Something else is being said or awaited; its own reports continue the call.
            Stage::Connecting
            | Stage::Talking
            | Stage::TakenOver
            | Stage::Broken
            | Stage::Transferring
            | Stage::Ended => {}
        }
    }

    /// The session does not speak: a recorded line plays, and another session takes over.
    fn session_is_mute(&mut self, purpose: Option<ResponsePurpose>, reason: &str) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        let detail = format!("{}: {reason}", purpose.map_or("answer", ResponsePurpose::word));
        talk.call.tell(Note::Incident(Incident::new(IncidentKind::ModelMute, detail)));
        match exit.stage(talk) {
            Stage::Closing => exit.words_given_up(purpose, talk),
            Stage::Talking => {
                talk.floor.session_is_mute(&mut talk.call);
                self.replace_session();
            }
            Stage::Connecting | Stage::TakenOver | Stage::Broken | Stage::Transferring | Stage::Ended => {}
        }
    }

    pub(super) fn replace_session(&mut self) {
        if let Some(loss) = self.talk.model.replace(&mut self.talk.call) {
            self.model_lost(loss);
        }
    }

    pub(super) fn model_lost(&mut self, loss: ModelLoss) {
        let ending = self.talk.model.lost(loss, &mut self.talk.call);
        self.exit.model_gone(ending, &mut self.talk);
    }

    /// Keeps the call within its spending limits.
    pub(super) fn check_spending(&mut self) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        match talk.call.meter.verdict() {
            Verdict::Within => {}
            Verdict::WrapUp => talk.floor.wrap_up(exit.stage(talk), &mut talk.call),
            Verdict::Close => exit.hang_up(HangUp::Spent, talk),
        }
    }

    fn tool_called(&mut self, asked: ToolCall) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        if stage == Stage::TakenOver {
            let output = failure("a colleague talks with the caller now; call no tool until you have the call again");
            return talk.answer_tool(&asked, output, false, stage);
        }
        let (asked, answer) = match talk.floor.tool_called(asked, stage, &mut talk.call) {
            Called::Nothing => return,
            Called::Endless(loss) => return self.model_lost(loss),
            Called::Done(asked, answer) => {
                let answer = talk.call.keep_private(&asked, answer);
                (asked, answer)
            }
        };
        let mut output = answer.output;
        match (answer.effect, stage) {
            // The tool is answered once the result of the transfer is known.
            (Some(Effect::Transfer { destination, reason, summary }), _) => {
                return exit.transfer_asked(destination, reason, summary, By::Model(asked), talk);
            }
            (Some(Effect::HangUp), Stage::Closing | Stage::Transferring) => {}
            (Some(Effect::HangUp), Stage::Broken) => {
                output = r#"{"ok":false,"error":"the line broke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) if talk.floor.was_cut(&asked) => {
                output = r#"{"ok":false,"error":"the caller spoke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) => exit.agent_hangs_up(talk),
            (Some(Effect::HandOver { agent, summary }), Stage::Talking) => {
                return talk.hand_over(&asked, &agent, &summary, stage);
            }
            (Some(Effect::HandOver { .. }), _) => output = failure("the call cannot be given on now"),
            (Some(Effect::SwitchLanguage(code)), _) => talk.call.switch_language(&code),
            (Some(Effect::Answered { key, value, status }), _) => {
                talk.call.record(Fact::Answered { key, value, status: status.to_owned() });
            }
            (None, _) => {}
        }
        talk.answer_tool(&asked, output, answer.speak, exit.stage(talk));
    }

    pub(super) fn child_lost(&mut self, child: Child) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        talk.call.tell(Note::ChildLost(child));
        match (child, exit.stage(talk)) {
            // A caller who comes back gets a new one.
            (Child::Audio, Stage::Broken | Stage::Transferring) => {}
            // The caller can hear nothing any more.
            (Child::Audio, _) => exit.finish(Ending::Crashed, talk),
            (Child::Model, _) => exit.model_gone(Ending::Crashed, talk),
            (Child::Transcript, _) if self.transcript == Transcript::Second => talk.call.tell(Note::RecordLost),
            (Child::Transcript, _) => {
                self.transcript = Transcript::Second;
                talk.call.act(CallAction::RenewTranscript);
                talk.call.recall_pause();
            }
        }
    }
}
