//! Settings for the sound of the line and its recording.

use switchboard::service::config::Profiles;
use switchboard_actors::audio::level::{Gain, Levels};
use switchboard_actors::carrier::twilio;
use switchboard_actors::profile::{KeyAction, KeysWhilePaused};

use crate::{problem, profile, refused, with};

#[test]
fn nothing_is_done_to_the_sound_of_a_line_unless_asked() {
    let profile = profile(&with(&[]));
    assert_eq!(profile.audio.levels(twilio::CARRIER), Levels::default());
    assert!(!profile.audio.correct && profile.recording.is_none() && profile.notice.is_none());
}

#[test]
fn a_carrier_has_levels_of_its_own() {
    let config =
        with(&[("audio.twilio.gain_in_db", "6.0"), ("audio.twilio.gain_out_db", "-3"), ("audio.correct", "true")]);
    let profile = profile(&config);
    let gain = |decibels| Gain::decibels(decibels).expect("a gain");
    assert_eq!(profile.audio.levels(twilio::CARRIER), Levels { from_caller: gain(6.0), to_caller: gain(-3.0) });
    assert!(profile.audio.correct);
    for wrong in ["24.1", "-25", "loud"] {
        let error = refused(&[("audio.waybeo.gain_out_db", wrong)]);
        let message = &problem(&error, "audio.waybeo.gain_out_db").message;
        assert!(message.contains("a number from -24.0 to 24.0"), "{message}");
    }
}

#[test]
fn recordings_are_stored_beside_the_transcripts_or_in_their_own_folder() {
    let config = with(&[("recording.enabled", "true"), ("records.dir", "somewhere")]);
    assert_eq!(profile(&config).recording.as_deref(), Some(std::path::Path::new("somewhere")));
    assert!(config.notes.iter().any(|note| note.contains("recording.consent")), "{:?}", config.notes);
    let config = with(&[("recording.enabled", "true"), ("recording.dir", "/var/recordings")]);
    assert_eq!(profile(&config).recording.as_deref(), Some(std::path::Path::new("/var/recordings")));
}

#[test]
fn the_recording_notice_comes_before_anything_else() {
    let consent = r#"{ en = "This call is recorded.", hi = "यह कॉल रिकॉर्ड हो रही है।" }"#;
    let all = [
        ("recording.enabled", "true"),
        ("recording.consent", consent),
        ("agents.default.notice", "Calls cost nothing."),
    ];
    let profiles = Profiles::new(&with(&all), None);
    let notice = |language| profiles.get("default", language).expect("it is spoken").notice.clone();
    assert_eq!(notice("en").as_deref(), Some("This call is recorded. Calls cost nothing."));
    assert_eq!(
        notice("ta").as_deref(),
        Some("Calls cost nothing."),
        "and where no words were given, nothing is made up"
    );
    let off = with(&[("recording.consent", "This call is recorded.")]);
    assert_eq!(profile(&off).notice, None, "nobody is told of a recording that is not made");
}

#[test]
fn a_key_may_pause_the_recording() {
    let keys = r#"{ "7" = "pause recording", "8" = "resume recording" }"#;
    let actions = profile(&with(&[("agents.default.keypad", keys)])).keypad.actions.clone();
    assert_eq!(actions["7"], KeyAction::PauseRecording(true));
    assert_eq!(actions["8"], KeyAction::PauseRecording(false));
}

#[test]
fn keys_of_a_paused_recording_are_withheld_from_the_model_unless_asked() {
    let policy = |config: &_| profile(config).keypad.while_paused;
    assert_eq!(policy(&with(&[])), KeysWhilePaused::Withheld);
    assert_eq!(policy(&with(&[("recording.keys_while_paused", "model")])), KeysWhilePaused::Model);
    let error = refused(&[("recording.keys_while_paused", "record")]);
    let message = &problem(&error, "recording.keys_while_paused").message;
    assert!(message.contains("withheld") && message.contains("model"), "{message}");
}
