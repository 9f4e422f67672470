//! The Clips actor: makes recordings, each text once for all calls of the process, and keeps them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_rt::time::{sleep, timeout};
use log::warn;
use tokio::sync::oneshot;

use super::cache::ClipCache;
use super::file;
use super::messages::{FetchClip, FetchedClip};
use super::plan::{ClipOrder, ClipSource};
use super::samples::{CLIP_HZ, resampled};
use crate::carrier::AudioFormat;
use crate::clock;
use crate::events::emit;
use crate::http::Request;
use crate::realtime::events::Event;
use crate::realtime::{Class, Failure, Head, Part, Speech, Spoken, VoicePlan, speech_request};

/// The recordings of the process.
#[derive(Debug, Default)]
pub struct Clips {
    cache: ClipCache,
    /// Who waits for each recording that is being made.
    waiting: HashMap<String, Vec<oneshot::Sender<Made>>>,
    /// The recordings that wait for their turn.
    queue: Vec<ClipOrder>,
    /// How many are being made.
    making: usize,
}

/// A recording, or why there is none.
type Made = Result<FetchedClip, String>;

impl Clips {
    fn fetch(&mut self, order: ClipOrder, ctx: &mut Context<Self>) -> ResponseFuture<Made> {
        let name = order.name();
        if let Some(samples) = self.cache.find(&name) {
            return Box::pin(std::future::ready(Ok(FetchedClip { samples, characters: 0 })));
        }
        if let Some(reason) = self.cache.refusal(&name, clock::now()) {
            return Box::pin(std::future::ready(Err(reason.to_owned())));
        }
        let (told, wait) = oneshot::channel();
        let queued = self.queue.iter().position(|queued| queued.name() == name);
        let waiting = self.waiting.entry(name).or_default();
        if let Some(queued) = queued.map(|at| self.queue.remove(at)).or_else(|| waiting.is_empty().then_some(order)) {
            self.queue.push(queued);
        }
        waiting.push(told);
        self.make_next(ctx);
        Box::pin(async move { wait.await.unwrap_or_else(|_| Err("the service stops".to_owned())) })
    }

    /// Makes the recording that was asked for last: a call waits for it, and for the earlier ones
    /// none does, or its wait is over.
    fn make_next(&mut self, ctx: &mut Context<Self>) {
        while self.making < MOST_AT_ONCE
            && let Some(order) = self.queue.pop()
        {
            self.making += 1;
            let name = order.name();
            let made = make(order).into_actor(self);
            ctx.spawn(made.map(move |made, this, ctx| this.made(name, made, ctx)));
        }
    }

    fn made(&mut self, name: String, mut made: Made, ctx: &mut Context<Self>) {
        self.making -= 1;
        for waiting in self.waiting.remove(&name).unwrap_or_default() {
            // Whoever asked may have hung up. The first who has not is charged.
            if let (Ok(()), Ok(clip)) = (waiting.send(made.clone()), &mut made) {
                clip.characters = 0;
            }
        }
        match made {
            Ok(FetchedClip { samples, .. }) => self.cache.keep(name, samples),
            Err(reason) => {
                warn!(reason:%; "a recording of exact words could not be made");
                self.cache.fail(name, reason, clock::now());
            }
        }
        self.make_next(ctx);
    }
}

impl Actor for Clips {
    type Context = Context<Self>;
}

impl Handler<FetchClip> for Clips {
    type Result = ResponseFuture<Made>;

    fn handle(&mut self, FetchClip(order): FetchClip, ctx: &mut Self::Context) -> Self::Result {
        self.fetch(order, ctx)
    }
}

/// Reads a recording from the disk, or lets the server make it.
async fn make(order: ClipOrder) -> Made {
    let folder = order.source.folder.clone().filter(|_| order.is_known);
    if let Some(folder) = &folder {
        let (folder, name) = (folder.clone(), order.name());
        let read = actix_rt::task::spawn_blocking(move || file::read(&folder, &name)).await;
        if let Ok(Some(samples)) = read {
            emit(Event::ClipMade { result: "read" });
            return Ok(FetchedClip { samples: samples.into(), characters: 0 });
        }
    }
    let rendered = render_patiently(&order).await;
    emit(Event::ClipMade { result: if rendered.is_ok() { "rendered" } else { "failed" } });
    let samples: Arc<[i16]> = rendered.map_err(|failure| failure.reason)?.into();
    if let Some(folder) = folder {
        let (samples, name) = (Arc::clone(&samples), order.name());
        // The recording is used in any case.
        let written = actix_rt::task::spawn_blocking(move || file::write(&folder, &name, &samples)).await;
        if let Ok(Err(problem)) = written {
            warn!(problem:%; "a recording could not be kept in clips.dir; it is rendered again after a restart");
        }
    }
    Ok(FetchedClip { samples, characters: order.words.expose().chars().count() as u64 })
}

/// Asks the server, once more if another try may help.
#[expect(clippy::disallowed_methods, reason = "no call waits longer than its own bound")]
async fn render_patiently(order: &ClipOrder) -> Result<Vec<i16>, Failure> {
    let first = render(order).await;
    let Err(Failure { class: Class::Retry { after }, .. }) = &first else { return first };
    sleep(after.unwrap_or(TRY_AGAIN_AFTER).min(LONGEST_WAIT)).await;
    render(order).await
}

async fn render(order: &ClipOrder) -> Result<Vec<i16>, Failure> {
    let ClipSource { timeout: patience, .. } = *order.source;
    match timeout(patience, exchange(order)).await {
        Ok(rendered) => rendered,
        Err(_) => Err(Failure::of_network(Part::Voice, &format!("no recording within {patience:?}"))),
    }
}

async fn exchange(order: &ClipOrder) -> Result<Vec<i16>, Failure> {
    let source = &*order.source;
    let plan = VoicePlan {
        url: source.url.clone(),
        model: source.model.clone(),
        voice: order.voice.clone(),
        language: String::new(),
        format: AudioFormat::PCM_24K,
        instructions: None,
    };
    let asked = speech_request(&plan, order.words.expose(), source.format);
    let network = |problem: &dyn std::fmt::Display| Failure::of_network(Part::Voice, &problem.to_string());
    let body = serde_json::to_vec(&asked.body).unwrap_or_default();
    let mut request = Request::post(asked.url, body).header("content-type", "application/json");
    if let Some(key) = &source.key {
        request = request.and_then(|request| request.header("authorization", &format!("Bearer {}", key.expose())));
    }
    // The address is a setting, and the server may well stand in the next rack.
    let answer = request.map_err(|problem| network(&problem))?.send(|_| true).await;
    let answer = answer.map_err(|problem| network(&problem))?;
    let header = |name: &str| answer.header(name).map(str::to_owned);
    let (status, kind, retry) = (answer.status, header("content-type"), header("retry-after"));
    let body = answer.body(MOST_BYTES).await.map_err(|problem| network(&problem))?;
    let head = Head {
        status,
        content_type: kind.as_deref().unwrap_or_default(),
        retry_after: retry.as_deref(),
        ..Head::default()
    };
    samples_of(&head, &body)
}

/// The samples of an answer, at the rate of a line.
fn samples_of(head: &Head<'_>, body: &[u8]) -> Result<Vec<i16>, Failure> {
    let (mut speech, mut said, now) = (Speech::new(0, clock::now()), Vec::new(), clock::now());
    speech.head(head, &String::from_utf8_lossy(&body[..body.len().min(LONGEST_ERROR)]), now, &mut said);
    speech.bytes(body, now, &mut said);
    if !speech.is_over() {
        speech.end(&mut said);
    }
    let mut wide = Vec::new();
    for piece in said {
        match piece {
            Spoken::Audio { audio, .. } => {
                wide.extend(audio.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)));
            }
            Spoken::Failed(failure) => return Err(failure),
            Spoken::Ready | Spoken::Timings { .. } | Spoken::Ended { .. } | Spoken::Complained { .. } => {}
        }
    }
    let wrong = |problem: &str| Failure::of_protocol(Part::Voice, problem);
    let samples =
        resampled(&wide, AudioFormat::PCM_24K.rate_hz, CLIP_HZ).ok_or_else(|| wrong("it has another rate"))?;
    if samples.len() > LONGEST {
        return Err(wrong("the recording is longer than a minute"));
    }
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
    if loudest < SOFTEST { Err(wrong("the recording is silent")) } else { Ok(samples) }
}

/// Recordings that are made at the same time. A server that runs on one card makes one after the
/// other, and others limit the rate.
const MOST_AT_ONCE: usize = 2;
/// The wait before the second try, if the server names none.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The longest wait before it, whatever the server names.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The longest recording, in samples: a minute. A notice of that length loses callers.
const LONGEST: usize = 60 * CLIP_HZ as usize;
/// The most bytes of an answer: a minute of PCM16 at 48 kHz, in stereo.
const MOST_BYTES: usize = 12 << 20;
/// The bytes of an answer that may be an error in words.
const LONGEST_ERROR: usize = 4_096;
/// The peak of a recording that is heard: -47 dBFS.
const SOFTEST: u16 = 150;

#[cfg(test)]
mod tests;
