//! The model's tool calls. Each is reported once, answered at most once, and not at all after the
//! server has taken it back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Session, SessionAction, complain, send};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::gemini::models::Tools;
use crate::realtime::gemini::protocol::client::{
    ClientMessage, FunctionResponse, Scheduling, ToolResponse, bracketed, result_of,
};
use crate::realtime::gemini::protocol::server::FunctionCall;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::report::{ModelReport, ToolCall};

/// The model's tool calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: Vec<Call>,
    /// The ids that were reported, the newest last.
    reported: VecDeque<ToolCallId>,
    /// Calls that were taken back and whose results may still come, the newest last.
    cancelled: VecDeque<ToolCallId>,
    /// Since when a result that the model should speak about waits for the others of its response.
    waiting_since: Option<Instant>,
    last_number: u64,
}

/// A call without a result.
#[derive(Debug)]
struct Call {
    id: ToolCallId,
    /// The id at the server; `None` if it gave none.
    wire_id: Option<String>,
    name: String,
    response: ResponseId,
    /// Whether another session made it. This server knows nothing of it.
    inherited: bool,
}

impl Calls {
    /// Whether the server waits for the result of a call.
    pub(super) fn is_any_open(&self) -> bool {
        self.open.iter().any(|call| !call.inherited)
    }

    /// Whether a result waits for the others of its response.
    pub(super) const fn results_wait(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// When the model is asked to speak about the results that it has.
    pub(super) fn results_due(&self) -> Option<Instant> {
        self.waiting_since.map(|since| since + SIBLINGS)
    }

    /// Stops waiting for the other results. Returns whether one has waited.
    pub(super) fn give_up_on_others(&mut self) -> bool {
        self.waiting_since.take().is_some()
    }

    /// Adds a call that another session made.
    pub(super) fn inherit(&mut self, id: ToolCallId) {
        self.tell(&id);
        let response = ResponseId::new(&format!("inherited_{id}"));
        self.open.push(Call { id, wire_id: None, name: String::new(), response, inherited: true });
    }

    fn tell(&mut self, id: &ToolCallId) {
        remember(&mut self.reported, id);
    }
}

impl Session {
    /// Reports the model's calls.
    pub(super) fn tools_called(&mut self, calls: Vec<FunctionCall>, now: Instant, out: &mut Vec<SessionAction>) {
        let heard = self.run(now, out).map(|run| {
            run.called = true;
            run.response.clone()
        });
        for call in calls {
            let FunctionCall { id: wire_id, name, arguments } = call;
            let id = match &wire_id {
                Some(id) => ToolCallId::new(id),
                None => {
                    self.calls.last_number += 1;
                    ToolCallId::new(&format!("call_{}_{}", self.opening.number, self.calls.last_number))
                }
            };
            if self.calls.reported.contains(&id) {
                continue;
            }
            self.calls.tell(&id);
            let Some(response) = heard.clone() else {
                // The response is not heard any more. A model that waits for its tools would wait
                // for ever.
                self.send_result(wire_id.as_deref(), &name, UNWANTED, false, out);
                continue;
            };
            self.calls.open.push(Call {
                id: id.clone(),
                wire_id,
                name: name.clone(),
                response: response.clone(),
                inherited: false,
            });
            out.push(SessionAction::Report(ModelReport::ToolCalled(ToolCall { response, id, name, arguments })));
        }
    }

    /// Forgets calls that the server has taken back. Their results are not sent.
    pub(super) fn calls_cancelled(&mut self, ids: &[String], out: &mut Vec<SessionAction>) {
        for id in ids {
            let of_server = |call: &Call| call.wire_id.as_ref() == Some(id);
            let Some(place) = self.calls.open.iter().position(of_server) else { continue };
            let call = self.calls.open.remove(place);
            remember(&mut self.calls.cancelled, &call.id);
            let others = self.calls.open.iter().any(|other| other.response == call.response);
            if !others && self.calls.give_up_on_others() {
                self.ask_later(ResponsePurpose::ToolResult, out);
            }
        }
    }

    /// Sends the result of a call. The results of one response lead to one answer: all but the last
    /// are silent.
    pub(super) fn answer_tool(
        &mut self,
        id: &ToolCallId,
        output: &str,
        speak: bool,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let Some(place) = self.calls.open.iter().position(|call| call.id == *id) else {
            if !self.calls.cancelled.contains(id) {
                complain("unknown_tool_call", "a result was dropped, as no call waits for it", out);
            }
            if speak && !self.owes() && self.unanswered.is_none() {
                out.push(SessionAction::Report(ModelReport::NothingOwed));
            }
            return;
        };
        let call = self.calls.open.remove(place);
        if call.inherited {
            return self.tell_result(output, speak, out);
        }
        let others = self.calls.open.iter().any(|other| other.response == call.response);
        let speaks = !others && (speak | self.calls.results_wait());
        if others && speak {
            self.calls.waiting_since.get_or_insert(now);
        } else if !others {
            self.calls.waiting_since = None;
        }
        self.send_result(call.wire_id.as_deref(), &call.name, output, speaks, out);
        if speaks {
            self.owe(now);
        }
    }

    fn send_result(&self, id: Option<&str>, name: &str, output: &str, speaks: bool, out: &mut Vec<SessionAction>) {
        let scheduling = match self.family.tools {
            // The model goes on with every result and cannot be told to say nothing.
            Tools::Blocking => None,
            Tools::NonBlocking if speaks => Some(Scheduling::WhenIdle),
            Tools::NonBlocking => Some(Scheduling::Silent),
        };
        let response = FunctionResponse { id, name, response: result_of(output), scheduling };
        send(&ClientMessage::ToolResponse(ToolResponse { function_responses: [response] }), out);
    }

    /// Tells the model the result of a call that another session made.
    fn tell_result(&mut self, output: &str, speak: bool, out: &mut Vec<SessionAction>) {
        let result = format!("The result of the tool that was called before: {output}");
        if speak {
            let instructions = Some(format!("{result} Tell the caller about it now."));
            self.request(ResponseRequest { purpose: ResponsePurpose::ToolResult, instructions }, out);
        } else {
            self.note(bracketed(&result), out);
        }
    }
}

fn remember(ids: &mut VecDeque<ToolCallId>, id: &ToolCallId) {
    if ids.len() >= MOST_REMEMBERED {
        ids.pop_front();
    }
    ids.push_back(id.clone());
}

/// The result of a call that nobody waits for.
const UNWANTED: &str = r#"{"error":"not wanted any more","retryable":false}"#;
/// The number of reported or cancelled calls to remember.
const MOST_REMEMBERED: usize = 256;
/// How long a result waits for the others of its response.
const SIBLINGS: Duration = Duration::from_millis(2_500);
