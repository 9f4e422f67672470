//! A provider: Google's Gemini Live API (`BidiGenerateContent`), on the Developer API and on Vertex
//! AI.
//!
//! - `protocol` is the wire protocol. It reads server messages leniently and writes client messages
//!   that cannot hold anything unknown.
//! - `session` is the state machine of a connection.
//! - `models` is what each family of models accepts, as data.
//! - `plan` is the configuration of a session.
//! - `seat` is its row for the configuration.
//! - `upgrade` builds the request for the WebSocket.
//! - `capabilities` states what a session can do.
//!
//! All of it is pure. The layers above use it through
//! [`Conversation`](super::conversation::Conversation).
//!
//! # Traps of the protocol
//!
//! Each is covered by a test, or does not apply here.
//!
//! | trap | here |
//! |---|---|
//! | server messages come in binary frames | `text_and_binary_frames_are_both_read` |
//! | nothing before `setupComplete`; every error is a close | `the_setup_is_the_first_message_and_the_only_one_until_it_is_accepted`, `the_words_of_a_close_decide_and_its_code_alone_does_not` |
//! | one field in a client message, several in a server message | `messages_are_written_as_documented`, `all_fields_of_one_message_are_handled_in_order` |
//! | no G.711, 24 kHz out | `what_the_server_would_refuse_is_refused_by_name`, `audio_of_another_rate_ends_the_session` |
//! | no ids | `a_run_is_one_response_with_one_item` |
//! | no truncation, deletion or cancellation | `a_note_about_what_was_heard_reaches_the_model_before_its_next_answer`, `a_cancelled_response_is_over_for_the_call_and_the_next_request_stops_it_at_the_server` |
//! | `interrupted` stops the playout, also late | `an_interruption_is_the_callers_speech_and_ends_the_response`, `an_interruption_may_come_late` |
//! | `generationComplete` comes before `turnComplete`, or not at all | `a_run_is_one_response_with_one_item`, `a_run_whose_end_does_not_come_is_given_up_and_its_late_end_is_no_empty_answer` |
//! | no reports of speech | `a_turn_begins_with_the_first_words_and_ends_with_the_answer` |
//! | transcripts are not in order | `late_words_belong_to_the_response_that_is_over`, `words_over_the_agent_are_hidden_until_the_server_takes_them_for_an_interruption` |
//! | connections of ten minutes, `goAway` | `a_warning_is_passed_on_with_the_time_that_is_left` |
//! | without compression a session ends after 15 minutes | `the_setup_is_the_documented_one_and_no_field_more` |
//! | a handle is only as good as its moment | `a_handle_is_passed_on_only_if_the_session_can_be_resumed_from_it` |
//! | calls are taken back | `a_call_that_was_taken_back_is_not_answered` |
//! | audio during a call closes the socket of older models | `an_older_model_gets_no_audio_while_a_tool_is_called` |
//! | a 1007 after a resumption is often a bad handle | `a_refused_configuration_is_fatal_and_a_refused_handle_is_not` |
//! | empty and rejected answers | `an_empty_answer_is_asked_for_again_and_then_left_to_another_session` |
//! | a "hello" interrupts the greeting | `the_caller_is_not_heard_until_the_greeting_has_begun` |
//! | `silenceDurationMs` is not followed exactly | our own detector may decide ([`Activity::Manual`](plan::Activity::Manual)): `our_own_detector_tells_the_server_of_speech_alone` |
//! | manual detection throws away audio between turns | `with_manual_detection_a_turn_is_sent_with_what_came_just_before` |
//! | a temperature of zero leads to endless audio | not applicable: none is ever sent |
//! | unknown fields in `setup` close the socket | `each_family_gets_the_fields_that_it_knows` |
//! | `proactivity`, affective dialog | not applicable: neither is ever sent |
//! | model names retire fast | not applicable: names are configuration, and a retired one is `the_words_of_a_close_decide_and_its_code_alone_does_not` |

mod capabilities;
pub mod models;
pub mod plan;
pub mod protocol;
pub(crate) mod seat;
pub mod session;
mod upgrade;

pub use self::capabilities::capabilities;
pub use self::upgrade::upgrade;
