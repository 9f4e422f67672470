use super::*;

fn url(text: &str) -> Url {
    text.parse().expect("an address")
}

#[test]
fn a_refusal_is_explained_without_moving_the_terminal() {
    let problem = r#"{"detail":"wait \u001b[2J\na moment","status":503}"#;
    assert_eq!(explanation(problem), "wait \u{fffd}[2J a moment");
    assert_eq!(explanation("\u{1b}]0;x\u{7} plain"), "\u{fffd}]0;x\u{fffd} plain");
    assert_eq!(explanation(&"x".repeat(100_000)).len(), LONGEST_DETAIL);
}

#[test]
fn a_callback_may_be_relative_to_its_document() {
    let document = url("https://voice.example.com/voice/voice");
    let callback = |text: &str| Callback { url: text.into(), get: false };
    let fake = crate::tools::phone::default_carrier().fake().expect("it is played");
    let absolute = resolve(fake, &document, &callback("https://other.example.com/x?y=1")).map(String::from);
    assert_eq!(absolute.as_deref(), Ok("https://other.example.com/x?y=1"));
    let relative = resolve(fake, &document, &callback("after-stream")).map(String::from);
    assert_eq!(relative.as_deref(), Ok("https://voice.example.com/voice/after-stream"));
    assert!(resolve(fake, &document, &callback("ftp://x/y")).is_err());
}
