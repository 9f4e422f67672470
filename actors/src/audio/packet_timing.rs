//! The arrival times of the caller's packets, and whether their number fits the declared rate.
//! Pure.
//!
//! Two clocks are used. The carrier's own timestamps do not jitter. The arrival time here is the
//! only clock where a carrier sends no timestamps. The first second does not count for the arrival
//! time, because delayed packets are then delivered at once.

use std::time::{Duration, Instant};

use super::diagnosis::Packets;
use crate::carrier::AudioFormat;
use crate::finding::{Finding, Tenths};

/// The packets of one call.
#[derive(Debug)]
pub(super) struct PacketTiming {
    format: AudioFormat,
    count: u64,
    /// The length of the last packet.
    length: Duration,
    /// All audio that came.
    heard: Duration,
    lost: Duration,
    /// The carrier's timestamp of the last packet.
    timestamp: Option<Duration>,
    /// Steps of the carrier's clock: all steps, steps of half a packet, and steps of two packets.
    steps: [u64; 3],
    first: Option<Instant>,
    last: Option<Instant>,
    /// Arrivals once the line has settled: the start, the packets, the audio, and the intervals of
    /// about two packets.
    settled: Option<(Instant, u64, Duration, u64)>,
}

impl PacketTiming {
    /// The timing of a line without packets.
    pub(super) fn new(format: AudioFormat) -> Self {
        Self {
            format,
            count: 0,
            length: Duration::ZERO,
            heard: Duration::ZERO,
            lost: Duration::ZERO,
            timestamp: None,
            steps: [0; 3],
            first: None,
            last: None,
            settled: None,
        }
    }

    /// Takes a packet of `bytes`.
    pub(super) fn hear(&mut self, bytes: usize, timestamp: Option<Duration>, now: Instant) {
        let (before, arrived) = (self.length, self.last.replace(now));
        let first = *self.first.get_or_insert(now);
        self.length = self.format.duration_of(bytes);
        self.count += 1;
        self.heard += self.length;
        if let (Some(then), Some(timestamp)) = (self.timestamp, timestamp) {
            self.step(timestamp.saturating_sub(then), before);
        }
        self.timestamp = timestamp;
        match &mut self.settled {
            Some((_, packets, audio, slow)) => {
                *packets += 1;
                *audio += self.length;
                let interval = arrived.map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
                *slow += u64::from(interval * 2 > self.length * 3 && interval * 2 < self.length * 5);
            }
            None if now.saturating_duration_since(first) >= UNSETTLED => {
                self.settled = Some((now, 0, Duration::ZERO, 0));
            }
            None => {}
        }
    }

    /// The packets' statistics so far.
    pub(super) fn packets(&self) -> Packets {
        let millis = |time: Duration| Tenths::of(time.as_secs_f32() * 1000.0);
        let lost = if self.rate().is_some() { Duration::ZERO } else { self.lost };
        let should = (self.heard + lost).as_secs_f32();
        Packets {
            count: self.count,
            length_ms: millis(self.length),
            interval_ms: self.spell().map(|(spell, packets, ..)| millis(spell.div_f64(packets.max(1) as f64))),
            lost_ms: lost.as_millis() as u64,
            lost_percent: Tenths::of(if should > 0.0 { 100.0 * lost.as_secs_f32() / should } else { 0.0 }),
            rate_hz: self.measured_rate(),
        }
    }

    /// The findings of the timing.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let lossy = self.heard >= LOSS_AFTER && self.lost * MOST_LOST > self.heard && self.rate().is_none();
        self.rate().into_iter().chain(lossy.then_some(Finding::Loss))
    }

    fn step(&mut self, step: Duration, length: Duration) {
        let near = |wanted: Duration| step.abs_diff(wanted) * 8 <= length;
        self.steps[0] += 1;
        self.steps[1] += u64::from(near(length / 2));
        self.steps[2] += u64::from(near(length * 2));
        // A longer hole is a pause of the carrier, not loss in the network.
        let hole = step.saturating_sub(length);
        if hole * 2 >= length && hole <= LONGEST_LOSS {
            self.lost += hole;
        }
    }

    /// The time for which the settled line was observed, with its packets, its audio and its slow
    /// intervals. `None` until that time is long enough.
    fn spell(&self) -> Option<(Duration, u64, Duration, u64)> {
        let (since, packets, audio, slow) = self.settled?;
        let spell = self.last?.saturating_duration_since(since);
        (spell >= LISTENED).then_some((spell, packets, audio, slow))
    }

    /// The finding of a rate that is not the declared one. By the carrier's clock, nearly every
    /// step must show it. By our clock, the sum of the steps must show it.
    fn rate(&self) -> Option<Finding> {
        let [all, half, two] = self.steps;
        let mostly = |some: u64| all >= ENOUGH_STEPS && some * 10 >= all * 9;
        let (fast, slow) = self.spell().map_or((false, false), |(spell, packets, audio, slow)| {
            let ratio = audio.as_secs_f32() / spell.as_secs_f32();
            // A carrier that is silent half of the time is not slow: its packets come at their
            // usual interval or not at all.
            ((1.9..=2.1).contains(&ratio), (0.47..=0.53).contains(&ratio) && slow * 10 >= packets * 9)
        });
        match (mostly(half) || fast, mostly(two) || slow) {
            (true, _) => Some(Finding::RateTooLow),
            (false, true) => Some(Finding::RateTooHigh),
            (false, false) => None,
        }
    }

    fn measured_rate(&self) -> Option<u32> {
        match self.rate() {
            Some(Finding::RateTooLow) => Some(self.format.rate_hz * 2),
            Some(Finding::RateTooHigh) => Some(self.format.rate_hz / 2),
            _ => self.spell().map(|(spell, _, audio, _)| {
                let rate = audio.as_secs_f32() / spell.as_secs_f32() * self.format.rate_hz as f32;
                (rate / 1000.0).round() as u32 * 1000
            }),
        }
    }
}

/// The beginning of a call, in which packets come in bursts.
const UNSETTLED: Duration = Duration::from_secs(1);
/// Time for which arrivals are counted before they prove anything. Shorter: a burst reads as a
/// rate.
const LISTENED: Duration = Duration::from_secs(3);
/// Steps of the carrier's clock before they prove anything: most of a second.
const ENOUGH_STEPS: u64 = 40;
/// Audio before which no loss is reported.
const LOSS_AFTER: Duration = Duration::from_secs(2);
/// Divisor of the audio for the tolerated loss: one part in 33, or 3 %. Recognition suffers from
/// about there.
const MOST_LOST: u32 = 33;
/// The longest hole that counts as loss.
const LONGEST_LOSS: Duration = Duration::from_millis(200);
