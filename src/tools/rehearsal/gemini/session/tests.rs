use super::super::closes::DOCUMENTED;
use super::super::models::Service;
use super::testing::*;
use super::*;

fn call_of(messages: &[Value]) -> Value {
    let call = messages.iter().find(|message| message["toolCall"].is_object()).expect("a call");
    call["toolCall"]["functionCalls"][0].clone()
}

fn result(call: &Value, scheduling: Option<&str>) -> Value {
    let mut response = json!({"id": call["id"], "name": call["name"], "response": {"output": "ok"}});
    if let Some(scheduling) = scheduling {
        response["scheduling"] = json!(scheduling);
    }
    json!({"toolResponse": {"functionResponses": [response]}})
}

fn handle_of(messages: &[Value]) -> String {
    let handle = messages.iter().rev().find_map(|it| it["sessionResumptionUpdate"]["newHandle"].as_str());
    handle.expect("a handle").to_owned()
}

#[test]
fn an_answer_comes_in_the_documented_order_and_ends_when_it_was_played() {
    let mut client = Client::ready("", |_| {});
    client.ask("[The call has begun. Greet the caller now.]");
    let generated = client.wait(1_000);
    let early = acts(&client.messages);
    assert_eq!(early, ["setupComplete", "modelTurn", "generationComplete"]);
    client.wait(20_000);
    assert_eq!(acts(&client.messages).last().unwrap(), "turnComplete");
    assert!(words(&client.messages, "outputTranscription").starts_with("Hello"));
    let end = client.messages.iter().find(|it| it["serverContent"]["turnComplete"] == true).unwrap();
    let spoken_tokens = audio_ms(&client.messages).div_ceil(40) as u64;
    assert_eq!(end["usageMetadata"]["responseTokensDetails"][0]["tokenCount"], spoken_tokens);
    assert!(!generated.iter().any(|it| it["serverContent"]["turnComplete"] == true), "it has not been played yet");
    // The same conversation can be resumed from here.
    assert!(!handle_of(&client.messages).is_empty());
}

#[test]
fn a_turn_of_the_caller_is_transcribed_and_said_back() {
    let mut client = Client::ready("", |_| {});
    client.speak(false, 500);
    client.speak(true, 1_000);
    let mut after = client.speak(false, 800);
    after.extend(client.wait(10_000));
    assert!(words(&client.messages, "inputTranscription").contains("some words"), "{:?}", kinds(&client.messages));
    assert!(words(&after, "outputTranscription").contains("the caller's own words"));
    assert_eq!(acts(&after), ["modelTurn", "generationComplete", "turnComplete"]);
}

#[test]
fn the_caller_interrupts_what_is_being_played_although_all_was_generated() {
    let mut client = Client::ready("answer_ms:8000", |_| {});
    client.ask("[Greet the caller.]");
    client.speak(false, 1_500);
    assert_eq!(acts(&client.messages).last().unwrap(), "generationComplete");
    let heard = client.speak(true, 500);
    assert_eq!(acts(&heard), ["interrupted", "turnComplete"]);
    let mut quick = Client::ready("answer_ms:8000,speed_percent:100", |_| {});
    quick.ask("[Greet the caller.]");
    quick.speak(false, 1_000);
    let heard = quick.speak(true, 500);
    assert_eq!(acts(&heard), ["modelTurn", "interrupted", "turnComplete"], "an interrupted answer is never complete");
}

#[test]
fn without_the_servers_detection_the_client_says_when_the_caller_speaks() {
    let manual =
        |setup: &mut Value| setup["realtimeInputConfig"]["automaticActivityDetection"]["disabled"] = json!(true);
    let mut client = Client::ready("", manual);
    assert!(acts(&client.speak(true, 600)).is_empty(), "audio between activities is thrown away");
    client.send(&json!({"realtimeInput": {"activityStart": {}}}));
    client.speak(true, 600);
    client.send(&json!({"realtimeInput": {"activityEnd": {}}}));
    let answer = client.wait(5_000);
    assert!(words(&client.messages, "outputTranscription").contains("0.6 s"), "{:?}", kinds(&answer));
    client.send(&json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert_eq!(client.closed(), (1007, "Request contains an invalid argument."));
    let mut automatic = Client::ready("", |_| {});
    automatic.send(&json!({"realtimeInput": {"activityStart": {}}}));
    assert_eq!(automatic.closed().0, 1007);
}

#[test]
fn the_end_of_the_stream_ends_the_turn() {
    let mut client = Client::ready("", |_| {});
    client.speak(false, 300);
    client.speak(true, 600);
    let answer = client.send(&json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert_eq!(acts(&answer), ["modelTurn"]);
}

#[test]
fn a_tool_that_does_not_block_is_answered_by_another_turn() {
    let mut client = Client::ready("", |_| {});
    let mut called = client.ask("[The caller pressed 3 on the keypad.]");
    called.extend(client.wait(100));
    assert_eq!(acts(&called), ["toolCall", "generationComplete", "turnComplete"]);
    let call = call_of(&called);
    assert!(client.send(&result(&call, Some("SILENT"))).is_empty());
    let mut again = client.ask("[call tool save_answer with {\"key\": \"a\"}]");
    again.extend(client.wait(100));
    assert_eq!(acts(&client.send(&result(&call_of(&again), None))), ["modelTurn"]);
}

#[test]
fn a_tool_that_blocks_holds_the_turn_and_an_interruption_takes_it_back() {
    let blocking = |setup: &mut Value| setup["model"] = json!("models/gemini-2.5-flash-native-audio");
    let mut client = Client::ready("", blocking);
    let called = client.ask("[The caller pressed 3 on the keypad.]");
    assert_eq!(acts(&called), ["toolCall"]);
    assert!(client.wait(5_000).is_empty());
    let mut rest = client.send(&result(&call_of(&called), None));
    rest.extend(client.wait(5_000));
    assert_eq!(acts(&rest), ["modelTurn", "generationComplete", "turnComplete"]);
    let called = client.ask("[The caller pressed 3 on the keypad.]");
    let call = call_of(&called);
    let stopped = client.ask("[Say something else.]");
    assert_eq!(acts(&stopped)[..3], ["toolCallCancellation", "interrupted", "turnComplete"]);
    assert_eq!(stopped[0]["toolCallCancellation"]["ids"][0], call["id"]);
    // The result may be on its way, and is no mistake of the client.
    client.send(&result(&call, None));
    assert!(!client.session.closed);
    client.ask("[The caller pressed 3 on the keypad.]");
    client.speak(true, 20);
    assert!(client.closed().1.starts_with("CONTENT_TYPE_AUDIO not supported"));
}

#[test]
fn keys_are_found_in_any_text_since_the_last_answer() {
    let mut client = Client::ready("", |_| {});
    let keys = json!({"role": "user", "parts": [{"text": "The caller pressed 3 on the keypad."}]});
    client.send(&json!({"clientContent": {"turns": [keys], "turnComplete": false}}));
    let called = client.ask("[Answer to the keys that the caller has pressed.]");
    assert_eq!(call_of(&called)["name"], "save_answer");
}

#[test]
fn a_history_is_taken_without_an_answer_and_later_texts_as_the_model_does() {
    let history = json!({"clientContent": {"turns": [
        {"role": "user", "parts": [{"text": "Hello"}]}, {"role": "model", "parts": [{"text": "Welcome"}]}],
        "turnComplete": true}});
    let announced = |model: &'static str| {
        move |setup: &mut Value| {
            setup["model"] = json!(model);
            setup["historyConfig"] = json!({"initialHistoryInClientContent": true});
            setup["tools"] = json!([]);
        }
    };
    let mut newest = Client::ready("", announced("models/gemini-3.8-live"));
    newest.send(&history);
    assert!(acts(&newest.wait(2_000)).is_empty());
    newest.ask("[Answer now.]");
    newest.wait(3_000);
    assert!(words(&newest.messages, "outputTranscription").starts_with("Alright"), "it has spoken before");
    let mut older = Client::ready("", announced("models/gemini-3.1-flash-live-preview"));
    older.send(&history);
    assert_eq!(acts(&older.send(&json!({"realtimeInput": {"text": "[Answer now.]"}}))), ["modelTurn"]);
    older.ask("[Answer now.]");
    assert_eq!(older.closed(), (1007, "Request contains an invalid argument."));
}

#[test]
fn a_session_goes_on_by_its_handle_and_not_by_another() {
    let mut first = Client::ready("expire_after_ms:30000,go_away_ms:12500", |_| {});
    first.ask("[Greet the caller.]");
    first.wait(17_000);
    let handle = handle_of(&first.messages);
    let warned = first.wait(1_000);
    assert_eq!(warned.last().unwrap()["goAway"]["timeLeft"], "12.5s");
    first.wait(20_000);
    assert_eq!(first.closed(), (1000, ""));
    let resume = |handle: &str| {
        let handle = handle.to_owned();
        move |setup: &mut Value| setup["sessionResumption"] = json!({"handle": handle})
    };
    let mut second = Client::ready("", resume(&handle));
    second.ask("[Answer now.]");
    second.wait(3_000);
    assert!(words(&second.messages, "outputTranscription").starts_with("Alright"), "it remembers its greeting");
    let refused = |misbehaviour: &str, handle: &str, model: &str| {
        let (mut client, mut setup) = (Client::new(misbehaviour), setup());
        (setup["model"], setup["sessionResumption"]) = (json!(model), json!({"handle": handle}));
        client.send(&json!({"setup": setup}));
        client.closed().0
    };
    assert_eq!(refused("", "handle_x", "models/gemini-3.8-live"), 1008);
    assert_eq!(refused("", &handle, "models/gemini-3.9-live"), 1007);
    assert_eq!(refused("bad_handle:1", &handle, "models/gemini-3.8-live"), 1007);
}

#[test]
fn what_the_model_does_not_take_closes_the_connection() {
    for (change, code) in [
        (json!({"model": "gemini-3.8-live"}), 1008),
        (json!({"proactivity": {"proactiveAudio": true}}), 1007),
        (json!({"generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}}), 1007),
        (json!({"generationConfig": {"temprature": 1}}), 1007),
        (
            json!({"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"additionalProperties": false}}]}]}),
            1007,
        ),
    ] {
        let (mut client, mut setup) = (Client::new(""), setup());
        for (name, value) in change.as_object().unwrap() {
            setup[name] = value.clone();
        }
        client.send(&json!({"setup": setup}));
        assert_eq!(client.closed().0, code, "{change}");
    }
    let mut early = Client::new("");
    early.ask("Hello");
    assert_eq!(early.closed(), (1007, "The first message must be setup."));
    let mut twice = Client::ready("", |_| {});
    twice.send(&json!({"setup": setup()}));
    assert_eq!(twice.closed().0, 1007);
    let mut vertex = Client::at(Service::Vertex, "");
    let mut labelled = setup();
    labelled["model"] = json!("projects/p/locations/l/publishers/google/models/gemini-3.8-live");
    labelled["labels"] = json!({"a": "b"});
    vertex.send(&json!({"setup": labelled}));
    assert_eq!(vertex.closed().0, 1007);
}

#[test]
fn prompt_and_tools_change_where_the_model_can() {
    let mut client = Client::ready("", |_| {});
    client.send(
        &json!({"contextUpdate": {"systemInstruction": {"parts": [{"text": "Speak Hindi."}]}, "tools": {"tools": []}}}),
    );
    client.ask("[The caller pressed 9.]");
    client.wait(3_000);
    assert!(words(&client.messages, "outputTranscription").starts_with("नमस्ते"), "no tool, and another language");
    let mut older = Client::ready("", |setup| setup["model"] = json!("models/gemini-2.5-flash"));
    older.send(&json!({"contextUpdate": {"systemInstruction": {"parts": []}}}));
    assert_eq!(older.closed().0, 1007);
}

#[test]
fn every_documented_close_can_be_rehearsed() {
    for (row, expected) in DOCUMENTED.iter().enumerate() {
        let mut client = Client::ready(&format!("close_after_ms:100,close_as:{row}"), |_| {});
        client.wait(200);
        assert_eq!(client.closed(), *expected);
    }
    let mut rejected = Client::new("reject:3000");
    rejected.send(&json!({"setup": setup()}));
    assert_eq!(rejected.closed(), (1007, "API key not valid. Please pass a valid API key."));
}

#[test]
fn misbehaviour_is_as_ordered() {
    let kinds_of = |misbehaviour: &str| {
        let mut client = Client::ready(misbehaviour, |_| {});
        client.ask("[Greet the caller.]");
        client.wait(10_000);
        client
    };
    let rejected = kinds_of("filtered_responses:1");
    assert_eq!(acts(&rejected.messages), ["setupComplete", "turnComplete", "turnCompleteReason"]);
    assert_eq!(acts(&kinds_of("empty_responses:1").messages), ["setupComplete", "turnComplete"]);
    assert_eq!(kinds_of("drop_in_response:1").last_out, Some(Out::Drop));
    assert_eq!(audio_ms(&kinds_of("answer_ms:3000").messages), 3_000);
    let late = kinds_of("usage_after_ms:500").messages;
    let separate = late.iter().any(|it| it["usageMetadata"].is_object() && it["serverContent"].is_null());
    assert!(separate && late.iter().all(|it| it["serverContent"].is_null() || it["usageMetadata"].is_null()));
    let mut silent = Client::ready("no_transcripts:1", |_| {});
    silent.speak(true, 600);
    silent.speak(false, 1_000);
    assert_eq!(words(&silent.messages, "inputTranscription"), "");
}
