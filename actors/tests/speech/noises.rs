//! What is no speech, made in code: coughs, music, faults of the line, keys, and the hum by which a
//! listener says that they are listening.

use std::f32::consts::PI;

use crate::random::Random;
use crate::sound::{Filter, RATE, mix, samples, scale};

/// A kind of sound that must not interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One to three coughs.
    Cough,
    /// Music: chords, a tune, drums.
    Music,
    /// Clicks, hum, buzz, bursts and steps of noise.
    Line,
    /// Keys.
    Keys,
    /// "Mhm": one or two hums with the mouth closed.
    Hum,
}

/// Every kind.
pub(crate) const KINDS: [Kind; 5] = [Kind::Cough, Kind::Music, Kind::Line, Kind::Keys, Kind::Hum];

impl Kind {
    /// One sound of this kind.
    pub(crate) fn sound(self, random: &mut Random) -> Vec<f32> {
        match self {
            Self::Cough => levelled(coughs(random), -26.0, -8.0, random),
            Self::Music => levelled(music(random), -32.0, -12.0, random),
            Self::Line => line(random),
            Self::Keys => levelled(keys(random), -24.0, -6.0, random),
            Self::Hum => levelled(hums(random), -38.0, -18.0, random),
        }
    }
}

fn levelled(mut sound: Vec<f32>, low: f32, high: f32, random: &mut Random) -> Vec<f32> {
    scale(&mut sound, random.between(low, high));
    sound
}

/// A tone of `hertz` with `partials`, each weaker by `fall`.
fn tone(length: usize, hertz: f32, partials: usize, fall: f32, vibrato: f32) -> Vec<f32> {
    let mut phase = 0.0;
    (0..length)
        .map(|at| {
            let sway = 1.0 + vibrato * (2.0 * PI * 5.5 * at as f32 / RATE).sin();
            phase += 2.0 * PI * hertz * sway / RATE;
            (1..=partials)
                .filter(|partial| hertz * (*partial as f32) < 3_600.0)
                .map(|partial| fall.powi(partial as i32 - 1) * (phase * partial as f32).sin())
                .sum()
        })
        .collect()
}

/// Rises within `attack` seconds, then falls to a third every `decay` seconds.
fn strike(sound: &mut [f32], attack: f32, decay: f32) {
    for (at, sample) in sound.iter_mut().enumerate() {
        let time = at as f32 / RATE;
        *sample *= (time / attack).min(1.0) * (-time / decay).exp();
    }
}

/// Pulses of the vocal cords at a pitch that glides from one value to another.
fn cords(length: usize, from: f32, to: f32, random: &mut Random) -> Vec<f32> {
    let (mut phase, mut tilt) = (0.0_f32, 0.0_f32);
    (0..length)
        .map(|at| {
            let pitch = from + (to - from) * at as f32 / length as f32;
            phase += pitch * random.between(0.99, 1.01) / RATE;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            tilt = 0.9 * tilt + pulse;
            tilt
        })
        .collect()
}

/// What a mouth of these resonances makes of `source`.
fn mouth(source: &[f32], resonances: &[(f32, f32, f32)]) -> Vec<f32> {
    let mut filters: Vec<(Filter, f32)> =
        resonances.iter().map(|(hertz, width, gain)| (Filter::band(*hertz, *width), *gain)).collect();
    source.iter().map(|sample| filters.iter_mut().map(|(filter, gain)| filter.pass(*sample) * *gain).sum()).collect()
}

fn coughs(random: &mut Random) -> Vec<f32> {
    let mut all = vec![0.0; samples(2.0)];
    let mut at = 0;
    for _ in 0..=random.below(3) {
        let length = samples(random.between(0.12, 0.35));
        let noise: Vec<f32> = (0..length).map(|_| random.noise()).collect();
        let low = random.between(400.0, 900.0);
        let mut burst = mouth(&noise, &[(low, 400.0, 1.0), (low * 2.2, 600.0, 0.8), (2_700.0, 900.0, 0.5)]);
        strike(&mut burst, random.between(0.003, 0.012), random.between(0.04, 0.11));
        mix(&mut all, &burst, at);
        if random.chance(40) {
            let voiced = samples(random.between(0.04, 0.1));
            let pitch = random.between(140.0, 320.0);
            let mut tail =
                mouth(&cords(voiced, pitch, pitch * 0.7, random), &[(low, 200.0, 6.0), (1_500.0, 300.0, 3.0)]);
            strike(&mut tail, 0.01, 0.05);
            mix(&mut all, &tail, at + length / 2);
        }
        at += length + samples(random.between(0.05, 0.25));
    }
    all
}

fn music(random: &mut Random) -> Vec<f32> {
    let mut all = vec![0.0; samples(4.0)];
    let beat = random.between(0.22, 0.6);
    let root = random.between(110.0, 240.0);
    let (partials, fall) = (1 + random.below(7), random.between(0.3, 0.75));
    let (drums, tune) = (random.chance(40), random.chance(60));
    let vibrato = if random.chance(30) { 0.006 } else { 0.0 };
    let mut at = 0;
    while at + samples(beat) < all.len() {
        let step = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0][random.below(6)];
        for interval in [0.0, 4.0, 7.0, 12.0] {
            let hertz = root * 2_f32.powf((step + interval) / 12.0);
            let mut note = tone(samples(beat * 1.5), hertz, partials, fall, 0.0);
            strike(&mut note, random.between(0.005, 0.06), beat);
            mix(&mut all, &note, at);
        }
        if tune {
            let hertz = root * 2_f32.powf((12.0 + [0.0, 2.0, 4.0, 7.0, 9.0, 11.0][random.below(6)]) / 12.0);
            let mut note = tone(samples(beat), hertz, partials, fall, vibrato);
            strike(&mut note, 0.02, beat);
            note.iter_mut().for_each(|sample| *sample *= 2.0);
            mix(&mut all, &note, at);
        }
        if drums {
            let mut hit: Vec<f32> = (0..samples(0.1)).map(|_| random.noise() * 1.5).collect();
            strike(&mut hit, 0.001, 0.025);
            mix(&mut all, &hit, at);
        }
        at += samples(beat);
    }
    all
}

fn line(random: &mut Random) -> Vec<f32> {
    let length = samples(3.0);
    match random.below(5) {
        0 => {
            let mut all = vec![0.0; length];
            for _ in 0..1 + random.below(25) {
                let mut click: Vec<f32> = (0..samples(0.01)).map(|_| random.noise()).collect();
                strike(&mut click, 0.000_2, random.between(0.000_5, 0.003));
                mix(&mut all, &click, random.below(length - 100));
            }
            levelled(all, -30.0, -12.0, random)
        }
        1 => {
            let mains = if random.chance(50) { 50.0 } else { 60.0 };
            levelled(tone(length, mains, 20, 0.85, 0.0), -45.0, -25.0, random)
        }
        2 => {
            // The pulses of a mobile phone's transmitter.
            let pulse = |at: usize| if (at as f32 * 217.0 / RATE).fract() < 0.15 { 1.0 } else { 0.0 };
            let gate = |at: usize| if (at / 1_200).is_multiple_of(3) { 0.0 } else { 1.0 };
            levelled((0..length).map(|at| pulse(at) * gate(at)).collect(), -40.0, -22.0, random)
        }
        3 => {
            let mut all = vec![0.0; length];
            for _ in 0..1 + random.below(4) {
                let mut filter = Filter::band(random.between(400.0, 2_500.0), random.between(300.0, 2_500.0));
                let burst: Vec<f32> =
                    (0..samples(random.between(0.08, 0.6))).map(|_| filter.pass(random.noise())).collect();
                mix(&mut all, &burst, random.below(length / 2));
            }
            levelled(all, -38.0, -18.0, random)
        }
        _ => {
            let start = random.below(length / 2);
            levelled(
                (0..length).map(|at| if at < start { 0.0 } else { random.noise() }).collect(),
                -48.0,
                -28.0,
                random,
            )
        }
    }
}

/// The frequencies of the keys' rows and columns.
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

fn keys(random: &mut Random) -> Vec<f32> {
    let mut all = vec![0.0; samples(3.0)];
    let mut at = 0;
    for _ in 0..1 + random.below(6) {
        let length = samples(random.between(0.06, 0.3));
        let (row, column) = (ROWS[random.below(4)], COLUMNS[random.below(4)]);
        let (off, twist) = (random.between(0.985, 1.015), random.between(0.6, 1.6));
        let both = |at: usize| {
            let time = 2.0 * PI * at as f32 / RATE;
            (time * row * off).sin() + twist * (time * column * off).sin()
        };
        let key: Vec<f32> = (0..length).map(both).collect();
        mix(&mut all, &key, at);
        at += length + samples(random.between(0.05, 0.2));
    }
    all
}

fn hums(random: &mut Random) -> Vec<f32> {
    let mut all = vec![0.0; samples(1.2)];
    let pitch = random.between(95.0, 260.0);
    let (nose, mut at) = (random.between(220.0, 320.0), 0);
    for _ in 0..=random.below(2) {
        let length = samples(random.between(0.12, 0.28));
        let glide = random.between(0.85, 1.25);
        let source = cords(length, pitch, pitch * glide, random);
        let resonances = [(nose, 90.0, 1.0), (1_050.0, 200.0, 0.06), (2_200.0, 300.0, 0.03)];
        let mut hum = mouth(&source, &resonances);
        let ends = samples(0.03).min(length / 2);
        for edge in 0..ends {
            let part = edge as f32 / ends as f32;
            hum[edge] *= part;
            hum[length - 1 - edge] *= part;
        }
        mix(&mut all, &hum, at);
        at += length + samples(random.between(0.03, 0.12));
    }
    all
}
