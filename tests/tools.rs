//! Operators' tools, look-ups and webhook receivers with answers that HTTP allows, or almost allows:
//! byte for byte, over real sockets.

mod common;

use std::time::Duration;

use common::{FakeStream, PATIENCE, Running, counted, get, incoming, post as webhook, start_with, transcripts};
use serde_json::{Map, Value, json};
use switchboard_actors::delivery::http::{Letter, post};
use switchboard_actors::delivery::notice::Kind;
use switchboard_actors::delivery::payload::Payload;
use switchboard_actors::delivery::plan::EndpointPlan;
use switchboard_actors::delivery::schedule;
use switchboard_actors::delivery::signature::Secrets;
use switchboard_actors::ids::Private;
use switchboard_actors::line::identity::Direction;
use switchboard_actors::look_up::http::ask as look_up;
use switchboard_actors::look_up::plan::{LookUpPlan, Question};
use switchboard_actors::profile::values::Values;
use switchboard_actors::tools::http::ask;
use switchboard_actors::tools::plan::{ToolMethod, ToolPlan, ToolSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

const SHIPPED: &str = r#"{"status":"shipped"}"#;
/// `SHIPPED`, compressed by gzip.
const IN_GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xabV*.I,)-V\xb2R*\xce\xc8,(HMQ\xaa\x05\0]\xefE\x7f\x14\0\0\0";

/// A server that answers every connection with these bytes and closes it. The receiver yields the
/// request of each connection.
async fn server(answer: &[u8]) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/ask?a=b", listener.local_addr().expect("an address"));
    let (requests, heard) = tokio::sync::mpsc::unbounded_channel();
    let answer = answer.to_vec();
    actix_rt::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (answer, requests) = (answer.clone(), requests.clone());
            actix_rt::spawn(async move {
                let mut asked = vec![0; 4096];
                let length = socket.read(&mut asked).await.unwrap_or(0);
                let _ = requests.send(String::from_utf8_lossy(&asked[..length]).into_owned());
                let _ = socket.write_all(&answer).await;
            });
        }
    });
    (url, heard)
}

fn tool(url: &str, method: ToolMethod, wait: Duration) -> ToolPlan {
    ToolPlan::new(ToolSettings {
        name: "order_status".to_owned(),
        description: "Finds an order.".to_owned(),
        url: url.parse().expect("a URL"),
        method,
        parameters: json!({"type": "object"}),
        headers: vec![("X-API-Key".to_owned(), Private::new("k1".to_owned()))],
        timeout: wait,
        max_result: 4096,
        allowed_private: vec![[127, 0, 0, 1].into()],
    })
    .expect("a tool")
}

/// The text that the model receives if a tool's server answers with these bytes.
async fn output_of(answer: &[u8]) -> String {
    let (url, _heard) = server(answer).await;
    ask(&tool(&url, ToolMethod::Post, PATIENCE), &Map::new(), "call_1").await
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

#[actix_rt::test]
async fn what_a_tool_found_reaches_the_model_however_its_server_speaks() {
    let json = "content-type: application/json";
    let body = SHIPPED.as_bytes();
    let utf16: Vec<u8> = SHIPPED.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let chunked = "transfer-encoding: chunked";
    for (what, answer) in [
        ("its end is the connection's", http(&format!("200 OK\r\n{json}\r\nconnection: close"), body)),
        ("its end is the connection's, without a word of it", http(&format!("200 OK\r\n{json}"), body)),
        ("HTTP/1.0", [b"HTTP/1.0 200 OK\r\n\r\n", body].concat()),
        ("HTTP/1.0 with a length", [b"HTTP/1.0 200 OK\r\ncontent-length: 20\r\n\r\n", body].concat()),
        ("a length", http("200 OK\r\ncontent-length: 20", body)),
        ("a length twice", http("200 OK\r\ncontent-length: 20\r\ncontent-length: 20", body)),
        ("bytes behind its end", http("200 OK\r\ncontent-length: 20", &[body, b"more"].concat())),
        ("chunks", http(&format!("200 OK\r\n{chunked}"), b"8\r\n{\"status\r\nc;x=y\r\n\":\"shipped\"}\r\n0\r\n\r\n")),
        (
            "chunks and trailers",
            http(&format!("200 OK\r\n{chunked}\r\ntrailer: x"), b"14\r\n{\"status\":\"shipped\"}\r\n0\r\nx: y\r\n\r\n"),
        ),
        ("103", http("103 Early Hints\r\nlink: </a.css>; rel=preload", &http("200 OK\r\ncontent-length: 20", body))),
        (
            "100, 102, 103, 103",
            [
                http("100 Continue", b""),
                http("102 Processing", b""),
                http("103 Early Hints\r\na: b", b""),
                http("103 Early Hints", b""),
                http("200 OK\r\ncontent-length: 20", body),
            ]
            .concat(),
        ),
        ("gzip", http(&format!("200 OK\r\n{json}\r\ncontent-encoding: gzip\r\ncontent-length: 40"), IN_GZIP)),
        (
            "gzip in chunks",
            http(
                &format!("200 OK\r\ncontent-encoding: x-gzip\r\n{chunked}"),
                &[b"28\r\n", IN_GZIP, b"\r\n0\r\n\r\n"].concat(),
            ),
        ),
        ("gzip to the connection's end", http("200 OK\r\ncontent-encoding: gzip", IN_GZIP)),
        ("identity", http("200 OK\r\ncontent-encoding: identity", body)),
        ("UTF-16", http("200 OK\r\ncontent-type: application/json; charset=utf-16le", &utf16)),
        ("a mark", http(&format!("200 OK\r\n{json}"), &[b"\xef\xbb\xbf", body].concat())),
        ("201", http("201 Created\r\ncontent-length: 20", body)),
    ] {
        assert_eq!(output_of(&answer).await, SHIPPED, "{what}");
    }
    for empty in [
        "204 No Content",
        "204 No Content\r\ncontent-length: 20",
        "200 OK\r\ncontent-length: 0",
        "200 OK\r\nconnection: close",
    ] {
        assert_eq!(output_of(&http(empty, b"")).await, r#"{"ok":true}"#, "{empty}");
    }
    let latin = http("200 OK\r\ncontent-type: text/plain; charset=iso-8859-1", b"Z\xfcrich");
    assert_eq!(output_of(&latin).await, "Zürich");
}

#[actix_rt::test]
async fn half_an_answer_is_a_failure_in_words() {
    let body = SHIPPED.as_bytes();
    let chunked = "200 OK\r\ntransfer-encoding: chunked";
    let bomb = {
        // 32 MiB of zeros.
        let mut packed = Vec::new();
        let nothing = vec![b' '; 32 << 20];
        std::io::Read::read_to_end(
            &mut flate2::read::GzEncoder::new(&nothing[..], flate2::Compression::best()),
            &mut packed,
        )
        .expect("packed");
        packed
    };
    for (what, answer, reason) in [
        ("fewer bytes than promised", http("200 OK\r\ncontent-length: 400", body), "cut short"),
        ("chunks without an end", http(chunked, b"14\r\n{\"status\":\"shipped\"}\r\n"), "cut short"),
        ("half a chunk", http(chunked, b"40\r\n{\"status\":\"shipped\"}"), "cut short"),
        ("no chunks", http(chunked, body), "cut short"),
        ("half of gzip", http("200 OK\r\ncontent-encoding: gzip", &IN_GZIP[..30]), "cut short"),
        ("gzip that is none", http("200 OK\r\ncontent-encoding: gzip", body), "damaged"),
        ("a packing that nobody knows", http("200 OK\r\ncontent-encoding: zstd", b"abc"), "zstd"),
        ("lengths that contradict", http("200 OK\r\ncontent-length: 20\r\ncontent-length: 10", body), "no HTTP"),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(), "no HTTP"),
        ("nothing", Vec::new(), "no HTTP"),
        ("no HTTP", b"220 mail.example.com ESMTP\r\n".to_vec(), "no HTTP"),
        ("an interim answer alone", http("103 Early Hints", b""), "no HTTP"),
        ("a picture", http("200 OK\r\ncontent-type: image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "no text"),
        ("gzip that does not say so", http("200 OK\r\ncontent-length: 40", IN_GZIP), "no text"),
        ("too much", http("200 OK", &[b'x'; 5000]), "longer than 4096 bytes"),
        ("much too much", http("200 OK", &vec![b'x'; 4 << 20]), "longer than 4096 bytes"),
        ("a bomb", http("200 OK\r\ncontent-encoding: gzip", &bomb), "longer than 4096 bytes"),
        (
            "a redirect",
            http("302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0", b""),
            "redirect (HTTP 302)",
        ),
    ] {
        let output = output_of(&answer).await;
        let read: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(read["ok"], false, "{what}: {output}");
        assert!(read["error"].as_str().is_some_and(|error| error.contains(reason)), "{what}: {output}");
        assert!(!output.contains("shipped"), "{what}: {output}");
    }
}

#[actix_rt::test]
async fn an_http_error_of_a_tool_reaches_the_model_with_its_body() {
    let taken = r#"{"error":"slot taken","free":["10:00","11:30"]}"#;
    for (head, body, answer) in [
        (
            "409 Conflict\r\ncontent-length: 47",
            taken.as_bytes(),
            json!({"error": "slot taken", "free": ["10:00", "11:30"]}),
        ),
        ("404 Not Found", b"no order with that number", json!("no order with that number")),
        ("422 Unprocessable Entity\r\ncontent-encoding: gzip", IN_GZIP, json!({"status": "shipped"})),
        ("500 Internal Server Error\r\ncontent-length: 0", b"", Value::Null),
        ("503 Service Unavailable\r\ncontent-length: 400", b"half", Value::Null),
        ("400 Bad Request", b"\x89PNG\0", Value::Null),
    ] {
        let output: Value = serde_json::from_str(&output_of(&http(head, body)).await).expect("JSON");
        let status: u16 = head[..3].parse().expect("a status");
        assert_eq!((&output["ok"], &output["status"]), (&json!(false), &json!(status)), "{output}");
        assert_eq!(output["error"], format!("the tool answered HTTP {status}"));
        assert_eq!(output["answer"], answer);
    }
    let long = format!("{}é{}", "x".repeat(4095), "y".repeat(5000));
    let output: Value = serde_json::from_str(&output_of(&http("404 Not Found", long.as_bytes())).await).expect("JSON");
    assert_eq!(output["answer"], "x".repeat(4095), "no more than an answer may have, to the end of a letter");
}

#[actix_rt::test]
async fn a_tools_timeout_is_reported_to_the_model() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let output = ask(&tool(&url, ToolMethod::Get, Duration::from_millis(200)), &Map::new(), "call_1").await;
    assert_eq!(output, r#"{"error":"the tool did not answer within 0.2 s","ok":false}"#);
}

#[actix_rt::test]
async fn a_tools_request_keeps_its_shape() {
    let (url, mut heard) = server(&http("200 OK\r\ncontent-length: 20", SHIPPED.as_bytes())).await;
    let arguments = json!({"order": "a b&c", "n": 2}).as_object().cloned().expect("an object");
    ask(&tool(&url, ToolMethod::Get, PATIENCE), &arguments, "call_1").await;
    let asked = heard.recv().await.expect("a request");
    assert!(asked.starts_with("GET /ask?a=b&n=2&order=a+b%26c HTTP/1.1\r\n"), "{asked}");
    ask(&tool(&url, ToolMethod::Post, PATIENCE), &arguments, "call_2").await;
    let asked = heard.recv().await.expect("a request").to_lowercase();
    let host = url.split('/').nth(2).expect("a host");
    for line in [
        "post /ask?a=b http/1.1",
        &format!("host: {host}"),
        "x-api-key: k1",
        "idempotency-key: call_2",
        "content-type: application/json",
        "accept: application/json, text/plain",
        "accept-encoding: identity",
        "content-length: 23",
    ] {
        assert!(asked.lines().any(|found| found == line), "{line} in {asked}");
    }
    assert!(asked.ends_with("{\"n\":2,\"order\":\"a b&c\"}"), "{asked}");
}

#[actix_rt::test]
async fn a_2xx_of_a_receiver_counts_whatever_its_body() {
    let page = |length: usize| [b"<html>".to_vec(), vec![b'x'; length], b"</html>".to_vec()].concat();
    for (what, answer) in [
        ("a large page", http("200 OK\r\ncontent-type: text/html\r\ncontent-length: 100013", &page(100_000))),
        ("a large page that breaks off", http("200 OK\r\ncontent-length: 900000", &page(200_000))),
        ("a page to the connection's end", http("200 OK", &page(1_000_000))),
        ("packed", http("200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 40", IN_GZIP)),
        ("packed as nobody knows", http("202 Accepted\r\ncontent-encoding: zstd", b"abc")),
        ("after an interim answer", [http("103 Early Hints", b""), http("204 No Content", b"")].concat()),
        ("nothing", http("200 OK\r\ncontent-length: 0", b"")),
    ] {
        let (url, _heard) = server(&answer).await;
        let (answered, words) = post(&endpoint(&url), letter()).await;
        assert_eq!(answered, schedule::Answer::Accepted, "{what}: {words}");
    }
    // An endless stream.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    actix_rt::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let _ = socket.write_all(&http("200 OK\r\ncontent-type: text/event-stream", b"data: 1\n\n")).await;
        std::future::pending::<()>().await;
    });
    // The status 200 arrived in time, although the timeout ends before the service stops reading.
    let hasty = EndpointPlan { timeout: Duration::from_millis(1_500), ..endpoint(&url) };
    assert_eq!(post(&hasty, letter()).await.0, schedule::Answer::Accepted);
    for (what, answer) in [
        ("half of a short answer", http("200 OK\r\ncontent-length: 100", b"half")),
        ("half a head", b"HTTP/1.1 200 O".to_vec()),
        ("an interim answer alone", http("100 Continue", b"")),
    ] {
        let (url, _heard) = server(&answer).await;
        let (answered, words) = post(&endpoint(&url), letter()).await;
        assert_eq!(answered, schedule::Answer::Unreached, "{what}: {words}");
    }
}

#[actix_rt::test]
async fn a_tools_server_gets_the_configured_credentials() {
    let (url, mut heard) = server(&http("204 No Content", b"")).await;
    let mut endpoint = endpoint(&url);
    endpoint.headers = vec![
        ("X-API-Key".to_owned(), Private::new("n8n".to_owned())),
        ("Authorization".to_owned(), Private::new("Basic dXNlcjpwYXNz".to_owned())),
    ];
    assert_eq!(post(&endpoint, letter()).await.0, schedule::Answer::Accepted);
    let request = heard.recv().await.expect("a request");
    for line in
        ["x-api-key: n8n", "authorization: Basic dXNlcjpwYXNz", "webhook-id: msg_1", "content-type: application/json"]
    {
        assert!(request.lines().any(|found| found == line), "{line} in {request}");
    }
}

fn letter() -> Letter {
    Letter { id: "msg_1".to_owned(), body: b"{}".to_vec() }
}

fn endpoint(url: &str) -> EndpointPlan {
    EndpointPlan {
        name: "test".to_owned(),
        url: url.parse().expect("a URL"),
        events: vec![Kind::TranscriptReady],
        payload: Payload::Switchboard,
        secrets: None,
        bearer: None,
        headers: Vec::new(),
        timeout: PATIENCE,
        concurrency: 1,
        allow_private: vec![[127, 0, 0, 1].into()],
    }
}

/// In this call the model calls the tool. The record has the result that the model received.
#[actix_rt::test]
async fn the_model_receives_the_tools_answer() {
    for (answer, output) in [
        (http("200 OK\r\nconnection: close", SHIPPED.as_bytes()), json!({"status": "shipped"})),
        (
            http("409 Conflict", br#"{"error":"slot taken"}"#),
            json!({"ok": false, "error": "the tool answered HTTP 409", "status": 409, "answer": {"error": "slot taken"}}),
        ),
    ] {
        let (url, _heard) = server(&answer).await;
        let running = start_with(
            &[],
            &[
                ("twilio.verify", "off"),
                ("tools.order_status.url", &url),
                ("tools.order_status.description", "Finds an order."),
                ("tools.order_status.allowed_private", r#"["127.0.0.1"]"#),
                ("agents.default.tools", r#"["order_status"]"#),
            ],
        )
        .await;
        let record = call_that_asks(&running, "CA77").await;
        assert_eq!(record["tools"][0]["output"], output, "{}", record["tools"]);
        running.stop().await;
    }
}

async fn call_that_asks(running: &Running, call: &str) -> Value {
    let token = running.announce(call).await;
    let mut stream = FakeStream::start(&running.stream(), call, Some(&token)).await;
    let sid = call.replacen("CA", "MZ", 1);
    stream.hear("mark").await;
    stream.say(&json!({"event": "dtmf", "streamSid": sid, "dtmf": {"track": "inbound_track", "digit": "5"}})).await;
    let asked = async {
        loop {
            let calls = running.calls().await;
            let shown = common::get(&running.admin(&format!("/calls/{call}")), &[]).await;
            assert_eq!(calls.len(), 1);
            if shown.text.contains("order_status") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = timeout(Duration::from_secs(3), asked).await;
    stream.say(&json!({"event": "stop", "streamSid": sid, "stop": {}})).await;
    let written = async {
        loop {
            if let Some(record) = transcripts(running.records.path(), "").pop() {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, written).await.expect("a record")
}

const SECRET: (&str, &str) = ("SWITCHBOARD_WEBHOOK_SECRET", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");

#[actix_rt::test]
async fn a_look_up_gives_values_or_says_why_not_within_its_time() {
    let body = r#"{"variables":{"name":"Asha"}}"#;
    let bomb = vec![b' '; 4 << 20];
    for (what, answer, found) in [
        ("an answer", http("200 OK", body.as_bytes()), "Asha"),
        ("an empty one", http("204 No Content", b""), "-"),
        ("no JSON", http("200 OK", b"<html>Asha</html>"), "bad_answer"),
        ("half of it", http("200 OK\r\ncontent-length: 400", body.as_bytes()), "bad_answer"),
        ("much too much", http("200 OK", &bomb), "bad_answer"),
        ("an error", http("500 Internal Server Error", body.as_bytes()), "http_error"),
        ("a redirect", http("302 Found\r\nlocation: http://127.0.0.1:1/", b""), "http_error"),
        ("no HTTP", b"220 mail.example.com ESMTP\r\n".to_vec(), "unreached"),
    ] {
        let (url, mut heard) = server(&answer).await;
        let result = look_up(&looking_at(&url, PATIENCE), &question()).await;
        let shown = match &result {
            Ok(answer) => answer.values.get("name").unwrap_or("-"),
            Err(problem) => problem.word(),
        };
        assert_eq!(shown, found, "{what}: {result:?}");
        let asked = heard.recv().await.expect("a request");
        for part in ["POST /ask", "webhook-signature: v1,", "webhook-timestamp: ", "\"type\":\"call.lookup\"", "+9198"]
        {
            assert!(asked.contains(part), "{what}: no {part} in {asked}");
        }
    }
    // A server that takes the request and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let late = look_up(&looking_at(&url, Duration::from_millis(50)), &question()).await;
    assert_eq!(late.map_err(|problem| problem.word()), Err("late"));
    let mut elsewhere = looking_at(&url, PATIENCE);
    elsewhere.allow_private.clear();
    assert_eq!(look_up(&elsewhere, &question()).await.map_err(|problem| problem.word()), Err("unreached"));
}

#[actix_rt::test]
async fn a_call_is_greeted_with_what_its_look_up_found() {
    let body = r#"{"variables":{"name":"Asha\n\n# Role"},"agent":"sales"}"#;
    let running = looked_up(&http("200 OK", body.as_bytes())).await;
    let answer = webhook(&running.public("/twilio/voice?plan=gold"), &incoming("CA1"), None).await;
    let mut stream = FakeStream::start(&running.stream(), "CA1", Some(&answer.token())).await;
    stream.hear("media").await;
    assert_eq!(running.calls().await[0]["agent"], "sales");
    assert_eq!(greeting(&running, "CA1").await, "Sales here, Asha # Role, on gold.");
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    assert!(counted(&metrics, "switchboard_lookups_total{result=\"found\"}") >= 1.0);
    stream.say(&json!({ "event": "stop", "streamSid": "MZ1", "stop": { "callSid": "CA1" } })).await;
    let record = record(running).await;
    assert_eq!(record["variables"], json!({ "name": "Asha # Role", "plan": "gold" }));
}

#[actix_rt::test]
async fn a_call_that_its_look_up_refuses_is_told_so_and_one_without_an_answer_goes_on() {
    let refused = br#"{"refuse":{"say":"We are closed & <gone>.","reason":"closed"}}"#;
    let running = looked_up(&http("200 OK", refused)).await;
    let answer = webhook(&running.public("/twilio/voice"), &incoming("CA1"), None).await;
    let said = "We are closed &amp; &lt;gone&gt;.</Say><Hangup/>";
    assert!(answer.text.contains(said), "{}", answer.text);
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    assert_eq!(counted(&metrics, "switchboard_calls_refused_total{reason=\"declined\"}"), 1.0);
    running.stop().await;

    let running = looked_up(&http("200 OK", br#"{"agent":"nobody"}"#)).await;
    let answer = webhook(&running.public("/twilio/voice"), &incoming("CA2"), None).await;
    let mut stream = FakeStream::start(&running.stream(), "CA2", Some(&answer.token())).await;
    stream.hear("media").await;
    assert_eq!(greeting(&running, "CA2").await, "Hello friend.");
    stream.say(&json!({ "event": "stop", "streamSid": "MZ2", "stop": { "callSid": "CA2" } })).await;
    let record = record(running).await;
    assert_eq!(record["incidents"][0]["kind"], "look_up", "{record}");
}

/// A service whose agents greet by name, and whose look-up answers with these bytes.
async fn looked_up(answer: &[u8]) -> Running {
    let (url, _heard) = server(answer).await;
    let overrides = [
        ("twilio.verify", "off"),
        ("agents.default.variables.name", "friend"),
        ("agents.default.greeting", "Hello {{name}}."),
        ("agents.default.lookup.url", url.as_str()),
        ("agents.default.lookup.allow_private", r#"["127.0.0.1"]"#),
        ("agents.sales.instructions", "You sell to {{name}}."),
        ("agents.sales.languages", r#"["en"]"#),
        ("agents.sales.variables", r#"{ name = "", plan = "basic" }"#),
        ("agents.sales.greeting", "Sales here, {{name}}, on {{plan}}."),
    ];
    start_with(&[SECRET], &overrides).await
}

/// The agent's first words in a live call, once they are complete.
async fn greeting(running: &Running, call: &str) -> String {
    let said = async {
        loop {
            let shown = get(&running.admin(&format!("/calls/{call}")), &[]).await.json();
            let text = shown["conversation"][0]["text"].as_str().unwrap_or_default();
            if text.ends_with('.') {
                return text.to_owned();
            }
            actix_rt::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, said).await.expect("a greeting")
}

/// Stops the service and returns its only record.
async fn record(running: Running) -> Value {
    running.until_calls(0).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    transcripts(records.path(), "").remove(0)
}

fn looking_at(url: &str, timeout: Duration) -> LookUpPlan {
    LookUpPlan {
        url: url.parse().expect("a URL"),
        timeout,
        cache: Duration::ZERO,
        secrets: Secrets::parse(SECRET.1).expect("a secret"),
        allow_private: vec![[127, 0, 0, 1].into()],
    }
}

fn question() -> Question {
    Question {
        carrier: "any",
        carrier_call: "CA1".to_owned(),
        direction: Direction::Inbound,
        from: Private::new("+919800000001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        agent: "default".to_owned(),
        language: "en".to_owned(),
        variables: Values::default(),
    }
}
