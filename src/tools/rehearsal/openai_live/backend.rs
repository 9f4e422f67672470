//! The model behind the voice: its delegation, its tool calls and the bounds of its input. Pure.

use serde_json::Value;

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::script::Saying;

/// The backend of one session, which the server runs.
#[derive(Debug, Default)]
pub(super) struct Backend {
    /// The task that it works on: one at a time.
    task: Option<Task>,
    /// A user's message that no response has answered.
    typed: Option<String>,
    /// What the client has put into its input: the bounds are for the whole session.
    items: usize,
    bytes: usize,
}

/// A task.
#[derive(Debug)]
pub(super) struct Task {
    /// The id of the delegation.
    pub(super) delegation: String,
    /// The id of its newest response.
    pub(super) response: String,
    /// Whether that response streams.
    pub(super) streams: bool,
    /// Its calls: their ids and their outputs.
    calls: Vec<(String, Option<String>)>,
    /// What is to be called when the response comes to it.
    pub(super) next_calls: Vec<(String, Value)>,
    /// What the voice says at the end.
    pub(super) saying: Option<Saying>,
}

impl Backend {
    /// Begins a task. `sayings` are what it calls, and what is said at its end.
    pub(super) fn begin(&mut self, delegation: String, response: String, sayings: Vec<Saying>) -> &mut Task {
        let (mut next_calls, mut saying) = (Vec::new(), None);
        for part in sayings {
            match part {
                Saying::Call { name, arguments } => next_calls.push((name, arguments)),
                spoken @ Saying::Speak { .. } => saying = Some(spoken),
            }
        }
        self.typed = None;
        self.task.insert(Task { delegation, response, streams: true, calls: Vec::new(), next_calls, saying })
    }

    /// The task, if there is one.
    pub(super) const fn task(&mut self) -> Option<&mut Task> {
        self.task.as_mut()
    }

    /// Whether a task is unfinished.
    pub(super) const fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    /// Ends the task.
    pub(super) fn end(&mut self) -> Option<Task> {
        self.task.take()
    }

    /// Takes an item of the client into the input.
    ///
    /// # Errors
    /// Fails if the input is full, or if the item answers no open call.
    pub(super) fn take(&mut self, item: &Value) -> Result<(), Fault> {
        let bytes = item.to_string().len();
        if self.items >= MOST_ITEMS || self.bytes + bytes > MOST_BYTES {
            let message = format!("The input holds at most {MOST_ITEMS} items and {MOST_BYTES} bytes.");
            return Err(Fault::request("response_input_buffer_full", message));
        }
        if item["type"] == "function_call_output" {
            let id = item["call_id"].as_str().unwrap_or_default();
            let open = self.task.iter_mut().flat_map(|task| &mut task.calls).find(|(call, _)| call == id);
            let unknown = || Fault::request("invalid_value", "No call has this id.").at("item.call_id");
            let (_, output) = open.ok_or_else(unknown)?;
            if output.is_some() {
                return Err(Fault::request("invalid_value", "This call is answered already.").at("item.call_id"));
            }
            *output = Some(text_of(&item["output"]));
        } else {
            self.typed = Some(text_of(&item["content"]));
        }
        (self.items, self.bytes) = (self.items + 1, self.bytes + bytes);
        Ok(())
    }

    /// A client orders the next response. Returns a user's message that begins a new task; `None`
    /// lets the task go on.
    ///
    /// # Errors
    /// Fails if calls are unanswered, or if there is nothing to answer.
    pub(super) fn go_on(&mut self) -> Result<Option<String>, Fault> {
        match &mut self.task {
            Some(task) if task.streams || task.calls.iter().any(|(_, output)| output.is_none()) => {
                let message = "Every function call needs an output before the next response.";
                Err(Fault::request("function_call_outputs_required", message))
            }
            Some(_) => Ok(None),
            None => match self.typed.take() {
                Some(text) => Ok(Some(text)),
                None => Err(Fault::request("invalid_event", "There is nothing to answer.")),
            },
        }
    }
}

impl Task {
    /// Adds a call.
    pub(super) fn called(&mut self, call: String) {
        self.calls.push((call, None));
    }

    /// Whether it waits for the client.
    pub(super) fn waits(&self) -> bool {
        self.calls.iter().any(|(_, output)| output.is_none())
    }

    /// Whether an output asks the voice to say nothing.
    pub(super) fn is_silent(&self) -> bool {
        let silent = |output: &String| serde_json::from_str(output).is_ok_and(|it: Value| it["say"] == "nothing");
        self.calls.iter().filter_map(|(_, output)| output.as_ref()).any(silent)
    }
}

/// The text of a content or an output: a text, or a list of parts.
fn text_of(content: &Value) -> String {
    let parts = || content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().map_or_else(|| parts().collect::<Vec<_>>().join(" "), str::to_owned)
}

/// Maximum number of items that a client may put into the input of a session.
const MOST_ITEMS: usize = 128;
/// Maximum number of their bytes.
const MOST_BYTES: usize = 32_768;
