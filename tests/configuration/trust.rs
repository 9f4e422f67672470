//! What nothing starts without, and what is never shown.

use switchboard::config::{Config, Sources, Verify};

use crate::{KEY, TOKEN, brief, problem};

#[test]
fn signatures_are_required_as_soon_as_a_stranger_could_call() {
    let verify = |settings: &[(&str, &str)], token: bool| {
        let token = if token { [("TWILIO_AUTH_TOKEN", "one, two")].as_slice() } else { &[] };
        Config::from_sources(&Sources::default().variables(token).overrides(settings))
            .map(|config| config.twilio.verify)
    };
    assert_eq!(verify(&[], false), Ok(Verify::Off));
    assert_eq!(verify(&[], true), Ok(Verify::Require));
    assert_eq!(verify(&[("twilio.verify", "off")], true), Ok(Verify::Off));
    let outside = [[("server.bind", "0.0.0.0:8080")], [("server.public_url", "https://voice.example.com")]];
    for outside in outside {
        assert_eq!(verify(&outside, true), Ok(Verify::Require));
        let unsigned = verify(&outside, false).expect_err("a stranger could call");
        assert!(problem(&unsigned, "twilio.verify").message.contains("TWILIO_AUTH_TOKEN"));
        for token in [true, false] {
            let off = verify(&[outside[0], ("twilio.verify", "off")], token).expect_err("a stranger could call");
            assert!(problem(&off, "twilio.verify").message.contains(outside[0].0), "{off}");
        }
    }
    let unready = verify(&[("twilio.verify", "require")], false).expect_err("nothing to verify with");
    problem(&unready, "twilio.verify");
}

#[test]
fn a_warm_transfer_needs_the_carrier_s_api_and_somebody_to_call() {
    let load = |variables: &[(&str, &str)], more: &[(&str, &str)]| {
        let warm = [("transfers.sales.number", "+14155550100"), ("transfers.sales.warm", "true")];
        let settings = [&warm[usize::from(more.len() > 1)..], more].concat();
        Config::from_sources(&Sources::default().variables(variables).overrides(&settings))
    };
    let api = [("TWILIO_ACCOUNT_SID", "AC1"), ("TWILIO_AUTH_TOKEN", "one")];
    let briefing = |config: Config| config.transfers["sales"].destination.briefing.clone();
    assert!(briefing(load(&api, &[]).expect("valid")).is_some_and(|words| words.contains("{summary}")));
    let own = [("transfers.sales.briefing", "Take it.")];
    assert_eq!(briefing(load(&api, &own).expect("valid")).as_deref(), Some("Take it."));
    for variables in [&[][..], &api[..1]] {
        let error = load(variables, &[]).expect_err("nobody could be called");
        assert!(problem(&error, "transfers.sales.warm").message.contains("TWILIO_AUTH_TOKEN"));
    }
    let whisper = load(&api, &[("transfers.sales.whisper", "Take it.")]).expect_err("two of a kind");
    assert!(problem(&whisper, "transfers.sales.whisper").message.contains("briefing"));
    let carrier = [("transfers.sales.carrier", "true"), ("transfers.sales.most_an_hour", "5")];
    problem(&load(&api, &carrier).expect_err("nobody to call"), "transfers.sales.warm");
    let premium = [("transfers.sales.number", "+19005550100"), ("transfers.sales.most_an_hour", "5")];
    problem(&load(&api, &premium).expect_err("a premium number"), "transfers.sales.number");
    let cold = [("transfers.sales.number", "+14155550100"), ("transfers.sales.briefing", "Take it.")];
    let cold = Config::from_sources(&Sources::default().variables(&api).overrides(&cold)).expect_err("not warm");
    problem(&cold, "transfers.sales.briefing");
}

#[test]
fn shared_keys_are_read_by_their_ids_or_refused_as_a_whole() {
    let load = |keys| Config::from_sources(&Sources::default().variables(&[("TWILIO_SHARED_KEYS", keys)]));
    let keys = load("k1=one=1, k2 = two,").expect("valid").secrets.twilio_shared_keys;
    let secret = |text: &str| Some(text.to_owned().into());
    assert_eq!((keys.get("k1").cloned(), keys.get("k2").cloned(), keys.len()), (secret("one=1"), secret("two"), 2));
    for keys in ["hunter2hunter2", "k1=hunter2hunter2,k1=other", "=hunter2hunter2", "k1="] {
        let error = load(keys).expect_err("half of it would be believed");
        assert!(problem(&error, "TWILIO_SHARED_KEYS").message.contains("id=secret"));
        assert!(!error.to_string().contains("hunter2"), "a secret is repeated");
    }
}

#[test]
fn what_needs_a_secret_is_refused_without_it() {
    let load = |settings: &[(&str, &str)], variables: &[(&str, &str)]| {
        Config::from_sources(&Sources::default().variables(variables).overrides(settings))
    };
    let openai = [("realtime.provider", "openai")];
    assert!(problem(&load(&openai, &[]).expect_err("no key"), "realtime.provider").message.contains("OPENAI_API_KEY"));
    assert!(load(&openai, &[("OPENAI_API_KEY", " ")]).is_err(), "a blank key is no key");
    assert!(load(&openai, &[("OPENAI_API_KEY", KEY)]).is_ok());
    let admin = [("admin.bind", "0.0.0.0:9090")];
    assert!(
        problem(&load(&admin, &[]).expect_err("no token"), "admin.bind").message.contains("SWITCHBOARD_ADMIN_TOKEN")
    );
    assert!(load(&admin, &[("SWITCHBOARD_ADMIN_TOKEN", "0123456789abcdef")]).is_ok());
    let waybeo = [("waybeo.enabled", "true"), ("server.bind", "0.0.0.0:8080")];
    let variables = [("TWILIO_AUTH_TOKEN", "t")];
    problem(&load(&waybeo, &variables).expect_err("no stream token"), "waybeo.enabled");
    let two = load(&[], &[("TWILIO_AUTH_TOKEN", "one, two,")]).expect("valid").secrets.twilio_auth_tokens;
    assert_eq!(two, ["one".to_owned().into(), "two".to_owned().into()]);
}

#[test]
fn a_secret_in_a_file_is_refused_and_not_repeated() {
    for (text, key, variable) in [
        (format!("[realtime]\napi_key = \"{KEY}\""), "realtime.api_key", "OPENAI_API_KEY"),
        (format!("openai_api_key = \"{KEY}\""), "openai_api_key", "OPENAI_API_KEY"),
        (format!("[twilio]\nauth_token = \"{TOKEN}\""), "twilio.auth_token", "TWILIO_AUTH_TOKEN"),
        (format!("[twilio]\naccount_sid = \"{TOKEN}\""), "twilio.account_sid", "TWILIO_ACCOUNT_SID"),
        (format!("[admin]\ntoken = \"{TOKEN}\""), "admin.token", "SWITCHBOARD_ADMIN_TOKEN"),
        (format!("[waybeo]\nstream_token = \"{TOKEN}\""), "waybeo.stream_token", "WAYBEO_STREAM_TOKEN"),
        (format!("[realtime]\nmodel = \"{KEY}\""), "realtime.model", "OPENAI_API_KEY"),
        (format!("[realtime]\nvoice = \"{KEY}\""), "realtime.voice", "OPENAI_API_KEY"),
    ] {
        let error = Config::from_sources(&Sources::default().file("my.toml", &text)).expect_err("a secret in a file");
        let message = &problem(&error, key).message;
        assert!(
            message.contains("secrets come only from the environment") && message.contains(variable),
            "{key}: {message}"
        );
        assert!(
            !error.to_string().contains(KEY) && !error.to_string().contains(TOKEN),
            "{key}: the secret is repeated"
        );
    }
}

#[test]
fn secrets_are_never_shown() {
    let secrets = [
        ("OPENAI_API_KEY", KEY),
        ("TWILIO_AUTH_TOKEN", "hunter2hunter2"),
        ("SWITCHBOARD_ADMIN_TOKEN", "swordfish-swordfish"),
    ];
    let sources = Sources::default().variables(&secrets).overrides(&[("realtime.provider", "openai")]);
    let config = Config::from_sources(&sources).expect("valid");
    let shown = format!("{config:?} {:?} {} {:?}", config.describe(), config.summary(), brief(&config));
    for (name, secret) in secrets {
        assert!(!shown.contains(secret), "{name} is shown");
        assert_eq!(config.summary()["secrets"][name], "present");
    }
    assert_eq!(config.summary()["secrets"]["WAYBEO_AUTH_TOKEN"], "absent");
}
