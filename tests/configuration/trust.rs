//! Settings without which the service does not start, and secrets that are never shown.

use switchboard::service::config::{Config, ConfigError, Sources};

use crate::{KEY, TOKEN, problem, profile};

#[test]
fn signatures_are_required_as_soon_as_a_stranger_could_call() {
    let verify = |settings: &[(&str, &str)], token: bool| {
        let token = if token { [("TWILIO_AUTH_TOKEN", "one, two")].as_slice() } else { &[] };
        let settings = [settings, &[("realtime.rehearsal_in_public", "true")]].concat();
        Config::from_sources(&Sources::default().variables(token).overrides(&settings))
            .map(|config| config.summary()["twilio"]["verify"].clone())
    };
    let (required, off) = (Ok("require".into()), Ok("off".into()));
    assert_eq!(verify(&[], false), off);
    assert_eq!(verify(&[], true), required);
    assert_eq!(verify(&[("twilio.verify", "off")], true), off);
    let outside = [[("server.bind", "0.0.0.0:8080")], [("server.public_url", "https://voice.example.com")]];
    for outside in outside {
        assert_eq!(verify(&outside, true), required);
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
fn secrets_in_headers_are_looked_at_like_all_others_and_never_shown() {
    let table = |section: &str| format!("{section}.headers");
    for (section, url) in [("tools.stock", "tools.stock.url"), ("mcp.crm", "mcp.crm.url")] {
        let headers = table(section);
        for (header, value, refused) in [
            ("Authorization", "Bearer abc123def", None),
            ("Authorization", "abc123def", None),
            ("X-Api-Key", "abc123def", None),
            ("Authorization", "Bearer \"abc123def\"", Some("a quote")),
            ("Authorization", "Bearer abc123 def", Some("a blank")),
            ("X-Api-Key", "abc123\ndef", Some("a line break")),
            ("X-Api-Key", "abc123\u{a0}def", Some("a blank")),
            ("X-Api-Key", "abc123dëf", Some("not ASCII")),
            ("X-Api-Key", "'abc123def", Some("a quote")),
        ] {
            let named = format!("{{ {header} = \"CRM_SECRET\" }}");
            let settings = [
                (url, "https://crm.example.com/x"),
                (headers.as_str(), named.as_str()),
                (&*format!("{section}.description"), "Looks up."),
            ];
            let settings = if section.starts_with("mcp") { &settings[..2] } else { &settings[..] };
            let read =
                Config::from_sources(&Sources::default().variables(&[("CRM_SECRET", value)]).overrides(settings));
            match (read, refused) {
                (Ok(_), None) => {}
                (Err(error), Some(found)) => {
                    assert!(problem(&error, "CRM_SECRET").message.contains(found), "{section} {value:?}: {error}");
                    assert!(!error.to_string().contains("abc123"), "{error}");
                }
                (read, _) => panic!("{section} {header} {value:?}: {:?}", read.map(|_| "good")),
            }
        }
    }
}

#[test]
fn shared_keys_are_read_by_their_ids_or_refused_as_a_whole() {
    let load = |keys| Config::from_sources(&Sources::default().variables(&[("TWILIO_SHARED_KEYS", keys)]));
    let keys = load("k1=one=1, k2 = two,").expect("valid").secrets.carriers.pairs("TWILIO_SHARED_KEYS");
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
    let two = load(&[], &[("TWILIO_AUTH_TOKEN", "one, two,")]).expect("valid");
    let two = two.secrets.carriers.listed("TWILIO_AUTH_TOKEN");
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
fn callers_do_not_meet_the_rehearsal_unless_that_is_meant() {
    let load = |settings: &[(&str, &str)], variables: &[(&str, &str)]| {
        let variables = [&[("TWILIO_AUTH_TOKEN", "one")], variables].concat();
        Config::from_sources(&Sources::default().variables(&variables).overrides(settings))
    };
    let key = [("OPENAI_API_KEY", KEY)];
    for outside in [("server.bind", "0.0.0.0:8080"), ("server.public_url", "https://voice.example.com")] {
        for variables in [&key[..], &[]] {
            let error = load(&[outside], variables).expect_err("callers would hear themselves");
            let message = &problem(&error, "realtime.provider").message;
            assert!(message.contains(outside.0) && message.contains("rehearsal_in_public"), "{message}");
        }
        assert!(load(&[outside, ("realtime.rehearsal_in_public", "true")], &[]).is_ok());
        assert!(load(&[outside, ("realtime.provider", "openai")], &key).is_ok());
        // A server at a configured URL is not the rehearsal model, even without a key.
        assert!(load(&[outside, ("realtime.url", "ws://127.0.0.1:9000/v1/realtime")], &[]).is_ok());
    }
    let noted = |config: Config| config.notes.join("; ");
    assert!(noted(load(&[], &key).expect("valid")).contains("OPENAI_API_KEY is set"));
    assert!(!noted(load(&[], &[]).expect("valid")).contains("realtime.provider"));
    let openai = noted(load(&[("realtime.provider", "openai")], &key).expect("valid"));
    assert!(openai.contains("server.public_url is a loopback address"), "{openai}");
}

#[test]
fn a_secret_is_read_verbatim_or_refused_by_name() {
    let load = |env: &[u8]| Config::from_sources(&Sources::default().dotenv(env));
    let admin = |env: &str| load(env.as_bytes()).unwrap_or_else(|error| panic!("{error}")).secrets.admin_token;
    let token = "pa$word1234567890abcdefghij$$xyz";
    let is = |text: &str| Some(text.to_owned().into());
    assert_eq!(admin(&format!("SWITCHBOARD_ADMIN_TOKEN={token}\n")), is(token));
    assert_eq!(admin(&format!("\u{FEFF}SWITCHBOARD_ADMIN_TOKEN=\"{token}\"\r\n")), is(token));
    assert_eq!(admin(&format!("NAME=Example Motors Pvt Ltd\nexport SWITCHBOARD_ADMIN_TOKEN='{token}'")), is(token));
    let error = load(b"A=1\nSWITCHBOARD_ADMIN_TOKEN sw0rdfish\n").expect_err("no NAME=value");
    let message = error.to_string();
    assert!(message.contains("SWITCHBOARD_ADMIN_TOKEN (.env, line 2)") && !message.contains("sw0rdfish"), "{message}");

    let names = [
        "OPENAI_API_KEY",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "WAYBEO_AUTH_TOKEN",
        "WAYBEO_STREAM_TOKEN",
        "SWITCHBOARD_ADMIN_TOKEN",
    ];
    for name in names {
        let set = |value: &str| Config::from_sources(&Sources::default().variables(&[(name, value)]));
        for damaged in [
            "sw0rd fish",
            "sw0rd\nfish",
            "\"sw0rdfish",
            "sw0rdfish'",
            "sw0rd\u{A0}fish",
            "sw0rdfi\u{15F}h",
            "\u{201C}sw0rdfish\u{201D}",
            "sw0rd\u{7}fish",
        ] {
            if (name, damaged) == ("SWITCHBOARD_ADMIN_TOKEN", "sw0rd fish") {
                let words = set(damaged).expect("words can be sent as a bearer");
                assert!(words.notes.iter().any(|note| note.starts_with(name) && note.contains("blank")));
                continue;
            }
            let error = set(damaged).expect_err("a damaged secret");
            assert!(problem(&error, name).message.contains("not shown"), "{name} {damaged:?}");
            assert!(!error.to_string().contains("sw0rd"), "{error}");
        }
        let quoted = set("\"0123456789abcdef\"").expect("the quotes are taken off");
        assert!(
            quoted.notes.iter().any(|note| note.starts_with(name) && note.contains("quotes")),
            "{:?}",
            quoted.notes
        );
    }
    // A value with two tokens, and a value made of words.
    for (name, value) in [("TWILIO_AUTH_TOKEN", "one, two"), ("SWITCHBOARD_CALLER_SALT", "some words of salt")] {
        assert!(Config::from_sources(&Sources::default().variables(&[(name, value)])).is_ok(), "{name}");
    }
}

#[test]
fn a_variable_that_nobody_reads_is_noted_with_the_one_that_was_meant() {
    let notes = |name: &str| {
        let sources = Sources::default().variables(&[(name, "x")]);
        Config::from_sources(&sources).expect("a stranger stops nothing").notes.join("; ")
    };
    for (name, meant) in [
        ("SWITCHBOARD_SERVER_BIND", "SWITCHBOARD__SERVER__BIND"),
        ("SWITCHBOARD_REALTIME_PROVIDER", "SWITCHBOARD__REALTIME__PROVIDER"),
        ("SWITCHBOARD_ADMIN_TOKN", "SWITCHBOARD_ADMIN_TOKEN"),
        ("SWITCHBOARD_WEBHOOKS_SECRET", "SWITCHBOARD_WEBHOOK_SECRET"),
        ("SWITCHBOARD_CONFIG", "--config"),
    ] {
        assert!(notes(name).contains(meant), "{name}: {}", notes(name));
    }
    for known in ["SWITCHBOARD_PORT_8080_TCP_ADDR", "SWITCHBOARD_SERVICE_HOST", "SWITCHBOARD_PORT", "OTHER_NAME"] {
        assert!(!notes(known).contains(known), "{known}: {}", notes(known));
    }
}

#[test]
fn no_message_repeats_what_a_url_may_hide() {
    let hidden = ["pa55word", "s3cr3t"];
    let urls = [
        "https://user:pa55word@n8n.example.com/webhook/x",
        "https://:pa55word@n8n.example.com/?token=s3cr3t",
        "wss://user:pa55word@n8n.example.com/?token=s3cr3t",
        "redis://:pa55word@n8n.example.com:6379/0",
        "rediss://:pa55word@n8n.example.com:6379/0",
        "https://user:pa55word/@n8n.example.com:x/",
        "ftp://n8n.example.com/pa55word?token=s3cr3t",
        "https://n8n.example.com/#pa55word",
        "https://n8n.example.com/#s3cr3t",
        "user:pa55word@n8n.example.com",
        "://:pa55word@n8n",
        "http://[::pa55word",
    ];
    let sections = [
        ("server.public_url", ""),
        ("twilio.api_url", ""),
        ("waybeo.api_url", ""),
        ("realtime.url", ""),
        ("delivery.redis_url", ""),
        ("cluster.url", ""),
        ("cluster.advertise", ""),
        ("tools.crm.url", "tools.crm.description"),
        ("mcp.crm.url", ""),
    ];
    let clean = |error: &ConfigError| {
        hidden.iter().all(|hidden| !error.to_string().contains(hidden) && !error.summary().to_string().contains(hidden))
    };
    for url in urls {
        for (key, other) in sections {
            let settings = [(key, url), (other, "x")];
            let settings = &settings[..1 + usize::from(!other.is_empty())];
            if let Err(error) = Config::builtin_with(settings) {
                assert!(clean(&error), "{key} = {url}: {error}");
            }
            let (section, leaf) = key.rsplit_once('.').expect("a section");
            for text in [
                format!("[{section}]\n{leaf} = \"{url}\""),
                format!("[{section}]\n{leaf} = [\"{url}\"]"),
                format!("[{section}]\nurll = \"{url}\""),
                format!("[{section}]\n{leaf} = \"{url}"),
                format!("[{section}]\n{leaf} = {url}"),
                format!("[{section}]\n{leaf} = \"{url}\" x"),
                format!("{section} = \"{url}\""),
                format!("[[webhooks.endpoints]]\nname = \"n8n\"\nurl = \"{url}\""),
                format!("[[webhooks.endpoints]]\nname = \"{url}\""),
                format!("[[realtime.fallbacks]]\nurl = \"{url}\""),
            ] {
                if let Err(error) = Config::from_sources(&Sources::default().file("my.toml", &text)) {
                    assert!(clean(&error), "{text}\n{error}");
                }
            }
        }
    }
    let error = Config::builtin_with(&[("delivery.redis_url", urls[3])]).expect_err("a password");
    let message = &problem(&error, "delivery.redis_url").message;
    assert!(message.contains("redis://n8n.example.com"), "{message}");
}

#[test]
fn a_cluster_needs_its_token_and_an_address_for_the_others() {
    let load = |token: &str, settings: &[(&str, &str)]| {
        let secrets = [("SWITCHBOARD_CLUSTER_TOKEN", token), ("SWITCHBOARD_ADMIN_TOKEN", "0123456789abcdef")];
        let cluster = [("cluster.backend", "redis")];
        Config::from_sources(&Sources::default().variables(&secrets).overrides(&[&cluster, settings].concat()))
    };
    let message = problem(&load("", &[]).expect_err("no token"), "cluster.backend").message.clone();
    assert!(message.contains("SWITCHBOARD_CLUSTER_TOKEN"), "{message}");
    let token = "fedcba9876543210";
    let config = load(token, &[("cluster.node", "a"), ("cluster.advertise", "http://10.0.0.7:9090")]).expect("valid");
    let cluster = config.cluster.as_ref().expect("a cluster");
    assert_eq!((cluster.node.as_deref(), cluster.token.expose().as_str()), (Some("a"), token));
    assert_eq!(
        config.secrets.salt().map(|salt| salt.expose().as_str()),
        Some(token),
        "hashes are the same on all nodes"
    );
    assert!(!config.summary().to_string().contains(token));
    let everywhere = [("admin.bind", "0.0.0.0:9090")];
    assert!(
        problem(&load(token, &everywhere).expect_err("which one?"), "cluster.advertise")
            .message
            .contains("set the address")
    );
    let with_a_path = [("cluster.advertise", "http://10.0.0.7:9090/admin")];
    problem(&load(token, &with_a_path).expect_err("a path"), "cluster.advertise");
    assert!(load(token, &[("admin.bind", "0.0.0.0:9090"), ("cluster.advertise", "http://10.0.0.7:9090")]).is_ok());
    assert!(Config::builtin_with(&[]).expect("valid").cluster.is_none());
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
    let shown = format!("{config:?} {:?} {} {:?}", config.describe(), config.summary(), profile(&config));
    for (name, secret) in secrets {
        assert!(!shown.contains(secret), "{name} is shown");
        assert_eq!(config.summary()["secrets"][name], "present");
    }
    assert_eq!(config.summary()["secrets"]["WAYBEO_AUTH_TOKEN"], "absent");
}

#[test]
fn calls_are_placed_only_by_a_carrier_that_is_answered() {
    let outbound = [("outbound.enabled", "true"), ("outbound.allow", r#"["+91"]"#)];
    let load = |settings: &[(&str, &str)]| {
        let secrets = [("PLIVO_AUTH_ID", "MA1"), ("PLIVO_AUTH_TOKEN", "0123456789abcdef")];
        Config::from_sources(&Sources::default().variables(&secrets).overrides(&[&outbound, settings].concat()))
    };
    let message = problem(&load(&[]).expect_err("nobody would be called"), "outbound.enabled").message.clone();
    assert!(message.contains("plivo.enabled = true"), "{message}");
    assert!(load(&[("plivo.enabled", "true")]).is_ok());
}
