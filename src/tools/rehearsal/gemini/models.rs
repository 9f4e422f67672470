//! What each family of models takes, and what it closes the connection for. Pure.

use serde_json::Value;

use super::closes::Close;

/// A family of models
/// (<https://ai.google.dev/gemini-api/docs/live-api/capabilities>).
#[derive(Debug)]
pub(super) struct Family {
    /// A part of its models' names.
    part: &'static str,
    /// The fields of a setup that it does not take.
    refuses: &'static [&'static str],
    /// A field of a setup that it demands.
    demands: Option<&'static str>,
    /// Whether texts may be added after the beginning.
    pub(super) texts_at_any_time: bool,
    /// Whether prompt and tools may change.
    pub(super) changes: bool,
    /// How its tools are called.
    pub(super) calls: Calls,
    /// Whether it closes the connection on audio while it waits for a tool.
    pub(super) deaf_during_calls: bool,
    /// Whether it takes audio in the retired field.
    pub(super) takes_media_chunks: bool,
    /// Whether it says at the end of a turn if it will go on by itself.
    pub(super) tells_status: bool,
}

/// How a family calls tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// It waits for every result, and knows no other way.
    Blocking,
    /// It waits unless a tool says otherwise.
    BlockingByDefault,
    /// It goes on unless a tool says otherwise.
    NonBlockingByDefault,
    /// It goes on, and knows no other way.
    NonBlocking,
}

const NEWEST: Family = Family {
    part: "",
    refuses: &[
        "proactivity",
        "generationConfig.enableAffectiveDialog",
        "generationConfig.thinkingConfig.thinkingLevel",
    ],
    demands: None,
    texts_at_any_time: true,
    changes: true,
    calls: Calls::NonBlockingByDefault,
    deaf_during_calls: false,
    takes_media_chunks: false,
    tells_status: false,
};

/// The families by a part of the model's name, the longer parts first. An unknown model is of the
/// newest.
static FAMILIES: [Family; 5] = [
    Family {
        part: "3.8-live-extended-thinking",
        refuses: &["proactivity", "generationConfig.enableAffectiveDialog"],
        demands: Some("generationConfig.thinkingConfig.thinkingLevel"),
        calls: Calls::NonBlocking,
        tells_status: true,
        ..NEWEST
    },
    Family { part: "3.8", ..NEWEST },
    Family {
        part: "3.1",
        refuses: &["proactivity", "generationConfig.enableAffectiveDialog"],
        texts_at_any_time: false,
        changes: false,
        calls: Calls::Blocking,
        ..NEWEST
    },
    Family {
        part: "2.5",
        refuses: &["historyConfig", "generationConfig.thinkingConfig.thinkingLevel"],
        changes: false,
        calls: Calls::BlockingByDefault,
        deaf_during_calls: true,
        takes_media_chunks: true,
        ..NEWEST
    },
    NEWEST,
];

impl Family {
    /// The family of `model`.
    pub(super) fn of(model: &str) -> &'static Self {
        FAMILIES.iter().find(|family| model.contains(family.part)).unwrap_or(&FAMILIES[4])
    }

    /// Whether the model waits for the result of this tool.
    ///
    /// # Errors
    /// The tool wants what the family does not have.
    pub(super) fn blocks(&self, behavior: Option<&str>) -> Result<bool, Close> {
        match (self.calls, behavior) {
            (Calls::Blocking, Some("NON_BLOCKING")) | (Calls::NonBlocking, Some("BLOCKING")) => {
                Err(Close::not_implemented())
            }
            (Calls::Blocking, _) => Ok(true),
            (Calls::NonBlocking, _) => Ok(false),
            (Calls::BlockingByDefault, behavior) => Ok(behavior != Some("NON_BLOCKING")),
            (Calls::NonBlockingByDefault, behavior) => Ok(behavior == Some("BLOCKING")),
        }
    }

    /// Checks a setup whose fields are known to the API.
    ///
    /// # Errors
    /// The close for a field that this family, or this service, does not take.
    pub(super) fn check(&self, setup: &Value, service: Service) -> Result<(), Close> {
        let refused = self.refuses.iter().chain(service.refuses()).any(|path| at(setup, path).is_some());
        let missing = self.demands.is_some_and(|path| at(setup, path).is_none());
        if refused || missing {
            return Err(Close::argument());
        }
        let modalities = at(setup, "generationConfig.responseModalities").and_then(Value::as_array);
        match modalities.map(Vec::as_slice) {
            None | Some([]) => Ok(()),
            Some([only]) if only == "AUDIO" => Ok(()),
            Some([_]) if at(setup, "generationConfig.speechConfig").is_some() => {
                Err(Close::new(1007, "Cannot extract voices from a non-audio request."))
            }
            Some(_) => Err(Close::argument()),
        }
    }
}

/// The service whose address a client has dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The Developer API.
    Developer,
    /// Vertex AI.
    Vertex,
}

impl Service {
    /// The fields of a setup that it does not take.
    const fn refuses(self) -> &'static [&'static str] {
        match self {
            Self::Developer => &["explicitVadSignal", "sessionResumption.transparent"],
            Self::Vertex => &["labels"],
        }
    }
}

/// The value at a path of fields.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_family_refuses_what_it_does_not_know() {
        let thinks = json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}});
        let check = |model: &str, setup: &Value| Family::of(model).check(setup, Service::Developer).is_ok();
        assert!(!check("models/gemini-3.8-live", &thinks) && !check("models/gemini-2.5-flash-live", &thinks));
        assert!(check("models/gemini-3.8-live-extended-thinking", &thinks) && check("models/gemini-3.1-live", &thinks));
        assert!(!check("models/gemini-3.8-live-extended-thinking", &json!({})));
        assert!(!check("models/gemini-2.5-flash-live", &json!({"historyConfig": {}})));
        assert!(!check("models/gemini-3.8-live", &json!({"proactivity": {"proactiveAudio": false}})));
        assert!(!check("models/gemini-3.8-live", &json!({"explicitVadSignal": true})));
        assert!(Family::of("models/gemini-3.8-live").check(&json!({"labels": {}}), Service::Vertex).is_err());
        assert!(!check("models/x", &json!({"generationConfig": {"responseModalities": ["AUDIO", "TEXT"]}})));
    }

    #[test]
    fn tools_are_called_as_the_family_does() {
        for (model, behavior, blocks) in [
            ("3.8-live", None, Some(false)),
            ("3.8-live", Some("BLOCKING"), Some(true)),
            ("3.8-live-extended-thinking", Some("BLOCKING"), None),
            ("3.1-flash", None, Some(true)),
            ("3.1-flash", Some("NON_BLOCKING"), None),
            ("2.5-flash", None, Some(true)),
            ("2.5-flash", Some("NON_BLOCKING"), Some(false)),
        ] {
            assert_eq!(Family::of(model).blocks(behavior).ok(), blocks, "{model} {behavior:?}");
        }
    }
}
