//! A configuration file and a `.env` beside it, a NUL between them: whatever they hold is told as
//! problems, which repeat no secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard::service::config::{Config, Sources};

fuzz_target!(|data: &[u8]| {
    let (file, dotenv) = match data.iter().position(|&byte| byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b""[..]),
    };
    let Ok(file) = std::str::from_utf8(file) else { return };
    let secret = [("TWILIO_AUTH_TOKEN", "\"hunter2secret")];
    let sources = Sources::default().file("config.toml", file).variables(&secret).dotenv(dotenv);
    if let Err(error) = Config::from_sources(&sources) {
        let given = data.windows(7).any(|window| window == b"hunter2");
        assert!(given || !error.to_string().contains("hunter2"), "{error}");
    }
});
