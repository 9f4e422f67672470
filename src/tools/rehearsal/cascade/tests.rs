//! The engines against the clients that are shipped, in virtual time: each reads what the other
//! writes, and each trap of a protocol is sprung.

mod requests;
mod wire;

use std::time::Duration;

use switchboard_actors::carrier::AudioFormat;
use switchboard_actors::realtime::cascade::ears::{EarsKind, EarsPlan, Heard};
use switchboard_actors::realtime::cascade::voice::{Spoken, Voice, VoiceKind, VoicePlan};
use url::Url;

use self::wire::{Listening, Speaking};

const EARS: [EarsKind; 4] = [EarsKind::Listen, EarsKind::Flux, EarsKind::Sarvam, EarsKind::Scribe];
const VOICES: [VoiceKind; 5] =
    [VoiceKind::Aura, VoiceKind::ElevenLabs, VoiceKind::ElevenLabsDialogue, VoiceKind::Cartesia, VoiceKind::Sarvam];

fn base() -> Url {
    Url::parse("http://127.0.0.1:9").expect("a URL")
}

fn ears(kind: EarsKind) -> EarsPlan {
    let model = match kind {
        EarsKind::Listen => "nova-3",
        EarsKind::Flux => "flux-general-en",
        EarsKind::Sarvam => "saaras:v4",
        EarsKind::Scribe => "scribe_v2_realtime",
    };
    EarsPlan {
        url: base(),
        model: model.into(),
        language: "en".into(),
        format: AudioFormat::MULAW_8K,
        endpointing: Duration::from_millis(300),
        keywords: vec!["Pune".into()],
        eager: kind == EarsKind::Flux,
    }
}

fn voice(kind: VoiceKind) -> VoicePlan {
    let model = match kind {
        VoiceKind::Aura => "aura-2-thalia-en",
        VoiceKind::ElevenLabs => "eleven_flash_v2_5",
        VoiceKind::ElevenLabsDialogue => "eleven_v4_turbo",
        VoiceKind::Cartesia => "sonic-3.5",
        VoiceKind::Sarvam => "bulbul:v3",
    };
    VoicePlan {
        url: base(),
        model: model.into(),
        voice: "asha".into(),
        language: "en".into(),
        format: AudioFormat::MULAW_8K,
        instructions: None,
    }
}

/// The words of the turns that were over, as the client told them.
fn over<'a>(heard: &'a [Heard]) -> Vec<&'a str> {
    let text = |heard: &'a Heard| {
        let (Heard::UtteranceOver { text } | Heard::TurnOver { text }) = heard else { return None };
        Some(text.as_str())
    };
    heard.iter().filter_map(text).collect()
}

const SAID: &str = "[caller speech, 1.2 s] some words";

#[test]
fn every_engine_hears_a_turn_once() {
    for kind in EARS {
        for rehearse in ["", "transcripts_after_ms:900", "unknown_every:2", "garbage_every:3"] {
            let mut stream = Listening::open(kind, &ears(kind), rehearse);
            stream.hear(1_000, 0xFF);
            stream.hear(1_000, 0x20);
            stream.hear(2_500, 0xFF);
            assert_eq!(over(&stream.heard), [SAID], "{kind:?} {rehearse}");
            assert!(!stream.heard.iter().any(|it| matches!(it, Heard::Failed(_))), "{kind:?} {rehearse}");
        }
    }
}

#[test]
fn words_that_come_after_their_turn_was_taken_are_not_heard_twice() {
    for kind in [EarsKind::Listen, EarsKind::Sarvam, EarsKind::Scribe] {
        let mut stream = Listening::open(kind, &ears(kind), "transcripts_after_ms:1500");
        stream.hear(1_000, 0xFF);
        stream.hear(1_000, 0x20);
        stream.hear(600, 0xFF);
        let mut interim =
            stream.heard.iter().filter_map(|it| if let Heard::Words { text, .. } = it { Some(text) } else { None });
        assert_eq!(interim.next_back().map(String::as_str), Some("[caller speech,"), "{kind:?}");
        stream.ears.turn_taken();
        stream.heard.clear();
        stream.hear(3_000, 0xFF);
        let again = stream.heard.iter().any(|it| format!("{it:?}").contains("caller"));
        assert!(!again, "{kind:?} {:?}", stream.heard);
    }
}

#[test]
fn noise_that_hides_the_end_of_speech_does_not_hide_the_end_of_the_utterance() {
    let mut stream = Listening::open(EarsKind::Listen, &ears(EarsKind::Listen), "no_speech_final:1");
    stream.hear(1_000, 0xFF);
    stream.hear(1_000, 0x20);
    stream.hear(2_500, 0xFF);
    assert_eq!(over(&stream.heard), [SAID]);
}

#[test]
fn an_eager_end_is_taken_back_and_its_words_stay() {
    let mut stream = Listening::open(EarsKind::Flux, &ears(EarsKind::Flux), "");
    for (ms, byte) in [(1_000, 0xFF), (1_000, 0x20), (400, 0xFF), (1_000, 0x20), (1_500, 0xFF)] {
        stream.hear(ms, byte);
    }
    assert!(stream.heard.contains(&Heard::TurnResumed));
    let [text] = over(&stream.heard)[..] else { panic!("one turn: {:?}", stream.heard) };
    assert_eq!(text.matches("some words").count(), 2);
}

#[test]
fn a_stream_without_a_caller_is_kept() {
    for kind in [EarsKind::Listen, EarsKind::Flux, EarsKind::Sarvam] {
        let mut stream = Listening::open(kind, &ears(kind), "");
        stream.wait(120_000);
        assert_eq!(stream.closed, None, "{kind:?}");
        let mut stream = Listening::open(kind, &ears(kind), "close_after_ms:500");
        stream.wait(1_000);
        assert_eq!(stream.closed, Some(1011), "{kind:?}");
    }
}

#[test]
fn every_engine_says_an_answer_to_its_end() {
    for kind in VOICES {
        for rehearse in ["", "speed_percent:100", "speed_percent:0", "unknown_every:2", "garbage_every:3"] {
            let mut socket = Speaking::open(kind, &voice(kind), rehearse);
            socket.say(1, "Hello, this is Switchboard.");
            socket.say(1, "How can I help you?");
            socket.end(1);
            socket.wait(10_000);
            assert_eq!(socket.spoken.last(), Some(&Spoken::Ended { utterance: 1 }), "{kind:?} {rehearse}");
            // A second of mu-law is 8000 bytes, and the bundled line has more than two.
            assert!(socket.bytes_of(1) > 16_000, "{kind:?} {rehearse} {}", socket.bytes_of(1));
            let words = socket.timings_of(1);
            assert_eq!(words.len(), if kind.has_timings() { 9 } else { 0 }, "{kind:?} {rehearse} {words:?}");
            assert!(words.windows(2).all(|two| two[0].end <= two[1].start && two[0].bytes.end < two[1].bytes.start));
            let audio = Duration::from_millis(socket.bytes_of(1) as u64 / 8);
            assert!(words.last().is_none_or(|last| last.end <= audio && last.end + Duration::from_millis(200) > audio));
        }
    }
}

#[test]
fn audio_that_trails_after_a_cancel_is_not_heard() {
    for kind in VOICES {
        let mut socket = Speaking::open(kind, &voice(kind), "speed_percent:100,late_deltas:4");
        // Less is not said by every engine before the end.
        socket.say(1, "Hello, this is Switchboard. How can I help you? Alright.");
        socket.wait(500);
        let heard = socket.bytes_of(1);
        assert!(heard > 0, "{kind:?}");
        socket.cancel(1);
        socket.say(2, "Alright.");
        socket.end(2);
        socket.wait(10_000);
        assert_eq!(socket.bytes_of(1), heard, "{kind:?}");
        assert!(socket.bytes_of(2) > 2_000, "{kind:?} {}", socket.bytes_of(2));
        assert_eq!(socket.spoken.last(), Some(&Spoken::Ended { utterance: 2 }), "{kind:?}");
    }
}

#[test]
fn a_quiet_caller_costs_no_socket() {
    for kind in VOICES {
        let mut socket = Speaking::open(kind, &voice(kind), "");
        socket.say(1, "Alright.");
        socket.end(1);
        socket.wait(200_000);
        assert_eq!(socket.closed, None, "{kind:?}");
        socket.say(2, "Thank you, goodbye.");
        socket.end(2);
        socket.wait(5_000);
        assert_eq!(socket.spoken.last(), Some(&Spoken::Ended { utterance: 2 }), "{kind:?}");
        let mut socket = Speaking::open(kind, &voice(kind), "idle_after_ms:3000");
        socket.wait(4_000);
        assert!(socket.closed.is_some(), "{kind:?}");
    }
}

#[test]
fn many_short_answers_end() {
    for kind in VOICES {
        let mut socket = Speaking::open(kind, &voice(kind), "speed_percent:0");
        for utterance in 1..=30 {
            socket.say(utterance, "Alright.");
            socket.end(utterance);
            socket.wait(if kind == VoiceKind::Aura { 7_000 } else { 200 });
            assert_eq!(socket.spoken.last(), Some(&Spoken::Ended { utterance }), "{kind:?}");
        }
        assert!(matches!(socket.voice, Voice::Aura(_) | Voice::Contexts(_) | Voice::Cartesia(_) | Voice::Sarvam(_)));
    }
}
