//! Tests the folders and servers that the service will use, before it needs them. Used by `check`.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use switchboard_actors::transcript::journal::folder;
use url::Url;

use crate::service;
use crate::service::config::{Config, Origin, Problem};

/// Returns the folders and files that cannot be used, by setting. The test leaves nothing behind.
pub(crate) fn problems(config: &Config) -> Vec<Problem> {
    let records = &config.records;
    let journal = records.dir.join(folder::ROOT);
    let mut folders = vec![("records.dir", records.dir.as_path()), ("records.dir", &journal)];
    folders.extend(records.legacy_dir.as_deref().map(|dir| ("records.legacy_dir", dir)));
    folders.extend(config.recording.dir.as_deref().map(|dir| ("recording.dir", dir)));
    let audit = config.audit();
    folders.extend(audit.parent().filter(|_| config.admin.audit.is_some()).map(|dir| ("admin.audit", dir)));
    let spend_store = config.spend.file.as_deref().filter(|_| config.spend.limits.need_spend_store());
    folders.extend(spend_store.map(|file| ("spend.file", file.parent().unwrap_or(Path::new("")))));
    let mut problems: Vec<Problem> = Vec::new();
    for (key, dir) in folders {
        if let Err((place, error)) = try_writing(dir)
            && !problems.iter().any(|problem| problem.key == key)
        {
            let found = format!("found {}, which cannot be written to ({}: {error})", dir.display(), place.display());
            problems.push(problem(key, format!("{found}; expected a folder that this user may write to")));
        }
    }
    if let Err(error) = service::check_spend_store(&config.spend) {
        problems.push(problem("spend.file", error.to_string()));
    }
    problems
}

/// Returns the servers that are unreachable now and may be up when the service needs them.
pub(crate) fn notes(config: &Config) -> Vec<String> {
    let queue = config.delivery.redis_url.as_ref().filter(|_| !config.webhooks.endpoints.is_empty());
    let unreached = queue.and_then(|url| Url::parse(url.expose()).ok()).and_then(|url| {
        let (host, port) = (url.host_str()?.to_owned(), url.port().unwrap_or(REDIS));
        let error = connect(&host, port).err()?;
        Some(format!("delivery.redis_url: no server answers at {host}:{port} ({error}); deliveries wait on this disk until it does"))
    });
    unreached.into_iter().collect()
}

fn connect(host: &str, port: u16) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host.trim_matches(['[', ']']), port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, LONGEST_CONNECT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn problem(key: &str, message: String) -> Problem {
    Problem { key: key.to_owned(), origin: Origin::Nowhere, message }
}

/// Tries to write a file into a folder, or into its nearest existing parent: the service creates
/// the rest. An error carries the folder that failed and why.
fn try_writing(dir: &Path) -> Result<(), (&Path, io::Error)> {
    for place in dir.ancestors() {
        let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        match fs::metadata(place) {
            Ok(found) if !found.is_dir() => return Err((place, io::ErrorKind::NotADirectory.into())),
            Ok(_) => return touch(place).map_err(|error| (place, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Err(error) => return Err((place, error)),
        }
    }
    touch(Path::new(".")).map_err(|error| (dir, error))
}

fn touch(dir: &Path) -> io::Result<()> {
    let file = dir.join(format!(".switchboard-check-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(file)
}

/// The default port of Redis.
const REDIS: u16 = 6379;
/// Longest wait for a connection; the operator who runs `check` waits for it.
const LONGEST_CONNECT: Duration = Duration::from_secs(1);
