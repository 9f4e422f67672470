use super::*;

const QUIET: Circumstances = Circumstances { voiced: false, responding: false };

fn updated(update: &Value) -> Settings {
    let mut settings = Settings::new("gpt-realtime-2.1");
    settings.update(update, QUIET).unwrap();
    settings
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let settings = updated(&json!({"type": "realtime", "audio": {"input": {
        "format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}}));
    let object = settings.object("sess_1", 0);
    assert_eq!(object["audio"]["input"]["format"], json!({"type": "audio/pcmu"}), "no rate is left behind");
    assert_eq!(object["audio"]["output"]["format"], json!({"type": "audio/pcm", "rate": 24000}));
    let detection = settings.detection().unwrap();
    assert_eq!((detection.tuning.silence_ms, detection.prefix_ms), (700, 300));
}

#[test]
fn another_type_of_turn_detection_starts_from_its_own_defaults() {
    let settings = updated(&json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}));
    assert_eq!(
        settings.turn_detection(),
        &json!({"type": "semantic_vad", "eagerness": "auto", "create_response": true, "interrupt_response": true})
    );
    let off = updated(&json!({"audio": {"input": {"turn_detection": null}}}));
    assert!(off.detection().is_none() && !off.creates_responses());
}

#[test]
fn the_voice_is_locked_once_the_model_has_spoken() {
    let mut settings = Settings::new("gpt-realtime-2.1");
    let voiced = Circumstances { voiced: true, responding: false };
    let marin = json!({"instructions": "new", "audio": {"output": {"voice": "marin"}}});
    assert_eq!(settings.update(&marin, voiced).unwrap_err().code, "cannot_update_voice");
    assert_eq!(settings.instructions(), DEFAULT_INSTRUCTIONS, "the whole update was discarded");
    let same = json!({"audio": {"output": {"voice": "alloy"}}});
    assert_eq!(settings.update(&same, voiced), Ok(()));
}

#[test]
fn a_model_that_does_not_reason_refuses_its_settings() {
    let effort = json!({"reasoning": {"effort": "low"}});
    assert!(Settings::new("gpt-realtime-2.1").update(&effort, QUIET).is_ok());
    let fault = Settings::new("gpt-realtime").update(&effort, QUIET).unwrap_err();
    assert_eq!((fault.code, fault.param.as_deref()), ("unknown_parameter", Some("session.reasoning")));
}

#[test]
fn one_modality_at_a_time() {
    for wrong in [json!(["text", "audio"]), json!([])] {
        let fault = Settings::new("m").update(&json!({"output_modalities": wrong}), QUIET).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("session.output_modalities"));
    }
}
