//! The table of the misbehaviours that the model can rehearse.
//!
//! They are set for all connections by [`super::RehearsalOptions::misbehaviour`], or for one
//! connection by its URL:
//! `ws://…/v1/realtime?model=m&rehearse=drop_after_ms:3000,fragment_bytes:64`.

macro_rules! table {
    ($($(#[doc = $doc:literal])+ $key:ident,)+) => {
        /// The switches. A switch that is `None` is off.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Misbehaviour {
            $($(#[doc = $doc])+ pub $key: Option<u64>,)+
        }

        impl Misbehaviour {
            /// Every key with its description, one per line.
            pub const HELP: &'static str = concat!($("  ", stringify!($key), ":", $($doc, " ",)+ "\n"),+);
            /// Every key.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            fn set(&mut self, key: &str, value: u64) -> bool {
                match key {
                    $(stringify!($key) => self.$key = Some(value),)+
                    _ => return false,
                }
                true
            }
        }
    };
}

table! {
    // The affected connections.
    #[doc = "Misbehave on the first N connections only; connections with the same options are counted together."]
    first,

    // The upgrade and the start.
    #[doc = "Answer the upgrade with this HTTP status instead of 101."]
    refuse,
    #[doc = "Open, send an `error` and close with this code: 3000 bad key, 4000 bad model, 4004 no such model, 1013 no credit."]
    reject,
    #[doc = "Open and close with 1013, for the reason 0: too busy, 1: too many requests, without a word before."]
    busy,
    #[doc = "Accept the connection and delay the answer to the upgrade."]
    upgrade_after_ms,
    #[doc = "1: never send `session.created`."]
    no_created,
    #[doc = "1: never send `session.updated`."]
    no_updated,
    #[doc = "Make `session.updated` at least this many bytes long."]
    big_updated_bytes,

    // The end of the connection.
    #[doc = "Drop the TCP connection after this time, without a close frame."]
    drop_after_ms,
    #[doc = "Drop the TCP connection in the middle of this response (1 is the first)."]
    drop_in_response,
    #[doc = "Drop the TCP connection at the beginning of this turn of the caller (1 is the first)."]
    drop_at_speech,
    #[doc = "Drop the TCP connection at the end of this turn of the caller, before anything is answered."]
    drop_at_turn_end,
    #[doc = "Drop the TCP connection this long after a response that calls a tool."]
    drop_after_call_ms,
    #[doc = "Close with 1011 after this time."]
    close_after_ms,
    #[doc = "Send `session_expired` and close with 1001 after this time."]
    expire_after_ms,
    #[doc = "What a close of close_after_ms says, where the protocol has a table of closes: the number of the row."]
    close_as,
    #[doc = "Warn this long before the end of a connection, where the protocol warns."]
    go_away_ms,
    #[doc = "1: refuse every handle of an earlier connection, where the protocol has handles."]
    bad_handle,
    #[doc = "Close with 1011 when a ping is not answered before the next."]
    require_pong,

    // Silence and noise.
    #[doc = "Read nothing any more after this time."]
    deaf_after_ms,
    #[doc = "1: send no pings."]
    no_pings,
    #[doc = "Before every answer, send an event of an unknown type with this many bytes."]
    big_event_bytes,
    #[doc = "Send no events after this many responses (0: from the start)."]
    stall_after_responses,
    #[doc = "Every N events, send a text that is not JSON."]
    garbage_every,
    #[doc = "Every N events, send an event of an unknown type."]
    unknown_every,
    #[doc = "Send every event in fragments of this many bytes."]
    fragment_bytes,
    #[doc = "Time between pings, instead of 20 s."]
    ping_every_ms,

    // Responses.
    #[doc = "Give this many normal responses before the misbehaviour of the next four options begins."]
    good_responses,
    #[doc = "End this many responses as completed and empty."]
    empty_responses,
    #[doc = "End this many responses by the content filter before they have any sound."]
    filtered_responses,
    #[doc = "Give this many responses silent audio of full length."]
    silent_responses,
    #[doc = "Fail this many responses with `rate_limit_exceeded` before one succeeds."]
    fail_responses,
    #[doc = "Wait this long from `response.created` to the first audio."]
    first_audio_ms,
    #[doc = "Make every spoken answer this long, by repeating it."]
    answer_ms,
    #[doc = "Speed of speech in percent of real time (100 is real time); 0 is all at once."]
    speed_percent,
    #[doc = "A flood: every answer this long, all at once."]
    flood_ms,
    #[doc = "Deltas still sent after `speech_started` interrupted a response, instead of one."]
    late_deltas,

    #[doc = "Send the usage of an answer this long after its end, where the protocol may."]
    usage_after_ms,

    // A model that listens while it speaks.
    #[doc = "1: refuse an upgrade without a key."]
    require_key,
    #[doc = "1: talk on whatever the caller says meanwhile."]
    talk_on,
    #[doc = "Stop speaking after this much of the caller's voice, instead of 400 ms."]
    stops_after_ms,
    #[doc = "Hand this many turns of the caller to the model behind the voice."]
    delegate_turns,
    #[doc = "Hold the stream back for 265 ms every N pieces, then send what was held at once."]
    jitter_every,
    #[doc = "Acknowledge appended texts after this time, instead of 600 to 960 ms."]
    appended_after_ms,
    #[doc = "Send the model's words this much before their sound."]
    words_ahead_ms,
    #[doc = "1: invent words of the caller after each appended text."]
    phantom_words,
    #[doc = "1: send errors with `code: null`."]
    null_codes,
    #[doc = "End the session for its content after this time."]
    content_after_ms,

    // Engines that hear, answer or speak alone, each by its own URL.
    #[doc = "Close an idle socket after this time, instead of the engine's own."]
    idle_after_ms,
    #[doc = "1: never say that the end of an utterance was heard with its words, as on a noisy line."]
    no_speech_final,
    #[doc = "Ask for this wait in a refusal of a request, in `retry-after-ms`."]
    retry_after_ms,
    #[doc = "Cut the body of an answer behind this many bytes."]
    cut_body_bytes,
    #[doc = "1: call tools with `\"\"` for their arguments."]
    empty_arguments,
    #[doc = "1: send each call whole, all with the index 0, and end with `stop`."]
    whole_calls,
    #[doc = "1: think aloud before the answer."]
    thoughts,
    #[doc = "1: write answers in markdown, with an address and a pictograph."]
    rich_text,
    #[doc = "1: end a streamed answer without its usage and without `[DONE]`."]
    bare_ends,

    // Transcripts of the caller.
    #[doc = "1: never send transcripts."]
    no_transcripts,
    #[doc = "1: fail transcriptions."]
    fail_transcripts,
    #[doc = "Send transcripts this long after the commit."]
    transcripts_after_ms,
    #[doc = "1: hold each transcript back until the next one was sent."]
    shuffle_transcripts,
}

impl Misbehaviour {
    /// Applies `key:value,key:value` on top of the current settings.
    ///
    /// # Errors
    /// Returns a message if a key is not in the table or a value is not a number.
    pub fn with(mut self, text: &str) -> Result<Self, String> {
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(':').unwrap_or((pair, "1"));
            let value: u32 = value.parse().map_err(|_| format!("rehearse={key}: expected a number, got '{value}'"))?;
            if !self.set(key, u64::from(value)) {
                return Err(format!("rehearse={key}: unknown; there are {}", Self::KEYS.join(", ")));
            }
        }
        if let Some(length) = self.flood_ms {
            self.answer_ms = Some(length);
            self.speed_percent = Some(0);
        }
        Ok(self)
    }

    /// Whether an on/off switch is on.
    pub(super) fn on(switch: Option<u64>) -> bool {
        switch.is_some_and(|value| value != 0)
    }
}

#[cfg(test)]
mod tests;
