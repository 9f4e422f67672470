//! The nginx in front, if it is on this machine: does it hold a stream for as long as a call may
//! last? That cannot be seen from outside within a minute, so its own configuration is read.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use super::Line;
use crate::service::config::Config;

/// Reads the configuration that nginx prints about itself.
pub(super) async fn looked(config: &Config) -> Option<Line> {
    let of = "nginx";
    let printing = actix_rt::task::spawn_blocking(|| {
        Command::new("nginx").arg("-T").stdin(Stdio::null()).stderr(Stdio::null()).output()
    });
    // Otherwise it is another proxy, or one on another machine.
    let printed = timeout(PATIENCE, printing).await.ok()?.ok()?.ok()?;
    if !printed.status.success() {
        return Some(Line::note(
            of,
            "its configuration cannot be read by this user: run `sudo switchboard doctor` to have its time-outs looked at",
        ));
    }
    judge(&String::from_utf8_lossy(&printed.stdout), config.limits.max_call_duration)
}

fn judge(text: &str, longest_call: Duration) -> Option<Line> {
    let streams: Vec<Location> =
        locations(text).into_iter().filter(|it| it.path.contains("ws") && it.proxies).collect();
    if streams.is_empty() {
        return None;
    }
    let of = "nginx";
    let short = streams.iter().find(|it| it.read_timeout.unwrap_or(DEFAULT) < longest_call);
    Some(match short {
        Some(it) => Line::wrong(
            of,
            format!(
                "location {} has proxy_read_timeout {}: a caller who is silent for that long is cut off; expected more than limits.max_call_duration = {} (deploy/nginx/locations.conf)",
                it.path,
                humantime::format_duration(it.read_timeout.unwrap_or(DEFAULT)),
                humantime::format_duration(longest_call),
            ),
        ),
        None => Line::good(of, format!("holds streams for longer than the longest call ({} locations)", streams.len())),
    })
}

/// One `location` block.
#[derive(Debug, Default, PartialEq, Eq)]
struct Location {
    path: String,
    /// Whether it passes requests on.
    proxies: bool,
    read_timeout: Option<Duration>,
}

/// The `location` blocks of a configuration, in their order. A time-out outside of one counts for
/// those inside its block.
fn locations(text: &str) -> Vec<Location> {
    let mut found = Vec::new();
    // One for each open block: the time-out that holds there, and the location that it is.
    let mut open: Vec<(Option<Duration>, Option<Location>)> = vec![(None, None)];
    for words in statements(text) {
        let inherited = open.last().and_then(|(timeout, _)| *timeout);
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["location", path @ .., "{"] => {
                open.push((inherited, Some(Location { path: path.join(" "), ..Location::default() })));
            }
            [.., "{"] => open.push((inherited, None)),
            ["}"] => {
                // The file's own level stays.
                if open.len() > 1
                    && let Some((timeout, Some(location))) = open.pop()
                {
                    found.push(Location { read_timeout: timeout, ..location });
                }
            }
            ["proxy_read_timeout", time] => {
                if let Some((timeout, _)) = open.last_mut() {
                    *timeout = duration(time).or(*timeout);
                }
            }
            ["proxy_pass", ..] => {
                if let Some((_, Some(location))) = open.last_mut() {
                    location.proxies = true;
                }
            }
            _ => {}
        }
    }
    found
}

/// The statements of a configuration: their words, with `{` or `}` as the last one where a block
/// begins or ends.
fn statements(text: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\\') => word.extend([letter].into_iter().chain(letters.next())),
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.push(letter),
            (None, '"' | '\'') if word.is_empty() => quote = Some(letter),
            (None, '#') if word.is_empty() => {
                letters.by_ref().find(|letter| *letter == '\n');
            }
            (None, letter) if letter.is_whitespace() || matches!(letter, ';' | '{' | '}') => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if matches!(letter, '{' | '}') {
                    words.push(letter.to_string());
                }
                if matches!(letter, ';' | '{' | '}') && !words.is_empty() {
                    all.push(std::mem::take(&mut words));
                }
            }
            (None, letter) => word.push(letter),
        }
    }
    all
}

/// A time as nginx writes it: `60`, `60s`, `5h`, `1d`, `500ms`, `1h 30m` without its space.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).ok()
}

/// What nginx takes where nothing is set.
const DEFAULT: Duration = Duration::from_secs(60);
/// The time limit of printing.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_site_that_ships_holds_streams_for_longer_than_the_longest_call() {
        let site = include_str!("../../../deploy/nginx/locations.conf");
        let line = judge(&format!("http {{ server {{ {site} }} }}"), 4 * HOUR).expect("streams are found");
        assert_eq!(line.verdict, Verdict::Good, "{line:?}");
    }

    #[test]
    fn a_short_time_out_is_found_wherever_it_stands() {
        let cases = [
            ("location /ws { proxy_pass http://a; }", Verdict::Wrong),
            ("location = /ws { proxy_read_timeout 59m; proxy_pass http://a; }", Verdict::Wrong),
            ("proxy_read_timeout 2h; location /ws { proxy_pass http://a; }", Verdict::Good),
            (
                "server { proxy_read_timeout 2h; location /ws { proxy_read_timeout 75; proxy_pass http://a; } }",
                Verdict::Wrong,
            ),
            ("location /ws { proxy_pass http://a; proxy_read_timeout 3600s; } # proxy_read_timeout 1s;", Verdict::Good),
            ("location ~ \"^/(?:a|b)/ws{1}$\" { proxy_read_timeout 5h; proxy_pass http://a; }", Verdict::Good),
        ];
        for (text, verdict) in cases {
            let line = judge(text, HOUR).unwrap_or_else(|| panic!("no stream in {text}"));
            assert_eq!(line.verdict, verdict, "{text}: {line:?}");
        }
        assert_eq!(judge("location /ws { return 404; } location /x { proxy_pass http://a; }", HOUR), None);
        assert_eq!(judge("} } location", HOUR), None);
    }
}
